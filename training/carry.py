"""What goes on from one stage of a run to the next beside the weights."""

from __future__ import annotations

import json
from pathlib import Path

from ..agents.run_folder import RunFolder
from . import checkpoints
from .phases import Stage, goes_on
from .selfplay import SelfPlay


def carry(play: SelfPlay, stage: Stage, folder: Path) -> None:
    """Go on with what the stage before ended with: tasks, league, learners, and how much was played."""
    before = checkpoints.at(RunFolder(folder).checkpoints, stage.offset)
    saved = json.loads((before / checkpoints.STATE / "sparring.json").read_text())
    play.carry(saved["play"], stage.before)
    # The main learner began from a checkpoint as the model of this stage.
    if len(play.learners) > 1 and (place := goes_on(stage, folder)):
        play.learners.load(place)
