"""Sums check: a sum, one's own verdict on the answer, and a second answer."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from ..registry import ParameterError, game, seat_names
from ..script import Script, ask_all, chance, credit, note
from ..tasks.sums import LEVELS, PARTS, check_name, majority, problems
from ..types import Message

ID = "sums-check-v0"
VERDICTS = ("right", "wrong")


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Answers one too much, says that it is wrong, and mends it."""
    a, _, b, _, modulus = view[1].text.rstrip("?").split()
    again = any(message.speaker == "self" for message in view)
    return "wrong" if choices == VERDICTS else str((int(a) + int(b) + (not again)) % int(modulus))


def _range(verdict: bool, second: bool, stop: bool, part: str) -> tuple[float, float]:
    """The payoff range. Raises ParameterError for parameters that do not fit together."""
    check_name(ID, "part", part, PARTS)
    if stop and not (verdict and second):
        raise ParameterError(
            f"{ID}: stop=true needs verdict=true and second=true, "
            f"not verdict={str(verdict).lower()} and second={str(second).lower()}"
        )
    return (0.0, 1.0)


@game(
    ID,
    family="laboratory",
    roles=lambda agents: {"solver": agents},
    max_turns=lambda verdict, second, agents: agents * (1 + verdict + second),
    payoff_range=_range,
    sum=lambda agents: "common" if agents == 1 else "general",
    score="payoff",
    rules="Sums modulo a number, as in 3 + 6 mod 8 = 1. Answer with one number or one word.",
    bounds={"level": LEVELS, "alpha": (0, 1000), "agents": (1, 8)},
    oracles={"sample": sample},
)
def sums_check(
    level: int = 3,
    verdict: bool = True,
    second: bool = True,
    stop: bool = False,
    alpha: float = 10.0,
    agents: int = 1,
    part: str = "train",
) -> Script:
    """One answers a sum, says whether the answer is right, and may answer again.

    Moves: an answer from 0 to 4 · `level` − 1; with `verdict` right or wrong; with `second` another answer,
    which with `stop` is only asked for after the verdict wrong. Several `agents` answer the same sum, and
    each sees the others' first answers before its second. r is 1 for the right answer, else 0.
    Payoff: r of the last answer. Credits: `right`, r of each answer; `verdict`, 1 for a true verdict;
    `correction`, α(r₂ − r₁). Notes, means over the agents: right, r by answer (an answer that stands counts
    twice); proxy and verdict, the verdict; gold, r₁; refined, r₂; wrong_to_right, right_to_wrong; vote_right,
    whether the last answers' majority is right.
    Sources: RISE (verdict alone), SCoRe (second alone), SPOC (both, with stop), Multiagent Finetuning
    (several agents; all 2024–2025). There turns are parts of long replies, here each is a move of its own.
    """
    seats = list(seat_names({"solver": agents}))
    known = problems(level, part)
    problem = known[(yield from chance((1,) * len(known)))]
    asked = dict.fromkeys(seats, f"{problem.shown()}?")
    first = yield from ask_all(asked, choices=problem.choices)
    before = {seat: float(said == problem.key) for seat, said in first.items()}
    for seat in seats:
        # a credit goes to the seat's latest turn, so it is given before the verdict is
        # asked for
        yield from credit(seat, before[seat], "right")
    yield from note("gold", fmean(before.values()))

    # who calls its own answer right lets it stand, where that is asked for
    going = seats
    if verdict:
        said = yield from ask_all(dict.fromkeys(seats, "right or wrong?"), choices=VERDICTS)
        for seat in seats:
            # a true verdict on a wrong answer earns as much as one on a right answer
            yield from credit(seat, float((said[seat] == "right") == before[seat]), "verdict")
        own = fmean(found == "right" for found in said.values())
        yield from note("proxy", own)
        yield from note("verdict", own)
        going = [seat for seat in seats if not (stop and said[seat] == "right")]
    if not second:
        yield from note("right", [fmean(before.values())])
        return before

    # the others' first answers are shown, the verdicts on them are not
    again = {seat: _again(seat, first) for seat in going}
    # a seat that was not asked again keeps its first answer
    last = {**first, **(yield from ask_all(again, choices=problem.choices))}
    after = {seat: float(answer == problem.key) for seat, answer in last.items()}
    for seat in going:
        yield from credit(seat, after[seat], "right")
        # SCoRe's bonus: it fines a right answer made wrong as much as it pays a wrong one
        # mended
        yield from credit(seat, alpha * (after[seat] - before[seat]), "correction")

    changes = [after[seat] - before[seat] for seat in seats]
    yield from note("right", [fmean(before.values()), fmean(after.values())])
    yield from note("refined", fmean(after.values()))
    yield from note("wrong_to_right", fmean(change > 0 for change in changes))
    yield from note("right_to_wrong", fmean(change < 0 for change in changes))
    yield from note("vote_right", float(majority(list(last.values())) == problem.key))
    # the payoff is the last answer's alone; progress is paid by credits, which stay apart
    return after


def _again(seat: str, first: Mapping[str, str]) -> str:
    others = [answer for other, answer in first.items() if other != seat]
    return f"others say {', '.join(others)}; again?" if others else "again?"
