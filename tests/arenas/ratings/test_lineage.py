"""Descent is a DAG, and a child that loses to its ancestor raises the alarm."""

from __future__ import annotations

import numpy as np
import pytest
from sparring.arenas.ratings.crosstable import crosstable
from sparring.arenas.ratings.leaderboard import rate
from sparring.arenas.ratings.lineage import Born, LineageError, edges, forgetting, lineage
from sparring.arenas.results import Cell, Estimate, complete

from ..planted import logistic, round_robin

CHAIN = [Born(f"step-{n + 1}", f"step-{n}") for n in range(5)]
NAMES = [f"step-{n}" for n in range(6)]


def test_nobody_is_its_own_ancestor():
    with pytest.raises(LineageError, match="own ancestor"):
        lineage([Born("b", "a"), Born("c", "b"), Born("a", "c", "distilled")])


def test_exploiters_inherit_nothing():
    graph = lineage([Born("b", "a"), Born("x", "b", "exploiter_of")])
    assert edges(graph) == (("a", "b"),)
    cell = Cell("b", "x", Estimate(0.9, 0.02, 0.85, 0.95), 50, (), "b")
    assert forgetting(graph, [cell]) == ()


def test_planted_collapse_is_flagged():
    """Self-play pays 0 throughout, by symmetry; against ancestors the later checkpoints fall apart."""
    strength = (0.0, 1.0, 1.5, 0.5, -0.8, -2.0)
    rows = round_robin(NAMES, 60, logistic(strength), seed=4)
    alarms = forgetting(lineage(CHAIN), crosstable(complete(rows), "win"))
    found = {(alarm.ancestor, alarm.child) for alarm in alarms}
    assert {
        ("step-2", "step-4"),
        ("step-2", "step-5"),
        ("step-1", "step-5"),
        ("step-4", "step-5"),
    } <= found
    assert not {("step-0", "step-1"), ("step-0", "step-2")} & found
    assert all(alarm.score.low > 0.5 for alarm in alarms)
    assert [alarm.generations for alarm in alarms] == sorted(alarm.generations for alarm in alarms)
    board = rate(rows, "win", lineage=[(birth.parent, birth.child) for birth in CHAIN])
    assert board.standings[0].entrant == "step-2"
    assert board.standings[-1].entrant == "step-5"
    assert set(alarms) == set(board.forgetting)
    told = [warning.text for warning in board.warnings if warning.kind == "forgetting"]
    assert any("step-5 loses to" in text for text in told)


def test_steady_progress_raises_no_alarm():
    rows = round_robin(NAMES, 60, logistic(np.linspace(-1.5, 1.5, 6).tolist()), seed=4)
    assert forgetting(lineage(CHAIN), crosstable(complete(rows), "win")) == ()
    board = rate(rows, "win", lineage=[(birth.parent, birth.child) for birth in CHAIN])
    assert not board.forgetting
