"""Rows become pairs: only complete ones count, in the order of issue."""

from dataclasses import replace
from typing import Any

import pytest
from sparring.arenas.results import GameRow, Place, ResultsError, complete, points


def leg(
    pair: str, order: int, number: int, paid: tuple[float, float], who: str = "ab", **facts: Any
) -> GameRow:
    seated = who if number == 0 else who[::-1]
    places = tuple(
        Place(seat, seat, entrant, payoff)
        for seat, entrant, payoff in zip(("first", "second"), seated, paid, strict=True)
    )
    return replace(GameRow(pair, order, number, 2, 0, 0, places), **facts)


def test_half_and_void_pairs_do_not_count():
    rows = [
        leg("p0", 0, 0, (1, -1)),
        leg("p1", 1, 0, (1, -1)),
        leg("p1", 1, 1, (1, -1), status="void_engine"),
        leg("p2", 2, 1, (1, -1)),
        leg("p2", 2, 0, (1, -1)),
    ]
    assert [pair.id for pair in complete(rows)] == ["p2"]


def test_order_of_issue_not_of_arrival():
    rows = [leg(f"p{n}", n, k, (1, -1)) for n in (3, 1, 2) for k in (1, 0)]
    assert [pair.order for pair in complete(rows)] == [1, 2, 3]


def test_forfeits_can_be_left_out():
    rows = [
        leg("p0", 0, 0, (1, -1)),
        leg("p0", 0, 1, (-3, 3), status="forfeit_illegal", offenders=("first",)),
    ]
    assert len(complete(rows)) == 1
    assert complete(rows, forfeits=False) == ()


def test_mirror_games_are_never_rated_but_score_one_half():
    rows = [leg("p0", 0, k, (2, -2), who="aa") for k in (0, 1)]
    assert complete(rows) == ()
    assert [sum(points(row, "win")) / 2 for row in rows] == [0.5, 0.5]


def test_swapped_legs_cancel_the_seat():
    (pair,) = complete([leg("p0", 0, k, (2, -2)) for k in (0, 1)])
    assert pair.score("a", "win") == pair.score("b", "win") == 0.5
    assert pair.score("a", "payoff") == 0
    with pytest.raises(ResultsError, match="not 'c'"):
        pair.score("c", "win")


def test_a_leg_twice_is_refused():
    with pytest.raises(ResultsError, match="twice"):
        complete([leg("p0", 0, 0, (1, -1))] * 2)


def test_points_of_many_seats_count_those_beaten():
    places = tuple(Place(f"p_{n}", "p", f"e{n}", paid) for n, paid in enumerate((3, 1, 1, 0)))
    assert points(GameRow("x", 0, 0, 4, 0, 0, places), "win") == pytest.approx((1, 0.5, 0.5, 0))
