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


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_recipe_trains_a_model_that_can_play(run: Run, tmp_path):
    best = tried(run, tmp_path / run.name)
    if run.admitted:
        assert best.get(run.admitted, 0) > 0
    if run.right:
        assert best[run.right] > run.above
    assert best["moved"] > 0
