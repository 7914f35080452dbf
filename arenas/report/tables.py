"""The tables of a page: leaderboard, crosstable, heat map, and the dialogs that open from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..ratings.fit import ELO
from ..ratings.metagame import metagame
from ..ratings.newton import FitError
from ..results import Estimate, Standing
from . import charts, graphs
from .cells import Board, Choice, Choices, Dialog, Matrix, Plot, Row, Square
from .entrants import Field, margin
from .page import Replay
from .replays import Story, chosen, told
from .text import compact, line, number, signed

Stories = Mapping[tuple[str, str], Sequence[Story]]


def stories(field: Field, budget: int) -> tuple[Stories, int]:
    """The games to read of every pair, within the budget of bytes, and how many were left out."""
    held: dict[tuple[str, str], list[Replay]] = {}
    for (a, b), replays in field.page.replays.items():
        # replays may be keyed by the two ids in either order
        if a in field.place and b in field.place:
            held.setdefault(field.key(a, b), []).extend(replays)
    return told({key: chosen(replays) for key, replays in held.items()}, budget)


def rows(field: Field, games: Stories) -> tuple[Row, ...]:
    """All entrants, best first."""
    return tuple(_row(field, standing, games) for standing in field.standings)


def board(field: Field, listed: tuple[Row, ...]) -> Board | None:
    if field.page.board is None or not listed:
        return None
    anchor = field.page.board.anchor
    return Board(
        rows=listed,
        # with one role its rating is the rating
        roles=field.roles if len(field.roles) > 1 else (),
        anchor="the mean of all entrants" if anchor == "mean" else field.names.get(anchor, anchor),
        truncated=any(s.truncated for s in field.standings),
        tokens=any(s.tokens for s in field.standings),
        seconds=any(s.seconds >= 1 for s in field.standings),
        cost=any(s.cost for s in field.standings),
    )


def matrix(field: Field, listed: tuple[Row, ...]) -> Matrix | None:
    if not field.cells:
        return None

    # by condensation, so that cycles show as blocks on the diagonal
    order = [field.place[id] for id in graphs.order(field.stacked)]
    edges = {frozenset(edge) for edge in field.graph.edges}
    return Matrix(
        rows=listed,
        heat=tuple(
            replace(listed[i], squares=tuple(listed[i].squares[j] for j in order)) for i in order
        ),
        scale=(
            field.points(field.middle - field.widest),
            field.points(field.middle),
            field.points(field.middle + field.widest),
        ),
        graph=_graph(field) if edges else None,
        alone=[*field.degree.values()].count(0),
        resolved=len(edges),
        pairs=len({frozenset(key) for key in field.cells}),
        cycles=bool(field.cycles),
    )


def choices(field: Field, listed: tuple[Row, ...]) -> Choices | None:
    """The metagame: whom to choose where the others choose too. None where it is not known."""
    # an entrant that only played gates is not rated, so it is no choice
    cells = [cell for cell in field.page.cells if {cell.a, cell.b} <= {*field.ids}]
    try:
        found = metagame(cells, field.ids, field.page.scored) if cells else None
    except FitError:  # no equilibrium within tolerance: the page does without this section
        return None
    if found is None:
        return None

    # worth comes in logits where games are won
    unit = ELO if field.page.scored == "win" else 1.0
    return Choices(
        tuple(
            Choice(row, _share(mixed), signed(unit * worth, field.digits), _share(mass))
            for row, mixed, worth, mass in zip(
                listed, found.mixture, found.worth, found.mass, strict=True
            )
        ),
        _top(field, found.top),
    )


def _top(field: Field, top: Sequence[Sequence[str]]) -> str:
    """Who is on top of the response graph, in a sentence."""
    groups = [", ".join(line(field.names[id], 40) for id in group) for group in top]
    if len(top) > 1:
        return f"{len(top)} groups are on top, undecided among themselves: {'; '.join(groups)}."
    if len(top[0]) > 1:
        return f"{groups[0]} form a top cycle: each is beaten by another of them."
    return f"{groups[0]} is on top: no entrant is known to beat it."


def _share(value: float) -> str:
    return f"{number(100 * value, 1)} %"


def dialogs(field: Field, games: Stories) -> tuple[Dialog, ...]:
    """One per pair that met."""
    # both directions of a cell open the same dialog
    keys = dict.fromkeys(field.key(a, b) for a, b in field.cells)
    return tuple(
        Dialog(
            field.link(a, b),
            field.names[a],
            field.names[b],
            tuple(_told(field, x, y) for x, y in ((a, b), (b, a)) if (x, y) in field.cells),
            tuple(games.get((a, b), ())),
        )
        for a, b in keys
    )


def _graph(field: Field) -> Plot:
    """The response graph of those who have a resolved pair."""
    shown = {id: field.names[id] for id in field.ids if field.degree[id]}

    # a component of several has resolved pairs, so its first member tells for all
    stacked = [[c for c in layer if c[0] in shown] for layer in field.stacked]
    wide, narrow = (
        graphs.response_graph(
            field.graph, [layer for layer in stacked if layer], shown, field.place, *size
        )
        for size in ((500.0, "wide-only"), (372.0, "narrow"))
    )
    return Plot(wide, narrow)


def _row(field: Field, standing: Standing, games: Stories) -> Row:
    id, first, last = standing.entrant, *standing.ranks

    # one scale for all rows, or their strips could not be compared
    low, high = charts.span(s.rating for s in field.standings)
    return Row(
        index=field.place[id],
        name=field.names[id],
        about=field.about.get(id, ""),
        standing=standing,
        rating=signed(standing.rating.value, field.digits),
        margin=margin(standing.rating, field.digits),
        ranks=str(first) if first == last else f"{first}–{last}",
        strip=charts.strip(standing.rating, low, high),
        roles={role: _rated(standing.roles.get(role), field.digits) for role in field.roles},
        forfeits=tuple(sorted((cause, n) for cause, n in (standing.forfeits or {}).items() if n)),
        squares=tuple(
            None if other == id else _square(field, id, other, games) for other in field.ids
        ),
    )


def _square(field: Field, a: str, b: str, games: Stories) -> Square:
    cell = field.cells.get((a, b))
    if cell is None:
        return Square(None)

    count = len(games.get(field.key(a, b), ()))
    state = f"{field.names[cell.lead]} is ahead" if cell.lead else "undecided"
    points = field.points(cell.score.value)

    return Square(
        cell=cell,
        link=field.link(a, b),
        opponent=field.names[b],
        value=points,
        margin=field.margin(cell.score),
        title=f"{field.names[a]} v {field.names[b]}: {points}, {cell.pairs} pairs, {state}",
        level=field.level(cell),
        games=f"{count} game{'' if count == 1 else 's'}" if count else "details",
        cyclic=field.cyclic(a, b),
    )


def _told(field: Field, a: str, b: str) -> str:
    cell = field.cells[a, b]
    low, high = field.points(cell.score.low), field.points(cell.score.high)
    return (
        f"{field.names[a]}: {field.points(cell.score.value)} [{low}, {high}] over "
        f"{compact(cell.pairs)} pairs, {'resolved' if cell.lead else 'undecided'}."
    )


def _rated(estimate: Estimate | None, digits: int) -> tuple[str, str]:
    return (signed(estimate.value, digits), margin(estimate, digits)) if estimate else ("–", "")
