"""The pages that stand beside a run's report: its league, its exams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from ...agents.run_folder import RunFolder
from ...envs.registry import find
from ..store.reading import Archive
from . import exam_page, league_page
from .page import Page
from .render import saved
from .sheet import Sheet, sheet_html

WHY: Final = "Why the league"
"""How the title of a run's curve of a league's reasons begins."""


def beside(folder: Path, page: Page, report: Path) -> tuple[tuple[str, str], ...]:
    """Write them into the folder of `report`. Returns the links to them, as (file, name).

    Raises ReportError where one cannot be written.
    """
    sheets = {
        league_page.FILE: ("the league", _league(folder, page)),
        exam_page.FILE: ("exams", exam_page.run_sheet(folder, page.title)),
    }
    links: list[tuple[str, str]] = []
    for file, (name, sheet) in sheets.items():
        if sheet is not None:
            back = ((report.name, "the report"),)
            shown = replace(sheet, links=back, command=page.command)
            saved(sheet_html(shown), report.with_name(file))
            links.append((file, name))
    return tuple(links)


def _league(folder: Path, page: Page) -> Sheet | None:
    """The page of the league that the run trained in; None where it trained in none."""
    store = RunFolder(folder).store
    if not store.is_file() or not page.game:
        return None
    reasons = [chart for chart in page.training if chart.title.startswith(WHY)]
    with Archive(store) as archive:
        refs = [ref for ref in archive.games() if ref.id == page.game]
        if not refs:
            return None
        game = find(refs[0].id, **dict(refs[0].parameters))
        return league_page.league_sheet(archive, game, page.title, reasons)
