"""The global random generators, lent to libraries that draw from them, and given back as they were."""

from __future__ import annotations

import random
import threading
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np

_lock = threading.Lock()


class Dice:
    """States of `random` and `numpy.random` of one's own.

    While `lent`, the process draws from them; afterwards it draws on from where it was. Only one is lent
    at a time. What other threads draw from the global generators meanwhile is not kept apart.
    """

    def __init__(self, seed: int) -> None:
        self._plain = random.Random(seed).getstate()
        # numpy takes seeds of 32 bits alone.
        self._numpy = np.random.RandomState(seed % 2**32).get_state()

    @contextmanager
    def lent(self) -> Generator[None]:
        # The global generators are one for the process: two games lent at once would mix.
        with _lock:
            plain, numpy = random.getstate(), np.random.get_state()
            random.setstate(self._plain)
            np.random.set_state(self._numpy)
            try:
                yield
            finally:
                # Also after a fault: the game's draws are kept, and the process gets its
                # own state back.
                self._plain, self._numpy = random.getstate(), np.random.get_state()
                random.setstate(plain)
                np.random.set_state(numpy)
