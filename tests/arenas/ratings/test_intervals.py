"""An interval that says 95 % holds 95 %, and a page of equals finds nothing in 95 %."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from scipy import special, stats
from sparring.arenas.ratings.arrays import duels, gather
from sparring.arenas.ratings.bounds import of_two
from sparring.arenas.ratings.crosstable import table
from sparring.arenas.ratings.fit import ELO, fit
from sparring.arenas.ratings.leaderboard import rank_intervals, rate
from sparring.arenas.ratings.resolved import chance
from sparring.arenas.results import complete

from ..planted import logistic, pair_rows, round_robin


def sweep(pairs: int):
    """Rows in which b wins every game."""
    return [row for n in range(pairs) for row in pair_rows("ab", 0, 1, n, (-1, 1))]


@pytest.mark.parametrize("pairs", [10, 100])
def test_who_never_lost_is_rated_at_least_so_high(pairs):
    best, worst = rate(sweep(pairs), "win").standings
    proven = ELO / 2 * np.log(0.05 ** (1 / pairs) / (1 - 0.05 ** (1 / pairs)))
    assert (best.rating.low, best.rating.high) == (pytest.approx(proven), inf)
    assert (worst.rating.low, worst.rating.high) == (-inf, pytest.approx(-proven))


def test_under_a_prior_the_error_is_the_posteriors():
    played = duels(np.zeros(20, int), np.ones(20, int), np.ones(20))
    got = fit(played, "win", prior=400 / ELO)
    assert 1.96 * ELO * np.sqrt(got.covariance[0, 0]) == pytest.approx(256, rel=0.05)


def test_a_lineage_prior_counts_as_a_prior():
    played = duels(np.zeros(20, int), np.ones(20, int), np.ones(20))
    got = fit(played, "win", lineage=[("0", "1")], tau=0.5, prior=3.0)
    assert np.isinf(got.freedom).all()
    assert np.sqrt(got.covariance[0, 0]) > 0.1


@pytest.mark.parametrize("pairs", [3, 5, 10])
def test_ratings_of_two_from_few_pairs_cover_their_truth(pairs):
    draw, held = np.random.default_rng(pairs), []
    for _ in range(600):
        paid = draw.normal(0.3, 1, pairs)
        played = duels(np.zeros(pairs, int), np.ones(pairs, int), paid)
        played.score[:, 1] = -paid
        got = fit(played, "payoff")
        half = stats.t.ppf(0.975, got.freedom[0]) * got.covariance[0, 0] ** 0.5
        held.append(abs(got.rating[0] - 0.15) <= half)
    assert 0.93 <= np.mean(held) <= 0.97


def test_one_pair_gives_no_interval_and_the_board_says_so():
    board = rate(pair_rows("ab", 0, 1, 0, (1, 1)), "payoff")
    assert {(line.rating.low, line.rating.high) for line in board.standings} == {(-inf, inf)}
    assert any("one pair gives no interval" in warning.text for warning in board.warnings)


def test_one_pair_under_a_prior_has_a_bound_and_the_board_does_not_deny_it():
    board = rate(sweep(1), "win")
    assert np.isfinite(board.standings[0].rating.low)
    assert not any("no interval at all" in warning.text for warning in board.warnings)


def test_of_two_in_a_win_game_the_ratings_interval_is_that_of_their_score():
    rows = [row for n in range(4) for row in pair_rows("ab", 0, 1, n, (1, -1))]
    rows += pair_rows("ab", 0, 1, 4, (1, 1))
    best, worst = rate(rows, "win").standings
    (cell,) = table(gather(complete(rows), "win"), "win")
    assert best.rating.low == pytest.approx(ELO / 2 * special.logit(cell.score.low))
    assert (best.rating.high, worst.rating.low) == (inf, -inf)  # the score's reaches 1
    assert worst.rating.high == pytest.approx(-best.rating.low)

    anchored = rate(rows, "win", anchor="b").standings
    assert anchored[0].rating.low == pytest.approx(2 * best.rating.low)
    assert (anchored[1].rating.low, anchored[1].rating.high) == (0, 0)


@pytest.mark.parametrize(("pairs", "least"), [(5, 0.97), (10, 0.93), (20, 0.94)])
def test_ratings_of_two_equals_from_few_wins_cover_what_their_few_scores_allow(pairs, least):
    """At 5 pairs no interval of a score comes nearer than 97.9 %."""
    draw, held = np.random.default_rng(pairs), []
    for _ in range(400):
        both = draw.integers(0, 2, (2, pairs)).mean(0)
        if 0 < both.mean() < 1:
            played = duels(np.zeros(pairs, int), np.ones(pairs, int), both)
            low, high = of_two(played, fit(played, "win"), 0.95)
            held.append(low[0] <= 0 <= high[0])
    assert least - 0.02 <= np.mean(held) <= 0.995


def test_pairs_that_all_ended_alike_are_named_and_their_error_is_not_zero():
    rows = [row for n in range(400) for row in pair_rows("ab", 0, 1, n, (1, 1))]
    board = rate(rows, "win")
    assert [w.kind for w in board.warnings] == ["no spread"]
    assert all(line.rating.low < 0 < line.rating.high for line in board.standings)


@pytest.mark.parametrize(("names", "pairs"), [(2, 20), (8, 10), (30, 5)])
def test_a_page_of_equals_resolves_nothing_in_most_cases(names, pairs):
    """At most 5 % of pages, and here at most 8 % of 100 (3 standard errors are 6.5)."""
    draw, found = np.random.default_rng(1), []
    a, b = (np.repeat(end, pairs) for end in np.triu_indices(names, 1))
    for _ in range(100):
        both = (draw.random((2, len(a))) < 0.5).mean(0)
        played = duels(a, b, both)
        leads = any(cell.lead for cell in table(played, "win"))
        ranks = rank_intervals(fit(played, "win", prior=3.0), 0.95)
        found.append(leads or any(rank != (1, names) for rank in ranks))
    assert np.mean(found) <= 0.08


def test_a_chain_of_equal_checkpoints_raises_no_alarm():
    names = [f"step-{n:02d}" for n in range(20)]
    alarms = [
        rate(
            round_robin(names, 10, logistic([0.0] * 20), seed=seed),
            "win",
            lineage=list(pairwise(names)),
        ).forgetting
        for seed in range(6)
    ]
    assert not any(alarms)


def test_the_chance_of_a_sweep_is_exact_and_of_many_scores_is_students():
    assert chance(np.ones(10), 0.5, (0, 1)) == pytest.approx(2 * 0.5**10)
    scores = np.random.default_rng(0).normal(0.54, 0.2, 400).clip(0, 1)
    _, students = stats.ttest_1samp(scores, 0.5)
    assert chance(scores, 0.5, (0, 1)) == pytest.approx(students, rel=0.15)
