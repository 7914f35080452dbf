"""An estimated NashConv: what its bounds are on both sides of, and how often."""

from __future__ import annotations

import numpy as np
import pytest
from sparring.envs.estimate import Draws, estimate, means, slope
from sparring.envs.exact import Floats, TreeError, ViewKey, seated, tree, uniform
from sparring.envs.registry import find

KUHN = tree(find("kuhn-poker-v0"))
RNG = np.random.default_rng(0)


def draws(count: int, noise: float, odds: float = 0.5) -> Draws:
    """Odds of a first choice around `odds`, drawn so often at each information set."""
    found: dict[ViewKey, Floats] = {}
    for info in KUHN.infosets:
        first = np.clip(odds + noise * RNG.uniform(-1, 1, count), 0, 1)
        found[info.key] = np.stack([first, 1 - first], axis=1)
    return found


def test_draws_without_noise_give_the_exact_value():
    found = estimate(KUHN, draws(8, 0.0))
    exact = KUHN.exploit(uniform)
    assert found.value == pytest.approx(exact.nash_conv, abs=1e-12)
    assert found.improvements == pytest.approx(exact.improvements)
    assert found.low < exact.nash_conv < found.high


def test_a_best_response_to_noise_is_not_believed():
    # the value of the answer to all draws is too high on the mean, that of one on other draws is not
    exact = KUHN.nash_conv(uniform)
    plugged, split = [], []
    for _ in range(200):
        some = draws(4, 0.5)
        plugged.append(KUHN.nash_conv(means(some)))
        split.append(estimate(KUHN, some).value)
    error = np.std(split) / len(split) ** 0.5
    assert np.mean(plugged) > exact + 0.02
    assert np.mean(split) < exact + 3 * error


def test_the_interval_narrows_with_the_draws():
    few, many = estimate(KUHN, draws(8, 0.2)), estimate(KUHN, draws(128, 0.2))
    assert many.high - many.low < (few.high - few.low) / 3


def test_a_slope_is_what_a_small_step_gains():
    odds = means(draws(4, 0.3))
    profile = seated(dict.fromkeys(KUHN.game.seats, odds))
    slopes = slope(KUHN, "first", "second", profile, odds)
    for key, each in slopes.items():
        step = 1e-6
        moved = {**odds, key: [odds[key][0] + step, odds[key][1] - step]}
        gained = KUHN.values(moved)["second"] - KUHN.values(odds)["second"]
        assert gained / step == pytest.approx(each[0] - each[1], abs=1e-6)


def test_too_few_draws_are_refused():
    with pytest.raises(TreeError, match="an estimate of NashConv needs 4 at each"):
        estimate(KUHN, draws(3, 0.1))
