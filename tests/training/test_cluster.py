"""A local Ray cluster of three nodes, one of which is killed in the middle of what it does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncGenerator, Generator, Iterable
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.agents.scripted import scripted
from sparring.arenas.executors.local import Executor, Local, Order
from sparring.arenas.fixture import Settled
from sparring.arenas.store.reading import Archive
from sparring.arenas.tournament import tournament
from sparring.envs.registry import find
from sparring.training.ahead.workers import Workers
from sparring.training.experiments.design import read
from sparring.training.experiments.experiment import experiment
from sparring.training.experiments.outcome import Result
from sparring.training.recipes import configured
from sparring.training.run import train

ray: Any = pytest.importorskip("ray")
from ray._private.state import actors  # noqa: E402 - only where Ray is installed
from ray.cluster_utils import Cluster  # noqa: E402
from sparring.arenas.executors.ray import Ray  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

EXPERIMENT = """
claim = "A step moves the weights."
seeds = [1, 2]
number = "nashconv"
expect = ["fast - still < 0"]
[settings]
steps = 60
threads = 1
rollout = { games = 16, max_tokens = 4 }
record = { evaluate_every = 20, metrics_every = 10, checkpoint_every = 5, transcripts_every = 0 }
[arms.fast]
update = { lr = 1e-3 }
[arms.still]
"update.lr" = 0.0
"""


class Node:
    """The third node of the cluster."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self.killed = False

    def works(self) -> bool:
        """Whether an actor lives there."""
        return any(
            actor["State"] == "ALIVE" and actor["Address"]["NodeID"] == self._node.node_id
            for actor in actors().values()
        )

    def kill(self) -> None:
        """As when its machine fails: all of its processes at once."""
        (raylet,) = [each.process.pid for each in self._node.all_processes["raylet"]]
        for pid in [raylet, *_below(raylet)]:
            os.kill(pid, signal.SIGKILL)
        self.killed = True


def _below(parent: int) -> list[int]:
    """The processes that one started, and those that these started."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            above = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if above == parent:
            found += [int(entry.name), *_below(int(entry.name))]
    return found


@pytest.fixture(scope="module")
def cluster() -> Generator[Cluster]:
    # Ray's workers give way to everything else, and a busy machine never gets to them.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - as Ray spells it
    nodes = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address, log_to_driver=False)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture
def node(cluster: Cluster) -> Generator[Node]:
    made = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield Node(made)
    cluster.remove_node(made, allow_graceful=False)


def test_a_training_loses_nothing_with_a_node(tmp_path, node, monkeypatch):
    """Its opponents are its own checkpoints, and sit on the workers."""
    settings = [
        "rollout.games=12",
        "rollout.workers=3",
        "opponents.mode=past",
        "steps=8",
        "record.checkpoint_every=2",
        "record.metrics_every=1",
        "record.evaluate_every=8",
        "record.tensorboard=false",
        "threads=1",
    ]

    def trained(name: str):
        config = configured("spiral", None, settings, {"out": str(tmp_path / name)})
        folder = train(config, quiet=True).folder
        timed = ("seconds/", "games_per_second", "player_seconds/", "wait_seconds")
        curve = [
            {k: v for k, v in r.items() if not k.startswith(timed)}
            for r in RunFolder(folder).records()
        ]
        return curve, (folder / "checkpoints/step-8/model.safetensors").read_bytes()

    whole, played, said = trained("whole"), Workers.next, list[str]()

    def disturbed(self: Workers):
        self._say = said.append
        if not node.killed and node.works():
            node.kill()
        return played(self)

    monkeypatch.setattr(Workers, "next", disturbed)
    assert trained("disturbed") == whole
    assert node.killed
    assert said == ["a worker died (1 so far); what it played is played again"]
    assert any(name.startswith("games_against/step-") for record in whole[0] for name in record)


class Disturbed:
    """An executor whose third node is killed once it plays."""

    def __init__(self, inner: Ray, node: Node) -> None:
        self.at_once = inner.at_once
        self.void = 0
        self._inner = inner
        self._node = node

    async def play(self, orders: Iterable[Order]) -> AsyncGenerator[Settled]:
        async for settled in self._inner.play(orders):
            if not self._node.killed and self._node.works():
                self._node.kill()
            self.void += settled.row.void
            yield settled


def test_a_tournament_loses_nothing_with_a_node(tmp_path: Path, node: Node) -> None:
    kuhn = find("kuhn-poker-v0")
    entrants = [scripted(name, kuhn) for name in ("random", "nash")]
    specs = {scripted(name, kuhn).ref.id: name for name in ("random", "nash")}
    with Ray(partial(scripted, game=kuhn), specs, workers=3, chunk=250) as inner:
        disturbed = Disturbed(inner, node)

        def held(store: str, pairs: int, executor: Executor) -> None:
            tournament(kuhn, entrants, tmp_path / store, pairs=pairs, executor=lambda _: executor)

        # until its worker is up, which may take longer than all games
        early = 0
        while not node.works():
            held(f"early-{early}.sqlite", 400, inner)
            early += 1
        held("ray.sqlite", 2_000, disturbed)
    tournament(kuhn, entrants, tmp_path / "here.sqlite", pairs=2_000, executor=Local)
    assert node.killed
    assert disturbed.void > 0
    with Archive(tmp_path / "ray.sqlite") as store, Archive(tmp_path / "here.sqlite") as here:
        assert list(store.export()) == list(here.export())


def test_an_experiment_loses_nothing_with_a_node(tmp_path: Path, node: Node) -> None:
    file = tmp_path / "steps.toml"
    file.write_text(EXPERIMENT)
    out = tmp_path / "ray"
    said: list[str] = []

    def kill() -> None:
        """Once every run has a checkpoint, or is over."""
        while not (node.works() and len(list(out.glob("*/checkpoints/step-5"))) >= 3):
            time.sleep(0.1)
        node.kill()

    Thread(target=kill, daemon=True).start()
    there = experiment(read(file), out, 3, executor="ray", say=said.append)
    here = experiment(read(file), tmp_path / "here", 2, say=print)
    assert node.killed
    assert "a worker died (1 so far); its run went on elsewhere" in said
    assert numbers(there) == numbers(here)


def numbers(result: Result) -> dict[str, Any]:
    """Its table without what the clock says."""
    return {name: (arm.numbers, arm.steps, arm.tokens) for name, arm in result.arms.items()}
