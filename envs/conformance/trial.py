"""A game under test, played to its end with whatever the seats say."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cached_property

from ..blocking_verifier import Verdicts
from ..mistakes import ending_loops
from ..players import sensible
from ..registry import Game
from ..table import Table
from ..types import Ask, Reply
from .canaries import Say

AGAIN = 3
"""So often a game is begun with one seed, to see whether it heeds it."""


class Trial:
    """A game under test: plays it to its end with whatever the seats say."""

    def __init__(self, game: Game, seeds: Sequence[int], verdicts: Verdicts) -> None:
        self.game = game
        self.seeds = seeds
        self.verdicts = verdicts
        self.endless = False
        """Whether a game computed without end; each that follows would cost as long."""

    def play(
        self, seed: int, say: Say, watch: Callable[[Table], None] = lambda table: None
    ) -> Table:
        """`watch` sees the table before every answer."""
        # making a table already runs the script up to its first request
        with ending_loops():
            table = Table(self.game, seed)
        rng = random.Random(f"conformance/{seed}")

        while table.ending is None:
            watch(table)
            if table.asks:
                replies = [say(ask, table, rng) for ask in table.asks]
                with ending_loops():
                    table.answer(replies)
            else:
                self.verdicts.settle(table)
        # what `ending_loops` raises in the script or in a parser
        faults = (table.fault, *table.parser_faults)
        self.endless = self.endless or any(isinstance(fault, TimeoutError) for fault in faults)
        return table

    @cached_property
    def unseeded(self) -> bool:
        """Whether two games of one seed already begin differently, as where another library draws."""
        begun = {tuple(Table(self.game, seed).asks) for seed in list(self.seeds)[:1] * AGAIN}
        return len(begun) > 1

    def sensibly(self, ask: Ask, table: Table, rng: random.Random) -> Reply:
        return Reply(sensible(self.game, ask, table.view(ask.seat), rng))
