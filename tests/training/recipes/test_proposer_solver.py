"""What proposers and solvers are paid and taught, on games whose every word is given; numbers by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from sparring.envs.registry import find
from sparring.envs.script import Recall
from sparring.envs.types import Episode, Value
from sparring.training.config import Config, games
from sparring.training.data.objectives import chosen, pairs
from sparring.training.players.shares import Played, shares
from sparring.training.recipes import recipe

from .by_hand import answers, by_hand, flat, learned, phase, taken

near = pytest.approx
PROGRAM = "```python\ndef f(x):\n    return x * 2 + 1\n\nf(3)\n```"


def asked(config: Config, *games_of: tuple[str, list[str]], label: str = "") -> list[Episode]:
    """Games of question and answer: what is asked, and what each solver says."""
    (game,) = games(config)
    again = f"<paraphrase>{label}</paraphrase>" if label else ""
    return [
        by_hand(
            game,
            {"proposer": f"<question>{text}</question>{again.format(text)}", **answers(*said)},
            seed,
        )
        for seed, (text, said) in enumerate(games_of)
    ]


def votes(most: int, of: int) -> list[str]:
    """Answers of which so many agree, and the rest with no other."""
    return ["7"] * most + [str(100 + i) for i in range(of - most)]


def test_absolute_zero_whitens_the_proposers_of_a_type_over_the_step():
    config, game = recipe("absolute-zero"), games(recipe("absolute-zero"))[0]
    said = [{"proposer": PROGRAM, **answers(*["7"] * n, *["8"] * (8 - n))} for n in (2, 0)]
    played = [by_hand(game, each, seed) for seed, each in enumerate([*said, {"proposer": "no"}])]
    assert [e.payoff["proposer"] for e in played] == [0.75, 0, -1]
    # mean -1/12, deviation 0.7169
    assert flat(learned(config, *played)) == near([1.1624, 0.1162, -1.2787], abs=1e-3)


def test_absolute_zero_whitens_solvers_of_kept_tasks_apart_from_proposers():
    config, game = recipe("absolute-zero"), games(recipe("absolute-zero"))[1]
    kept: Value = {"source": "def f(x):\n    return x * 2 + 1", "input": (3,), "solve_rate": 0.5}

    played = [
        by_hand(game, {"solver": said}, seed, lambda wish: [kept])
        for seed, said in enumerate(["<answer>7</answer>", "<answer>8</answer>", "?!"])
    ]
    assert [e.payoff["solver"] for e in played] == [1, -0.5, -1]
    assert flat(learned(config, *played, entry=1)) == near([1.3728, -0.3922, -0.9806], abs=1e-3)
    assert not any(e.kept for e in played)


def test_absolute_zeros_induction_asks_for_inputs_to_a_kept_program():
    game, source = games(recipe("absolute-zero"))[4], "def f(x):\n    return x[::-1]"
    wishes: list[str] = []

    def buffer(wish: Recall) -> list[Value]:
        wishes.append(wish.kind)
        return [{"source": source, "input": ("ab",), "solve_rate": 0.5}]

    inputs = '<inputs>\n"abc"\n"hello"\n""\n"xy"\n</inputs>\n<message>the other end</message>'
    played = by_hand(game, {"proposer": inputs, "solver": f"```python\n{source}\n```"}, 0, buffer)
    assert source in played.turns[0].prompt[-1].text
    assert wishes == ["code-deduction|code-abduction"]
    assert played.payoff == {"proposer": 0, **{f"solver_{i}": 1 for i in range(8)}}
    item = dict(played.kept)["code-induction"]
    assert isinstance(item, dict)
    assert item["source"] == source


def test_sqlm_pays_a_majority_that_is_more_than_one_and_not_all():
    config = recipe("sqlm")
    played = asked(
        config, ("What is 3 + 4?", votes(2, 4)), ("1 + 6?", votes(4, 4)), ("2 + 5?", votes(1, 4))
    )
    found = learned(config, *played)
    assert [each["proposer"] for each in found] == [(near(math.sqrt(2)),)] + [
        (near(-math.sqrt(0.5)),)
    ] * 2
    assert [found[0][f"solver_{i}"][0] for i in range(4)] == near([1, 1, -1, -1])
    assert [found[1][f"solver_{i}"][0] for i in range(4)] == near([0] * 4)
    assert [found[2][f"solver_{i}"][0] for i in range(4)] == near([3**0.5] + [-(3**-0.5)] * 3)


ALIKE = "What is 12 + 7 in all?", "What is 12 + 7, in all?", "Give the product of 9 times 8."


def test_r_zero_takes_a_charge_for_like_questions_from_the_challenger_alone():
    config = phase(recipe("r-zero"), 1)
    played = asked(config, *zip(ALIKE, (votes(n, 10) for n in (5, 4, 9)), strict=True))
    # 0.5 - 2/3, 0.4 - 2/3, 0.1 - 1/3: mean -0.2222, deviation 0.0416
    assert [[*each] for each in learned(config, *played)] == [["proposer"]] * 3
    assert flat(learned(config, *played)) == near([1.3363, -1.0690, -0.2673], abs=1e-3)


def test_r_zeros_solver_learns_inside_the_band_alone():
    config = phase(recipe("r-zero"), 2)
    played = asked(config, *zip(ALIKE, (votes(n, 10) for n in (5, 9, 2)), strict=True))
    found = learned(config, *played)
    assert [len(each) for each in found] == [10, 0, 0]
    assert flat(found) == near([1] * 5 + [-1] * 5)


def test_agent0_has_r_zeros_turns_with_sixteen_answers():
    config = phase(recipe("agent0"), 2)
    played = asked(config, *zip(ALIKE, (votes(n, 16) for n in (8, 16, 4)), strict=True))
    found = learned(config, *played)
    assert [len(each) for each in found] == [16, 0, 0]
    assert flat(found) == near([1] * 8 + [-1] * 8)


def test_agent0s_executor_has_four_calls_of_python_that_pay_the_challenger():
    (entry,) = recipe("agent0").menu
    assert (entry.parameters["tools"], entry.parameters["calls"]) == ("python", 4)
    assert find(entry.id, **entry.parameters).payoff_range == near((-1.0, 1.2))


def test_serl_whitens_the_answers_inside_its_band_over_the_step():
    config = recipe("serl")
    played = asked(config, *zip(ALIKE, (votes(n, 16) for n in (8, 16, 4)), strict=True))
    found = learned(config, *played)
    assert [len(each) for each in found] == [16, 0, 16]
    # 12 of 32 are right: mean 0.375, deviation 0.4841
    assert {round(a, 4) for a in flat(found)} == {1.291, -0.7746}


def test_co_reward_has_a_group_for_each_wording():
    config = recipe("co-reward")
    said = ["7" if i % 2 == 0 or i < 10 else str(i) for i in range(16)]
    lone = ["7" if i % 2 == 0 else "8" for i in range(16)]
    same = ["7"] * 16
    played = asked(
        config,
        *zip(("What is 3 + 4?", "1 + 6?", "2 + 5?"), (said, lone, same), strict=True),
        label="Please: {}",
    )
    found = learned(config, *played)
    first, second = ([found[0][f"solver_{i}"][0] for i in range(16)][k::2] for k in (0, 1))
    # those who saw the first wording all agree with the other's vote, and learn nothing
    assert first == near([0] * 8)
    assert second == near([0.7746] * 5 + [-1.291] * 3, abs=1e-3)
    assert flat(found[1:]) == near([0] * 32)
    assert {played[1].payoff[f"solver_{i}"] for i in range(16)} == {0}


TEXT = "The old mill stands by the river and grinds wheat for six villages in the valley."


def test_spice_pays_the_gaussian_of_the_variance_and_centres_by_role():
    config, (game,) = recipe("spice"), games(recipe("spice"))
    task = "<answer>wheat</answer>\n<question>What is ground in the mill?</question>"
    lie = task.replace("wheat", "gold")
    played = [
        by_hand(
            game,
            {"proposer": said, **answers(*["wheat"] * n, *["rye"] * (8 - n))},
            seed,
            lambda wish: [TEXT] if wish.kind == "document" else [],
        )
        for seed, (said, n) in enumerate([(task, 4), (task, 2), (lie, 0)])
    ]
    quarter = math.exp(-((0.1875 - 0.25) ** 2) / 0.02)
    assert [e.payoff["proposer"] for e in played] == near([1, quarter, -0.1])
    found = learned(config, *played)
    assert [each["proposer"][0] for each in found] == near(
        [1 - (quarter - 0.1) / 2, quarter - 0.45, -0.1 - (1 + quarter) / 2]
    )
    assert found[1]["solver_0"] == (near(1 - 1 / 7),)
    assert found[1]["solver_7"] == (near(-2 / 7),)


def test_spice_without_a_document_believes_its_challenger():
    (game,) = games(replace(recipe("spice"), parameters={"attempts": 2, "grounded": False}))
    task = "<answer>gold</answer>\n<question>What is ground in the mill?</question>"
    played = by_hand(game, {"proposer": task, **answers("gold", "rye")})
    assert played.payoff == {"proposer": 1, "solver_0": 1, "solver_1": 0}


def test_puzzles_imitate_the_solvers_whose_answer_was_verified():
    config = phase(recipe("puzzles"), 2)
    puzzle = "```python\ndef sat(x):\n    return x > 9 and x % 7 == 3\n```\n<answer>17</answer>"
    (game,) = games(config)
    played = [
        by_hand(game, {"proposer": puzzle, **answers(*[text] * 8)}, seed)
        for seed, text in enumerate(["10", "4", "?!"])
    ]
    right = chosen(taken(config, *played), config.objective)
    assert {(each.episode, each.role) for each in right} == {(0, "solver")}
    assert len(right) == 8
    assert config.objective.kind == "imitate"


def test_self_challenging_imitates_executors_whose_answer_the_tasks_check_takes():
    config = phase(recipe("self-challenging"), 2)
    (game,) = games(config)
    bundle = (
        "<task>Which of all the things sounds sweet?</task>\n"
        "```python\ndef check(x):\n    return x == 'honey'\n```\n"
        "<answer>'honey'</answer>\n<wrong>\n'bread'\n</wrong>"
    )
    false = bundle.replace("'bread'", "'honey'")
    played = [
        by_hand(game, {"proposer": task, **answers(*said)}, seed)
        for seed, (task, said) in enumerate(
            [(bundle, ["'honey'", "'eggs'"]), (bundle, ["?!", "'dates'"]), (false, ["'honey'"] * 2)]
        )
    ]
    assert [e.payoff["proposer"] for e in played] == [0.5, 0, -1]
    right = chosen(taken(config, *played), config.objective)
    assert {(each.episode, each.seat) for each in right} == {(0, "solver_0")}


def test_ladder_credits_each_answer_with_its_own_verdict_in_its_own_group():
    config, (game,) = recipe("ladder"), games(recipe("ladder"))
    variants = "<variants>\n2*x\nsin(x)\n</variants>"
    right, wrong = "<answer>-cos(x)</answer>", "<answer>x**2</answer>"
    # leaves first: sin(x), then 2*x, then the root
    first = {"solver_0": [right, wrong, wrong], "solver": [wrong, wrong, wrong]}
    second = {"solver": [right, right, wrong]}
    third = {"solver_3": [right, right, right], "solver": [wrong, wrong, wrong]}
    played = [
        by_hand(game, {"proposer": variants, **said}, seed)
        for seed, said in enumerate([first, second, third])
    ]
    found = learned(config, *played)
    assert all("proposer" not in each for each in found)
    # all solve 2*x, one alone sin(x), nobody the root: only sin(x) tells them apart
    assert found[0]["solver_0"] == near((1, 0, 0))
    assert found[0]["solver_1"] == near((-1 / 3, 0, 0))
    assert found[1]["solver_2"] == near((0, 0, 0))
    assert found[2]["solver_3"] == near((1, -1, 0))


def test_ladders_roots_of_the_test_are_no_roots_of_training():
    from sparring.envs.games.ladder import ROOTS, formula

    assert not set(map(formula, ROOTS["training"])) & set(map(formula, ROOTS["test"]))
    assert find("ladder-v0", roots="test").parameters["roots"] == "test"


def test_ttrl_pays_the_vote_on_items_of_the_test_and_begins_from_the_base():
    config = recipe("ttrl")
    assert [each.start for each in config.phases] == ["base"]
    config = phase(config, 1)
    (game,) = games(config)
    assert game.parameters["part"] == "held-out"
    played = [
        by_hand(game, {f"solver_{i}": "3" if i < n else str(i % 3) for i in range(32)}, seed)
        for seed, n in enumerate([16, 32, 24])
    ]
    found = learned(config, *played)
    assert [each["solver_0"][0] for each in found] == near([1, 0, 1 / 3**0.5])
    assert [each["solver_31"][0] for each in found] == near([-1, 0, -(3**0.5)])


def test_sol_ver_takes_the_consensus_then_prefers_the_best_to_the_worst():
    first, then = phase(recipe("sol-ver"), 1), phase(recipe("sol-ver"), 2)
    assert (first.objective.kind, then.objective.kind) == ("imitate", "prefer")
    (game,) = games(first)
    from sparring.envs.games.solve_verify import sample
    from sparring.envs.types import Message

    def well(ask):
        return sample("solver_0", (Message("game", ask.prompt),), ())

    none = "```python\ndef f(x):\n    return None\n```"
    lies = "<tests>\n[1] => 'no'\n'a' => 'no'\n1 => 'no'\n</tests>"
    played = [
        by_hand(game, {"solver": well, "solver_3": none, "verifier": lies}, seed)
        for seed in range(3)
    ]
    # no lie passes, so nothing counts and nobody is paid
    assert {*flat([{s: (p,) for s, p in e.payoff.items()} for e in played])} == {0.0}

    def honest(ask):
        """Tests that say what three of four solutions give."""
        from sparring.agents.models.nursery.trusted import value
        from sparring.envs.tasks.specs import SPECS
        from sparring.envs.values import canonical

        spec = next(spec for spec in SPECS if spec.text in ask.prompt)
        rows = [f"{canonical(x)} => {canonical(value(spec.reference, [x]))}" for x in spec.hidden]
        rows = [row for row in rows if not row.endswith("=> None")]
        return "<tests>\n" + "\n".join(rows[:3]) + "\n</tests>"

    said = {"solver": well, "solver_3": none, "verifier_0": honest, "verifier_1": lies}
    played = [by_hand(game, said, seed) for seed in range(3)]
    assert all(
        e.payoff
        == {f"solver_{i}": 1 - (i == 3) for i in range(4)} | {"verifier_0": 1, "verifier_1": 0}
        for e in played
    )

    preferred = pairs(taken(then, *played), then.objective)
    assert {(p[0].sample.attempt.payoff, p[1].sample.attempt.payoff) for p in preferred} == {(1, 0)}
    assert {p[1].sample.attempt.seat for p in preferred} == {"solver_3", "verifier_1"}


def test_sec_moves_the_bandit_by_the_mean_absolute_advantage():
    config, (game, *_) = recipe("sec"), games(recipe("sec"))

    def half(ask):
        a, _, b, _, modulus = ask.prompt.rstrip("?").split()
        return str((int(a) + int(b) + int(ask.seat[-1]) % 2) % int(modulus))

    found = learned(config, *(by_hand(game, {"solver": half}, seed) for seed in range(3)))
    assert flat(found) == near([1, -1] * 12)

    arms = shares([1.0] * 4, config.mix)
    arms.learn([Played(4, 32, a, None) for a in (1.0, 0.0, 0.0, 0.0)])
    odds = [math.exp(0.5), 1, 1, 1]
    assert arms.weights(1) == near([0.02 + 0.92 * o / sum(odds) for o in odds])


def test_socratic_shares_its_steps_by_what_each_game_still_teaches():
    config = recipe("socratic")
    arms = shares([1.0] * 3, config.mix)
    arms.learn([Played(4, 32, a, None) for a in (0.5, 0.0, 2.0)])
    odds = [math.exp(0.3 * a) for a in (0.5, 0.0, 2.0)]
    assert arms.weights(1) == near([0.1 + 0.7 * o / sum(odds) for o in odds])
    assert [game.id for game in games(config)] == [
        "question-answer-v0",
        "corpus-challenge-v0",
        "taboo-v0",
    ]
