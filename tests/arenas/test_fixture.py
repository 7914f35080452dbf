from __future__ import annotations

import asyncio

import pytest
from sparring.agents.scripted import Random
from sparring.arenas.fixture import Fixture, fixtures, game_key, settle, status
from sparring.arenas.match import Match, play
from sparring.arenas.plan.rounds import block
from sparring.arenas.plan.schedule import seatings
from sparring.arenas.results import Block, ResultsError
from sparring.envs.registry import find
from sparring.envs.types import Cause, Ending, EndingKind, Source


@pytest.mark.parametrize(
    ("kind", "cause", "source", "expected"),
    [
        ("outcome", None, None, "completed"),
        ("truncated", None, None, "truncated"),
        ("forfeit", "illegal", None, "forfeit_illegal"),
        ("forfeit", "unparsable", None, "forfeit_unparsable"),
        ("forfeit", "length", None, "forfeit_length"),
        ("forfeit", "timeout", None, "forfeit_timeout"),
        ("error", None, None, "void_env"),
        ("error", None, "engine", "void_engine"),
        ("error", None, "context", "void_context"),
        ("error", None, "quota", "void_quota"),
        ("error", None, "worker", "void_worker"),
        ("error", None, "cancelled", "void_cancelled"),
    ],
)
def test_every_ending_has_its_status(
    kind: EndingKind, cause: Cause | None, source: Source | None, expected: str
) -> None:
    """Told from what was attributed where it happened, never from words in a message."""
    assert status(Ending(kind, (), "an error by its words only", cause, source)) == expected


def test_the_same_block_has_the_same_keys_whatever_order_it_is_named_in() -> None:
    game = find("kuhn-poker-v0")
    ab, ba = (
        Block(0, 7, 0, group, seatings(group, ("first", "second")))
        for group in (("a", "b"), ("b", "a"))
    )
    assert fixtures(game, ab) == fixtures(game, ba)
    assert block("rating", 0, ("a", "b"), 3) == block("rating", 0, ("b", "a"), 3)


def test_a_key_changes_with_everything_that_decides_a_game_and_with_nothing_else() -> None:
    one, other = find("prisoners-dilemma-v0").ref, find("prisoners-dilemma-v0", rounds=3).ref
    seats = {"first": "a", "second": "b"}
    keys = [
        game_key(one, seats, 1, 0),
        game_key(other, seats, 1, 0),
        game_key(one, {"first": "b", "second": "a"}, 1, 0),
        game_key(one, seats, 2, 0),
        game_key(one, seats, 1, 1),
    ]
    assert len(set(keys)) == len(keys)
    assert game_key(one, dict(reversed(seats.items())), 1, 0) == keys[0]


def test_a_role_of_several_seats_is_one_place_and_paid_the_mean() -> None:
    game = find("code-deduction-v0", attempts=3)
    (fixture, _) = fixtures(
        game, Block(0, 1, 0, ("a", "b"), seatings(("a", "b"), ("proposer", "solver")))
    )
    assert set(fixture.seats) == set(game.seats)
    assert len({id for seat, id in fixture.seats.items() if seat.startswith("solver")}) == 1
    assert dict(fixture.places).keys() == {"proposer", "solver"}


def test_an_episode_of_another_game_is_not_taken_for_ours(games: object, kuhn: object) -> None:
    plan: list[Fixture] = games(2)  # type: ignore[operator]
    game = plan[0].game
    episode = asyncio.run(play(Match(game, dict.fromkeys(game.seats, Random(1)), plan[2].seed)))
    with pytest.raises(ResultsError, match="was to be played"):
        settle(plan[0], episode)
    with pytest.raises(ResultsError, match="is rated by"):
        fixtures(game, Block(0, 1, 0, ("a",), ({"white": "a"},)))
