"""Critique and refine: a generator answers, a critic looks at it, the generator answers again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..parse import answered, has_tag, line, one_of, tagged
from ..registry import ParameterError, game
from ..script import Script, ask, credit, note, randomness
from ..tasks.answers import said, same_answer
from ..tasks.chains import drawn
from ..types import Message

ANSWER = "{task}\nWhat is the result? Answer in this form: <answer>7</answer>"
CRITIC = """\
Task: {task} What is the result?
Answer given: {answer}
Is it right? If not, say in one line what is wrong. Answer in this form:
<verdict>wrong</verdict><critique>the second step gives 12</critique>
or with <verdict>right</verdict>"""
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
    verdict = one_of(("right", "wrong"))(answered(text, "verdict"))
    told = line(tagged(text, "critique")) if has_tag(text, "critique") else ""
    return Critique(verdict == "right", told)


def _range(second: bool, stop: bool) -> tuple[float, float]:
    """The payoff range. Raises ParameterError for parameters that do not fit together."""
    if stop and not second:
        raise ParameterError("critique-refine-v0: stop=true needs second=true, not second=false")
    return (-1, 1)


@game(
    "critique-refine-v0",
    family="generator and critic",
    roles={"generator": 1, "critic": 1},
    max_turns=lambda second: 2 + second,
    score="payoff",
    rated="crossed",
    payoff_range=_range,
    bounds={"steps": (1, 50)},
    oracles={"sample": sample},
)
def critique_refine(steps: int = 4, second: bool = True, stop: bool = False) -> Script:
    """A generator answers, a critic says what is wrong, and the generator answers again.

    Moves: an answer; a verdict with a line of critique; an answer again. The task is a drawn calculation of
    `steps` steps, so right and wrong are known exactly. With `stop` an answer that the critic calls right
    stands, and without `second` every answer does.
    Payoff: generator 1 when its last answer is right, else 0; critic 1 when its critique turned wrong to
    right, −1 when it turned right to wrong, else 0 (without `second`: 1 for a true verdict).
    Credits: generator `right` on each turn; critic `verdict`, 1 when its verdict is true.
    Notes: proxy and verdict, the verdict; gold, whether the first answer was right; refined, the last.
    Sources: AutoMathCritique (Xi et al. 2024); RISE (Liu et al. 2025; no second answer) and SPOC (Zhao et al.
    2025; stop), where one policy sits in both seats and the verdict's credit trains its self-check.
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

    yield from note("proxy", found.right)
    yield from note("verdict", found.right)
    yield from note("gold", before)
    if not second:
        return {"generator": float(before), "critic": float(found.right == before)}

    # an answer that is called right stands, where that is asked for
    after = before
    if not (stop and found.right):
        again = AGAIN.format(verdict="right" if found.right else "wrong", critique=found.text)
        after = same_answer((yield from ask("generator", again, said)), gold)
        yield from credit("generator", float(after), "right")
    yield from note("refined", after)
    # The critic earns the change, so it loses by talking a right answer into a wrong one.
    return {"generator": float(after), "critic": float(after - before)}
