"""What the learner's process and the player's say to each other, and how."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

from ...envs.errors import SparringError
from ...envs.types import Episode
from ..config import Config
from ..pickled import packed
from ..players.absent import Named

Seated: TypeAlias = Mapping[str, Named]
"""Who sits beside the learner in one game, as `players/absent.py` names them, by seat."""


class PlayerError(SparringError, RuntimeError):
    """The process that plays keeps dying, or cannot start."""


@dataclass(frozen=True)
class Setting:
    """What a player has to know before it plays: the stage's settings, and where its run lies."""

    config: Config
    folder: Path


@dataclass(frozen=True)
class Order:
    """A step's games to be played.

    weights: the learner's trained parameters by name, of step `version`, as safetensors writes them
    seats:   by the label of each game of the menu, for each place of the step, who sits there
    shares:  the state of what shares the menu's games out
    tasks:   the state of the task buffer
    parts:   how many players share the step's games
    """

    number: int
    version: int
    weights: bytes
    seats: Mapping[str, Sequence[Seated]]
    shares: Mapping[str, Any]
    tasks: Mapping[str, Any]
    parts: int = 1


@dataclass(frozen=True)
class Ready:
    """A player can play; or it met a fault, which is raised in the learner's process."""

    fault: Exception | None = None


@dataclass(frozen=True)
class Played:
    """A step's games, in issue order, or the fault that ended them.

    `seconds` are those of play and verification; `said` is what a person should be told.
    """

    number: int
    episodes: Sequence[Episode] = ()
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    said: Sequence[str] = ()
    fault: Exception | None = None


def send(connection: Connection, message: object) -> None:
    connection.send_bytes(packed(message))


def receive(connection: Connection) -> Any:
    """The next message. Raises EOFError when the other process is gone."""
    try:
        return pickle.loads(connection.recv_bytes())
    except OSError as fault:
        raise EOFError(str(fault)) from fault


def portable(fault: Exception) -> Exception:
    """The fault, or one with its words where it cannot travel."""
    try:
        pickle.loads(packed(fault))
    except Exception:  # whatever a class of somebody else's raises when it is made anew
        return RuntimeError(f"{type(fault).__name__}: {fault}")
    return fault
