"""Each recipe trains on a small model that can play: proposals pass, answers are right, weights move."""

from __future__ import annotations

import pytest

from .attacker_defender import RUNS as ATTACKING
from .between_equals import RUNS as EQUAL
from .generator_critic import RUNS as CRITICAL
from .proposer_solver import RUNS as PROPOSING
from .tried import Run, tried
from .updates import RUNS as UPDATING

RUNS = (*PROPOSING, *ATTACKING, *CRITICAL, *EQUAL, *UPDATING)
OFTEN = {"psr", "self-train", "alignment-tipping"}
"""Tried with the slow tests; all of them by `make test-recipes`, which takes most of an hour."""


def _marked(run: Run):
    mark = pytest.mark.slow if run.name in OFTEN else pytest.mark.recipes
    return pytest.param(run, id=run.name, marks=(mark, pytest.mark.timeout(900)))


@pytest.mark.parametrize("run", [_marked(run) for run in RUNS])
def test_a_recipe_trains_a_model_that_can_play(run: Run, tmp_path):
    best = tried(run, tmp_path / run.name)
    if run.admitted:
        assert best.get(run.admitted, 0) > 0
    if run.right:
        assert best[run.right] > run.above
    assert best["moved"] > 0
