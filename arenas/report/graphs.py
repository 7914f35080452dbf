"""The response graph and the lineage as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
from markupsafe import Markup

from ..results import Cell, Estimate
from .charts import interval
from .page import Kin
from .svg import Point, group, picture, tag, text
from .text import line

Graph = Any  # networkx ships no types
Layers = Sequence[Sequence[tuple[str, ...]]]
SHADES = 5
SLOT = 130.0  # pixels that a component needs in its row


def responses(cells: Sequence[Cell], ids: Sequence[str]) -> Graph:
    """An edge from the winner to the loser of every pair that is resolved; undecided pairs have none."""
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(ids)
    for cell in cells:
        if cell.lead is not None and cell.a in graph and cell.b in graph:
            graph.add_edge(cell.lead, cell.b if cell.lead == cell.a else cell.a)
    return graph


def layers(graph: Graph, ids: Sequence[str]) -> Layers:
    """The condensation, top first: layers of components; a component of several entrants is a cycle.

    Inside layers and components the order of `ids` (best first) is kept.
    """
    place = {id: i for i, id in enumerate(ids)}
    condensed: Graph = nx.condensation(graph)
    members = {n: tuple(sorted(condensed.nodes[n]["members"], key=place.__getitem__)) for n in condensed}
    return [
        sorted((members[n] for n in generation), key=lambda component: place[component[0]])
        for generation in nx.topological_generations(condensed)
    ]


def order(stacked: Layers) -> list[str]:
    """All entrants ordered by condensation: who beats comes before whom it beats, cycles side by side."""
    return [id for layer in stacked for component in layer for id in component]


def response_graph(
    graph: Graph, stacked: Layers, names: Mapping[str, str], width: float, class_: str = ""
) -> Markup:
    """Who beats whom, winners above. Cycles are boxed; edges that follow from others are left out.

    `names` are in the order of the leaderboard: their places are the numbers in the nodes.
    """
    spots: dict[str, Point] = {}
    parts = [_arrowhead(tip := f"tip-{class_}")]
    top = 28.0
    for row in _rows(stacked, width):
        tall = max(_tall(component) for component in row)
        slot = width / len(row)
        for k, component in enumerate(row):
            middle = (slot * (k + 0.5), top + tall / 2)
            wide = min(slot - 8, 120.0 + 34 * len(component))
            spots.update(_spread(component, middle, wide))
            if len(component) > 1:
                parts.append(_box(component, middle, wide))
        top += tall + 46
    parts += [_arrow(spots[a], spots[b], cyclic, tip) for a, b, cyclic in _shown_edges(graph)]
    parts += [_node(spots[id], name, i, width) for i, (id, name) in enumerate(names.items(), 1)]
    label = f"Response graph of {len(names)} entrants: {graph.number_of_edges()} resolved pairs"
    return picture(width, top - 24, parts, label, class_)


def lineage(
    kin: Sequence[Kin],
    names: Mapping[str, str],
    ratings: Mapping[str, Estimate],
    width: float,
    class_: str = "",
) -> Markup:
    """Descent from top to bottom, one entrant a row, branches as lanes; the colour is the rating."""
    graph: Graph = nx.DiGraph()
    graph.add_edges_from((edge.parent, edge.child, {"relation": edge.relation}) for edge in kin)
    place = {id: i for i, id in enumerate(graph)}
    rows = list(nx.lexicographical_topological_sort(graph, key=place.__getitem__))
    lane = _lanes(graph, rows)
    spots = {id: (16.0 + 22 * lane[id], 16.0 + 36 * i) for i, id in enumerate(rows)}
    left = 36.0 + 22 * max(lane.values())
    parts = [
        tag("path", d=_bend(spots[a], spots[b]), class_=f"kin {data['relation']}")
        for a, b, data in graph.edges(data=True)
    ]
    known = [ratings[id].value for id in rows if id in ratings]
    for id in rows:
        x, y = spots[id]
        rating = ratings.get(id)
        shade = f"r{_shade(rating.value, known)}" if rating else "unrated"
        parts.append(tag("circle", cx=x, cy=y, r=7, class_=f"knot {shade}"))
        parts.append(text(left, y, line(names.get(id, id), 24), "row"))
        parts.append(text(width - 8, y, interval(rating) if rating else "not rated", "row number", "end"))
        if story := _story(graph, id, names):
            parts.append(text(left, y + 14, story, "muted"))
    return picture(width, 36 * len(rows) + 4, parts, f"Lineage of {len(rows)} policies", class_)


def _rows(stacked: Layers, width: float) -> list[Sequence[tuple[str, ...]]]:
    """The layers, those too wide for the picture broken into several rows."""
    rows: list[Sequence[tuple[str, ...]]] = []
    for layer in stacked:
        room = SLOT if max(map(len, layer)) == 1 else 2 * SLOT
        fit = max(1, int(width // room))
        count = math.ceil(len(layer) / fit)
        size = math.ceil(len(layer) / count)
        rows += [layer[i : i + size] for i in range(0, len(layer), size)]
    return rows


def _tall(component: Sequence[str]) -> float:
    return 26.0 if len(component) == 1 else 84.0 + 16 * len(component)


def _box(component: Sequence[str], middle: Point, wide: float) -> Markup:
    x, y, high = middle[0] - wide / 2, middle[1] - _tall(component) / 2 - 8, _tall(component) + 16
    return group(
        [
            tag("rect", x=x, y=y, width=wide, height=high, rx=10, class_="cycle"),
            text(x + 8, y + 12, f"cycle of {len(component)}", "cycle-name"),
        ]
    )


def _spread(component: Sequence[str], middle: Point, wide: float) -> dict[str, Point]:
    """Places for a component's entrants: one in the middle, several on an ellipse."""
    if len(component) == 1:
        return {component[0]: middle}
    across, up = wide / 2 - 44, _tall(component) / 2 - 22
    turn = 2 * math.pi / len(component)
    return {
        id: (middle[0] + across * math.sin(i * turn), middle[1] + 8 - up * math.cos(i * turn))
        for i, id in enumerate(component)
    }


def _shown_edges(graph: Graph) -> list[tuple[str, str, bool]]:
    """All edges inside cycles; between components only those that no others imply."""
    condensed: Graph = nx.condensation(graph)
    component: Mapping[str, int] = condensed.graph["mapping"]
    needed: Graph = nx.transitive_reduction(condensed)
    shown: list[tuple[str, str, bool]] = []
    drawn: set[tuple[int, int]] = set()
    for a, b in graph.edges:
        between = (component[a], component[b])
        if between[0] == between[1]:
            shown.append((a, b, True))
        elif needed.has_edge(*between) and between not in drawn:
            drawn.add(between)
            shown.append((a, b, False))
    return shown


def _node(at: Point, name: str, rank: int, width: float) -> Markup:
    x, y = at
    label = line(name, 18)
    ahead = x + 18 + 6.4 * len(label) < width
    where = text(x + 18, y, label, "node-name") if ahead else text(x - 18, y, label, "node-name", "end")
    circle = tag("circle", cx=x, cy=y, r=13, class_="node")
    return group([tag("title", name), circle, text(x, y, str(rank), "node-rank", "middle"), where])


def _arrow(start: Point, end: Point, cyclic: bool, tip: str) -> Markup:
    (x1, y1), (x2, y2) = start, end
    away = max(1.0, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
    ux, uy = (x2 - x1) / away, (y2 - y1) / away
    x1, y1, x2, y2 = x1 + 14 * ux, y1 + 14 * uy, x2 - 17 * ux, y2 - 17 * uy
    bow = 0.0 if abs(uy) < 0.98 or away < 90 else 26.0
    d = f"M{x1:.1f} {y1:.1f}Q{(x1 + x2) / 2 - bow * uy:.1f} {(y1 + y2) / 2 + bow * ux:.1f} {x2:.1f} {y2:.1f}"
    return tag("path", d=d, class_="edge cyclic" if cyclic else "edge", marker_end=f"url(#{tip})")


def _arrowhead(id: str) -> Markup:
    point = tag("path", d="M0 0L7 3.5L0 7z", class_="tip")
    size = {"viewBox": "0 0 7 7", "refX": 6, "refY": 3.5, "markerWidth": 7, "markerHeight": 7}
    return tag("defs", tag("marker", point, id=id, orient="auto-start-reverse", **size))


def _lanes(graph: Graph, rows: Sequence[str]) -> dict[str, int]:
    """A lane per branch: a first child goes on in its parent's lane, others open the next free one."""
    lane: dict[str, int] = {}
    taken: set[str] = set()
    for id in rows:
        parent = next((p for p in graph.predecessors(id) if p not in taken), None)
        if parent is not None:
            taken.add(parent)
            lane[id] = lane[parent]
        else:
            lane[id] = max(lane.values(), default=-1) + 1
    return lane


def _bend(start: Point, end: Point) -> str:
    (x1, y1), (x2, y2) = start, end
    if x1 == x2:
        return f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"
    turn = f"C{x1:.1f} {y1 + 18:.1f} {x2:.1f} {y1 + 6:.1f} {x2:.1f} {y1 + 36:.1f}"
    return f"M{x1:.1f} {y1:.1f}{turn}L{x2:.1f} {y2:.1f}"


def _story(graph: Graph, id: str, names: Mapping[str, str]) -> str:
    """How the entrant came to be, where it was not simply trained on."""
    told = [
        f"{relation.replace('_', ' ')} {line(names.get(parent, parent), 20)}"
        for parent, _, relation in graph.in_edges(id, data="relation")
        if relation != "trained_from"
    ]
    return ", ".join(told)


def _shade(value: float, known: Sequence[float]) -> int:
    low, high = min(known), max(known)
    return round((value - low) / (high - low) * (SHADES - 1)) if high > low else SHADES // 2


def cycles(stacked: Layers) -> list[tuple[str, ...]]:
    """The components of several entrants."""
    return [component for layer in stacked for component in layer if len(component) > 1]


def ancestors(kin: Sequence[Kin]) -> set[tuple[str, str]]:
    """All (ancestor, descendant) pairs of the lineage."""
    graph: Graph = nx.DiGraph((edge.parent, edge.child) for edge in kin)
    closed: Graph = nx.transitive_closure(graph)
    return {(a, b) for a, b in closed.edges if a != b}
