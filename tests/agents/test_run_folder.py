"""What a run's folder holds, by one set of rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder, RunFolderError, run_of, step_of, steps


def test_steps_are_numbers_in_order_and_strangers_are_left_out(tmp_path):
    for name in ("step-10", "step-9", "step-x", "step-", "other", ".partial"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    (tmp_path / "checkpoints" / "step-3").write_text("a file")
    assert RunFolder(tmp_path).steps == [9, 10]
    assert steps(tmp_path / "nowhere") == []


def test_a_checkpoint_leads_back_to_its_step_and_its_run():
    run = RunFolder(Path("runs/demo"))
    assert step_of(run.checkpoint(40)) == 40
    assert run_of(run.checkpoint(40)) == run
    assert run_of(Path("models/step-4")) is None
    assert step_of(Path("steps-4")) is None


def test_no_settings_are_empty_and_garbage_is_refused(tmp_path):
    assert RunFolder(tmp_path).settings() == {}
    for garbage in (b"model = ", b"\xff\xfe"):
        (tmp_path / "config.toml").write_bytes(garbage)
        with pytest.raises(RunFolderError, match=r"config\.toml is no TOML"):
            RunFolder(tmp_path).settings()
