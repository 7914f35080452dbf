"""What a reader must know before believing the numbers: warnings derived from the page itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..results import Leaderboard
from .entrants import Field
from .page import Notice, Page, Progress
from .text import line, number, sentence

LEGAL = 0.99
NAMED = 3
REASON = 120


def notices(field: Field) -> tuple[Notice, ...]:
    """All warnings, the given ones first, alarms before warnings before notes."""
    page, names = field.page, field.names
    found = [*page.notices]
    if page.board:
        found += _forgetting(page.board, names)
    found += [*_collapse(page.progress), *_control(page, names)]

    if page.board:
        # the forgetting alarm above has told those already
        told = [warning for warning in page.board.warnings if warning.kind != "forgetting"]
        found += [Notice("Ratings", sentence(warning.text, names)) for warning in told]
        found += _cycles(field)
    found += _void(page.statuses, page.reasons)

    # sorting is stable, so notices of one severity keep their order
    weight = {"alarm": 0, "warning": 1, "note": 2}
    return tuple(sorted(dict.fromkeys(found), key=lambda notice: weight[notice.severity]))


def _forgetting(board: Leaderboard, names: Mapping[str, str]) -> Iterable[Notice]:
    by_child: dict[str, list[str]] = {}
    for one in board.forgetting:
        by_child.setdefault(one.child, []).append(names.get(one.ancestor, one.ancestor))

    if by_child:
        told = "; ".join(
            f"{names.get(child, child)} loses to its ancestor{'s' * (len(beaten) > 1)} {_listed(beaten)}"
            for child, beaten in by_child.items()
        )
        yield Notice(
            "Forgetting alarm",
            f"{told}. The differences are resolved: a descendant has lost strength that its ancestor had, "
            "which a flat self-play reward would not show.",
            "alarm",
        )


def _listed(names: Sequence[str]) -> str:
    """The first of the names, and how many more."""
    # "and 1 more" would be no shorter than the name
    more = len(names) - NAMED
    return ", ".join(names) if more < 2 else f"{', '.join(names[:NAMED])} and {more} more"


def _collapse(progress: Progress | None) -> Iterable[Notice]:
    if progress is None:
        return

    points = progress.nashconv.series[0].points if progress.nashconv.series else ()
    if points:
        best, last = min(y for _, y in points), points[-1][1]

        # twice the best and a margin: noise of an evaluation alone does not reach it
        if last > 2 * best + 0.05:
            yield Notice(
                "Late collapse",
                f"Exploitability ends at {number(last)}, having been as low as {number(best)}: "
                "the last checkpoint is not the best one.",
                "alarm",
            )

    legal = progress.legal.series[0].points if progress.legal and progress.legal.series else ()
    if legal and legal[-1][1] < LEGAL:
        yield Notice(
            "Legal mass",
            f"At some decision the model puts only {number(legal[-1][1])} of its probability on legal moves. "
            "NashConv is that of its legal moves renormalised and says nothing about the rest.",
        )


def _control(page: Page, names: Mapping[str, str]) -> Iterable[Notice]:
    if not page.control:
        return
    a, b = page.control
    # the control may be on either side
    cell = next((c for c in page.cells if {c.a, c.b} == {a, b}), None)
    if cell is None:
        return

    who = f"{names.get(a, a)} and {names.get(b, b)} are one and the same policy"
    if cell.lead is None:
        yield Notice(
            "A/A control passed", f"{who}, and the tournament finds no difference.", "note"
        )
    else:
        yield Notice(
            "A/A control failed",
            f"{who}, yet the tournament finds one of them ahead. Distrust all differences of this size.",
            "alarm",
        )


def _cycles(field: Field) -> Iterable[Notice]:
    for members in field.cycles:
        told = ", ".join(line(field.names[id], 40) for id in members)
        yield Notice(
            "Cycle",
            f"{told} beat each other in a circle; their order on the leaderboard means little.",
        )


def _void(statuses: Mapping[str, int], reasons: Mapping[str, str]) -> Iterable[Notice]:
    # the reason shown is a status's most frequent one
    void = {status: n for status, n in statuses.items() if status.startswith("void") and n}
    if void:
        told = "; ".join(
            f"{n:,} {status.removeprefix('void_')}"
            + (f" (mostly: {line(reasons[status], REASON)})" if reasons.get(status) else "")
            for status, n in sorted(void.items())
        )
        yield Notice(
            "Void games",
            f"Attempts lost by no player’s fault: {told}. None of them is rated.",
            "note",
        )
