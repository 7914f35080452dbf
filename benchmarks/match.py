"""Turns per second of `match.play` with scripted players, beside TextArena's own loop, in one process.

    python benchmarks/match.py [--seconds 3]

Seconds are of CPU, which a busy machine does not stretch, and all take turns, a slice of it each; figures
are the middle ones of the slices, the ratio with its least and greatest. Both play random legal moves.
TextArena is asked for its raw environment (no wrappers): its fastest way. Its match of Kuhn has five deals;
ours is a deal, so the last line asks it for matches of one. Needs the extra `games`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import time
from collections.abc import Callable, Sequence
from statistics import median

import textarena
from sparring.agents.policy import Request
from sparring.arenas.match import Match, play
from sparring.arenas.rollouts import play_all
from sparring.commands.options import real
from sparring.envs.registry import find
from sparring.envs.types import PolicyRef, Reply

SLICES = 15
MOVES = re.compile(r"'?(\[[^\]]+\])'?")


class Uniform:
    """The cheapest honest player: a random choice, replies made once."""

    ref = PolicyRef("uniform")
    streams = False

    def __init__(self) -> None:
        self._rng = random.Random(0)
        self._replies: dict[str, Reply] = {}

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [self._reply(self._rng.choice(request.choices or ("",))) for request in requests]

    def _reply(self, move: str) -> Reply:
        return self._replies.get(move) or self._replies.setdefault(move, Reply(move))


def rate(batch: Callable[[int], int], seconds: float) -> float:
    """Turns per CPU second of `batch(seed)`, which plays some games and returns their turns."""
    turns, seed, start = 0, 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        turns += batch(seed)
        seed += 1
    return turns / spent


def one_by_one(id: str) -> Callable[[int], int]:
    game, player = find(id), Uniform()
    seats = dict.fromkeys(game.seats, player)

    async def games(seed: int) -> int:
        return sum(
            [len((await play(Match(game, seats, 200 * seed + i))).turns) for i in range(200)]
        )

    return lambda seed: asyncio.run(games(seed))


def at_once(id: str) -> Callable[[int], int]:
    game, player = find(id), Uniform()
    seats = dict.fromkeys(game.seats, player)

    def games(seed: int) -> int:
        matches = [Match(game, seats, 256 * seed + i) for i in range(256)]
        return sum(len(episode.turns) for episode in asyncio.run(play_all(matches, at_once=256)))

    return games


def theirs(id: str, **options: int) -> Callable[[int], int]:
    rng = random.Random(0)

    def game(seed: int) -> int:
        env = textarena.make(f"{id}-raw", **options)
        env.reset(num_players=2, seed=seed)
        turns, done = 0, False
        while not done:
            _, observation = env.get_observation()
            legal = MOVES.findall(observation[-1][1]) if observation else []
            done, _ = env.step(rng.choice(legal) if legal else "[check]")
            turns += 1
        env.close()
        return turns

    return game


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=real(0.01, 3600), default=3.0, help="per measurement")
    seconds = parser.parse_args().seconds
    print(f"{'game':>20} {'play':>12} {'256 at once':>12} {'TextArena':>12}  play / TextArena")
    for id, peer in PEERS:
        batches = (one_by_one(id), at_once(id), peer)
        slices = [[rate(batch, seconds / SLICES) for batch in batches] for _ in range(SLICES)]
        mine, many, other = (median(row[i] for row in slices) for i in range(3))
        ratios = sorted(row[0] / row[2] for row in slices)
        print(
            f"{id:>20} {mine:>10,.0f}/s {many:>10,.0f}/s {other:>10,.0f}/s  "
            f"{median(ratios):.2f}× ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


PEERS = (
    ("tic-tac-toe-v0", theirs("TicTacToe-v0")),
    ("kuhn-poker-v0", theirs("KuhnPoker-v0-short")),
    ("kuhn-poker-v0", theirs("KuhnPoker-v0", max_rounds=1)),
)


if __name__ == "__main__":
    main()
