"""Intervals hold the truth as often as they say, on real Kuhn poker, whose tree gives the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from sparring.arenas.crosstable import encounters, mean
from sparring.arenas.played import Floats, Played
from sparring.arenas.ratings import fit
from sparring.arenas.results import ScoreKind
from sparring.envs.exact import Behaviour, seated, tree, uniform
from sparring.envs.registry import find

REPEATS, PAIRS, LINES = 200, 50, 5
ENTRANTS = 8


@dataclass(frozen=True)
class Matches:
    """Exact Kuhn poker between entrants: `chances` (first, second, deal, line) and what each line pays."""

    chances: Floats
    paid: Floats


@pytest.fixture(scope="module")
def matches() -> Matches:
    kuhn = tree(find("kuhn-poker-v0"))
    draw = np.random.default_rng(7)

    def player(weight: float) -> Behaviour:
        odds = {}
        for info in kuhn.infosets:
            share = draw.dirichlet(np.ones(len(info.choices)))
            even = np.asarray(uniform(info.seat, info.messages, info.choices))
            odds[info.key] = tuple(weight * share + (1 - weight) * even)
        return odds

    players = [player(n / (ENTRANTS - 1)) for n in range(ENTRANTS)]
    reach = [
        [kuhn.reach(seated({"first": a, "second": b})).reshape(-1, LINES) for b in players] for a in players
    ]
    chances = np.array(reach)
    return Matches(
        chances / chances.sum(-1, keepdims=True), kuhn.payoff[:, 0].reshape(chances.shape[2], LINES)
    )


def tournament(matches: Matches, kind: ScoreKind, draw: np.random.Generator) -> Played:
    """A paired round robin: both legs of a pair on one deal, all else drawn apart."""
    a, b = np.triu_indices(ENTRANTS, 1)
    a, b = np.repeat(a, PAIRS), np.repeat(b, PAIRS)
    deal = draw.integers(len(matches.paid), size=len(a))
    legs = []
    for first, second in ((a, b), (b, a)):
        along = matches.chances[first, second, deal].cumsum(1)
        line = (draw.random((len(a), 1)) > along).sum(1).clip(max=LINES - 1)
        legs.append(matches.paid[deal, line])
    return played(a, b, np.array(legs), kind)


def played(a: np.ndarray, b: np.ndarray, legs: np.ndarray, kind: ScoreKind) -> Played:
    first = (np.sign(legs) + 1) / 2 if kind == "win" else legs
    return seats(a, b, first, 1 - first if kind == "win" else -first)


def seats(a: np.ndarray, b: np.ndarray, first: Floats, second: Floats) -> Played:
    entrant = np.concatenate([np.stack([a, b], 1), np.stack([b, a], 1)])
    role = np.tile([0, 1], (len(entrant), 1))
    score = np.stack([first.ravel(), second.ravel()], 1)
    block = np.tile(np.arange(len(a)), 2)
    places = ("first", "second")
    return Played(tuple(map(str, range(ENTRANTS))), places, places, entrant, role, role, score, block)


def exact(matches: Matches, kind: ScoreKind) -> tuple[Played, Floats]:
    """The games' expectation in every cell, as many as are played, and each cell's exact paired score."""
    worth = (np.sign(matches.paid) + 1) / 2 if kind == "win" else matches.paid
    value = (matches.chances * worth).sum(3).mean(2)
    a, b = np.triu_indices(ENTRANTS, 1)
    whole = 1.0 if kind == "win" else 0.0
    paired = (value[a, b] + whole - value[b, a]) / 2
    a, b = np.repeat(a, PAIRS), np.repeat(b, PAIRS)
    legs = np.array([value[a, b], value[b, a]])
    return seats(a, b, legs, whole - legs), paired


@pytest.mark.parametrize("kind", ["payoff", "win"])
def test_intervals_cover_what_they_claim(matches, kind):
    """200 tournaments of 8 entrants, 50 pairs a cell: cells and the joint fit, 93–97 %."""
    expectation, paired = exact(matches, kind)
    truth = fit(expectation, kind)
    bounds = (0.0, 1.0) if kind == "win" else (-2.0, 2.0)
    draw = np.random.default_rng(11)
    cells, ratings, roles = [], [], []
    for _ in range(REPEATS):
        games = tournament(matches, kind, draw)
        for score, exactly in zip(in_cells(games, kind), paired, strict=True):
            interval = mean(score, bounds)
            cells.append(interval.low <= exactly <= interval.high)
        got = fit(games, kind)
        ratings.append(covers(got.rating, got.covariance, truth.rating))
        roles += [covers(*got.as_role[role], truth.as_role[role][0]) for role in games.roles]
    assert 0.93 <= np.mean(cells) <= 0.97
    assert 0.93 <= np.mean(ratings) <= 0.97
    assert 0.93 <= np.mean(roles) <= 0.97


def in_cells(games: Played, kind: ScoreKind) -> list[Floats]:
    met = encounters(games, kind)
    order = np.lexsort((met.high, met.low))
    return np.split(met.score[order], len(order) // PAIRS)


def covers(estimate: Floats, covariance: Floats, truth: Floats) -> np.ndarray:
    return np.abs(estimate - truth) <= 1.96 * np.sqrt(np.diag(covariance))


def test_ignoring_the_pairs_would_not_cover(matches):
    """The trap: games taken one by one have other errors than their pairs."""
    draw = np.random.default_rng(3)
    wide = []
    for _ in range(20):
        games = tournament(matches, "payoff", draw)
        alone = replace(games, block=np.arange(len(games)))
        paired, single = (np.diag(fit(g, "payoff").covariance).mean() for g in (games, alone))
        wide.append(single / paired)
    assert abs(np.mean(wide) - 1) > 0.1
