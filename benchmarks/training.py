"""What a training step costs: TRL's path beside a plain loop on the same samples, and where the time goes.

Run as `python benchmarks/training.py`. The first table times the optimiser's part alone: the same packed
samples go through `SelfPlayTrainer` and through the forty-line loop that is the tests' oracle. The second
shares out the wall time of real steps of self-play on Kuhn poker.
"""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import logging
import tempfile
import time
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import torch
from sparring.agents.models import load_model, quiet
from sparring.envs.registry import find
from sparring.sandbox.lazy import Lazy
from sparring.training.batch import Batch
from sparring.training.config import Config
from sparring.training.recipes import recipe
from sparring.training.records import read_metrics
from sparring.training.run import train
from sparring.training.selfplay import SelfPlay, Timed
from sparring.training.trainer import SelfPlayTrainer
from sparring.training.weights import Average
from transformers import TrainerCallback

STEPS = 40
THREADS = 1


def main() -> None:
    torch.set_num_threads(THREADS)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    print(f"torch {torch.__version__}, {THREADS} thread, CPU time, median of {STEPS} steps\n")
    with quiet():
        for fold in (False, True):
            beside_plain_loop(fold)
        where_time_goes()


def beside_plain_loop(fold: bool) -> None:
    """One step of TRL's path and of the plain loop on the same rows, in milliseconds of CPU time."""
    config = recipe("spiral")
    config = replace(config, steps=STEPS + 1, update=replace(config.update, fold=fold))
    game = find(config.game)
    policy = load_model("tiny", game)
    loop = asyncio.new_event_loop()
    play = SelfPlay(config, game, policy, loop=loop, verifier=Timed(Lazy()))
    packed = [play.batch(step) for step in range(3)]
    loop.close()
    plain, reference = copy.deepcopy(policy.model), copy.deepcopy(policy.model)
    with tempfile.TemporaryDirectory() as folder:
        ours = trl_steps(policy.model, policy.dialect.tokenizer, config, packed, Path(folder))
    theirs = plain_steps(plain, reference, config, packed)
    print(
        f"{len(packed[0].rows):4} rows ({'equal ones folded' if fold else 'each sample its own'}): "
        f"TRL's path {ours:6.1f} ms, plain loop {theirs:6.1f} ms, ratio {ours / theirs:.2f}"
    )


def trl_steps(model: Any, tokenizer: Any, config: Config, packed: list[Batch], folder: Path) -> float:
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *arguments: Any, **named: Any) -> None:
            ends.append(time.process_time())

    trainer = SelfPlayTrainer(
        model, tokenizer, config, lambda step: packed[step % 3], folder=folder, callbacks=[Clock()]
    )
    trainer.probe_every = config.steps + 1
    trainer.pull(Average(model), config.update.kl)
    trainer.train()
    return 1e3 * median(b - a for a, b in pairwise(ends))


def plain_steps(model: Any, reference: Any, config: Config, packed: list[Batch]) -> float:
    update = config.update
    starts: list[float] = []

    def source(step: int) -> Batch:
        starts.append(time.process_time())
        return packed[step % 3]

    plain_loop().train(
        model,
        source,
        config.steps,
        lr=update.lr,
        kind=update.loss,
        reference=reference,
        kl=update.kl,
        longest=config.rollout.max_tokens,
    )
    return 1e3 * median(b - a for a, b in pairwise(starts))


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
    steps = 3 * STEPS
    record = replace(config.record, evaluate_every=0, checkpoint_every=0, transcripts_every=0)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(replace(config, steps=steps, record=record, threads=THREADS, out=str(out)), quiet=True)
        last = read_metrics(out)[-1]
    seconds = {name[8:]: value for name, value in last.items() if name.startswith("seconds/")}
    whole = sum(seconds.values())
    print(f"\nself-play on Kuhn, {config.rollout.games} games a step, {1e3 * whole / steps:.0f} ms a step")
    for name, value in seconds.items():
        print(f"  {name:8} {value / whole:6.1%}")
    work = sum(seconds.get(name, 0.0) for name in ("play", "verify", "update"))
    print(f"outside generation, verification and optimiser: {1 - work / whole:.1%} (aim: under 10%)")


if __name__ == "__main__":
    main()
