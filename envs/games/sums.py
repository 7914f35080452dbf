"""Sums: several attempts at one of a fixed set of problems, paid by the key, by their vote, or by a judge."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from ..registry import ParameterError, game, seat_names
from ..script import Script, Steps, ask_all, chance, note
from ..tasks.sums import LEVELS, MOST, PARTS, Problem, check_name, majority, problems
from ..types import Message

ID = "sums-v0"
LABELS = ("gold", "majority", "pooled", "swapped", "judge")
VERDICTS = ("right", "wrong")


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Answers right in the even seats and one too much in the odd ones; judges by the key."""
    a, _, b, _, modulus, *answer = view[-1].text.split(":")[0].rstrip("?").split()
    key = (int(a) + int(b)) % int(modulus)
    if choices == VERDICTS:
        return choices[int(answer[1]) != key]
    return str((key + (seat[-1] in "13579")) % int(modulus))


def _range(
    attempts: int, level: int, label: str, wordings: int, part: str, item: int
) -> tuple[float, float]:
    """The payoff range. Raises ParameterError for parameters that do not fit together."""
    check_name(ID, "label", label, LABELS)
    check_name(ID, "part", part, PARTS)

    # swapped pays one wording's solvers by the other's vote: both must have solvers
    if label == "swapped" and not wordings == 2 <= attempts:
        raise ParameterError(
            f"{ID}: label 'swapped' needs wordings=2 and attempts of 2 or more, "
            f"not wordings={wordings} and attempts={attempts}"
        )

    # low levels have fewer problems than the bounds of item allow
    if item >= len(problems(level, part)):
        most = len(problems(level, part)) - 1
        raise ParameterError(
            f"{ID}: item must be from 0 to {most} at level {level}, or -1 for all, not {item}"
        )
    return (0.0, 1.0)


@game(
    ID,
    family="laboratory",
    roles=lambda attempts, label: {
        "solver": attempts,
        **({"judge": attempts} if label == "judge" else {}),
    },
    max_turns=lambda attempts, label: attempts * (2 if label == "judge" else 1),
    payoff_range=_range,
    judges=("judge",),
    simultaneous=lambda label: label != "judge",  # a judge answers after the solvers
    rules="Sums modulo a number, as in 3 + 6 mod 8 = 1. Answer with one number or one word.",
    bounds={"attempts": (1, 64), "level": LEVELS, "wordings": (1, 2), "item": (-1, MOST - 1)},
    items=lambda level, part: len(problems(level, part)),
    oracles={"sample": sample},
)
def sums(
    attempts: int = 8,
    level: int = 8,
    label: str = "gold",
    wordings: int = 1,
    part: str = "train",
    item: int = -1,
) -> Script:
    """Solvers answer one sum of a fixed set; what is right says the key, their vote, or a judge.

    Moves: each solver's answer, from 0 to m − 1 where m = 4 · `level`. Problems are at most 100 a `part`
    (train or held-out); `item` is the number of one that is asked alone. With two `wordings` the attempts
    see a + b and b + a by turns. Payoff: solver 1 when it gives the label, else 0.
    `label`: gold, the key; majority, the vote on the solver's own wording; pooled, the vote on both;
    swapped, the vote on the other wording (Co-Reward); judge, a seat for each attempt says right or wrong.
    Notes: proxy, the solvers' mean pay; gold, their mean by the key; label and label_right, of a vote.
    Sources: TTRL, Co-Reward, Self Rewarding Self Improving (all 2025), ReST-EM (2023), NSR (2025); there on
    written mathematics, here every answer is listed, so accuracy and pass@k are exact.
    """
    solvers = list(seat_names({"solver": attempts}))
    known = problems(level, part)
    problem = known[item if item >= 0 else (yield from chance((1,) * len(known)))]

    # which wording comes first is drawn, so that one attempt alone meets both of them
    first = yield from chance((1,) * wordings)
    shown = {seat: problem.shown((first + i) % wordings) for i, seat in enumerate(solvers)}
    asked = {seat: f"{text}?" for seat, text in shown.items()}
    # one try and a fall-back: an unreadable answer is a wrong one and ends no game
    answers = yield from ask_all(asked, choices=problem.choices, tries=1, otherwise="")

    if label == "judge":
        paid = yield from _judged(shown, answers)
        yield from note("verdict", fmean(paid.values()))
    else:
        labels = yield from _labels(problem, label, wordings, answers)
        paid = {seat: float(answers[seat] == labels[seat]) for seat in solvers}
    yield from note("proxy", fmean(paid.values()))
    # noted whatever is paid: proxy less gold is what a label without a key costs
    yield from note("gold", fmean(answer == problem.key for answer in answers.values()))
    return paid


def _labels(
    problem: Problem, label: str, wordings: int, answers: Mapping[str, str]
) -> Steps[dict[str, str | None]]:
    """The answer that each solver is paid for; None where no one voted."""
    if label == "gold":
        return dict.fromkeys(answers, problem.key)

    # seats see the wordings by turns, so every other seat sees the same one
    seats, apart = list(answers), 1 if label == "pooled" else wordings
    halves = [seats[i::apart] for i in range(apart)]
    votes = [majority([answers[seat] for seat in half]) for half in halves]

    # noted before the swap: the first label is the vote of the first solver's own half
    yield from note("label", votes[0])
    yield from note("label_right", fmean(vote == problem.key for vote in votes))
    if label == "swapped":
        votes.reverse()
    return {seat: votes[i % apart] for i, seat in enumerate(seats)}


def _judged(shown: Mapping[str, str], answers: Mapping[str, str]) -> Steps[dict[str, float]]:
    """1 where the judge of the attempt says right. An attempt without an answer is not judged."""
    judged = {
        seat.replace("solver", "judge"): f"{shown[seat]} = {answer}: right or wrong?"
        for seat, answer in answers.items()
        if answer
    }
    said = yield from ask_all(judged, choices=VERDICTS)
    return {seat: float(said.get(seat.replace("solver", "judge")) == "right") for seat in answers}
