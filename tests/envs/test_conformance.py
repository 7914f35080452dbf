"""Every game conforms, and every rule catches a game that breaks it."""

from __future__ import annotations

import random

import pytest
from sparring.envs.conformance import CHECKS, ConformanceError, check_game, checks
from sparring.envs.parse import one_of
from sparring.envs.registry import find, game, game_ids
from sparring.envs.script import Forfeit, Script, ask, ask_all, note, tell
from sparring.envs.types import Reply
from sparring.sandbox.choose import Lazy

LEFT = iter(range(10**9))


@pytest.mark.parametrize(
    "id", [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
)
def test_every_game_conforms(id, executing):
    results = check_game(find(id), range(8), executing)
    assert [check.name for check in results] == [rule.__name__.replace("_", "-") for rule in CHECKS]
    assert all(check.passed and check.rule for check in results)


@pytest.mark.slow
@pytest.mark.parametrize(
    "id", [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
)
def test_every_game_conforms_over_a_hundred_seeds(id):
    assert all(check.passed for check in check_game(find(id), range(100), lambda: Lazy("local")))


def read_number(text: str) -> int:
    return {0: 0, 1: 1}[int(text)]  # a KeyError for -1 is a bug, not an illegal move


@game(
    "test-conformance-v0",
    roles={"a": 1, "b": 1},
    max_turns=6,
    payoff_range=(0, 1),
    simultaneous=True,
)
def broken(fault: str = "") -> Script:
    """Both say a number; the faults are chosen by name."""
    choices, parse, tries = ("0", "1"), None, 2
    if fault == "crash":
        parse = read_number
    if fault == "refuses":
        parse = one_of(("0",))
    if fault == "unmet":
        parse = one_of(("2",))
    if fault == "alike":
        choices = ("yes", "Yes ")
    if fault == "global":
        choices = choices[:: random.choice((1, -1))]
    if fault == "state":
        choices = (*choices, str(next(LEFT)))
    said = yield from ask_all({"a": "0 or 1?", "b": "0 or 1?"}, parse, choices=choices, tries=tries)
    if fault == "turns":
        yield from ask("a", "and now?", choices=choices)
    if fault == "leak":
        yield from note("secret/a", "the password is swordfish")
        yield from tell("b", "a thinks that the password is swordfish")
    if fault == "forfeit":
        raise Forfeit((), "nobody's fault")
    if fault == "range":
        return {"a": 2.0, "b": 0.0}
    return dict.fromkeys(said, 1.0)


@game("test-eager-v0", roles={"a": 1}, max_turns=1, payoff_range=(0, 1), score="payoff")
def eager() -> Script:
    """Reads the pending answer past the helper, so that a cut reply counts as a move."""
    from sparring.envs.types import Ask

    (reply,) = yield (Ask("a", "speak"),)
    assert isinstance(reply, Reply)
    return {"a": float(reply.finish == "stop")} if len(reply.text) < 10**4 else {}


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("crash", "hostile-texts"),
        ("refuses", "listed-choices"),
        ("alike", "listed-choices"),
        ("turns", "simultaneity"),
        ("leak", "privacy"),
        ("range", "sensible-play"),
        ("forfeit", "sensible-play"),
        ("global", "determinism"),
        ("state", "determinism"),
    ],
)
def test_each_rule_catches_its_fault(fault, rule):
    found = {
        check.name: check.faults
        for check in checks(find("test-conformance-v0", fault=fault), range(6))
    }
    assert found[rule], found


def test_a_game_that_no_scripted_player_can_move_in_is_found():
    results = checks(find("test-conformance-v0", fault="unmet"), range(3))
    (fault,) = next(check.faults for check in results if check.name == "sensible-play")
    assert "no reply was a move" in fault
    assert "is not one of: 2" in fault


def test_a_game_without_faults_passes_and_one_with_faults_is_refused_with_all_of_them():
    assert all(check.passed for check in check_game(find("test-conformance-v0"), range(6)))
    with pytest.raises(ConformanceError, match=r"(?s)test-conformance-v0 breaks .*simultaneity.*"):
        check_game(find("test-conformance-v0", fault="turns"), range(6))


def test_a_crash_on_a_huge_text_is_found():
    results = {check.name: check for check in checks(find("test-eager-v0"), range(3))}
    assert any("the payoff must name" in fault for fault in results["hostile-texts"].faults)
