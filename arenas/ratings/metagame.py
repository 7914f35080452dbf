"""When one number is not enough: who resolvably beats whom, as a graph and as a game."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import networkx as nx
import numpy as np

from ..results import Cell, ScoreKind
from .alpha_rank import alpha_rank
from .arrays import Floats
from .crosstable import advantage
from .nash import nash_average

SELECTION = 100.0
"""α-Rank's α times the largest advantage: strong selection, so that every resolved edge counts."""


@dataclass(frozen=True)
class Metagame:
    """The game of choosing an entrant, in which pairs that are undecided count as level.

    `mixture` (n,) is its maximum-entropy equilibrium and `worth` (n,) each entrant's mean advantage against
    that, at most 0, in logits or payoff (Nash averaging). `mass` (n,) is α-Rank's: the share of time that
    evolution under strong selection spends at each. `top` is the attracting components.
    """

    names: tuple[str, ...]
    mixture: Floats
    worth: Floats
    mass: Floats
    top: tuple[tuple[str, ...], ...]


def metagame(cells: Sequence[Cell], names: Sequence[str], kind: ScoreKind) -> Metagame | None:
    """The metagame of cells; None under three entrants, or where two of them never met.

    Raises FitError where no equilibrium is found.
    """
    table = advantage(cells, names, kind)
    if len(names) < 3 or np.isnan(table).any():
        return None

    # noise must not decide a game: only resolved differences count as payoffs
    at = {name: n for n, name in enumerate(names)}
    resolved = np.zeros(table.shape)
    for cell in cells:
        if cell.lead is not None:
            i, j = at[cell.a], at[cell.b]
            resolved[i, j], resolved[j, i] = table[i, j], table[j, i]

    average = nash_average(resolved)
    # 1.0 where all are undecided and nothing is there to scale by
    most = float(np.abs(resolved).max()) or 1.0
    # α-Rank takes the difference of both directions: halved, each advantage counts once
    mass = alpha_rank(resolved / 2, alpha=SELECTION / most)
    top = top_cycles(response_graph(cells, names))
    return Metagame(tuple(names), average.mixture, average.worth, mass, top)


def response_graph(cells: Sequence[Cell], names: Sequence[str] = ()) -> nx.DiGraph[str]:
    """An edge from the weaker to the stronger where the cell is resolved, so that walks climb.

    Undecided cells are no edges: `graph.graph["undecided"]` lists them. Edges carry their `cell`.
    """
    undecided = tuple((cell.a, cell.b) for cell in cells if cell.lead is None)
    graph: nx.DiGraph[str] = nx.DiGraph(undecided=undecided)
    # entrants without any resolved cell are nodes too
    graph.add_nodes_from(names)
    for cell in cells:
        graph.add_nodes_from((cell.a, cell.b))
        if cell.lead is not None:
            graph.add_edge(cell.a if cell.lead == cell.b else cell.b, cell.lead, cell=cell)
    return graph


def top_cycles(graph: nx.DiGraph[str]) -> tuple[tuple[str, ...], ...]:
    """The attracting components: no entrant outside is known to beat one inside.

    One entrant alone is a champion; several in one are a top cycle; several components are undecided
    among themselves.
    """
    return tuple(sorted(tuple(sorted(group)) for group in nx.attracting_components(graph)))


def cycles(
    graph: nx.DiGraph[str], longest: int = 4, limit: int = 100
) -> tuple[tuple[str, ...], ...]:
    """Up to `limit` simple cycles of at most `longest` entrants, each read as "is beaten by".

    Searched inside strongly connected components alone, since no cycle leaves one.
    """
    return tuple(islice(_cycles(graph, longest), limit))


def _cycles(graph: nx.DiGraph[str], longest: int) -> Iterator[tuple[str, ...]]:
    # components come as sets: sorted, they are searched in one order every time
    for group in sorted(nx.strongly_connected_components(graph), key=min):
        # two cannot form a cycle: their cell has one leader
        if len(group) > 2:
            for loop in nx.simple_cycles(graph.subgraph(group), length_bound=longest):
                # one cycle, one text, wherever the search met it first
                start = loop.index(min(loop))
                yield tuple(loop[start:] + loop[:start])
