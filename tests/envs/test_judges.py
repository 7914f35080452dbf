"""A judge that gives no word ends the game as an error: nobody won, nobody is paid, rated or trained."""

from __future__ import annotations

import pytest
from sparring.envs.aec import make
from sparring.envs.registry import find
from sparring.envs.replay import replay_episode
from sparring.envs.table import Table
from sparring.envs.types import PolicyRef, Reply


def spoilt() -> Table:
    game = find("discussion-v0", rounds=1)
    table = Table(game)
    while table.ending is None:
        table.answer(
            [Reply("hm" if ask.seat == "judge" else "the result is 7") for ask in table.asks]
        )
    return table


def test_without_its_word_nobody_has_won() -> None:
    table = spoilt()
    assert table.ending
    assert (table.ending.kind, table.ending.seats, table.ending.source) == (
        "error",
        ("judge",),
        "engine",
    )
    assert "no word from the judge" in table.ending.reason
    assert not table.payoff


def test_it_replays_the_same() -> None:
    table = spoilt()
    episode = table.episode({seat: PolicyRef("x") for seat in table.game.seats})
    assert replay_episode(table.game, episode).ending == table.ending


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_in_pettingzoo_it_ends_with_nothing_for_anybody() -> None:
    env = make("discussion-v0", rounds=1)
    env.reset(seed=0)
    while env.agents and not any(env.terminations.values()):
        env.step("hm" if env.agent_selection == "judge" else "the result is 7")
    assert set(env.rewards.values()) == {0.0}
    assert env.infos["judge"]["ending"] == "error"
