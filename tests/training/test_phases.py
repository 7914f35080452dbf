"""Phases: each is a run of its own, all are one run, and a kill between any two steps changes nothing."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.agents.models.weights import find_model
from sparring.agents.run_folder import RunFolder
from sparring.training.config import Config, ConfigError, played
from sparring.training.phases import length, situated, stages
from sparring.training.run import RunError, resume, train
from sparring.training.selfplay import SelfPlay
from sparring.training.settings import merge, read, to_toml

SMALL = {
    "threads": 1,
    "rollout": {"games": 8, "max_tokens": 8},
    "update": {"kl": 0.5, "magnet_every": 2, "average": 0.9},
    "record": {"metrics_every": 1, "checkpoint_every": 2, "tensorboard": False},
}
TWO = [{"steps": 3}, {"steps": 4, "set": {"update.lr": 2e-3, "update.kl": 0.0}}]


def small(out: Path, phases=TWO, **changes) -> Config:
    return merge(Config(), {**SMALL, "phases": phases, "out": str(out), **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of two phases, three steps and four."""
    return train(small(tmp_path_factory.mktemp("runs") / "whole"), quiet=True)


def weights(folder: Path, step: int, name: str = "model.safetensors") -> bytes:
    return (folder / f"checkpoints/step-{step}" / name).read_bytes()


def curve(folder: Path):
    timed = ("seconds/", "games_per_second")
    return [
        {k: v for k, v in r.items() if not k.startswith(timed)} for r in RunFolder(folder).records()
    ]


def test_a_phase_equals_a_run_by_hand_from_the_checkpoint_before_it(whole, tmp_path):
    second = stages(small(tmp_path))[1]
    assert second.config.seed != 0
    by_hand = merge(
        second.config,
        {"model": str(whole.folder / "checkpoints/step-3"), "out": str(tmp_path / "hand")},
    )
    done = train(by_hand, quiet=True)
    for ours, theirs in ((5, 2), (7, 4)):
        assert weights(whole.folder, ours) == weights(done.folder, theirs)
        average = "state/average.safetensors"
        assert weights(whole.folder, ours, average) == weights(done.folder, theirs, average)


def test_the_first_phase_is_the_run_that_it_would_be_alone(whole, tmp_path):
    alone = merge(Config(), {**SMALL, "steps": 3, "out": str(tmp_path / "alone")})
    assert weights(train(alone, quiet=True).folder, 3) == weights(whole.folder, 3)


def test_steps_go_on_over_the_phases_and_each_record_names_its_phase(whole):
    records = RunFolder(whole.folder).records()
    assert [r["step"] for r in records] == [1, 2, 3, 4, 5, 6, 7]
    assert [r["phase"] for r in records] == [1, 1, 1, 2, 2, 2, 2]
    assert [r["games"] for r in records] == [8 * step for step in range(1, 8)]
    assert RunFolder(whole.folder).steps == [2, 3, 5, 7]
    assert whole.step == 7
    # each phase has a schedule of its own
    assert records[3]["lr"] > records[2]["lr"]


def killed_at(config: Config, calls: int) -> None:
    """Train in a process of its own that is killed by signal 9 at so many batches."""
    file = Path(config.out).with_suffix(".toml")
    file.write_text(to_toml(config))
    program = (
        "import os, signal, sys\n"
        "from sparring.training.selfplay import SelfPlay\n"
        "from sparring.training.run import train\n"
        "from sparring.training.settings import read\n"
        "batch, calls = SelfPlay.batch, 0\n"
        "def mortal(self, number):\n"
        "    global calls\n"
        "    calls += 1\n"
        f"    if calls == {calls}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return batch(self, number)\n"
        "SelfPlay.batch = mortal\n"
        f"train(read({str(file)!r}), quiet=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("calls", "saved"), [(5, [2, 3]), (7, [2, 3, 5])])
def test_a_run_killed_in_its_second_phase_resumes_to_the_same_curve_and_weights(
    whole, tmp_path, calls, saved
):
    killed_at(small(tmp_path / "r"), calls)
    assert RunFolder(tmp_path / "r").steps == saved
    resume(tmp_path / "r", quiet=True)
    assert curve(tmp_path / "r") == curve(whole.folder)
    assert weights(tmp_path / "r", 7) == weights(whole.folder, 7)


def test_resuming_at_the_end_of_a_phase_begins_the_next(whole, tmp_path):
    shutil.copytree(whole.folder, tmp_path / "r")
    for step in (5, 7):
        shutil.rmtree(tmp_path / f"r/checkpoints/step-{step}")
    resume(tmp_path / "r", quiet=True)
    assert curve(tmp_path / "r") == curve(whole.folder)
    assert weights(tmp_path / "r", 7) == weights(whole.folder, 7)


def test_a_run_of_phases_that_is_done_cannot_be_made_longer(whole):
    with pytest.raises(RunError, match=r"is at step 7, and that is all of its steps$"):
        resume(whole.folder)
    with pytest.raises(RunError, match="has phases, each with steps of its own; leave out --steps"):
        resume(whole.folder, steps=9)


def test_ctrl_c_in_a_phase_ends_the_run(tmp_path, monkeypatch):
    play = SelfPlay.batch

    def interrupted(self, number):
        if self.config.update.lr == 2e-3 and number == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return play(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(SelfPlay, "batch", interrupted)
        phases = [*TWO, {"steps": 1}]
        done = train(small(tmp_path / "r", phases), quiet=True)
    assert (done.interrupted, done.step) == (True, 4)
    assert resume(done.folder, quiet=True).step == 8


def test_an_alarm_that_stops_ends_the_phases_that_are_left(tmp_path):
    stop = {"watch.action": "stop", "watch.legal_mass": 1.0, "record.evaluate_every": 1}
    phases = [{"steps": 1}, {"steps": 3, "set": stop}, {"steps": 3}]
    done = train(small(tmp_path / "r", phases), quiet=True)
    assert (done.stopped, done.step) == (True, 2)


def test_a_rollback_in_a_phase_goes_back_inside_the_run(tmp_path):
    back = {
        "watch.action": "rollback",
        "watch.rollbacks": 1,
        "watch.legal_mass": 1.0,
        "record.evaluate_every": 1,
    }
    done = train(small(tmp_path / "r", [{"steps": 2}, {"steps": 2, "set": back}]), quiet=True)
    assert done.broken
    assert done.step == 3
    # once back to the end of the first phase, with other games
    assert read(RunFolder(done.folder).config).rollbacks == 1


def test_rounds_repeat_the_phases_with_other_seeds(tmp_path):
    config = small(tmp_path, rounds=3)
    found = stages(config)
    assert [(stage.offset, stage.end) for stage in found] == [
        (0, 3),
        (3, 7),
        (7, 10),
        (10, 14),
        (14, 17),
        (17, 21),
    ]
    assert length(config) == 21
    assert len({stage.config.seed for stage in found}) == 6
    assert found[0].config.seed == config.seed
    assert [stage.config.update.lr for stage in found[:2]] == [config.update.lr, 2e-3]


def test_a_phase_may_begin_from_the_base_or_an_older_checkpoint(tmp_path):
    still = {"update.lr": 0.0}
    phases = [
        {"steps": 2},
        {"steps": 1, "set": still, "start": "base"},
        {"steps": 1, "set": still, "start": "self@2"},
        {"steps": 1, "set": still, "start": f"{tmp_path / 'r'}@2"},
    ]
    config = small(tmp_path / "r", phases[:3], seed=5)
    done = train(config, quiet=True)
    first = merge(Config(), {**SMALL, "steps": 1, "seed": 5, "update": {"lr": 0.0}})
    base = train(merge(first, {"out": str(tmp_path / "base")}), quiet=True)
    assert weights(done.folder, 3) == weights(base.folder, 1)
    assert weights(done.folder, 4) == weights(done.folder, 2) != weights(done.folder, 3)

    other = train(small(tmp_path / "s", phases[3:]), quiet=True)
    assert weights(other.folder, 1) == weights(done.folder, 2)


def test_a_phase_plays_against_what_the_run_was(tmp_path):
    met = {"opponents.mode": "fixed", "opponents.entrant": "self@latest"}
    phases = [
        {"steps": 2},
        {"steps": 1, "set": met},
        {"steps": 1, "set": {**met, "opponents.entrant": "self@start"}},
    ]
    folder = train(small(tmp_path / "r", phases), quiet=True).folder
    found = [
        {name for name in record if name.startswith("games_against/")}
        for record in RunFolder(folder).records()
    ]
    assert found[:2] == [set(), set()]
    assert found[2] == {f"games_against/{folder}@2"}
    assert len(found[3]) == 1
    assert "tiny-kuhn" in next(iter(found[3]))


def test_the_base_of_a_model_that_is_built_is_the_one_that_the_run_began_with(tmp_path):
    name = "tiny:kuhn?effort=0.01"
    phases = [{"steps": 1}, {"steps": 1, "start": "base", "set": {"judge": "self@start"}}]
    run = small(tmp_path / "r", phases, model=name, seed=5)
    stage, game = stages(run)[1], played(run)
    found = situated(stage, run, game, tmp_path)
    assert stage.config.seed != run.seed
    assert found.model == found.judge == str(find_model(name, game, run.seed).folder)


def test_the_past_of_a_later_phase_is_the_whole_run(tmp_path):
    phases = [{"steps": 2}, {"steps": 2, "set": {"opponents.mode": "past"}}]
    folder = train(small(tmp_path / "r", phases), quiet=True).folder
    assert "games_against/step-2" in RunFolder(folder).records()[2]


def test_collecting_leaves_the_weights_and_keeps_the_tasks_for_the_next_phase(tmp_path):
    phases = [{"steps": 2, "collect_only": True}, {"steps": 1}]
    game = {"game": "sums-propose-v0", "parameters": {"attempts": 2}, "rollout": {"games": 8}}
    folder = train(small(tmp_path / "r", phases, **game), quiet=True).folder
    first, second, third = RunFolder(folder).records()
    plain = merge(Config(), {**SMALL, **game, "steps": 1, "update": {"lr": 0.0}})
    base = train(merge(plain, {"out": str(tmp_path / "base")}), quiet=True)
    assert weights(folder, 2) == weights(base.folder, 1)
    assert weights(folder, 3) != weights(folder, 2)
    assert 0 < first["tasks"] <= second["tasks"] <= third["tasks"]
    assert first["samples"] > 0


def test_a_phase_may_collect_a_stock_for_the_next_to_learn_from(tmp_path):
    learns = {
        "stock.source": "self",
        "stock.keep": False,
        "stock.age": 2,
        "stock.alone": True,
        "objective.kind": "imitate",
    }
    phases = [{"steps": 2, "collect_only": True}, {"steps": 1, "set": learns}]
    config = small(tmp_path / "r", phases, stock={"keep": True}, update={"kl": 0.0, "average": 0.0})
    folder = train(config, quiet=True).folder
    kept = sorted(path.name for path in (folder / "stock").iterdir())
    assert kept == ["step-0.jsonl", "step-1.jsonl"]
    assert RunFolder(folder).records()[-1]["stored"] > 0
    assert weights(folder, 3) != weights(folder, 2)


def test_baselines_begin_anew_and_played_games_are_counted_on(whole, tmp_path):
    second = stages(small(tmp_path))[1].config
    hand = merge(
        second, {"model": str(whole.folder / "checkpoints/step-3"), "out": str(tmp_path / "hand")}
    )
    mine, theirs = curve(whole.folder)[3:], curve(train(hand, quiet=True).folder)
    for ours, other in zip(mine, theirs, strict=True):
        names = [n for n in other if n.startswith(("baseline/", "payoff/", "entropy/", "kl"))]
        assert names
        assert [ours[n] for n in names] == [other[n] for n in names]


@pytest.mark.slow
def test_each_phase_pulls_the_turns_that_it_names(tmp_path, monkeypatch):
    """SCoRe's two stages: one turn is held while the other moves, and the reverse."""
    found: list[dict[int, set[float]]] = []
    batch = SelfPlay.batch

    def noting(self: SelfPlay, number: int):
        made, pulled = batch(self, number), dict[int, set[float]]()
        for samples, pulls in zip(made.rows, made.tensors["pull"], strict=True):
            for span in samples[0].spans if samples else ():
                factor = float(pulls[span.start - samples[0].spans[0].start])
                pulled.setdefault(span.ordinal, set()).add(factor)
        found.append(pulled)
        return made

    monkeypatch.setattr(SelfPlay, "batch", noting)
    held = {"turn-1": 4.0, "turn-2": 0.0}
    freed = {"turn-1": 0.0, "turn-2": 2.0}

    def trained(name: str, *stages: dict[str, float]) -> bytes:
        # in a phase's first step nothing has moved yet that could be pulled back
        phases = [{"steps": 2, "set": {"objective.pull": pull}} for pull in stages]
        games = {"games": 24, "max_tokens": 8}
        return weights(train(small(tmp_path / name, phases, rollout=games), quiet=True).folder, 4)

    reversed_ = trained("reversed", held, freed)
    first, second = {1: {4.0}, 2: {0.0}}, {1: {0.0}, 2: {2.0}}
    assert found == [first, first, second, second]
    assert reversed_ != trained("held", held, held)


def test_an_adapter_goes_on_over_the_phases(tmp_path):
    phases = [{"steps": 1}, {"steps": 2}]
    lora = {"update": {"lora": 4, "kl": 0.0, "average": 0.0}}
    config = small(tmp_path / "r", phases, **lora)
    folder = train(config, quiet=True).folder
    hand = merge(
        stages(config)[1].config,
        {"model": str(folder / "checkpoints/step-1"), "out": str(tmp_path / "hand")},
    )
    done, name = train(hand, quiet=True), "adapter_model.safetensors"
    assert weights(folder, 3, name) == weights(done.folder, 2, name) != weights(folder, 1, name)

    with pytest.raises(ConfigError, match=r"adapter of rank 4, and update.lora = 8; set it to 4"):
        train(merge(hand, {"update": {"lora": 8}, "out": str(tmp_path / "s")}), quiet=True)


CAST = {
    "game": "sums-propose-v0",
    "parameters": {"attempts": 1},
    "cast": {"proposer": "challenger"},
    "update": {"lr": 1e-3, "kl": 0.0, "average": 0.0},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "rank", "name"),
    [("models", 0, "model.safetensors"), ("adapters", 2, "adapter_model.safetensors")],
)
def test_learners_go_on_and_are_named_by_later_phases(tmp_path, mode, rank, name):
    still = {"update.lr": 0.0}
    fixed = {"opponents.mode": "fixed", "opponents.entrant": "challenger@latest"}
    phases = [
        {"steps": 1},
        {"steps": 1, "set": still, "collect_only": True},
        {"steps": 1, "set": {**still, **fixed, "credits.trained": ["solver"]}},
        {"steps": 1, "set": still, "start": "challenger"},
    ]
    own = {**CAST, "sharing": {"mode": mode}, "update": {**CAST["update"], "lora": rank}}
    folder = train(small(tmp_path / "r", phases, **own), quiet=True).folder

    first, *later = (weights(folder, step, f"challenger/{name}") for step in (1, 2, 3, 4))
    assert later == [first] * 3
    mains = [weights(folder, step, name) for step in (1, 2, 3, 4)]
    assert mains[0] == mains[1] == mains[2] != mains[3]
    assert mains[3] == first
    against = {n for n in RunFolder(folder).records()[2] if n.startswith("games_against/")}
    assert against == {f"games_against/{folder}:challenger@2"}


def test_exams_go_on_over_the_phases(tmp_path):
    exam = {"game": "sums-v0", "parameters": {"attempts": 1, "level": 1}, "name": "e", "every": 2}
    sums = {"game": "sums-v0", "parameters": {"level": 1, "attempts": 2}}
    config = small(tmp_path / "r", [{"steps": 2}, {"steps": 1}], exams=[exam], **sums)
    records = RunFolder(train(config, quiet=True).folder).records()
    held = [record["step"] for record in records if "exam/e/pass_at_1" in record]
    assert held == [0, 2, 3]
    gain = records[-1]["exam/e/pass_at_1"] - records[0]["exam/e/pass_at_1"]
    assert records[-1]["exam/e/gain/pass_at_1"] == pytest.approx(gain)


def test_a_phase_from_the_base_begins_from_the_model_that_the_run_was_built_with(
    monkeypatch, tmp_path
):
    """A phase has a seed of its own, by which a name alone would be built anew."""
    from sparring.agents.models import weights
    from sparring.envs.registry import find
    from sparring.training.phases import situated, stages
    from sparring.training.recipes import recipe

    asked: list[tuple[str, int]] = []

    def found(name, game, seed):
        asked.append((name, seed))
        return weights.Weights(name, tmp_path)

    monkeypatch.setattr(weights, "find_model", found)
    monkeypatch.setattr("sparring.training.phases._model", str)
    config = replace(recipe("puzzles"), model="tiny:programming-puzzle", seed=7)
    stage = stages(config)[1]
    assert stage.config.seed != 7
    own = situated(stage, config, find(config.game), tmp_path)
    assert own.model == str(tmp_path)
    assert asked == [("tiny:programming-puzzle", 7)]
