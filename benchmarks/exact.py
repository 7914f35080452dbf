"""Nodes per second of the exact tree walk, beside the same walk by replay of `Table`s.

    python benchmarks/exact.py [--slices 5] [GAME …]

Both walk the same trees, in turns in one process, by CPU time; each game's ratio is the middle one of its
slices. What they list (nodes, information sets, leaves, payoffs) is compared first. `--whole` walks the
lean walk's whole tic-tac-toe (549,946 histories) instead, once.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from sparring.envs.infosets import InfoSet, Spot
from sparring.envs.registry import Game, find
from sparring.envs.replay import replay
from sparring.envs.table import Table
from sparring.envs.tree_walk import Walk
from sparring.envs.types import Reply

GAMES = ("kuhn-poker-v0", "leduc-poker-v0")


class TableWalk:
    """The plain walk: a `Table` for every node, each branch but the last played from the start.

    Short and slow, so that it can be trusted; it has the lists of `Walk`. Games whose every node is fine.
    """

    def __init__(self, game: Game) -> None:
        self.game = game
        self.nodes = 0
        self.sequences = len(game.seats)
        self.chance: list[float] = []
        self.last: list[tuple[int, ...]] = []
        self.payoff: list[tuple[float, ...]] = []
        self._spots: dict[Any, Spot] = {}

    @property
    def spots(self) -> tuple[Spot, ...]:
        return tuple(self._spots.values())

    def walk(self) -> None:
        empty = tuple(range(len(self.game.seats)))
        self._grow(Table(self.game, open_chance=True), 1.0, empty)

    def _grow(self, table: Table, odds: float, last: tuple[int, ...]) -> None:
        self.nodes += 1
        assert table.fault is None
        assert not table.drawn

        if table.ending:
            self.chance.append(odds)
            self.last.append(last)
            self.payoff.append(tuple(table.payoff[seat] for seat in self.game.players))
        elif table.chance:
            weights = table.chance.weights or ()
            shares = [(i, weight / sum(weights)) for i, weight in enumerate(weights) if weight]
            self._branch(table, odds, [(i, share, last) for i, share in shares])
        else:
            self._branch(table, odds, self._joint(table, last))

    def _branch(self, table: Table, odds: float, ways: list[tuple[Any, float, Any]]) -> None:
        before = list(table.answers)
        for index, (answer, share, last) in enumerate(ways):
            fresh = index < len(ways) - 1
            here = replay(self.game, table.seed, before, open_chance=True) if fresh else table
            here.answer(answer)
            self._grow(here, odds * share, last)

    def _joint(self, table: Table, last: tuple[int, ...]) -> list[tuple[Any, float, Any]]:
        ways: list[tuple[tuple[Reply, ...], tuple[int, ...]]] = [((), last)]
        for index, asked in enumerate(table.asks):
            self.nodes += len(ways) if index else 0
            column = self.game.seats.index(asked.seat)
            view = table.view(asked.seat)
            spot = self._spots.get((asked.seat, view))
            if spot is None:
                role = self.game.role_of[asked.seat]
                info = InfoSet(asked.seat, role, view, asked.choices or ())
                spot = self._spots[asked.seat, view] = Spot(info, last[column], self.sequences)
                self.sequences += len(info.choices)
            ways = [
                ((*replies, Reply(choice)), (*at[:column], spot.start + offset, *at[column + 1 :]))
                for replies, at in ways
                for offset, choice in enumerate(spot.info.choices)
            ]
        return [(replies, 1.0, at) for replies, at in ways]


def listed(walk: Walk | TableWalk) -> tuple[Any, ...]:
    """All that a walk lists: equal lists are equal trees."""
    walk.walk()
    return walk.nodes, walk.sequences, walk.spots, walk.chance, walk.last, walk.payoff


def timed(walk: Walk | TableWalk) -> float:
    """Nodes per second of CPU time."""
    began = time.process_time()
    walk.walk()
    return walk.nodes / (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("games", nargs="*", default=GAMES)
    parser.add_argument("--slices", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="the whole of tic-tac-toe, once")
    given = parser.parse_args()

    if given.whole:
        walk = Walk(find("tic-tac-toe-v0"))
        rate = timed(walk)
        print(
            f"tic-tac-toe-v0: {walk.nodes:,} nodes, {walk.nodes / rate:.1f} s, {rate:,.0f} nodes/s"
        )
        return

    print(f"{'game':<20} {'nodes':>9} {'tables/s':>10} {'lean/s':>10} {'ratio':>6}")
    for id in given.games:
        game = find(id)
        lean = Walk(game)
        assert listed(lean) == listed(TableWalk(game)), f"{id}: the two walks differ"
        pairs = [(timed(TableWalk(game)), timed(Walk(game))) for _ in range(given.slices)]
        slow, fast = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(new / old for old, new in pairs)
        print(f"{id:<20} {lean.nodes:>9,} {slow:>10,.0f} {fast:>10,.0f} {ratio:>6.2f}")


if __name__ == "__main__":
    main()
