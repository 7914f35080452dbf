"""One seat as a gymnasium environment."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from gymnasium.utils.env_checker import check_env
from sparring.envs.gym import Solo
from sparring.envs.registry import GameError, find, game_ids


@pytest.mark.parametrize(
    "id", [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
)
def test_every_seat_of_every_game_passes_check_env(id, executing):
    game = find(id)
    for seat in (game.players[0], game.players[-1]):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="gymnasium")
            check_env(Solo(game, seat, verifier=executing))


def test_the_reward_is_the_payoff_at_the_end():
    env = Solo(find("tic-tac-toe-v0"), "o", {"x": "minimax"})
    observed, info = env.reset(seed=1)
    assert observed["text"].count("X") == 1
    rewards, ended = [], False
    while not ended:
        observed, reward, ended, _, info = env.step(info["choices"][0])
        rewards.append(reward)
    assert set(rewards[:-1]) <= {0.0}
    assert rewards[-1] in (-1.0, 0.0)


def test_other_seats_may_be_functions_that_give_odds():
    env = Solo(find("rock-paper-scissors-v0"), "player_0", {"player_1": lambda *view: (0, 0, 1)})
    env.reset(seed=0)
    assert env.step("rock")[1:3] == (1.0, True)


def test_the_same_seed_and_actions_give_the_same_game():
    def run():
        env = Solo(find("leduc-poker-v0"), "first")
        trace: list[Any] = [env.reset(seed=9)]
        while trace[-1][-1]["choices"]:
            trace.append(env.step(trace[-1][-1]["choices"][0]))
        return trace

    assert run() == run()


@pytest.mark.parametrize(
    ("seat", "others", "message"),
    [
        ("z", {}, "has the players x, o"),
        ("x", {"x": "minimax"}, "no other seat of"),
        ("x", {"o": "minmax"}, "ships no player 'minmax'"),
    ],
)
def test_a_wrong_seating_is_refused(seat, others, message):
    with pytest.raises(GameError, match=message):
        Solo(find("tic-tac-toe-v0"), seat, others)
