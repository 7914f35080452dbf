"""The live pages in a real browser: a run to its end, a server started anew, a game by keys alone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from sparring.agents.scripted import scripted
from sparring.envs.registry import find
from sparring.web import play, watch
from sparring.web.pages import Server, opened

HOSTILE = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"


class Served:
    """A server in a thread, which can be ended and started anew on the same port."""

    def __init__(
        self, app: Any, end: Callable[[], None], port: int = 0, looking: Any = None
    ) -> None:
        self._listening, self.address, _ = opened("127.0.0.1", port, "")
        self.port = self._listening.getsockname()[1]
        self._server = Server(app, [end])
        self._looking = looking
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        import asyncio

        async def run() -> None:
            task = asyncio.create_task(self._looking.keep_looking()) if self._looking else None
            await self._server.serve(sockets=[self._listening])
            if task:
                task.cancel()

        asyncio.run(run())

    def end(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._listening.close()


def watched(runs: Path, port: int = 0) -> Served:
    watching = watch.Watching([], runs)
    return Served(watch.app(watching), watching.hub.end, port, watching)


def until(browser: Any, script: str, seconds: float = 60) -> Any:
    """What the script returns, once that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := browser.execute_script(f"return {script}"):
            return found
        time.sleep(0.1)
    raise AssertionError(
        f"never true: {script}; the page says {browser.execute_script('return document.body.innerText')}"
    )


def faults(browser: Any) -> list[Any]:
    return [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]


def wide(browser: Any, width: int, scheme: str) -> int:
    """How wide the page is in a window of this width."""
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    found = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    return found


def write(run: Path, steps: range) -> None:
    with (run / "metrics.jsonl").open("a") as file:
        for step in steps:
            file.write(
                json.dumps({"step": step, "games": 8 * step, "payoff/first": 0.1 * step + 0.1})
                + "\n"
            )


def test_a_run_is_followed_to_its_end_through_a_restart_of_the_server(browser, tmp_path):
    run = tmp_path / "poker"
    (run / "transcripts").mkdir(parents=True)
    (run / "config.toml").write_text('game = "kuhn-poker-v0"\nsteps = 30\nseed = 7\n')
    (run / "transcripts" / "step-000001.txt").write_text(
        f"=== step 1, game 0: kuhn-poker-v0 seed 3 ===\n[0] first thinks: secret\n[0] first says: {HOSTILE}\n"
    )
    server = watched(tmp_path)
    browser.get(server.address)
    until(browser, "document.querySelector('.card')?.dataset.state === 'waiting'")
    write(run, range(1, 11))
    until(browser, "document.querySelector('#headline').textContent.startsWith('Step 10 of 30')")
    until(browser, "document.querySelectorAll('#panels svg path').length")
    assert until(browser, "document.querySelector('#game .move')?.textContent") == HOSTILE
    assert not browser.find_element("css selector", "#game .thought pre").is_displayed()
    for width, scheme in ((390, "light"), (1280, "dark")):
        assert wide(browser, width, scheme) <= width
    assert faults(browser) == []

    server.end()
    until(browser, "document.querySelector('#link').textContent.includes('lost')")
    write(run, range(11, 31))
    server = watched(tmp_path, server.port)
    until(browser, "document.querySelector('.card')?.dataset.state === 'finished'")
    assert browser.execute_script("return document.querySelector('#link').textContent") == "live"
    assert "pwned" not in browser.title
    server.end()
    # what a browser says of a server that is away is no fault of the page
    assert [e for e in faults(browser) if "ERR_" not in e["message"]] == []


@pytest.mark.parametrize(
    ("id", "seat"),
    [("tic-tac-toe-v0", 0), ("tic-tac-toe-v0", 1), ("kuhn-poker-v0", 0), ("kuhn-poker-v0", 1)],
)
def test_a_whole_game_is_played_in_each_seat_by_keys_alone(browser, tmp_path, id, seat):
    from selenium.webdriver.common.keys import Keys

    game = find(id)
    seats = {name: "a person" if i == seat else "random" for i, name in enumerate(game.seats)}
    store = tmp_path / "people" / "store.sqlite"
    room = play.Room(game, ["random"], lambda n: scripted(n, game), store=store, seats=seats)
    server = Served(play.app(room), room.end)
    browser.get(server.address)
    until(browser, "document.querySelector('.lobby .primary')")
    browser.execute_script("document.querySelector('.lobby .primary').focus()")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    until(browser, "location.hash.length > 1")

    focused = "document.activeElement.closest('#board, #choices') && 'asked'"
    ready = f"document.querySelector('#again') ? 'over' : {focused}"
    while until(browser, ready) == "asked":
        asked = browser.execute_script("return document.querySelectorAll('#messages li').length")
        browser.switch_to.active_element.send_keys(Keys.ENTER)
        until(
            browser,
            f"document.querySelector('#again') || document.querySelectorAll('#messages li').length > {asked}",
        )
    until(browser, "document.querySelectorAll('.odds li').length")
    for width, scheme in ((390, "dark"), (1280, "light")):
        assert wide(browser, width, scheme) <= width

    browser.find_element("css selector", "#name").send_keys("Ada", Keys.ENTER)
    assert "kept for Ada" in until(browser, "document.querySelector('#kept')?.textContent")
    assert faults(browser) == []
    server.end()
