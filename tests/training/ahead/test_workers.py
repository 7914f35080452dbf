"""What a run may be made of, played by workers: its curve and its weights are those of a run without."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from sparring.agents.run_folder import RunFolder
from sparring.training.recipes import configured
from sparring.training.run import train

ray: Any = pytest.importorskip("ray")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SMALL = (
    "steps=4",
    "threads=1",
    "rollout.games=16",
    "record.checkpoint_every=1",
    "record.metrics_every=1",
    "record.evaluate_every=2",
    "record.tensorboard=false",
    "record.transcripts_every=0",
)
CASES = {
    "two learners in turns, an adapter each": (
        "cast={ second = 'challenger' }",
        "sharing.mode=adapters",
        "learners.challenger.every=2",
        "update.lora=2",
    ),
    "two learners, a model each": ("cast={ second = 'challenger' }", "sharing.mode=models"),
    "a league": ("opponents.mode=league", "opponents.every=1"),
    "a population": (
        "population={ size=2, steps=2, by='-nashconv', explore=['update.lr'] }",
        "rounds=2",
        "steps=8",
    ),
    "a population in a league": (
        "population={ exploit='none', steps=2, members=[{ name='main' }, "
        "{ name='exploiter', kind='main_exploiter' }] }",
        "rounds=2",
        "opponents.mode=league",
        "opponents.every=1",
    ),
    "best responses": (
        "phases=[{ steps=2 }, { steps=2 }]",
        "opponents.mode=psro",
    ),
    "two games": (
        "games=[{ id='kuhn-poker-v0' }, { id='nim-v0', weight=2 }]",
        "model=tiny:kuhn-poker-v0,nim-v0",
    ),
    "games by what is learned in them": (
        "games=[{ id='kuhn-poker-v0' }, { id='nim-v0' }]",
        "model=tiny:kuhn-poker-v0,nim-v0",
        "mix.by=learnability",
    ),
    "a judge and a shelf": (
        "game=question-answer-v0",
        "parameters={ attempts = 3, label = 'judge', references = 2 }",
        "model=tiny:question-answer",
        "judge=self@start",
        "shelves={ question = 'shipped:serl_questions.jsonl' }",
        "rollout.max_tokens=24",
    ),
    "tasks that are kept": (
        "game=sums-propose-v0",
        "parameters={ attempts = 2 }",
        "model=tiny:sums-propose",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Generator[None]:
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - as Ray spells it
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def curve(folder: Path) -> list[dict[str, float]]:
    """The run's records without what the clock says and what only workers have."""
    timed = ("seconds/", "games_per_second", "player_seconds/", "wait_seconds", "age")
    return [
        {k: v for k, v in r.items() if v is not None and not k.startswith(timed)}
        for r in RunFolder(folder).records()
    ]


def trained(out: Path, *settings: str) -> Path:
    return train(
        configured("spiral", None, [*SMALL, *settings], {"out": str(out)}), quiet=True
    ).folder


def equal(one: Path, other: Path) -> None:
    a, b = curve(one), curve(other)
    assert [record.keys() for record in a] == [record.keys() for record in b]
    for record, beside in zip(a, b, strict=True):
        for name, value in record.items():
            # A member's name and a mixture are no numbers.
            number = isinstance(value, int | float)
            same = pytest.approx(beside[name], rel=1e-3, abs=1e-4) if number else beside[name]
            assert value == same, name
    saved = sorted((one / "checkpoints").rglob("*model.safetensors"))
    assert saved
    for file in saved:
        found = load_file(other / file.relative_to(one))
        for name, value in load_file(file).items():
            assert float((value - found[name]).abs().max()) < 1e-5, name


@pytest.mark.parametrize("ahead", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_workers_change_neither_curve_nor_weights(case: str, ahead: int, tmp_path: Path) -> None:
    settings = CASES[case]
    if ahead and "opponents.mode=league" in settings:
        pytest.skip("a league is refused, as test_ahead.py holds")
    here = trained(tmp_path / "here", *settings, f"rollout.ahead={ahead}")
    there = trained(tmp_path / "there", *settings, f"rollout.ahead={ahead}", "rollout.workers=2")
    equal(here, there)
