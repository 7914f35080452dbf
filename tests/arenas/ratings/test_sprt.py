"""The sequential test decides rightly, whatever finishes first."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sparring.arenas.ratings.sprt import (
    PENTANOMIAL,
    Gate,
    GateError,
    confidence,
    elo,
    judge,
    llr,
    normalised_llr,
    prefix,
    score,
)
from sparring.arenas.results import ResultsError, complete

from ..planted import pair_rows


def test_reference_elo():
    assert score(50) == pytest.approx(0.5714631174, abs=1e-9)
    assert elo(0.75) == pytest.approx(190.848502, abs=1e-4)


def test_reference_likelihood_ratios():
    trinomial = llr((0, 0.5, 1), (21184, 40708, 21404), score(0.5), score(2.5))
    assert trinomial == pytest.approx(-1.5718887927, abs=1e-6)
    pairs = llr(PENTANOMIAL, (3, 4, 10, 15, 18), score(0), score(50))
    assert pairs == pytest.approx(4.7071880994, abs=1e-6)
    normalised = normalised_llr(PENTANOMIAL, (365, 16618, 36229, 16974, 390), 0, 2)
    assert normalised == pytest.approx(2.2503677035, abs=1e-6)


@given(st.integers(1, 300), st.integers(1, 300))
def test_of_two_scores_it_is_the_bernoulli_ratio(wins, losses):
    low, high = score(0), score(50)
    exact = wins * log(high / low) + losses * log((1 - high) / (1 - low))
    assert llr((0, 1), (losses, wins), low, high) == pytest.approx(exact, abs=1e-6)


def test_exact_at_the_boundary_where_shortcuts_fail():
    """All pairs won twice: the ratio grows with every pair, where a variance of 0 breaks closed forms."""
    values = [llr(PENTANOMIAL, (0, 0, 0, 0, n), score(0), score(50)) for n in (10, 100, 1000)]
    assert values[0] == pytest.approx(10 * log(score(50) / 0.5), rel=0.05)
    assert values[2] == pytest.approx(1000 * log(score(50) / 0.5), rel=0.01)
    assert values[0] < values[1] < values[2]


@given(
    st.lists(st.integers(0, 50), min_size=5, max_size=5).filter(sum),
    st.floats(0.1, 10),
    st.floats(-5, 5),
)
def test_units_of_the_scores_do_not_matter(counts, scale, shift):
    moved = [scale * value + shift for value in PENTANOMIAL]
    low, high = 0.5, 0.6
    there = llr(moved, counts, scale * low + shift, scale * high + shift)
    assert there == pytest.approx(llr(PENTANOMIAL, counts, low, high), abs=1e-5, rel=1e-5)


def test_bounds_outside_the_scores_are_refused():
    with pytest.raises(ResultsError, match="must lie inside"):
        llr(PENTANOMIAL, (1, 1, 1, 1, 1), 0.5, 1.2)


def test_a_score_that_was_never_seen_counts_a_thousandth():
    """With two scores a mean fixes the odds, so the ratio can be written down."""
    reference = 10 * log(0.6 / 0.5) + 1e-3 * log(0.4 / 0.5)
    assert llr((0.0, 1.0), (0, 10), 0.5, 0.6) == pytest.approx(reference, abs=1e-9)


def test_decision_is_frozen_at_the_first_crossing():
    gate = Gate.elo()
    won = gate.judge([1.0] * 60)
    assert won.outcome == "better"
    assert gate.judge([1.0] * won.pairs + [0.0] * 300) == won
    assert gate.judge([0.0] * 60).outcome == "not better"
    assert gate.judge([0.5, 0.75] * 3).outcome is None
    assert Gate.elo(pairs=6).judge([0.5, 0.75] * 3).outcome == "undecided"


def test_payoff_games_gate_in_payoff_units():
    gate = Gate(0.0, 0.2, support=(-2.0, 2.0), pairs=1000)
    draw = np.random.default_rng(4)
    won = gate.judge(draw.choice([-1.0, 0.5, 1.5], 1000, p=[0.3, 0.4, 0.3]).tolist())
    lost = gate.judge(draw.choice([-1.5, -0.5, 1.0], 1000, p=[0.3, 0.4, 0.3]).tolist())
    assert (won.outcome, lost.outcome) == ("better", "not better")


def test_only_the_finished_prefix_counts():
    rows = [pair_rows("ab", 0, 1, order, (1, -1)) for order in range(40)]
    done = [row for order, pair in enumerate(rows) for row in pair if order != 3]
    assert [pair.order for pair in prefix(complete(done))] == [0, 1, 2]
    assert len(prefix(complete(done), given_up=frozenset({3}))) == 39
    assert judge(Gate.elo(), complete(done), "a").pairs == 3
    everything = [row for pair in rows for row in pair]
    assert judge(Gate.elo(), complete(everything), "a").outcome == "better"


WIN, LOSS = log(score(50) / 0.5), log((1 - score(50)) / 0.5)
"""What one game adds to the Bernoulli ratio of the default gate."""


def played(flying: int, runs: int, games: int) -> tuple[np.ndarray, np.ndarray]:
    """Equal players, `flying` games at once: who won (runs, games), and when each game finished.

    A win takes 1 tick, a loss 10; the next game starts where one ends.
    """
    draw = np.random.default_rng(flying)
    won = draw.random((games, runs)) < 0.5
    free = np.zeros((flying, runs), np.int16)
    finish = np.empty((games, runs), np.int16)
    everyone = np.arange(runs)
    for game in range(games):
        slot = free.argmin(0)
        finish[game] = free[slot, everyone] + np.where(won[game], 1, 10)
        free[slot, everyone] = finish[game]
    return won.T, finish.T


def called_better(walk: np.ndarray, open_: np.ndarray) -> float:
    """Share of walks that first cross the upper bound; only values where `open_` are looked at."""
    gate = Gate.elo()
    over, under = (walk >= gate.upper) & open_, (walk <= gate.lower) & open_
    crossed = over | under
    return float(np.take_along_axis(over, crossed.argmax(1)[:, None], 1).mean())


@pytest.mark.parametrize("flying", [1, 10, 40, 200])
def test_duration_does_not_bias_the_decision(flying):
    """4,000 runs; the finished prefix is looked at after every tick, up to game 1,200."""
    won, finish = played(flying, 4000, 1200)
    walk = np.where(won, WIN, LOSS).cumsum(1)
    prefix_done = np.maximum.accumulate(finish, 1)
    assert called_better(walk, prefix_done <= finish.max(1, keepdims=True)) <= 0.06


def test_completion_order_would_bias_it():
    """The trap itself, in the same games: counted as they finish, equals are told apart."""
    won, finish = played(40, 400, 1200)
    arrived = np.take_along_axis(won, finish.argsort(1, kind="stable"), 1)
    walk = np.where(arrived, WIN, LOSS).cumsum(1)
    assert called_better(walk, np.ones_like(arrived)) > 0.9


def test_the_gate_looking_at_any_moment_finds_what_the_simulation_found():
    """Through `prefix` and `judge` on rows that arrive by finish time, at random moments."""
    won, finish = played(40, 12, 700)
    gate = Gate(score(0), score(50), support=(0.0, 1.0), pairs=700)
    moments = np.random.default_rng(1)
    for victories, done in zip(won, finish, strict=True):
        rows = [
            pair_rows("ab", 0, 1, n, (1, -1) if victory else (-1, 1))
            for n, victory in enumerate(victories)
        ]
        pairs = complete([replace(legs[0], legs=1) for legs in rows])
        final = gate.judge([float(v) for v in victories])
        for moment in sorted(moments.integers(1, int(done.max()), 3)):
            now = judge(gate, [pair for pair in pairs if done[pair.order] <= moment], "a")
            assert now == final or (now.outcome is None and now.curve == final.curve[: now.pairs])
        walk = np.where(victories, WIN, LOSS).cumsum()[: final.pairs]
        assert final.curve[20:] == pytest.approx(walk[20:].tolist(), abs=1e-2)


@pytest.mark.slow
def test_error_rates_hold_for_the_gate_itself():
    draw = np.random.default_rng(0)
    level = (0.05, 0.2, 0.5, 0.2, 0.05)
    passed = [
        Gate.elo(pairs=1000).judge(draw.choice(PENTANOMIAL, 1000, p=level).tolist()).outcome
        == "better"
        for _ in range(100)
    ]
    assert sum(passed) <= 11


def test_forecast_agrees_with_simulation():
    gate = Gate.elo(pairs=3000)
    said = gate.forecast(0.55, 0.125)
    draw = np.random.default_rng(1)
    low, high = gate.low, gate.high
    steps = (high - low) * (draw.normal(0.55, 0.125**0.5, (4000, 3000)) - (low + high) / 2) / 0.125
    walk = steps.cumsum(1)
    over, under = walk >= gate.upper, walk <= gate.lower
    at = (over | under).argmax(1)
    assert said.passes == pytest.approx(over[np.arange(4000), at].mean(), abs=0.08)
    assert said.pairs == pytest.approx(at.mean(), rel=0.1)
    assert said.decides > 0.99
    level = gate.forecast((low + high) / 2, 0.125)
    near = gate.forecast((low + high) / 2 + 1e-7, 0.125)
    assert level.passes == pytest.approx(0.5, abs=0.1)
    assert level.pairs == pytest.approx(near.pairs, rel=0.05)
    assert Gate.elo(pairs=10).forecast(0.5, 0.125).decides < 0.1


@pytest.mark.parametrize("drawn", [0.0, 0.5, 0.8])
def test_the_plan_of_a_drawish_game_is_what_its_gate_needs(drawn):
    gate, at = Gate.elo(pairs=1000), score(50)
    legs = np.array([1 - at - drawn / 2, drawn, at - drawn / 2])
    pair = np.convolve(legs, legs)
    variance = float(pair @ (np.array(PENTANOMIAL) - at) ** 2)
    draw = np.random.default_rng(1)
    needed = [
        gate.judge(draw.choice(PENTANOMIAL, p=pair, size=600).tolist()).pairs for _ in range(40)
    ]
    assert gate.forecast(at, variance).pairs == pytest.approx(np.mean(needed), rel=0.25)


@pytest.mark.parametrize("lead", [0.0, 0.2])
def test_the_plan_of_a_payoff_gate_is_what_it_needs(lead):
    """Its scores that might yet come slow it down: by the formula of a walk it would need a third of this."""
    gate, draw = Gate(0.0, 0.2, support=(-3.0, 3.0)), np.random.default_rng(1)
    values, chances = [lead - 0.5, lead, lead + 0.5], [0.3, 0.4, 0.3]
    needed = [
        gate.judge(draw.choice(values, p=chances, size=400).tolist()).pairs for _ in range(30)
    ]
    assert gate.forecast(lead, 0.15).pairs == pytest.approx(np.mean(needed), rel=0.25)


def test_a_plan_counts_no_pairs_beyond_the_limit():
    gate = Gate(0.0, 0.05, support=(-3.0, 3.0), pairs=100)
    said = gate.forecast(0.0, 0.3)
    assert said.pairs <= 100
    assert said.decides < 0.5
    assert said.passes <= said.decides


def test_a_normalised_gate_decides_and_its_bounds_follow_the_spread():
    gate = Gate(0, 50, normalised=True)
    assert gate.judge([0.75] * 40 + [0.5] * 10).outcome == "better"
    near, far = gate.bounds(0.02)[1], gate.bounds(0.125)[1]
    assert 0.5 < near < far
    with pytest.raises(GateError, match="scored by wins"):
        Gate(0, 1, support=(-3, 3), normalised=True)


def test_the_interval_after_a_gate_holds_wherever_it_stopped():
    gate, held = Gate.elo(pairs=200), []
    draw = np.random.default_rng(4)
    for _ in range(100):
        scores = draw.choice(PENTANOMIAL, p=[0.2, 0.1, 0.3, 0.1, 0.3], size=200).tolist()
        counted = scores[: gate.judge(scores).pairs]
        support = sorted(set(counted))
        low, high = confidence(support, [counted.count(at) for at in support], (0, 1), 0.05)
        held.append(low <= 0.55 <= high)
    assert np.mean(held) >= 0.93
