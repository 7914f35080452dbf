"""Deals, pacts and signals: payoffs and values worked out by hand."""

from __future__ import annotations

from math import comb

import pytest
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import tree, uniform
from sparring.envs.registry import find


def deal_of(play, first, second, dial=0.0, **parameters):
    """Each takes a share of the deal 6 and 4 to 2 and 8, the first after its talk."""
    seed = next(
        s
        for s in range(200)
        if [m.text for m in play("split-v0", {}, seed=s).view("first")[1:2]] == ["book 6, hat 4"]
        and play("split-v0", {}, seed=s).view("second")[1].text == "book 2, hat 8"
    )
    players = {"first": list(first), "second": list(second)}
    return play("split-v0", players, seed=seed, dial=dial, **parameters)


@pytest.mark.parametrize(
    ("dial", "paid"), [(0.0, (0.6, 0.8)), (1.0, (1.4, 1.4)), (-1.0, (-0.2, 0.2))]
)
def test_a_deal_pays_own_points_and_the_dial_times_the_others(play, dial, paid):
    table = deal_of(play, ["want book", "take book"], ["want hat", "take hat"], dial)
    assert tuple(table.payoff.values()) == pytest.approx(paid)
    assert (dict(table.notes)["agreed"], dict(table.notes)["points"]) == (True, pytest.approx(1.4))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["take both"], ["take hat"]),
        (["take nothing"], ["take hat"]),
        (["want hat"] * 2, ["want hat"]),
    ],
)
def test_what_is_taken_twice_or_left_pays_nothing(play, first, second):
    table = deal_of(play, first, second)
    assert tuple(table.payoff.values()) == (0, 0)
    assert dict(table.notes)["agreed"] is False


def test_uniform_play_of_split_has_the_values_worked_out_by_hand():
    """One turn: 4 of 7 moves take, each is met by its rest with ¼, and these four give 20 points to each."""
    found = tree(find("split-v0", turns=1)).exploit(uniform)
    assert found.values == pytest.approx({"first": 1 / 14, "second": 1 / 14})
    assert found.improvements == pytest.approx(
        {"first": 1 / 4 - 1 / 14, "second": 4 / 7 / 4 - 1 / 14}
    )


def test_rivals_can_hold_each_other_to_nothing():
    """Zero-sum, and either can refuse every deal: the value is 0."""
    walked = tree(find("split-v0", dial=-1.0))
    assert walked.nash_conv(equilibrium(walked)) == pytest.approx(0, abs=1e-9)
    assert walked.values(equilibrium(walked))["first"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("moves", "paid"),
    [("kkkk", [1, 1, 1, 1]), ("bkkk", [0, 1, 1, 1]), ("bbkk", [2, 2, 1, 1]), ("bbbb", [2] * 4)],
)
def test_breaking_pays_if_enough_break(play, moves, paid):
    named = {"k": "keep", "b": "break"}
    table = play("pact-v0", {f"agent_{i}": named[m] for i, m in enumerate(moves)})
    assert list(table.payoff.values()) == paid
    assert (dict(table.notes)["broke"], dict(table.notes)["tipped"]) == (
        moves.count("b") / 4,
        2 in paid,
    )


def test_rounds_tell_how_many_broke_and_pay_their_mean(play):
    deviant = {"agent_0": "break", "agent": ["keep", "break"]}
    table = play("pact-v0", deviant, agents=2, rounds=2)
    assert table.view("agent_1")[-2].text == "1 of 2 broke it; keep or break?"
    assert dict(table.payoff) == {"agent_0": 1, "agent_1": 1.5}


@pytest.mark.parametrize(("agents", "threshold"), [(2, 1), (4, 2), (5, 4)])
def test_uniform_play_of_pact_has_the_nash_conv_worked_out_by_hand(agents, threshold):
    """Breaking pays 2 P(at least k − 1 of the others break), keeping 1."""
    others = agents - 1
    enough = sum(comb(others, n) for n in range(threshold - 1, agents)) / 2**others
    found = tree(find("pact-v0", agents=agents, threshold=threshold)).exploit(uniform)
    gain = max(1, 2 * enough) - (1 + 2 * enough) / 2
    assert list(found.improvements.values()) == pytest.approx([gain] * agents)


@pytest.mark.parametrize("choice", [0, 1])
def test_all_keep_and_all_break_are_equilibria(choice):
    alike = [float(place == choice) for place in range(2)]
    assert tree(find("pact-v0")).nash_conv(lambda *_: alike) == 0


def test_a_code_of_their_own_is_understood_and_is_not_the_language(play):
    table = play("signals-v0", {"speaker": "be", "listener": "sun"}, objects=8)
    paid = dict(table.notes)["gold"]
    assert list(table.payoff.values()) == [paid, paid]
    assert dict(table.notes)["heard"] == 0  # be is rain


def test_uniform_play_of_signals_is_understood_by_chance_and_speaks_by_chance():
    found = tree(find("signals-v0", objects=4)).means(uniform)
    assert found == pytest.approx(dict.fromkeys(("gold", "spoken", "heard"), 1 / 4))
