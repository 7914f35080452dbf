"""What playing ahead saves: wall time a step with `rollout.ahead` 0 and 1 in turns, and where both end.

    python benchmarks/ahead.py [--recipe spiral] [--steps 60] [--seeds 3] [--set SECTION.KEY=VALUE …]

Two cores: one plays, one learns (a thread of torch each). The same recipe and seed is trained with and
without, one run after the other, so that whatever slows the machine slows both. The limit is the longer half
of a step over their sum: no pipeline of two can be quicker. The ratio of CPU seconds, the busier process over
the one that does all, is what the wall time comes to on two cores of one's own. NashConv is exact, at the
last step.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any, ClassVar

import torch
from sparring.agents.run_folder import RunFolder
from sparring.training import assembly
from sparring.training.config import Config
from sparring.training.loop import Loop
from sparring.training.recipes import recipe
from sparring.training.run import train
from sparring.training.settings import override

WARM = 10
"""Steps at the beginning that are not timed."""


class Clocked(Loop):
    """A loop that notes the CPU seconds of its process after every step."""

    ticks: ClassVar[list[float]] = []

    def on_step_end(self, *arguments: Any, **named: Any) -> None:
        super().on_step_end(*arguments, **named)
        self.ticks.append(time.process_time())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--recipe", default="spiral")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ahead", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")

    assembly.Loop = Clocked
    ratios, limits, shares = list[float](), list[float](), list[float]()
    ends: dict[int, list[float]] = {0: [], given.ahead: []}
    for seed in range(given.seeds):
        spent: dict[int, float] = {}
        busy: dict[int, float] = {}
        for ahead in (0, given.ahead):
            settings = settled(given.recipe, given.set, given.steps, seed, ahead)
            records = run(settings)
            ends[ahead].append(float(records[-1]["nashconv"]))
            spent[ahead] = sum(seconds(records).values())
            player = fmean([r.get("player_seconds/cpu", 0.0) for r in records[1:]])
            busy[ahead] = max(learner_cpu(), player)
            if not ahead:
                parts = seconds(records)
                limits.append(max(parts["play"], spent[0] - parts["play"]) / spent[0])
            told = ", ".join(f"{name} {1e3 * s:.1f}" for name, s in seconds(records).items())
            print(f"seed {seed}, ahead {ahead}: {1e3 * spent[ahead]:.1f} ms a step ({told})")
            print(f"  CPU: learner {1e3 * learner_cpu():.1f} ms, player {1e3 * player:.1f} ms")
        ratios.append(spent[given.ahead] / spent[0])
        shares.append(busy[given.ahead] / busy[0])
        print(
            f"  ratio {ratios[-1]:.2f}, of CPU {shares[-1]:.2f}, limit {limits[-1]:.2f}", flush=True
        )

    print(
        f"\nahead {given.ahead} over 0: wall time of a step {median(ratios):.2f} (aim .65), ",
        end="",
    )
    print(f"CPU time {median(shares):.2f}, limit {median(limits):.2f}")
    for ahead, values in ends.items():
        spread = f" ± {1.96 * stdev(values) / len(values) ** 0.5:.3f}" if len(values) > 1 else ""
        print(f"NashConv after {given.steps} steps, ahead {ahead}: {fmean(values):.3f}{spread}")


def settled(name: str, overrides: Sequence[str], steps: int, seed: int, ahead: int) -> Config:
    """The settings of one run: the recipe's own but for what is written, and how often."""
    config = override(recipe(name), overrides)
    record = replace(
        config.record,
        evaluate_every=steps,
        metrics_every=5,
        checkpoint_every=0,
        transcripts_every=0,
        tensorboard=False,
    )
    rollout = replace(config.rollout, ahead=ahead)
    return replace(config, steps=steps, seed=seed, threads=1, rollout=rollout, record=record)


def run(config: Config) -> Sequence[Mapping[str, float]]:
    """The run's records."""
    Clocked.ticks.clear()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(replace(config, out=str(out)), quiet=True)
        return RunFolder(out).records()


def learner_cpu() -> float:
    """Mean CPU seconds of a step of the last run in this process, the first steps left out."""
    ticks = Clocked.ticks
    return (ticks[-2] - ticks[WARM - 1]) / (len(ticks) - 1 - WARM)


def seconds(records: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean wall seconds of a step by phase, the first steps left out."""
    first, last = next(r for r in records if r["step"] == WARM), records[-1]
    return {
        name[8:]: (last[name] - first.get(name, 0.0)) / (last["step"] - WARM)
        for name in last
        if name.startswith("seconds/")
    }


if __name__ == "__main__":
    main()
