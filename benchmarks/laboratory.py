"""How fast small experiments are beside another version of this code: games a second, and `tiny`'s build.

    git worktree add ../before 435feb5
    python benchmarks/laboratory.py ../before [--games kuhn-poker-v0 …] [--steps 12] [--build leduc-poker-v0]

Both versions run real training steps of 256 games, each in a process of its own, a step each in turns:
whatever slows the machine slows both. Both start at the same weights, those that this version builds. The
ratio is the middle one of the pairs of turns, by CPU time and by wall time. `--build GAME` times the build of
`tiny` too, and prints how far each result is from uniform over the legal moves; `--evaluate GAME` exact
evaluations.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import IO, Any

GAMES = ("kuhn-poker-v0", "leduc-poker-v0", "tic-tac-toe-v0")
WARM = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path, help="a checkout of the version to compare with")
    parser.add_argument("--games", nargs="*", default=list(GAMES), metavar="GAME")
    parser.add_argument("--steps", type=int, default=12, help="turns of each (default 12)")
    parser.add_argument("--build", nargs="*", default=[], metavar="GAME")
    parser.add_argument("--evaluate", nargs="*", default=[], metavar="GAME")
    chosen = parser.parse_args()

    here = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as folder:
        for game in chosen.games:
            compare("step", game, chosen.before, here, chosen.steps, Path(folder))
        for game in chosen.evaluate:
            compare("evaluate", game, chosen.before, here, chosen.steps, Path(folder))
        for game in chosen.build:
            compare("build", game, chosen.before, here, 1, Path(folder))


def compare(kind: str, game: str, before: Path, here: Path, turns: int, folder: Path) -> None:
    """Print how long the versions take for the same, in turns, and the ratio."""
    model = str(folder / game)
    if kind != "build" and not Path(model).exists():
        # Built once, so that both play by the same weights.
        with worker(here, "built", game, model) as (_, told):
            next(told)

    warm = 0 if kind == "build" else WARM
    taken: list[list[dict[str, float]]] = [[], []]
    with worker(before, kind, game, model) as old, worker(here, kind, game, model) as new:
        for _ in range(warm + turns):
            for side, (ask, told) in enumerate((old, new)):
                print("go", file=ask, flush=True)
                taken[side].append(next(told))

    olds, news = (side[warm:] for side in taken)
    ratios = {
        clock: median(a[clock] / b[clock] for a, b in zip(olds, news, strict=True))
        for clock in ("cpu", "wall")
    }
    line = f"{kind:9} {game:16} ratio {ratios['cpu']:5.2f} (wall {ratios['wall']:.2f})"
    for name, side in (("before", olds), ("now", news)):
        line += f"; {name} {1e3 * median(one['cpu'] for one in side):8.1f} ms"
        if kind == "step":
            line += f" ({256 / median(one['cpu'] for one in side):.0f} games/s)"
        line += "".join(
            f", {key} {median(one[key] for one in side):.4g}"
            for key in side[0]
            if key not in ("cpu", "wall")
        )
    print(line, flush=True)


@contextmanager
def worker(
    root: Path, kind: str, game: str, model: str
) -> Generator[tuple[IO[str], Iterator[dict[str, float]]]]:
    """A process of one version: where to ask for a turn, and what it tells of each."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "SPARRING_CACHE": tempfile.mkdtemp(),
    }
    process = subprocess.Popen(
        [sys.executable, __file__, "--worker", str(root.resolve()), kind, game, model],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield process.stdin, map(json.loads, process.stdout)
    finally:
        process.stdin.close()
        process.wait()


def work(root: Path, kind: str, game: str, model: str) -> None:
    """In a version's own process: one turn for every line that comes in."""
    # The versions' packages are found by their folders, not by what is installed.
    sys.path.insert(0, str(alias(root)))
    import torch

    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    turns = {"built": built, "step": steps, "evaluate": evaluations, "build": builds}
    found = turns[kind](game, Path(model))

    if kind == "built":
        print(json.dumps(next(found)), flush=True)
        return
    for _ in sys.stdin:
        print(json.dumps(next(found)), flush=True)


def alias(root: Path) -> Path:
    """A folder in which `sparring` is this version, its rooms inside it."""
    folder = Path(tempfile.mkdtemp())
    package = folder / "sparring"
    package.mkdir()
    for part in (*(root / "sparring").iterdir(), *map(root.joinpath, ROOMS)):
        (package / part.name).symlink_to(part)
    return folder


ROOMS = ("agents", "arenas", "envs", "sandbox", "training")


def built(game: str, folder: Path) -> Iterator[dict[str, float]]:
    """The weights that all turns begin with."""
    from sparring.agents.models.tiny import Shape, build
    from sparring.agents.models.weights import quiet
    from sparring.envs.registry import find

    folder.mkdir()
    with quiet():
        build(folder, find(game), 0, Shape(steps=100))
    yield {}


def builds(game: str, folder: Path) -> Iterator[dict[str, float]]:
    """`tiny` from nothing, and the mean KL of the odds it was taught from its own."""
    from sparring.agents.language.chat_template import Dialect
    from sparring.agents.language.exact import distributions
    from sparring.agents.language.transformer import Transformer
    from sparring.agents.models.tiny import Shape, build, random_play
    from sparring.agents.models.weights import quiet
    from sparring.agents.policy import Key, Request
    from sparring.envs.registry import find
    from transformers import AutoModelForCausalLM, AutoTokenizer

    while True:
        made = Path(tempfile.mkdtemp())
        began = time.perf_counter(), time.process_time()
        with quiet():
            build(made, find(game), 0, Shape())
        took = since(*began)

        # Views of other games than those that were imitated, each once.
        views = {
            (one.role, one.view, one.choices)
            for one in random_play(find(game), 200, 1)
            if not one.again
        }
        model: Any = AutoModelForCausalLM.from_pretrained(made).eval()
        policy = Transformer(
            model, Dialect(AutoTokenizer.from_pretrained(made)), name="t", weights="w"
        )
        asked = [Request(r, r, v, c, Key(0, 0, r, 0)) for r, v, c in sorted(views, key=repr)[:500]]
        yield took | {"KL to uniform": divergence(distributions(policy, asked))}


def divergence(found: Any) -> float:
    """The mean KL(uniform‖policy) over whole replies, what is not legal counted against the policy."""
    import math

    each: list[float] = []
    for one in found:
        even = 1 / len(one.probability)
        odds = [p * one.legal_mass for p in one.probability.values()]
        each.append(sum(even * math.log(even / p) for p in odds))
    return sum(each) / len(each)


def steps(game: str, folder: Path) -> Iterator[dict[str, float]]:
    """Whole steps of the recipe `spiral`: games, credit, both passes, the optimiser."""
    from sparring.agents.models.weights import quiet
    from sparring.envs.registry import find
    from sparring.sandbox.choose import Lazy
    from sparring.training.players.learner import loaded
    from sparring.training.recipes import recipe
    from sparring.training.selfplay import SelfPlay, Timed
    from sparring.training.trainer import SelfPlayTrainer
    from sparring.training.weights import Average
    from transformers import TrainerCallback

    config = recipe("spiral")
    rollout = replace(config.rollout, max_tokens=16)
    config = replace(config, game=game, model=str(folder), steps=10_000, rollout=rollout)
    policy = loaded(config, find(game))
    loop = asyncio.new_event_loop()
    # The first version took one game where later ones take several.
    several = "games" in inspect.signature(SelfPlay).parameters
    games: Any = [find(game)] if several else find(game)
    play = SelfPlay(config, games, policy, loop=loop, verifier=Timed(Lazy()))

    began = (0.0, 0.0)
    taken: queue.Queue[dict[str, float]] = queue.Queue()
    go = threading.Semaphore(0)

    class Turns(TrainerCallback):
        def on_step_begin(self, *arguments: Any, **named: Any) -> None:
            nonlocal began
            go.acquire()
            began = time.perf_counter(), time.process_time()

        def on_pre_optimizer_step(self, *arguments: Any, **named: Any) -> None:
            trainer.check()

        def on_step_end(self, *arguments: Any, **named: Any) -> None:
            taken.put(since(*began))

    with quiet():
        trainer = SelfPlayTrainer(
            policy.model,
            policy.dialect.tokenizer,
            config,
            play.batch,
            folder=Path(tempfile.mkdtemp()),
        )
    trainer.add_callback(Turns())
    trainer.pull(Average(policy.model), config.update.kl)
    trainer.probe_every = config.steps + 1
    threading.Thread(target=trainer.train, daemon=True).start()
    while True:
        go.release()
        yield taken.get()


def evaluations(game: str, folder: Path) -> Iterator[dict[str, float]]:
    """Exact evaluations of one policy at every information set, and what they find."""
    from sparring.agents.models.load import load_model
    from sparring.envs.registry import find
    from sparring.training.watch.evaluate import evaluate, exact_tree

    tree = exact_tree(find(game))
    assert tree, f"{game} has no tree that can be walked"
    policy = load_model(str(folder), find(game))
    while True:
        began = time.perf_counter(), time.process_time()
        found = evaluate(tree, policy)
        yield since(*began) | {"NashConv": found.nash_conv, "legal mass": found.legal_mass}


def since(wall: float, cpu: float) -> dict[str, float]:
    """Seconds since then, by the wall's clock and by the processor's."""
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(Path(sys.argv[2]), *sys.argv[3:6])
    else:
        main()
