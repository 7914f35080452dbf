"""Critique and refine: a generator answers, a critic looks at it, the generator answers again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..parse import Illegal, line, tagged
from ..registry import game
from ..script import Script, ask, credit, note, randomness
from ..tasks.answers import said, same_answer
from ..tasks.chains import drawn
from ..types import Message

ANSWER = "{task}\nWhat is the result? Answer in this form: <answer>7</answer>"
CRITIC = """\
Task: {task} What is the result?
Answer given: {answer}
Is it right? If not, say in one line what is wrong. Answer in this form:
<verdict>wrong</verdict><critique>the second step gives 12</critique>"""
AGAIN = "A critic says: {verdict}. {critique}\nAnswer again, in the same form."


@dataclass(frozen=True, slots=True)
class Critique:
    """What the critic says of an answer."""

    right: bool
    text: str


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Answers 0 and then whatever number the critic names; the critic names the start."""
    numbers = re.findall(r"-?\d+", view[-1].text)
    if seat == "critic":
        return f"<verdict>wrong</verdict><critique>I get {numbers[0]}</critique>"
    again = any(message.speaker == "self" for message in view)
    return f"<answer>{numbers[-1] if again and numbers else 0}</answer>"


def critique(text: str) -> Critique:
    """A verdict and one line. Raises Unreadable or Illegal."""
    verdict = tagged(text, "verdict").casefold()
    if verdict not in ("right", "wrong"):
        raise Illegal(f"the verdict is right or wrong, not {verdict[:20]!r}")
    return Critique(
        verdict == "right", line(tagged(text, "critique")) if "<critique>" in text else ""
    )


@game(
    "critique-refine-v0",
    family="generator and critic",
    roles={"generator": 1, "critic": 1},
    max_turns=3,
    score="payoff",
    rated="crossed",
    payoff_range=(-1, 1),
    bounds={"steps": (1, 50)},
    oracles={"sample": sample},
)
def critique_refine(steps: int = 4) -> Script:
    """A generator answers, a critic says what is wrong, and the generator answers again.

    Moves: an answer; a verdict with a line of critique; an answer again. The task is a drawn calculation of
    `steps` steps, so right and wrong are known exactly.
    Payoff: generator 1 when its second answer is right, else 0; critic 1 when its critique turned wrong to
    right, −1 when it turned right to wrong, else 0. Credits: generator `right` on each turn; critic
    `verdict`, 1 when its verdict is true.
    Notes: proxy, the verdict; gold, whether the first answer was right; refined, the second.
    Sources: AutoMathCritique (Xi et al. 2024); RISE and SPOC, where one policy sits in both seats and the
    verdict's credit trains its self-check.
    """
    rng = yield from randomness()
    chain = drawn(rng, steps)
    gold = str(chain.results[-1])

    # `said` makes one line of the answer, since the critic's prompt quotes it.
    first = yield from ask("generator", ANSWER.format(task=chain.task), said)
    before = same_answer(first, gold)
    # Given before the second turn: a credit goes to the seat's latest turn.
    yield from credit("generator", float(before), "right")

    # The critic sees task and answer, not the truth: it has to work the chain out itself.
    found = yield from ask("critic", CRITIC.format(task=chain.task, answer=first), critique)
    # The verdict is credited apart from the payoff: a true one may still mend nothing.
    yield from credit("critic", float(found.right == before), "verdict")

    again = AGAIN.format(verdict="right" if found.right else "wrong", critique=found.text)
    second = yield from ask("generator", again, said)
    after = same_answer(second, gold)
    yield from credit("generator", float(after), "right")

    yield from note("proxy", found.right)
    yield from note("gold", before)
    yield from note("refined", after)
    # The critic earns the change, so it loses by talking a right answer into a wrong one.
    return {"generator": float(after), "critic": float(after - before)}
