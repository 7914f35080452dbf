"""`make demo`: a language model learns poker from nothing but itself, and a report proves it.

Trains by the recipe `spiral`, then plays checkpoints against each other, a random player and the Nash
solution, and holds what was measured beside what is exactly true. Runs again where it was stopped.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...envs.errors import exit_code
from ..config import Config
from ..settings import read
from .spiral import CONFIG as SPIRAL

if TYPE_CHECKING:
    from ...agents.policy import Policy
    from ...envs.registry import Game

CONFIG = replace(SPIRAL, recipe="demo", steps=2000)
ENTRANTS = 5
PAIRS = 400


def main(argv: Sequence[str] | None = None) -> int:
    """Train, play the tournament, write the report. 2: something to fix, said in one line."""
    parser = argparse.ArgumentParser(prog="demo", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", default="demo", help="name of the run under runs/, or a folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=CONFIG.steps)
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, help="games each way, per pair of entrants"
    )
    given = parser.parse_args(argv)
    return exit_code("demo", lambda: demonstrate(given))


def demonstrate(given: argparse.Namespace) -> int:
    folder = trained(replace(CONFIG, out=given.out, seed=given.seed, steps=given.steps))
    if folder is None:
        print("the demo goes on from there when it is started again")
        return 130
    compare(folder, given.pairs)
    from ...arenas.report import report

    print(f"\nopen the report: {report(folder)}")
    return 0


def trained(config: Config) -> Path | None:
    """The folder of the finished training: begun, resumed, or found done. None when interrupted.

    Raises RunError where the folder holds another run.
    """
    from ...agents.run_folder import RunFolder, run_folder
    from ..run import RunError, resume, train

    folder = run_folder(config.out)
    settings, steps = RunFolder(folder).config, RunFolder(folder).steps
    if settings.is_file() and not _same(read(settings), config):
        raise RunError(f"{folder} holds another run; choose another --out")
    if steps and steps[-1] >= config.steps:
        return folder
    if settings.is_file() and not steps:
        shutil.rmtree(folder)  # left before its first checkpoint: there is nothing to go on from
    # A run that stopped goes on to the steps of this call.
    done = resume(config.out, steps=config.steps) if steps else train(config)
    return None if done.interrupted else done.folder


def _same(one: Config, other: Config) -> bool:
    """Whether two runs are the same but for their lengths and the names of their folders."""
    return replace(one, steps=other.steps, out=other.out, rollbacks=other.rollbacks) == other


def compare(folder: Path, pairs: int) -> None:
    """A tournament of checkpoints with `random` and `nash`; prints measured beside exact payoffs."""
    from ...agents.run_folder import RunFolder, scheduled
    from ...agents.seats import seat
    from ...arenas.report.terminal import show
    from ...arenas.tournament import tournament
    from ...envs.registry import find
    from .. import checkpoints

    run = RunFolder(folder)
    config = read(run.config)
    game = find(config.game, **config.parameters)
    steps = checkpoints.spread(scheduled(run.checkpoints), ENTRANTS)
    print(f"\na tournament with random and nash; checkpoints: {', '.join(map(str, steps))}")

    learned = [seat(f"{folder}@{step}", game) for step in steps]
    nash = seat("nash", game)
    store = run.store
    outcome = tournament(
        game, [seat("random", game), nash, *learned], store, pairs=pairs, anchor="nash", say=print
    )
    show(outcome.leaderboard, outcome.names)
    print_exact(game, learned, nash, store)


def print_exact(game: Game, learned: Sequence[Policy], nash: Policy, store: Path) -> None:
    """Each checkpoint against the equilibrium: its exact payoff, and the one its games measured."""
    from ...agents.language.transformer import Transformer
    from ...arenas.ratings.crosstable import crosstable
    from ...arenas.results import complete
    from ...arenas.store.reading import Archive
    from ..watch.evaluate import evaluate, exact_tree

    with Archive(store) as archive:
        cells = {
            frozenset((c.a, c.b)): c for c in crosstable(complete(archive.rows(game)), "payoff")
        }
    walked = exact_tree(game)
    print(f"\n{'checkpoint':>24}  NashConv  exact payoff v nash  measured (95 % interval)")
    for policy in learned:
        assert walked
        assert isinstance(policy, Transformer)
        exact = evaluate(walked, policy)
        cell = cells[frozenset((policy.ref.id, nash.ref.id))]
        # A cell tells the payoff of its first entrant; the checkpoint may be its second.
        sign = 1 if cell.a == policy.ref.id else -1
        # Turning the sign swaps the ends of the interval.
        low, high = sorted((sign * cell.score.low, sign * cell.score.high))
        print(
            f"{policy.ref.name:>24}  {exact.nash_conv:8.4f}  {exact.versus_nash:+19.4f}  "
            f"{sign * cell.score.value:+.4f} ({low:+.4f} to {high:+.4f})"
        )


if __name__ == "__main__":
    sys.exit(main())
