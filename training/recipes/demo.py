"""`make demo`: a language model learns poker from nothing but itself, and a report proves it.

Trains by the recipe `spiral`, then plays checkpoints against each other, a random player and the Nash
solution, and holds what was measured beside what is exactly true. Runs again where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import Config
from .spiral import CONFIG as SPIRAL

if TYPE_CHECKING:
    from ...agents.policy import Policy
    from ...envs.registry import Game

CONFIG = replace(SPIRAL, recipe="demo", steps=2000)
ENTRANTS = 5
PAIRS = 400


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", default="demo", help="name of the run under runs/, or a folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=CONFIG.steps)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="games each way, per pair of entrants")
    given = parser.parse_args(argv)
    folder = trained(replace(CONFIG, out=given.out, seed=given.seed, steps=given.steps))
    if folder is None:
        return 130
    compare(folder, given.pairs)
    from ...arenas.report import report

    print(f"\nopen the report: {report(folder)}")
    return 0


def trained(config: Config) -> Path | None:
    """The folder of the finished training: begun, resumed, or found done. None when interrupted."""
    from .. import checkpoints
    from ..run import resume, run_folder, train

    folder = run_folder(config.out)
    steps = checkpoints.steps(folder / "checkpoints") if folder.exists() else []
    if steps and steps[-1] >= config.steps:
        return folder
    done = resume(config.out) if steps else train(config)
    return None if done.interrupted else done.folder


def compare(folder: Path, pairs: int) -> None:
    """A tournament of checkpoints with `random` and `nash`; prints measured beside exact payoffs."""
    from ...agents.seats import seat
    from ...arenas.report.terminal import show
    from ...arenas.tournament import Outcome, tournament
    from ...envs.registry import find
    from .. import checkpoints
    from ..config import read

    config = read(folder / "config.toml")
    game = find(config.game, **config.parameters)
    steps = spread(checkpoints.steps(folder / "checkpoints"), ENTRANTS)
    print(f"\na tournament of {len(steps)} checkpoints with random and nash")
    learned = [seat(f"{folder}@{step}", game) for step in steps]
    nash = seat("nash", game)
    store = folder / "store.sqlite"
    outcome = tournament(
        game, [seat("random", game), nash, *learned], store, pairs=pairs, anchor="nash", say=print
    )
    assert isinstance(outcome, Outcome)
    show(outcome.leaderboard, outcome.names)
    print_exact(game, learned, nash, store)


def spread(steps: Sequence[int], count: int) -> list[int]:
    """At most `count` of the steps, evenly over all, the first and the last among them."""
    last = len(steps) - 1
    return list(dict.fromkeys(steps[round(i * last / max(1, count - 1))] for i in range(count)))


def print_exact(game: Game, learned: Sequence[Policy], nash: Policy, store: Path) -> None:
    """Each checkpoint against the equilibrium: its exact payoff, and the one its games measured."""
    from ...agents.transformer import Transformer
    from ...arenas.archive import Archive
    from ...arenas.crosstable import crosstable
    from ...arenas.results import complete
    from ..evaluate import evaluate, exact_tree

    with Archive(store) as archive:
        cells = {frozenset((c.a, c.b)): c for c in crosstable(complete(archive.rows(game)), "payoff")}
    walked = exact_tree(game)
    print(f"\n{'checkpoint':>24}  NashConv  exact payoff v nash  measured (95 % interval)")
    for policy in learned:
        assert walked
        assert isinstance(policy, Transformer)
        exact = evaluate(walked, policy)
        cell = cells[frozenset((policy.ref.id, nash.ref.id))]
        sign = 1 if cell.a == policy.ref.id else -1
        low, high = sorted((sign * cell.score.low, sign * cell.score.high))
        print(
            f"{policy.ref.name:>24}  {exact.nash_conv:8.4f}  {exact.versus_nash:+19.4f}  "
            f"{sign * cell.score.value:+.4f} ({low:+.4f} to {high:+.4f})"
        )


if __name__ == "__main__":
    sys.exit(main())
