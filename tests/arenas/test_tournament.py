from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import pytest
from sparring.agents.policy import Policy
from sparring.agents.scripted import Random, scripted
from sparring.arenas.entrants import EntrantError
from sparring.arenas.executors.local import Local
from sparring.arenas.plan.rounds import Schedule
from sparring.arenas.results import complete
from sparring.arenas.store import Store
from sparring.arenas.store.reading import Archive
from sparring.arenas.tournament import Outcome, TournamentError, plan, text, tournament
from sparring.envs.registry import Game, find


@pytest.fixture
def entrants(kuhn: Game) -> list[Policy]:
    return [Random(1), Random(2), scripted("nash", kuhn)]


def test_a_round_robin_gives_rows_and_a_leaderboard(
    tmp_path: Path, kuhn: Game, entrants: list[Policy]
) -> None:
    said: list[str] = []
    outcome = tournament(kuhn, entrants, tmp_path / "s.sqlite", pairs=40, say=said.append)
    assert "3 entrants, 120 pairs, 240 games; 0 recorded, 240 to play" in said[0]
    board = outcome.leaderboard
    assert {line.entrant for line in board.standings} == {policy.ref.id for policy in entrants}
    assert [line.games for line in board.standings] == [160] * 3
    assert board.unit == "payoff"
    with Archive(tmp_path / "s.sqlite") as store:
        assert len(store) == 240
        assert len(complete(store.rows(kuhn))) == 120


def test_a_plan_says_what_is_missing_and_touches_nothing(
    tmp_path: Path, kuhn: Game, entrants: list[Policy]
) -> None:
    path = tmp_path / "s.sqlite"
    planned = plan(kuhn, entrants, path, pairs=5)
    assert (planned.pairs, planned.games, planned.missing) == (15, 30, 30)
    assert not path.exists()
    tournament(kuhn, entrants, path, pairs=3)
    planned = plan(kuhn, entrants, path, pairs=5)
    assert (planned.games, planned.missing) == (30, 12)
    assert "spread assumed" in str(planned)
    tournament(kuhn, entrants, path, pairs=40)
    again = plan(kuhn, entrants, path, pairs=160)
    assert "spread as measured" in str(again)
    assert again.resolves < planned.resolves / 4


def test_a_tournament_resumes_by_key_and_grows(
    tmp_path: Path, kuhn: Game, entrants: list[Policy]
) -> None:
    first = tournament(kuhn, entrants[:2], tmp_path / "a.sqlite", pairs=4)
    assert first.plan.missing == 8
    assert tournament(kuhn, entrants[:2], tmp_path / "a.sqlite", pairs=4).plan.missing == 0
    grown = tournament(kuhn, entrants, tmp_path / "a.sqlite", pairs=6)
    assert grown.plan.missing == 36 - 8
    whole = tournament(kuhn, entrants, tmp_path / "b.sqlite", pairs=6)
    assert text(grown.leaderboard) == text(whole.leaderboard)


def test_tables_are_the_same_to_the_byte_whatever_is_in_flight(
    tmp_path: Path, kuhn: Game, entrants: list[Policy]
) -> None:
    boards, exports = set[str](), set[tuple[str, ...]]()
    for at_once in (1, 4, 16):
        path = tmp_path / f"{at_once}.sqlite"
        outcome = tournament(
            kuhn, entrants, path, pairs=10, executor=lambda p, n=at_once: Local(p, at_once=n)
        )
        boards.add(text(outcome.leaderboard))
        with Archive(path) as store:
            exports.add(tuple(store.export()))
    assert len(boards) == len(exports) == 1


@pytest.mark.parametrize("game", ["kuhn-poker-v0", "tic-tac-toe-v0", "prisoners-dilemma-v0"])
def test_an_entrant_scores_exactly_half_against_itself_in_swapped_seats(
    tmp_path: Path, game: str
) -> None:
    rules = find(game)
    outcome = tournament(rules, [Random(7)], tmp_path / "s.sqlite", pairs=25, control=True)
    first, second = outcome.leaderboard.standings
    assert {first.entrant, second.entrant} == {"random/7", "random/7/control"}
    with Archive(tmp_path / "s.sqlite") as store:
        for pair in complete(store.rows(rules)):
            a, b = (
                pair.score(who, rules.score or "win") for who in ("random/7", "random/7/control")
            )
            assert a == b
            if rules.score == "win":
                assert a == 0.5
    assert first.rating.value == pytest.approx(second.rating.value, abs=1e-12)


def test_the_control_comes_out_equal_among_others(
    tmp_path: Path, kuhn: Game, entrants: list[Policy]
) -> None:
    board = tournament(kuhn, entrants, tmp_path / "s.sqlite", pairs=60, control=True).leaderboard
    by_id = {line.entrant: line for line in board.standings}
    ours, control = by_id["random/1"], by_id["random/1/control"]
    assert ours.ranks[0] <= control.ranks[1]
    assert control.ranks[0] <= ours.ranks[1]


def test_the_same_player_twice_or_too_few_players_are_refused(tmp_path: Path, kuhn: Game) -> None:
    with pytest.raises(EntrantError, match="A/A control"):
        tournament(kuhn, [Random(1), Random(1)], tmp_path / "s.sqlite")
    with pytest.raises(TournamentError, match="2 entrants"):
        tournament(kuhn, [Random(1)], tmp_path / "s.sqlite")
    assert not (tmp_path / "s.sqlite").exists()


def test_a_finished_tournament_leaves_what_verify_needs(
    tmp_path: Path, kuhn: Game, entrants: list[Policy]
) -> None:
    outcome = tournament(kuhn, entrants, tmp_path / "s.sqlite", pairs=3)
    with Store(tmp_path / "s.sqlite") as store:
        (found,) = store.findings("ratings")
        assert found.result == text(outcome.leaderboard)
        assert (found.upto, found.game) == (18, kuhn.ref)


@pytest.mark.parametrize("schedule", ["gauntlet", "ladder", "swiss", "information"])
def test_every_schedule_resumes_to_the_same_table(
    tmp_path: Path, kuhn: Game, entrants: list[Policy], schedule: Schedule
) -> None:
    """Adaptive rounds are drawn from results, so a broken-off one must find its way back."""
    four = [*entrants, Random(3)]
    whole = tournament(kuhn, four, tmp_path / "a.sqlite", pairs=4, schedule=schedule)
    tournament(kuhn, four, tmp_path / "b.sqlite", pairs=2, schedule=schedule)
    resumed = tournament(kuhn, four, tmp_path / "b.sqlite", pairs=4, schedule=schedule)
    with Archive(tmp_path / "a.sqlite") as a, Archive(tmp_path / "b.sqlite") as b:
        assert list(a.export()) == list(b.export())
    assert text(whole.leaderboard) == text(resumed.leaderboard)


def test_what_is_held_and_what_is_planned_are_two_functions_of_one_type_each() -> None:
    """So that `tournament(…).leaderboard` passes a strict type checker."""
    assert get_type_hints(tournament)["return"] is Outcome
    assert get_type_hints(plan)["return"] is not Outcome
