"""Where entrants come from: a DAG, and the alarm when a child loses to its own ancestor."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import networkx as nx

from ..results import Cell, Forgetting, ResultsError, middle

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
class Slip:
    """An ancestor that did better `against` an opponent than its descendant does, by `least` or more."""

    ancestor: str
    child: str
    against: str
    least: float


def lineage(births: Iterable[Born]) -> nx.DiGraph[str]:
    """The DAG of parent → child, edges with their `kind`. Errors: LineageError on a cycle."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for birth in births:
        graph.add_edge(birth.parent, birth.child, kind=birth.kind)
    if not nx.is_directed_acyclic_graph(graph):
        # the loop is named, since in a large lineage it is hard to see
        loop = [parent for parent, _ in nx.find_cycle(graph)]
        raise LineageError(f"an entrant is its own ancestor: {' → '.join([*loop, loop[0]])}")
    return graph


def inheritance(graph: nx.DiGraph[str]) -> nx.DiGraph[str]:
    """The lineage without exploiters' edges: the pairs in which the child should have kept the skill."""
    return graph.edge_subgraph(
        [(a, b) for a, b, kind in graph.edges(data="kind") if kind in INHERITED]
    )


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

        # turned so that the winner stands first: a child ahead of its ancestor is no alarm
        won = cell if cell.lead == cell.a else cell.turned
        if not nx.has_path(kept, won.a, won.b):
            continue

        distance = int(nx.shortest_path_length(kept, won.a, won.b))
        least = max(0.0, won.score.low - middle(won.kind))
        alarms.append(Forgetting(won.a, won.b, won.score, distance, least))
    return tuple(sorted(alarms, key=lambda alarm: (alarm.generations, alarm.child, alarm.ancestor)))


def slips(
    graph: nx.DiGraph[str], cells: Sequence[Cell], frozen: Collection[str]
) -> tuple[Slip, ...]:
    """Where an ancestor's interval against a `frozen` opponent lies above its descendant's interval.

    Stricter than a test of the difference.
    """
    kept = inheritance(graph)
    # both directions, since either side of a cell may be the frozen one
    met = {(c.a, c.b): c.score for cell in cells for c in (cell, cell.turned) if c.b in frozen}

    return tuple(
        Slip(ancestor, child, foe, met[ancestor, foe].low - score.high)
        for (child, foe), score in sorted(met.items())
        if child in kept
        for ancestor in sorted(nx.ancestors(kept, child))
        if (ancestor, foe) in met and met[ancestor, foe].low > score.high
    )
