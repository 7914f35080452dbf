"""Alarms are raised once per fault, and the task buffer depends on no timing."""

from dataclasses import replace
from typing import Any

import pytest
from sparring.agents.models.load import load_model
from sparring.envs.registry import find
from sparring.envs.script import Recall
from sparring.envs.types import Ending, Episode, GameRef, Verdict
from sparring.training.config import Watch
from sparring.training.players.tasks import Tasks
from sparring.training.watch.evaluate import evaluate, exact_tree
from sparring.training.watch.measure import notes, proposals, verdicts
from sparring.training.watch.monitors import Watcher


def test_a_broken_rule_alarms_once_until_it_holds_again():
    watcher = Watcher(Watch(invalid_rate=0.2))
    rates = [0.1, 0.3, 0.4, 0.1, 0.3]
    raised = [watcher.look({"step": i, "invalid_rate/first": rate}) for i, rate in enumerate(rates)]
    assert [len(alarms) for alarms in raised] == [0, 1, 0, 0, 1]
    assert raised[1][0].text == "30.0% of first's replies were refused (limit 0.2)"


def test_a_nashconv_that_rises_after_its_best_alarms():
    watcher = Watcher(Watch(collapse=0.3))
    raised = [
        watcher.look({"step": i, "nashconv": x}) for i, x in enumerate([0.9, 0.02, 0.2, 0.47])
    ]
    assert [len(alarms) for alarms in raised] == [0, 0, 0, 1]
    assert "after a best of 0.020" in raised[3][0].text


def test_legal_mass_and_sampler_gap_are_watched():
    watcher = Watcher(Watch())
    names = {a.name for a in watcher.look({"step": 1, "legal_mass": 0.3, "sampler_gap": 0.2})}
    assert names == {"legal_mass", "sampler_gap"}


def test_attempts_of_hostile_code_are_counted_and_watched():
    seen = (
        Verdict("ok"),
        Verdict("forbidden", forbidden=1),
        Verdict("ok"),
        Verdict("invalid", forbidden=1),
    )
    numbers = verdicts([replace(episode(None), verdicts=seen), episode(None)])
    assert numbers == {
        "verdicts/forbidden": 1,
        "verdicts/invalid": 1,
        "verdicts/ok": 2,
        "forbidden_rate": 0.5,
    }
    assert [alarm.name for alarm in Watcher(Watch()).look({"step": 1, **numbers})] == [
        "forbidden_rate"
    ]
    assert verdicts([episode(None)]) == {}


def test_a_proxy_that_leaves_its_gold_behind_alarms():
    """Noise about a level is none; a rise is, and only games that note both are compared."""
    watcher = Watcher(Watch(gold_gap=0.3))
    steady = [{"step": i, "gold_gap": 0.4 + 0.2 * (-1) ** i} for i in range(60)]
    gamed = [{"step": 60 + i, "gold_gap": 0.4 + 0.03 * i} for i in range(30)]
    assert not any(watcher.look(record) for record in steady)
    first, second = (
        Watcher(Watch(gold_gap=0.3)),
        [a for record in gamed for a in watcher.look(record)],
    )
    assert [alarm.name for alarm in second] == ["gold_gap"]
    first.restore(watcher.state())
    assert first.look({"step": 99, "gold_gap": 1.0}) == [], "it was raised before the resume"

    both = replace(episode(None), notes=(("proxy", True), ("gold", 0.25)))
    alone = replace(episode(None), notes=(("proxy", 1.0),))
    assert notes([both, alone]) == {"notes/proxy": 1.0, "notes/gold": 0.25, "gold_gap": 0.75}


def test_proposals_that_are_all_alike_alarm_and_gates_are_counted():
    alike = [episode("x + 1"), episode("x + 2")] * 8
    said = [
        replace(each, notes=(("gate", "no" if i % 2 else "admitted"),))
        for i, each in enumerate(alike)
    ]
    numbers = proposals(said)
    assert numbers == {"gate/admitted": 0.5, "gate/no": 0.5, "distinct/code": 2 / 16}
    assert [alarm.text for alarm in Watcher(Watch()).look({"step": 1, **numbers})] == [
        "12.5% of the code proposals are distinct (limit 0.2)"
    ]
    assert "distinct/code" not in proposals(alike[:7])


def test_roles_whose_payoffs_lie_apart_alarm_where_asked():
    record = {"step": 1, "payoff/attacker": 0.9, "payoff/defender": -0.9}
    assert Watcher(Watch()).look(record) == []
    assert [alarm.name for alarm in Watcher(Watch(asymmetry=1.5)).look(record)] == ["asymmetry"]


def test_a_watcher_remembers_over_a_resume():
    first, second = Watcher(Watch()), Watcher(Watch())
    first.look({"step": 1, "nashconv": 0.1, "legal_mass": 0.1})
    second.restore(first.state())
    assert second.look({"step": 2, "legal_mass": 0.1}) == []
    assert len(second.look({"step": 3, "nashconv": 0.9})) == 1


def episode(item: object) -> Episode:
    return replace(
        Episode(GameRef("g-v0"), 0, 0, {}, (), {}, Ending("outcome")), kept=(("code", item),)
    )


def test_tasks_start_from_the_games_seeds_and_drop_the_oldest():
    tasks = Tasks(seed=1, most=3)
    tasks.begin(0)
    assert tasks(Recall("code", 5, ("identity",))) == ["identity"]
    tasks.add(episode({"n": i}) for i in range(5))
    tasks.begin(1)
    drawn: Any = tasks(Recall("code", 9, ("identity",)))
    assert sorted(item["n"] for item in drawn) == [2, 3, 4]
    assert len(tasks) == 3


def test_tasks_draw_alike_after_a_resume():
    tasks, other = Tasks(1), Tasks(1)
    tasks.add(episode((i, b"x", 1.5)) for i in range(20))
    other.restore(tasks.state())
    for each in (tasks, other):
        each.begin(7)
    assert tasks(Recall("code", 3, ())) == other(Recall("code", 3, ()))


def test_the_warm_started_model_plays_near_uniformly_and_loses_to_nash():
    game = find("kuhn-poker-v0")
    tree = exact_tree(game)
    assert tree
    found = evaluate(tree, load_model("tiny", game))
    assert found.nash_conv == pytest.approx(11 / 12, abs=0.05)
    assert found.legal_mass > 0.99
    assert found.versus_nash < 0


def test_games_that_cannot_be_walked_are_not_evaluated():
    assert exact_tree(find("code-deduction-v0")) is None


def test_a_model_that_thinks_is_evaluated_with_an_interval_beside_one_that_does_not():
    game = find("kuhn-poker-v0")
    tree = exact_tree(game)
    assert tree
    plain, thinker = load_model("tiny", game), load_model("tiny?think=asked&thought_tokens=2", game)
    found = evaluate(tree, lambda role: thinker if role == "first" else plain, 8)
    assert found.bounds
    assert found.bounds.low <= found.nash_conv <= found.bounds.high
    assert evaluate(tree, plain).bounds is None


def test_a_rise_that_the_interval_of_an_estimate_leaves_open_is_no_collapse():
    watcher = Watcher(Watch(collapse=0.3))
    watcher.look({"step": 1, "nashconv": 0.1})
    assert not watcher.look({"step": 2, "nashconv": 0.6, "nashconv_low": 0.3})
    assert watcher.look({"step": 3, "nashconv": 0.6, "nashconv_low": 0.5})
