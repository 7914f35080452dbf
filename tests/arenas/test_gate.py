from __future__ import annotations

from pathlib import Path
from statistics import stdev

import pytest
from sparring.agents.policy import Policy
from sparring.agents.scripted import Random, Scripted, scripted
from sparring.arenas.entrants import EntrantError
from sparring.arenas.executors.local import Local
from sparring.arenas.gate import gate, gate_of, plan
from sparring.arenas.results import complete
from sparring.arenas.store import Store
from sparring.arenas.store.reading import Archive
from sparring.arenas.tournament import TournamentError, tournament
from sparring.envs.registry import Game, find


@pytest.fixture
def folder() -> Policy:
    """Never bets and always folds: the worst there is without forfeiting."""
    return Scripted(
        lambda request: "fold" if "fold" in (request.choices or ()) else "check", "folder"
    )


def test_the_better_player_passes_and_the_worse_does_not(
    tmp_path: Path, kuhn: Game, folder: Policy
) -> None:
    nash = scripted("nash", kuhn)
    up = gate(kuhn, nash, folder, tmp_path / "a.sqlite")
    down = gate(kuhn, folder, nash, tmp_path / "a.sqlite", seed=1)
    assert (up.decision.outcome, down.decision.outcome) == ("better", "not better")
    assert up.decision.llr >= up.gate.upper
    assert down.decision.llr <= down.gate.lower
    assert len(up.decision.curve) == up.decision.pairs < 400


def test_a_player_is_not_better_than_its_equal(tmp_path: Path) -> None:
    game = find("tic-tac-toe-v0")
    ruling = gate(game, scripted("minimax", game), Random(3), tmp_path / "s.sqlite")
    assert ruling.decision.outcome == "better"
    equal = gate(
        game, Random(4), Random(3), tmp_path / "s.sqlite", gate_of(game, 0, 200, pairs=200)
    )
    assert equal.decision.outcome == "not better"


def test_the_decision_does_not_depend_on_how_many_games_are_in_flight(
    tmp_path: Path, kuhn: Game, folder: Policy
) -> None:
    decisions = [
        gate(
            kuhn,
            Random(1),
            folder,
            tmp_path / f"{at_once}.sqlite",
            executor=lambda p, n=at_once: Local(p, at_once=n),
        ).decision
        for at_once in (1, 5, 64)
    ]
    assert decisions[0] == decisions[1] == decisions[2]


def test_a_decision_is_made_once(tmp_path: Path, kuhn: Game, folder: Policy) -> None:
    path = tmp_path / "s.sqlite"
    first = gate(kuhn, Random(1), folder, path)
    with Store(path) as store:
        games = len(store)
    said: list[str] = []
    again = gate(kuhn, Random(1), folder, path, say=said.append)
    assert again == first
    assert any("decided before" in line for line in said)
    with Store(path) as store:
        assert len(store) == games
        assert len(store.findings("gate")) == 1


def test_the_llr_is_told_live_in_the_order_of_issue(
    tmp_path: Path, kuhn: Game, folder: Policy
) -> None:
    said: list[str] = []
    ruling = gate(kuhn, Random(1), folder, tmp_path / "s.sqlite", say=said.append)
    live = [line for line in said if line.startswith("pair ")]
    assert [f"pair {n + 1}: LLR {llr:+.3f}" for n, llr in enumerate(ruling.decision.curve)] == [
        line.split(" in ")[0] for line in live
    ]


def test_games_of_a_gate_are_never_rated(tmp_path: Path, kuhn: Game, folder: Policy) -> None:
    path = tmp_path / "s.sqlite"
    gate(kuhn, Random(1), folder, path)
    tournament(kuhn, [Random(1), folder], path, pairs=4)
    with Archive(path) as store:
        rated = store.rows(kuhn)
        assert len(rated) == 8
        assert {row.seed for row in rated}.isdisjoint(
            {row.seed for row in store.rows(kuhn, "gate")}
        )


def test_a_payoff_gate_is_forecast_from_the_spread_that_games_have_shown(
    tmp_path: Path, kuhn: Game
) -> None:
    path = tmp_path / "s.sqlite"
    assert "spread of a pair 0.707, assumed" in str(plan(kuhn, Random(1), Random(2), path))
    tournament(kuhn, [Random(1), Random(2)], path, pairs=200)
    with Archive(path) as store:
        pairs = [pair.score("random/1", "payoff") for pair in complete(store.rows(kuhn))]
    told = str(plan(kuhn, Random(1), Random(2), path))
    assert f"spread of a pair {stdev(pairs):.3g}, as measured" in told


def test_a_plan_plays_nothing_and_a_bad_pairing_is_refused(
    tmp_path: Path, kuhn: Game, folder: Policy
) -> None:
    assert "at most 400 pairs" in str(plan(kuhn, Random(1), folder, tmp_path / "s.sqlite"))
    assert not (tmp_path / "s.sqlite").exists()
    with pytest.raises(EntrantError, match="same player"):
        gate(kuhn, Random(1), Random(1), tmp_path / "s.sqlite")
    with pytest.raises(TournamentError, match="two places"):
        gate(find("self-correct-v0"), Random(1), folder, tmp_path / "s.sqlite")
