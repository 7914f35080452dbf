"""TextArena's games are seeded, judged and told apart by us, and leave the rest of the process alone."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
from sparring.envs.adapters.dice import Dice
from sparring.envs.adapters.textarena_game import Arena
from sparring.envs.conformance import check_game
from sparring.envs.exact import TreeError, tree
from sparring.envs.registry import GameError, UnknownGameError, find, names
from sparring.envs.replay import replay_episode
from sparring.envs.table import Table
from sparring.envs.types import PolicyRef, Reply

pytest.importorskip("textarena")

CONFORM = [
    "2048-v0-ultra-easy",
    "Bandit-v0",
    "Blackjack-v0",
    "ConnectFour-v0",
    "Crusade-v0",
    "FrozenLake-v0-random",
    "IteratedMatchingPennies-v0",
    "IteratedPrisonersDilemma-v0",
    "IteratedRockPaperScissors-v0",
    "KuhnPoker-v0",
    "KuhnPoker-v0-train",
    "KuhnPoker-v0-raw",
    "LiarsDice-v0",
    "Nim-v0",
    "Othello-v0-tiny",
    "PigDice-v0-short",
    "Secretary-v0",
    "SimpleNegotiation-v0-short",
    "SimpleTak-v0",
    "Snake-v0",
    "Surround-v0",
    "ThreeCardMonte-v0",
    "TicTacToe-v0",
    "TruthAndDeception-v0",
]


def play(id, lines, seed=0, **parameters):
    """Play with one list of texts for all seats in turn, or with the game's own player (None)."""
    game = find(f"textarena/{id}", **parameters)
    table = Table(game, seed)
    lines = iter(lines) if lines is not None else None
    while table.ending is None:
        (ask,) = table.asks
        said = next(lines) if lines else game.oracles["sample"](ask.seat, table.view(ask.seat), ())
        table.answer([Reply(str(said))])
    return table


def test_a_scripted_game_of_tic_tac_toe_is_won_by_three_in_a_row():
    table = play("TicTacToe-v0", ["[0]", "[3]", "[1]", "[4]", "[2]"])
    assert table.ending.kind == "outcome"
    assert dict(table.payoff) == {"player_0": 1, "player_1": -1}


def test_a_scripted_draw_pays_nobody():
    assert set(
        play("TicTacToe-v0", ["0", "1", "2", "4", "3", "5", "7", "6", "8"]).payoff.values()
    ) == {0}


def test_simultaneous_choices_of_rock_paper_scissors_are_not_seen():
    table = play("IteratedRockPaperScissors-v0", ["[rock]", "[paper]"] * 9)
    assert dict(table.payoff) == {"player_0": -1, "player_1": 1}
    second = next(turn for turn in table.turns if turn.seat == "player_1")
    assert not any("rock]" in m.text and "selects" in m.text for m in second.prompt)


def test_an_illegal_move_is_asked_again_by_our_rules_and_leaves_no_trace_for_the_other():
    game = find("textarena/TicTacToe-v0")
    table = Table(game)
    table.answer([Reply("the middle, secretly")])
    assert table.asks[0].retry == 1
    assert "correct format" in table.asks[0].prompt
    table.answer([Reply("[4]")])
    assert not any("secretly" in message.text for message in table.view("player_1"))
    table.answer([Reply("[4]")])
    table.answer([Reply("[4]")])
    assert table.ending.kind == "forfeit"
    assert dict(table.payoff) == {"player_0": 2, "player_1": -2}


def test_the_kuhn_pot_never_grows_and_the_game_says_so():
    game = find("textarena/KuhnPoker-v0-short")
    assert "pot stays at the two antes" in game.caveats[0]
    arena = Arena("KuhnPoker-v0", 2, {"max_rounds": 2}, 1)
    for said in ("[bet]", "[call]"):
        arena.take(said)
    assert sorted(arena.state.game_state["player_chips"].values()) == [
        -2,
        0,
    ]  # antes of two rounds, no bet


def test_refusals_with_reason_and_penalty_swapped_are_failed_tries_all_the_same():
    table = play("Countdown-v0", ["nonsense", "nonsense"])
    assert table.ending.kind == "forfeit"
    assert "Invalid action format" in table.ending.reason
    assert table.payoff["player_0"] == -2


def test_a_text_that_breaks_textarena_is_a_forfeit_and_never_a_way_out():
    table = play("CharacterConclave-v0", ["hello"])
    assert table.ending.kind == "forfeit"
    assert "TextArena breaks on it" in table.ending.reason


@pytest.mark.parametrize("id", CONFORM)
def test_games_conform(id):
    check_game(find(f"textarena/{id}"), range(2))


@pytest.mark.parametrize(
    "id", ["KuhnPoker-v0-short", "Blackjack-v0", "PigDice-v0-50", "SecretMafia-v0", "Snake-v0"]
)
def test_seeds_decide_whatever_the_global_generators_hold(id):
    seats = dict.fromkeys(find(f"textarena/{id}").seats, PolicyRef("sample"))
    seen = set()
    for seed in range(4):
        random.seed(seed)
        np.random.seed(seed)
        one = play(id, None, seed).episode(seats)
        random.seed(99)
        np.random.seed(99)
        plain, numbers = (
            random.getstate(),
            np.random.get_state(legacy=False)["state"]["key"].tolist(),
        )
        other = play(id, None, seed).episode(seats)
        assert random.getstate() == plain
        assert np.random.get_state(legacy=False)["state"]["key"].tolist() == numbers
        assert one == other
        assert replay_episode(find(f"textarena/{id}"), one).payoff == one.payoff
        seen.add(tuple(turn.prompt for turn in one.turns))
    assert len(seen) > 1


def test_games_in_turn_do_not_share_dice():
    def opened(seed):
        return Table(find("textarena/Blackjack-v0"), seed)

    alone = play("Blackjack-v0", ["[Stand]"] * 5, 3).view("player_0")
    left, right = opened(3), opened(4)
    while left.asks or right.asks:
        for table in (left, right):
            if table.asks:
                table.answer([Reply("[Stand]")])
    assert left.view("player_0") == alone


def test_dice_are_given_back_also_after_a_fault():
    def faulty():
        with Dice(5).lent():
            random.random()
            raise LookupError

    plain = random.getstate()
    with pytest.raises(LookupError):
        faulty()
    assert random.getstate() == plain


def test_players_and_options_are_parameters():
    assert len(find("textarena/LiarsDice-v0", players=4).seats) == 4
    assert find("textarena/TicTacToe-v0").sum == "zero"
    assert find("textarena/LiarsDice-v0").sum == "general"
    assert find("textarena/Sudoku-v0").score is None
    longer = find("textarena/KuhnPoker-v0", max_rounds=7)
    assert longer.ref.parameters == (("max_rounds", 7),)
    assert "7 round game" in Table(longer).asks[0].prompt
    with pytest.raises(GameError, match="for 3 players"):
        find("textarena/TicTacToe-v0", players=3)


def test_variants_are_found_and_unknown_ids_give_the_nearest():
    listed = names("textarena")
    assert "KuhnPoker-v0-train" not in listed
    assert (
        find("textarena/KuhnPoker-v0-train").max_turns == find("textarena/KuhnPoker-v0").max_turns
    )
    with pytest.raises(UnknownGameError, match="did you mean KuhnPoker-v0"):
        find("textarena/KuhnPoker-v9")


def test_free_text_has_no_tree():
    with pytest.raises(TreeError, match="cannot be enumerated"):
        tree(find("textarena/KuhnPoker-v0"))


def test_the_list_of_names_loads_no_textarena_and_is_its_registry():
    code = (
        "import sys; from sparring.envs.registry import names; found = names('textarena');"
        "assert 'textarena' not in sys.modules and 'numpy' not in sys.modules;"
        "from textarena.envs.registration import ENV_REGISTRY as known;"
        "bare = {id for id in known if not id.endswith(('-train', '-raw'))};"
        "assert set(found) == bare, set(found) ^ bare"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_text_too_long_for_textarena_to_search_is_refused():
    table = play("ConnectFour-v0", ["x" * 100_000, "x" * 100_000])
    assert table.ending.kind == "forfeit"
    assert "at most 4,000 characters" in table.ending.reason
