"""How often a language model's first reply is a move: every game, told the form alone and shown examples.

    python benchmarks/forms.py [--model smollm2-135m] [--games 3] [--shots 0 2] [--out FOLDER] [GAME …]

Counted are the first tries at each ask, not retries. The baseline is the same model without examples
(`--shots 0`): what a form costs a model that is only told it. Seats are all the model's; games are played
one at a time, seeds from 0, two solvers, temperature 0.6. `--out` keeps the transcripts, as `sparring
play` prints them, for a person's eye.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sparring.agents.few_shot import Shown
from sparring.agents.policy import Policy, Sampling
from sparring.agents.seats import seat
from sparring.arenas.examples import examples
from sparring.arenas.match import Match, play
from sparring.envs.registry import Game, find, game_ids
from sparring.envs.story import story
from sparring.envs.types import Episode
from sparring.sandbox.choose import Lazy


def small(id: str) -> Game:
    """The game with two solvers where it would have more."""
    return find(id, attempts=2) if "attempts" in find(id).parameters else find(id)


async def played(game: Game, policy: Policy, games: int, shots: int) -> list[Episode]:
    verifier = Lazy("auto", lambda name: None)
    try:
        player = Shown(policy, await examples(game, verifier, shots)) if shots else policy
        seats = dict.fromkeys(game.seats, player)
        return [await play(Match(game, seats, seed), verifier=verifier) for seed in range(games)]
    finally:
        await verifier.close()


def counts(episodes: Iterable[Episode]) -> dict[str, tuple[int, int]]:
    """For each role: first tries that were a move, and all first tries."""
    first = [turn for episode in episodes for turn in episode.turns if not turn.retry]
    roles = dict.fromkeys(turn.role for turn in first)
    own = {role: [turn.refused is None for turn in first if turn.role == role] for role in roles}
    return {role: (sum(good), len(good)) for role, good in own.items()}


def total(by_role: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(good for good, _ in by_role.values()), sum(asked for _, asked in by_role.values())


def row(id: str, shots: int, episodes: list[Episode]) -> tuple[int, int]:
    by_role = counts(episodes)
    good, asked = total(by_role)
    roles = ", ".join(f"{role} {a}/{b}" for role, (a, b) in by_role.items())
    endings = Counter(episode.ending.kind for episode in episodes)
    ends = ", ".join(f"{kind} {count}" for kind, count in endings.most_common())
    print(f"| `{id}` | {shots} | {good} of {asked} | {roles} | {ends} |", flush=True)
    return good, asked


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("game", nargs="*", metavar="GAME", help="default: all")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--games", type=int, default=3)
    parser.add_argument("--shots", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--temperature", type=float, default=0.6)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    sums = {shots: [0, 0] for shots in given.shots}
    print("| game | shots | moves at the first try | by role | endings |\n|---|---|---|---|---|")
    for id in given.game or game_ids():
        game = small(id)
        policy = seat(
            given.model, game, sampling=Sampling(given.temperature, 1.0, given.max_tokens)
        )
        for shots in given.shots:
            episodes = asyncio.run(played(game, policy, given.games, shots))
            for index, amount in enumerate(row(id, shots, episodes)):
                sums[shots][index] += amount
            if given.out:
                given.out.mkdir(parents=True, exist_ok=True)
                text = "\n\n".join("\n".join(story(episode)) for episode in episodes)
                (given.out / f"{id}-{shots}.txt").write_text(text + "\n")
    for shots, (good, asked) in sums.items():
        print(f"{shots} shots: {good} of {asked} ({good / max(1, asked):.0%})")


if __name__ == "__main__":
    main()
