"""Sneaky critic: one falsifies a step of a correct calculation, the other must find it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ..parse import Illegal, tagged
from ..registry import game
from ..script import Script, Steps, ask, note, randomness, verify
from ..tasks.chains import SIGNS, Chain, drawn
from ..tasks.gate import certain
from ..types import Job, Message, Value
from ..values import read

CHAIN = """\
def f(start, steps, falsified, result):
    values, value = [], start
    for number, (kind, operand) in enumerate(steps, 1):
        if kind == "add":
            value += operand
        elif kind == "subtract":
            value -= operand
        elif kind == "multiply by":
            value *= operand
        else:
            value //= operand
        if number == falsified:
            value = result
        values.append(value)
    return values
"""
SNEAK = """\
This calculation is right:
{chain}
Replace the result of one step by a false one. The later steps will be worked out again from it. You win \
if the last result changes too and the critic does not find your step. Or change nothing.
Answer with the step and its false result, in this form: <step>{example}</step><result>15</result>
or with <step>none</step>"""
CRITIC = """\
One step of this calculation may be wrong:
{chain}
Which step is the first wrong one? Answer with one of: {names}"""


@dataclass(frozen=True, slots=True)
class Lie:
    """A step, counted from 1, and the false result it is given; step 0 changes nothing."""

    step: int
    result: int


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Adds one to the last result; reads the steps again and finds the first that is wrong."""
    steps = re.findall(r"Step (\d+): .*: (-?\d+) (.) (\d+) = (-?\d+)", view[-1].text)
    if seat == "generator":
        return f"<step>{len(steps)}</step><result>{int(steps[-1][-1]) + 1}</result>"
    kinds = {sign: kind for kind, sign in SIGNS.items()}
    right = [
        Chain(int(a), ((kinds[sign], int(b)),)).results[0] == int(c) for _, a, sign, b, c in steps
    ]
    return "none" if all(right) else choices[1 + right.index(False)]


@game(
    "sneaky-critic-v0",
    family="generator and critic",
    roles={"generator": 1, "critic": 1},
    max_turns=2,
    payoff_range=(-1, 1),
    sum="zero",
    score="win",
    bounds={"steps": (1, 50)},
    oracles={"sample": sample},
)
def sneaky_critic(steps: int = 4) -> Script:
    """A sneaky generator falsifies one step of a verified calculation; a critic names the first wrong step.

    Moves: the generator names a step and a false result, or none; the critic names a step, or none.
    Execution works out the chain before and after: a lie that is no lie, or that leaves the last result as
    it was, loses without asking the critic. Payoff: the critic wins when it names exactly the falsified
    step (or none where there is none), else the generator.
    Source: SPC (Chen et al. 2025); here the chains are generated, so a lie is proven and not judged.
    """
    rng = yield from randomness()
    chain = drawn(rng, steps)
    # By execution and not by `chain.results`, so that lie and truth are worked out alike.
    true = yield from _results(chain, Lie(0, 0))
    sneak = SNEAK.format(chain=chain.shown(true), example=min(2, steps))
    lie = yield from ask("generator", sneak, _lie(steps))

    told = (yield from _results(chain, lie)) if lie.step else true
    # A lie that leaves the last result alone misleads no reader of it, so it earns
    # nothing.
    sound = not lie.step or (told[lie.step - 1] != true[lie.step - 1] and told[-1] != true[-1])
    yield from note("lie", lie.step if sound else -1)
    if not sound:
        return {"generator": -1, "critic": 1}

    names = ("none", *map(str, range(1, steps + 1)))
    # The critic is shown results alone: the steps after the lie follow from it and look
    # right.
    asked = CRITIC.format(chain=chain.shown(told), names=", ".join(names))
    named = yield from ask("critic", asked, choices=names)
    found = named == names[lie.step]
    return {"generator": -1, "critic": 1} if found else {"generator": 1, "critic": -1}


def _results(chain: Chain, lie: Lie) -> Steps[list[int]]:
    """The result of every step, from execution."""
    job = Job(CHAIN, "f", ((chain.start, list[Value](chain.steps), lie.step, lie.result),))
    (verdict,) = yield from verify(job)
    return cast(list[int], certain(verdict, 1)[0])


def _lie(steps: int) -> Callable[[str], Lie]:
    def parse(text: str) -> Lie:
        step = tagged(text, "step")
        if step.casefold() == "none":
            return Lie(0, 0)
        # Cut to nine digits, since int refuses very long texts by an error of its own.
        if not (step.isascii() and step.isdigit() and 1 <= int(step[:9]) <= steps):
            raise Illegal(f"the step must be none or a number from 1 to {steps}, not {step[:20]!r}")
        result = read(tagged(text, "result"), kilobytes=1)
        # By exact type: True is an int to isinstance.
        if type(result) is not int or abs(result) > 10**9:
            raise Illegal("the false result must be a whole number of at most nine digits")
        return Lie(int(step), result)

    return parse
