"""The leaderboard for a terminal: the same numbers as the page, control characters made visible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..results import Leaderboard, Standing
from .entrants import margin
from .text import bare, compact, duration, line, sentence, signed

LONGEST = 40

SPARE = ("time", "out", "tokens in", "forfeits", "pairs")
"""Columns that a narrow terminal does without, the first of them first."""

PIPED = 200
"""The width, in characters, of what is printed into a pipe or a file."""


def leaderboard(
    board: Leaderboard, names: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> Table:
    """A table to print with rich, `without` some columns.

    `names` maps entrant ids to names (an id without one is shown itself).
    """
    known = _bare(names or {})
    digits = 0 if board.unit == "Elo" else 3
    roles = list(dict.fromkeys(role for standing in board.standings for role in standing.roles))
    # with one role its rating is the rating
    shown_roles = roles if len(roles) > 1 else []

    anchor = "mean" if board.anchor == "mean" else known.get(board.anchor, board.anchor)
    table = Table(box=None, header_style="bold", caption_justify="left", pad_edge=False)
    table.caption = Text(
        f"rating in {board.unit}, 0 = {line(anchor, LONGEST)}; ± half of its own 95 % interval; "
        "ranks: of all together"
    )

    rows = [_cells(standing, known, shown_roles, digits) for standing in board.standings]
    if any(standing.cost for standing in board.standings):
        rows = [
            cells | {"cost": Text(f"{s.cost:.4g}")}
            for cells, s in zip(rows, board.standings, strict=True)
        ]

    # as `Text`: of plain strings the library takes [words in brackets] as markup
    columns = [name for name in (rows[0] if rows else ()) if name not in without]
    for name in columns:
        table.add_column(Text(name), justify="left" if name == "entrant" else "right", no_wrap=True)
    for cells in rows:
        table.add_row(*(cells[name] for name in columns))
    return table


def show(
    board: Leaderboard, names: Mapping[str, str] | None = None, console: Console | None = None
) -> None:
    """Print the leaderboard, and below it what the fit warns of."""
    console = console or _console()
    # the widest table that fits: whole columns go, since a cut number is a wrong one
    tables = [leaderboard(board, names, SPARE[:count]) for count in range(len(SPARE) + 1)]
    console.print(next((table for table in tables if _fits(table, console)), tables[-1]))
    for warning in board.warnings:
        style = "bold red" if warning.kind == "forgetting" else "yellow"
        console.print(Text("! " + line(sentence(warning.text, names or {})), style=style))


def _bare(names: Mapping[str, str]) -> dict[str, str]:
    """Names without the folder of all runs, where that leaves them different."""
    short = {id: bare(name) for id, name in names.items()}
    return short if len(set(short.values())) == len(set(names.values())) else dict(names)


def _console() -> Console:
    # what reads a pipe is not narrow: the guess of 80 columns would drop some
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, PIPED))


def _fits(table: Table, console: Console) -> bool:
    """Whether every column is as wide as what stands in it; the caption may be wrapped."""
    bare = copy(table)
    bare.caption = None

    # measured without a limit, which would report a cut column as one that fits
    unlimited = console.options.update(width=10 * PIPED)
    return Measurement.get(console, unlimited, bare).maximum <= console.width


def _cells(
    standing: Standing, names: Mapping[str, str], roles: list[str], digits: int
) -> dict[str, Text]:
    """A row of the table, by the names of its columns."""
    first, last = standing.ranks

    rating = Text(signed(standing.rating.value, digits), style="bold")
    rating.append(f" {margin(standing.rating, digits)}", style="dim")
    lost = [f"{n} {line(cause)}" for cause, n in sorted((standing.forfeits or {}).items()) if n]
    by_role = {
        f"as {line(role, LONGEST)}": Text(
            signed(standing.roles[role].value, digits) if role in standing.roles else "–"
        )
        for role in roles
    }

    return {
        "#": Text(str(standing.rank)),
        "entrant": Text(line(names.get(standing.entrant, standing.entrant), LONGEST)),
        "rating": rating,
        "ranks": Text(str(first) if first == last else f"{first}–{last}"),
        **by_role,
        "pairs": Text(compact(standing.pairs)),
        "forfeits": Text(", ".join(lost) or "none"),
        "tokens in": Text(compact(standing.tokens_in)),
        "out": Text(compact(standing.tokens_out)),
        "time": Text(duration(standing.seconds)),
    }
