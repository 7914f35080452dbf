"""Engines as actors on a local Ray cluster of two nodes: the same replies, whoever lives to give them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sparring.agents.policy import Key, Request
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.envs.registry import Game
from sparring.envs.types import Message, PolicyRef, Reply

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402 - only where Ray is installed
from sparring.arenas.executors.ray_fleet import Fleet, FleetError  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
REF = PolicyRef("fleet", "fleet/0")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Generator[None]:
    nodes = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address, log_to_driver=False)
    yield
    ray.shutdown()
    nodes.shutdown()


def make_engine(folder: Path, dies: bool, fails: bool) -> Any:
    """An engine whose class is made where it runs, so that no worker need import this file."""

    class Engine:
        """Says what its key and weights say; notes what it answered; may die once, in its second call."""

        ref = PolicyRef("engine")

        def __init__(self) -> None:
            self.weights = "none"
            self.calls = 0

        def load(self, state: Mapping[str, Any], weights: str) -> None:
            self.weights = f"{weights}:{state['w']}"

        async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
            self.calls += 1
            if fails:
                raise ValueError("no such token")
            node = ray.get_runtime_context().get_node_id()
            (folder / f"{os.getpid()}-{self.calls}-{len(requests)}-{node}").touch()
            await asyncio.sleep(0.05)
            if dies and self.calls == 2:
                try:
                    (folder / "died").touch(exist_ok=False)
                except FileExistsError:
                    pass
                else:
                    os._exit(1)
            said = [
                (r.choices or ("x",))[(r.key.seed + r.key.ask) % len(r.choices or "x")]
                for r in requests
            ]
            return [Reply(text, thought=self.weights) for text in said]

    return Engine()


def asked(count: int) -> list[Request]:
    view = (Message("game", "J"),)
    return [
        Request("first", "first", view, ("check", "bet"), Key(n, 0, "first", 0))
        for n in range(count)
    ]


def notes(folder: Path) -> list[list[str]]:
    return [path.name.split("-") for path in folder.iterdir() if path.name != "died"]


def test_games_on_a_fleet_with_a_dying_engine_are_those_of_one_engine(
    tmp_path: Path, kuhn: Game
) -> None:
    def episodes(policy: Any) -> list[Any]:
        seats: dict[str, Any] = dict.fromkeys(kuhn.seats, policy)
        matches = [Match(kuhn, seats, seed) for seed in range(60)]
        return asyncio.run(play_all(matches, at_once=60))

    alone = episodes(Alone())
    with Fleet(partial(make_engine, tmp_path, True, False), REF, workers=2, piece=8) as fleet:
        together = episodes(fleet)
        assert fleet.deaths == 1
        again = episodes(fleet)  # in another event loop
    assert [e.payoff for e in again] == [e.payoff for e in alone]
    assert [[(t.seat, t.reply.text) for t in e.turns] for e in together] == [
        [(t.seat, t.reply.text) for t in e.turns] for e in alone
    ]
    assert all(episode.ending.kind == "outcome" for episode in together)
    called = notes(tmp_path)
    assert len({pid for pid, *_ in called}) == 3  # two, and the one that took the dead one's place
    assert len({node for *_, node in called}) == 2
    turns = 2 * sum(len(episode.turns) for episode in together)
    assert (
        turns < sum(int(size) for _, _, size, _ in called) <= turns + 8
    )  # one piece was asked again


class Alone:
    ref = PolicyRef("alone")

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [
            Reply((r.choices or ("x",))[(r.key.seed + r.key.ask) % len(r.choices or "x")])
            for r in requests
        ]


def test_published_weights_reach_every_engine_before_it_answers(tmp_path: Path) -> None:
    async def go(fleet: Fleet) -> None:
        fleet.publish({"w": 1}, PolicyRef("learner", "step 1"))
        assert {r.thought for r in await fleet.act(asked(40))} == {"step 1:1"}
        fleet.publish({"w": 2}, PolicyRef("learner", "step 2"))
        assert fleet.ref == PolicyRef("learner", "step 2")
        assert {r.thought for r in await fleet.act(asked(40))} == {"step 2:2"}

    with Fleet(partial(make_engine, tmp_path, True, False), REF, workers=2, piece=4) as fleet:
        asyncio.run(go(fleet))
        assert fleet.deaths == 1


def test_what_an_engine_raises_is_told_and_is_no_death(tmp_path: Path) -> None:
    with Fleet(partial(make_engine, tmp_path, False, True), REF, workers=1) as fleet:
        with pytest.raises(FleetError, match="no such token"):
            asyncio.run(fleet.act(asked(3)))
        assert fleet.deaths == 0
