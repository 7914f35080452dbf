"""A page as one HTML file that loads nothing: template, look and script inside, under a strict policy."""

from __future__ import annotations

import base64
import hashlib
import math
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from ...envs.types import Episode
from . import replays
from .charts import BINS, MOST_POINTS, binned, finite
from .page import Chart, Page, ReportError
from .replays import BUDGET
from .text import compact, duration, line, number, shorten, signed, visible
from .view import View, view


def html(page: Page, *, budget: int = BUDGET) -> str:
    """The whole file as text. `budget` bounds the replays in it, in bytes."""
    shown = view(page, budget)
    return rendered("page.html", page=page, view=shown, numbers=numbers(page, shown))


def rendered(template: str, **values: Any) -> str:
    """A template of this folder with the look, the script and the policy that all pages share."""
    # one text for the page and for its hash: a byte of difference would switch it off
    css, js = _part("page.css"), _part("page.js")
    return (
        _environment()
        .get_template(template)
        .render(css=Markup(css), js=Markup(js), policy=policy(css, js), **values)
    )


def write(page: Page, path: Path | str, *, budget: int = BUDGET) -> Path:
    """Write the page whole or not at all: a reader never meets half a file. Returns its path.

    Raises ReportError where it cannot be written.
    """
    return saved(html(page, budget=budget), path)


def saved(text: str, path: Path | str) -> Path:
    """As `write`, of a page that is text already."""
    path = Path(path)
    try:
        _replace(path, text)
    except OSError as fault:  # it names the draft, and the reader asked for the page
        raise ReportError(f"{path} cannot be written: {fault.strerror}") from fault
    return path


def _replace(path: Path, text: str) -> None:
    # beside the target, since a rename across file systems is no rename
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")

    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # on the disk before the name points to it: a crash leaves the old page
            os.fsync(file.fileno())
        # a temporary file is its owner's alone; a page is to be read
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def policy(css: str, js: str) -> str:
    """The Content-Security-Policy: nothing from outside, and only our own style and script inside."""
    return (
        f"default-src 'none'; style-src '{_hash(css)}'; script-src '{_hash(js)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def numbers(page: Page, shown: View) -> dict[str, Any]:
    """The page's numbers as plain data: for its script, and to compute with."""
    board = page.board

    return {
        "title": page.title,
        "charts": [charted(chart) for chart in shown.charts],
        "unit": board.unit if board else None,
        # under ids: a name may change, or be given twice
        "leaderboard": [
            {
                "entrant": s.entrant,
                "rank": s.rank,
                "ranks": list(s.ranks),
                "rating": _numbers(s.rating.value, s.rating.low, s.rating.high),
                "roles": {role: _numbers(e.value, e.low, e.high) for role, e in s.roles.items()},
                "pairs": s.pairs,
                "tokens_in": s.tokens_in,
                "tokens_out": s.tokens_out,
                "seconds": round(s.seconds, 3),
                "cost": s.cost,
            }
            for s in (board.standings if board else ())
        ],
        "cells": [
            {
                "a": cell.a,
                "b": cell.b,
                "score": _numbers(cell.score.value, cell.score.low, cell.score.high),
                "pairs": cell.pairs,
                "lead": cell.lead,
            }
            for cell in page.cells
        ],
    }


def outcome(episode: Episode) -> str:
    """How a game ended, in a few words for a list."""
    ending = episode.ending
    paid = ", ".join(f"{seat} {signed(amount, 2)}" for seat, amount in episode.payoff.items())
    if ending.kind == "forfeit":
        return f"forfeit by {', '.join(ending.seats)} ({ending.cause or 'illegal'})"
    return paid if ending.kind == "outcome" else f"{ending.kind}{': ' + paid if paid else ''}"


def charted(chart: Chart) -> dict[str, Any]:
    """A chart's numbers for the page's script."""
    # binned as drawn: the values under the pointer are those of the line
    most = BINS if chart.noisy else MOST_POINTS
    series = [
        {"name": line(s.name), "points": [_numbers(*p) for p in binned(finite(s.points), most)[0]]}
        for s in chart.series
    ]
    return {"title": chart.title, "x": chart.x_name, "series": series}


def _numbers(*values: float) -> list[float | None]:
    # six digits keep the file small; JSON has no infinity
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _part(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    """Everything a template writes is made visible, then escaped; only our own Markup passes as it is."""
    environment = Environment(
        loader=FunctionLoader(_part),
        autoescape=True,
        # a misspelt name in the template is an error, not an empty place
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    filters: Mapping[str, Any] = {
        "line": line,
        "compact": compact,
        "duration": duration,
        "number": number,
        "signed": signed,
        "cut": replays.cut,
        "verdict_line": replays.verdict_line,
        "values": replays.values,
        "outcome": outcome,
        "plain": _plain,
    }
    environment.filters.update(filters)
    return environment


def _plain(value: object) -> str:
    return shorten(value if isinstance(value, str) else repr(value), 400)


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
