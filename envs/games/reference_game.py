"""Reference game: a speaker describes one of several objects, a listener picks it."""

from __future__ import annotations

import itertools

from ..parse import Illegal, tagged
from ..registry import game
from ..script import Script, ask, note, randomness
from ..types import Message

FEATURES = (("small", "large"), ("red", "green", "blue"), ("square", "circle", "star"))
OBJECTS = tuple(map(" ".join, itertools.product(*FEATURES)))
SPEAK = """\
The objects:
{objects}
Describe the {target} to a listener who sees the same objects in another order. Use at most {words} words. \
Answer in this form: <say>the blue one</say>"""
PICK = """\
The objects:
{objects}
The speaker says: {said}
Which object is meant? Answer with its number alone."""


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Says the target's name; picks the object with most of its words in what was said."""
    lines = view[-1].text.splitlines()
    if seat == "speaker":
        return f"<say>{view[-1].text.split('Describe the ')[1].split(' to a')[0]}</say>"
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
    oracles={"sample": sample},
)
def reference_game(objects: int = 4, words: int = 4) -> Script:
    """A speaker describes one object of several; a listener, who sees them in another order, picks it.

    Moves: up to `words` words; the number of an object. Payoff: 1 to both when the right one is picked,
    else 0. Source: signalling games as in Lewis (1969); self-play after supervision as in Lowe et al. (2020).
    """
    rng = yield from randomness()
    shown = rng.sample(OBJECTS, objects)
    target = rng.choice(shown)
    prompt = SPEAK.format(objects="\n".join(f"- {name}" for name in shown), target=target, words=words)
    said = yield from ask("speaker", prompt, lambda text: short(tagged(text, "say"), words))
    rng.shuffle(shown)
    numbered = "\n".join(f"{number} {name}" for number, name in enumerate(shown, 1))
    numbers = [str(number) for number in range(1, objects + 1)]
    picked = yield from ask("listener", PICK.format(objects=numbered, said=said), choices=numbers)
    yield from note("words", len(said.split()))
    paid = float(shown[int(picked) - 1] == target)
    return {"speaker": paid, "listener": paid}


def short(text: str, words: int) -> str:
    """The text on one line. Raises Illegal when it has no words or too many."""
    said = text.split()
    if not 1 <= len(said) <= words or len(text) > 20 * words:
        raise Illegal(f"1 to {words} words were expected, {len(said)} came")
    return " ".join(said)
