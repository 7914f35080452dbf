"""A space of any text: gymnasium's `Text` knows no any-unicode charset and refuses the empty text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium

from .types import Message

SURROGATES = range(0xD800, 0xE000)


class AnyText(gymnasium.Space[str]):
    """Every str. Samples are up to `length` characters, some of them rare."""

    def __init__(self, length: int = 20, seed: int | None = None) -> None:
        super().__init__(shape=None, dtype=None, seed=seed)
        self.length = length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A random text; a mask has no meaning here and is ignored."""
        rng = self.np_random
        # mostly printable, now and then any code point, so that tests meet what models say
        codes = [
            int(rng.integers(32, 127)) if rng.random() < 0.9 else int(rng.integers(0, 0x110000))
            for _ in range(int(rng.integers(0, self.length + 1)))
        ]
        # a lone surrogate is no text: it cannot be written as UTF-8
        return "".join(chr(code) for code in codes if code not in SURROGATES)

    def contains(self, x: Any) -> bool:
        return isinstance(x, str)

    @property
    def is_np_flattenable(self) -> bool:
        # texts have no fixed length, so nothing may flatten them into an array
        return False

    def __eq__(self, other: object) -> bool:
        # `length` shapes samples alone: every such space contains the same texts
        return isinstance(other, AnyText)

    def __hash__(self) -> int:
        return hash(AnyText)

    def __repr__(self) -> str:
        return "AnyText()"


def observation_space() -> gymnasium.spaces.Dict:
    """What a seat observes: {"text": its view}. A bare text space would make PettingZoo's api_test crash."""
    return gymnasium.spaces.Dict({"text": AnyText()})


def observation(view: Sequence[Message]) -> dict[str, str]:
    """A view as one text, each message after the name of its speaker."""
    return {"text": "\n".join(f"{message.speaker}: {message.text}" for message in view)}
