"""What a run can be told: frozen values, each checked. `settings.py` reads them. Imports nothing heavy."""

# ruff: noqa: RUF009 (`number` and `choice` make fields, and what they hold is immutable)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...agents.engines.available import resolved
from ...envs.registry import Game, find, load
from .menu import By, Filters, GameEntry, Mix, Unit, check_menu
from .objective import Inside, Objective, StockConfig, check_objective, check_roles
from .tables import (
    BY_ROW,
    BY_TOKEN,
    Action,
    Credits,
    Estimator,
    Loss,
    Mode,
    OpponentsConfig,
    Record,
    Rollout,
    Spread,
    Update,
    Watch,
    Weighting,
)
from .values import (
    MANY,
    ConfigError,
    Setting,
    check_numbers,
    choice,
    every,
    inner_tables,
    number,
    plain,
    table,
)

__all__ = [
    "BY_ROW",
    "BY_TOKEN",
    "MANY",
    "Action",
    "By",
    "Config",
    "ConfigError",
    "Credits",
    "Estimator",
    "Filters",
    "GameEntry",
    "Inside",
    "Loss",
    "Mix",
    "Mode",
    "Objective",
    "OpponentsConfig",
    "Record",
    "Rollout",
    "Setting",
    "Spread",
    "StockConfig",
    "Unit",
    "Update",
    "Watch",
    "Weighting",
    "every",
    "inner_tables",
    "judge_name",
    "plain",
    "played",
    "settled",
]


@dataclass(frozen=True)
class Config:
    """A run: every setting, by table."""

    recipe: str = choice("spiral", "the recipe that the settings began with")
    game: str = choice("kuhn-poker-v0", "id of the game")
    parameters: Mapping[str, Any] = table("the game's own")
    games: tuple[GameEntry, ...] = choice((), "the menu, in place of one game")
    model: str = choice("tiny", "tiny, smollm2-135m, a folder or a hub id")
    judge: str = choice(
        "",
        "who sits in the seats that grade, and is never trained: a scripted player of the game, a model, a "
        "checkpoint, a classifier (empty: the game's rule, where it has one)",
    )
    steps: int = number(100, 1, MANY, "optimiser steps")
    seed: int = number(0, 0, 2**32 - 1, "of games, sampling and initialisation")
    verifier: str = choice("auto", "who runs code")
    threads: int = number(0, 0, 1024, "of torch (0: its default)")
    load: tuple[str, ...] = choice((), "files that register games")
    out: str = choice("", "the run's folder, or its name under runs/")
    rollbacks: int = number(0, 0, 1000, "how often the run went back; its games are then others")
    rollout: Rollout = Rollout()
    opponents: OpponentsConfig = OpponentsConfig()
    mix: Mix = Mix()
    credits: Credits = Credits()
    filters: Filters = Filters()
    inside: Inside = Inside()
    objective: Objective = Objective()
    stock: StockConfig = StockConfig()
    update: Update = Update()
    record: Record = Record()
    watch: Watch = Watch()

    def __post_init__(self) -> None:
        check_numbers(self)
        check_menu(self.games, self.mix, self.filters)
        check_objective(self.objective, self.stock, self.inside, self.update, self.credits)
        if self.rollout.games % self.rollout.replicates:
            raise ConfigError(
                f"rollout.games = {self.rollout.games} is no multiple of "
                f"rollout.replicates = {self.rollout.replicates}"
            )
        if self.rollout.workers and self.rollout.engine not in ("transformers", "auto", "vllm"):
            raise ConfigError(
                f"rollout.workers = {self.rollout.workers} makes engines of its own, and rollout.engine = "
                f"{self.rollout.engine} is none that it can make; use transformers or vllm, or workers = 0"
            )

        if self.update.microbatches > 1 and self.update.loss not in BY_ROW + BY_TOKEN:
            raise ConfigError(
                f"update.loss = {self.update.loss} averages over rows, which padding them to "
                f"{self.update.microbatches} microbatches would dilute; use dr_grpo or dapo"
            )
        if wrong := [turn for turn in self.credits.turns if turn < 1]:
            raise ConfigError(f"credits.turns counts a seat's turns from 1; it has {wrong[0]}")
        if not self.credits.payoff and self.credits.spread == "terminal":
            raise ConfigError(
                "credits.payoff = false leaves the credits alone, and credits.spread = terminal leaves them "
                "out; use spread = turn or to_go"
            )

    @property
    def menu(self) -> tuple[GameEntry, ...]:
        """The games that are played; one that stands alone is a menu of one."""
        return self.games or (GameEntry(self.game, self.parameters),)


def settled(config: Config) -> Config:
    """The same settings with the engine that `auto` means on this machine."""
    engine = resolved(config.rollout.engine)
    return replace(config, rollout=replace(config.rollout, engine=engine))


def played(config: Config) -> Game:
    """The game of a run, its files registered. Raises GameError, and ConfigError where it does not suit."""
    for file in config.load:
        load(file)
    game = find(config.game, **config.parameters)

    unknown = [role for role in config.credits.trained if role not in game.roles]
    if unknown:
        known = ", ".join(game.roles)
        raise ConfigError(
            f"credits.trained names {', '.join(unknown)}; the roles of {game.id} are {known}"
        )
    check_roles(config.objective, config.stock, config.inside, game.roles)
    if set(game.judges) & set(game.roles):
        # Called for what it raises: a missing judge is told before a model loads.
        judge_name(config, game)
    return game


def judge_name(config: Config, game: Game) -> str:
    """Who sits in the game's seats that grade: the one named, or the game's own rule.

    Raises ConfigError where there is neither: a scripted sample grades to show the form, not the answer.
    """
    name = config.judge or ("rule" if "rule" in game.oracles else "")
    if not name:
        raise ConfigError(
            f"{game.id} pays what a judge says, and has no rule to judge by; name a model, RUN@STEP or a "
            "classifier, like --set judge=smollm2-135m"
        )
    return name
