"""From rows to a leaderboard: ratings, rank intervals, and what bounds their meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf

import numpy as np
from scipy import stats

from ..results import (
    Cell,
    Estimate,
    Forgetting,
    GameRow,
    Leaderboard,
    Pair,
    ScoreKind,
    Standing,
    Warning,
    complete,
)
from .arrays import Floats, Played, gather
from .bounds import of_two, one_sided
from .crosstable import questions, table
from .fit import ELO, Draws, Edges, Fit, finite, fit, pools, tiers
from .lineage import Born, forgetting
from .lineage import lineage as lineage_of
from .metagame import cycles, response_graph
from .misfit import cyclic_share, misfit
from .spending import Spent, spending

FALLBACK = 400.0
"""Standard deviation, in Elo, of the prior that is named where no finite fit exists."""
MATERIAL = 0.1
"""The cyclic share from which a leaderboard warns, if the model misfits or a cycle is resolved."""
DOUBTED = 0.01
"""The p-value below which the model is said to misfit."""
FEW = 10
NAMED = 3


def rate(
    rows: Iterable[GameRow],
    kind: ScoreKind,
    *,
    anchor: str = "mean",
    forfeits: bool = True,
    level: float = 0.95,
    ridge: float = 1.0,
    prior: float | None = None,
    lineage: Edges = (),
    tau: float | None = None,
    draws: Draws = "half",
    pairs: Sequence[Pair] | None = None,
) -> Leaderboard:
    """Rate all entrants of one game from its rows, best first.

    Win games are rated in Elo, `prior` and `tau` too; payoff games in payoff units. `lineage` (parent,
    child) edges raise the forgetting alarm; with `tau` they are a prior as well. Where wins and draws
    admit no finite fit, the prior N(0, 400²) Elo is used and named, and `tiers` gives the order that
    the games do prove. `pairs` are the rows' complete pairs, where they are known already. Errors:
    ResultsError without a complete pair; FitError for an unknown anchor.
    """
    # rows may be an iterator, and they are read twice
    kept = tuple(rows)

    if pairs is None or not forfeits:
        pairs = complete(kept, forfeits=forfeits)
    played = gather(pairs, kind)
    unit = ELO if kind == "win" else 1.0
    # without τ the lineage only raises alarms: it must not move ratings
    tied = lineage if tau else ()
    proven = kind == "payoff" or finite(played, tied)

    # payoffs always have a fit; wins and draws may have none, and then a prior is put in
    chosen = prior if prior or proven else FALLBACK
    fitted = fit(
        played,
        kind,
        anchor=anchor,
        ridge=ridge,
        # asked for in the unit of the board, fitted in logits
        prior=chosen and chosen / unit,
        lineage=tied,
        tau=(tau or unit) / unit,
        draws=draws,
    )
    cells = table(played, kind, level=level)

    doubt = misfit(played, kind, fitted)
    # one cycle is enough to warn of, and finding all may take long
    circle = bool(cycles(response_graph(cells), limit=1))
    cyclic = cyclic_share(cells, played.names, kind)

    # rounded, so that equal ratings do not stand in an order of rounding errors
    order = sorted(
        range(len(played.names)), key=lambda n: (-round(fitted.rating[n], 9), played.names[n])
    )

    apart = pools(played, tied)
    ranks = rank_intervals(fitted, level, apart)
    own = one_sided(played, fitted, level) if not proven else None
    if proven and not tied and not prior and two_of_wins(played, kind, fitted):
        own = of_two(played, fitted, level)
    forgotten = forgetting(lineage_of(Born(child, parent) for parent, child in lineage), cells)

    return Leaderboard(
        standings=_standings(kept, pairs, played, fitted, unit, level, order, ranks, own),
        unit="Elo" if kind == "win" else "payoff",
        anchor=anchor,
        prior=f"N(0, {chosen:g}²) {'Elo' if kind == 'win' else 'payoff'}" if chosen else "",
        covariance=tuple(map(tuple, (unit**2 * fitted.covariance[np.ix_(order, order)]).tolist())),
        misfit=doubt,
        cyclic=cyclic,
        pools=apart,
        tiers=() if proven else tiers(played),
        forgetting=forgotten,
        warnings=(
            *_forgotten(forgotten),
            # noise alone looks cyclic too: the share warns only beside a misfit or a cycle
            *_warnings(
                played, apart, proven, doubt, cyclic if circle or doubted(doubt) else None, chosen
            ),
            *_flat(cells),
        ),
    )


def doubted(misfit: float | None) -> bool:
    """Whether the games contradict the model. Cells without any spread cannot: None."""
    return misfit is not None and misfit < DOUBTED


def two_of_wins(played: Played, kind: ScoreKind, fitted: Fit) -> bool:
    """Whether the ratings are a function of the one score of two entrants, whose interval they then have."""
    several = kind == "win" and len(played.names) == played.places == 2
    return several and bool((fitted.freedom >= 1).all())


def rank_intervals(
    fitted: Fit, level: float = 0.95, apart: Sequence[Sequence[str]] = ()
) -> tuple[tuple[int, int], ...]:
    """For each entrant the best and worst rank that the pairwise differences leave open.

    They hold for all entrants together with chance `level`: each difference is asked at Bonferroni's share
    of it. Entrants of different pools are never resolved.
    """
    count = len(fitted.names)
    gap = fitted.rating[:, None] - fitted.rating[None, :]
    spread = np.diag(fitted.covariance)
    error = np.sqrt(np.maximum(0, spread[:, None] + spread[None, :] - 2 * fitted.covariance))

    tail = (1 - level) / questions(count * (count - 1) // 2) / 2
    # a difference is as uncertain as its worse end: the smaller freedom decides
    reach = _reach(np.minimum(fitted.freedom[:, None], fitted.freedom[None, :]), tail)

    pool = {name: n for n, group in enumerate(apart) for name in group}
    group = np.array([pool.get(name, 0) for name in fitted.names])

    # without freedom the reach is infinite, and infinity times 0 would be no number
    far = gap > reach * np.maximum(error, 1e-12) + 1e-9
    ahead = far & (group[:, None] == group[None, :])

    worse, better = ahead.sum(1), ahead.sum(0)
    return tuple((1 + int(b), len(gap) - int(w)) for b, w in zip(better, worse, strict=True))


def _standings(
    rows: Sequence[GameRow],
    pairs: Sequence[Pair],
    played: Played,
    fitted: Fit,
    unit: float,
    level: float,
    order: Sequence[int],
    ranks: Sequence[tuple[int, int]],
    own: tuple[Floats, Floats] | None,
) -> tuple[Standing, ...]:
    # an anchor is 0 by definition, with one pair as with many
    anchored = np.array([name == fitted.anchor for name in fitted.names])
    freedom = np.where(anchored, np.inf, fitted.freedom)
    overall = _estimates(fitted.rating, fitted.covariance, freedom, unit, level)
    if own:
        overall = [
            _opened(one, unit * least, unit * most)
            for one, least, most in zip(overall, *own, strict=True)
        ]
    roles = {
        role: _estimates(rating, covariance, fitted.freedom, unit, level)
        for role, (rating, covariance) in fitted.as_role.items()
    }

    # by a set: an entrant in several places of a game has played it once
    games = Counter(
        name for pair in pairs for row in pair.legs for name in {p.entrant for p in row.places}
    )
    blocks = Counter(name for pair in pairs for name in pair.entrants)

    # over all rows: void games are not rated, but they cost
    accounts = spending(rows)
    mine = [accounts.get(name, Spent()) for name in played.names]
    return tuple(
        Standing(
            entrant=played.names[n],
            rating=overall[n],
            rank=place,
            ranks=ranks[n],
            roles={role: estimates[n] for role, estimates in roles.items()},
            games=games[played.names[n]],
            pairs=blocks[played.names[n]],
            forfeits=dict(mine[n].forfeits),
            truncated=mine[n].truncated,
            tokens_in=mine[n].tokens_in,
            tokens_out=mine[n].tokens_out,
            seconds=mine[n].seconds,
            cost=mine[n].cost,
        )
        for place, n in enumerate(order, 1)
    )


def _estimates(
    rating: Floats, covariance: Floats, freedom: Floats, unit: float, level: float
) -> list[Estimate]:
    errors = np.sqrt(np.maximum(0, np.diag(covariance)))
    errors[(errors < 1e-9) & (freedom >= 1)] = 0.0  # an anchor's, up to rounding
    # an error of 0 times an infinite quantile would be no number
    half = np.maximum(errors, 1e-300) * _reach(freedom, (1 - level) / 2)
    half[(errors == 0) & (freedom >= 1)] = 0.0
    table = unit * np.stack([rating, errors, rating - half, rating + half], 1)
    return [Estimate(*row) for row in table.tolist()]


def _reach(freedom: Floats, tail: float) -> Floats:
    """Student's quantiles for `tail` to either side; infinite under one degree of freedom."""
    found = stats.t.ppf(1 - tail, np.where(freedom >= 1, freedom, 1.0))
    return np.where(freedom >= 1, found, np.inf)


def _opened(estimate: Estimate, least: float, most: float) -> Estimate:
    """The estimate with these ends; where games bound it to one side only, open to the other."""
    if not np.isnan(least) and not np.isnan(most):
        return replace(estimate, low=float(least), high=float(most))
    if not np.isnan(least):
        return replace(estimate, low=float(least), high=inf)
    if not np.isnan(most):
        return replace(estimate, low=-inf, high=float(most))
    return estimate


def _warnings(
    played: Played,
    apart: Sequence[Sequence[str]],
    proven: bool,
    doubt: float | None,
    cyclic: float | None,
    prior: float | None,
) -> Iterable[Warning]:
    if not proven:
        chain = " > ".join("{" + ", ".join(tier) + "}" for tier in tiers(played))
        yield Warning(
            "no fit",
            f"no finite fit: the games prove only {chain}; "
            f"distances lean on the prior N(0, {prior:g}²) Elo",
        )

    if len(apart) > 1:
        groups = "; ".join(", ".join(group) for group in apart)
        told = f"separate pools never met, so their ratings do not compare: {groups}"
        yield Warning("pools", told)

    if doubted(doubt):
        told = f"one number per player does not describe these games (misfit p = {doubt:.2g})"
        yield Warning("misfit", told)
    if cyclic is not None and cyclic > MATERIAL:
        told = f"{cyclic:.0%} of the advantages are cyclic: no ranking explains them"
        yield Warning("cyclic", told)

    blocks = np.bincount(played.entrant.ravel(), minlength=len(played.names))
    # legs are counted here, and a pair has as many legs as places
    few = [name for name, n in zip(played.names, blocks, strict=True) if n < FEW * played.places]
    if few:
        told = f"fewer than {FEW} pairs, so intervals are rough: {', '.join(few)}"
        # under a prior one pair has an interval, which is the prior's for the most part
        if prior is None and int(blocks[blocks > 0].min()) <= played.places:
            told += "; one pair gives no interval at all"
        yield Warning("few pairs", told)


def _flat(cells: Sequence[Cell]) -> Iterable[Warning]:
    """Names pairings whose pairs all ended alike: there is no spread to learn an error from."""
    flat = [cell for cell in cells if cell.flat and cell.pairs > 1]
    if flat:
        some = ", ".join(f"{cell.a} v {cell.b} ({cell.pairs:,} pairs)" for cell in flat[:NAMED])
        more = f" and {len(flat) - NAMED} more pairings" if len(flat) > NAMED else ""
        yield Warning(
            "no spread",
            f"all pairs ended alike, as one game played again would: {some}{more}; there is no variance to "
            "estimate from, and intervals show only what so many equal results leave open",
        )


def _forgotten(found: Sequence[Forgetting]) -> Iterable[Warning]:
    # one warning a child: what has forgotten loses to many ancestors at once
    by_child: dict[str, list[Forgetting]] = {}
    for alarm in found:
        by_child.setdefault(alarm.child, []).append(alarm)

    for child, alarms in by_child.items():
        worst = max(alarms, key=lambda alarm: alarm.score.value)
        more = (
            f"{len(alarms)} of its ancestors, most clearly" if len(alarms) > 1 else "its ancestor"
        )
        yield Warning(
            "forgetting",
            f"forgotten: {child} loses to {more} {worst.ancestor}, "
            f"which scores {worst.score.value:.3g} [{worst.score.low:.3g}, {worst.score.high:.3g}]",
        )
