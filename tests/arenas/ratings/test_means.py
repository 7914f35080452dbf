"""A share's interval: oracles of two published special cases, and exact coverage of lopsided cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sparring.arenas.ratings.means import points
from statsmodels.stats.proportion import proportion_confint


def scores(lost: int, level: int, won: int):
    return np.repeat([0.0, 0.5, 1.0], [lost, level, won])


@pytest.mark.parametrize(("lost", "won"), [(33, 17), (0, 20), (1, 99)])
def test_of_wins_and_losses_it_is_wilsons(lost, won):
    found = points(scores(lost, 0, won))
    wilson = proportion_confint(won, lost + won, method="wilson")
    assert (found.low, found.high) == pytest.approx(wilson, abs=1e-7)


def tango(lost: int, level: int, won: int, difference: float) -> float:
    """Tango's (1998) score statistic for a difference of paired proportions, by his closed form."""
    n = lost + level + won
    b = -won - lost + (2 * n - won + lost) * difference
    c = -lost * difference * (1 - difference)
    least = (np.sqrt(b * b - 8 * n * c) - b) / (4 * n)
    return (won - lost - n * difference) / np.sqrt(n * (2 * least + difference * (1 - difference)))


@pytest.mark.parametrize("counts", [(3, 40, 7), (1, 30, 12), (2, 10, 9)])
def test_of_wins_draws_and_losses_it_is_tangos(counts):
    """At both ends his statistic is the normal quantile."""
    found = points(scores(*counts))
    lost, level, won = counts
    z = [tango(lost, level, won, 2 * end - 1) for end in (found.low, found.high)]
    assert z == pytest.approx([1.959964, -1.959964], abs=1e-5)


@pytest.mark.parametrize(
    ("won", "lost", "pairs", "least"),
    [
        (0.069, 0.005, 50, 0.97),
        (0.111, 0.007, 50, 0.95),
        (0.205, 0.054, 50, 0.94),
        (0.5, 0.5, 20, 0.95),
    ],
)
def test_a_cell_that_few_pairs_decide_is_covered(won, lost, pairs, least):
    """Each outcome weighed by its chance. Student's interval holds the first 88.3 times of 100."""
    odds = stats.multinomial(pairs, [lost, 1 - lost - won, won])
    truth, held = 0.5 + (won - lost) / 2, 0.0
    for lose in range(pairs + 1):
        for win in range(pairs - lose + 1):
            chance = odds.pmf([lose, pairs - lose - win, win])
            if chance > 1e-7:
                found = points(scores(lose, pairs - lose - win, win))
                held += chance * (found.low <= truth <= found.high)
    assert least <= held <= 0.98


def test_fewer_than_twenty_scores_have_students():
    ten = scores(1, 5, 4)
    low, high = stats.t.interval(0.95, 9, ten.mean(), ten.std(ddof=1) / 10**0.5)
    assert (points(ten).low, points(ten).high) == pytest.approx((low, min(1.0, high)))
