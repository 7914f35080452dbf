"""Runs on a disk that is full, under names that it cannot have, and faults that are not its own."""

import errno
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolderError
from sparring.envs.errors import SparringError
from sparring.training.checkpoints import CheckpointError
from sparring.training.recipes import configured
from sparring.training.run import RunError, checked, train

from .test_run import SMALL, small


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="only Linux has a device that is always full"
)
def test_what_torch_raises_on_a_full_disk_is_told_as_such(tmp_path):
    import torch
    from sparring.training.checkpoints import writing

    for size in (1, 100_000):
        with pytest.raises(CheckpointError, match="No space left on device"), writing(tmp_path):
            torch.save(torch.zeros(size), "/dev/full")
    text = "[enforce fail at inline_container.cc:672] . unexpected pos 162880 vs 162772"
    with pytest.raises(CheckpointError, match="No space left on device"), writing(tmp_path):
        raise RuntimeError(text)


def test_a_file_written_anew_keeps_its_old_text_where_the_disk_is_full(tmp_path, monkeypatch):
    from sparring.training import checkpoints

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "config.toml"
    checkpoints.replace_text(path, "old")
    monkeypatch.setattr(checkpoints, "_sync", full)
    with pytest.raises(CheckpointError, match="No space left"), checkpoints.writing(path):
        checkpoints.replace_text(path, "new")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [
        ("config.toml", "old")
    ]


def test_only_faults_of_the_disk_are_told_as_such(tmp_path):
    from sparring.training.checkpoints import writing

    with (
        pytest.raises(CheckpointError, match="Read-only file system; make it writable"),
        writing(tmp_path),
    ):
        raise OSError(errno.EROFS, "read-only")
    with pytest.raises(CheckpointError, match="was the folder moved"), writing(tmp_path):
        (tmp_path / "gone" / "x").write_text("")
    with pytest.raises(FileNotFoundError), writing(tmp_path / "run"):
        (tmp_path / "gone" / "x").read_text()
    with pytest.raises(ConnectionResetError), writing(tmp_path):
        raise ConnectionResetError(errno.ECONNRESET, "the engine went away")


def test_bad_input_leaves_no_folder_behind(tmp_path):
    for settings in (
        ["game=kuhn-poker-v1"],
        ["model=tinny"],
        ["credits.trained=first2"],
        ["parameters.x=1"],
        ["opponents.mode=league", "rollout.replicates=8", "watch.trial=2", "watch.frozen=nobody"],
    ):
        with pytest.raises(SparringError):
            train(small(tmp_path / "r", *settings), quiet=True)
        assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("out", ["../../etc/x", "runs/../x", ".", "/", "a@3", "first=a", "a,b"])
def test_a_run_is_not_named_so_that_it_lies_elsewhere_or_cannot_be_named(out):
    with pytest.raises(RunFolderError, match="--out"):
        checked(configured("spiral", None, SMALL, {"out": out}))


def test_a_name_too_long_for_the_disk_is_one_clear_line():
    with pytest.raises(RunError, match="cannot be a run's folder: File name too long"):
        checked(configured("spiral", None, SMALL, {"out": "a" * 300}))


def test_a_full_disk_is_one_clear_line_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    import safetensors.torch
    import sparring.training.weights as weights

    def full(*_: object, **__: object):
        raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(
        CheckpointError, match=r"cannot write .*: No space left on device; free some space"
    ):
        train(small(tmp_path / "r"), quiet=True)
    assert list((tmp_path / "r/checkpoints").iterdir()) == []
