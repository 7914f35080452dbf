"""What a training step costs: TRL's path beside a plain loop on the same samples, and where the time goes.

    python benchmarks/training.py [--before CHECKOUT] [--turns 3]

The first table times the optimiser's part alone: the same packed samples go through `SelfPlayTrainer` and
through the forty-line loop that is the tests' oracle. The second shares out the CPU time of real steps of
self-play on Kuhn poker; with another checkout of Sparring both take turns and only that is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import torch
from sparring.agents.models.weights import quiet
from sparring.agents.run_folder import RunFolder
from sparring.envs.registry import find
from sparring.sandbox.choose import Lazy
from sparring.training.config import Config
from sparring.training.data.batch import Batch
from sparring.training.players.learner import loaded
from sparring.training.recipes import recipe
from sparring.training.run import train
from sparring.training.selfplay import SelfPlay
from sparring.training.timed import Timed
from sparring.training.trainer import SelfPlayTrainer
from sparring.training.weights import Average
from transformers import TrainerCallback

HERE = Path(__file__).resolve().parents[1]
STEPS = 100
WARM = 10
THREADS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--before", type=Path, help="a checkout of the version to compare with")
    parser.add_argument("--turns", type=int, default=3, help="runs of each version")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()

    torch.set_num_threads(THREADS)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    if given.worker:
        print(json.dumps(phases()))
        return
    if given.before:
        where_time_goes(given.turns, given.before.resolve())
        return

    print(f"torch {torch.__version__}, {THREADS} thread, CPU time, {STEPS} steps of each in turn\n")
    with quiet():
        for fold in (False, True):
            beside_plain_loop(fold)
    where_time_goes(given.turns)


def beside_plain_loop(fold: bool) -> None:
    """TRL's path and the plain loop take turns, a step each on the same rows: milliseconds of CPU time."""
    config = recipe("spiral")
    config = replace(config, steps=STEPS + WARM, update=replace(config.update, fold=fold))
    game = find(config.game)
    policy = loaded(config, game)
    loop = asyncio.new_event_loop()
    play = SelfPlay(config, [game], policy, loop=loop, verifier=Timed(Lazy()))
    packed = [play.batch(step) for step in range(3)]
    loop.close()
    turns = Turns(plain_steps(copy.deepcopy(policy.model), config, packed))
    with tempfile.TemporaryDirectory() as folder:
        trainer = SelfPlayTrainer(
            policy.model,
            policy.dialect.tokenizer,
            config,
            lambda step: packed[step % 3],
            folder=Path(folder),
        )
        trainer.add_callback(turns)
        trainer.probe_every = config.steps + 1
        trainer.pull(Average(policy.model), config.update.kl)
        trainer.train()
    ours, theirs = turns.ours[WARM:], turns.theirs[WARM:]
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    low, middle, high = (ratios[len(ratios) * part // 10] for part in (1, 5, 9))
    print(
        f"{len(packed[0].rows):4} rows ({'equal ones folded' if fold else 'each sample its own'}): "
        f"TRL's path {1e3 * median(ours):6.1f} ms (least {1e3 * min(ours):.1f}), "
        f"plain loop {1e3 * median(theirs):6.1f} ms (least {1e3 * min(theirs):.1f}), "
        f"ratio {middle:.2f} (nine in ten from {low:.2f}, one in ten from {high:.2f})"
    )


class Turns(TrainerCallback):
    """After each step of TRL's path, one of the plain loop: whatever slows the machine slows both."""

    def __init__(self, plain: Iterator[float]) -> None:
        self.ours: list[float] = []
        self.theirs: list[float] = []
        self._plain = plain
        self._since = 0.0

    def on_train_begin(self, *arguments: Any, **named: Any) -> None:
        self._since = time.process_time()

    def on_step_end(self, *arguments: Any, **named: Any) -> None:
        ended = time.process_time()
        self.ours.append(ended - self._since)
        next(self._plain)
        self._since = time.process_time()
        self.theirs.append(self._since - ended)


def plain_steps(model: Any, config: Config, packed: list[Batch]) -> Iterator[float]:
    update = config.update
    return plain_loop().train(
        model,
        lambda step: packed[step % 3],
        config.steps,
        lr=update.lr,
        kind=update.loss,
        reference=copy.deepcopy(model),
        kl=update.kl,
        longest=config.rollout.max_tokens,
    )


def plain_loop() -> ModuleType:
    """The tests' oracle, which is no part of the package."""
    path = Path(__file__).parent.parent / "tests" / "training" / "oracle.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec, path
    assert spec.loader, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def where_time_goes(turns: int, before: Path | None = None) -> None:
    """Shares of the CPU time of real steps, by the phases that every run records; versions take turns."""
    checkouts = {"now": HERE} | ({"before": before} if before else {})
    found: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for _ in range(turns):
        for name, checkout in checkouts.items():
            found[name].append(told(checkout))

    wholes = dict[str, float]()
    for name, runs in found.items():
        spent = {phase: 1e3 * median(run[phase] for run in runs) for phase in runs[0]}
        wholes[name] = sum(spent.values())
        work = sum(spent.get(phase, 0.0) for phase in ("play", "verify", "update"))
        parts = ", ".join(
            f"{phase} {ms:.1f} ({ms / wholes[name]:.1%})" for phase, ms in spent.items()
        )
        print(f"{name:7} {wholes[name]:.1f} ms of CPU a step of Kuhn: {parts}")
        share = 1 - work / wholes[name]
        print(
            f"        outside generation, verification and optimiser: {share:.1%} (aim: under 10%)"
        )
    if before:
        print(f"now over before: {wholes['now'] / wholes['before']:.2f}")


def told(checkout: Path) -> dict[str, float]:
    """`phases` in a process of a checkout's own."""
    # the links for type checkers are a package `sparring` like any other
    path = {**os.environ, "PYTHONPATH": str(checkout / "typings"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", __file__, "--worker"]
    done = subprocess.run(command, env=path, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def phases() -> dict[str, float]:
    """CPU seconds of a step by phase, the first steps left out."""
    # Runs time their phases by this clock: a busy machine must not count.
    time.perf_counter = time.process_time
    config = recipe("spiral")
    record = replace(config.record, evaluate_every=0, checkpoint_every=0, transcripts_every=0)
    with tempfile.TemporaryDirectory() as folder, quiet():
        out = Path(folder) / "run"
        run = replace(config, steps=60, record=record, threads=THREADS, out=str(out))
        train(run, quiet=True)
        records = RunFolder(out).records()
    first, last = next(r for r in records if r["step"] == WARM), records[-1]
    steps = last["step"] - WARM
    return {
        name[8:]: (last[name] - first.get(name, 0.0)) / steps
        for name in last
        if name.startswith("seconds/")
    }


if __name__ == "__main__":
    main()
