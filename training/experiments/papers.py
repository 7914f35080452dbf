"""The column `claim` of a page's tables of papers: which claims were tested of each, and their verdicts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from .outcome import Result

_FIRST: Final = "| paper |"
"""How the head of a table of papers begins."""
_COLUMN: Final = "claim"
_NAMED: Final = re.compile(r"([^|(),][^|()]*?) \(([^()|]*?\d{4})")
"""A name and in parentheses the authors with the year, as in `TOPR (Le Roux et al. 2025`."""


def with_verdicts(page: str, results: Sequence[Result], beside: str) -> str:
    """The page with the column filled anew in each table whose first column is `paper`.

    `results` are kept ones; `beside` is the page of claims, which the cells link to.
    """
    lines = page.split("\n")
    rows = [number for number in _rows(lines) if _papers(_cells(lines[number])[0])]
    names = {number: _papers(_cells(lines[number])[0])[0] for number in rows}

    told: dict[int, list[str]] = {}
    for result in results:
        for number in _meant(result.paper, names):
            link = f"[{result.name}]({beside}#{result.name})"
            told.setdefault(number, []).append(f"{link} {result.verdict}")

    shown = list(lines)
    for number in _rows(lines, heads=True):
        cells = _cells(lines[number])
        head = number not in names and lines[number].startswith(_FIRST)
        # what stands there already is written anew
        kept = cells[:-1] if _has_column(lines, number) else cells
        if set(lines[number]) <= set("|-: "):
            found = "---"
        else:
            found = _COLUMN if head else ", ".join(told.get(number, ["–"]))
        shown[number] = _row([*kept, found])
    return "\n".join(shown)


def _rows(lines: Sequence[str], *, heads: bool = False) -> list[int]:
    """The lines of all tables of papers; with `heads` the two at the top of each too."""
    found: list[int] = []
    start = -1
    for number, line in enumerate(lines):
        if line.startswith(_FIRST):
            start = number
        elif not line.startswith("|"):
            start = -1
        if start >= 0 and (heads or number > start + 1):
            found.append(number)
    return found


def _has_column(lines: Sequence[str], number: int) -> bool:
    """Whether the table that this line belongs to has the column."""
    while not lines[number].startswith(_FIRST):
        number -= 1
    return _cells(lines[number])[-1] == _COLUMN


def _meant(paper: str, rows: Mapping[int, tuple[str, str]]) -> list[int]:
    """The lines of the papers that a claim names: by authors and year, where several have these by name."""
    found: list[int] = []
    for name, authors in _papers(paper):
        same = [number for number, (_, theirs) in rows.items() if theirs == authors]
        if len(same) > 1:
            known = (name, _initials(name))
            same = [number for number in same if rows[number][0] in known]
        found += same
    return found


def _papers(text: str) -> list[tuple[str, str]]:
    return [(name.strip(" ,"), authors) for name, authors in _NAMED.findall(text)]


def _initials(name: str) -> str:
    """SEC of Self-Evolving Curriculum."""
    return "".join(word[0] for word in re.split(r"[\s-]+", name)).upper()


def _cells(line: str) -> list[str]:
    # a bar inside a formula is written \|
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _row(cells: Sequence[str]) -> str:
    if all(set(cell) <= set("-:") for cell in cells):
        return "|" + "|".join(cells) + "|"
    return "| " + " | ".join(cells) + " |"
