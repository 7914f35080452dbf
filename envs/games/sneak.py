"""Sneak: one falsifies a step of a short calculation with digits, the other must find it."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache

from ..registry import game
from ..script import Script, ask, chance, note
from ..types import Message

CHAINS = 16
Step = tuple[str, int]


def results(start: int, steps: Sequence[Step], lie: int = 0, false: int = 0) -> list[int]:
    """The digit after every step, where step number `lie` (0: none) is given a false one."""
    found = [start]
    for number, (sign, operand) in enumerate(steps, 1):
        value = found[-1] + operand if sign == "+" else found[-1] * operand
        # Later steps go on from the false digit, so they look right by themselves.
        found.append(false if number == lie else value % 10)
    return found[1:]


@cache
def chains(steps: int) -> tuple[tuple[int, tuple[Step, ...]], ...]:
    """The calculations of this length, always the same ones: a start and what is done to it."""
    rng = random.Random(f"sneak/{steps}")
    return tuple(
        (rng.randrange(10), tuple((rng.choice("+*"), rng.randint(2, 9)) for _ in range(steps)))
        for _ in range(CHAINS)
    )


def shown(start: int, steps: Sequence[Step], digits: Sequence[int]) -> str:
    """The calculation with these results, like `3, + 4 = 7, * 2 = 4`."""
    told = [f"{sign} {n} = {digit}" for (sign, n), digit in zip(steps, digits, strict=True)]
    return ", ".join([str(start), *told])


def perfect(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> Sequence[float]:
    """Works every step out again and names the first wrong one; as the generator, tells any lie."""
    if seat == "generator":
        return (1 / len(choices),) * len(choices)
    text = view[-1].text
    steps = [(sign, int(n)) for sign, n in re.findall(r"([+*]) (\d)", text)]
    before = int(text[0])
    for number, (step, digit) in enumerate(zip(steps, re.findall(r"= (\d)", text), strict=True), 1):
        # Each step is worked out from the digit shown before it, so only the falsified
        # one stands out.
        if results(before, [step]) != [int(digit)]:
            return [float(choice == str(number)) for choice in choices]
        before = int(digit)
    return [float(choice == "none") for choice in choices]


@game(
    "sneak-v0",
    family="laboratory",
    roles={"generator": 1, "critic": 1},
    max_turns=2,
    payoff_range=(-1, 1),
    sum="zero",
    score="win",
    rules="Digits modulo 10. The generator replaces the result of one step, as in 2=7, or none; later steps "
    "follow from it. The critic names the first wrong step, or none.",
    bounds={"steps": (1, 6)},
    oracles={"perfect": perfect},
)
def sneak(steps: int = 3) -> Script:
    """A sneaky generator falsifies one step of a calculation with digits; a critic names it.

    Moves: the generator gives a step a digit, as in 2=7, or changes none; the critic names a step, or none.
    The calculation is one of 16, of `steps` additions and multiplications modulo 10. A lie that is no lie,
    or that leaves the last digit as it was, loses without asking the critic. Payoff: the critic wins when
    it names exactly the falsified step (or none where there is none), else the generator. A perfect critic
    always wins.
    Notes: lie, the step, or −1 where it was no lie; gold, whether the critic was right.
    Source: SPC (Chen et al. 2025), as sneaky-critic; here every lie is listed, so that the critic's worst
    case is exact.
    """
    start, task = chains(steps)[(yield from chance((1,) * CHAINS))]
    true = results(start, task)
    lies = [f"{i}={d}" for i in range(1, steps + 1) for d in range(10)]
    said = yield from ask("generator", shown(start, task, true), choices=("none", *lies))

    lie, false = map(int, said.split("=")) if said != "none" else (0, 0)
    told = results(start, task, lie, false)
    # A lie that leaves the last digit as it was falsifies no result, so it earns nothing.
    sound = not lie or (told[lie - 1] != true[lie - 1] and told[-1] != true[-1])
    yield from note("lie", lie if sound else -1)
    if not sound:
        return {"generator": -1, "critic": 1}

    names = ("none", *map(str, range(1, steps + 1)))
    # `names` starts with none, so that step 0, no lie, is answered by none.
    found = (yield from ask("critic", shown(start, task, told), choices=names)) == names[lie]
    yield from note("gold", found)
    return {"generator": -1, "critic": 1} if found else {"generator": 1, "critic": -1}
