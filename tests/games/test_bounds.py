"""A game's numbers have declared bounds: at the lowest it plays to an end, and beyond it is refused."""

import asyncio
from typing import Any

import pytest
from sparring.arenas.examples import usual
from sparring.arenas.match import Match, play
from sparring.envs.registry import ParameterError, find, game_ids
from sparring.sandbox import open_verifier

OURS = [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
BOUNDED = [(id, name) for id in OURS for name in find(id).bounds]


@pytest.fixture(scope="module")
def verifier():
    pool = open_verifier("local", size=2)
    yield pool
    pool.shut()


@pytest.mark.parametrize("id", OURS)
def test_every_number_has_bounds(id):
    game = find(id)
    given: Any = game.parameters
    numbers = {name for name, value in game.parameters.items() if type(value) in (int, float)}
    assert numbers == game.bounds.keys()
    assert all(least <= given[name] <= most for name, (least, most) in game.bounds.items())


@pytest.mark.parametrize(("id", "name"), BOUNDED)
def test_the_lowest_number_plays_to_an_end(verifier, id, name):
    kind: Any = type(find(id).parameters[name])
    game = find(id, **{name: kind(find(id).bounds[name][0])})
    match = Match(game, dict.fromkeys(game.seats, usual(game)), 1)
    episode = asyncio.run(play(match, verifier=verifier))
    assert episode.ending.kind in ("outcome", "forfeit"), episode.ending


@pytest.mark.parametrize(("id", "name"), BOUNDED)
def test_a_number_beyond_is_refused(id, name):
    kind: Any = type(find(id).parameters[name])
    for beyond in (find(id).bounds[name][0] - 1, find(id).bounds[name][1] + 1):
        with pytest.raises(ParameterError, match=f"{id}: {name} must be from"):
            find(id, **{name: kind(beyond)})


@pytest.mark.parametrize("heaps", ["", "0", "1-", "100", "9" * 5000, "-".join("1" * 21)])
def test_heaps_are_few_and_small(heaps):
    with pytest.raises(ParameterError, match="like 1-3-5-7"):
        find("nim-v0", heaps=heaps)
