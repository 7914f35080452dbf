"""Runs: the same curve after an interruption, alarms, refusals in one line, nothing half-written."""

import json
import os
import signal
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.envs.errors import SparringError
from sparring.training.checkpoints import CheckpointError
from sparring.training.config import Config
from sparring.training.recipes import UnknownRecipeError, configured, recipe_names
from sparring.training.run import RunError, resume, train
from sparring.training.settings import override
from sparring.training.step import EmptyStepError

SMALL = [
    "rollout.games=8",
    "steps=6",
    "record.evaluate_every=2",
    "record.checkpoint_every=3",
    "record.metrics_every=1",
    "record.transcripts_every=3",
    "record.tensorboard=false",
    "update.magnet_every=2",
    "threads=1",
]


def small(out: Path, *settings: str) -> Config:
    return configured("spiral", None, [*SMALL, *settings], {"out": str(out)})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    """One uninterrupted run of six steps."""
    return train(small(tmp_path_factory.mktemp("runs") / "whole"), quiet=True)


def without_clock(folder: Path):
    timed = ("seconds/", "games_per_second")
    return [
        {k: v for k, v in r.items() if not k.startswith(timed)} for r in RunFolder(folder).records()
    ]


def test_a_run_folder_holds_what_it_promises(whole):
    names = {path.name for path in whole.folder.iterdir()}
    assert names == {"config.toml", "metrics.jsonl", "checkpoints", "transcripts"}
    kept = sorted(path.name for path in (whole.folder / "checkpoints").iterdir())
    assert kept == ["step-3", "step-6"]
    assert {"config.json", "model.safetensors", "tokenizer.json", "manifest.json"} <= {
        path.name for path in (whole.folder / "checkpoints/step-6").iterdir()
    }


@pytest.mark.parametrize("evaluate", [2, 0])
def test_a_step_that_cannot_be_trained_on_leaves_its_games(tmp_path: Path, evaluate: int):
    """They alone say what the model wrote. One without evaluation left no folder, and named a file in it."""
    evaluated = f"record.evaluate_every={evaluate}"
    with pytest.raises(EmptyStepError) as refused:
        train(small(tmp_path / "run", "credits.payoff=false", evaluated), quiet=True)
    (told,) = (tmp_path / "run/transcripts").iterdir()
    assert str(refused.value).endswith(f"its games gave no credit (its games: {told})")
    assert told.read_text().startswith("=== step 0, game 0: kuhn-poker-v0 seed ")


def test_metrics_say_what_happened(whole):
    first, *_, last = RunFolder(whole.folder).records()
    assert first["step"] == 0
    assert 0.85 <= first["nashconv"] <= 1.0
    assert last["step"] == 6
    assert last["games"] == 48
    for name in ("nashconv", "nashconv_average", "legal_mass", "versus_nash", "kl", "tokens"):
        assert isinstance(last[name], (int, float)), name
    for role in ("first", "second"):
        for name in ("payoff", "entropy", "reply_tokens", "invalid_rate"):
            assert f"{name}/{role}" in last
    assert last["versus_nash"] <= 1e-9
    assert RunFolder(whole.folder).records()[1]["sampler_gap"] < 1e-4


def test_a_probe_between_two_records_is_told_by_the_next(tmp_path):
    """Probes fall on steps 0, 3 and 6 of the weights, records on steps 2, 4 and 6."""
    every = ("record.probe_every=3", "record.metrics_every=2", "record.evaluate_every=0")
    steps = ("steps=6", "record.checkpoint_every=0")
    done = train(small(tmp_path / "run", *every, *steps), quiet=True)
    told = {
        record["step"]: record.get("sampler_gap") for record in RunFolder(done.folder).records()
    }
    assert told.pop(6) is None
    assert set(told) == {2, 4}
    assert all(gap is not None and 0 < gap < 1e-4 for gap in told.values()), told


def test_a_resumed_run_has_the_curve_and_weights_of_an_uninterrupted_one(
    whole, tmp_path, monkeypatch
):
    from sparring.training.selfplay import SelfPlay

    play = SelfPlay.batch

    def killed(self, number):
        if number == 4:
            raise KeyboardInterrupt
        return play(self, number)

    folder = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(SelfPlay, "batch", killed)
        with pytest.raises(KeyboardInterrupt):
            train(small(folder), quiet=True)
    assert RunFolder(folder).records()[-1]["step"] == 4
    resume(folder, quiet=True)
    assert without_clock(folder) == without_clock(whole.folder)
    for name in ("model.safetensors", "state/average.safetensors", "state/magnet.safetensors"):
        ours, theirs = (
            (place / "checkpoints/step-6" / name).read_bytes() for place in (folder, whole.folder)
        )
        assert ours == theirs, name


def test_magnet_and_average_follow_by_their_shares_and_the_average_is_evaluated(tmp_path):
    from safetensors.torch import load_file
    from sparring.agents.models.load import load_model
    from sparring.envs.registry import find
    from sparring.training.watch.evaluate import evaluate, exact_tree

    settings = [
        "steps=2",
        "record.checkpoint_every=1",
        "update.magnet_every=1",
        "update.magnet_move=0.25",
    ]
    done = train(
        small(tmp_path / "r", *settings, "update.average=0.5", "update.lr=5e-3"), quiet=True
    )
    places = [done.folder / f"checkpoints/step-{step}" for step in (1, 2)]
    learner = load_file(places[1] / "model.safetensors")
    for name, share in (("magnet", 0.25), ("average", 1 - 2 / 12)):
        before, after = (load_file(place / f"state/{name}.safetensors") for place in places)
        for key in learner.keys() & before.keys():
            moved = before[key] + share * (learner[key] - before[key])
            assert (after[key] - moved).abs().max() < 1e-6, (name, key)
        assert any(
            (learner[key] - after[key]).abs().max() > 1e-4 for key in learner.keys() & after.keys()
        )
    game = find("kuhn-poker-v0")
    policy = load_model(str(places[1]), game)
    tree = exact_tree(game)
    assert tree
    assert evaluate(tree, policy).nash_conv == pytest.approx(done.metrics["nashconv"], abs=1e-5)
    policy.model.load_state_dict(load_file(places[1] / "state/average.safetensors"), strict=False)
    policy.publish("average")
    assert evaluate(tree, policy).nash_conv == pytest.approx(
        done.metrics["nashconv_average"], abs=1e-5
    )
    assert done.metrics["nashconv"] != pytest.approx(done.metrics["nashconv_average"], abs=1e-4)


def test_a_gradient_that_is_not_finite_ends_the_run_and_leaves_its_last_checkpoint(
    tmp_path, monkeypatch
):
    from sparring.training.data.advantage import NonFiniteError
    from sparring.training.selfplay import SelfPlay

    play = SelfPlay.batch

    def poisoned(self, number):
        packed = play(self, number)
        if number == 3:
            packed.tensors["advantages"][0] = float("nan")
        return packed

    monkeypatch.setattr(SelfPlay, "batch", poisoned)
    with pytest.raises(
        NonFiniteError, match="step 3 is not finite; its samples: kuhn-poker-v0 seed"
    ):
        train(small(tmp_path / "r"), quiet=True)
    assert [p.name for p in (tmp_path / "r/checkpoints").iterdir()] == ["step-3"]


def test_checkpoints_stand_only_where_no_samples_are_in_use(tmp_path):
    settings = ["steps=4", "update.iterations=2", "record.evaluate_every=0"]
    done = train(small(tmp_path / "r", *settings), quiet=True)
    assert [p.name for p in (done.folder / "checkpoints").iterdir()] == ["step-4"]
    assert done.metrics["games"] == 16


def test_the_last_step_is_saved_wherever_its_samples_stand_and_a_resumed_run_plays_anew(tmp_path):
    settings = ["steps=3", "update.iterations=2", "record.evaluate_every=0"]
    done = train(small(tmp_path / "r", *settings), quiet=True)
    assert [p.name for p in (done.folder / "checkpoints").iterdir()] == ["step-3"]

    again = resume(done.folder, steps=5, quiet=True)
    assert {p.name for p in (again.folder / "checkpoints").iterdir()} == {"step-3", "step-5"}
    # two batches of eight for three steps, and one for the two after them
    assert (done.metrics["games"], again.metrics["games"]) == (16, 24)


def test_an_alarm_that_stands_is_not_raised_again_by_a_resumed_run(tmp_path):
    first = train(small(tmp_path / "r", "steps=3", "watch.legal_mass=1.0"), quiet=True)
    assert len([text for text in first.alarms if "legal mass" in text]) == 1
    again = resume(first.folder, steps=6, quiet=True)
    assert not [text for text in again.alarms if "legal mass" in text]


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_kill_save_and_end(tmp_path, monkeypatch, asked):
    from sparring.training.selfplay import SelfPlay

    play = SelfPlay.batch

    def interrupted(self, number):
        if number == 1:
            os.kill(os.getpid(), asked)
        return play(self, number)

    before = signal.getsignal(asked)
    monkeypatch.setattr(SelfPlay, "batch", interrupted)
    done = train(small(tmp_path / "r"), quiet=True)
    assert (done.interrupted, done.step) == (True, 2)
    assert (tmp_path / "r/checkpoints/step-2/manifest.json").exists()
    assert signal.getsignal(asked) is before


def test_a_second_ctrl_c_stops_at_once_also_where_a_job_begun_with_an_ampersand_ignored_it(
    tmp_path, monkeypatch
):
    from sparring.training.selfplay import SelfPlay

    def interrupted(self, number):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the step went on")

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        monkeypatch.setattr(SelfPlay, "batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(small(tmp_path / "r"), quiet=True)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_transcripts_show_moves_and_the_audit_of_each_sample(whole):
    text = (whole.folder / "transcripts/step-000003.txt").read_text()
    assert "kuhn-poker-v0 seed" in text
    assert "first says: " in text
    assert "→ baseline" in text
    assert "→ advantage" in text


def test_a_corrupt_checkpoint_is_refused_in_one_line(whole, tmp_path):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(whole.folder, folder)
    file = folder / "checkpoints/step-6/model.safetensors"
    file.write_bytes(file.read_bytes()[:-8] + bytes(8))
    with pytest.raises(
        CheckpointError, match=r"step-6 is corrupt \(model.safetensors changed\)"
    ) as caught:
        resume(folder, steps=9, quiet=True)
    assert "\n" not in str(caught.value)
    file.unlink()
    with pytest.raises(CheckpointError, match="is corrupt"):
        resume(folder, steps=9, quiet=True)


def test_what_cannot_be_resumed_is_refused(whole, tmp_path):
    with pytest.raises(RunError, match="no run"):
        resume(tmp_path / "nowhere/x")
    with pytest.raises(RunError, match="is at step 6, and that is all of its steps; give --steps"):
        resume(whole.folder)
    with pytest.raises(RunError, match="is at step 6, and --steps 4 is no further"):
        resume(whole.folder, steps=4)
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 5 .*; there are 3, 6"):
        resume(f"{whole.folder}@5")
    with pytest.raises(RunError, match="expected RUN"):
        resume(f"{whole.folder}@last")
    with pytest.raises(RunError, match="exists; resume it"):
        train(small(whole.folder), quiet=True)
    (tmp_path / "left").mkdir()
    (tmp_path / "left/config.toml").write_text((whole.folder / "config.toml").read_text())
    with pytest.raises(RunError, match="left before its first checkpoint; remove"):
        resume(tmp_path / "left")
    with pytest.raises(RunError, match="exists, left before its first checkpoint; remove it"):
        train(small(tmp_path / "left"), quiet=True)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").write_text("")
    with pytest.raises(RunError, match=r"thesis exists and is no run; choose another --out$"):
        train(small(tmp_path / "thesis"), quiet=True)


def test_asking_for_docker_without_an_engine_is_refused_before_anything_is_written(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    with pytest.raises(SparringError, match="no Docker engine"):
        train(small(tmp_path / "r", "verifier=docker"), quiet=True)
    assert not (tmp_path / "r").exists()


def test_recipes_are_found_by_name():
    assert {"spiral", "absolute-zero"} <= set(recipe_names())
    with pytest.raises(UnknownRecipeError, match="did you mean spiral"):
        configured("spirall")


def test_flags_win_over_settings_over_the_file_over_the_recipe(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text('recipe = "spiral"\nsteps = 7\nseed = 7\nmodel = "m"\n')
    config = configured(None, file, {"seed": "8", "model": "n"}, {"model": "o"})
    assert (config.recipe, config.steps, config.seed, config.model) == ("spiral", 7, 8, "o")
    assert config.update == override(configured("spiral"), []).update


def test_a_later_file_wins_over_an_earlier_one(tmp_path):
    files = [tmp_path / "a.toml", tmp_path / "b.toml"]
    files[0].write_text('recipe = "score"\nsteps = 7\nseed = 7\n')
    files[1].write_text("steps = 8\n")
    config = configured(None, files)
    assert (config.recipe, config.game, config.steps, config.seed) == (
        "score",
        "self-correct-v0",
        8,
        7,
    )


def test_every_line_of_metrics_is_json(whole):
    for line in (whole.folder / "metrics.jsonl").read_text().splitlines():
        json.loads(line)
