"""A run's own copies of its files of prompts: it reads the same words wherever and whenever it goes on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from ..agents.run_folder import RunFolder
from .config import Config
from .phases import stages


def keep(run: Config, folder: Path) -> None:
    """Copy every file of prompts that the run's settings name; one that was copied stays as it is."""
    home = RunFolder(folder)
    for path in dict.fromkeys(stage.config.rollout.prompts for stage in stages(run)):
        copy = home.copy_of(path)
        if not path or copy.is_file():
            continue

        # whole or not at all: a copy that was cut would be read when the run goes on
        copy.parent.mkdir(parents=True, exist_ok=True)
        draft = copy.with_suffix(".draft")
        shutil.copyfile(path, draft)
        draft.replace(copy)


def with_kept(config: Config, folder: Path) -> Config:
    """The settings with the run's copy in the place of the file of prompts that they name."""
    if not config.rollout.prompts:
        return config
    found = RunFolder(folder).kept_prompts(config.rollout.prompts)
    return replace(config, rollout=replace(config.rollout, prompts=str(found)))
