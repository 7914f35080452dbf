"""From a key to noise: every draw of the library that must be the same again, derived here.

A key is a text that names one draw, such as `tasks/SEED/STEP/NUMBER`. Its SHA-256 is the noise. So a
draw depends on its name alone: not on what was drawn before, on the batch, the device or the clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import sha256

# A digest has 32 bytes: six numbers of five bytes, and two bytes are left unused.
_BLOCK_BYTES = 30
_BYTES = 5


def bits(key: str, count: int) -> int:
    """The first `count` bits (at most 256) of the key's noise, as a number in [0, 2**count)."""
    return int.from_bytes(_digest(key)) >> (256 - count)


def fraction(key: str) -> float:
    """A number in [0, 1), of 48 bits."""
    # 48 bits are fewer than a float's 53, so the quotient is exact and never rounds to 1.
    return bits(key, 48) / 2**48


def generator(key: str) -> random.Random:
    """A generator of one's own, for draws of which nobody knows how many they will be."""
    return random.Random(bits(key, 256))


def fractions(key: str) -> Iterator[float]:
    """Endless numbers in [0, 1), of 40 bits each: the key with a counter, six numbers a digest."""
    block = 0
    while True:
        digest = _digest(f"{key}/{block}")
        for start in range(0, _BLOCK_BYTES, _BYTES):
            # 40 bits are exact in a float as well.
            yield int.from_bytes(digest[start : start + _BYTES]) / 2**40
        block += 1


def _digest(key: str) -> bytes:
    # A key may hold what a player said, and that may hold lone surrogates.
    return sha256(key.encode(errors="replace")).digest()
