"""The leaderboard for a terminal: the same numbers as the page, control characters made visible."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..leaderboard import FORGOTTEN
from ..results import Leaderboard, Standing
from .field import half
from .text import compact, duration, line, sentence, signed

LONGEST = 40
WIDE = 200


def leaderboard(board: Leaderboard, names: Mapping[str, str] | None = None, *, by_role: bool = True) -> Table:
    """A table to print with rich. `names` maps entrant ids to names (an id without one is shown itself).

    `by_role` adds a rating for each role, where there are several.
    """
    known = names or {}
    digits = 0 if board.unit == "Elo" else 3
    roles = list(dict.fromkeys(role for standing in board.standings for role in standing.roles))
    shown_roles = roles if by_role and len(roles) > 1 else []
    anchor = "mean" if board.anchor == "mean" else known.get(board.anchor, board.anchor)
    table = Table(box=None, header_style="bold", caption_justify="left", pad_edge=False)
    table.caption = Text(f"rating in {board.unit}, 0 = {line(anchor, LONGEST)}; ± half of the 95 % interval")
    table.add_column("#", justify="right")
    written = [line(known.get(s.entrant, s.entrant), LONGEST) for s in board.standings]
    table.add_column("entrant", no_wrap=True, min_width=min(24, max(map(len, written), default=0)))
    for name in ("rating", "ranks", *(f"as {line(role, LONGEST)}" for role in shown_roles)):
        table.add_column(Text(name), justify="right", no_wrap=True)
    priced = any(standing.cost for standing in board.standings)
    for name in ("pairs", "forfeits", "tokens in", "out", "time", *(["cost"] if priced else [])):
        table.add_column(name, justify="right", min_width=max(map(len, name.split())), overflow="fold")
    for standing in board.standings:
        paid = [Text(f"{standing.cost:.4g}")] if priced else []
        table.add_row(*_cells(standing, known, shown_roles, digits), *paid)
    return table


def show(board: Leaderboard, names: Mapping[str, str] | None = None, console: Console | None = None) -> None:
    """Print the leaderboard, and below it what the fit warns of."""
    console = console or Console()
    if not console.is_terminal:
        console.width = WIDE  # a log or a pipe has no width of its own; what is cut there cannot be read
    table = leaderboard(board, names)
    if console.measure(table, options=console.options.update(width=10 * WIDE)).maximum > console.width:
        table = leaderboard(board, names, by_role=False)  # the page has them
    console.print(table)
    for warning in board.warnings:
        style = "bold red" if warning.startswith(FORGOTTEN) else "yellow"
        console.print(Text("! " + line(sentence(warning, names or {})), style=style))


def _cells(standing: Standing, names: Mapping[str, str], roles: list[str], digits: int) -> list[Text]:
    first, last = standing.ranks
    rating = Text(signed(standing.rating.value, digits), style="bold")
    rating.append(f" ± {half(standing.rating, digits)}", style="dim")
    lost = [f"{n} {line(cause)}" for cause, n in sorted((standing.forfeits or {}).items()) if n]
    written = [
        signed(standing.roles[role].value, digits) if role in standing.roles else "–" for role in roles
    ]
    return [
        Text(str(standing.rank)),
        Text(line(names.get(standing.entrant, standing.entrant), LONGEST)),
        rating,
        Text(str(first) if first == last else f"{first}–{last}"),
        *map(Text, written),
        Text(compact(standing.pairs)),
        Text(", ".join(lost) or "none"),
        Text(compact(standing.tokens_in)),
        Text(compact(standing.tokens_out)),
        Text(duration(standing.seconds)),
    ]
