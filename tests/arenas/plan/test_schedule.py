"""Schedules: everybody meets whom they should, breadth first, in every place equally often."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparring.arenas.plan.information import gain, informative, next_pairs, win_weight
from sparring.arenas.plan.power import detects, spread
from sparring.arenas.plan.schedule import circle, gauntlet, ladder, round_robin, seatings, swiss
from sparring.arenas.ratings.arrays import duels
from sparring.arenas.ratings.fit import ELO, fit
from sparring.arenas.results import ResultsError, complete

from ..planted import logistic
from ..planted import round_robin as round_robin_rows
from ..ratings.test_fit import WINS, from_wins

sizes = st.integers(2, 12)


def names(count: int) -> list[str]:
    return [f"e{n}" for n in range(count)]


@given(sizes)
def test_circle_meets_all_once_and_nobody_twice_in_a_round(count):
    pairs = list(circle(names(count)))
    assert sorted(map(sorted, pairs)) == sorted(map(sorted, combinations(names(count), 2)))
    a_round = count // 2
    for start in range(0, len(pairs), a_round):
        seen = [name for pair in pairs[start : start + a_round] for name in pair]
        assert len(seen) == len(set(seen))


@given(sizes, st.integers(1, 4), st.integers(0, 200))
def test_a_broken_off_round_robin_is_balanced(count, repeats, cut):
    pairs = list(round_robin(names(count), repeats))[:cut]
    met = Counter(frozenset(pair) for pair in pairs)
    often = [met[frozenset(pair)] for pair in combinations(names(count), 2)]
    assert max(often) - min(often) <= 1


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 9), st.integers(3, 5), st.integers(1, 2))
def test_many_seats_meet_all_and_share_games(count, places, repeats):
    if count < places:
        with pytest.raises(ResultsError, match="cannot fill"):
            list(round_robin(names(count), repeats, places))
        return
    groups = list(round_robin(names(count), repeats, places))
    met = Counter(frozenset(pair) for group in groups for pair in combinations(group, 2))
    assert min(met[frozenset(pair)] for pair in combinations(names(count), 2)) >= repeats
    games = Counter(name for group in groups for name in group)
    assert max(games.values()) - min(games.values()) <= max(2, len(groups) // 3)


@given(st.integers(2, 6))
def test_every_entrant_sits_once_in_every_place(places):
    seats = [f"seat{n}" for n in range(places)]
    rotations = seatings(names(places), seats)
    for seat in seats:
        assert sorted(seating[seat] for seating in rotations) == sorted(names(places))
    with pytest.raises(ResultsError, match="places"):
        seatings(names(places + 1), seats)


def test_gauntlet_and_ladder():
    assert list(gauntlet(["x"], ["a", "b", "x"], 2)) == [("x", "a"), ("x", "b")] * 2
    ancestry = {"b": ["a"], "c": ["b", "a"]}
    assert list(ladder(ancestry, 1)) == [("b", "a"), ("c", "b"), ("c", "a")]


def test_swiss_pairs_neighbours_without_rematch_and_rests_the_lowest():
    scores = {"a": 3, "b": 3, "c": 1, "d": 1, "e": 0}
    assert swiss(scores, []) == (("a", "b"), ("c", "d"))
    again = swiss(scores, [("a", "b"), ("c", "d")])
    assert not {frozenset(pair) for pair in again} & {frozenset("ab"), frozenset("cd")}
    assert {"e"} <= {name for pair in again for name in pair}
    assert swiss({"a": 0, "b": 0}, [("a", "b")]) == (("a", "b"),)


@settings(deadline=None, max_examples=20)
@given(st.integers(4, 10))
def test_swiss_rounds_never_repeat_while_they_can(count):
    played: list[tuple[str, ...]] = []
    scores = dict.fromkeys(names(count), 0.0)
    for _ in range(2):
        pairs = swiss(scores, played)
        assert not {frozenset(p) for p in pairs} & {frozenset(p) for p in played}
        played += pairs
        for winner, _ in pairs:
            scores[winner] += 1


def test_reference_next_pair_by_information():
    got = fit(from_wins(WINS), "win")
    table = gain(got.information, win_weight(got.rating, legs=1))
    assert table[0, 2] == pytest.approx(0.10139249, abs=1e-6)
    assert divmod(int(table.argmax()), 4) == (0, 2)


def test_updates_equal_refitting_the_fisher_matrix():
    draw = np.random.default_rng(0)
    half = draw.normal(size=(5, 8))
    centre = np.eye(5) - 0.2
    fisher = centre @ half @ half.T @ centre
    weight = np.full((5, 5), 0.5)
    costs = draw.uniform(1, 3, (5, 5))
    costs = costs + costs.T
    known = np.ones((5, 5), bool)
    chosen = informative(np.asarray(np.linalg.pinv(fisher), float), weight, costs, 6, known)
    for i, j in chosen:
        value = np.triu(gain(np.asarray(np.linalg.pinv(fisher), float), weight) / costs, 1)
        assert (i, j) == divmod(int(value.argmax()), 5)
        step = np.eye(5)[i] - np.eye(5)[j]
        fisher += 0.5 * np.outer(step, step)


def test_connects_newcomers_first_and_cheapest_tokens_win():
    played = duels(np.array([0, 1] * 10), np.array([1, 0] * 10), np.ones(20))
    chosen = next_pairs(["0", "1", "new", "newer"], 2, fitted=fit(played, "win"))
    assert {"new", "newer"} <= {name for pair in chosen for name in pair}
    tokens = np.array([[1, 9, 1], [9, 1, 9], [1, 9, 1.0]])
    assert next_pairs(["a", "b", "c"], 1, tokens=tokens) == [("a", "c")]


def test_pools_that_never_met_are_joined_before_anything_else_however_little_that_tells():
    met = np.eye(4, dtype=bool)
    met[0, 1] = met[1, 0] = met[2, 3] = met[3, 2] = True
    tokens = np.full((4, 4), 1.0)
    tokens[:2, 2:] = tokens[2:, :2] = 1e6
    tokens[1, 2] = tokens[2, 1] = 1e5
    chosen = informative(np.eye(4), np.full((4, 4), 0.5), tokens, 2, met)
    assert chosen[0] == (1, 2)
    assert chosen[1] in {(0, 1), (2, 3)}


def test_a_planned_difference_is_resolved_as_often_as_the_plan_says():
    """50 pairs between two players who are apart by what the plan calls resolvable: 80 %."""
    planned = {("a", "b"): 50}
    gap = detects(planned, "win") / ELO
    draw = np.random.default_rng(2)
    found = []
    for _ in range(400):
        won = (draw.random(100) < 1 / (1 + np.exp(-gap))).astype(float)
        got = fit(duels(np.zeros(100, int), np.ones(100, int), won), "win")
        lead, error = got.rating[0] - got.rating[1], 2 * np.sqrt(got.covariance[0, 0])
        found.append(lead > 1.96 * error)
    assert 0.75 < np.mean(found) < 0.85


@pytest.mark.parametrize("kind", ["win", "payoff"])
def test_more_pairs_less_spread_and_more_shared_opponents_resolve_more(kind):
    few, many = {("a", "b"): 50}, {("a", "b"): 200}
    assert detects(few, kind) == pytest.approx(2 * detects(many, kind))
    assert detects(few, kind, 0.04) == pytest.approx(0.4 * detects(few, kind, 0.25))
    assert detects({("a", "b"): 50, ("b", "c"): 50, ("a", "c"): 50}, kind) < detects(few, kind)
    assert np.isnan(detects({}, kind))


def test_the_spread_of_pairs_is_measured_about_each_cell_and_only_from_enough_of_them():
    rows = round_robin_rows("abc", 30, logistic((0.0, 1.0, 3.0)), seed=1)
    everyone = {pair.id: pair for pair in complete(rows)}
    alike = [
        pair.score("a", "win") for pair in everyone.values() if set(pair.entrants) == {"a", "b"}
    ]
    assert spread(rows, "win") == pytest.approx(np.var(alike, ddof=1), rel=0.5)
    assert spread(rows[:20], "win") is None
