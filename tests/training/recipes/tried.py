"""Runs of recipes on small models that can play: what a slow test asks of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from sparring.agents.run_folder import RunFolder
from sparring.training.recipes import recipe
from sparring.training.run import train
from sparring.training.settings import override


@dataclass(frozen=True)
class Run:
    """How a recipe is tried: the model, settings that make it short, and what must come of it.

    admitted: the metric whose greatest value must be above 0 (proposals, or games that went on).
    right:    the metric that must exceed `above`, a chance level.
    """

    name: str
    model: str
    settings: tuple[str, ...] = ()
    admitted: str = ""
    right: str = ""
    above: float = 0.0


SHORT = ("rollout.shots=0", "verifier=local", "threads=1", "update.lr=3e-4")


def tried(run: Run, folder: Path) -> dict[str, float]:
    """Train; the greatest value of every metric, and `moved`: how far any weight went."""
    given = [f'model="{run.model}"', *SHORT, *run.settings, f'out="{folder}"']
    config = override(recipe(run.name), given)
    done = train(config, quiet=True)

    best: dict[str, float] = {}
    for line in RunFolder(done.folder).metrics.read_text().splitlines():
        for name, value in json.loads(line).items():
            if isinstance(value, (int, float)):
                best[name] = max(best.get(name, float("-inf")), value)
    return best | {"moved": _moved(config.model, done.folder)}


def _moved(model: str, folder: Path) -> float:
    """The greatest change of a weight from the run's model to its last checkpoint."""
    from sparring.agents.models.weights import find_model
    from sparring.training.config import games
    from sparring.training.settings import read

    config = read(RunFolder(folder).config)
    first = load_file(find_model(model, games(config)[0], config.seed).folder / "model.safetensors")
    last = sorted((folder / "checkpoints").glob("step-*"), key=lambda p: int(p.name[5:]))[-1]
    adapters = sorted(last.rglob("adapter_model.safetensors"))
    if adapters:  # what is added to the model's weights begins at 0
        added = [value for name, value in load_file(adapters[0]).items() if "lora_B" in name]
        return max(float(value.abs().max()) for value in added)
    now = load_file(next(last.rglob("model.safetensors")))
    return max(float((now[name] - first[name]).abs().max()) for name in first.keys() & now.keys())
