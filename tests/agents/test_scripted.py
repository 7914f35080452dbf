"""Players without a model: what each promises."""

from __future__ import annotations

import asyncio
import io
from collections import Counter

import pytest
from sparring.agents.policy import Key, Request
from sparring.agents.scripted import (
    Human,
    Left,
    Random,
    Scripted,
    UnknownPlayerError,
    pick,
    scripted,
)
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.envs.registry import find
from sparring.envs.types import Message

VIEW = (Message("game", "move?"),)


def request(ask=0, seed=0, choices=("a", "b"), seat="first", messages=VIEW):
    return Request(seat, seat, messages, choices, Key(seed, 0, seat, ask))


def said(policy, *requests):
    return [reply.text for reply in asyncio.run(policy.act(requests))]


def games(id, seats, count):
    game = find(id)
    seats = {seat: scripted(name, game) for seat, name in seats.items()}
    return asyncio.run(_all([Match(game, seats, seed) for seed in range(count)]))


async def _all(matches):
    return await play_all(matches)


def test_fixed_replies_answer_asks_in_order_and_the_last_repeats():
    assert said(Scripted(["a", "b"]), request(0), request(1), request(7)) == ["a", "b", "b"]


def test_a_rule_answers_from_the_request():
    assert said(Scripted(lambda r: r.choices[-1]), request()) == ["b"]


def test_random_depends_on_nothing_but_its_key():
    one = said(Random(), *(request(seed=s) for s in range(50)))
    other = said(Random(), *(request(seed=s) for s in reversed(range(50))))
    assert one == other[::-1]
    assert said(Random(seed=1), *(request(seed=s) for s in range(50))) != one


def test_random_takes_every_choice_equally_often():
    counts = Counter(
        said(Random(), *(request(seed=s, choices=("a", "b", "c")) for s in range(3000)))
    )
    assert all(abs(count - 1000) < 120 for count in counts.values())


def test_pick_follows_the_odds_and_skips_what_has_none():
    assert [pick((0, 1, 3), at) for at in (0.0, 0.24, 0.25, 0.999)] == [1, 1, 2, 2]


def test_minimax_never_loses_and_two_of_them_draw():
    for seats in ({"x": "minimax", "o": "random"}, {"x": "random", "o": "minimax"}):
        loser = next(seat for seat, name in seats.items() if name == "random")
        payoffs = [episode.payoff[loser] for episode in games("tic-tac-toe-v0", seats, 60)]
        assert max(payoffs) <= 0
        assert min(payoffs) == -1
    assert {
        e.payoff["x"] for e in games("tic-tac-toe-v0", {"x": "minimax", "o": "minimax"}, 30)
    } == {0}


def test_nash_is_played_with_its_frequencies():
    moves = Counter(
        turn.reply.text
        for e in games("rock-paper-scissors-v0", {"player_0": "nash", "player_1": "nash"}, 900)
        for turn in e.turns
    )
    assert all(abs(count - 600) < 75 for count in moves.values())


def test_nash_plays_whole_games_of_kuhn_against_random():
    episodes = games("kuhn-poker-v0", {"first": "random", "second": "nash"}, 200)
    assert {e.ending.kind for e in episodes} == {"outcome"}


def test_an_unknown_player_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownPlayerError, match="did you mean minimax"):
        scripted("minmax", find("tic-tac-toe-v0"))
    with pytest.raises(
        UnknownPlayerError, match="no scripted player 'nash' for prisoners-dilemma-v0"
    ):
        scripted("nash", find("prisoners-dilemma-v0"))


def test_a_person_sees_what_is_new_and_answers_with_a_line():
    out = io.StringIO()
    view = (Message("game", "old"), Message("self", "a"), Message("game", "new"))
    assert said(Human(stdin=io.StringIO("bet\n"), stdout=out), request(messages=view)) == ["bet"]
    assert out.getvalue() == "new\nfirst (a, b)> "


def test_a_person_who_leaves_ends_the_input():
    with pytest.raises(Left, match="first left the game"):
        said(Human(stdin=io.StringIO(""), stdout=io.StringIO()), request())


def test_random_answers_a_free_ask_by_the_prompts_own_example():
    messages = (Message("game", "Answer in this form: <word>cat</word>"),)
    request = Request("a", "a", messages, None, Key(0, 0, "a", 0))
    assert asyncio.run(Random().act([request]))[0].text == "<word>cat</word>"
