"""The response graph and the lineage as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
from markupsafe import Markup

from ..ratings import metagame
from ..ratings.lineage import Born
from ..results import Cell, Estimate
from .charts import LETTER, interval
from .svg import Point, group, picture, tag, text
from .text import line

Graph = Any  # networkx ships no types
Frame = tuple[float, float, float, float]
"""Left, top, width and height of the box around a cycle."""
Layers = Sequence[Sequence[tuple[str, ...]]]
SHADES = 5
STEP = 36.0  # pixels from one row of the lineage to the next
STRAIGHT = {"trained_from", "snapshot"}
STORY = {"exploiter_of": "exploiter of", "merged": "merged with", "distilled": "distilled from"}
SLOT = 160.0  # pixels that a component needs in its row
NAME = 18  # letters of a name beside its node


def responses(cells: Sequence[Cell], ids: Sequence[str]) -> Graph:
    """An edge from the winner to the loser of every pair of `ids` that is resolved; others have none."""
    # a walk in the metagame climbs to the stronger; a picture is read downwards
    known = [cell for cell in cells if {cell.a, cell.b} <= set(ids)]
    return metagame.response_graph(known, ids).reverse()


def layers(graph: Graph, ids: Sequence[str]) -> Layers:
    """The condensation, top first: layers of components; a component of several entrants is a cycle.

    Inside layers and components the order of `ids` (best first) is kept.
    """
    place = {id: i for i, id in enumerate(ids)}
    condensed: Graph = nx.condensation(graph)
    members = {
        n: tuple(sorted(condensed.nodes[n]["members"], key=place.__getitem__)) for n in condensed
    }
    return [
        sorted((members[n] for n in generation), key=lambda component: place[component[0]])
        for generation in nx.topological_generations(condensed)
    ]


def order(stacked: Layers) -> list[str]:
    """All entrants ordered by condensation: winners before losers, the members of a cycle side by side."""
    return [id for layer in stacked for component in layer for id in component]


def response_graph(
    graph: Graph,
    stacked: Layers,
    names: Mapping[str, str],
    place: Mapping[str, int],
    width: float,
    class_: str = "",
) -> Markup:
    """The resolved pairs, winners above losers. Cycles are boxed; edges that follow from others are left out.

    `names` are those drawn; the numbers in the nodes are places on the leaderboard (`place` counts from 0).
    """
    # two pictures stand on one page, and an id may be there once
    tip = f"tip-{class_}"
    spots: dict[str, Point] = {}
    frames: dict[str, Frame] = {}

    # a lone node has its name at its right: both together are centred
    half = LETTER * max(len(line(name, NAME)) for name in names.values()) / 2
    top = 28.0

    for row in _rows(stacked, width):
        tall = max(_tall(component) for component in row)
        slot = width / len(row)
        for k, component in enumerate(row):
            x, y = slot * (k + 0.5) - (half if len(component) == 1 else 0), top + tall / 2
            wide = min(slot - 8, 120.0 + 34 * len(component))
            spots.update(_spread(component, (x, y), wide))
            if len(component) > 1:
                high = _tall(component) + 16
                frames.update(dict.fromkeys(component, (x - wide / 2, y - high / 2, wide, high)))
        top += tall + 46

    # boxes first and nodes last, so that no line crosses a name
    parts = [_arrowhead(tip), *(_box(frame, frames) for frame in dict.fromkeys(frames.values()))]
    parts += [_edge(a, b, spots, frames, tip) for a, b in _shown_edges(graph)]
    parts += [
        _node(spots[id], name, place[id] + 1, _side(spots[id], frames.get(id)))
        for id, name in names.items()
    ]
    label = f"Response graph of {len(names)} entrants: {graph.number_of_edges()} resolved pairs"
    return picture(width, top - 24, parts, label, class_)


def lineage(
    births: Sequence[Born],
    names: Mapping[str, str],
    ratings: Mapping[str, Estimate],
    width: float,
    class_: str = "",
) -> Markup:
    """Descent from top to bottom, one entrant a row, branches as lanes; the colour is the rating."""
    graph: Graph = nx.DiGraph()
    graph.add_edges_from((born.parent, born.child, {"kind": born.kind}) for born in births)

    # parents above children; among equals the order in which they were told
    place = {id: i for i, id in enumerate(graph)}
    rows = list(nx.lexicographical_topological_sort(graph, key=place.__getitem__))
    lane = _lanes(graph, rows)
    spots = {id: (16.0 + 22 * lane[id], 16.0 + STEP * i) for i, id in enumerate(rows)}

    left = 36.0 + 22 * max(lane.values())
    parts = [
        tag("path", d=_bend(spots[a], spots[b]), class_=f"kin {data['kind']}")
        for a, b, data in graph.edges(data=True)
    ]

    known = [ratings[id].value for id in rows if id in ratings]
    for id in rows:
        x, y = spots[id]
        rating = ratings.get(id)
        shade = f"r{_shade(rating.value, known)}" if rating else "unrated"
        parts.append(tag("circle", cx=x, cy=y, r=7, class_=f"knot {shade}"))
        parts.append(text(left, y, line(names.get(id, id), 24), "row"))
        parts.append(
            text(width - 8, y, interval(rating) if rating else "not rated", "row number", "end")
        )
        if story := _story(graph, id, names):
            parts.append(text(left, y + 14, story, "muted"))
    return picture(width, STEP * len(rows) + 4, parts, f"Lineage of {len(rows)} policies", class_)


def _rows(stacked: Layers, width: float) -> list[Sequence[tuple[str, ...]]]:
    """The layers, those too wide for the picture broken into several rows."""
    rows: list[Sequence[tuple[str, ...]]] = []
    for layer in stacked:
        room = SLOT if max(map(len, layer)) == 1 else 2 * SLOT
        fit = max(1, int(width // room))
        # rows of about one length, rather than full ones and a short rest
        count = math.ceil(len(layer) / fit)
        size = math.ceil(len(layer) / count)
        rows += [layer[i : i + size] for i in range(0, len(layer), size)]
    return rows


def _tall(component: Sequence[str]) -> float:
    return 26.0 if len(component) == 1 else 112.0 + 18 * len(component)


def _box(frame: Frame, frames: Mapping[str, Frame]) -> Markup:
    x, y, wide, high = frame
    count = sum(other == frame for other in frames.values())
    return group(
        [
            tag("rect", x=x, y=y, width=wide, height=high, rx=10, class_="cycle"),
            text(x + 8, y + 12, f"cycle of {count}", "cycle-name"),
        ]
    )


def _spread(component: Sequence[str], middle: Point, wide: float) -> dict[str, Point]:
    """Places for a component's entrants: one in the middle, several on an ellipse."""
    if len(component) == 1:
        return {component[0]: middle}
    # inside of the box, with room for the names above and below
    across, up = wide / 2 - 46, _tall(component) / 2 - 36
    turn = 2 * math.pi / len(component)
    return {
        id: (middle[0] + across * math.sin(i * turn), middle[1] + 4 - up * math.cos(i * turn))
        for i, id in enumerate(component)
    }


def _shown_edges(graph: Graph) -> list[tuple[str, str]]:
    """All edges inside cycles; between components only those that no others imply, each once."""
    condensed: Graph = nx.condensation(graph)
    component: Mapping[str, int] = condensed.graph["mapping"]
    # what follows from other edges would only be ink; the reduction needs a DAG
    needed: Graph = nx.transitive_reduction(condensed)

    # one edge stands for all between two components
    shown: list[tuple[str, str]] = []
    drawn: set[tuple[int, int]] = set()
    for a, b in graph.edges:
        between = (component[a], component[b])
        if between[0] == between[1]:
            shown.append((a, b))
        elif needed.has_edge(*between) and between not in drawn:
            drawn.add(between)
            shown.append((a, b))
    return shown


def _edge(
    a: str, b: str, spots: Mapping[str, Point], frames: Mapping[str, Frame], tip: str
) -> Markup:
    """An arrow inside a cycle, or from one component to the next: from and to their boxes."""
    # inside a cycle each arrow is news
    if a in frames and frames[a] == frames.get(b):
        return _arrow(spots[a], spots[b], 15, 17, "edge cyclic", tip)

    # between components the arrow stands for all, so it joins boxes and not members
    start, end = spots[a], spots[b]
    if a in frames:
        x, y, wide, high = frames[a]
        start = (x + wide / 2, y + high)
    if b in frames:
        x, y, wide, _ = frames[b]
        end = (x + wide / 2, y)
    return _arrow(start, end, 2 if a in frames else 15, 4 if b in frames else 17, "edge", tip)


def _arrow(start: Point, end: Point, after: float, before: float, class_: str, tip: str) -> Markup:
    """From so many pixels after the start to so many before the end; long upright ones bow aside."""
    (x1, y1), (x2, y2) = start, end
    away = max(1.0, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
    ux, uy = (x2 - x1) / away, (y2 - y1) / away
    x1, y1, x2, y2 = x1 + after * ux, y1 + after * uy, x2 - before * ux, y2 - before * uy
    # a long upright arrow would run through the nodes between its ends
    bow = 0.0 if abs(uy) < 0.98 or away < 110 or "cyclic" in class_ else max(36.0, 0.28 * away)
    d = f"M{x1:.1f} {y1:.1f}Q{(x1 + x2) / 2 - bow * uy:.1f} {(y1 + y2) / 2 + bow * ux:.1f} {x2:.1f} {y2:.1f}"
    return tag("path", d=d, class_=class_, marker_end=f"url(#{tip})")


def _side(at: Point, frame: Frame | None) -> int:
    """Where a cycle's entrant has its name: above (-1) in the upper half, else below (1); 0: no cycle."""
    return 0 if frame is None else -1 if at[1] < frame[1] + frame[3] / 2 - 8 else 1


def _node(at: Point, name: str, rank: int, boxed: int) -> Markup:
    """A node, with its name above (-1) or below (1) where it is boxed, else (0) to its right."""
    x, y = at
    label = line(name, NAME)
    where = (
        text(x, y + 22 * boxed, label, "node-name", "middle")
        if boxed
        else text(x + 18, y, label, "node-name")
    )
    circle = tag("circle", cx=x, cy=y, r=13, class_="node")
    return group([tag("title", name), circle, text(x, y, str(rank), "node-rank", "middle"), where])


def _arrowhead(id: str) -> Markup:
    point = tag("path", d="M0 0L7 3.5L0 7z", class_="tip")
    size = {"viewBox": "0 0 7 7", "refX": 6, "refY": 3.5, "markerWidth": 7, "markerHeight": 7}
    return tag("defs", tag("marker", point, id=id, orient="auto-start-reverse", **size))


def _lanes(graph: Graph, rows: Sequence[str]) -> dict[str, int]:
    """A lane per branch: the first that was trained on stays in its parent's lane, others open new ones."""
    lane: dict[str, int] = {}
    taken: set[str] = set()
    for id in rows:
        direct = (p for p, _, kind in graph.in_edges(id, data="kind") if kind in STRAIGHT)
        # a second child in the lane would look like the child of the first
        parent = next((p for p in direct if p not in taken), None)
        if parent is not None:
            taken.add(parent)
            lane[id] = lane[parent]
        else:
            lane[id] = max(lane.values(), default=-1) + 1
    return lane


def _bend(start: Point, end: Point) -> str:
    """Down the outer of the two lanes, changing lanes within one row of the inner one's end."""
    (x1, y1), (x2, y2) = start, end
    begin = f"M{x1:.1f} {y1:.1f}"
    if x1 < x2:
        bend = f"C{x1:.1f} {y1 + 20:.1f} {x2:.1f} {y1 + 8:.1f} {x2:.1f} {y1 + STEP:.1f}"
        return f"{begin}{bend}L{x2:.1f} {y2:.1f}"
    if x1 > x2:
        turn = y2 - STEP
        return f"{begin}L{x1:.1f} {turn:.1f}C{x1:.1f} {y2 - 8:.1f} {x2:.1f} {y2 - 20:.1f} {x2:.1f} {y2:.1f}"
    return f"{begin}L{x2:.1f} {y2:.1f}"


def _story(graph: Graph, id: str, names: Mapping[str, str]) -> str:
    """Where the entrant comes from, unless it is the next checkpoint of its parent."""
    told = [
        f"{STORY[kind]} {line(names.get(parent, parent), 20)}"
        for parent, _, kind in graph.in_edges(id, data="kind")
        if kind in STORY
    ]
    return ", ".join(told)


def _shade(value: float, known: Sequence[float]) -> int:
    low, high = min(known), max(known)
    # equal ratings have the middle shade
    return round((value - low) / (high - low) * (SHADES - 1)) if high > low else SHADES // 2


def cycles(stacked: Layers) -> list[tuple[str, ...]]:
    """The components of several entrants."""
    return [component for layer in stacked for component in layer if len(component) > 1]
