"""Shares of a menu's games: by weight, by SEC's bandit, inside a window."""

from __future__ import annotations

import math

import pytest
from sparring.training.config import Mix
from sparring.training.players.shares import Played, shares


def played(
    *, advantage: float | None = None, solved: float | None = None, tokens: int = 10
) -> Played:
    return Played(1, tokens, advantage, solved)


def test_shares_go_by_weight_and_leave_out_a_game_of_weight_0():
    assert shares([3, 1, 0], Mix()).weights(0) == pytest.approx([0.75, 0.25, 0])


def test_no_game_has_less_than_the_floor():
    assert shares([98, 1, 1], Mix(floor=0.1)).weights(0) == pytest.approx([0.786, 0.107, 0.107])


def test_shares_of_tokens_play_a_game_of_long_replies_less_often():
    by = shares([1, 1], Mix(unit="tokens"))
    by.learn([played(tokens=100), played(tokens=10)])
    games = by.weights(1)
    assert games[0] * 100 == pytest.approx(games[1] * 10)


def test_learnability_is_the_papers_bandit():
    # Q <- a r + (1 - a) Q twice, then softmax(Q / t); Chen et al. 2025, equations 3 and 4
    by = shares([1, 1], Mix(by="learnability", rate=0.5, temperature=0.2))
    for _ in range(2):
        by.learn([played(advantage=0.8), played(advantage=0.4)])
    odds = math.exp(0.6 / 0.2) / (math.exp(0.6 / 0.2) + math.exp(0.3 / 0.2))
    assert by.weights(2) == pytest.approx([odds, 1 - odds])


def test_a_window_leaves_out_what_is_solved_and_keeps_what_was_never_played():
    by = shares([1, 1, 1], Mix(by="window", low=0.2, high=0.8))
    by.learn([played(solved=0.95), played(solved=0.5), played(solved=None)])
    assert by.weights(1) == pytest.approx([0, 0.5, 0.5])


def test_a_window_that_no_game_lies_in_plays_them_all():
    by = shares([1, 1], Mix(by="window"))
    by.learn([played(solved=1.0), played(solved=0.0)])
    assert by.weights(1) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("kind", ["weight", "learnability", "window"])
def test_shares_go_on_from_their_state(kind):
    one, other = (shares([1, 2], Mix(by=kind, unit="tokens")) for _ in range(2))
    one.learn([played(advantage=1, solved=0.9), played(advantage=0.1, solved=0.5, tokens=99)])
    other.restore(one.state())
    assert other.weights(1) == one.weights(1) != shares([1, 2], Mix(unit="tokens")).weights(1)
