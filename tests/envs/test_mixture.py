"""A mixture of policies plays like a seat that draws one of them first."""

from __future__ import annotations

import pytest
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import seated, tree, uniform
from sparring.envs.mixture import mixture
from sparring.envs.registry import find

KUHN = tree(find("kuhn-poker-v0"))
NASH = equilibrium(KUHN)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_its_value_is_the_mean_over_what_both_seats_draw(share):
    one, two = KUHN.game.seats
    pool, weights = (uniform, NASH), (share, 1 - share)
    mixed = KUHN.values(mixture(KUHN, pool, weights))[one]
    drawn = sum(
        a * b * KUHN.values(seated({one: mine, two: theirs}))[one]
        for mine, a in zip(pool, weights, strict=True)
        for theirs, b in zip(pool, weights, strict=True)
    )
    assert mixed == pytest.approx(drawn)


def test_a_mixture_of_one_policy_is_that_policy():
    mixed = mixture(KUHN, [NASH, uniform], [1.0, 0.0])
    assert KUHN.nash_conv(mixed) == pytest.approx(KUHN.nash_conv(NASH))
