"""When one number is not enough: who resolvably beats whom, as a graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import networkx as nx

from ..results import Cell


def response_graph(cells: Sequence[Cell], names: Sequence[str] = ()) -> nx.DiGraph[str]:
    """An edge from the weaker to the stronger where the cell is resolved, so that walks climb.

    Undecided cells are no edges: `graph.graph["undecided"]` lists them. Edges carry their `cell`.
    """
    undecided = tuple((cell.a, cell.b) for cell in cells if cell.lead is None)
    graph: nx.DiGraph[str] = nx.DiGraph(undecided=undecided)
    graph.add_nodes_from(names)
    for cell in cells:
        graph.add_nodes_from((cell.a, cell.b))
        if cell.lead is not None:
            graph.add_edge(cell.a if cell.lead == cell.b else cell.b, cell.lead, cell=cell)
    return graph


def top_cycles(graph: nx.DiGraph[str]) -> tuple[tuple[str, ...], ...]:
    """The attracting components: nobody outside is known to beat anybody inside.

    One entrant alone is a champion; several in one are a top cycle; several components are undecided
    among themselves.
    """
    return tuple(sorted(tuple(sorted(group)) for group in nx.attracting_components(graph)))


def strata(graph: nx.DiGraph[str]) -> tuple[tuple[str, ...], ...]:
    """Strongly connected components, strongest first, in an order that every resolved edge respects."""
    order = nx.condensation(graph)
    groups = {node: tuple(sorted(order.nodes[node]["members"])) for node in order}
    climb = nx.lexicographical_topological_sort(order.reverse(), groups.get)
    return tuple(groups[node] for node in climb)


def cycles(
    graph: nx.DiGraph[str], longest: int = 4, limit: int = 100
) -> tuple[tuple[str, ...], ...]:
    """Up to `limit` simple cycles of at most `longest` entrants, each read as "is beaten by".

    Searched inside strongly connected components alone, since no cycle leaves one.
    """
    return tuple(islice(_cycles(graph, longest), limit))


def _cycles(graph: nx.DiGraph[str], longest: int) -> Iterator[tuple[str, ...]]:
    for group in sorted(nx.strongly_connected_components(graph), key=min):
        if len(group) > 2:
            for loop in nx.simple_cycles(graph.subgraph(group), length_bound=longest):
                start = loop.index(min(loop))
                yield tuple(loop[start:] + loop[:start])
