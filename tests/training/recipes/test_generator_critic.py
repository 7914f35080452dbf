"""Generator and critic: what each recipe pays and to which turn, on three hand-made games."""

from __future__ import annotations

import re

import pytest
from sparring.envs.registry import find
from sparring.envs.tasks import chains
from sparring.envs.tasks.programs import fenced
from sparring.envs.tasks.specs import SPECS
from sparring.envs.tasks.sums import problems
from sparring.envs.types import Ask, Episode
from sparring.training.data.branches import Branches
from sparring.training.phases import stages
from sparring.training.recipes import recipe

from .by_hand import Recipe, references

RIGHT, WRONG = [0.707107], [-1.414214]
"""Two of three earn 1: (1 − 2/3) / 0.4714, and (0 − 2/3) / 0.4714."""


# SPC


def sneaky(found: Recipe, lie: str, named: str, seed: int) -> Episode:
    def sneak(ask: Ask) -> str:
        last = int(re.findall(r"= (-?\d+)", ask.prompt)[2])
        return (
            "<step>none</step>" if lie == "none" else f"<step>3</step><result>{last + 1}</result>"
        )

    return found.play({"generator": sneak, "critic": named}, seed)


def test_spc_pays_who_wins_and_imitates_it_a_little():
    found = Recipe("spc", phase=1)
    games = [sneaky(found, "3", "3", 0), sneaky(found, "3", "1", 1), sneaky(found, "none", "2", 2)]
    told = [(x.who, x.gradient, x.imitate) for x in found.lessons(*games)]
    lost, won = (-1.0, 0.0), (1.0, 0.15)
    assert told == [
        ("generator", *lost),
        ("critic", *won),
        ("generator", *won),
        ("critic", *lost),
        ("generator", *won),
        ("critic", *lost),
    ]


def test_spc_trains_two_models_offline_in_two_rounds():
    config = recipe("spc")
    assert (config.sharing.mode, config.cast) == ("models", {"critic": "critic"})
    assert [stage.collects for stage in stages(config)] == [True, False] * 2
    assert stages(config)[1].config.stock.alone
    assert config.update.clip_ratio == 0.2


# SCoRe and CoCoS


def corrected(found: Recipe, *rights: int, replicate: int = 0, begun: int = 0) -> Episode:
    replies = references(found)
    turns = [replies[not right] for right in rights]
    return found.play({"solver": turns}, replicate=replicate, begun=begun)


def tries(found: Recipe) -> list[Episode]:
    """Right and lost, right and kept, wrong and mended."""
    games = ((1, 0), (1, 1), (0, 1))
    return [corrected(found, *rights, replicate=k) for k, rights in enumerate(games)]


def test_scores_first_stage_pays_the_second_answer_and_holds_the_first():
    found = Recipe("score", phase=0)
    told = found.lessons(*tries(found))
    assert [x.gradient for x in told] == [-1, -1, 0.5, 0.5, 0.5, 0.5]
    assert [x.pull for x in told] == [1, 0] * 3
    assert found.config.update.kl == 1


def test_scores_second_stage_pays_each_answer_and_ten_times_the_progress():
    found = Recipe("score", phase=1)
    # turn one earns 1, 1, 0 and turn two -10, 1, 11, each against the mean of the other two
    assert found.gradients(*tries(found)) == [0.5, -16, 0.5, 0.5, -1, 15.5]
    assert found.config.update.kl == 0.01


@pytest.mark.parametrize(
    ("shares", "paid"), [((0.2, 1.0), 0.9), ((1.0, 0.2), -0.3), ((0.2, 0.2), 0.1)]
)
def test_cocos_pays_progress_in_the_share_of_tests(shares, paid):
    found = Recipe("cocos")
    spec = _spec(found)
    scored = spec.hidden[2:]
    some = f"{spec.reference}\nwhole = f\ndef f(x):\n    return whole(x) if x == {scored[0]!r} else 'no'"
    sources = {0.2: some, 1.0: spec.reference}
    game = found.play({"solver": [fenced(sources[share]) for share in shares]})
    passed = [1.0 if share == 1 else 1 / len(scored) for share in shares]
    # gamma (c1 - 0) + (c2 - c1) with gamma = 1/2
    assert game.payoff["solver"] == pytest.approx(0.5 * passed[0] + passed[1] - passed[0])
    if len(scored) == 5:
        assert game.payoff["solver"] == pytest.approx(paid)


def _spec(found: Recipe):
    good, _ = references(found)
    return next(spec for spec in SPECS if spec.reference in good)


def test_cocos_measures_second_tries_against_those_at_the_same_first_try():
    found = Recipe("cocos")
    games = [corrected(found, 0, 1), corrected(found, 0, 0, replicate=1, begun=1)]
    told = found.lessons(*games, branches=Branches({0: 1}, {1: 0}))
    assert [(x.turn, x.gradient) for x in told] == [(2, 1), (2, -1)]
    assert found.config.starts.branches == 2


# RISE, SPOC, AutoMathCritique


def checked(
    found: Recipe, seed: int, right: int, verdict: str, again: int = 1, critique: str = "no"
) -> Episode:
    """An answer that is right or not, a verdict on it, and another answer where one is asked for."""
    before = found.play({"generator": "<answer>0</answer>", "critic": _critic("wrong")}, seed=seed)
    chain = chains.read("".join(message.text for message in before.turns[0].prompt))
    assert chain
    key = chain.results[-1]

    def answer(ask: Ask) -> str:
        wanted = again if "critic says" in ask.prompt else right
        return f"<answer>{key if wanted else key + 1}</answer>"

    return found.play({"generator": answer, "critic": _critic(verdict, critique)}, seed=seed)


def _critic(verdict: str, critique: str = "no") -> str:
    return f"<verdict>{verdict}</verdict><critique>{critique}</critique>"


def parts(found: Recipe, games: list[Episode]) -> dict[tuple[str, int], list[float]]:
    told: dict[tuple[str, int], list[float]] = {}
    for lesson in found.lessons(*games):
        told.setdefault((lesson.who, lesson.turn), []).append(round(lesson.gradient, 6))
    return told


def test_rise_pays_answers_and_verdicts_each_whitened_by_itself():
    found = Recipe("rise")
    games = [
        checked(found, 0, 1, "right"),
        checked(found, 1, 0, "wrong"),
        checked(found, 2, 1, "wrong"),
    ]
    assert parts(found, games) == {
        ("generator", 1): RIGHT + WRONG + RIGHT,
        ("critic", 1): RIGHT + RIGHT + WRONG,
    }


def test_rise_takes_more_for_a_verdict_that_cannot_be_read_than_for_a_false_one():
    """Each critic was asked a second time: a true verdict, a false one, and none."""
    found = Recipe("rise")
    wrong = {"generator": "<answer>0</answer>"}
    games = [
        found.play({**wrong, "critic": ["hm", _critic(verdict)]}, seed)
        for seed, verdict in enumerate(["wrong", "right", "hm"])
    ]
    retries = [lesson for lesson in found.lessons(*games) if lesson.who == "critic"][1::2]
    assert [round(lesson.gradient, 6) for lesson in retries] == [1.224745, 0.0, -1.224745]


def test_spoc_stops_at_its_verdict_and_pays_every_part():
    found = Recipe("spoc")
    games = [
        checked(found, 0, 1, "right"),
        checked(found, 1, 0, "wrong", again=1),
        checked(found, 2, 1, "wrong", again=0),
    ]
    assert [len(game.turns) for game in games] == [2, 3, 3]
    assert parts(found, games) == {
        ("generator", 1): RIGHT + WRONG + RIGHT,
        ("generator", 2): [1, -1],
        ("critic", 1): RIGHT + RIGHT + WRONG,
    }


@pytest.mark.parametrize(
    ("phase", "imitated"), [(1, {"critic": [1, 1]}), (3, {"generator": [0, 1, 1, 1, 1, 0]})]
)
def test_autocritique_imitates_true_verdicts_and_then_answers_that_are_right(phase, imitated):
    found = Recipe("autocritique", phase=phase)
    games = [
        checked(found, 0, 0, "wrong", again=1),
        checked(found, 1, 1, "right", again=1),
        checked(found, 2, 1, "wrong", again=0),
    ]
    told: dict[str, list[float]] = {}
    for lesson in found.lessons(*games):
        told.setdefault(lesson.who, []).append(lesson.imitate)
    assert told == imitated


# CoMAS


@pytest.mark.parametrize(
    ("score", "paid"), [("3", (1, 0, 0)), ("2", (0.5, 0.5, 0)), ("hm", (0, 0, -1))]
)
def test_comas_pays_solver_and_evaluator_opposite_and_a_scorer_for_form_alone(score, paid):
    found = Recipe("comas")
    players = {
        "solver": "<answer>1</answer>",
        "evaluator": "<evaluation>no</evaluation>",
        "scorer": score,
    }
    game = found.play(players)
    assert [game.payoff[f"{part}_0"] for part in ("solver", "evaluator", "scorer")] == [*paid]
    assert {x.sample.spans[0].earned for x in found.judged(game)} == {*map(float, paid)}


def test_comas_gives_each_agent_a_learner_that_plays_all_of_its_parts():
    found = Recipe("comas")
    seats = {f"{part}_{k}": k for part in ("solver", "evaluator", "scorer") for k in range(3)}
    names = {seat: found.cast.of(found.game, seat.partition("_")[0], seat) for seat in seats}
    assert {(k, names[seat]) for seat, k in seats.items()} == {
        (0, "learner"),
        (1, "second"),
        (2, "third"),
    }


# Judges of one's own


def test_self_rewarding_prefers_what_its_own_judge_calls_right():
    found = Recipe("self-rewarding")
    game = found.play(
        {
            "proposer": "<question>What is 2 + 2?</question>",
            **{f"solver_{i}": f"<answer>{i}</answer>" for i in range(4)},
            "judge": ["right", "wrong", "right", "wrong"],
        }
    )
    assert found.pairs(game) == [("solver", 1, 0)]
    judges = [stage.config.judge for stage in stages(recipe("self-rewarding"))]
    assert judges == ["self@start", "self@latest"]


def test_self_rewarding_self_improving_measures_verdicts_against_the_other_answers():
    found = Recipe("self-rewarding-self-improving")
    players = {
        "proposer": "<question>What is 2 + 2?</question>",
        "solver": "<answer>4</answer>",
        "judge": ["right", "right", "right", "wrong"],
    }
    told = {x.who: x.gradient for x in found.lessons(found.play(players))}
    assert [told[f"solver_{i}"] for i in range(4)] == pytest.approx([1 / 3, 1 / 3, 1 / 3, -1])
    assert found.config.judge == "self"


def test_meta_rewarding_prefers_answers_by_their_judges_and_verdicts_by_the_meta_judge():
    found = Recipe("meta-rewarding", attempts=2, level=2)
    game = found.play(
        {
            "solver_0": "1",
            "solver_1": "2",
            "judge_0": "right",
            "judge_1": "right",
            "judge_2": "right",
            "judge_3": "wrong",
            "meta_1": "wrong",
        }
    )
    assert dict(game.payoff) == {
        "solver_0": 1,
        "solver_1": 0.5,
        "judge_0": 0.5,
        "judge_1": 0.5,
        "judge_2": 0,
        "judge_3": 1,
    }
    assert found.pairs(game) == [("solver", 1, 0.5), ("judge", 1, 0)]


def test_mind_the_gap_trains_the_verdict_alone_and_then_both():
    first, then = (Recipe("mind-the-gap", phase=phase) for phase in (0, 1))
    (chosen,) = first.play({"solver": ["0", "right"]}).chances
    key = int(problems(2, "train")[chosen].key)
    wrong = str((key + 1) % 8)
    games = [["right", str(key)], ["right", wrong], ["wrong", wrong]]
    played = [first.play({"solver": [said, verdict]}) for verdict, said in games]
    assert [(x.turn, round(x.gradient, 6)) for x in first.lessons(*played)] == [
        (2, RIGHT[0]),
        (2, WRONG[0]),
        (2, RIGHT[0]),
    ]
    assert [x.turn for x in then.lessons(*played)] == [1, 2] * 3
    assert first.config.exams[0].game == find("sums-check-v0").id


def test_multiagent_finetuning_gives_each_debater_its_own_words_that_won_the_vote():
    found = Recipe("multiagent-finetuning", phase=1, level=2)
    game = found.play(
        {
            "generator_0": "1",
            "generator_1": "2",
            "generator_2": "3",
            "critic_0": "1",
            "critic_1": "1",
            "critic_2": "3",
        }
    )
    told = [(x.who, x.imitate) for x in found.lessons(game)]
    assert told == [("generator_0", 1), ("critic_0", 1), ("critic_1", 1)]
    learners = {game.seats[seat].name for seat in game.seats}
    assert learners == {"learner", "generator-1", "generator-2", "critic-0", "critic-1", "critic-2"}
