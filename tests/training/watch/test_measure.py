"""What a step says of itself."""

from dataclasses import replace

import pytest
from sparring.envs.types import Ending, Episode, GameRef, Message, PolicyRef, Reply, Turn
from sparring.training.watch.measure import notes, prefix_share, tool_calls


def spoken(*turns: tuple[str, tuple[int, ...], tuple[int, ...]]) -> Episode:
    made = tuple(
        Turn(seat, seat, (Message("game", ""),), Reply("x", tokens=said, prompt_tokens=prompt))
        for seat, prompt, said in turns
    )
    return Episode(
        GameRef("g-v0"), 0, 0, {"a": PolicyRef("l")}, made, {"a": 0.0}, Ending("outcome")
    )


def test_the_share_of_prompt_tokens_that_a_seat_has_read_before():
    grows = spoken(("a", (1, 2), (3,)), ("b", (9,), (8,)), ("a", (1, 2, 3, 4, 5), (6,)))
    assert prefix_share([grows]) == pytest.approx(3 / 8)
    anew = spoken(("a", (1, 2), (3,)), ("a", (1, 7, 3, 4), (6,)))
    assert prefix_share([anew]) == pytest.approx(1 / 6)
    cut = spoken(("a", (1, 2), (3, 4)), ("a", (1, 2, 3), (6,)))
    assert prefix_share([cut]) == pytest.approx(3 / 5)
    assert prefix_share([spoken(("a", (), ()))]) is None


def test_notes_by_turn_give_accuracy_by_turn_and_what_went_from_wrong_to_right():
    rights = ([0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0])
    games = [replace(spoken(("a", (1,), (2,))), notes=(("right", list(r)),)) for r in rights]
    assert notes(games) == {
        "notes/right/turn-1": 0.5,
        "notes/right/turn-2": 0.75,
        "notes/right/wrong-to-right": 0.5,
        "notes/right/right-to-wrong": 0.25,
    }


def test_notes_that_are_other_lists_are_left_out():
    game = replace(spoken(("a", (1,), (2,))), notes=(("tree", [("x", 1.0)]), ("none", [])))
    assert notes([game]) == {}


def test_calls_of_tools_are_counted_for_each_move_and_left_out_where_there_are_none():
    (move,) = spoken(("a", (1,), (2,))).turns
    again, tried = move._replace(call=1), move._replace(retry=1)
    assert tool_calls([move, again, move._replace(call=2), move, tried]) == {"tool_calls": 1.0}
    assert tool_calls([move, tried]) == {}
