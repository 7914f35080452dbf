"""`sparring train`: self-play training by a recipe."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from .options import (
    MANY,
    SEED,
    ArgumentError,
    Commands,
    add_engine,
    add_load,
    add_prompts,
    add_set,
    add_think,
    add_verifier,
    command,
    load_games,
    pairs,
    whole,
)
from .output import answer, quiet

if TYPE_CHECKING:
    from sparring.training.config import Config
    from sparring.training.run import Trained

_EXAMPLES = """\
  sparring train spiral --set game=kuhn-poker-v0 --out poker    tiny learns poker against itself
  sparring train absolute-zero --model smollm2-135m --steps 2   a real LLM invents and solves tasks
  sparring train --resume poker                                 go on where a run stopped
  sparring train spiral --settings                              every setting, its bounds and meaning
  sparring train spiral --set update.lr=1e-3 --dry-run          what would be trained, as TOML
  sparring train spiral --schema > sparring.schema.json         for editors; files begin `#:schema …`
"""


def add(commands: Commands) -> None:
    parser = command(commands, "train", "Train one policy in all roles by self-play.", _EXAMPLES)
    parser.add_argument(
        "recipe", nargs="?", metavar="RECIPE", help="spiral, absolute-zero, r-zero, …"
    )

    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        default=[],
        metavar="F.toml",
        help="settings; a later file overrides an earlier one, and flags override all",
    )
    add_set(parser, "one setting of the recipe, as section.key=value (see --settings)")
    parser.add_argument(
        "--model", metavar="M", help="tiny, small:GAMES, smollm2-135m, a folder or a hub id"
    )
    parser.add_argument(
        "--steps", type=whole(1, MANY), metavar="N", help="optimiser steps to train"
    )
    parser.add_argument(
        "--seed", type=SEED, metavar="S", help="of games, sampling and initialisation"
    )

    parser.add_argument("--out", metavar="RUN", help="name of the run under runs/, or a folder")
    parser.add_argument(
        "--resume", metavar="RUN", help="continue this run from its last checkpoint"
    )

    parser.add_argument(
        "--settings", action="store_true", help="list the settings with bounds and meaning, and end"
    )
    parser.add_argument(
        "--schema",
        action="store_true",
        help="print the settings as a JSON schema, by which editors complete config files, and end",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check and print the whole configuration, and end"
    )

    add_think(parser)
    add_prompts(parser)
    # None is "not given": the recipe's own setting stands, and --resume can refuse the flag.
    add_engine(parser)
    add_verifier(parser)
    parser.set_defaults(verifier=None, engine=None)
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from sparring.training.recipes import recipe_names

    load_games(arguments)
    asked = arguments.recipe or arguments.config or arguments.resume
    if not (asked or arguments.settings or arguments.schema):
        raise ArgumentError(
            f"name a recipe: {', '.join(recipe_names())}; or give --config or --resume"
        )

    from sparring.training.ranks.launched import told_once

    with told_once():
        return _trained(arguments)


def _trained(arguments: argparse.Namespace) -> int:
    """Train, or say what would be trained."""
    if arguments.resume:
        from sparring.training.run import resume

        _refuse_others(arguments)
        return _ended(resume(arguments.resume, steps=arguments.steps, quiet=_silent(arguments)))

    config = _config(arguments)
    if arguments.schema:
        from sparring.training.schema import schema

        print(json.dumps(schema(config), indent=2, ensure_ascii=False))
        return 0
    if arguments.settings or arguments.dry_run:
        return _shown(config, arguments.settings)

    from sparring.training.run import train

    return _ended(train(config, quiet=_silent(arguments)))


def _silent(arguments: argparse.Namespace) -> bool:
    return quiet() or arguments.json


def _ended(done: Trained) -> int:
    """Tell how the run ended, and give the exit code of that."""
    answer(
        {
            "run": done.folder,
            "step": done.step,
            "metrics": done.metrics,
            "alarms": done.alarms,
            "interrupted": done.interrupted,
        }
    )
    # without progress nothing has named the folder yet
    if quiet():
        print(done.folder)
    return 130 if done.interrupted else 0


def _config(arguments: argparse.Namespace) -> Config:
    """The settings of the recipe, of the files, of --set, of the flags: each over those before it."""
    from sparring.training.recipes import configured

    # A flag that was not given is None, and leaves the setting of recipe and files as it is.
    flags = {
        name: getattr(arguments, name) for name in ("model", "steps", "seed", "verifier", "out")
    }
    given = {name: value for name, value in flags.items() if value is not None}
    settings = pairs(arguments.set, "--set")
    if arguments.engine is not None:
        settings["rollout.engine"] = arguments.engine
    if arguments.think is not None:
        settings["rollout.think"] = arguments.think
    if arguments.prompts is not None:
        settings["rollout.prompts"] = arguments.prompts

    config = configured(arguments.recipe, arguments.config, settings, given, load=arguments.load)
    if config.phases and "steps" in {*given, *settings}:
        raise ArgumentError(
            "a run of phases has the steps of its phases; change them in the file, and leave out steps"
        )
    _refuse_overridden(config, {*given, *settings})
    return config


def _refuse_overridden(config: Config, asked: set[str]) -> None:
    """Raise ArgumentError for what the flags set and every phase sets otherwise."""
    of_phases = [set(phase.set) for phase in config.phases]
    for name in sorted(asked & set[str]().union(*of_phases)):
        if all(name in one for one in of_phases):
            raise ArgumentError(
                f"every phase of this run sets {name}, so that given here would change nothing; "
                "change it in the phases of a file: --dry-run prints them"
            )


def _shown(config: Config, explained: bool) -> int:
    """Print every setting with its meaning, or check the run and print its settings as TOML."""
    from sparring.training.run import checked
    from sparring.training.settings import listed, to_toml

    if explained:
        print("\n".join(listed(config)))
        return 0

    checked(config)
    print(to_toml(config), end="")
    if config.phases:
        from sparring.training.phases import described, stages

        print("\n" + "\n".join(described(stages(config), config)))
    return 0


def _refuse_others(arguments: argparse.Namespace) -> None:
    """Raise ArgumentError for flags that a resumed run would ignore: its settings are its own."""
    names = ("config", "set", "model", "seed", "out", "engine", "verifier", "think", "prompts")
    given = [f"--{name}" for name in names if getattr(arguments, name) not in (None, [])]
    given += ["--settings"] * arguments.settings + ["--dry-run"] * arguments.dry_run
    given += ["--schema"] * arguments.schema
    given += [arguments.recipe] if arguments.recipe else []
    if given:
        raise ArgumentError(
            f"--resume goes on with the settings of {arguments.resume}, and only --steps may differ; "
            f"leave out {', '.join(given)}"
        )
