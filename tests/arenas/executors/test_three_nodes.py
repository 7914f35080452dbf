"""A cluster of three nodes, one of which is killed: training, tournament and experiment end as without it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.cli import main
from sparring.training.recipes import configured
from sparring.training.run import train

ray = pytest.importorskip("ray")
from ray._private import state  # noqa: E402 - only where Ray is installed
from ray.cluster_utils import Cluster  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SMALL = {
    "rollout.games": 16,
    "record.tensorboard": "false",
    "record.evaluate_every": 8,
    "record.checkpoint_every": 2,
    "record.metrics_every": 1,
    "steps": 8,
    "threads": 1,
}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Generator[Cluster]:
    """Three nodes of one core each; a node that is silent for four seconds is dead."""
    quick = {"health_check_period_ms": 1000, "health_check_failure_threshold": 4}
    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": quick}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    nodes.add_node(num_cpus=1)
    nodes.add_node(num_cpus=1)
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@contextlib.contextmanager
def killing(cluster: Cluster, begun: Callable[[], bool]) -> Generator[list[str]]:
    """Kill −9 a node that works, not the head, once it has begun; yields which was killed."""
    dead: list[str] = []

    def kill() -> None:
        while not begun():
            time.sleep(0.02)
        others = [node for node in cluster.list_all_nodes() if node is not cluster.head_node]
        busy = [node for node in others if node.node_id in working()]
        node = (busy or others)[0]
        os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
        dead.append(node.node_id)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    yield dead
    thread.join(5)


def working() -> set[str]:
    """The nodes on which actors live; empty where none can be told."""
    with contextlib.suppress(Exception):
        return {
            actor["Address"]["NodeID"]
            for actor in state.actors().values()
            if actor["State"] == "ALIVE"
        }
    return set()


def recorded(folder: Path, step: int) -> bool:
    return any(r["step"] >= step for r in RunFolder(folder).records())


def test_a_training_loses_nothing_with_a_node(cluster: Cluster, tmp_path: Path) -> None:
    def run(name: str, **more: Any) -> list[dict[str, Any]]:
        settings = {**SMALL, **more}
        return RunFolder(
            train(
                configured("spiral", None, settings, {"out": str(tmp_path / name)}), quiet=True
            ).folder
        ).records()

    alone = run("alone")
    with killing(cluster, lambda: recorded(tmp_path / "many", 2)) as dead:
        many = run("many", **{"rollout.workers": 2})
    assert dead
    for a, b in zip(alone, many, strict=True):
        names = [
            n for n in a if n.startswith(("baseline/", "payoff/")) or n in ("nashconv", "samples")
        ]
        assert {n: a[n] for n in names} == pytest.approx(
            {n: b[n] for n in names}, rel=1e-3, abs=1e-5
        )


def test_a_tournament_loses_no_game_with_a_node(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def table(name: str, *more: str) -> Any:
        out = str(tmp_path / name)
        words = ["kuhn-poker-v0", "random", "nash", "--pairs", "400", "--out", out, *more]
        assert main(["tournament", *words]) == 0
        said = capsys.readouterr().out.splitlines()
        return [line for line in said if "random" in line or "nash" in line]

    alone = table("alone")
    with killing(cluster, lambda: bool(working())) as dead:
        many = table("many", "--executor", "ray")
    assert dead
    assert many == alone != []


def test_an_experiment_loses_no_run_with_a_node(cluster: Cluster, tmp_path: Path) -> None:
    lines = [f"{name} = {value}" for name, value in SMALL.items()]
    (tmp_path / "two.toml").write_text(
        "\n".join(
            [
                'claim = "A higher rate learns faster."',
                'paper = "none"',
                'recipe = "spiral"',
                "seeds = [0, 1]",
                'number = "nashconv"',
                'expect = ["slow > fast"]',
                "[settings]",
                *lines,
                "[arms.slow]",
                "update.lr = 1e-4",
                "[arms.fast]",
                "update.lr = 1e-3",
            ]
        )
    )

    def result(name: str, *more: str) -> Any:
        out = tmp_path / name
        assert main(["experiment", str(tmp_path / "two.toml"), "--out", str(out), *more]) == 0
        return json.loads((out / "result.json").read_text())

    alone = result("alone", "--jobs", "2")
    begun = tmp_path / "many"
    with killing(cluster, lambda: any(recorded(p, 1) for p in begun.glob("*-?"))) as dead:
        many = result("many", "--executor", "ray")
    assert dead
    for name in ("slow-0", "slow-1", "fast-0", "fast-1"):
        ends = [
            RunFolder(tmp_path / where / name).records()[-1]["nashconv"]
            for where in ("alone", "many")
        ]
        assert ends[0] == ends[1]
    assert alone.keys() == many.keys()
