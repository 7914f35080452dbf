"""Where entrants come from: a DAG, and the alarm when a child loses to its own ancestor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import networkx as nx

from .results import Cell, Estimate, ResultsError

Descent: TypeAlias = Literal["trained_from", "snapshot", "exploiter_of", "merged", "distilled"]
INHERITED = frozenset(("trained_from", "snapshot", "merged", "distilled"))
"""The kinds by which a child should know what its parent knew; an exploiter need not."""


class LineageError(ResultsError):
    """A descent that cannot be: an entrant that is its own ancestor."""


@dataclass(frozen=True, slots=True)
class Born:
    """`child` came from `parent`."""

    child: str
    parent: str
    kind: Descent = "trained_from"


@dataclass(frozen=True, slots=True)
class Forgetting:
    """An ancestor that resolvably beats its descendant; `score` is the ancestor's."""

    ancestor: str
    child: str
    score: Estimate
    generations: int


def lineage(births: Iterable[Born]) -> nx.DiGraph[str]:
    """The DAG of parent → child, edges with their `kind`. Errors: LineageError on a cycle."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for birth in births:
        graph.add_edge(birth.parent, birth.child, kind=birth.kind)
    if not nx.is_directed_acyclic_graph(graph):
        loop = [parent for parent, _ in nx.find_cycle(graph)]
        raise LineageError(f"nobody is its own ancestor: {' → '.join([*loop, loop[0]])}")
    return graph


def inheritance(graph: nx.DiGraph[str]) -> nx.DiGraph[str]:
    """The lineage without exploiters' edges: who should still know what whom knew."""
    return graph.edge_subgraph([(a, b) for a, b, kind in graph.edges(data="kind") if kind in INHERITED])


def edges(graph: nx.DiGraph[str]) -> tuple[tuple[str, str], ...]:
    """(parent, child) for the ratings' lineage prior."""
    return tuple(sorted(inheritance(graph).edges()))


def forgetting(graph: nx.DiGraph[str], cells: Sequence[Cell]) -> tuple[Forgetting, ...]:
    """Every resolved cell in which an ancestor leads its descendant, nearest generations first."""
    kept = inheritance(graph)
    alarms: list[Forgetting] = []
    for cell in cells:
        if cell.lead is None or cell.a not in kept or cell.b not in kept:
            continue
        child = cell.b if cell.lead == cell.a else cell.a
        if not nx.has_path(kept, cell.lead, child):
            continue
        distance = int(nx.shortest_path_length(kept, cell.lead, child))
        alarms.append(Forgetting(cell.lead, child, _of(cell), distance))
    return tuple(sorted(alarms, key=lambda alarm: (alarm.generations, alarm.child, alarm.ancestor)))


def _of(cell: Cell) -> Estimate:
    """The leader's score: the cell's, mirrored when b leads. Scores of a win game add up to 1."""
    if cell.lead == cell.a:
        return cell.score
    total = 1.0 if cell.kind == "win" else 0.0
    mine = cell.score
    return Estimate(total - mine.value, mine.se, total - mine.high, total - mine.low)
