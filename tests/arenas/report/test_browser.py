"""Rules of the page in a real browser: from the leaderboard to a replay, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sparring.arenas.report.page import Page, Replay
from sparring.arenas.report.render import write
from sparring.envs.types import Episode

HOSTILE = (
    "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">\x1b[31m"
)


@pytest.fixture(scope="module")
def address(
    page: Page, playing: Callable[..., Episode], tmp_path_factory: pytest.TempPathFactory
) -> str:
    bad = Replay("a hostile game", playing(1, "nash", "step-6000", says=HOSTILE))
    key = ("nash", "step-6000")
    replays = {**page.replays, key: (*page.replays[key], bad)}
    return write(
        replace(page, replays=replays), tmp_path_factory.mktemp("page") / "report.html"
    ).as_uri()


def by(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def test_a_click_goes_from_the_leaderboard_to_a_replay(browser: Any, address: str) -> None:
    browser.get(address)
    by(browser, "#leaderboard tbody tr:nth-child(2) th a").click()
    assert "step-6000" in by(browser, "dialog[open] h2").text
    by(browser, "dialog[open] table a[href='#cell-0-1']").click()
    shown = by(browser, "dialog[open]").text
    for words in (
        "nash v step-6000",
        "a hostile game",
        "forfeit by first",
        "Thought",
        "first −3.00",
        "second +3.00",
    ):
        assert words in shown, words


def test_hostile_moves_are_read_as_text_and_do_nothing(browser: Any, address: str) -> None:
    browser.get(address + "#cell-0-1")
    shown = by(browser, "dialog[open] .move").text
    assert shown == HOSTILE.replace("\x1b", "⟨ESC⟩")
    assert "pwned" not in browser.title
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_keyboard_alone_opens_and_closes_a_replay(browser: Any, address: str) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(address)
    browser.execute_script("document.querySelector('#leaderboard tbody a').focus()")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert by(browser, "dialog[open] h2").text == "nash"
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert browser.find_elements("css selector", "dialog[open]") == []
    assert browser.switch_to.active_element.text == "nash"


def test_a_chart_says_its_values_under_the_arrow_keys(browser: Any, address: str) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(address)
    by(browser, "#progress .plot svg.wide-only").send_keys(Keys.ARROW_LEFT)
    readout = by(browser, "#progress .readout").text
    assert readout.startswith("games 1,510,400: last iterate 0.0")
    assert "weight average" in readout


def test_the_curve_can_be_read_on_a_logarithmic_scale(browser: Any, address: str) -> None:
    browser.get(address)
    assert not by(browser, "#progress .logarithmic").is_displayed()
    by(browser, "#scale-log").click()
    assert by(browser, "#progress .logarithmic").is_displayed()
    assert not by(browser, "#progress .linear").is_displayed()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_never_scrolls_sideways(browser: Any, address: str, width: int) -> None:
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(address)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


def test_no_dialog_is_wider_than_a_phone(browser: Any, page: Page, tmp_path: Path) -> None:
    named = [
        replace(entrant, name=f"runs/of-a-long-name/{entrant.name}") for entrant in page.entrants
    ]
    path = write(replace(page, entrants=tuple(named)), tmp_path / "report.html")
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    wide: dict[str, int] = {}
    for id in ("entrant-1", "cell-0-1"):
        browser.get(f"{path.as_uri()}#{id}")
        room = (
            "const d = document.querySelector('dialog[open]'); return d.scrollWidth - d.clientWidth"
        )
        wide[id] = browser.execute_script(room)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide == {"entrant-1": 0, "cell-0-1": 0}


def test_replays_open_without_scripts(browser: Any, address: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(address + "#cell-0-1")
    shown = by(browser, "#cell-0-1").is_displayed()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert shown
