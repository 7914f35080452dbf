"""Phases as they are written, read, and refused."""

from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.cli import main
from sparring.training.config import Config, ConfigError
from sparring.training.run import train
from sparring.training.settings import merge, override, read, to_toml

from .test_phases import SMALL, small


def test_phases_are_written_and_read_again(tmp_path):
    config = small(tmp_path, rounds=2)
    (tmp_path / "c.toml").write_text(to_toml(config))
    assert read(tmp_path / "c.toml") == config


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        ([{"steps": 0}], r"phases\[1\].steps must be from 1"),
        (
            [{}, {"set": {"update.lrr": 1}}],
            r"phases\[2\].set: no setting 'update.lrr'; did you mean",
        ),
        ([{"set": {"update.lr": 5}}], r"phases\[1\].set: update.lr must be from 0 to 1"),
        ([{"set": {"update": 5}}], r"phases\[1\].set: update is a table of settings"),
        ([{"set": {"out": "x"}}], r"phases\[1\].set: out is the whole run's"),
        ([{"set": {"steps": 4}}], r"set: steps is the whole run's.*a phase has its own steps"),
        ([{"set": {"phases": []}}], r"set: phases is the whole run's"),
        (
            [{"start": "first"}],
            r"phases\[1\].start = 'first' is none of last, base, a learner, self@N",
        ),
        ([{"start": "self@4"}], r"phases\[1\] names self@4, and nothing of the run is saved"),
        ([{"set": {"judge": "self@latest"}}], r"phases\[1\] names self@latest"),
        ([{}, {"start": "base", "set": {"model": "tiny"}}], "set names another model; leave one"),
        ([{"stop": 4}], "no setting 'phases.*stop'"),
    ],
)
def test_phases_that_cannot_be_trained_are_refused_when_they_are_read(tmp_path, phases, said):
    with pytest.raises(ConfigError, match=said):
        small(tmp_path, phases)


def test_rounds_need_phases(tmp_path):
    with pytest.raises(ConfigError, match="rounds = 2 repeats phases, and there are none"):
        override(Config(), ["rounds=2"])


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        (
            'steps = 3\n[[phases]]\nstart = "self@2"',
            "phase 2 of the run names self@2, and no check",
        ),
        ('[[phases]]\nset = { game = "kuhn-poker-v9" }', "no game 'kuhn-poker-v9'"),
        ('start = "nowhere@5"', "nowhere"),
        ('set = { "credits.trained" = ["third"] }', "credits.trained names third"),
    ],
)
def test_bad_phases_are_told_in_one_line_and_leave_no_folder(tmp_path, capsys, phases, said):
    file, out = tmp_path / "c.toml", tmp_path / "r"
    file.write_text(f"[[phases]]\n{phases}\n")
    assert main(["train", "spiral", "--config", str(file), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not out.exists()


def test_steps_of_a_run_of_phases_cannot_be_given_beside_them(tmp_path, capsys):
    (tmp_path / "c.toml").write_text("[[phases]]\nsteps = 3\n")
    for given in (["--steps", "5"], ["--set", "steps=5"]):
        assert main(["train", "spiral", "--config", str(tmp_path / "c.toml"), *given]) == 2
        assert "has the steps of its phases" in capsys.readouterr().err


def test_a_dry_run_prints_every_phase_and_its_output_is_a_config(tmp_path, capsys):
    (tmp_path / "c.toml").write_text(to_toml(small(tmp_path / "r", rounds=2)))
    assert main(["train", "--config", str(tmp_path / "c.toml"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "# phase 4 of 4: steps 11 to 14, from last" in said
    assert "#   update.lr = 0.002" in said
    (tmp_path / "d.toml").write_text(said)
    assert read(tmp_path / "d.toml") == small(tmp_path / "r", rounds=2)


def test_the_worked_file_of_the_docs_runs(tmp_path):
    page = (Path(__file__).parents[2] / "docs/training.md").read_text()
    block = page.split("# phases.toml\n")[1].split("```")[0]
    (tmp_path / "phases.toml").write_text(block)
    config = read(tmp_path / "phases.toml", merge(Config(), {**SMALL, "out": str(tmp_path / "r")}))
    done = train(config, quiet=True)
    assert done.step == 12
    assert RunFolder(done.folder).records()[-1]["phase"] == 4
