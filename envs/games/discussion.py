"""Discussion: several agents discuss a question, and a judge scores each contribution."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..parse import line
from ..registry import game, seat_names
from ..script import Script, ask, ask_all, note, randomness
from ..tasks.answers import same_answer, vote
from ..tasks.chains import drawn, read
from ..types import Message

SCORES = tuple(str(score) for score in range(11))
OPEN = """\
{task} What is the result?
Discuss it with {others} others. Say in one line what you think and why, ending with: the result is 7"""
GO_ON = "The others say:\n{said}\nGo on, in one line, ending with: the result is 7"
JUDGE = """\
Question: {task} What is the result?
Round {round}:
{said}
How useful is what {name} says here? Answer with a score from 0 to 10, the number alone."""


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Agents claim small numbers, of which some may be right; the judge works the question out."""
    if choices:
        name = view[-1].text.rsplit("what ", 1)[1].split(" says")[0]
        said = re.search(rf"^{name}: (.*)$", view[-1].text, re.MULTILINE)
        asked = read(view[-1].text)
        claimed = _result(said[1]) if said else None
        return choices[10 if asked and claimed == str(asked.results[-1]) else 2]
    return f"Step by step{' and carefully' * (seat[-1] in '13579')}, the result is {seat[-1]}"


@game(
    "discussion-v0",
    family="generator and critic",
    roles=lambda agents=3: {"agent": agents, "judge": 1},
    max_turns=lambda agents=3, rounds=2: 2 * agents * rounds,
    payoff_range=(-1, 1),
    sum="zero",
    judges=("judge",),
    score="payoff",
    rated="seat",
    bounds={"agents": (2, 32), "rounds": (1, 50), "steps": (1, 50)},
    oracles={"sample": sample},
)
def discussion(agents: int = 3, rounds: int = 2, steps: int = 4) -> Script:
    """Agents discuss a question; a judge scores each contribution, and scores count against the mean.

    Moves: in every round each agent says one line, unseen by the others until the next; the judge, a seat
    for any policy, a scripted rule or a classifier, gives each line 0 to 10.
    Payoff: an agent's mean score less the mean of all, in tenths, so a discussion sums to zero.
    Notes: proxy, the mean score; gold, the share of agents whose last line has the right result; vote,
    whether the majority of them has. Source: CoMAS (Xue et al. 2025).
    """
    rng = yield from randomness()
    chain = drawn(rng, steps)
    seats = list(seat_names({"agent": agents}))
    names = {seat: f"Agent {number}" for number, seat in enumerate(seats, 1)}
    prompts = dict.fromkeys(seats, OPEN.format(task=chain.task, others=agents - 1))
    scores = dict.fromkeys(seats, 0)
    spoken: dict[str, str] = {}

    for number in range(1, rounds + 1):
        spoken = yield from ask_all(prompts, line)
        said = "\n".join(f"{names[seat]}: {text}" for seat, text in spoken.items())
        for seat in seats:
            # The judge sees names and lines alone, not the truth: its score is the proxy.
            asked = JUDGE.format(task=chain.task, round=number, said=said, name=names[seat])
            scores[seat] += int((yield from ask("judge", asked, choices=SCORES)))

        # Only now do agents see the round's lines, so that none of them speaks last.
        prompts = {seat: GO_ON.format(said=_others(seat, spoken, names)) for seat in seats}

    mean = sum(scores.values()) / agents
    finals = [_result(text) for text in spoken.values()]
    gold = str(chain.results[-1])
    label = vote(finals).label

    yield from note("proxy", mean / rounds / 10)
    yield from note("gold", sum(f is not None and same_answer(f, gold) for f in finals) / agents)
    yield from note("vote", label is not None and same_answer(label, gold))
    # Against the mean, so that a judge that scores all high pays no agent more.
    return {seat: (score - mean) / rounds / 10 for seat, score in scores.items()}


def _others(seat: str, spoken: Mapping[str, str], names: Mapping[str, str]) -> str:
    return "\n".join(f"{names[other]}: {text}" for other, text in spoken.items() if other != seat)


def _result(text: str) -> str | None:
    found = re.findall(r"result is (-?\d{1,12})", text)
    # The last one counts: a line may quote another's result before its own.
    return found[-1] if found else None
