"""The stock: what is written comes back whole, by role, age and verdict, or says what is wrong with it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.envs.types import Ending, Episode, GameRef, Message, PolicyRef, Reply, Turn
from sparring.training.checkpoints import CheckpointError
from sparring.training.config import Config
from sparring.training.data.advantage import ALONE, Centre, Credited
from sparring.training.data.objectives import Judged
from sparring.training.data.stock import Stock, StockError, read, steps, stored
from sparring.training.recipes import configured
from sparring.training.run import resume, train
from sparring.training.settings import override

from ..conftest import attempt, sample


def kept(step, count=4, role="first"):
    """Samples of a step, every second one right, with the game that they were played in."""
    made, episodes = [], {}
    for index in range(count):
        number = 10 * step + index
        one = sample([2, 3, 4, 9, 5 + index], (1, 2), (4, 5), logprob=-0.1 / 3)
        of = attempt(number, role=role, seat=role, version=step, payoff=float(index % 2))
        centres = (Centre(0.1), Centre(0.0, ALONE))
        made.append(
            Judged(Credited(one._replace(attempt=of), centres, (0.9, 0.0)), bool(index % 2), 0.5)
        )
        views = [(Message("game", "a"),), tuple(Message("game", text) for text in "abc")]
        turns = tuple(Turn(role, role, view, Reply(f"said {len(view)}")) for view in views)
        ref = PolicyRef("learner", "x")
        episodes[number] = Episode(
            GameRef("g-v0"), number, 0, {role: ref}, turns, {role: 0.0}, Ending("outcome")
        )
    return made, episodes


def opened(folder: Path, *settings: str, **named) -> Stock:
    return Stock(folder, override(Config(), ["stock.keep=true", *settings]), **named)


def filled(folder: Path, *settings: str, count=3) -> Stock:
    stock = opened(folder, *settings)
    for step in range(count):
        stock.write(step, *kept(step))
    return stock


def test_what_was_written_comes_back_as_it_was(tmp_path):
    filled(tmp_path)
    again = opened(tmp_path, "stock.age=5")
    assert again.given(3) == [each for step in range(3) for each in kept(step)[0]]
    (first, *_) = stored(tmp_path)
    assert [(said.view, said.reply) for said in first.said] == [
        ((Message("game", "a"),), "said 1"),
        (tuple(Message("game", text) for text in "abc"), "said 3"),
    ]


@pytest.mark.parametrize(
    ("settings", "at", "found"),
    [
        (["stock.age=1"], 3, {2: 4}),
        (["stock.age=2"], 2, {0: 4, 1: 4}),
        (["stock.age=9", "stock.verdict=right"], 3, {0: 2, 1: 2, 2: 2}),
        (["stock.age=1", "stock.verdict=wrong"], 3, {2: 2}),
        (["stock.age=1", "stock.roles=second"], 3, {}),
        ([], 3, {}),
    ],
)
def test_samples_come_back_by_age_role_and_verdict(tmp_path, settings, at, found):
    counts: dict[int, int] = {}
    for each in filled(tmp_path, *settings).given(at):
        counts[each.attempt.version] = counts.get(each.attempt.version, 0) + 1
    assert counts == found


def test_some_are_drawn_by_the_step_alone(tmp_path):
    settings = ("stock.age=3", "stock.count=5")
    first = filled(tmp_path, *settings).given(3)
    assert len(first) == 5
    assert opened(tmp_path, *settings).given(3) == first, "read from disk"
    assert opened(tmp_path, *settings).given(4) != first


def test_steps_beyond_a_checkpoint_are_played_again(tmp_path):
    filled(tmp_path)
    opened(tmp_path, after=1)
    assert steps(RunFolder(tmp_path).stock) == [0]


def test_another_runs_newest_steps_are_given_at_any_step(tmp_path):
    (tmp_path / "other").mkdir()
    filled(tmp_path / "other")
    stock = opened(tmp_path / "own", f"stock.source={tmp_path / 'other'}", "stock.age=2")
    found = stock.given(0)
    assert {each.attempt.episode // 10 for each in found} == {1, 2}
    assert {each.attempt.version for each in found} == {-2, -1}, "of before any step of this run"


def test_a_phase_is_given_what_the_phases_before_it_kept(tmp_path):
    """Its steps count from 0, the files and what an interrupted run wrote too much by the run's."""
    filled(tmp_path, count=2)
    phase = opened(tmp_path, "stock.age=9", offset=2, after=2)
    phase.write(0, *kept(0))
    assert steps(RunFolder(tmp_path).stock) == [0, 1, 2]
    assert [each.attempt.version for each in phase.given(1)][::4] == [-2, -1, 0]
    again = opened(tmp_path, "stock.age=9", offset=2, after=3)
    assert again.given(1) == phase.given(1)


def test_a_source_without_stock_is_refused(tmp_path):
    with pytest.raises(StockError, match=r"stock.source = .*nowhere has no stock"):
        opened(tmp_path, "stock.source=nowhere", "stock.age=2")
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(
        StockError, match=r"has no stock in .*; train it with --set stock.keep=true"
    ):
        next(stored(tmp_path))


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "is no run: it has no config.toml"), ("gone", "there is no run .*gone'")],
)
def test_a_stock_is_asked_of_a_run(tmp_path, name, said):
    with pytest.raises(StockError, match=said):
        next(stored(tmp_path / name))


def test_a_kill_while_writing_leaves_no_step_that_is_read(tmp_path, monkeypatch):
    stock = filled(tmp_path, "stock.age=9")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(CheckpointError, match="stock: No space left"):
        stock.write(3, *kept(3))
    assert steps(RunFolder(tmp_path).stock) == [0, 1, 2]
    assert len(opened(tmp_path, "stock.age=9").given(4)) == 12


def cut(text):
    return text[:-20]


def shortened(text):
    return "".join(text.splitlines(keepends=True)[:-1])


def changed(text):
    return text.replace('"right": true', '"right": false', 1)


def emptied(text):
    return ""


def misfitting(text):
    return text.replace('"tokens": [2, 3,', '"tokens": [2,', 1)


def infinite(text):
    return text.replace('"advantages": [0.9,', '"advantages": [Infinity,', 1)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut, "step-1.jsonl, line 5, is corrupt"),
        (shortened, r"step-1.jsonl is corrupt \(3 of 4 samples are there\)"),
        (changed, r"step-1.jsonl is corrupt \(its samples were changed\)"),
        (emptied, "step-1.jsonl, line 1, is corrupt"),
        (misfitting, "step-1.jsonl, line 2, is corrupt .4 tokens, 5 log-probabilities"),
        (infinite, "line 2, is corrupt .it has a number that is not finite"),
    ],
)
def test_a_corrupt_stock_is_one_line_with_its_place(tmp_path, spoil, said):
    filled(tmp_path)
    path = RunFolder(tmp_path).stock / "step-1.jsonl"
    path.write_text(spoil(path.read_text()))
    with pytest.raises(StockError, match=f"{said}.*; remove it to go on") as fault:
        read(path)
    assert "\n" not in str(fault.value)


def test_json_has_no_infinities(tmp_path):
    filled(tmp_path)
    text = (RunFolder(tmp_path).stock / "step-0.jsonl").read_text()
    assert "Infinity" not in text
    assert json.loads(text.splitlines()[1])["learner"] == "learner"


def test_a_resumed_run_with_a_stock_has_the_curve_of_one_that_never_stopped(tmp_path):
    """The first is stopped after step 2 and has played on; its stock then holds a step too many."""
    settings = ["rollout.games=8", "steps=4", "record.checkpoint_every=2", "record.metrics_every=1"]
    settings += ["record.evaluate_every=0", "record.tensorboard=false", "threads=1"]
    settings += ["stock.keep=true", "stock.age=2", "stock.count=6", "objective.kind=topr"]

    def run(name):
        return train(
            configured("spiral", None, settings, {"out": str(tmp_path / name)}), quiet=True
        )

    whole, broken = run("whole"), run("broken")
    for folder in (broken.folder,):
        (folder / "checkpoints/step-4").rename(tmp_path / "gone")
        spoiled = RunFolder(folder).stock / "step-3.jsonl"
        spoiled.write_text("not read again")
    resume(broken.folder, quiet=True)

    def curve(folder):
        clock = ("seconds/", "games_per_second")
        records = RunFolder(folder).records()
        return [{k: v for k, v in r.items() if not k.startswith(clock)} for r in records]

    assert curve(broken.folder) == curve(whole.folder)
    assert curve(whole.folder)[-1]["stored"] == 6
    files = [RunFolder(run.folder).stock / "step-3.jsonl" for run in (whole, broken)]
    assert files[0].read_text() == files[1].read_text()


def test_a_verdict_is_kept_and_not_made_anew(tmp_path):
    """The rate is that of the whole step, also where only the right ones come back."""
    stock = opened(tmp_path, "stock.age=1", "stock.verdict=right")
    samples, episodes = kept(0)
    stock.write(0, [each._replace(rate=0.25) for each in samples], episodes)
    assert {each.rate for each in stock.given(1)} == {0.25}


def test_nothing_is_written_unless_it_is_kept(tmp_path):
    config = replace(Config(), stock=replace(Config().stock, keep=False))
    Stock(tmp_path, config).write(0, *kept(0))
    assert list(tmp_path.iterdir()) == []
