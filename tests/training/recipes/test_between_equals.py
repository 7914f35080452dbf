"""Between equals: what each recipe credits a seat with, on three hand-made games."""

from __future__ import annotations

import re

import pytest
from sparring.envs.types import Ask, Episode
from sparring.training.phases import stages
from sparring.training.recipes import recipe

from .by_hand import Recipe

X_WINS, O_WINS = (("1", "2", "3"), ("4", "5")), (("1", "2", "7"), ("4", "5", "6"))


def noughts(found: Recipe, moves: tuple[tuple[str, ...], tuple[str, ...]], seed: int) -> Episode:
    return found.play({"x": moves[0], "o": moves[1]}, seed=seed)


def by_seat(found: Recipe, games: list[Episode]) -> dict[str, list[float]]:
    told: dict[str, list[float]] = {}
    for lesson in found.lessons(*games):
        told.setdefault(lesson.who, []).append(round(lesson.gradient, 6))
    return told


# SPIRAL and MARSHAL


def test_spiral_measures_a_role_against_its_mean_as_it_was_before_the_game():
    found = Recipe("spiral-three")
    games = [noughts(found, X_WINS, seed) for seed in range(3)]
    # b: 0, then 0.05, then 0.95 * 0.05 + 0.05; each of the winner's turns has its game's advantage
    assert by_seat(found, games) == {
        "x": [1.0] * 3 + [0.95] * 3 + [0.9025] * 3,
        "o": [-1.0] * 2 + [-0.95] * 2 + [-0.9025] * 2,
    }


def test_spirals_negotiation_pays_the_sign_of_the_difference():
    found = Recipe("spiral-three", game=2)

    def greedy(ask: Ask) -> str:
        return "offer 1 wood for 1 gold" if ask.seat == "first" else "accept"

    paid = [found.play({"first": greedy, "second": greedy}, seed=seed).payoff for seed in range(3)]
    # gold is worth at least as much as wood to everybody, so who gives wood for it gains
    assert [dict(each) for each in paid] == [{"first": 1, "second": -1}] * 3
    quiet = found.play({"first": "pass", "second": "pass"}).payoff
    assert dict(quiet) == {"first": 0, "second": 0}


def test_spirals_menu_has_its_three_games_and_its_loss_no_pull():
    config = recipe("spiral-three")
    assert [entry.id for entry in config.games] == [
        "tic-tac-toe-v0",
        "kuhn-poker-v0",
        "negotiation-v0",
    ]
    assert (config.credits.estimator, config.credits.decay) == ("rae", 0.95)
    assert (config.update.loss, config.update.kl) == ("dr_grpo", 0)


def test_marshal_centres_each_player_by_itself_and_divides():
    found = Recipe("marshal")
    games = [noughts(found, moves, k) for k, moves in enumerate((X_WINS, X_WINS, O_WINS))]
    # x earns 1, 1, -1: mean 1/3, deviation 0.9428
    assert by_seat(found, games) == {
        "x": [0.707107] * 6 + [-1.414214] * 3,
        "o": [-0.707107] * 4 + [1.414214] * 3,
    }
    assert (found.config.update.kl, found.config.update.clip_ratio) == (0.2, 0.2)


# Deal or no deal


def divided(found: Recipe, first: str, second: str, seed: int) -> Episode:
    """Each takes everything or nothing."""
    there = found.play({"first": "hi", "second": "hi"}, seed=seed).turns[0].prompt
    counts = re.findall(r"There are (\d) books, (\d) hats, (\d) balls", there[1].text)[0]

    def deal(part: str) -> str:
        taken = counts if part == "all" else ("0",) * 3
        return "deal: " + ", ".join(
            f"{n} {name}" for n, name in zip(taken, ("books", "hats", "balls"), strict=True)
        )

    return found.play({"first": deal(first), "second": deal(second)}, seed=seed)


@pytest.mark.parametrize(
    ("dial", "paid", "imitated"),
    [
        (0.0, [(1, 0), (0, 1), (0, 0)], ["first", "second"]),
        (1.0, [(1, 1), (1, 1), (0, 0)], ["first", "second", "first", "second"]),
        (-1.0, [(1, -1), (-1, 1), (0, 0)], ["first", "second"]),
    ],
)
def test_deal_or_no_deal_clones_what_is_above_the_mean_of_its_role_in_the_round(
    dial, paid, imitated
):
    found = Recipe("deal-or-no-deal", phase=1, dial=dial)
    games = [divided(found, "all", "none", 0), divided(found, "none", "all", 1)]
    games.append(divided(found, "all", "all", 2))
    assert [tuple(game.payoff.values()) for game in games] == paid
    assert [x.who for x in found.lessons(*games) if x.imitate] == imitated


def test_deal_or_no_deal_goes_in_rounds_that_learn_from_what_they_kept():
    found = stages(recipe("deal-or-no-deal"))
    assert [stage.collects for stage in found] == [True, False] * 2
    assert found[1].config.stock.alone


# S2P


def pointed(found: Recipe, rights: tuple[int, ...]) -> list[Episode]:
    """Games of a speaker and a listener who is right or not."""

    def listen(ask: Ask, right: int, target: str) -> str:
        names = re.findall(r"^(\d) (.*)$", ask.prompt, re.MULTILINE)
        return next(number for number, name in names if (name == target) == bool(right))

    games: list[Episode] = []
    for seed, right in enumerate(rights):
        before = found.play({"speaker": "<say>it</say>", "listener": "1"}, seed=seed)
        target = re.findall(r"Describe the (.*) to a", before.turns[0].prompt[-1].text)[0]
        listener = lambda ask, right=right, target=target: listen(ask, right, target)  # noqa: E731
        games.append(found.play({"speaker": "<say>it</say>", "listener": listener}, seed=seed))
    return games


def test_s2p_imitates_what_was_understood_and_then_plays_by_role_baselines():
    supervised, play = Recipe("s2p", phase=0), Recipe("s2p", phase=1)
    games = pointed(supervised, (1, 0, 1))
    told = supervised.lessons(*games)
    assert [(x.who, x.imitate, x.gradient) for x in told] == [
        ("speaker", 1, 0),
        ("listener", 1, 0),
    ] * 2
    assert by_seat(play, games) == {
        "speaker": [1, -0.05, 0.9525],
        "listener": [1, -0.05, 0.9525],
    }


@pytest.mark.parametrize(
    ("name", "order"), [("s2p", "sp"), ("p2s", "ps"), ("s2p-interleaved", "sp" * 5)]
)
def test_the_three_orders_of_supervision_and_play(name, order):
    kinds = {"s": ("imitate", "fixed"), "p": ("gradient", "mirror")}
    found = [(s.config.objective.kind, s.config.opponents.mode) for s in stages(recipe(name))]
    assert found == [kinds[part] for part in order]
    assert sum(stage.config.steps for stage in stages(recipe(name))) == 20
