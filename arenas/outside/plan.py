"""What an exported environment plays: a game, the seats that are open, and who sits in the others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ...agents.policy import Policy, Sampling
from ...agents.seats import seat as seated
from ...envs.errors import SparringError
from ...envs.registry import Game, find, load
from ...envs.types import Value
from ...envs.values import from_json, to_json

FILE = "game.json"
"""Where a plan stands in the folder of an exported environment."""
FORMAT = 1


class ExportError(SparringError, ValueError):
    """A game cannot be exported as asked, or an exported environment is damaged."""


@dataclass(frozen=True)
class Plan:
    """A game for others to play.

    `seats` are those that are played from outside, `others` says who plays a seat that is not (a name as
    `sparring play` takes it), `games` is how many seeds a list of its tasks has, from `seed` on, and `files`
    are files of games beside the plan.
    """

    game: str
    seats: tuple[str, ...]
    others: Mapping[str, str]
    parameters: Mapping[str, Value] = field(default_factory=dict[str, Value])
    games: int = 1000
    seed: int = 0
    files: tuple[str, ...] = ()
    max_tokens: int = 64

    def write(self) -> str:
        """The plan as JSON. Raises ValueError for parameters that are no plain values."""
        return json.dumps(
            {
                "format": FORMAT,
                "game": self.game,
                "parameters": {name: to_json(value) for name, value in self.parameters.items()},
                "seats": list(self.seats),
                "others": dict(self.others),
                "games": self.games,
                "seed": self.seed,
                "files": list(self.files),
                "max_tokens": self.max_tokens,
            },
            indent=2,
        )

    def find(self, folder: Path) -> Game:
        """The game; `folder` holds its files. Raises GameError."""
        for name in self.files:
            load(folder / name)
        return find(self.game, **self.parameters)

    def policies(self, game: Game) -> Mapping[str, Policy]:
        """Who plays each seat that is not open: one policy a name. Raises UnknownEntrantError."""
        sampling = Sampling(max_tokens=self.max_tokens)
        known: dict[str, Policy] = {}
        for name in self.others.values():
            if name not in known:
                known[name] = seated(name, game, sampling=sampling)
        return {place: known[name] for place, name in self.others.items()}


def read(folder: Path) -> Plan:
    """The plan of an exported environment. Raises ExportError for one that is missing or damaged."""
    file = folder / FILE
    try:
        said = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
        if said["format"] != FORMAT:
            raise ExportError(f"{file} has the format {said['format']!r}; expected {FORMAT}")
        return Plan(
            game=str(said["game"]),
            seats=tuple(said["seats"]),
            others=dict(said["others"]),
            parameters={name: from_json(value) for name, value in said["parameters"].items()},
            games=int(said["games"]),
            seed=int(said["seed"]),
            files=tuple(said["files"]),
            max_tokens=int(said["max_tokens"]),
        )
    except ExportError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as fault:
        raise ExportError(
            f"{file} is no plan of an exported game ({type(fault).__name__}: {fault}); export it again"
        ) from fault
