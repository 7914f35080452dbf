"""Which entrants meet, and in which order. All of it is pure and depends on no clock.

Schedules are breadth first: all planned pairs meet once before any pair meets twice, so a
tournament cut short is already a ranking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

import networkx as nx

from ..results import ResultsError, Seating

Group: TypeAlias = tuple[str, ...]


def seatings(group: Sequence[str], places: Sequence[str]) -> tuple[Seating, ...]:
    """Every rotation of the group over the places: each entrant sits in each place once."""
    if len(group) != len(places):
        raise ResultsError(f"{len(group)} entrants for {len(places)} places ({', '.join(places)})")
    turns = range(len(places))
    return tuple(
        {place: group[(n + turn) % len(group)] for n, place in enumerate(places)} for turn in turns
    )


def crossed(group: Sequence[str], places: Sequence[str]) -> tuple[Seating, ...]:
    """Every entrant in the first place beside every one in the second, itself too."""
    if len(group) != 2 or len(places) != 2:
        raise ResultsError(f"{len(group)} entrants for {len(places)} places ({', '.join(places)})")
    return tuple({places[0]: one, places[1]: two} for one in group for two in group)


def round_robin(names: Sequence[str], repeats: int, places: int = 2) -> Iterator[Group]:
    """All pairs, `repeats` times; two places by the circle method.

    More places: each repeat is a round of groups in which all have met all, or as near as greedy gets.
    """
    if len(names) < places:
        raise ResultsError(f"{len(names)} entrants cannot fill {places} places")
    if places > 2:
        yield from _groups(names, repeats, places)
        return
    for _ in range(repeats):
        yield from circle(names)


def circle(names: Sequence[str]) -> Iterator[Group]:
    """All pairs in rounds, each entrant at most once a round: one stays, the others turn."""
    # an odd number gets an empty place, and whoever faces it rests
    ring: list[str | None] = [*names, *([None] if len(names) % 2 else [])]
    for _ in range(len(ring) - 1):
        for a, b in zip(ring[: len(ring) // 2], reversed(ring[len(ring) // 2 :]), strict=True):
            if a is not None and b is not None:
                yield (a, b)
        ring = [ring[0], ring[-1], *ring[1:-1]]


def gauntlet(challengers: Sequence[str], field: Sequence[str], repeats: int) -> Iterator[Group]:
    """Each challenger against each of the field, `repeats` times."""
    for _ in range(repeats):
        for opponent in field:
            for challenger in challengers:
                # a challenger may stand in the field too
                if challenger != opponent:
                    yield (challenger, opponent)


def ladder(ancestry: Mapping[str, Sequence[str]], repeats: int) -> Iterator[Group]:
    """Each checkpoint against all its ancestors, `repeats` times; parents first."""
    for _ in range(repeats):
        for child, ancestors in ancestry.items():
            for ancestor in ancestors:
                yield (child, ancestor)


def swiss(scores: Mapping[str, float], played: Iterable[Group]) -> tuple[Group, ...]:
    """The next round: neighbours in score meet, and a pair meets again only where no new one is left.

    With an odd number the one left out is the lowest of those who played most.
    """
    often = Counter(frozenset(group) for group in played)
    games = Counter(name for group, n in often.items() for name in group for _ in range(n))
    order = sorted(scores, key=lambda name: (-scores[name], name))

    if len(order) % 2:
        order.remove(max(order, key=lambda name: (games[name], order.index(name))))

    # near scores attract, and a rematch costs more than any gap of scores
    spread = max(1e-9, max(scores.values(), default=0.0) - min(scores.values(), default=0.0))
    graph: nx.Graph[str] = nx.Graph()
    for a, b in combinations(order, 2):
        near = ((scores[a] - scores[b]) / spread) ** 2 + 1e-6 * (
            order.index(b) - order.index(a)
        ) ** 2
        # equal scores everywhere: the faint second term still pairs neighbours
        graph.add_edge(a, b, weight=-near - 2 * len(order) * often[frozenset((a, b))])

    matched = nx.max_weight_matching(graph, maxcardinality=True)

    # the matching is a set: sorted, the round is the same every time
    pairs = [(a, b) if order.index(a) < order.index(b) else (b, a) for a, b in matched]
    return tuple(sorted(pairs, key=lambda pair: order.index(pair[0])))


def _groups(names: Sequence[str], repeats: int, places: int) -> Iterator[Group]:
    """Groups that keep games even first and meetings even second, until each repeat has met all."""
    games: Counter[str] = Counter()
    meetings: Counter[frozenset[str]] = Counter()
    everyone = [frozenset(pair) for pair in combinations(names, 2)]
    for repeat in range(1, repeats + 1):
        while min(meetings[pair] for pair in everyone) < repeat:
            group: list[str] = []
            while len(group) < places:
                group.append(_next(names, group, games, meetings))
            games.update(group)
            meetings.update(frozenset(pair) for pair in combinations(group, 2))
            yield tuple(group)


def _next(
    names: Sequence[str],
    group: Sequence[str],
    games: Counter[str],
    meetings: Counter[frozenset[str]],
) -> str:
    def need(name: str) -> tuple[int, int, int]:
        # the first of a group is the entrant that has met others least; each further one
        # has met this group least
        met = sum(meetings[frozenset((name, other))] for other in group)
        fresh = sum(meetings[frozenset((name, other))] for other in names if other != name)
        return (met, games[name], fresh) if group else (fresh, games[name], 0)

    return min((name for name in names if name not in group), key=need)
