"""Rules of the leaderboard in a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console
from sparring.arenas.report.page import Page
from sparring.arenas.report.terminal import show
from sparring.arenas.results import Warning


def printed(page: Page, names: dict[str, str], width: int = 200) -> str:
    assert page.board
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    show(replace(page.board, warnings=(Warning("pools", "two \x1b[2Jpools"),)), names, console)
    return out.getvalue()


def test_the_table_holds_ratings_intervals_ranks_and_forfeits(page: Page) -> None:
    text = printed(page, {})
    assert "+0.062 ± 0.016" in text
    assert "3 length" in text
    assert "1–2" in text


def test_a_narrow_terminal_loses_whole_columns_and_no_digit(page: Page) -> None:
    wide, narrow = printed(page, {}), printed(page, {}, width=64)
    assert "time" in wide.splitlines()[0]
    assert "time" not in narrow.splitlines()[0]
    assert "…" not in narrow
    for row in wide.splitlines()[1:4]:
        assert any(line.split()[:4] == row.split()[:4] for line in narrow.splitlines())


def test_names_cannot_steer_the_terminal_or_rich(page: Page) -> None:
    text = printed(page, {"nash": "\x1b[2J[bold]nash[/bold]\r\u202e"})
    assert "⟨ESC⟩[2J[bold]nash[/bold]⟨CR⟩⟨U+202E⟩" in text
    assert "! Two ⟨ESC⟩[2Jpools." in text
    assert "\x1b[2J" not in text
