from __future__ import annotations

import random
from dataclasses import replace
from types import MappingProxyType

import pytest
from sparring.envs.registry import Game, find
from sparring.envs.replay import Replays
from sparring.envs.table import Table
from sparring.envs.types import Episode, PolicyRef, Reply

GAMES = 400
COURSES = 30
"""Ways in which Kuhn poker can go: six deals, and five courses of betting in each."""


def played(game: Game, seed: int) -> Episode:
    table, draw = Table(game, seed), random.Random(seed)
    while table.ending is None:
        table.answer([Reply(draw.choice(ask.choices or ("",))) for ask in table.asks])
    return table.episode({seat: PolicyRef("x") for seat in game.seats})


@pytest.fixture
def kuhn() -> Game:
    return find("kuhn-poker-v0")


@pytest.fixture
def episodes(kuhn: Game) -> list[Episode]:
    return [played(kuhn, seed) for seed in range(GAMES)]


def test_a_course_is_played_again_once_and_pays_the_same_for_all_who_took_it(
    kuhn: Game, episodes: list[Episode], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Game] = []
    start = Game.script
    monkeypatch.setattr(Game, "script", lambda game: begun.append(game) or start(game))

    replays = Replays(kuhn)
    assert [replays.payoff(one) for one in episodes] == [one.payoff for one in episodes]
    assert len(begun) == len(
        {(one.chances, *[t.reply.text for t in one.turns]) for one in episodes}
    )
    assert len(begun) <= COURSES


def test_cards_that_its_seed_does_not_deal_are_no_known_course(
    kuhn: Game, episodes: list[Episode]
) -> None:
    """A showdown retold with other cards: what the seed deals decides, not what the text says."""
    replays = Replays(kuhn)
    for one in episodes:
        replays.payoff(one)

    passes = [one for one in episodes if len(one.turns) == 2 and abs(one.payoff["first"]) == 1]
    winner = next(one for one in passes if one.payoff["first"] == 1)
    loser = next(
        one
        for one in passes
        if one.payoff["first"] == -1
        and [t.reply for t in one.turns] == [t.reply for t in winner.turns]
    )
    retold = replace(loser, chances=winner.chances, payoff=MappingProxyType(dict(winner.payoff)))
    assert replays.payoff(retold) == loser.payoff != retold.payoff
