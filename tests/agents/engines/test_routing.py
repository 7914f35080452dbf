"""A prompt goes where its beginning was read, as long as that server has no more to do than others."""

from __future__ import annotations

from sparring.agents.engines.routing import BLOCK, SPILL, Prefixes

RULES = list(range(3 * BLOCK))


def game(number: int, turns: int) -> list[int]:
    return RULES + [1000 + number] * BLOCK * turns


def test_a_game_stays_with_the_server_that_read_its_last_turn():
    prefixes, busy = Prefixes(), {0: 0, 1: 0, 2: 0}
    first = {}
    for number in range(12):
        first[number] = prefixes.choose(game(number, 1), None, busy)
        busy[first[number]] += 1
    idle = dict.fromkeys(busy, 0)
    for number in range(12):
        assert prefixes.choose(game(number, 2), None, idle) == first[number]


def test_a_busy_server_spills_what_it_knows_to_the_others():
    """The rules that all prompts share would otherwise keep all games on one server."""
    prefixes, busy = Prefixes(), {0: 0, 1: 0}
    for number in range(64):
        busy[prefixes.choose(game(number, 1), None, busy)] += 1
    assert max(busy.values()) - min(busy.values()) <= SPILL + 1


def test_adapters_share_no_prefix():
    prefixes = Prefixes()
    assert prefixes.choose(RULES, "a", {0: 1, 1: 0}) == 1
    assert prefixes.choose(RULES, "a", {0: 0, 1: 1}) == 1
    assert prefixes.choose(RULES, "b", {0: 0, 1: 1}) == 0


def test_a_server_that_was_started_anew_knows_nothing():
    prefixes = Prefixes()
    assert prefixes.choose(RULES, None, {0: 1, 1: 0}) == 1
    prefixes.forget(1)
    assert prefixes.choose(RULES, None, {0: 0, 1: 1}) == 0


def test_memory_is_bounded():
    prefixes = Prefixes(most=10)
    for number in range(50):
        prefixes.choose(game(number, 2), None, {0: 0})
    assert len(prefixes._readers) == 10
