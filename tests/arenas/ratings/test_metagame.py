"""Cycles, champions and copies are told from ratings, with an undecided cell as a third state."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparring.arenas.ratings.alpha_rank import alpha_rank, alpha_rank_roles, stationary
from sparring.arenas.ratings.crosstable import crosstable
from sparring.arenas.ratings.hodge import hodge
from sparring.arenas.ratings.leaderboard import rate
from sparring.arenas.ratings.metagame import cycles, metagame, response_graph, top_cycles
from sparring.arenas.ratings.nash import nash_average
from sparring.arenas.ratings.newton import FitError
from sparring.arenas.results import Cell, Estimate, complete

from ..planted import logistic, round_robin

RPS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], float)
DOMINANT = np.array([[0, -1, -1], [1, 0, -1], [1, 1, 0]], float)


def cell(a: str, b: str, lead: str | None) -> Cell:
    return Cell(a, b, Estimate(0.5, 0.1, 0.3, 0.7), 50, (), lead)


def test_a_cycle_on_top_is_one_component():
    led = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "d"), ("b", "d"), ("c", "d")]
    graph = response_graph([cell(a, b, a) for a, b in led])
    assert top_cycles(graph) == (("a", "b", "c"),)
    assert cycles(graph) == (("a", "c", "b"),)


def test_undecided_is_no_edge():
    graph = response_graph([cell("a", "b", None), cell("b", "c", "b")])
    assert graph.graph["undecided"] == (("a", "b"),)
    assert top_cycles(graph) == (("a",), ("b",))
    assert cycles(graph) == ()


def test_planted_cycle_is_warned_of_and_a_ladder_is_not():
    beats = {(0, 1), (1, 2), (2, 0)}

    def cyclic(first: int, second: int, draw: np.random.Generator) -> float:
        chance = 0.75 if (first, second) in beats else 0.25
        return 1.0 if draw.random() < chance else -1.0

    board = rate(round_robin("abc", 80, cyclic, seed=1), "win")
    assert board.cyclic > 0.5
    assert board.misfit < 1e-6
    assert any(warning.kind == "cyclic" for warning in board.warnings)
    rows = round_robin("abcd", 80, logistic((1, 0.3, -0.3, -1)), seed=2)
    assert not any(warning.kind == "cyclic" for warning in rate(rows, "win").warnings)
    graph = response_graph(crosstable(complete(rows), "win"))
    assert top_cycles(graph) == (("a",),)


def test_a_cycle_without_any_luck_is_warned_of():
    beats = {(0, 1), (1, 2), (2, 0)}
    rows = round_robin("abc", 12, lambda a, b, _: 1.0 if (a, b) in beats else -1.0, seed=1)
    board = rate(rows, "win")
    assert board.misfit is None  # no cell has a spread that could contradict the model
    assert any("100% of the advantages are cyclic" in warning.text for warning in board.warnings)


def test_misfit_is_uniform_when_the_model_is_true():
    play = logistic((0.8, 0.2, -0.2, -0.8), offset=0.3)
    doubts = [
        rate(round_robin("abcd", 30, play, seed=seed), "win").misfit or 0.0 for seed in range(60)
    ]
    assert np.mean(np.array(doubts) < 0.05) <= 0.13
    assert 0.35 < np.mean(doubts) < 0.65


def test_alpha_rank_references():
    assert alpha_rank(RPS) == pytest.approx([1 / 3] * 3)
    row, column = np.array([[3, 0], [0, 2.0]]), np.array([[2, 0], [0, 3.0]])
    for strength in (1, 1000):
        mass = alpha_rank_roles([row, column], alpha=strength, population=50)
        assert mass == pytest.approx(np.array([[0.5, 0], [0, 0.5]]), abs=1e-6)


def test_alpha_rank_survives_a_reducible_chain():
    mass = alpha_rank(100 * DOMINANT, alpha=100, population=50)
    assert mass == pytest.approx([0, 0, 1])


def test_stationary_solves_the_chain():
    draw = np.random.default_rng(0)
    rates = draw.random((6, 6)) / 10
    np.fill_diagonal(rates, 0)
    with np.errstate(divide="ignore"):
        mass = stationary(np.log(rates))
    assert mass @ (rates + np.diag(1 - rates.sum(1))) == pytest.approx(mass)


@pytest.mark.parametrize("seed", range(4))
def test_open_spiel_agrees_on_alpha_rank(seed, monkeypatch):
    drawing = (
        "open_spiel.python.egt.alpharank_visualizer"  # it wants matplotlib, for pictures alone
    )
    monkeypatch.setitem(sys.modules, drawing, types.ModuleType(drawing))
    alpharank = pytest.importorskip("open_spiel.python.egt.alpharank")
    table = np.random.default_rng(seed).normal(size=(5, 5))
    _, _, mass, *_ = alpharank.compute([table], m=20, alpha=0.3, use_local_selection_model=True)
    assert alpha_rank(table, alpha=0.3, population=20) == pytest.approx(mass, abs=1e-6)
    pair = [table, np.random.default_rng(seed + 9).normal(size=(5, 5))]
    _, _, joint, *_ = alpharank.compute(pair, m=20, alpha=0.3, use_local_selection_model=True)
    assert alpha_rank_roles(pair, alpha=0.3, population=20).ravel() == pytest.approx(
        joint, abs=1e-6
    )


def test_the_metagame_counts_undecided_pairs_as_level():
    def cell(a, b, score, lead):
        return Cell(a, b, Estimate(score, 0.02, score - 0.04, score + 0.04), 100, (), lead)

    ring = [cell("a", "b", 0.7, "a"), cell("b", "c", 0.7, "b"), cell("a", "c", 0.3, "c")]
    found = metagame(ring, "abc", "win")
    assert found.mixture == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert found.mass == pytest.approx([1 / 3] * 3)
    assert found.top == (("a", "b", "c"),)
    open_ended = metagame([*ring[:2], cell("a", "c", 0.49, None)], "abc", "win")
    assert open_ended.mixture == pytest.approx([0.5, 0, 0.5], abs=1e-5)
    assert open_ended.top == (("a",),)
    assert metagame(ring[:2], "abc", "win") is None, "a and c never met"


def test_nash_average_references():
    assert nash_average(DOMINANT).mixture == pytest.approx([0, 0, 1])
    assert nash_average(RPS).mixture == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert nash_average(np.zeros((4, 4))).mixture == pytest.approx([0.25] * 4, abs=1e-6)
    with pytest.raises(FitError, match="antisymmetric"):
        nash_average(np.ones((2, 2)))


antisymmetric = st.integers(2, 6).flatmap(
    lambda n: st.lists(st.integers(-3, 3), min_size=n * n, max_size=n * n).map(
        lambda flat: (
            np.triu(np.array(flat, float).reshape(n, n), 1)
            - np.triu(np.array(flat, float).reshape(n, n), 1).T
        )
    )
)


@settings(max_examples=60, deadline=None)
@given(antisymmetric, st.integers(0, 5))
def test_a_copy_changes_nobody_elses_worth(table, who):
    who %= len(table)
    keep = [*range(len(table)), who]
    alone, copied = nash_average(table), nash_average(table[np.ix_(keep, keep)])
    assert copied.worth[:-1] == pytest.approx(alone.worth, abs=1e-4)
    assert copied.worth[-1] == pytest.approx(alone.worth[who], abs=1e-4)
    others = [n for n in range(len(table)) if not np.array_equal(table[n], table[who])]
    assert copied.mixture[others] == pytest.approx(alone.mixture[others], abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(antisymmetric)
def test_nash_average_is_an_equilibrium(table):
    got = nash_average(table)
    assert got.mixture.sum() == pytest.approx(1)
    assert got.mixture.min() >= 0
    assert got.worth.max() <= 1e-5
    assert got.mixture @ got.worth == pytest.approx(0, abs=1e-5)


@given(antisymmetric)
def test_hodge_splits_exactly(table):
    split = hodge(table)
    assert split.ranking == pytest.approx(table.mean(1))
    rebuilt = split.ranking[:, None] - split.ranking[None, :] + split.rest
    assert rebuilt == pytest.approx(table)
    assert 0 <= split.cyclic <= 1 + 1e-9


def test_hodge_of_a_cycle_and_of_a_ranking():
    assert hodge(RPS).cyclic == pytest.approx(1)
    height = np.array([3.0, 1, 0, -2])
    assert hodge(height[:, None] - height[None, :]).cyclic == pytest.approx(0)
