"""Rules of the leaderboard in a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console
from sparring.arenas.report.page import Page
from sparring.arenas.report.terminal import show


def printed(page: Page, names: dict[str, str]) -> str:
    assert page.board
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=True, color_system=None)
    show(replace(page.board, warnings=("two \x1b[2Jpools",)), names, console)
    return out.getvalue()


def test_the_table_holds_ratings_intervals_ranks_and_forfeits(page: Page) -> None:
    text = printed(page, {})
    assert "+0.062 ± 0.016" in text
    assert "3 length" in text
    assert "1–2" in text


def test_a_narrow_terminal_loses_the_roles_and_a_pipe_loses_nothing(page: Page) -> None:
    assert page.board
    narrow, pipe = io.StringIO(), io.StringIO()
    show(page.board, {}, Console(file=narrow, width=80, force_terminal=True, color_system=None))
    show(page.board, {}, Console(file=pipe, width=70))
    assert "as first" not in narrow.getvalue()
    assert "forfeits" in narrow.getvalue()
    assert "as first" in pipe.getvalue()
    assert "tokens in" in pipe.getvalue()


def test_names_cannot_steer_the_terminal_or_rich(page: Page) -> None:
    text = printed(page, {"nash": "\x1b[2J[bold]nash[/bold]\r\u202e"})
    assert "⟨ESC⟩[2J[bold]nash[/bold]⟨CR⟩⟨U+202E⟩" in text
    assert "! Two ⟨ESC⟩[2Jpools." in text
    assert "\x1b[2J" not in text
