"""Collapse in a bottle: a majority vote that trains itself away from the key, and the alarm that sees it."""

from __future__ import annotations

import pytest
from sparring import train
from sparring.agents.run_folder import RunFolder
from sparring.training.recipes import configured

SETTINGS = [
    "game=sums-v0",
    "parameters={attempts = 16, level = 2, label = 'majority'}",
    "model=tiny:sums?accuracy=0.4&mislead=0.5&effort=0.15",
    "steps=40",
    "rollout.games=14",
    "rollout.max_tokens=2",
    "credits.estimator=loo",
    "update.loss=dapo",
    "update.lr=2e-3",
    "update.kl=0.0",
    "update.average=0.0",
    "update.schedule=constant",
    "watch.action=stop",
    "record.evaluate_every=0",
    "record.metrics_every=1",
    "record.tensorboard=false",
    "exams=[{game = 'sums-v0', name = 'answers', parameters = {attempts = 1, level = 2}}]",
]
EXAM = "exam/answers/pass_at_1"


@pytest.mark.slow
def test_a_vote_that_agrees_with_itself_and_not_with_the_key_is_stopped_by_its_alarm(tmp_path):
    flags = {"seed": 1, "threads": 1, "out": str(tmp_path / "run")}
    config = configured("spiral", None, SETTINGS, flags)
    done = train(config, quiet=True)
    assert done.step < config.steps

    records = RunFolder(done.folder).records()
    played = [record for record in records if "notes/proxy" in record]
    assert played[0]["notes/proxy"] < 0.7 < 0.95 < played[-1]["notes/proxy"]
    # exact: over all problems, at the start and at the end
    right = [record[EXAM] for record in records if EXAM in record]
    assert right[-1] < right[0] + 0.05
