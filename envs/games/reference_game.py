"""Reference game: a speaker describes one of several objects, a listener picks it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from ..parse import Illegal, answered
from ..registry import game
from ..script import Script, ask, note, randomness
from ..types import Message

FEATURES = (("small", "large"), ("red", "green", "blue"), ("square", "circle", "star"))
OBJECTS = tuple(map(" ".join, itertools.product(*FEATURES)))
SPEAK = """\
The objects:
{objects}
Describe the {target} to a listener who sees the same objects in another order. Use at most {words} words. \
Answer in this form: <say>{example}</say>"""
PICK = """\
The objects:
{objects}
The speaker says: {said}
Which object is meant? Answer with its number alone."""


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Says the fewest features that only the target has; picks what has most of the words that were said."""
    lines = view[-1].text.splitlines()
    if seat == "speaker":
        target, most = re.findall(r"Describe the (.*?) to a .* at most (\d+) words", view[-1].text)[
            0
        ]
        shown = [line[2:] for line in lines if line.startswith("- ")]
        return f"<say>{telling(target, shown, int(most)) or target.split()[0]}</say>"
    said = lines[-2].split()
    fits = [sum(word in said for word in line.split()[1:]) for line in lines[1:-2]]
    return choices[fits.index(max(fits))]


@game(
    "reference-game-v0",
    family="between equals",
    roles={"speaker": 1, "listener": 1},
    max_turns=2,
    payoff_range=(0, 1),
    sum="common",
    score="payoff",
    bounds={"objects": (2, 12), "words": (1, 20)},
    oracles={"sample": sample},
)
def reference_game(objects: int = 4, words: int = 2) -> Script:
    """A speaker describes one object of several; a listener, who sees them in another order, picks it.

    Moves: up to `words` words, by default fewer than an object's name has, so that what tells it from the
    others must be chosen; the number of an object. The target is one that so many words can tell apart, if
    there is one. Payoff: 1 to both when the right one is picked, else 0.
    Source: signalling games as in Lewis (1969); self-play after supervision as in Lowe et al. (2020).
    """
    rng = yield from randomness()
    shown = rng.sample(OBJECTS, objects)
    # An object that so few words cannot tell apart would leave the listener to luck.
    target = rng.choice([name for name in shown if telling(name, shown, words)] or shown)

    prompt = SPEAK.format(
        objects="\n".join(f"- {name}" for name in shown),
        target=target,
        words=words,
        example="blue one" if words > 1 else "blue",
    )
    said = yield from ask("speaker", prompt, lambda text: short(answered(text, "say"), words))

    # Shuffled, so that the position of an object tells the listener nothing.
    rng.shuffle(shown)
    numbered = "\n".join(f"{number} {name}" for number, name in enumerate(shown, 1))
    numbers = [str(number) for number in range(1, objects + 1)]
    picked = yield from ask("listener", PICK.format(objects=numbered, said=said), choices=numbers)

    yield from note("words", len(said.split()))
    paid = float(shown[int(picked) - 1] == target)
    # Common interest: both are paid alike, so nothing is gained by misleading.
    return {"speaker": paid, "listener": paid}


def telling(name: str, shown: Sequence[str], words: int) -> str:
    """The fewest features that only this object has, if at most `words` are enough, else ""."""
    for count in range(1, words + 1):
        for some in itertools.combinations(name.split(), count):
            if sum(set(some) <= set(other.split()) for other in shown) == 1:
                return " ".join(some)
    return ""


def short(text: str, words: int) -> str:
    """The text on one line. Raises Illegal when it has no words or too many."""
    said = text.split()
    # Characters are limited too, since words joined by dashes count as one.
    if not 1 <= len(said) <= words or len(text) > 20 * words:
        raise Illegal(f"1 to {words} words were expected, {len(said)} came")
    return " ".join(said)
