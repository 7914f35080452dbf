"""Servers that die, come back empty, refuse or hold another model, and children that outlive nobody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from sparring.agents.engines import servers as module
from sparring.agents.engines.child import Child
from sparring.agents.engines.hosts import HostError, Hosts, open_host
from sparring.agents.engines.policy import Draw, Drawn, EngineError
from sparring.agents.engines.routing import BLOCK
from sparring.agents.engines.servers import ServerDownError, Servers
from sparring.agents.engines.vllm_api import is_vllm
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.weights import find_model
from sparring.agents.policy import FREE
from sparring.envs.registry import Game


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PROBE_SECONDS", 0.02)


@pytest.fixture
def python(tmp_path: Path) -> str:
    """An interpreter that runs the fake in place of vLLM."""
    script = tmp_path / "python"
    fake = Path(__file__).with_name("fake_vllm.py")
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake}" "$@"\n')
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def child(python: str, tmp_path: Path) -> Iterator[Child]:
    with Child(tmp_path, python=python) as running:
        yield running


def draws(*seeds: int, adapter: str | None = None) -> list[Draw]:
    return [Draw((5, 6), 1.0, 1.0, 4, seed, (1,), adapter) for seed in seeds]


def drawn(servers: Servers, asked: Sequence[Draw]) -> list[Drawn | Exception]:
    return list(asyncio.run(servers.draw(asked)))


def test_games_go_on_when_a_killed_server_is_back_with_all_that_it_had(
    child: Child, python: str, tmp_path: Path
) -> None:
    """Started anew it has neither adapters nor the weights that replaced its own: it gets both again."""
    servers = Servers([child.url], patience=60)
    servers.load("one", tmp_path)
    servers.replace(tmp_path)
    half = drawn(servers, draws(*range(20), adapter="one"))
    reborn: list[Child] = []

    def kill() -> None:
        child.kill()
        reborn.append(Child(tmp_path, python=python, port=child.port))

    killer = threading.Thread(target=kill)
    killer.start()
    found = [*half, *drawn(servers, draws(*range(20, 40), adapter="one"))]
    killer.join()
    found += drawn(servers, draws(*range(40, 60), adapter="one"))
    servers.close()
    reborn[0].close()
    assert [answer.tokens[0] for answer in found if isinstance(answer, Drawn)] == list(
        range(1000, 1060)
    )


def test_a_request_that_servers_die_of_fails_alone(child: Child) -> None:
    servers = Servers([child.url], patience=60)
    good, bad, fine = drawn(servers, draws(1, 666, 3))
    servers.close()
    assert isinstance(good, Drawn)
    assert isinstance(fine, Drawn)
    assert isinstance(bad, ServerDownError)
    assert "in 8 tries" in str(bad)


def test_a_closed_client_waits_for_no_server(child: Child) -> None:
    servers = Servers([child.url], patience=3600)
    child.kill()
    threading.Timer(0.2, servers.close).start()
    (fault,) = drawn(servers, draws(1))
    assert isinstance(fault, ServerDownError)
    assert "closed" in str(fault)


def test_a_server_with_another_model_is_refused(
    python: str, tmp_path: Path, kuhn: Game, tiny: Transformer
) -> None:
    other = find_model("tiny", kuhn, seed=1).folder
    for source, said in (
        (str(other), f"serves {other}, and not tiny"),
        ("some/hub-id", "spell alike"),
    ):
        with Child(Path(source), python=python) as running, pytest.raises(HostError, match=said):
            open_host(running.url, "tiny", kuhn)


def test_a_url_where_nobody_answers_is_said_at_once(child: Child, kuhn: Game) -> None:
    assert is_vllm(child.url)
    child.kill()
    for url in (child.url, "http://", "http://127.0.0.1:nine/v1", "http://no host/v1"):
        with Hosts(url) as hosts, pytest.raises(EngineError, match="nobody answers at"):
            hosts.policy("tiny", kuhn, "tiny", FREE, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_does_not_outlive_the_process_that_started_it(
    python: str, tmp_path: Path, number: signal.Signals
) -> None:
    code = (
        "import sys, time; from pathlib import Path; from sparring.agents.engines.child import Child\n"
        f"with Child(Path({str(tmp_path)!r}), python={python!r}) as child:\n"
        "    print(child.url, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    url = parent.stdout.readline().strip()
    assert is_vllm(url)
    os.kill(parent.pid, number)
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{url}/models", timeout=5).close()
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("the server still answers")


def test_a_cancelled_request_is_broken_off_and_the_server_thought_no_worse_of(
    child: Child, tmp_path: Path
) -> None:
    servers = Servers([child.url])

    def held(what: str) -> None:
        """Until the server holds three."""
        count = 0
        while count < 3:
            with urllib.request.urlopen(child.url.removesuffix("/v1") + "/held") as answer:
                count = json.load(answer)[what]

    async def given_up() -> list[Drawn | Exception]:
        asked = asyncio.ensure_future(servers.draw(draws(777, 777, 777)))
        await asyncio.to_thread(held, "came")
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        return list(await servers.draw(draws(3)))

    assert asyncio.run(given_up()) == [Drawn((3, 1), (-1.0, -2.0))]
    held("left")
    while servers.servers[0].busy:  # as the threads hear of it
        time.sleep(0.01)
    assert servers.repeated == 0
    assert servers.servers[0].up
    servers.close()


def test_patience_is_that_of_all_requests_together(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that had to queue do not begin to wait when those before them have given up."""

    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            self.now += 0.05
            return self.now

    servers = Servers([child.url], patience=10.0, at_once=1)
    child.kill()
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    assert all(isinstance(fault, ServerDownError) for fault in drawn(servers, draws(1, 2, 3, 4, 5)))
    assert 10 < clock.now < 13  # five waits would end beyond 50
    servers.close()


def test_hundreds_of_requests_are_under_way_at_once(child: Child) -> None:
    """The server answers none of them, so all have to be there together."""
    servers = Servers([child.url])

    async def asked() -> int:
        held = asyncio.ensure_future(servers.draw(draws(*[777] * 300)))
        came = await asyncio.to_thread(_came, child, 300)
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
        return came

    assert asyncio.run(asked()) == 300
    servers.close()


def test_games_in_flight_over_four_servers_keep_to_the_one_that_read_them(
    python: str, tmp_path: Path
) -> None:
    """512 games of three turns, 32 tokens of rules and 32 a turn; a server dies in the middle of them."""

    async def game(servers: Servers, number: int) -> list[Drawn | Exception]:
        prompt, said = (0,) * BLOCK, list[Drawn | Exception]()
        for turn in range(3):
            prompt += (1000 + number,) * BLOCK
            draw = Draw(prompt, 1.0, 1.0, 4, 1000 * (turn + 1) + number, (1,), None)
            said += await servers.draw([draw])
        return said

    async def all_games(servers: Servers, fated: Child) -> list[list[Drawn | Exception]]:
        games = [asyncio.ensure_future(game(servers, number)) for number in range(512)]
        await asyncio.wait(games, return_when=asyncio.FIRST_COMPLETED)
        fated.kill()
        return await asyncio.gather(*games)

    with ExitStack() as stack:
        children = [stack.enter_context(Child(tmp_path, python=python)) for _ in range(4)]
        servers = Servers([child.url for child in children])
        said = asyncio.run(all_games(servers, children[3]))
        # One server with room for all would have read 6 of a game's 9 blocks before.
        hits = servers.prefix_hits
        servers.close()

    seeds = [[1000 * (turn + 1) + number for turn in range(3)] for number in range(512)]
    assert [[reply.tokens[0] for reply in of if isinstance(reply, Drawn)] for of in said] == seeds
    assert hits > 0.5


def test_an_answer_that_breaks_off_or_holds_nothing_is_asked_for_again(child: Child) -> None:
    servers = Servers([child.url])
    found = drawn(servers, draws(1, 555, 556, 4))
    servers.close()
    assert [answer.tokens[0] for answer in found if isinstance(answer, Drawn)] == [1, 555, 556, 4]
    assert servers.repeated == 2


def _came(child: Child, wanted: int) -> int:
    """How many held requests have come, as soon as they are so many."""
    count = 0
    while count < wanted:
        with urllib.request.urlopen(child.url.removesuffix("/v1") + "/held") as answer:
            count = json.load(answer)["came"]
    return count
