"""Intervals hold the truth as often as they say, on real Kuhn poker, whose tree gives the truth.

`kuhn_checkpoints.json` holds what six checkpoints of a real run (`sparring train spiral`, 500 steps),
`random` and `nash` do at every information set; `benchmarks/coverage.py` made it, and plays them for real.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sparring.arenas.ratings.fit import fit
from sparring.envs.exact import tree

SOURCE = Path(__file__).parents[3] / "benchmarks" / "coverage.py"
spec = importlib.util.spec_from_file_location("coverage_benchmark", SOURCE)
assert spec
assert spec.loader
bench = importlib.util.module_from_spec(spec)
sys.modules["coverage_benchmark"] = bench  # dataclasses look their module up
spec.loader.exec_module(bench)


@pytest.fixture(scope="module")
def checkpoints():
    return bench.matches(json.loads((Path(__file__).parent / "kuhn_checkpoints.json").read_text()))


@pytest.fixture(scope="module")
def strangers():
    """Eight players drawn at random, from the uniform one to quite decided ones."""
    draw = np.random.default_rng(7)
    table = {
        str(n): {
            bench.text(info): (n / 7 * draw.dirichlet([1, 1]) + (1 - n / 7) / 2).tolist()
            for info in tree(bench.GAME).infosets
        }
        for n in range(8)
    }
    return bench.matches(table)


def holds(found) -> bool:
    return all(0.93 <= share <= 0.97 for share in (found.cells, found.ratings, found.roles))


@pytest.mark.parametrize("kind", ["payoff", "win"])
def test_intervals_of_trained_checkpoints_cover_what_they_claim(checkpoints, kind):
    """200 tournaments of 8 entrants, 50 pairs a cell: cells and the joint fit, 93–97 %."""
    found = bench.coverage(checkpoints, kind)
    assert holds(found), found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["payoff", "win"])
def test_intervals_of_strangers_cover_what_they_claim(strangers, kind):
    found = bench.coverage(strangers, kind)
    assert holds(found), found


def test_that_one_number_does_not_describe_real_checkpoints_is_found_with_enough_games(checkpoints):
    """Poker is not transitive: 400 pairs a cell always show it."""
    assert bench.coverage(checkpoints, "payoff", pairs=400, repeats=20).misfits == 1


def test_ignoring_the_pairs_would_not_cover(checkpoints):
    """The trap: games taken one by one have other errors than their pairs."""
    draw = np.random.default_rng(3)
    wide = []
    for _ in range(20):
        games = checkpoints.drawn("payoff", 50, draw)
        alone = replace(games, block=np.arange(len(games)))
        paired, single = (np.diag(fit(g, "payoff").covariance).mean() for g in (games, alone))
        wide.append(single / paired)
    assert abs(np.mean(wide) - 1) > 0.1
