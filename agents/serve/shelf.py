"""The models that a server has: named on the command line, opened when they are first asked for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ...envs.registry import Game
from ..language.chat_template import Dialect
from ..language.continuous import Continuous
from ..models.load import load_model, open_dialect
from ..models.lora import with_adapter
from ..models.names import is_named
from ..models.weights import ADAPTER, Weights, find_model, weights_in
from ..run_folder import RUNS, RunFolder, found_folder
from ..seats import UnknownEntrantError, checkpoint

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Served:
    """One model: how it writes a chat, the batch that draws its tokens, and the adapter in it."""

    name: str
    weights: str
    dialect: Dialect
    batch: Continuous
    adapter: str | None = None

    @property
    def context(self) -> int:
        return self.batch.policy.context


class Shelf:
    """Models by name: `RUN` stands for all its checkpoints, `RUN@N` for one. Close it when done.

    Of a run with several learners each is a model too, `RUN:LEARNER@N`.

    A whole model has a copy of its own in memory; the adapters of one base share one, and one batch.
    Raises UnknownEntrantError or ModelError for a name that nothing has.
    """

    def __init__(
        self,
        names: Sequence[str],
        game: Game | None = None,
        *,
        runs: Path = RUNS,
        seed: int = 0,
        device: str = "cpu",
        rows: int = 64,
    ) -> None:
        self._game = game
        self._runs = runs
        self._seed = seed
        self._device = device
        self._rows = rows

        self._opened: dict[Path, Served] = {}
        self._bases: dict[Path, Continuous] = {}
        self._lock = threading.Lock()
        self._closing = ExitStack()

        # A name that nothing has is told now and not at the first request.
        self._whole: dict[str, Weights] = {}
        self._runs_named: dict[str, RunFolder] = {}
        self._checkpoints: list[str] = []
        for name in names:
            self._take(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _take(self, name: str) -> None:
        if is_named(name) or Path(name, "config.json").is_file():
            self._whole[name] = find_model(name, self._game, self._seed)
            return

        run, at, step = name.rpartition("@")
        if at:
            checkpoint(run, step, self._runs)
            self._checkpoints.append(name)
            return
        checkpoint(name, LATEST, self._runs)
        at_runs = RunFolder(self._runs / name)
        self._runs_named[name] = (
            at_runs if at_runs.checkpoints.is_dir() else RunFolder(found_folder(name))
        )

    @property
    def names(self) -> list[str]:
        """Every name that can be asked for now; a run that is still training gets new ones."""
        found = [*self._whole, *self._checkpoints]
        for run, folder in self._runs_named.items():
            for learner in ("", *_learners(folder)):
                found += [f"{run}{learner}@{step}" for step in (*folder.steps, LATEST)]
        return list(dict.fromkeys(found))

    def find(self, name: str) -> Served:
        """The model of this name, opened if it was not. Raises UnknownEntrantError or ModelError."""
        weights = self._weights(name)
        with self._lock:
            if weights.folder not in self._opened:
                self._opened[weights.folder] = self._open(weights)
            return self._opened[weights.folder]

    def _weights(self, name: str) -> Weights:
        if name in self._whole:
            return self._whole[name]
        run, _, step = name.rpartition("@")
        # Only what was named: a client of the server must not open other folders of the machine.
        named = run in self._runs_named or run.rpartition(":")[0] in self._runs_named
        if name in self._checkpoints or named:
            return weights_in(checkpoint(run, step, self._runs), name)
        raise UnknownEntrantError("model", name, self.names)

    def _open(self, weights: Weights) -> Served:
        if weights.base is None:
            policy = load_model(weights, device=self._device)
            batch = self._closing.enter_context(Continuous(policy, self._rows))
            return Served(weights.name, weights.hash, policy.dialect, batch)
        return self._adapter(weights, weights.base)

    def _adapter(self, weights: Weights, base: Weights) -> Served:
        """An adapter on its base; the first opens the base, the others join it."""
        digest = weights.hash
        # a name of ours, because PEFT makes a module of it, and modules have no dots in their names
        name = f"a{len(self._opened)}"

        batch = self._bases.get(base.folder)
        if batch is None:
            policy = load_model(base, device=self._device)
            with_adapter(policy, weights.folder, name)
            batch = self._closing.enter_context(Continuous(policy, self._rows))
            self._bases[base.folder] = batch
        else:
            with batch.paused():
                with_adapter(batch.policy, weights.folder, name)

        # an adapter that was trained with its own tokenizer or template brings it along
        own = (weights.folder / "tokenizer_config.json").exists()
        dialect = open_dialect(weights.folder) if own else batch.policy.dialect
        return Served(weights.name, digest, dialect, batch, name)


def _learners(run: RunFolder) -> list[str]:
    """The learners of a run beside its main one, as they follow its name: `:challenger`."""
    last = run.checkpoint(run.steps[-1]) if run.steps else None
    inside = sorted(last.iterdir()) if last else []
    return [
        f":{path.name}"
        for path in inside
        if (path / "config.json").is_file() or (path / ADAPTER).is_file()
    ]
