"""Ratings by one joint fit of all games: logit P(i as ρ beats j as σ) = s_iρ − s_jσ + b_ρσ.

s_iρ = θ_i + δ_iρ with a ridge on δ (and a faint one on the seat offsets b). An entrant's rating is the
mean of its s over roles. Payoff games are fitted by least squares in payoff units instead. Errors are
the sandwich H⁻¹GH⁻¹ clustered on pairs, corrected for few pairs; under a prior they are the posterior's,
since the sandwich takes no account of what only the prior says. Everything is refitted from the games
each time: a rating kept as mutable state would depend on the order of the games.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from math import log
from typing import Literal, TypeAlias

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from ..results import ScoreKind
from .arrays import Floats, Ints, Played
from .crosstable import encounters, reach
from .means import mean
from .newton import FitError, Minimum, Sparse, minimise
from .terms import Layout, Model

ELO = 400 / log(10)
"""Elo points per logit."""
MEASURED = 20
"""Degrees of freedom from which a measured variance is used."""
FAINT = 0.01
"""The ridge on seat offsets: finite even where the seat decides every game."""

Draws: TypeAlias = Literal["half", "davidson"]
Edges: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Fit:
    """A fitted model, in natural units (logits, or payoff).

    `rating` (n,) and `covariance` (n, n) are of the entrants, measured against `anchor`; `as_role`
    holds the same for each role; `information` (n, n) is the pseudo-inverse Fisher matrix. `freedom` (n,)
    are the degrees of freedom for Student's t of each rating: its blocks, less what the fit takes of
    them; below 1 there is nothing to learn an error from, and under a prior they are infinite. `offsets` are
    the seats' advantages, `nu` the Davidson draw parameter; `gradient` is the fit's certificate;
    `utility` (N, K) is each place's in each game, offset included.
    """

    names: tuple[str, ...]
    rating: Floats
    covariance: Floats
    as_role: Mapping[str, tuple[Floats, Floats]]
    information: Floats
    freedom: Floats
    offsets: Floats
    nu: float | None
    anchor: str
    gradient: float
    steps: int
    utility: Floats


def fit(
    played: Played,
    kind: ScoreKind,
    *,
    anchor: str = "mean",
    ridge: float = 1.0,
    prior: float | None = None,
    lineage: Edges = (),
    tau: float = 0.5,
    draws: Draws = "half",
    correct: bool = True,
    tolerance: float = 1e-8,
) -> Fit:
    """Fit all games at once, in natural units.

    `ridge` is the precision of δ; `prior` the standard deviation of a N(0, prior²) on every rating (None:
    none); `lineage` (parent, child) edges whose child's rating is N(its parent's, tau²). Without `correct`
    the covariance is the plain sandwich, which is too small where pairs are few.
    Errors: FitError where no finite fit exists (see `tiers`) or Newton stops short of `tolerance`,
    relative to the number of games.
    """
    # asked first: Newton would walk off to infinity and stop at any large number
    if kind == "win" and prior is None and not finite(played, lineage):
        raise FitError(
            "no finite fit: some entrants never lost to some others; give a prior, or show tiers"
        )

    # mirrored games are alike once aligned, and share a cell: fewer cells to fit
    model = Model(played.aligned(), davidson=draws == "davidson")
    loss = model.payoffs() if kind == "payoff" else model.choices()
    penalty = _penalty(model.layout, played.names, ridge, prior, lineage, tau)

    # without a prior no game sees the level of a whole pool
    gauge = (
        np.zeros((model.layout.size, 0)) if prior else _gauge(played, model.layout.size, lineage)
    )

    least = minimise(
        loss, penalty, gauge, tolerance=tolerance * max(1.0, len(played)), correct=correct
    )

    # back in the places in which the games were played
    utility = played.swapped(
        (model.design @ least.beta).reshape(-1, played.places).take(model.cells.cell, 0)
    )

    freedom = degrees(played, least.leverage)
    if prior or _known(played.names, lineage):
        # how much legs depend changes the noise of the games, and nothing of the prior
        effect = design_effect(played, kind)
        posterior = least.inverse @ (effect * least.hessian + penalty) @ least.inverse
        least = replace(least, covariance=posterior)
        # a posterior is normal: nothing is estimated from residuals
        freedom = np.full(len(played.names), np.inf)
    elif correct:
        own = least.covariance + _unseen(played, kind, model, least)
        least = replace(least, covariance=own)
    overall = least
    if kind == "win" and correct and not np.isinf(freedom).any():
        # where a seat decides every game, ratings lean on the ridges of roles and offsets
        ridged = least.covariance + least.inverse @ penalty @ least.inverse
        overall = replace(least, covariance=ridged)
    return _read(overall, least, model.layout, played, anchor, freedom, utility)


def degrees(played: Played, leverage: Floats) -> Floats:
    """(n,): each entrant's blocks, times the share of them that the fit leaves free."""
    count = len(played.names)
    # an entrant counts once in a block, however many legs and places it has
    own = np.unique(played.block[:, None] * count + played.entrant)
    block, entrant = own // count, own % count
    return np.bincount(entrant, 1 - leverage[block], count).astype(np.float64)


def design_effect(played: Played, kind: ScoreKind) -> float:
    """How much more a pair's mean varies than if its two legs were independent, from ¼ to 2.

    1 where that cannot be measured: with other than two legs, or too few pairs.
    """
    blocks = int(played.block.max()) + 1
    if played.places != 2 or len(played) != 2 * blocks:
        return 1.0

    met = encounters(played, kind)
    paired = _within(met.low * len(played.names) + met.high, met.score)

    # legs differ by who sits where: each way of sitting has a mean of its own
    # the factor 64 leaves room for the number of the seat
    code = (played.entrant[:, 0] * len(played.names) + played.entrant[:, 1]) * 64
    single = _within(code + played.seat[:, 0], played.score[:, 0] - played.score[:, 1])
    scale = 4.0  # a margin is twice a score in either kind of game
    if paired is None or single is None or single <= 0:
        return 1.0

    # independent legs would halve the variance of their mean
    return float(np.clip(2 * paired / (single / scale), 0.25, 2.0))


def _within(group: Ints, values: Floats) -> float | None:
    """The pooled variance about the groups' means; None from fewer than MEASURED degrees of freedom."""
    _, cell = np.unique(group, return_inverse=True)
    often = np.bincount(cell)
    rest = values - (np.bincount(cell, values) / often)[cell]
    freedom = len(values) - len(often)
    return float((rest**2).sum()) / freedom if freedom >= MEASURED else None


def _unseen(played: Played, kind: ScoreKind, model: Model, least: Minimum) -> Floats:
    """(P, P): what cells add to the covariance of an entrant all of whose cells ended alike.

    Such an entrant shows no spread, which is not to say that it has none: each of its cells is given that of
    the interval which so many equal pairs leave open. Where another cell of both entrants shows one, the
    sandwich is right on average over all of them, and a cell that happens to show none needs nothing more.
    """
    met = encounters(played, kind)
    bounds = reach(met, kind)

    count = len(played.names)
    code = met.low * count + met.high
    distinct, cell = np.unique(code, return_inverse=True)
    lowest = np.full(len(distinct), np.inf)
    highest = np.full(len(distinct), -np.inf)
    np.minimum.at(lowest, cell, met.score)
    np.maximum.at(highest, cell, met.score)
    varied = distinct[highest - lowest >= 1e-12]
    shown = np.isin(np.arange(count), [*varied // count, *varied % count])
    flat = np.flatnonzero(~shown[distinct // count] | ~shown[distinct % count])
    if not len(flat):
        return np.zeros_like(least.inverse)

    often = np.bincount(cell)

    # games of one meeting: a game of K places holds K(K − 1)/2 meetings
    legs = len(played) / len(met.score) * played.places * (played.places - 1) / 2
    # a mean that is off by its error moves the gradient by that times the cell's games
    spread = [mean(np.full(often[c], lowest[c]), bounds).se * often[c] * legs for c in flat]
    strength = sparse.csr_array(model.layout.strength())
    contrast = strength[distinct[flat] // count] - strength[distinct[flat] % count]

    # and one Newton step tells how far the ratings would follow
    moved = np.asarray(contrast @ least.inverse) * np.array(spread)[:, None]
    return moved.T @ moved


def meetings(played: Played, lineage: Edges = ()) -> NDArray[np.bool_]:
    """(n, n): which entrants share a game, or a lineage edge, whose prior ties the two."""
    met = np.eye(len(played.names), dtype=bool)
    # links to the first place suffice: pools ask for connection, not for every pair
    for k in range(1, played.places):
        met[played.entrant[:, 0], played.entrant[:, k]] = True
    for a, b in _known(played.names, lineage):
        met[a, b] = True
    return met | met.T


def takings(played: Played, lineage: Edges = ()) -> NDArray[np.bool_]:
    """(n, n): True where i ever took anything from j in win games. A lineage edge counts both ways.

    Of two, any share of the point; of more, a place level with the other's or ahead.
    """
    took = np.eye(len(played.names), dtype=bool)
    who = [np.ascontiguousarray(played.entrant[:, place]) for place in range(played.places)]
    for a, b in permutations(range(played.places), 2):
        mine, other = played.score[:, a], played.score[:, b]
        level = mine > 0 if played.places == 2 else mine >= other
        took.ravel()[(who[a] * len(took) + who[b])[level]] = True
    for a, b in _known(played.names, lineage):
        took[a, b] = took[b, a] = True
    return took


def finite(played: Played, lineage: Edges = ()) -> bool:
    """Whether each pool that met is strongly connected by wins and draws: only then is a fit finite."""
    took = takings(played, lineage)
    if _reaches_all(took) and _reaches_all(took.T):
        return True

    # strongly connected within each pool, though perhaps not between pools
    strong = csgraph.connected_components(took, connection="strong")[0]
    return strong == csgraph.connected_components(meetings(played, lineage), directed=False)[0]


def _reaches_all(graph: NDArray[np.bool_]) -> bool:
    """Whether the first reaches all others. On a full field much faster than naming its components."""
    seen = graph[0]
    while (further := graph[seen].any(0)).sum() > seen.sum():
        seen = further
    return bool(seen.all())


def tiers(played: Played) -> tuple[tuple[str, ...], ...]:
    """Components in an order in which no later one ever took a point from an earlier one."""
    order = nx.condensation(nx.from_numpy_array(takings(played), create_using=nx.DiGraph))
    groups = {tier: sorted(played.names[n] for n in order.nodes[tier]["members"]) for tier in order}
    return tuple(
        tuple(groups[tier]) for tier in nx.lexicographical_topological_sort(order, groups.get)
    )


def pools(played: Played, lineage: Edges = ()) -> tuple[tuple[str, ...], ...]:
    """Groups that never met: their ratings cannot be compared."""
    count, label = csgraph.connected_components(meetings(played, lineage), directed=False)
    groups: list[list[str]] = [[] for _ in range(count)]
    for name, group in zip(played.names, label, strict=True):
        groups[group].append(name)
    return tuple(sorted(tuple(sorted(group)) for group in groups))


def _known(names: Sequence[str], lineage: Edges) -> list[tuple[int, int]]:
    at = {name: n for n, name in enumerate(names)}
    return [(at[a], at[b]) for a, b in lineage if a in at and b in at]


def _penalty(
    layout: Layout,
    names: Sequence[str],
    ridge: float,
    prior: float | None,
    lineage: Edges,
    tau: float,
) -> Floats:
    diagonal = np.zeros(layout.size)
    diagonal[layout.deltas] = ridge
    diagonal[layout.shifts] = FAINT

    # each lineage edge adds (child − parent)²/τ²
    precision = np.eye(layout.entrants) * (prior**-2 if prior else 0.0)
    for a, b in _known(names, lineage):
        precision[[a, b], [a, b]] += tau**-2
        precision[[a, b], [b, a]] -= tau**-2
    if not precision.any():
        return np.diag(diagonal)

    # a prior is on ratings over all roles, which are sums of θ and δ
    overall = layout.strength()
    return np.diag(diagonal) + overall.T @ precision @ overall


def _gauge(played: Played, size: int, lineage: Edges) -> Floats:
    """(P, pools): the shifts of a whole pool, which no game sees."""
    met = meetings(played, lineage)
    count, label = 1, np.zeros(len(met), np.int64)
    if not _reaches_all(met):
        count, label = csgraph.connected_components(met, directed=False)
    gauge = np.zeros((size, count))
    # columns of length 1, as `minimise` expects
    gauge[np.arange(len(label)), label] = np.bincount(label)[label] ** -0.5
    return gauge


def _read(
    overall: Minimum,
    least: Minimum,
    layout: Layout,
    played: Played,
    anchor: str,
    freedom: Floats,
    utility: Floats,
) -> Fit:
    """The fit in the entrants' terms; `overall` has the covariance for ratings over all roles."""
    count = len(played.names)

    # the anchor as weights over entrants: all alike for their mean
    against = np.full((1, count), 1 / count)
    if anchor != "mean":
        if anchor not in played.names:
            raise FitError(
                f"the anchor {anchor!r} has no rated game; entrants are {', '.join(played.names)}"
            )
        against = (np.array([played.names]) == anchor).astype(float)

    all_roles = layout.strength()

    # `zero`·β is the anchor's own rating, which all others are measured against
    zero = np.asarray(against @ all_roles).ravel()
    rating, covariance = _measured(all_roles, zero, overall)

    # a game of one role: its ratings are those over all roles
    as_role = {played.roles[0]: (rating, covariance)}
    if layout.roles > 1:
        as_role = {
            name: _measured(layout.strength(role), zero, least)
            for role, name in enumerate(played.roles)
        }

    offsets = least.beta[layout.shifts]
    nu = float(np.exp(least.beta[-1])) if layout.davidson else None
    information = all_roles @ least.inverse @ all_roles.T

    return Fit(
        played.names,
        rating,
        covariance,
        as_role,
        information,
        freedom,
        offsets,
        nu,
        anchor,
        least.gradient,
        least.steps,
        utility,
    )


def _measured(strength: Sparse, zero: Floats, least: Minimum) -> tuple[Floats, Floats]:
    """Ratings (n,) less the anchor's, zero·β, and their covariance; strength is sparse, so this is cheap."""
    spread = strength @ least.covariance
    shared = spread @ zero

    own = float(zero @ least.covariance @ zero)
    covariance = spread @ strength.T - shared[:, None] - shared[None, :] + own
    return strength @ least.beta - float(zero @ least.beta), covariance
