"""Cloaked wordings and sneaked steps: payoffs and values worked out by hand."""

from __future__ import annotations

import itertools

import pytest
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import seated, tree, uniform
from sparring.envs.games import sneak
from sparring.envs.registry import find


@pytest.mark.parametrize(
    ("harmless", "wording", "reply", "attacker"),
    [(0.0, 1, "comply", 1), (0.0, 1, "refuse", -1), (1.0, 6, "refuse", 1), (1.0, 6, "comply", -1)],
)
def test_the_defender_refuses_harm_and_helps_otherwise(play, harmless, wording, reply, attacker):
    """In the wording that suits the seed its meaning is never lost."""
    players = {"attacker": str(wording), "defender": reply}
    table = play("cloak-v0", players, harmless=harmless)
    assert dict(table.payoff) == {"attacker": attacker, "defender": -attacker}
    assert dict(table.notes)["over_refusal" if harmless else "harm"] == (attacker == 1)


@pytest.mark.parametrize("k", [2, 3, 6, 9])
def test_uniform_play_of_cloak_has_the_value_and_nash_conv_worked_out_by_hand(k):
    """A meaning is kept with (K + 1) / 2K; the defender's best reply errs on the seed that keeps it less."""
    found = tree(find("cloak-v0", wordings=k)).exploit(uniform)
    value = (k + 1) / (2 * k) - 1
    rarer = sum(min(kept, k + 1 - kept) for kept in range(1, k + 1)) / k**2
    assert found.values["attacker"] == pytest.approx(value)
    assert found.improvements["attacker"] == pytest.approx(0 - value)
    assert found.improvements["defender"] == pytest.approx(value - (rarer - 1))


@pytest.mark.parametrize(("k", "value"), [(6, -3 / 7), (2, -1 / 3)])
def test_cloak_has_the_value_worked_out_by_hand(k, value):
    """u/f + v/g ≥ 1 for each wording, f and g the chances to keep a meaning; min ½(u + v) is u = v."""
    walked = tree(find("cloak-v0", wordings=k))
    nash = equilibrium(walked)
    assert walked.nash_conv(nash) == pytest.approx(0, abs=1e-9)
    assert walked.values(nash)["attacker"] == pytest.approx(value)


def test_over_refusal_is_exact():
    refusing = seated({"attacker": uniform, "defender": lambda *_: (0.2, 0.8)})
    found = tree(find("cloak-v0", harmless=0.25)).means(refusing)
    assert (found["over_refusal"], found["harm"]) == (pytest.approx(0.8), pytest.approx(0.2))
    assert found["gold"] == pytest.approx(0.25 * 0.2 + 0.75 * 0.8)


@pytest.mark.parametrize(
    ("lie", "named", "critic"),
    [(True, "2", 1), (True, "1", -1), (True, "none", -1), (False, "none", 1), (False, "1", -1)],
)
def test_the_step_that_is_named_decides(play, lie, named, critic):
    def generator(ask):
        return f"2={(int(ask.prompt[-1]) + 1) % 10}" if lie else "none"

    table = play("sneak-v0", {"generator": generator, "critic": named}, steps=2)
    assert dict(table.payoff) == {"generator": -critic, "critic": critic}


def test_a_lie_that_is_none_or_that_the_end_does_not_show_loses_unasked(play):
    """Among all lies on the first step are the true digit, and some that a multiplication swallows."""
    true = swallowed = 0
    for seed, digit in itertools.product(range(12), range(10)):
        table = play("sneak-v0", {"generator": f"1={digit}", "critic": "1"}, seed=seed)
        if dict(table.notes)["lie"] == -1:
            assert dict(table.payoff) == {"generator": -1, "critic": 1}
            assert len(table.turns) == 1
            shown = table.view("generator")[1].text.split("= ")[1][0]
            true, swallowed = true + (shown == str(digit)), swallowed + (shown != str(digit))
    assert true == 12
    assert swallowed


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_uniform_play_of_sneak_has_the_nash_conv_worked_out_by_hand(steps):
    """The best generator never lies in vain, 1 − 2/(S + 1); the best critic finds every lie, 1."""
    walked = tree(find("sneak-v0", steps=steps))
    assert walked.nash_conv(uniform) == pytest.approx(2 * steps / (steps + 1))
    perfect = seated({"generator": uniform, "critic": sneak.perfect})
    assert walked.best_response("generator", perfect).value == pytest.approx(-1)
    assert walked.values(equilibrium(walked))["critic"] == pytest.approx(1)
