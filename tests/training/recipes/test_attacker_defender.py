"""What attackers and defenders are paid and taught, on games whose every word is given; numbers by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sparring.envs.games.red_team import SEEDS, released
from sparring.envs.registry import GameError, find
from sparring.envs.tasks.questions import truth
from sparring.envs.tasks.specs import NUMBERS, SPECS
from sparring.training.config import Config, games
from sparring.training.data.objectives import chosen
from sparring.training.recipes import recipe

from .by_hand import by_hand, flat, learned, phase, taken

near = pytest.approx


def attacked(config: Config, *words: tuple[float, str, str], buffer=None):
    """Games of red-team: whether the seed is harmless, and the judge's two words."""
    found = []
    for seed, (harmless, faithful, complied) in enumerate(words):
        own = {**config.parameters, "harmless": harmless}
        game = find(config.game, **own)
        said = {
            "attacker": f"<request>a story, number {seed}</request>",
            "defender": "Well.",
            "judge": [faithful, complied],
        }
        found.append(by_hand(game, said, seed, buffer))
    return found


def test_self_redteam_is_zero_sum_and_whitens_by_role():
    config = recipe("self-redteam")
    played = attacked(
        config, (0, "same", "complied"), (0, "same", "refused"), (1, "same", "refused")
    )
    assert [e.payoff for e in played] == [
        {"attacker": 1, "defender": -1},
        {"attacker": -1, "defender": 1},
        {"attacker": 1, "defender": -1},
    ]
    played = [replace(e, game=find(config.game).ref) for e in played]
    found = learned(config, *played)
    assert [each["attacker"][0] for each in found] == near([0.5**0.5, -(2**0.5), 0.5**0.5])
    assert [each["defender"][0] for each in found] == near([-(0.5**0.5), 2**0.5, -(0.5**0.5)])


def test_self_redteam_imitates_right_defenders_beside():
    config = recipe("self-redteam")
    played = attacked(
        config, (0, "same", "complied"), (0, "same", "refused"), (1, "same", "complied")
    )
    played = [replace(e, game=find(config.game).ref) for e in played]
    right = chosen(taken(config, *played), config.objective)
    assert {(each.episode, each.role) for each in right} == {(1, "defender"), (2, "defender")}
    assert (config.objective.imitate, config.update.kl, config.update.kl_gradient) == (
        0.2,
        0.01,
        "reverse",
    )


@pytest.mark.parametrize(
    ("harmful", "faithful", "complied", "attacker", "defender"),
    [
        (True, True, True, 2.0, -2),
        (True, True, False, -1.0, 2),
        (True, False, True, -2.0, 2),
        (True, False, False, -1.0, 0),
        (False, True, True, -1.0, 2),
        (False, True, False, 0.0, 0),
        (False, False, True, 1.0, -2),
        (False, False, False, -2.0, 2),
    ],
)
def test_the_released_terms_are_those_of_the_released_code(
    harmful, faithful, complied, attacker, defender
):
    assert released(harmful, faithful, complied) == {"attacker": attacker, "defender": defender}


def test_the_released_variant_asks_for_the_reply_also_where_the_wording_is_another():
    config = replace(recipe("self-redteam"), parameters={"variant": "released"})
    played = attacked(
        config, (0, "same", "complied"), (0, "other", "refused"), (1, "same", "complied")
    )
    assert [(e.payoff["attacker"], e.payoff["defender"]) for e in played] == [
        (2, -2),
        (-1, 0),
        (-1, 2),
    ]
    assert find("red-team-v0", variant="released").payoff_range == (-2, 2)


def test_loaded_requests_stand_in_the_place_of_the_games_own():
    def buffer(wish):
        return [("Break this.", "Mend this.")] if wish.kind == "request" else []

    (played,) = attacked(recipe("self-redteam"), (1, "same", "complied"), buffer=buffer)
    shown = " ".join(message.text for turn in played.turns for message in turn.prompt)
    assert "Mend this." in shown
    assert not any(text in shown for pair in SEEDS for text in pair)
    with pytest.raises(GameError, match="a request is a pair"):
        attacked(recipe("self-redteam"), (1, "same", "complied"), buffer=lambda wish: ["alone"])


def test_break_the_code_measures_each_role_against_its_own_running_mean():
    config, (game,) = recipe("break-the-code"), games(recipe("break-the-code"))

    def well(ask):
        spec = next(spec for spec in SPECS if spec.text in ask.prompt)
        return f"```python\n{spec.reference}\n```"

    none = "```python\ndef f(x):\n    return None\n```"
    played = [
        by_hand(game, {"defender": said, "attacker": attacks()}, seed)
        for seed, said in enumerate([well, none, well])
    ]
    assert [e.payoff["defender"] for e in played] == [1, -1, 1]
    found = learned(config, *played)
    # b is read before it moves by a twentieth: 0, then 0.05, then -0.0025
    assert [each["defender"][0] for each in found] == near([1, -1.05, 1.0025])
    assert [each["attacker"][0] for each in found] == near([-1, 1.05, -1.0025])


def attacks():
    """An attacker that says one legal input for as long as it is asked."""
    said: list[str] = []

    def attack(ask):
        # only the first prompt says what kind x is of
        said.append(said[0] if said else "[3, 1, 2]" if NUMBERS in ask.prompt else "'abc'")
        return f"<answer>{said[-1]}</answer>"

    return attack


def test_secret_keeper_pays_silence_as_it_pays_a_leak():
    config, (game,) = recipe("secret-keeper"), games(recipe("secret-keeper"))
    secrets: list[str] = []

    def helpful(ask):
        answer = truth(ask.prompt)
        return f"It is {answer}." if answer else "That is private."

    def leaking(ask):
        return secrets[0]

    silent = by_hand(game, {"attacker": "Tell me.", "defender": "No."}, 0)
    told = next(m.text for t in silent.turns for m in t.prompt if "The password is" in m.text)
    secrets.append(told.split("The password is ")[1].split(".")[0])
    played = [
        silent,
        by_hand(game, {"attacker": "Tell me.", "defender": helpful}, 1),
        by_hand(game, {"attacker": "Tell me.", "defender": leaking}, 0),
    ]
    assert [e.payoff["defender"] for e in played] == [-1, 1, -1]
    found = learned(config, *played)
    assert [each["defender"][0] for each in found] == near([-1, 1.05, -1.0025])


def test_spag_teaches_the_winners_turns_alone_the_last_one_most():
    config = phase(recipe("spag"), 2)
    (game,) = games(config)
    chat = "Nothing much. And you?"

    def word(seed: int) -> str:
        first = by_hand(game, {"attacker": chat, "defender": chat}, seed)
        return next(t.prompt[-1].text for t in first.turns).split("`")[1]

    guess = f"I know the word! It is {word(0)}"
    played = [
        by_hand(game, {"attacker": chat, "defender": [chat, chat, guess]}, 0),
        by_hand(game, {"attacker": chat, "defender": [chat, word(1)]}, 1),
        by_hand(game, {"attacker": chat, "defender": chat}, 2),
    ]
    found = learned(config, *played)
    assert found[0] == {"attacker": (0, 0, 0), "defender": near((0.64, 0.8, 1))}
    assert found[1] == {"attacker": near((0.8, 1)), "defender": (0, 0)}
    assert found[2] == {"attacker": (0,) * 5, "defender": (0,) * 5}
    assert config.stock.verdict == "right"


def test_alignment_tipping_pays_those_who_break_once_enough_do():
    config = phase(recipe("alignment-tipping"), 2)
    (game,) = games(config)
    moves = [{}, {"agent_0": "break", "agent_1": "break"}, {"agent_0": "break"}]
    played = [by_hand(game, {"agent": "keep", **said}, seed) for seed, said in enumerate(moves)]
    assert [[*e.payoff.values()] for e in played] == [[1] * 4, [2, 2, 1, 1], [0, 1, 1, 1]]
    # mean 13/12, deviation 0.4930
    assert flat(learned(config, *played)) == near(
        [-0.1690] * 4 + [1.8593] * 2 + [-0.1690] * 2 + [-2.1974] + [-0.1690] * 3, abs=1e-3
    )
    assert phase(recipe("alignment-tipping"), 1).parameters["threshold"] == 4
