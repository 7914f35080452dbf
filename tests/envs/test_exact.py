"""Exact facts of small games, and what a tree refuses."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import pytest
from sparring.envs.exact import TreeError, seated, tree, uniform
from sparring.envs.parse import Illegal
from sparring.envs.registry import find, game
from sparring.envs.script import (
    Forfeit,
    Script,
    ask,
    ask_all,
    chance,
    credit,
    note,
    randomness,
    tell,
)
from sparring.envs.tree_walk import Walk

KUHN = find("kuhn-poker-v0")


def kuhn_nash(alpha: float):
    """Kuhn's family of equilibria, by the first seat's bluffing frequency (Kuhn 1950)."""
    bets = {"J": alpha, "Q": 0.0, "K": 3 * alpha}
    calls = {"J": 0.0, "Q": alpha + 1 / 3, "K": 1.0}

    def odds(seat, messages, choices):
        said = [m.text for m in messages if m.speaker == "game"]
        if seat == "first":
            yes = bets[said[0]] if len(said) == 1 else calls[said[0]]
        elif said[0].endswith("bet"):
            yes = {"J": 0.0, "Q": 1 / 3, "K": 1.0}[said[0][0]]
        else:
            yes = {"J": 1 / 3, "Q": 0.0, "K": 1.0}[said[0][0]]
        return [yes if c in ("bet", "call") else 1 - yes for c in choices]

    return odds


def test_kuhn_has_the_published_shape():
    found = tree(KUHN)
    assert len(found.infosets) == 12
    assert found.leaves == 6 * 5
    assert found.nodes == 1 + 6 * (4 + 5)
    assert {info.choices for info in found.infosets} == {("check", "bet"), ("fold", "call")}


def test_kuhn_uniform_play_has_the_published_values():
    found = tree(KUHN).exploit(uniform)
    assert found.values["first"] == pytest.approx(1 / 8, abs=1e-12)
    assert found.nash_conv == pytest.approx(11 / 12, abs=1e-12)
    assert sum(found.values.values()) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("alpha", [0, 1 / 6, 1 / 3])
def test_every_kuhn_equilibrium_is_worth_minus_one_eighteenth_and_unexploitable(alpha):
    found = tree(KUHN).exploit(kuhn_nash(alpha))
    assert found.values["first"] == pytest.approx(-1 / 18, abs=1e-12)
    assert found.nash_conv == pytest.approx(0, abs=1e-12)


def test_a_best_response_earns_what_it_claims():
    found = tree(KUHN)
    for seat in KUHN.players:
        best = found.best_response(seat, uniform)
        pure = {
            info.key: [float(choice == best.choices[info.key]) for choice in info.choices]
            for info in found.infosets
            if info.seat == seat
        }
        policies = dict.fromkeys(KUHN.players, uniform) | {seat: pure}
        assert found.values(seated(policies))[seat] == pytest.approx(best.value, abs=1e-12)


def test_the_probabilities_of_all_outcomes_sum_to_one():
    assert sum(tree(KUHN).outcomes(uniform).values()) == pytest.approx(1, abs=1e-12)


@game(
    "test-exact-pennies-v0",
    roles={"even": 1, "odd": 1},
    max_turns=2,
    payoff_range=(-1, 1),
    sum="zero",
)
def pennies() -> Script:
    moves = yield from ask_all(
        {"even": "heads or tails?", "odd": "heads or tails?"}, choices=("heads", "tails")
    )
    sign = 1 if moves["even"] == moves["odd"] else -1
    return {"even": sign, "odd": -sign}


def test_simultaneous_moves_stay_hidden():
    found = tree(find("test-exact-pennies-v0"))
    assert len(found.infosets) == 2
    assert found.leaves == 4
    assert found.nash_conv(uniform) == pytest.approx(0, abs=1e-12)
    biased = {info.key: (0.75, 0.25) for info in found.infosets}
    assert found.exploit(biased).improvements == pytest.approx({"even": 0.25, "odd": 0.75})


@game("test-exact-broken-v0", roles={"solo": 1}, max_turns=2, payoff_range=(0, 1))
def broken(fault: str = "none") -> Script:
    choices = ("a", "b")
    if fault == "open":
        choices = None
    if fault == "randomness":
        yield from randomness()
    if fault == "leak" and (yield from chance((1, 1))):
        choices = ("a", "c")
    if fault == "raises":
        raise LookupError("lost")
    parse = {"refuses": int, "open": str}.get(fault)
    yield from ask("solo", "move", parse=parse, choices=choices)
    return {"solo": 1}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("open", "a tree needs them listed"),
        ("randomness", "cannot be enumerated"),
        ("leak", "at one view"),
        ("refuses", "refuses a choice that it lists"),
        ("raises", "lost"),
    ],
)
def test_a_game_without_a_true_tree_is_refused_by_name(fault, message):
    with pytest.raises(TreeError, match=message):
        tree(find("test-exact-broken-v0", fault=fault))


def test_a_tree_beyond_its_limit_is_refused():
    with pytest.raises(TreeError, match="more than 20 nodes"):
        tree(KUHN, max_nodes=20)


def test_a_policy_that_fits_no_tree_is_refused():
    with pytest.raises(TreeError, match="no odds for first: J"):
        tree(KUHN).values({})
    with pytest.raises(TreeError, match="no distribution"):
        tree(KUHN).values(lambda seat, messages, choices: (0.5, 0.6))


@game(
    "test-exact-odd-v0",
    roles={"a": 1, "b": 1},
    max_turns=4,
    payoff_range=(-9, 9),
    truncation={"a": 2.0, "b": -3.0},
)
def odd() -> Script:
    """All that a walk must do as a table does: tells, credits, notes, fall-backs, forfeits, truncation."""
    yield from tell("b", "hello")
    early = 0
    try:
        yield from credit("a", 1.0, "too early")
    except ValueError:
        early = 1
    drawn = yield from chance((1, 0, 3))
    moves = yield from ask_all({"b": "b?", "a": "a?"}, choices={"a": ("x", "y"), "b": ("p", "q")})
    yield from credit("a", 1.0, "in time")
    yield from note("drawn", drawn)
    yield from tell("a", f"b said {moves['b']}")
    if moves["a"] == "y":
        raise Forfeit(("a",), "gave up")
    count = 0
    while moves["b"] == "p":
        count += int((yield from ask("a", "more?", choices=("1", "2"))))
    fallen = yield from ask("b", "last?", parse=refuse, choices=("1", "2"), tries=1, otherwise=7)
    return {"a": drawn + early, "b": fallen}


def refuse(text: str) -> int:
    if text == "2":
        raise Illegal("not two")
    return int(text)


def both(game):
    """What the benchmark's plain walk, by `Table`s, lists of a game, and what ours does."""
    file = Path(__file__).parents[2] / "benchmarks" / "exact.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_exact", file)
    assert spec
    assert spec.loader
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    return benchmark.listed(benchmark.TableWalk(game)), benchmark.listed(Walk(game))


@pytest.mark.parametrize(
    ("id", "parameters"),
    [
        ("kuhn-poker-v0", {}),
        ("leduc-poker-v0", {}),
        ("nim-v0", {"heaps": "1-2-2"}),
        ("prisoners-dilemma-v0", {"rounds": 2}),
        ("test-exact-odd-v0", {}),
    ],
)
def test_the_walk_lists_the_same_tree_as_a_walk_by_tables(id, parameters):
    plain, lean = both(find(id, **parameters))
    assert lean == plain


@game("test-exact-long-v0", roles={"solo": 1}, max_turns=9999, payoff_range=(0, 9999))
def long(steps: int = 3000, choices: int = 1) -> Script:
    for _ in range(steps):
        yield from ask("solo", "on", choices=[str(n) for n in range(choices)])
    return {"solo": steps}


def test_a_tree_may_be_thousands_of_moves_deep():
    found = tree(find("test-exact-long-v0"))
    assert found.nodes == 3001
    assert found.values(uniform) == {"solo": 3000.0}


def test_a_tree_far_too_large_is_refused_by_an_estimate_after_few_nodes():
    walk = Walk(find("test-exact-long-v0", steps=60, choices=4))
    with pytest.raises(TreeError, match=r"1,000,000 nodes, .* by an estimate about"):
        walk.walk()
    assert walk.nodes < 20_000


def test_ways_of_seats_that_move_at_once_are_counted_before_they_are_listed():
    # eight answers of ten choices each: 100,000,000 ways would not fit into memory
    walk = Walk(find("sums-v0"), 10_000)
    with pytest.raises(TreeError, match=r"10,000 nodes, .* by an estimate about"):
        walk.walk()
    assert walk.nodes < 10_000


def test_a_tree_within_its_limit_is_never_refused_by_the_estimate():
    assert tree(find("test-exact-long-v0", steps=12, choices=2), max_nodes=8191).nodes == 8191


@game("test-exact-wavering-v0", roles={"solo": 1}, max_turns=9, payoff_range=(0, 1))
def wavering() -> Script:
    while next(WAVES) % 3:
        yield from ask("solo", "on", choices=("a", "b"))
    return {"solo": 1}


WAVES = itertools.count(1)


def test_a_game_that_does_not_play_again_alike_is_refused_by_name():
    with pytest.raises(TreeError, match=r"does not play again alike|fails after"):
        Walk(find("test-exact-wavering-v0")).walk()
