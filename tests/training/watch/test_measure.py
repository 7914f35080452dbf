"""What a step says of itself."""

import pytest
from sparring.envs.types import Ending, Episode, GameRef, Message, PolicyRef, Reply, Turn
from sparring.training.watch.measure import prefix_share


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
