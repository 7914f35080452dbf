"""The published facts of the reference games, each against an oracle that was not used to make it."""

from __future__ import annotations

from functools import cache

import pytest
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import TreeError, tree, uniform
from sparring.envs.games import tic_tac_toe
from sparring.envs.registry import GameError, find
from sparring.envs.replay import replay
from sparring.envs.types import Reply


@pytest.mark.parametrize(
    ("id", "value"),
    [
        ("matching-pennies-v0", 0),
        ("rock-paper-scissors-v0", 0),
        ("kuhn-poker-v0", -1 / 18),
        ("leduc-poker-v0", -0.0856064241),
    ],
)
def test_the_solved_equilibrium_has_the_known_value_and_cannot_be_exploited(id, value):
    found = tree(find(id))
    exploit = found.exploit(equilibrium(found))
    assert next(iter(exploit.values.values())) == pytest.approx(value, abs=1e-9)
    assert exploit.nash_conv == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("id", "odds"), [("matching-pennies-v0", 1 / 2), ("rock-paper-scissors-v0", 1 / 3)]
)
def test_the_equilibrium_of_a_symmetric_guessing_game_is_uniform(id, odds):
    for solved in equilibrium(tree(find(id))).values():
        assert solved == pytest.approx([odds] * len(solved))


def test_leduc_has_the_published_tree():
    found = tree(find("leduc-poker-v0"))
    assert len(found.infosets) == 936
    assert found.nodes == 9457
    uniform_play = found.exploit(uniform)
    assert uniform_play.nash_conv == pytest.approx(4.7472222222, abs=1e-10)
    assert uniform_play.values["first"] == pytest.approx(-0.078125, abs=1e-12)


def test_leduc_with_ranks_alone_has_288_information_sets():
    found = tree(find("leduc-poker-v0", suits=False))
    assert len(found.infosets) == 288
    assert found.nash_conv(uniform) == pytest.approx(4.7472222222, abs=1e-10)


@pytest.mark.parametrize("heaps", ["1-2-3", "1-1-1", "2-2"])
def test_the_first_player_loses_misere_nim_where_the_theory_says_so(heaps):
    found = tree(find("nim-v0", heaps=heaps))
    assert found.exploit(equilibrium(found)).values["first"] == pytest.approx(-1)


def test_the_nim_oracle_wins_from_a_won_position_and_knows_lost_ones():
    game = find("nim-v0", heaps="1-2-2")
    found = tree(game)
    odds = {
        info.key: [float(o) / sum(map(float, given)) for o in given]
        for info in found.infosets
        if (given := game.oracles["optimal"](info.seat, info.messages, info.choices))
    }
    assert found.best_response("second", odds).value == pytest.approx(-1)


def test_1_3_5_7_is_lost_for_the_first_player_by_plain_search():
    @cache
    def wins(heaps):
        if not sum(heaps):
            return True  # the other took the last piece
        return any(
            not wins(tuple(sorted((*heaps[:i], heaps[i] - n, *heaps[i + 1 :]))))
            for i in range(len(heaps))
            for n in range(1, heaps[i] + 1)
        )

    assert not wins((1, 3, 5, 7))
    assert not wins((1, 2, 3))


def test_nim_refuses_heaps_that_are_none():
    with pytest.raises(GameError, match="like 1-3-5-7"):
        find("nim-v0", heaps="1-x")


def test_defection_is_the_only_equilibrium_of_the_dilemma():
    game = find("prisoners-dilemma-v0", rounds=3)
    found = tree(game)
    assert len(found.infosets) == 2 * (1 + 4 + 16)
    defect = {info.key: (0.0, 1.0) for info in found.infosets}
    assert found.exploit(defect).nash_conv == 0
    assert found.values(defect) == {"player_0": 3, "player_1": 3}
    cooperate = {info.key: (1.0, 0.0) for info in found.infosets}
    assert found.exploit(cooperate).improvements == {"player_0": 6, "player_1": 6}
    with pytest.raises(TreeError, match="no zero-sum game"):
        equilibrium(found)


def test_random_tic_tac_toe_has_the_published_odds_and_states():
    """Through the rules themselves; lines of play that lead to one board are walked once."""
    game = find("tic-tac-toe-v0")
    known = {}

    def odds(answers):
        table = replay(game, 0, answers)
        if table.ending is not None:
            return {1: (1, 0, 0), 0: (0, 1, 0), -1: (0, 0, 1)}[int(table.payoff["x"])]
        (asked,) = table.asks
        if asked.prompt not in known:
            nexts = [odds([*answers, [Reply(choice)]]) for choice in asked.choices]
            known[asked.prompt] = tuple(sum(each) / len(nexts) for each in zip(*nexts, strict=True))
        return known[asked.prompt]

    assert odds([]) == pytest.approx((737 / 1260, 8 / 63, 121 / 420), abs=1e-12)
    assert len(known) == 4520  # the 5,478 positions but for the 958 final ones


def test_minimax_values_of_tic_tac_toe():
    assert tic_tac_toe.value("123456789", "X") == 0
    assert tic_tac_toe.value("X2345678O", "X") == 1
    assert tic_tac_toe.value("X2O456789", "X") == 1
