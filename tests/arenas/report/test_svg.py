"""Rules of axes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sparring.arenas.report.svg import Scale, decades, tick_texts, ticks

ends = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))


@given(ends, st.integers(2, 8))
def test_ticks_lie_inside_ascend_and_are_at_least_two(
    ends: tuple[float, float], about: int
) -> None:
    low, high = ends[0], ends[0] + ends[1]
    found = ticks(low, high, about)
    assert 2 <= len(found) <= 2 * about + 2
    assert list(found) == sorted(found)
    assert low - ends[1] * 1e-6 <= found[0]
    assert found[-1] <= high + ends[1] * 1e-6


def test_ticks_are_written_as_precisely_as_they_differ() -> None:
    assert tick_texts((0.9999, 0.99995, 1.0)) == ["0.99990", "0.99995", "1.00000"]
    assert tick_texts((-0.25, 0.0, 0.25)) == ["−0.25", "0", "0.25"]
    assert tick_texts((0.0, 500_000.0, 1_000_000.0)) == ["0", "500 k", "1 M"]


def test_logarithmic_axes_have_ticks_however_short() -> None:
    assert decades(0.008, 1.1) == pytest.approx((0.01, 0.03, 0.1, 0.3, 1.0))
    assert len(decades(0.3, 1.1)) >= 4
    scale = Scale(0.01, 1.0, 100.0, 0.0, log=True)
    assert [round(scale(value)) for value in (0.01, 0.1, 1.0)] == [100, 50, 0]
