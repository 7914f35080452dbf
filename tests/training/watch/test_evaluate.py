"""What is exact of a policy: checked where it is known by hand."""

import math

import pytest
from sparring.envs.exact import tree
from sparring.envs.registry import find
from sparring.training.watch.evaluate import judged


def played(name, choose, **parameters):
    walked = tree(find(name, **parameters))
    odds = {i.key: [choose(i, choice) for choice in i.choices] for i in walked.infosets}
    return judged(walked, odds)


def even(info, _):
    return 1 / len(info.choices)


def test_a_seat_that_always_says_the_same_loses_all_to_a_best_response():
    found = played("rock-paper-scissors-v0", lambda _, choice: float(choice == "rock"))
    assert found.gains == pytest.approx(dict.fromkeys(("player_0", "player_1"), 1))
    assert found.worst == pytest.approx(dict.fromkeys(("player_0", "player_1"), -1))
    assert found.entropy == pytest.approx(dict.fromkeys(("player_0", "player_1"), 0))


def test_the_worst_case_of_a_cloaks_defender_is_what_the_best_attacker_leaves_it():
    found = played("cloak-v0", lambda _, choice: float(choice != "refuse") / 6 ** choice.isdigit())
    # It always complies: the first wording keeps every harmful seed, and no harmless one is lost.
    assert found.worst["defender"] == pytest.approx(0)
    assert found.notes["over_refusal"] == pytest.approx(0)
    assert found.notes["harm"] == pytest.approx(1)


def test_entropy_is_summed_over_a_seats_moves():
    found = played("pact-v0", even, agents=2, rounds=3)
    assert found.entropy == pytest.approx(dict.fromkeys(("agent_0", "agent_1"), 3 * math.log(2)))
    assert found.notes["broke"] == pytest.approx(0.5)


def test_there_is_no_worst_case_where_players_are_no_rivals():
    assert not played("pact-v0", even, agents=2).worst


def test_all_of_it_is_recorded_under_its_seat_or_note():
    told = played("cloak-v0", even).metrics()
    found = {name: float(value) for name, value in told.items() if value is not None}
    assert found["gain/attacker"] == pytest.approx(found["nashconv"] - found["gain/defender"])
    assert found["worst/defender"] == pytest.approx(
        -found["value/attacker"] - found["gain/attacker"]
    )
    assert found["exact/over_refusal"] == pytest.approx(0.5)
    assert found["exact_entropy/attacker"] == pytest.approx(math.log(6))
