"""What models of the nursery can do: moves at the first try, admitted proposals, accuracy and its floor.

    python benchmarks/nursery.py [--size small] [--model NAME] [--games 24] [--tasks 200] [GAME …]

Without --model each game has its own model, SIZE:GAME; with it, NAME plays all of them. Seats are all the
model's, at temperature 1, and code runs in the sandbox. First tries are counted, retries are not. Accuracy
is over the teachers' tasks, greedy and sampled; the floor is what the commonest answer would win there.
Seconds are those of building the model (0: it was in the cache).
"""

from __future__ import annotations

import argparse
import asyncio
import time

from sparring.agents.models.load import load_model
from sparring.agents.models.nursery.report import Level, levels, spoken
from sparring.agents.policy import Sampling
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.envs.registry import Game, find, game_ids
from sparring.sandbox.choose import Lazy

HEAD = (
    "| game | first tries that are moves | admitted | accuracy (greedy, sampled) and floor | seconds |\n"
    "|---|---|---|---|---|"
)


def fewer(id: str) -> Game:
    """The game with two solvers where it would have more."""
    return find(id, attempts=2) if "attempts" in find(id).parameters else find(id)


async def row(name: str, game: Game, games: int, tasks: int) -> str:
    began = time.process_time()
    policy = load_model(name, game, sampling=Sampling(max_tokens=128))
    took = time.process_time() - began
    verifier = Lazy("auto", lambda name: None)
    try:
        seats = dict.fromkeys(game.seats, policy)
        matches = [Match(game, seats, seed) for seed in range(games)]
        found = spoken(await play_all(matches, verifier=verifier))
    finally:
        await verifier.close()

    moves = ", ".join(f"{role} {a / b:.2f}" for role, (a, b) in found.moves.items())
    passed, proposed = found.admitted
    admitted = f"{passed / proposed:.2f}" if proposed else ""
    marks = "; ".join(map(_marks, await levels(policy, game, tasks)))
    return f"| `{game.id}` | {moves} | {admitted} | {marks} | {took if took > 5 else 0:.0f} |"


def _marks(level: Level) -> str:
    which = f"{level.role} {level.level}" if level.level else level.role
    return f"{which}: {level.greedy:.2f}, {level.sampled:.2f}, floor {level.floor:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("game", nargs="*", metavar="GAME", help="default: all")
    parser.add_argument("--size", default="small", choices=("tiny", "small"))
    parser.add_argument("--model", help="one model for all games")
    parser.add_argument("--games", type=int, default=24)
    parser.add_argument("--tasks", type=int, default=200)
    given = parser.parse_args()

    print(HEAD)
    for id in given.game or game_ids():
        name = given.model or f"{given.size}:{id}"
        print(asyncio.run(row(name, fewer(id), given.games, given.tasks)), flush=True)


if __name__ == "__main__":
    main()
