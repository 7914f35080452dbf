"""The demo: begun, stopped, taken up again, lengthened; another run's folder is left alone."""

from __future__ import annotations

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.training.recipes import configured, demo
from sparring.training.run import train
from sparring.training.settings import to_toml


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's recipe with few games a step."""
    settings = [
        "rollout.games=8",
        "record.checkpoint_every=2",
        "record.tensorboard=false",
        "threads=1",
    ]
    monkeypatch.setattr(demo, "CONFIG", configured("demo", None, settings))


def test_the_demo_proves_itself_and_goes_on_where_it_was(empty_folder, monkeypatch, capsys):
    small(monkeypatch)
    assert demo.main(["--out", "d", "--steps", "2", "--pairs", "4"]) == 0
    shown = capsys.readouterr().out
    assert "exact payoff v nash" in shown
    assert "runs/d@2" in shown
    assert (empty_folder / "runs/d/report.html").exists()
    assert demo.main(["--out", "d", "--steps", "4", "--pairs", "4"]) == 0
    assert RunFolder(empty_folder / "runs/d").steps == [2, 4]
    assert demo.main(["--out", "d", "--steps", "4", "--pairs", "4"]) == 0
    assert "0 to play" in capsys.readouterr().out


def test_a_demo_left_before_its_first_checkpoint_begins_anew(empty_folder, monkeypatch):
    small(monkeypatch)
    monkeypatch.setattr(demo, "compare", lambda *_: None)
    (empty_folder / "runs/d/checkpoints").mkdir(parents=True)
    (empty_folder / "runs/d/config.toml").write_text(to_toml(demo.CONFIG))
    assert demo.main(["--out", "d", "--steps", "2", "--seed", "0"]) == 0
    assert RunFolder(empty_folder / "runs/d").steps == [2]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--out", "other"], "runs/other holds another run; choose another --out"),
        (["--out", "junk"], "runs/junk exists and is no run; choose another --out"),
        (["--out", "d", "--steps", "0"], "steps must be from 1 to 10,000,000"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(empty_folder, capsys, argv, said):
    settings = ["rollout.games=2", "steps=1", "record.evaluate_every=0", "record.tensorboard=false"]
    train(configured("spiral", None, settings, {"out": "other"}), quiet=True)
    (empty_folder / "runs/junk").mkdir()
    (empty_folder / "runs/junk/file").write_text("mine")
    assert demo.main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"demo: {said}")
    assert error.count("\n") == 1
    assert (empty_folder / "runs/junk/file").read_text() == "mine"
    assert not (empty_folder / "runs/d").exists()
