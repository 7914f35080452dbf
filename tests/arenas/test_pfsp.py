"""Opponents weighed by how hard they are, and never by NaN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sparring.arenas.pfsp import shrunk, unsettled, weights

KINDS = ("squared", "variance", "linear", "capped")


def test_reference():
    assert weights((0, 0.5, 0.9, 1)) == pytest.approx((0.79365, 0.19841, 0.00794, 0), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_learner_that_beats_all_still_gets_an_opponent(kind):
    assert weights((1.0, 1.0, 1.0, 1.0), kind) == (0.25,) * 4


def test_weights_that_sum_to_next_to_nothing_are_no_reason_to_choose():
    assert weights((1.0, 1 - 1e-8), "squared") == (0.5, 0.5)


@given(st.lists(st.floats(0, 1), min_size=1), st.sampled_from(KINDS))
def test_weights_are_chances(rates, kind):
    got = weights(rates, kind)
    assert sum(got) == pytest.approx(1)
    assert min(got) >= 0


@given(st.floats(0, 1), st.floats(0, 1))
def test_harder_opponents_weigh_no_less(a, b):
    hard, easy = sorted((a, b))
    for kind in ("squared", "linear", "capped"):
        got = weights((hard, easy), kind)
        assert got[0] >= got[1] - 1e-9


def test_rates_are_shrunk_to_one_half():
    assert shrunk(0, 0) == 0.5
    assert shrunk(10, 10) == pytest.approx(10.5 / 11)


@pytest.mark.parametrize(
    ("rates", "left"),
    [([], 0), ([0.2], 0), ([0.9, 0.7, 0.5], 0), ([0.5, 0.5], 0), ([0.2, 0.6, 0.5], 2), ([0.9, 0.2, 0.5], 3)],
)  # fmt: skip
def test_past_selves_that_grow_steadily_harder_need_no_verification(rates, left):
    assert unsettled(rates) == left
