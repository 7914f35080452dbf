"""One policy against another, exactly: held to a search written here, to trees, and to what is refused."""

from __future__ import annotations

import json
from functools import cache

import pytest
from sparring.agents.scripted import Oracle, Random, Scripted, scripted
from sparring.arenas.exact_meeting import MeetingError, meeting
from sparring.cli import main
from sparring.envs.exact import seated, tree, uniform
from sparring.envs.infosets import TreeError
from sparring.envs.registry import find

TIC_TAC_TOE = find("tic-tac-toe-v0")
MINIMAX = scripted("minimax", TIC_TAC_TOE)
ROWS = [{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6}]


def over(mine: frozenset, theirs: frozenset) -> bool:
    return any(row <= theirs for row in ROWS) or len(mine | theirs) == 9


@cache
def worth(mine: frozenset, theirs: frozenset) -> int:
    """To the one who moves next: 1, 0 or −1."""
    if over(mine, theirs):
        return -any(row <= theirs for row in ROWS)
    return max(-worth(theirs, mine | {s}) for s in free(mine, theirs))


def free(mine: frozenset, theirs: frozenset) -> list[int]:
    return [s for s in range(9) if s not in mine | theirs]


@cache
def lost(mine: frozenset, theirs: frozenset, moves: bool) -> tuple[float, float]:
    """How likely `mine` loses who draws its squares evenly, against perfect play: on average, and at most."""
    if over(mine, theirs):
        beaten = float(any(row <= theirs for row in ROWS))
        return beaten, beaten
    if over(theirs, mine):
        return 0.0, 0.0
    if moves:
        found = [lost(mine | {s}, theirs, False) for s in free(mine, theirs)]
        return sum(x for x, _ in found) / len(found), sum(x for _, x in found) / len(found)
    best = worth(theirs, mine)
    keeps = [s for s in free(mine, theirs) if -worth(mine, theirs | {s}) == best]
    found = [lost(mine, theirs | {s}, True) for s in keeps]
    return sum(x for x, _ in found) / len(found), max(x for _, x in found)


@pytest.mark.parametrize(
    ("seat", "mean", "most"),
    [("x", 0.7775, 0.9164), pytest.param("o", 0.9678, 0.9948, marks=pytest.mark.slow)],
)
def test_a_random_player_loses_to_minimax_as_often_as_a_search_of_its_own_says(seat, mean, most):
    found = meeting(TIC_TAC_TOE, seat, Random(), MINIMAX)
    assert (found.lost, found.lost_at_worst) == pytest.approx((mean, most), abs=5e-5)
    none = frozenset()
    assert (found.lost, found.lost_at_worst) == pytest.approx(lost(none, none, seat == "x"))
    # perfect play is never beaten, so what is not lost is drawn
    assert found.value == pytest.approx(-found.lost)
    assert found.worst == pytest.approx(-found.lost_at_worst)
    assert found.won == 0


def test_minimax_loses_to_nobody_and_whoever_takes_the_first_square_does():
    for seat in TIC_TAC_TOE.seats:
        assert meeting(TIC_TAC_TOE, seat, MINIMAX, None, likeliest=True).lost_at_worst == 0
    # the likeliest move of even odds is the first listed square
    first = meeting(TIC_TAC_TOE, "o", Random(), None, likeliest=True)
    assert (first.worst, first.lost_at_worst) == (-1, 1)
    assert 0 < first.lost < 1


def test_a_meeting_pays_what_the_whole_tree_says_where_cards_are_hidden():
    game = find("kuhn-poker-v0")
    walked = tree(game)
    nash = scripted("nash", game)
    assert isinstance(nash, Oracle)
    for seat, other in (("first", "second"), ("second", "first")):
        found = meeting(game, seat, Random(), nash)
        value = walked.values(seated({seat: uniform, other: nash.odds}))[seat]
        assert found.value == pytest.approx(value, abs=1e-12)
        # who sees the cards too takes at least what a best response takes
        response = walked.best_response(other, uniform).value
        assert meeting(game, seat, Random(), None).worst <= -response + 1e-12


def test_what_has_no_odds_or_no_turns_is_refused():
    with pytest.raises(MeetingError, match="mute does not say how likely its moves are"):
        meeting(TIC_TAC_TOE, "x", Scripted(["5"], "mute"), MINIMAX)
    with pytest.raises(MeetingError, match="move in turn"):
        meeting(find("matching-pennies-v0"), "even", Random(), None)
    with pytest.raises(MeetingError, match="'y' came"):
        meeting(TIC_TAC_TOE, "y", MINIMAX, None)
    with pytest.raises(TreeError, match="more than 100 nodes"):
        meeting(TIC_TAC_TOE, "x", Random(), None, most=100)


def test_a_models_meeting_is_said_by_the_command(capsys):
    code = main(["exploit", "tiny", "kuhn-poker-v0", "--steps", "0", "--against", "nash", "--json"])
    assert code == 0
    said = json.loads(capsys.readouterr().out)["against"]
    assert [(one["seat"], one["moves"]) for one in said] == [
        (seat, moves) for seat in ("first", "second") for moves in ("sampled", "likeliest")
    ]
    # the equilibrium is worth its value to both, and no more is lost to it than is at worst
    for one in said:
        assert sum(odds for _, odds in one["outcomes"]) == pytest.approx(1)
        assert one["worst"] <= one["value"] <= abs(1 / 18) + 1e-9
