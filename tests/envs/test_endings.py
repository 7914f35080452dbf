"""Whatever mix of good and bad replies ends a game: zero-sum games sum to zero, and offenders do worst."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from sparring.envs.blocking_verifier import Verdicts
from sparring.envs.conformance import Trial
from sparring.envs.conformance.texts import TEXTS
from sparring.envs.registry import find, game_ids
from sparring.envs.script import Script, ask
from sparring.envs.table import Table
from sparring.envs.types import Reply

OURS = [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
SEEDS = range(12)


def mixed(trial: Trial, seed: int):
    """A game in which every reply goes wrong with a probability that grows with the seed."""

    def say(ask, table, rng: random.Random) -> Reply:
        good = trial.sensibly(ask, table, rng)
        if rng.random() > seed / len(SEEDS) * 0.8:
            return good
        bad = rng.choice(("hostile", "cut", "late"))
        if bad == "hostile":
            return Reply(rng.choice(TEXTS))
        return Reply(good.text, finish="length" if bad == "cut" else "timeout")

    return trial.play(seed, say)


def small(id):
    fewer = {"attempts": 2, "depth": 1}
    return find(id, **{name: n for name, n in fewer.items() if name in find(id).parameters})


@pytest.mark.parametrize("id", OURS)
def test_payoffs_keep_their_word_on_every_ending(id, executing):
    game = small(id)
    verdicts = Verdicts(executing)
    trial = Trial(game, [], verdicts)
    lo, hi = game.payoff_range
    kinds = set()
    for seed in SEEDS:
        table = mixed(trial, seed)
        ending, paid = table.ending, dict(table.payoff)
        kinds.add(ending.kind)
        if ending.kind == "error":
            assert set(ending.seats) <= {s for s in game.seats if game.role_of[s] in game.judges}, (
                ending
            )
            assert not paid
            continue
        assert paid.keys() == set(game.players)
        innocent = [seat for seat in game.players if seat not in ending.seats]
        if game.sum == "zero" and innocent:
            assert sum(paid.values()) == pytest.approx(0, abs=1e-9)
        if ending.kind == "forfeit":
            assert all(paid[seat] < lo for seat in ending.seats), "worse than any legal ending"
            assert all(paid[seat] >= lo for seat in innocent)
        else:
            assert all(lo - 1e-9 <= amount <= hi + 1e-9 for amount in paid.values())
    assert "outcome" in kinds
    assert "forfeit" in kinds or lone_replies_fall_back(trial), kinds
    verdicts.close()


def lone_replies_fall_back(trial: Trial) -> bool:
    """Whether every reply that is no move has a fall-back: its turn is refused, and nobody forfeits."""
    # Longer than any answer: to some games every short text is one.
    table = trial.play(0, lambda ask, table, rng: Reply("\0" * 1000))
    return table.ending.kind == "outcome" and all(turn.refused for turn in table.turns)


@pytest.mark.parametrize("id", OURS)
def test_a_forfeit_is_worse_than_any_legal_payoff_for_every_seat(id):
    game = find(id)
    for seat in game.players:
        paid = game.forfeit([seat])
        assert paid[seat] < min(game.payoff_range)
        assert paid[seat] < min(game.truncation.values())
        if game.sum == "zero":
            assert sum(paid.values()) == pytest.approx(0)


@pytest.mark.parametrize(
    "amounts", [("x", "y"), (None, 1.0), (10**400, -(10**400)), (float("nan"), 0.0)]
)
def test_a_payoff_that_is_no_number_is_an_error_of_the_game(amounts):
    def paying() -> Script:
        yield from ask("first", "?", choices=("check", "bet"))
        return dict(zip(("first", "second"), amounts, strict=True))

    table = Table(replace(find("kuhn-poker-v0"), _script=paying))
    table.answer([Reply("bet")])
    assert table.ending is not None
    assert (table.ending.kind, table.ending.source, dict(table.payoff)) == ("error", "env", {})


@pytest.mark.parametrize("amounts", [(0.0, float("nan")), (float("inf"), -float("inf"))])
def test_a_payoff_without_a_finite_sum_is_a_fault_and_raises_nothing(amounts):
    game = find("matching-pennies-v0")
    assert "outside" in game.payoff_fault(dict(zip(game.players, amounts, strict=True)))
