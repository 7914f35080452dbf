"""Players that need no model and say something sensible."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from .registry import Game
from .types import Ask, Message

_TAG = re.compile(r"<([a-z_]+)>.*?</\1>", re.DOTALL)
_FENCE = re.compile(r"```.*?```", re.DOTALL)


def sensible(game: Game, ask: Ask, view: Sequence[Message], rng: random.Random) -> str:
    """A listed choice at random; else what one of the game's own players says, or the prompt's example."""
    if ask.choices:
        return rng.choice(ask.choices)

    view = view[: len(view) - 2 * ask.retry]  # without failed tries and their reasons
    # sorted first: the draw must not depend on the order in which a game lists them
    for name in rng.sample(sorted(game.oracles), len(game.oracles)):
        said = game.oracles[name](ask.seat, tuple(view), ())
        # odds are over listed choices, and none are listed here
        if isinstance(said, str):
            return said
    return example("\n".join(message.text for message in view if message.speaker != "self"))


def example(prompt: str) -> str:
    """The last example of a reply's form in a prompt: its code and the first tag of each name, in order."""
    # games say "answer in this form:" before the example; what stands before it may quote other tags
    prompt = prompt.rpartition(" form")[2]
    tags: dict[str, re.Match[str]] = {}
    for match in _TAG.finditer(prompt):
        tags.setdefault(match[1], match)
    found = sorted([*tags.values(), *_FENCE.finditer(prompt)], key=lambda match: match.start())
    return "\n".join(match.group() for match in found) or "0"
