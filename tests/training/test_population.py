"""A population: members in turns, the better copied, all of it the same after a kill."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.arenas.league import league_of
from sparring.arenas.store.reading import Archive
from sparring.cli import main
from sparring.envs.registry import find
from sparring.training.config import Config, ConfigError
from sparring.training.lineage import FILE, Born, LineageError, lineage, write
from sparring.training.phases import situated, stages
from sparring.training.population import _copies, _explored, ended, score, told
from sparring.training.recipes import configured
from sparring.training.run import resume, train
from sparring.training.settings import merge, read, to_toml

SMALL = {
    "threads": 1,
    "rounds": 3,
    "rollout": {"games": 8, "max_tokens": 8},
    "record": {"evaluate_every": 0, "checkpoint_every": 1, "tensorboard": False},
}
THREE = {"size": 3, "steps": 1, "by": "payoff/first", "explore": ["update.lr"]}


def small(out: Path, population=THREE, **changes) -> Config:
    return merge(Config(), {**SMALL, "population": population, "out": str(out), **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Three members in three rounds of a step each."""
    return train(small(tmp_path_factory.mktemp("runs") / "whole"), quiet=True)


def weights(folder: Path, step: int) -> bytes:
    return (folder / f"checkpoints/step-{step}/model.safetensors").read_bytes()


def curve(folder: Path):
    timed = ("seconds/", "games_per_second")
    return [
        {k: v for k, v in r.items() if not k.startswith(timed)} for r in RunFolder(folder).records()
    ]


def test_members_stand_by_what_was_recorded_with_its_sign_also_where_less_is_better(whole):
    last = {r["member"]: r["payoff/first"] for r in RunFolder(whole.folder).records() if r["step"]}
    assert min(last.values()) < 0, "a sign that is lost would show"
    for by, most in (("payoff/first", max), ("-payoff/first", min)):
        said = ended(small(whole.folder, {**THREE, "by": by}), whole.folder)
        for name, value in last.items():
            assert f"{name} {value:.4g}" in said
        assert said.startswith(f"by {by}: {most(last, key=last.__getitem__)} ")


def test_members_take_turns_and_every_record_names_whose_it_is(whole):
    records = [record for record in RunFolder(whole.folder).records() if record["step"]]
    assert [record["step"] for record in records] == list(range(1, 10))
    assert [record["member"] for record in records] == ["m1", "m2", "m3"] * 3


def test_the_worst_copies_the_best_and_explores_what_it_copied(whole):
    found = lineage(whole.folder)
    assert [(each.round, each.member) for each in found] == [
        (number, name) for number in range(3) for name in ("m1", "m2", "m3")
    ]
    assert found[0].set == {"update.lr": 5e-4}, "the first has the run's own settings"
    for number in (1, 2):
        before = {each.member: each for each in found if each.round == number - 1}
        now = {each.member: each for each in found if each.round == number}
        order = sorted(now.values(), key=lambda each: -(each.score or 0))
        assert [each.copied for each in order] == [False, False, True]
        best, worst = order[0], order[-1]
        assert (worst.parent, worst.begins) == (best.member, best.begins)
        factor = worst.set["update.lr"] / before[best.member].set["update.lr"]
        assert factor in (pytest.approx(0.8), pytest.approx(1.2))


def test_a_member_begins_from_its_own_weights_and_who_copies_from_anothers(whole):
    run = read(RunFolder(whole.folder).config)
    for stage in stages(run)[3:]:
        born = [each for each in lineage(whole.folder) if each.round == stage.index // 3]
        mine = born[stage.index % 3]
        config = situated(stage, run, None, whole.folder)  # pyright: ignore[reportArgumentType]
        assert config.model == str(RunFolder(whole.folder).checkpoint(mine.begins))
        assert config.update.lr == mine.set["update.lr"]


@pytest.mark.slow
def test_a_population_that_is_killed_resumes_to_the_same_curve(whole, tmp_path):
    out = tmp_path / "killed"
    (tmp_path / "run.toml").write_text(to_toml(small(out)))
    code = f"""
import os, signal
from sparring.training.loop import Loop
from sparring.training.run import train
from sparring.training.settings import read
record = Loop._record
def dies(self, record_, **given):
    record(self, record_, **given)
    if record_["step"] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
Loop._record = dies
train(read({str(tmp_path / "run.toml")!r}), quiet=True)
"""
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ, check=False)
    assert ended.returncode == -signal.SIGKILL
    resume(out, quiet=True)
    assert curve(out) == curve(whole.folder)
    assert weights(out, 9) == weights(whole.folder, 9)
    assert (out / FILE).read_text() == (whole.folder / FILE).read_text()


def test_resuming_before_a_round_decides_it_again_to_the_same(whole):
    before, told_before = (whole.folder / FILE).read_text(), weights(whole.folder, 9)
    resume(f"{whole.folder}@5", quiet=True)
    assert (whole.folder / FILE).read_text() == before
    assert weights(whole.folder, 9) == told_before


def test_the_end_says_who_is_best_and_where_it_lies(whole, capsys):
    resume(f"{whole.folder}@8")
    said = " ".join(capsys.readouterr().out.split())
    best = max(
        ("m1", "m2", "m3"), key=lambda name: score(small(whole.folder), whole.folder, name, 2)
    )
    end = 6 + int(best[1])
    assert f"by payoff/first: {best}" in said
    assert f"the best is {whole.folder}@{end}" in said


def test_a_round_is_told_in_a_line_for_each_copy():
    before = [Born(0, n, 0, 0, n, None, {"update.lr": 1e-3}) for n in ("a", "b")]
    now = [
        Born(1, "a", 4, 2, "a", 0.5, {"update.lr": 1e-3}),
        Born(1, "b", 4, 2, "a", 0.25, {"update.lr": 8e-4}),
    ]
    assert told(before, now) == ["round 2: b (0.25) copies a (0.5); update.lr 0.001 → 0.0008"]


def test_in_binary_each_meets_another_and_copies_it_if_it_is_better(tmp_path):
    config = small(tmp_path, {**THREE, "exploit": "binary"})
    scores = {"m1": 1.0, "m2": 2.0, "m3": 3.0}
    for number in range(1, 20):
        for name, parent in _copies(config, number, scores, lambda *_: False).items():
            assert scores[parent] > scores[name]
    gated = small(tmp_path, {**THREE, "exploit": "binary", "by": "gate"})
    assert len(_copies(gated, 1, {}, lambda *_: True)) == 3
    assert not _copies(gated, 1, {}, lambda *_: False)


@pytest.mark.slow
def test_whoever_loses_the_games_of_a_gate_copies_the_winner(tmp_path):
    # at such a rate one step makes a model that says nothing legal
    members = [{"name": "sane"}, {"name": "mad", "set": {"update.lr": 0.3}}]
    population = {"members": members, "steps": 1, "exploit": "binary", "by": "gate"}
    done = train(small(tmp_path / "gated", population, rounds=2), quiet=True)
    second = {born.member: born.parent for born in lineage(done.folder) if born.round == 1}
    assert second == {"sane": "sane", "mad": "sane"}
    with Archive(RunFolder(done.folder).store) as archive:
        assert len(archive.rows(find("kuhn-poker-v0"), "gate")) >= 10


def test_what_is_explored_stays_within_its_bounds_and_integers_stay_whole(tmp_path):
    config = small(tmp_path)
    for number in range(9):
        found = _explored(config, {"update.lr": 1.0, "rollout.games": 8}, "m2", number)
        assert found["update.lr"] in (0.8, 1.0)
        assert found["rollout.games"] in (6, 10)


def test_a_metric_that_nobody_records_is_told_after_the_first_phase(tmp_path):
    with pytest.raises(LineageError, match="no record of m1 in round 1 has it; records have"):
        train(small(tmp_path / "r", {**THREE, "by": "payoff/frist"}), quiet=True)


def test_a_damaged_lineage_is_named_with_its_line(tmp_path):
    write(tmp_path, [Born(0, "m1", 0, 0, "m1")])
    with (tmp_path / FILE).open("a") as file:
        file.write(json.dumps({"round": 1}) + "\n")
    with pytest.raises(LineageError, match="line 2, is corrupt"):
        lineage(tmp_path)


NAMED = [{"name": "a"}, {"name": "b"}]


@pytest.mark.parametrize(
    ("population", "told"),
    [
        ({"size": 1}, "two members or more; it has 1"),
        ({**THREE, "members": NAMED}, "leave one of them out"),
        ({"size": 3}, "population.by does not say by what"),
        ({**THREE, "by": "gate"}, "use exploit = binary"),
        ({**THREE, "by": "exam/x/pass_at_1"}, "needs an exam"),
        ({**THREE, "explore": ["credits.lr"]}, "did you mean update.lr"),
        ({**THREE, "explore": ["model"]}, "explores numbers"),
        ({**THREE, "explore": ["update.warmup"]}, "which is 0"),
        ({**THREE, "explore": ["seed"]}, "whole run's"),
        ({**THREE, "exploit": "none"}, "copies nothing"),
        ({**THREE, "share": 0.9}, "from 0.001 to 0.5"),
        ({**THREE, "steps": 0}, "from 1 to"),
        ({**THREE, "exploit": "best"}, "must be one of none, truncation, binary"),
        ({"members": [{"name": "a"}, {"name": "a"}], "by": "payoff/first"}, "two members"),
        ({"members": [{"name": "a"}, {"name": "self"}], "by": "payoff/first"}, "another name"),
        ({"members": [{"name": "a"}, {"name": "b c"}], "by": "payoff/first"}, "letters, digits"),
        (
            {"members": [{"name": "a"}, {"name": "b", "start": "a"}], "by": "payoff/first"},
            "last or base",
        ),
        (
            {"members": [*NAMED, {"name": "c", "kind": "main_exploiter"}], "by": "payoff/first"},
            "league",
        ),
        ({"members": [{"name": "a", "kind": "main_exploiter"}] * 2}, "two members"),
        (
            {"members": [*NAMED, {"name": "c", "set": {"update.lrr": 1}}], "by": "payoff/first"},
            r"population.members\[3\].set: .*did you mean update.lr",
        ),
        (
            {"members": [*NAMED, {"name": "c", "set": {"steps": 1}}], "by": "payoff/first"},
            "whole run's",
        ),
    ],
)
def test_a_population_that_cannot_be_trained_is_refused_in_one_line(population, told, tmp_path):
    with pytest.raises(ConfigError, match=told) as refusal:
        small(tmp_path, population)
    assert "\n" not in str(refusal.value)


def test_a_population_has_neither_phases_nor_a_cast(tmp_path):
    with pytest.raises(ConfigError, match="leave out phases"):
        small(tmp_path, phases=[{"steps": 2}])
    with pytest.raises(ConfigError, match="leave out the cast"):
        small(tmp_path, cast={"second": "x"}, sharing={"mode": "models"})
    with pytest.raises(ConfigError, match="needs exact evaluation"):
        small(tmp_path, {**THREE, "by": "-nashconv"})


def test_the_command_refuses_a_bad_population_with_exit_code_two(tmp_path, capsys):
    settings = ["--set", "population.size=1", "--out", str(tmp_path / "r")]
    assert main(["train", "spiral", *settings]) == 2
    assert "two members or more" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_population_is_read_back_as_it_was_written(tmp_path):
    members = [{"name": "a", "set": {"update.lr": 1e-3}}, {"name": "b", "start": "base"}]
    config = small(tmp_path, {"members": members, "by": "payoff/first", "steps": 2})
    (tmp_path / "run.toml").write_text(to_toml(config))
    assert read(tmp_path / "run.toml") == config


@pytest.mark.slow
def test_exploiters_meet_the_main_learner_as_it_is_and_it_meets_them_from_then_on(tmp_path):
    members = [
        {"name": "main"},
        {"name": "exploiter", "kind": "main_exploiter", "start": "base"},
        {"name": "league", "kind": "league_exploiter"},
    ]
    league = {"mode": "league", "self_play": 0.0, "past": 1.0, "verification": 0.0}
    run = tmp_path / "r"
    population = {"members": members, "exploit": "none", "steps": 1}
    train(small(run, population, rounds=2, opponents=league), quiet=True)

    with Archive(run / "store.sqlite") as archive:
        game = find("kuhn-poker-v0")
        kept = league_of(archive, game)
        assert list(kept.learners.values()) == ["main", "main_exploiter", "league_exploiter"]
        assert [step for _, step in kept.pool.values()] == [1, 2, 3, 4, 5]
        main = f"learner/{run.name}/main"
        met = {place.entrant for row in archive.rows(game, "league") for place in row.places}
        learners = {
            learner: {
                place.entrant
                for row in archive.rows(game, "league")
                if row.pair.startswith(f"{learner}/")
                for place in row.places
            }
            for learner in kept.learners
        }
        exploiting = {id for id, (of, _) in kept.pool.items() if of != main}
    assert main in met
    assert learners[f"learner/{run.name}/exploiter"] >= {main}
    assert learners[main] & exploiting, "in the second round the main learner meets exploiters"
    assert [each.begins for each in lineage(run) if each.member == "exploiter"] == [0, 0]


PAGE = (Path(__file__).parents[2] / "docs/training.md").read_text()
FILES = dict(re.findall(r"```toml\n# (pbt|exploiters)\.toml\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize("name", ["pbt", "exploiters"])
def test_the_files_of_the_docs_are_read_and_have_their_stages(name, tmp_path):
    (tmp_path / "run.toml").write_text(FILES[name])
    found = stages(configured("spiral", tmp_path / "run.toml"))
    assert len(found) == {"pbt": 12, "exploiters": 6}[name]
    assert {stage.place.member for stage in found} >= {"m4" if name == "pbt" else "exploiter"}


@pytest.mark.slow
def test_the_population_of_the_docs_trains_and_copies_by_its_exam(tmp_path):
    (tmp_path / "run.toml").write_text(FILES["pbt"])
    short = ["rounds=2", "population.steps=1", "population.size=2", "record.tensorboard=false"]
    config = configured("spiral", tmp_path / "run.toml", short, {"out": str(tmp_path / "r")})
    train(config, quiet=True)
    scores = {each.member: each.score for each in lineage(tmp_path / "r") if each.round == 1}
    assert set(scores) == {"m1", "m2"}
    assert all(score is not None and 0 <= score <= 1 for score in scores.values())
