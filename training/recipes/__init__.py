"""Recipes by name: published methods as settings over the same run. Imports nothing heavy."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...agents.models.names import of_nursery
from ...envs.errors import Unknown, exit_code
from ..config import Config
from ..settings import override, read


class UnknownRecipeError(Unknown):
    """No recipe has this name."""


def recipe_names() -> list[str]:
    """The names of all recipes."""
    found = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def recipe(name: str) -> Config:
    """The settings of a recipe. Raises UnknownRecipeError, naming the nearest."""
    known = recipe_names()
    if name not in known:
        file = f"; a file of settings is named with --config {name}" if "." in name else None
        raise UnknownRecipeError("recipe", name, known, otherwise=file)
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return module.CONFIG


def run_if_main(module: str, config: Config) -> None:
    """Train by a recipe whose file is started as a program: `python -m sparring.training.recipes.spiral`."""
    if module == "__main__":
        # Naming recipes must not load torch.
        from ..run import train

        sys.exit(exit_code("recipe", lambda: 130 if train(config).interrupted else 0))


def configured(
    name: str | None,
    files: Path | Sequence[Path] | None = None,
    settings: Mapping[str, str] | Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    *,
    load: Sequence[str] = (),
) -> Config:
    """A recipe's settings, then those of TOML files in their order, then `key=value` settings, then flags.

    Without a name the first file's `recipe` decides. A model of the nursery in the place of the recipe's own
    gets no examples before its prompts (`rollout.shots`) unless they are asked for: it was taught without.
    Raises ConfigError and UnknownRecipeError.
    """
    files = [files] if isinstance(files, Path) else files or []
    # A file is read once for the recipe's name, and below over that recipe's settings.
    chosen = name or (read(files[0]).recipe if files else "spiral")
    listed = (
        [f"{key}={value}" for key, value in settings.items()]
        if isinstance(settings, Mapping)
        else settings
    )

    def over(config: Config) -> Config:
        for file in files:
            config = read(file, config)
        # A name that was given stands over the `recipe` in a file.
        config = override(replace(config, recipe=chosen), listed)
        return replace(config, load=(*config.load, *map(str, load)), **(flags or {}))

    base = recipe(chosen)
    config = over(base)
    if of_nursery(config.model) and not of_nursery(base.model):
        # Below all that was asked for, so that examples that are named stay.
        config = over(replace(base, rollout=replace(base.rollout, shots=0)))
    return config
