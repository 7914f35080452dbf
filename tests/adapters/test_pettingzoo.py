"""PettingZoo's classic games come as text, with moves by name, and keep to their facts."""

from __future__ import annotations

import random

import pytest
from sparring.envs.aec import make
from sparring.envs.conformance import check_game
from sparring.envs.registry import UnknownGameError, find, names
from sparring.envs.table import Table
from sparring.envs.types import Reply

for library in ("pygame", "chess", "rlcard"):
    pytest.importorskip(library)

QUICK = [name for name in names("pettingzoo") if name not in ("chess_v6", "go_v5")]


def play(name, lines):
    table = Table(find(f"pettingzoo/{name}"))
    for line in lines:
        table.answer([Reply(line)])
    return table


@pytest.mark.parametrize("name", QUICK)
def test_quick_games_conform(name):
    check_game(find(f"pettingzoo/{name}"), range(2))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chess_v6", "go_v5"])
def test_long_games_conform(name):
    check_game(find(f"pettingzoo/{name}"), range(1))


def test_tic_tac_toe_is_shown_as_a_board_and_won_by_a_column():
    table = play("tictactoe_v3", "0314")
    prompt = table.asks[0].prompt
    assert prompt.startswith("x o 6\nx o 7\n2 5 8\nYou are x.")
    assert table.asks[0].choices == ("2", "5", "6", "7", "8")
    table.answer([Reply("2")])
    assert dict(table.payoff) == {"player_1": 1, "player_2": -1}


def test_connect_four_is_shown_from_the_top_row_down():
    table = play("connect_four_v3", "3344")
    assert "...oo..\n...xx..\n0123456\nYou are x." in table.asks[0].prompt


def test_chess_is_played_in_squares():
    table = play("chess_v6", ["f2f3", "e7e5", "g2g4", "d8h4"])
    assert dict(table.payoff) == {"player_0": -1, "player_1": 1}
    assert (
        "FEN rnbqkbnr/pppp1ppp/8/4p3/8/5P2/PPPPP1PP/RNBQKBNR w"
        in play("chess_v6", ["f2f3", "e7e5"]).asks[0].prompt
    )


def test_go_ends_with_two_passes_and_is_shown_as_a_board():
    table = play("go_v5", ["D4"])
    assert " 4 ...x...............\n" in table.asks[0].prompt
    assert "D4" not in (table.asks[0].choices or ())
    for _ in range(2):
        table.answer([Reply("pass")])
    assert dict(table.payoff) == {"black_0": 1, "white_0": -1}  # one stone owns the board


def test_rock_paper_scissors_names_its_throws_and_hides_them():
    table = play("rps_v2", ["rock"])
    assert table.asks[0].prompt.startswith("The first round.")
    table.answer([Reply("paper")])
    assert "The other's last move: paper." in table.asks[0].prompt


def test_cards_show_the_own_hand_alone():
    table = Table(find("pettingzoo/leduc_holdem_v4"), 3)
    hands = []
    while table.ending is None and len(hands) < 2:
        hands.append(table.asks[0].prompt.split("\n")[0])
        table.answer([Reply("call" if "call" in (table.asks[0].choices or ()) else "check")])
    assert all(hand.startswith("hand: ") for hand in hands)
    assert hands[0] != hands[1]


def test_payoffs_stay_in_their_range_and_reach_past_the_blinds():
    for name in ("leduc_holdem_v4", "texas_holdem_v4", "texas_holdem_no_limit_v6"):
        game = find(f"pettingzoo/{name}")
        paid = set()
        for seed in range(30):
            table, rng = Table(game, seed), random.Random(seed)
            while table.ending is None:
                table.answer([Reply(rng.choice(table.asks[0].choices or ()))])
            assert table.ending.kind == "outcome"
            paid.add(abs(table.payoff["player_0"]))
        assert max(paid) > 2


def test_a_foreign_game_goes_back_to_pettingzoo_as_text():
    env = make("pettingzoo/connect_four_v3")
    env.reset(seed=0)
    assert env.infos["player_0"]["choices"] == tuple("0123456")
    env.step("seven")
    assert env.agent_selection == "player_0"


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(UnknownGameError, match="did you mean connect_four_v3"):
        find("pettingzoo/connect-four-v3x")
