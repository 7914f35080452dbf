"""What a training step costs: TRL's path beside a plain loop on the same samples, and where the time goes.

Run as `python benchmarks/training.py`. The first table times the optimiser's part alone: the same packed
samples go through `SelfPlayTrainer` and through the forty-line loop that is the tests' oracle. The second
shares out the wall time of real steps of self-play on Kuhn poker.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import importlib.util
import logging
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

STEPS = 100
WARM = 10
THREADS = 1


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    torch.set_num_threads(THREADS)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    print(f"torch {torch.__version__}, {THREADS} thread, CPU time, {STEPS} steps of each in turn\n")
    with quiet():
        for fold in (False, True):
            beside_plain_loop(fold)
        where_time_goes()


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


def where_time_goes() -> None:
    """Shares of the wall time of real steps, by the phases that every run records."""
    config = recipe("spiral")
    steps = 120
    record = replace(config.record, evaluate_every=0, checkpoint_every=0, transcripts_every=0)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(
            replace(config, steps=steps, record=record, threads=THREADS, out=str(out)), quiet=True
        )
        last = RunFolder(out).records()[-1]
    seconds = {name[8:]: value for name, value in last.items() if name.startswith("seconds/")}
    whole = sum(seconds.values())
    print(
        f"\nself-play on Kuhn, {config.rollout.games} games a step, {1e3 * whole / steps:.0f} ms a step"
    )
    for name, value in seconds.items():
        print(f"  {name:8} {value / whole:6.1%}")
    work = sum(seconds.get(name, 0.0) for name in ("play", "verify", "update"))
    print(
        f"outside generation, verification and optimiser: {1 - work / whole:.1%} (aim: under 10%)"
    )


if __name__ == "__main__":
    main()
