"""Games per second of every game of ours with scripted players, beside TextArena's where both have it.

    python benchmarks/games.py [--seconds 1] [GAME …]

Each game is played by `match.play` one at a time; seats take a listed choice at random, or say what the
game's own `sample` player says. Code is not run: every call gives a list of zeros, so that the figure is what
the rules cost and not the sandbox (`benchmarks/sandbox.py` has that).

TextArena plays its nearest game in its own loop, in the same process, raw (no wrappers: its fastest way),
by the same kind of random legal moves. Where its game is a match of several rounds of ours, as many rounds
are asked of both: a deal of Kuhn is a game here and a game there. Both are measured in turns, a few slices
of CPU time each, so that whatever else the machine does falls on both; the ratio is the middle one of the
slices'. Needs the extra `textarena`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import textarena
from sparring.agents.policy import Request, Response
from sparring.agents.scripted import scripted
from sparring.arenas.match import Match, play
from sparring.commands.options import real
from sparring.envs.registry import Game, find, game_ids
from sparring.envs.types import Job, PolicyRef, Reply, Result, Value, Verdict

SLICES = 5


@dataclass(frozen=True)
class Peer:
    """TextArena's game: id, options, and legal moves by what the player to move was last shown."""

    id: str
    moves: Callable[[str, random.Random], str]
    options: dict[str, Any]
    ours: dict[str, Any]


def listed(shown: str, rng: random.Random) -> str:
    """One of the moves in brackets that the last message lists."""
    return rng.choice(re.findall(r"\[[^\[\]]+\]", shown) or ["[check]"])


def heap(shown: str, rng: random.Random) -> str:
    """Any number of things from any heap that has some, as `pile 0: 3` lists them."""
    heaps = [
        (number, int(left)) for number, left in re.findall(r"pile (\d+): (\d+)", shown) if int(left)
    ]
    number, left = rng.choice(heaps[-len(set(heaps)) :])
    return f"[{number} {rng.randint(1, left)}]"


def one_of(*words: str) -> Callable[[str, random.Random], str]:
    return lambda shown, rng: rng.choice(words)


PEERS = {
    "kuhn-poker-v0": Peer("KuhnPoker-v0", listed, {"max_rounds": 1}, {}),
    "matching-pennies-v0": Peer(
        "IteratedMatchingPennies-v0", one_of("[heads]", "[tails]"), {"num_rounds": 1}, {}
    ),
    "nim-v0": Peer("Nim-v0", heap, {"piles": [1, 3, 5, 7]}, {"heaps": "1-3-5-7"}),
    "prisoners-dilemma-v0": Peer(
        "IteratedPrisonersDilemma-v0",
        one_of("[Cooperate]", "[Defect]"),
        {"num_rounds": 5, "communication_turns": 0},
        {"rounds": 5},
    ),
    "rock-paper-scissors-v0": Peer(
        "IteratedRockPaperScissors-v0",
        one_of("[rock]", "[paper]", "[scissors]"),
        {"num_rounds": 1},
        {},
    ),
    "tic-tac-toe-v0": Peer("TicTacToe-v0", listed, {}, {}),
}


class Uniform:
    """The cheapest honest player of listed choices, and the game's own where nothing is listed."""

    ref = PolicyRef("uniform")
    streams = False

    def __init__(self, game: Game) -> None:
        self._rng = random.Random(0)
        self._replies: dict[str, Reply] = {}
        self._own = scripted("sample", game) if "sample" in game.oracles else None

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        if self._own and not all(request.choices for request in requests):
            return await self._own.act(requests)
        return [self._reply(self._rng.choice(request.choices or ("",))) for request in requests]

    def _reply(self, move: str) -> Reply:
        return self._replies.get(move) or self._replies.setdefault(move, Reply(move))


class Agreeable:
    """A verifier that runs nothing: every call gives a list of zeros."""

    name = "agreeable"

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        zeros: list[Value] = [0] * 100
        return [Verdict("ok", tuple(Result("ok", zeros) for _ in job.inputs)) for job in jobs]

    async def close(self) -> None: ...


def ours(game: Game, batch: int = 20) -> Callable[[int], tuple[int, int]]:
    """Plays some games; returns how many, and their turns."""
    player, verifier = Uniform(game), Agreeable()
    seats = dict.fromkeys(game.seats, player)

    async def games(seed: int) -> tuple[int, int]:
        done = [
            await play(Match(game, seats, batch * seed + index), verifier=verifier)
            for index in range(batch)
        ]
        faults = [episode.ending.reason for episode in done if episode.ending.kind == "error"]
        if faults:
            raise SystemExit(f"{game.id}: {faults[0]}")
        return batch, sum(len(episode.turns) for episode in done)

    return lambda seed: asyncio.run(games(seed))


def theirs(peer: Peer) -> Callable[[int], tuple[int, int]]:
    rng = random.Random(0)

    def game(seed: int) -> tuple[int, int]:
        env = textarena.make(f"{peer.id}-raw", **peer.options)
        env.reset(num_players=2, seed=seed)
        turns, done = 0, False
        while not done:
            _, seen = env.get_observation()
            done, _ = env.step(peer.moves(seen[-1][1] if seen else "", rng))
            turns += 1
        env.close()
        return 1, turns

    return game


def rate(batch: Callable[[int], tuple[int, int]], seconds: float, seed: int) -> tuple[float, float]:
    """Games and turns per CPU second."""
    games, turns, start = 0, 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        played, taken = batch(seed + games)
        games, turns = games + played, turns + taken
    return games / spent, turns / spent


def rates(
    batches: Sequence[Callable[[int], tuple[int, int]]], seconds: float
) -> list[list[tuple[float, float]]]:
    """Of each batch, its rates in every slice; the batches take turns."""
    for batch in batches:
        batch(0)  # imports, caches
    return [
        [rate(batch, seconds / SLICES, 1000 * number) for batch in batches]
        for number in range(SLICES)
    ]


def middle(slices: list[list[tuple[float, float]]], batch: int, unit: int) -> float:
    return statistics.median(row[batch][unit] for row in slices)


def row(id: str, seconds: float) -> str:
    peer = PEERS.get(id)
    game = find(id, **(peer.ours if peer else {}))
    slices = rates([ours(game), *([theirs(peer)] if peer else [])], seconds)
    line = f"{id:<24} {middle(slices, 0, 0):>9,.0f} {middle(slices, 0, 1):>10,.0f}"
    if peer is None:
        return line
    games, turns = (
        statistics.median(row[0][unit] / row[1][unit] for row in slices) for unit in (0, 1)
    )
    other = f"{middle(slices, 1, 0):>9,.0f} {middle(slices, 1, 1):>10,.0f}"
    return f"{line}   {other}   {games:>5.2f}× {turns:>5.2f}×  {peer.id}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("games", nargs="*", metavar="GAME", help="these games alone (default: all)")
    parser.add_argument("--seconds", type=real(0.01, 3600), default=1.0, help="per measurement")
    given = parser.parse_args()
    units = f"{'games/s':>9} {'turns/s':>10}"
    print(f"{'':<24} {'ours':>20}   {'TextArena':>20}   {'ours / theirs':>13}")
    print(f"{'game':<24} {units}   {units}   {'games':>6} {'turns':>6}")
    for id in given.games or game_ids():
        print(row(id, given.seconds), flush=True)


if __name__ == "__main__":
    main()
