"""The page of a league: whom each learner met, how often, why, and how it fared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Final

from scipy import stats

from ...envs.registry import Game
from ..league import League, league_of
from ..results import GameRow
from ..store.reading import Archive
from .page import Chart, Series
from .sheet import Sheet, Table
from .text import bare, compact, line

FILE: Final = "league.html"
PARTS: Final = 20
"""Into how many parts, equal in games, a league's history is cut for its curves."""
LINES: Final = 6
"""Opponents that have a line of their own: those met most often."""
CAPTION: Final = (
    "Share: of the learner’s games against others. The rate is that of its latest games against the "
    "opponent, as many as the league looks back over, with a 95 % interval (Beta) that holds for each row "
    "by itself; the learner changes meanwhile, so it is no rating."
)


def league_sheet(
    archive: Archive, game: Game, title: str, reasons: Sequence[Chart]
) -> Sheet | None:
    """The page; None where the store holds no games of a league. `reasons` are a run's own curves of why."""
    played = _by_learner(archive, game)
    if not played:
        return None
    league = league_of(archive, game)
    names = {entrant.id: line(bare(entrant.name), 40) for entrant in archive.entrants()}
    return Sheet(
        kind="Sparring league",
        title=title,
        heading=f"{title}: the league",
        lead=_lead(league, played),
        facts=(
            ("Game", game.id),
            ("Learners", str(len(league.learners))),
            ("Snapshots", str(len(league.pool))),
            ("Games against others", compact(sum(map(len, played.values())))),
        ),
        tables=tuple(
            _table(league, learner, rows, names, str(n))
            for n, (learner, rows) in enumerate(played.items())
        ),
        charts=(*(_shares(learner, rows, names) for learner, rows in played.items()), *reasons),
        curves=(
            f"Shares of opponents are of {PARTS} equal parts (fewer where games are few) of a learner’s "
            f"games against others, in order; those met less often than the first {LINES} are added up."
        ),
    )


def _by_learner(archive: Archive, game: Game) -> dict[str, list[GameRow]]:
    played: dict[str, list[GameRow]] = defaultdict(list)
    for row in archive.rows(game, "league", voids=False):
        # a league's pair is LEARNER/GAME
        played[row.pair.rsplit("/", 1)[0]].append(row)
    return {learner: sorted(rows, key=lambda row: row.order) for learner, rows in played.items()}


def _lead(league: League, played: Mapping[str, Sequence[GameRow]]) -> str:
    games, pool = compact(sum(map(len, played.values()))), len(league.pool)
    who = "One learner" if len(played) == 1 else f"{len(played)} learners"
    return (
        f"{who} played {games} games against others; the {pool} snapshots among them ask again and again "
        "whether a learner still beats what it once beat."
    )


def _met(learner: str, rows: Sequence[GameRow]) -> Counter[str]:
    met: Counter[str] = Counter()
    for row in rows:
        met.update({place.entrant for place in row.places} - {learner})
    return met


def _table(
    league: League, learner: str, rows: Sequence[GameRow], names: Mapping[str, str], id: str
) -> Table:
    met, pool, kinds = _met(learner, rows), league.pool, league.learners
    kind = kinds.get(learner, "main").replace("_", " ")
    told: list[tuple[str, ...]] = []
    for other, count in met.most_common():
        rate = league.rate(learner, other)
        low, high = _interval(rate.score, rate.games)
        what = (
            f"step {pool[other][1]:,}" if other in pool else kinds.get(other, "").replace("_", " ")
        )
        told.append(
            (
                names[other],
                what,
                f"{count:,}",
                f"{count / met.total():.1%}",
                f"{rate.value:.3f}",
                f"[{low:.3f}, {high:.3f}]",
                f"{rate.games:,}",
            )
        )
    heads = (
        "Opponent",
        "From",
        "Games",
        "Share",
        league.measure.capitalize(),
        "Interval",
        "of games",
    )
    title = f"{names[learner]} ({kind})"
    return Table(f"learner-{id}", title, heads, tuple(told), CAPTION, words=(1,))


def _interval(score: float, games: int, level: float = 0.95) -> tuple[float, float]:
    """Of the Beta posterior under the prior of `Rate`: never beyond 0 and 1, and not symmetric near them."""
    found = stats.beta(score + 0.5, games - score + 0.5).interval(level)
    return float(found[0]), float(found[1])


def _shares(learner: str, rows: Sequence[GameRow], names: Mapping[str, str]) -> Chart:
    """Which share of the games each opponent had, over the learner's games in order."""
    often = [id for id, _ in _met(learner, rows).most_common()]
    shown = often[:LINES] if len(often) > LINES else often
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for end, part in _parts(rows):
        met = _met(learner, part)
        rest = met.total() - sum(met[id] for id in shown)
        for id in shown:
            points[names[id]].append((end, met[id] / met.total()))
        if len(shown) < len(often):
            points["others"].append((end, rest / met.total()))
    lines = tuple(Series(name, tuple(at)) for name, at in points.items())
    return Chart(f"Opponents of {names[learner]}", "games", lines, low=0.0, digits=2)


def _parts(rows: Sequence[GameRow]) -> Iterator[tuple[float, Sequence[GameRow]]]:
    count = min(PARTS, max(1, int(sqrt(len(rows)))))
    ends = [len(rows) * (n + 1) // count for n in range(count)]
    for begin, end in zip([0, *ends], ends, strict=False):
        if end > begin:
            yield float(end), rows[begin:end]
