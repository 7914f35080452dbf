"""Players that need no model and say something sensible."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from .parse import first_tags
from .registry import Game
from .types import Ask, Message

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
    fences = [(match.start(), match.group()) for match in _FENCE.finditer(prompt)]
    found = sorted([*first_tags(prompt).values(), *fences])
    return "\n".join(text for _, text in found) or "0"
