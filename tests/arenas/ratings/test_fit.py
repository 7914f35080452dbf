"""One joint fit of all games: reference numbers, independent oracles, and what must not change it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparring.arenas.ratings.arrays import Played, duels, gather
from sparring.arenas.ratings.fit import ELO, finite, fit, tiers
from sparring.arenas.ratings.leaderboard import rank_intervals, rate
from sparring.arenas.ratings.likelihood import Choices
from sparring.arenas.ratings.newton import FitError
from sparring.arenas.ratings.terms import Model
from sparring.arenas.results import GameRow, Place, ResultsError, complete

from ..planted import logistic, pair_rows, round_robin

WINS = np.array([[0, 2, 0, 1], [3, 0, 5, 0], [0, 3, 0, 1], [4, 0, 3, 0]])


def from_wins(wins: np.ndarray) -> Played:
    first, second = np.nonzero(wins)
    often = wins[first, second]
    return duels(
        np.repeat(first, often), np.repeat(second, often), np.ones(often.sum()), names=len(wins)
    )


def test_reference_strengths_and_sandwich_errors():
    got = fit(from_wins(WINS), "win", correct=False)
    assert np.exp(got.rating) == pytest.approx(
        [0.639834815, 1.0433144031, 0.6598101958, 2.2703766281]
    )
    errors = [0.5443431555, 0.4846549057, 0.5281733175, 0.6239699564]
    assert np.sqrt(np.diag(got.covariance)) == pytest.approx(errors)
    assert pytest.approx(173.7177927613) == ELO


def test_choix_agrees_on_bradley_terry():
    choix = pytest.importorskip("choix")
    data = [(i, j) for i in range(4) for j in range(4) for _ in range(WINS[i, j])]
    assert fit(from_wins(WINS), "win").rating == pytest.approx(
        choix.opt_pairwise(4, data), abs=1e-5
    )


def test_choix_agrees_on_rankings_of_four_seats():
    choix = pytest.importorskip("choix")
    draw = np.random.default_rng(3)
    order = np.array([draw.permutation(5)[:4] for _ in range(60)])
    scores = np.tile([3.0, 2.0, 1.0, 0.0], (60, 1))
    same = np.zeros_like(order)
    games = Played(tuple("abcde"), ("p",), ("p",), order, same, same, scores, np.arange(60))
    want = choix.opt_rankings(5, [tuple(row) for row in order])
    assert fit(games, "win").rating == pytest.approx(want, abs=1e-5)


def test_statsmodels_agrees_on_clustered_logit_errors():
    api = pytest.importorskip("statsmodels.api")
    draw = np.random.default_rng(0)
    i = draw.integers(5, size=300)
    j = (i + draw.integers(1, 5, size=300)) % 5
    score = (draw.random(300) < 0.6).astype(float)
    block = np.arange(300) // 3
    got = fit(duels(i, j, score, block), "win", anchor="0", correct=False)
    design = (np.eye(5)[i] - np.eye(5)[j])[:, 1:]
    model = api.Logit(score, design).fit(disp=0, tol=1e-12)
    hessian = np.linalg.inv(-model.model.hessian(model.params))
    sums = np.array([model.model.score_obs(model.params)[block == b].sum(0) for b in range(100)])
    assert got.rating[1:] == pytest.approx(model.params, abs=1e-6)
    assert got.covariance[1:, 1:] == pytest.approx(hessian @ sums.T @ sums @ hessian, abs=1e-6)


def test_statsmodels_agrees_on_payoffs():
    api = pytest.importorskip("statsmodels.api")
    draw = np.random.default_rng(1)
    i = draw.integers(4, size=200)
    j = (i + draw.integers(1, 4, size=200)) % 4
    paid = draw.normal(size=200)
    games = replace(duels(i, j, paid), score=np.stack([paid, -paid], 1), block=np.arange(200) // 2)
    got = fit(games, "payoff", anchor="0", correct=False)
    design = (np.eye(4)[i] - np.eye(4)[j])[:, 1:]
    want = api.OLS(paid, design).fit(
        cov_type="cluster", cov_kwds={"groups": np.arange(200) // 2, "use_correction": False}
    )
    assert got.rating[1:] == pytest.approx(want.params)
    assert got.covariance[1:, 1:] == pytest.approx(want.cov_params())


def test_davidson_predicts_the_share_of_draws():
    rows = round_robin("abc", 300, logistic((1, 0, -1), draws=0.4), seed=2)
    played = gather(complete(rows), "win")
    got = fit(played, "win", draws="davidson")
    strong, weak = np.exp(got.utility).T
    middle = got.nu * np.sqrt(strong * weak)
    drawn = middle / (strong + weak + middle)
    assert drawn.sum() == pytest.approx((played.score[:, 0] == 0.5).sum(), rel=1e-6)
    assert list(got.rating) == sorted(got.rating, reverse=True)


def test_roles_are_rated_apart_from_one_fit():
    strength = {"first": (1.5, 0.0, 0.0), "second": (-1.5, 0.0, 0.0)}

    def outcome(first: int, second: int, draw: np.random.Generator) -> float:
        gap = strength["first"][first] - strength["second"][second] + 0.7
        return 1.0 if draw.random() < 1 / (1 + np.exp(-gap)) else -1.0

    got = fit(gather(complete(round_robin("abc", 400, outcome, seed=5)), "win"), "win")
    first, second = got.as_role["first"][0], got.as_role["second"][0]
    assert (first[0] - first[1]) - (second[0] - second[1]) == pytest.approx(3, abs=0.6)
    assert abs(got.rating[0] - got.rating[1]) < 0.3
    assert first[1] - second[2] + got.offsets[0] == pytest.approx(0.7, abs=0.3)


def test_lineage_prior_draws_a_child_to_its_parent():
    rows = round_robin("ab", 20, logistic((0, 3)), seed=1)
    played = gather(complete(rows), "win")
    loose = fit(played, "win", lineage=[("a", "b")], tau=10.0)
    tight = fit(played, "win", lineage=[("a", "b")], tau=0.1)
    assert tight.rating[1] - tight.rating[0] < 0.2 < loose.rating[1] - loose.rating[0]


def test_no_finite_fit_is_said_and_never_printed_as_a_huge_number():
    rows = [row for n in range(10) for row in pair_rows("abc", 0, 1, 2 * n, (1, -1))]
    rows += [row for n in range(10) for row in pair_rows("abc", 1, 2, 2 * n + 1, (1, -1))]
    played = gather(complete(rows), "win")
    assert not finite(played)
    assert tiers(played) == (("a",), ("b",), ("c",))
    with pytest.raises(FitError, match="no finite fit"):
        fit(played, "win")
    board = rate(rows, "win")
    assert board.prior == "N(0, 400²) Elo"
    assert board.tiers == tiers(played)
    assert any(warning.kind == "no fit" for warning in board.warnings)
    assert all(abs(standing.rating.value) < 2000 for standing in board.standings)


def test_draws_make_a_fit_finite():
    assert finite(gather(complete(pair_rows("ab", 0, 1, 0, (0, 1))), "win"))


def test_separate_pools_are_flagged_and_never_ranked_against_each_other():
    play = logistic((0, 2))
    rows = round_robin("ab", 60, play, seed=1)
    rows += [replace(row, pair="q" + row.pair) for row in round_robin("cd", 60, play, seed=2)]
    board = rate(rows, "win")
    assert board.pools == (("a", "b"), ("c", "d"))
    assert any(warning.kind == "pools" for warning in board.warnings)
    assert {standing.ranks for standing in board.standings} == {(1, 3), (2, 4)}


def test_anchor_is_zero_and_exact():
    rows = round_robin("abc", 50, logistic((1, 0, -1)), seed=9)
    board = rate(rows, "win", anchor="b")
    anchored = next(standing for standing in board.standings if standing.entrant == "b")
    assert (anchored.rating.value, anchored.rating.se) == pytest.approx((0, 0), abs=1e-6)
    with pytest.raises(FitError, match="'z' has no rated game"):
        rate(rows, "win", anchor="z")


def test_wins_and_chips_can_disagree_and_payoff_games_use_chips():
    rows = [
        row for n in range(40) for row in pair_rows("ab", 0, 1, n, (1, -1) if n % 3 else (-4, 4))
    ]
    wins, chips = rate(rows, "win"), rate(rows, "payoff")
    assert wins.standings[0].entrant == "a"
    assert chips.standings[0].entrant == "b"
    assert chips.standings[0].rating.value - chips.standings[1].rating.value == pytest.approx(
        -np.mean([1 if n % 3 else -4 for n in range(40)])
    )


def test_forfeits_count_or_not_as_asked():
    rows = round_robin("ab", 30, logistic((1, 0)), seed=3)
    rows[0] = replace(rows[0], status="forfeit_length", offenders=("first",))
    board = rate(rows, "win")
    counted = {standing.entrant: standing.forfeits for standing in board.standings}
    assert counted[rows[0].places[0].entrant] == {"length": 1}
    assert rate(rows, "win", forfeits=False).standings[0].pairs == 29


def test_a_control_under_two_names_comes_out_equal():
    rows = round_robin(("x", "x again", "y"), 80, logistic((0, 0, -1)), seed=6)
    played = gather(complete(rows), "win")
    got = fit(played, "win")
    gap = got.rating[0] - got.rating[1]
    spread = got.covariance
    assert abs(gap) < 1.96 * np.sqrt(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])
    assert rank_intervals(got)[0] == rank_intervals(got)[1] == (1, 2)


def test_nothing_to_rate_is_an_error():
    with pytest.raises(ResultsError, match="no complete pair"):
        rate([], "win")


def ratings(rows: list[GameRow], kind: str) -> dict[str, tuple[float, float]]:
    board = rate(rows, kind, prior=400.0)  # type: ignore[arg-type]
    return {s.entrant: (s.rating.value, s.rating.se) for s in board.standings}


def agree(a: dict[str, tuple[float, float]], b: dict[str, tuple[float, float]]) -> bool:
    return a.keys() == b.keys() and all(a[n] == pytest.approx(b[n], abs=1e-4) for n in a)


def without_roles(played: Played) -> Played:
    nothing = np.zeros_like(played.role)
    return replace(played, roles=("player",), seats=("player",), role=nothing, seat=nothing)


games = st.lists(
    st.tuples(st.permutations(range(4)), st.sampled_from((-1, 0, 1)), st.sampled_from((-1, 0, 1))),
    min_size=3,
    max_size=12,
)


def rows_of(drawn: list[tuple[list[int], int, int]]) -> list[GameRow]:
    return [
        row
        for n, (who, a, b) in enumerate(drawn)
        for row in pair_rows("abcd", who[0], who[1], n, (a, b))
    ]


@settings(max_examples=25, deadline=None)
@given(games, st.randoms(use_true_random=False), st.sampled_from(("win", "payoff")))
def test_order_of_arrival_changes_nothing_to_the_last_bit(drawn, shuffler, kind):
    rows = rows_of(drawn)
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    assert rate(rows, kind) == rate(shuffled, kind)


@settings(max_examples=25, deadline=None)
@given(games, st.permutations("abcd"), st.sampled_from(("win", "payoff")))
def test_new_names_change_names_alone(drawn, names, kind):
    to = dict(zip("abcd", names, strict=True))
    rows = rows_of(drawn)
    renamed = [
        replace(row, places=tuple(replace(p, entrant=to[p.entrant]) for p in row.places))
        for row in rows
    ]
    want = {to[name]: value for name, value in ratings(rows, kind).items()}
    assert agree(ratings(renamed, kind), want)


@settings(max_examples=25, deadline=None)
@given(games)
def test_doubled_counts_shrink_errors_by_root_two(drawn):
    played = gather(complete(rows_of(drawn)), "payoff")
    twice = replace(
        played,
        **{
            part: np.concatenate([getattr(played, part)] * 2)
            for part in ("entrant", "role", "seat", "score")
        },
        block=np.concatenate([played.block, played.block + played.block.max() + 1]),
    )
    once = fit(without_roles(played), "payoff", correct=False)
    double = fit(without_roles(twice), "payoff", correct=False)
    assert np.diag(double.covariance) * 2 == pytest.approx(np.diag(once.covariance), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6))
def test_splitting_identical_games_changes_nothing(wins, losses):
    i, j = np.zeros(wins + losses, int), np.ones(wins + losses, int)
    score = np.array([1.0] * wins + [0.0] * losses)
    got = fit(duels(i, j, score), "win")
    assert got.rating[0] - got.rating[1] == pytest.approx(np.log(wins / losses), abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.permutations([3, 1, 1, 0]), min_size=4, max_size=10))
def test_two_places_of_a_ranking_are_bradley_terry(orders):
    """Plackett–Luce over two places, ties included, is Bradley–Terry with draws as ½."""
    score = np.array([order[:2] for order in orders], float)
    two = np.tile([0, 1], (len(orders), 1))
    seats = np.zeros_like(two)
    wins = (np.sign(score[:, :1] - score[:, 1:]) + 1) / 2
    games = Played(("a", "b"), ("p",), ("p",), two, seats, seats, score, np.arange(len(orders)))
    ranked = Model(games)._rankings()
    plain = Model(replace(games, score=np.hstack([wins, 1 - wins]))).choices()
    beta = np.array([0.4, -0.3])
    assert ranked.gradient(beta) == pytest.approx(plain.gradient(beta))
    assert ranked.hessian(beta) == pytest.approx(plain.hessian(beta))


def test_the_fast_route_for_two_places_is_the_general_one():
    rows = round_robin("abcd", 5, logistic((1, 0, -1, 0), draws=0.2), seed=3)
    model = Model(gather(complete(rows), "win"))
    absent = np.zeros(model.cells.entrant.shape, bool)
    fast: Any = model.choices()
    general = Choices(
        model.design, absent, model.cells.cell, model.played.block, model.played.score
    )
    sparse_way = type(fast)(fast.design, fast.cell, fast.block, fast.won, fast.entrants)
    vars(sparse_way)["products"] = None
    beta = np.random.default_rng(0).normal(size=model.layout.size)
    shape, scale = np.diag(np.exp(beta)), np.linspace(1, 2, len(fast.block))
    for other in (general, sparse_way):
        assert fast.gradient(beta) == pytest.approx(other.gradient(beta))
        assert fast.hessian(beta) == pytest.approx(other.hessian(beta))
        assert fast.meat(beta, scale) == pytest.approx(other.meat(beta, scale))
        assert fast.leverage(beta, shape) == pytest.approx(other.leverage(beta, shape))


def test_errors_of_single_games_are_those_of_blocks_of_one():
    """Games that are their own blocks take a short cut to the sandwich."""
    draw = np.random.default_rng(5)
    i = draw.integers(4, size=300)
    games = duels(
        i, (i + draw.integers(1, 4, size=300)) % 4, draw.choice([0.0, 0.5, 1.0], size=300)
    )
    quick = fit(games, "win")
    slow = fit(replace(games, block=games.block[::-1].copy()), "win")
    assert quick.covariance == pytest.approx(slow.covariance)
    assert quick.utility[:, 0] - quick.utility[:, 1] == pytest.approx(
        quick.rating[games.entrant[:, 0]] - quick.rating[games.entrant[:, 1]]
    )


def test_many_seats_rate_by_rank_with_seat_offsets():
    draw = np.random.default_rng(8)
    strength, rows = (1.0, 0.0, -1.0, 0.0), []
    for order in range(150):
        for leg in range(4):
            noisy = [
                strength[(seat + leg) % 4] + (0.8 if seat == 0 else 0) + draw.gumbel()
                for seat in range(4)
            ]
            places = tuple(
                Place(f"player_{s}", "player", "abcd"[(s + leg) % 4], paid)
                for s, paid in enumerate(noisy)
            )
            rows.append(GameRow(f"p{order}", order, leg, 4, order, 0, places))
    got = fit(gather(complete(rows), "win"), "win", anchor="b")
    assert got.rating == pytest.approx([1, 0, -1, 0], abs=0.25)
    assert got.offsets == pytest.approx([-0.8] * 3, abs=0.25)
