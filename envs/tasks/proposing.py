"""What proposer games share: taking a proposal through the gate, running what solvers gave, and paying."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ..script import STALE, Payoff, Steps, ask, chance, keep, note, recall, verify
from ..types import Job, Value
from .gate import PROPOSAL_LIMITS, attempted, gate, right, trial
from .pay import proposer_reward
from .programs import Program, fenced, sources
from .shapes import near_copy, shape

IDENTITY: Value = {"source": "def f(x):\n    return x", "input": ("hello",), "solve_rate": 1.0}
"""The only task that a buffer of programs starts from (Absolute Zero)."""


@dataclass(frozen=True, slots=True)
class Task:
    """An admitted proposal: what was written, and the value that execution gave for each input.

    A `known` task was not proposed in this game: it comes from the buffer. A task that is not `new` is not
    kept: it is the prompt's own example, or is not to be measured again.
    """

    program: Program
    values: tuple[Value, ...]
    known: bool = False
    new: bool = True


def propose(
    kind: str,
    task: str,
    example: str,
    parse: Callable[[str], Program],
    *,
    references: int,
    seeds: Sequence[Value] = (IDENTITY,),
    entry: str = "f",
    expected: Sequence[Value] | None = None,
    review: float = 0.0,
    tasks: str = "proposed",
) -> Steps[Task | None]:
    """Ask the seat `proposer` for a program with inputs, and let it through the gate, or return None.

    The prompt is `task`, up to `references` programs of this kind, and `example` as the form of a
    reply. No program that was kept may be copied; the example may, and is not kept. Notes `gate`:
    admitted, or the reason. With probability `review` the proposer is not asked: the task whose
    solve rate was measured longest ago comes back, if the driver's buffer has one. With `tasks="shelf"` no
    one ever proposes: any kept task, or a seed, is attempted, and its solve rate stays as it is.
    """
    if tasks == "shelf":
        return (yield from shelved(kind, seeds, entry, expected))

    # Without review no chance move is made, so the game's tree has no branch of
    # probability 0.
    if review and (yield from chance((1 - review, review))):
        stale = yield from _reviewed(kind, entry, expected)
        # With nothing to review the proposer is asked after all.
        if stale:
            return stale

    # A small model copies the example: it must not read there what it is told not to copy.
    given = parse(example).source
    recalled = sources((yield from recall(kind, references, seeds)))
    known = [source for source in recalled if not near_copy(source, [given])]
    listed = "".join(f"\n{fenced(source)}" for source in known)
    warned = f" Do not copy these:{listed}" if known else ""
    prompt = f"{task}{warned}\nAnswer in this form:\n{example}"

    # A reply that cannot be read is an empty program, which the gate calls unreadable.
    program = yield from ask("proposer", prompt, parse, tries=1, otherwise=Program(""))
    # The whole buffer is asked for copies, since `known` holds only the few that were
    # recalled.
    new = shape(program.source) != shape(given)
    copied = sources((yield from recall(kind, 1, like={"source": program.source}))) if new else []
    ruling = yield from gate(
        program.source, program.inputs, entry=entry, buffer=[*known, *copied], expected=expected
    )
    yield from note("gate", ruling.reason or "admitted")
    return Task(program, ruling.values, new=new) if ruling.admitted else None


def shelved(
    kind: str, seeds: Sequence[Value], entry: str = "f", expected: Sequence[Value] | None = None
) -> Steps[Task | None]:
    """A kept task of this kind, run again for its values; None where it cannot be run."""
    for item in (yield from recall(kind, 1, seeds)):
        program = program_of(item)
        ruling = yield from gate(program.source, program.inputs, entry=entry, expected=expected)
        yield from note("gate", ruling.reason or "admitted")
        if ruling.admitted:
            # One attempt or two would be a poor measure: the rate of its first measurement stays.
            return Task(program, ruling.values, known=True, new=False)
    return None


def _reviewed(kind: str, entry: str, expected: Sequence[Value] | None) -> Steps[Task | None]:
    """The stalest task of the buffer, run again for its values; None where there is none."""
    # The gate runs it again for its values alone: no buffer is given, or it would copy
    # itself.
    for item in (yield from recall(STALE + kind, 1)):
        program = program_of(item)
        ruling = yield from gate(program.source, program.inputs, entry=entry, expected=expected)
        yield from note("reviewed", ruling.admitted)
        if ruling.admitted:
            return Task(program, ruling.values, known=True)
    return None


def program_of(item: Value) -> Program:
    """A kept task as its program: what `settle` was given, with `input` or `inputs`."""
    assert isinstance(item, dict), "buffers give back what was kept"
    inputs = item["inputs"] if "inputs" in item else (item["input"],)
    given = cast(tuple[tuple[Value, ...], ...], inputs)
    return Program(str(item["source"]), given, str(item.get("message", "")))


def refused(solvers: Sequence[str], proposer: str = "proposer") -> Payoff:
    """The payoff when the gate refuses: −1 for the proposer, 0 for the solvers, who were not asked."""
    return {proposer: -1.0, **dict.fromkeys(solvers, 0.0)}


def judged(
    attempts: Mapping[str, Program | None], *expected: Value, entry: str = "f"
) -> Steps[dict[str, float]]:
    """Run what solvers gave and pay them: 1 for the values expected, −0.5 for others, −1 for None.

    Each runs in processes of its own, twice, with other hash seeds.
    """
    # Seats without a program keep the −1 that all start from.
    given = {seat: attempt for seat, attempt in attempts.items() if attempt is not None}
    jobs = [
        Job(a.source, entry, a.inputs, repeat=2, limits=PROPOSAL_LIMITS) for a in given.values()
    ]
    verdicts = yield from verify(*jobs)

    paid = dict.fromkeys(attempts, -1.0)
    for seat, verdict in zip(given, verdicts, strict=True):
        paid[seat] = 1.0 if right(verdict, *expected) else -0.5
    return paid


def tried(
    source: str,
    answers: Mapping[str, tuple[Value, ...] | None],
    expected: Value,
    *,
    entry: str = "f",
) -> Steps[dict[str, float] | None]:
    """Run an admitted program on what solvers gave it, and pay them as `judged` does.

    It is run as the gate ran it, in the same form, so that it cannot tell the one from the other. None when
    it changed its mind, noted as `withdrawn`: what is paid then is `withdrawn`.
    """
    given = {seat: x for seat, x in answers.items() if x is not None}
    jobs = [job for x in given.values() for job in trial(source, (x,), entry=entry)]
    verdicts = yield from verify(*jobs)

    paid = dict.fromkeys(answers, -1.0)
    # Each trial is two jobs, here and elsewhere, so the verdicts alternate.
    for seat, here, there in zip(given, verdicts[::2], verdicts[1::2], strict=True):
        found = attempted(here, there, expected)
        # One solver's input suffices: no pay of this game rests on a program that can
        # change its mind.
        if found is None:
            yield from note("withdrawn", True)
            return None
        paid[seat] = 1.0 if found else -0.5
    return paid


def withdrawn(solvers: Sequence[str], known: bool = False) -> Payoff:
    """The payoff when an admitted program changed its mind: as for one that the gate refuses.

    Nobody is paid for a `known` task, whose proposer is not in this game.
    """
    return dict.fromkeys(("proposer", *solvers), 0.0) if known else refused(solvers)


def settle(
    kind: str,
    item: Mapping[str, Value],
    paid: Mapping[str, float],
    reward: str,
    *,
    known: bool = False,
    new: bool = True,
    proposer: str = "proposer",
) -> Steps[Payoff]:
    """Pay the proposer for the share of solvers that were paid 1, note that share and keep the task.

    A `known` task has no proposer to pay: only its solve rate is measured again. One that is not
    `new` is not kept.
    """
    # Solvers are paid exactly 1 only for what is right; −0.5 and −1 are both failures.
    rate = sum(amount == 1 for amount in paid.values()) / len(paid)
    yield from note("solve_rate", rate)

    if new:
        yield from keep(kind, cast(Value, {**item, "solve_rate": rate}))
    return {proposer: 0.0 if known else proposer_reward(reward)(rate), **paid}
