"""OpenSpiel's games are the same games here: state by state, in value and in exploitability."""

from __future__ import annotations

import json
import random

import pytest
from sparring.envs.conformance import check_game
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import TreeError, tree, uniform
from sparring.envs.registry import (
    GameError,
    ParameterError,
    UnknownGameError,
    find,
    game_ids,
    names,
)
from sparring.envs.replay import replay
from sparring.envs.table import Table
from sparring.envs.types import Reply

pyspiel = pytest.importorskip("pyspiel")

STRENGTH = {"fold": 0, "check": 1, "pass": 1, "call": 1, "bet": 2, "raise": 2}
SMALL = [
    "blackjack",
    "catch",
    "coin_game",
    "connect_four",
    "coordinated_mp",
    "cursor_go",
    "dark_hex",
    "dark_hex_ir",
    "deep_sea",
    "dots_and_boxes",
    "first_sealed_auction",
    "goofspiel",
    "hanabi",
    "kuhn_poker",
    "latent_ttt",
    "leduc_poker",
    "lewis_signaling",
    "liars_dice",
    "liars_dice_ir",
    "matching_pennies_3p",
    "matrix_bos",
    "matrix_brps",
    "matrix_cd",
    "matrix_coordination",
    "matrix_mp",
    "matrix_pd",
    "matrix_rps",
    "matrix_rpsw",
    "matrix_sh",
    "matrix_shapleys_game",
    "nim",
    "oshi_zumo",
    "phantom_ttt",
    "phantom_ttt_ir",
    "repeated_leduc_poker",
    "sheriff",
    "tic_tac_toe",
    "tiny_bridge_4p",
    "tiny_hanabi",
    "trade_comm",
    "universal_poker",
]
DRAWING = ("negotiation", "tarok")  # games that draw from a generator of their own
NESTED = {
    "add_noise": {"game": "kuhn_poker()", "epsilon": 0.1, "seed": 3},
    "misere": {"game": "kuhn_poker(players=3)"},
    "normal_form_extensive_game": {"game": "kuhn_poker()"},
    "repeated_game": {"stage_game": "matrix_rps()", "num_repetitions": 3},
    "restricted_nash_response": {"game": "kuhn_poker()"},
    "start_at": {"game": "tic_tac_toe()", "history": "4;0"},
    "turn_based_simultaneous_game": {"game": "goofspiel(num_cards=3)"},
    "zerosum": {"game": "matrix_pd()"},
}


def by_strength(choices):
    """Fold, then check, pass or call, then bet or raise."""
    return sorted(choices, key=lambda choice: STRENGTH[choice.casefold()])


def paid(table):
    return [table.payoff[seat] for seat in table.game.seats]


def deals(table):
    """The drawn indices that deal each possible card, in card order; the adapter deals one card a draw."""
    return range(len(table.chance.weights))


def together(ours, theirs, cards):
    """Walk two poker games through the same cards and moves; yields (our view, their view, table)."""
    stack: list[tuple[tuple, tuple]] = [((), ())]
    while stack:
        mine, other = stack.pop()
        a, b = replay(ours, 0, mine, open_chance=True), replay(theirs, 0, other, open_chance=True)
        if a.chance:
            for index, drawn in enumerate(cards(a)):
                stack.append(((*mine, index), (*other, *drawn)))
            continue
        yield a, b
        if a.asks:
            ask, echo = a.asks[0], b.asks[0]
            assert ours.seats.index(ask.seat) == theirs.seats.index(echo.seat)
            moves = zip(by_strength(ask.choices), by_strength(echo.choices), strict=True)
            stack += [((*mine, [Reply(x)]), (*other, [Reply(y)])) for x, y in moves]


@pytest.mark.parametrize(
    ("own", "name", "cards"),
    [
        ("kuhn-poker-v0", "kuhn_poker", lambda table: [(i, j) for i in range(3) for j in range(2)]),
        ("leduc-poker-v0", "leduc_poker", lambda table: [(i,) for i in deals(table)]),
    ],
)
def test_poker_through_openspiel_is_ours_in_value_and_nash_conv_and_openspiel_agrees(
    own, name, cards
):
    ours, theirs = find(own), find(f"openspiel/{name}")
    loaded = pyspiel.load_game(name)
    views, leaves = {}, 0
    for a, b in together(ours, theirs, cards):
        if a.ending is not None:
            assert paid(a) == paid(b)
            leaves += 1
            continue
        seat, other = a.asks[0].seat, b.asks[0].seat
        key = (seat, a.view(seat))
        found = (
            other,
            b.view(other),
            a.asks[0].choices,
            b.asks[0].choices,
            b.asks[0].prompt,
        )
        assert views.setdefault(key, found) == found, "one information set of ours is two of theirs"
    mine, other = tree(ours), tree(theirs)
    assert leaves == mine.leaves == other.leaves
    assert len(views) == len({found[:2] for found in views.values()}) == len(other.spots)
    for seed in range(5):
        rng = random.Random(seed)
        here, there, written = {}, {}, {}
        for key, (seat, view, choices, echoed, prompt) in views.items():
            weights = [rng.random() for _ in choices]
            odds = dict(zip(by_strength(choices), (w / sum(weights) for w in weights), strict=True))
            echo = dict(zip(by_strength(echoed), odds.values(), strict=True))
            here[key] = [odds[choice] for choice in choices]
            there[seat, view] = [echo[choice] for choice in echoed]
            written[prompt.partition("\n")[0]] = [*there[seat, view]]
        assert [*mine.values(here).values()] == pytest.approx(
            [*other.values(there).values()], abs=1e-12
        )
        assert mine.nash_conv(here) == pytest.approx(other.nash_conv(there), abs=1e-12)
        assert other.nash_conv(there) == pytest.approx(oracle(loaded, written), abs=1e-9)


def oracle(loaded, odds):
    """NashConv as OpenSpiel computes it, of odds by information state in the order of its actions."""
    policy, states = {}, [loaded.new_initial_state()]
    while states:
        state = states.pop()
        if state.is_terminal():
            continue
        if not state.is_chance_node():
            key = state.information_state_string()
            policy[key] = [*zip(state.legal_actions(), odds[key], strict=True)]
        states += [state.child(action) for action in state.legal_actions()]
    return pyspiel.nash_conv(loaded, policy)


def test_tic_tac_toe_through_openspiel_is_ours_state_by_state():
    ours, theirs = find("tic-tac-toe-v0"), find("openspiel/tic_tac_toe")
    seen, stack = set(), [((), ())]
    while stack:
        mine, other = stack.pop()
        x, o = frozenset(mine[::2]), frozenset(mine[1::2])
        if (x, o) in seen:
            continue
        seen.add((x, o))
        a = replay(ours, 0, [[Reply(move)] for move in mine])
        b = replay(theirs, 0, [[Reply(move)] for move in other])
        assert (a.ending is not None) == (b.ending is not None)
        if a.ending is not None:
            assert paid(a) == paid(b)
            continue
        mark = "x" if len(mine) % 2 == 0 else "o"
        names = {f"{mark}({cell // 3},{cell % 3})": str(cell + 1) for cell in range(9)}
        assert {names[choice] for choice in b.asks[0].choices} == {*a.asks[0].choices}
        stack += [((*mine, names[choice]), (*other, choice)) for choice in b.asks[0].choices]
    assert len(seen) == 5478


@pytest.mark.parametrize(
    ("name", "parameters", "value"),
    [
        ("kuhn_poker", {}, -1 / 18),
        ("matrix_rps", {}, 0),
        ("goofspiel", {"num_cards": 3, "imp_info": True}, 0),
        ("liars_dice", {"dice_sides": 2}, None),
    ],
)
def test_small_zero_sum_games_are_solved_through_the_adapter(name, parameters, value):
    found = tree(find(f"openspiel/{name}", **parameters))
    exploit = found.exploit(equilibrium(found))
    assert exploit.nash_conv == pytest.approx(0, abs=1e-8)
    assert value is None or exploit.values["player_0"] == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize(
    "name", ["kuhn_poker", "leduc_poker", "liars_dice", "tiny_hanabi", "goofspiel"]
)
def test_uniform_play_has_the_nash_conv_that_openspiel_computes(name):
    parameters = (
        {"num_cards": 3}
        if name == "goofspiel"
        else {"dice_sides": 2}
        if name == "liars_dice"
        else {}
    )
    loaded = pyspiel.load_game(name, parameters)
    if name == "goofspiel":
        loaded = pyspiel.convert_to_turn_based(loaded)
    expected = pyspiel.nash_conv(loaded, pyspiel.UniformRandomPolicy(loaded))
    assert tree(find(f"openspiel/{name}", **parameters)).nash_conv(uniform) == pytest.approx(
        expected, abs=1e-9
    )


@pytest.mark.parametrize("name", [*SMALL, *DRAWING])
def test_small_games_conform(name):
    check_game(find(f"openspiel/{name}"), range(2))


@pytest.mark.parametrize("name", NESTED)
def test_games_made_of_games_conform(name):
    check_game(find(f"openspiel/{name}", **NESTED[name]), range(2))


def test_parameters_are_openspiels_and_make_the_facts():
    three = find("openspiel/kuhn_poker", players=3)
    assert three.seats == ("player_0", "player_1", "player_2")
    assert three.payoff_range == (-2, 4)
    assert three.ref.parameters == (("players", 3),)
    assert find("openspiel/matrix_coordination").sum == "common"
    assert find("openspiel/matrix_pd").sum == "general"
    assert find("openspiel/matrix_rps").simultaneous
    assert find("openspiel/tic_tac_toe").score == "win"
    assert find("openspiel/catch").score is None


def test_what_cannot_be_played_says_why():
    with pytest.raises(UnknownGameError, match="did you mean kuhn_poker"):
        find("openspiel/kuhn_pocker")
    with pytest.raises(GameError, match="needs parameters, as in game=kuhn_poker"):
        find("openspiel/misere")
    with pytest.raises(GameError, match="mean-field"):
        find("openspiel/mfg_garnet")
    with pytest.raises(ParameterError, match="did you mean players"):
        find("openspiel/kuhn_poker", player=3)
    with pytest.raises(GameError, match="does not load kuhn_poker"):
        find("openspiel/kuhn_poker", players=13)
    with pytest.raises(TreeError, match="cannot be enumerated"):
        tree(find("openspiel/negotiation"))


def test_moves_that_differ_only_in_case_are_told_apart_by_their_number():
    chess = find("openspiel/chess")
    table, rng = Table(chess), random.Random(0)
    told_apart = 0
    while table.ending is None:
        choices = table.asks[0].choices or ()
        assert len({choice.casefold() for choice in choices}) == len(choices)
        told_apart += any("#" in choice.rstrip("#") for choice in choices)
        table.answer([Reply(rng.choice(choices))])
    assert told_apart


def test_all_games_are_listed_under_their_namespace_and_not_among_our_own():
    listed = names("openspiel")
    assert {"kuhn_poker", "leduc_poker", "tic_tac_toe", "go", "hanabi"} <= listed.keys()
    assert "2 to 10 players" in listed["kuhn_poker"]
    assert "openspiel/kuhn_poker" in game_ids("openspiel")
    find("openspiel/kuhn_poker")
    assert "openspiel/kuhn_poker" not in game_ids()


def test_structured_observations_are_json_and_hide_what_the_text_hides():
    table = Table(find("openspiel/gin_rummy", structured=True), 3)
    seen = json.loads(table.asks[0].prompt.splitlines()[0])
    assert all(card == "XX" for card in seen["hands"][1])
    assert "XX" not in seen["hands"][0]
    board = json.loads(
        Table(find("openspiel/tic_tac_toe", structured=True)).asks[0].prompt.splitlines()[0]
    )
    assert board["board"] == ["."] * 9
    check_game(find("openspiel/tic_tac_toe", structured=True), range(2))
    with pytest.raises(ParameterError, match="kuhn_poker has no structured observation"):
        find("openspiel/kuhn_poker", structured=True)
