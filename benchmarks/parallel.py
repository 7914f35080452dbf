"""What processes that train together save: wall time a step by one and by two, in turns.

    python benchmarks/parallel.py [--model smollm2-135m] [--games 32] [--steps 4] [--processes 2] [--rounds 2]

Each process has one thread of torch, the one that is alone too. The same recipe and seed is trained by one
and by all, one run after the other, so that whatever slows the machine slows both. The ratio of CPU seconds,
of the one over the busiest of all, is what the wall time comes to on cores of one's own. The limit is the
number of processes: packing is done by each of them, and messages come on top. The plain way beside it is
accelerate's own (`--plain`): a forward and a backward pass of the same model over rows of one length,
averaged by DistributedDataParallel, with no games at all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from sparring.agents.run_folder import RunFolder

WARM = 1
"""Steps at the beginning that are not timed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--game", default="kuhn-poker-v0")
    parser.add_argument("--games", type=int, default=32)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--plain", action="store_true", help="DistributedDataParallel beside it")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--train", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.train:
        clocked(given.train)
        return
    if given.worker:
        plain(given.model, given.games, given.steps)
        return

    ratios, shares = list[float](), list[float]()
    for number in range(given.rounds):
        spent = {count: trained(given, count) for count in (1, given.processes)}
        one, all_of_them = (sum(parts.values()) for parts, _ in spent.values())
        ratios.append(one / all_of_them)
        shares.append(spent[1][1] / spent[given.processes][1])
        for count, (parts, cpu) in spent.items():
            told = ", ".join(f"{name} {s:.2f}" for name, s in parts.items() if s >= 0.005)
            print(
                f"round {number}, {count}: {sum(parts.values()):.2f} s a step ({told}), CPU {cpu:.2f} s"
            )
        print(f"  {ratios[-1]:.2f} times as fast, of CPU {shares[-1]:.2f}", flush=True)
    print(
        f"\n{given.processes} processes: {median(ratios):.2f} times as fast as one, of CPU time "
        f"{median(shares):.2f} (aim {0.85 * given.processes:.2f}, limit {given.processes})"
    )

    if given.plain:
        alone, together = (rows_a_second(given, count) for count in (1, given.processes))
        print(f"DistributedDataParallel alone: {together / alone:.2f} times as many rows a second")


def trained(given: argparse.Namespace, count: int) -> tuple[dict[str, float], float]:
    """Mean wall seconds of a step by phase, as the first process sees them; CPU seconds of the busiest."""
    settings = {
        "game": given.game,
        "model": given.model,
        "steps": given.steps + WARM,
        "threads": 1,
        "rollout.games": given.games,
        "record.tensorboard": "false",
        "record.evaluate_every": 0,
        "record.checkpoint_every": 0,
        "record.transcripts_every": 0,
        "record.metrics_every": 1,
    }
    if given.model != "tiny":
        settings |= {"update.lora": 16, "update.lr": 1e-4}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    words += [word for each in given.set for word in ("--set", each)]

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        said = launched([__file__, "--train", "spiral", *words, "--out", str(out)], count)
        cpu = max(float(line.split()[1]) for line in said.splitlines() if line.startswith("CPU "))
        records = {r["step"]: r for r in RunFolder(out).records()}
        first, last = records[WARM], records[given.steps + WARM]
        parts = {
            name[8:]: (last[name] - first.get(name, 0.0)) / given.steps
            for name in last
            if name.startswith("seconds/")
        }
        return parts, cpu


def clocked(words: list[str]) -> None:
    """Train as the command line does, and say how much CPU time a step took in this process."""
    from sparring.cli import main as command
    from sparring.training import assembly
    from sparring.training.loop import Loop

    ticks: list[float] = []

    class Clocked(Loop):
        def on_step_end(self, *arguments: Any, **named: Any) -> None:
            super().on_step_end(*arguments, **named)
            ticks.append(time.process_time())

    assembly.Loop = Clocked
    if code := command(["train", *words]):
        raise SystemExit(code)
    print(f"CPU {(ticks[-1] - ticks[WARM - 1]) / (len(ticks) - WARM)}")


def launched(words: list[str], count: int) -> str:
    """Run as one process or as several; what it printed."""
    together = ["-m", "torch.distributed.run", "--nproc-per-node", str(count)]
    together += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    command = [sys.executable, *(together if count > 1 else []), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def rows_a_second(given: argparse.Namespace, count: int) -> float:
    """Of accelerate's own way: rows of all processes by the wall seconds of the slowest."""
    words = [__file__, "--worker", "--model", given.model]
    words += ["--games", str(given.games), "--steps", str(given.steps)]
    return float(launched(words, count).split()[-1])


def plain(model: str, rows: int, steps: int) -> None:
    """Forward and backward of a model over the rows of this process, its adapters' gradients averaged."""
    import torch
    from accelerate import Accelerator
    from peft import LoraConfig, get_peft_model
    from sparring.agents.models.weights import find_model
    from sparring.envs.registry import find
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    base = AutoModelForCausalLM.from_pretrained(find_model(model, find("nim-v0"), 0).folder)
    learner = get_peft_model(base, LoraConfig(r=16, target_modules="all-linear"))
    optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-4)
    learner, optimizer = accelerator.prepare(learner, optimizer)

    own = max(1, rows // accelerator.num_processes)
    ids = torch.randint(5, 100, (own, 96))
    began = 0.0
    for step in range(steps + WARM):
        if step == WARM:
            began = time.perf_counter()
        accelerator.backward(learner(input_ids=ids, labels=ids).loss)
        optimizer.step()
        optimizer.zero_grad()
    seconds = time.perf_counter() - began
    if accelerator.is_main_process:
        print(own * accelerator.num_processes * steps / seconds)


if __name__ == "__main__":
    main()
