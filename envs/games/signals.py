"""Signals: a speaker says one word about an object, a listener picks the object."""

from __future__ import annotations

from collections.abc import Sequence

from ..registry import game
from ..script import Script, ask, chance, note
from ..types import Message

_NAMES = [
    "sun",
    "moon",
    "tree",
    "rock",
    "bird",
    "fish",
    "fire",
    "rain",
    "leaf",
    "snow",
    "wolf",
    "hand",
]
_WORDS = ["zu", "mo", "ka", "ri", "fe", "lo", "ta", "be", "nu", "vi", "go", "pe"]
LANGUAGE = dict(zip(_NAMES, _WORDS, strict=True))
"""What the objects are called in the language that is to be learnt; nothing in a word tells its object."""


def sample(seat: str, view: Sequence[Message], choices: Sequence[str]) -> str:
    """Speaks and understands the language."""
    said = view[-1].text.rstrip("?")
    if seat == "speaker":
        return LANGUAGE[said]
    return next(name for name, word in LANGUAGE.items() if word == said)


@game(
    "signals-v0",
    family="laboratory",
    roles={"speaker": 1, "listener": 1},
    max_turns=2,
    payoff_range=(0, 1),
    sum="common",
    score="payoff",
    rules="The speaker says a word about an object, the listener picks the object. Answer with one word.",
    bounds={"objects": (2, len(LANGUAGE))},
    oracles={"sample": sample},
)
def signals(objects: int = 8) -> Script:
    """A speaker says one of n words about one of n objects; a listener who hears the word picks the object.

    Moves: a word of a language that has n = `objects` words; an object. Payoff: 1 to both when the right one
    is picked, else 0. Any code of one word an object is an equilibrium that pays 1: n! of them.
    Notes: gold, whether the right one was picked; spoken, whether the word was the language's; heard, whether
    the listener picked what the word means there.
    Source: signalling games as in Lewis (1969); self-play and supervision as in S2P (Lowe et al. 2020), there
    with learnt descriptions of several words and of images.
    """
    names = list(LANGUAGE)[:objects]
    words = sorted(LANGUAGE[name] for name in names)
    target = names[(yield from chance((1,) * objects))]
    said = yield from ask("speaker", f"{target}?", choices=words)
    picked = yield from ask("listener", f"{said}?", choices=names)

    paid = float(picked == target)
    yield from note("gold", paid)
    # a code of their own is understood as well, so both halves are told apart from success
    yield from note("spoken", float(said == LANGUAGE[target]))
    yield from note("heard", float(said == LANGUAGE[picked]))
    return {"speaker": paid, "listener": paid}
