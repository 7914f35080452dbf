"""What a run can be told: frozen values, each checked. `settings.py` reads them. Imports nothing heavy."""

# ruff: noqa: RUF009 (`number` and `choice` make fields, and what they hold is immutable)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...agents.engines.available import resolved
from ...agents.models.names import parted
from ...agents.models.quantised import QUANTISED
from ...envs.registry import Game, find, load
from .cast import (
    MAIN,
    LearnerTable,
    Sharing,
    SharingMode,
    check_cast,
    check_learning,
    learner_names,
    learner_of,
)
from .critic import CRITIC, check_critic, check_valued
from .elsewhere import check_elsewhere
from .exams import Exam, check_exams
from .hooks import Hooks, check_hooks
from .menu import By, Filters, GameEntry, Mix, Unit, check_band, check_menu
from .merging import merged
from .objective import Inside, Objective, StockConfig, check_objective, pulled_roles
from .phases import Phase, check_phases
from .population import GATE, Member, MemberKind, Population, check_population
from .starts import Starts, check_starts
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
    RoleThinking,
    Rollout,
    Spread,
    Update,
    Watch,
    Weighting,
    check_credits,
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
    "GATE",
    "MAIN",
    "MANY",
    "Action",
    "By",
    "Config",
    "ConfigError",
    "Credits",
    "Estimator",
    "Exam",
    "Filters",
    "GameEntry",
    "Hooks",
    "Inside",
    "LearnerTable",
    "Loss",
    "Member",
    "MemberKind",
    "Mix",
    "Mode",
    "Objective",
    "OpponentsConfig",
    "Phase",
    "Population",
    "Record",
    "RoleThinking",
    "Rollout",
    "Setting",
    "Sharing",
    "SharingMode",
    "Spread",
    "Starts",
    "StockConfig",
    "Unit",
    "Update",
    "Watch",
    "Weighting",
    "credits_of",
    "every",
    "games",
    "inner_tables",
    "judge_name",
    "learner_names",
    "learner_of",
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
    model: str = choice("tiny", "tiny, small:GAMES, smollm2-135m, a folder or a hub id")
    judge: str = choice(
        "",
        "who sits in the seats that grade, and is never trained: a scripted player of the game, a model, a "
        "checkpoint, a classifier, self (the learner's present weights) or self@start (empty: the game's "
        "rule, where it has one)",
    )
    steps: int = number(100, 1, MANY, "optimiser steps")
    tokens: int = number(
        0,
        0,
        10**12,
        "the run ends with the step by which so many were sampled in all (0: no limit)",
    )
    seed: int = number(0, 0, 2**32 - 1, "of games, sampling and initialisation")
    verifier: str = choice("auto", "who runs code")
    threads: int = number(0, 0, 1024, "of torch (0: its default)")
    load: tuple[str, ...] = choice((), "files that register games")
    out: str = choice("", "the run's folder, or its name under runs/")
    rollbacks: int = number(0, 0, 1000, "how often the run went back; its games are then others")
    rollout: Rollout = Rollout()
    starts: Starts = Starts()
    opponents: OpponentsConfig = OpponentsConfig()
    mix: Mix = Mix()
    cast: Mapping[str, Any] = table(
        "which learner plays a role or a seat, or GAME/role (others: main)"
    )
    learners: Mapping[str, LearnerTable] = field(
        default_factory=dict[str, LearnerTable],
        metadata={"setting": Setting("what differs for a learner")},
    )
    sharing: Sharing = Sharing()
    shelves: Mapping[str, Any] = table(
        "files of tasks by kind, a JSON value a line, like document = docs.jsonl"
    )
    credits: Credits = Credits()
    filters: Filters = Filters()
    inside: Inside = Inside()
    objective: Objective = Objective()
    stock: StockConfig = StockConfig()
    update: Update = Update()
    hooks: Hooks = Hooks()
    record: Record = Record()
    watch: Watch = Watch()
    rounds: int = number(
        1, 1, MANY, "how often the phases, or the members of the population, are gone through"
    )
    phases: tuple[Phase, ...] = choice((), "parts of the run, in place of `steps`")
    population: Population = Population()
    exams: tuple[Exam, ...] = choice((), "what the learner is marked on and never trained on")

    def __post_init__(self) -> None:
        check_numbers(self)
        check_exams(self.exams)
        check_menu(self.games, self.credits, self.mix, self.filters)
        check_objective(self.objective, self.stock, self.inside, self.update, self.credits)
        if self.rollout.games % self.rollout.replicates:
            raise ConfigError(
                f"rollout.games = {self.rollout.games} is no multiple of "
                f"rollout.replicates = {self.rollout.replicates}"
            )
        check_elsewhere(self.rollout, self.opponents, self.starts)
        if self.update.microbatches > 1 and self.update.loss not in BY_ROW + BY_TOKEN:
            raise ConfigError(
                f"update.loss = {self.update.loss} averages over rows, which padding them to "
                f"{self.update.microbatches} microbatches would dilute; use dr_grpo or dapo"
            )
        if self.update.dtype != "float32" and not self.update.lora:
            raise ConfigError(
                f"update.dtype = {self.update.dtype} is for weights that are not trained: it loses steps "
                "as small as those of training; set update.lora, or dtype = float32 with update.bf16 = true"
            )
        if self.update.dtype in QUANTISED and self.rollout.engine != "transformers":
            raise ConfigError(
                f"update.dtype = {self.update.dtype} quantises the base that is trained on, and "
                f"rollout.engine = {self.rollout.engine} plays with whole weights; set it to transformers"
            )
        check_hooks(
            self.hooks,
            {
                "estimator": (
                    "credits.estimator",
                    "own" if "own" in _estimators(self) else self.credits.estimator,
                ),
                "loss": ("objective.kind", self.objective.kind),
                "opponents": ("opponents.mode", self.opponents.mode),
                "shares": ("mix.by", self.mix.by),
            },
        )
        check_starts(self.starts, self.rollout, self.opponents)
        check_credits(self.credits, "credits")
        check_critic(_estimators(self), self._valued)
        check_cast(
            self.cast,
            self.learners,
            self.sharing,
            self.rollout,
            self.update,
            self.opponents,
            self.watch,
        )
        check_population(self)
        check_phases(self)

    @property
    def _valued(self) -> Mapping[str, tuple[object, object]]:
        """What a critic wants of the settings: what they are, and what they must be."""
        return {
            "opponents.mode": (self.opponents.mode, "mirror"),
            "rollout.think": (self.rollout.think, "off"),
            "rollout.roles": (dict(self.rollout.roles), {}),
            "rollout.shots": (self.rollout.shots, 0),
            "objective.kind": (self.objective.kind, "gradient"),
            "credits.payoff": (self.credits.payoff, True),
            "credits.discount": (self.credits.discount, 1.0),
            "credits.turns": (self.credits.turns, ()),
            "starts.branches": (self.starts.branches, 1),
            "starts.share": (self.starts.share, 0.0),
            "stock.keep": (self.stock.keep, False),
            "filters": (self.filters, Filters()),
            "inside": (self.inside, Inside()),
        }

    @property
    def menu(self) -> tuple[GameEntry, ...]:
        """The games that are played; one that stands alone is a menu of one."""
        return self.games or (GameEntry(self.game, self.parameters),)

    @property
    def title(self) -> str:
        """What is played, for people: each game of the menu once."""
        return ", ".join(dict.fromkeys(entry.id for entry in self.menu))


def _estimators(config: Config) -> list[str]:
    """Those of the run and of the games of its menu."""
    named = [entry.credits.get("estimator") for entry in config.games]
    return [config.credits.estimator, *[str(name) for name in named if name]]


def settled(config: Config) -> Config:
    """The same settings with the engine that `auto` means on this machine."""
    engine = resolved(config.rollout.engine)
    return replace(config, rollout=replace(config.rollout, engine=engine))


def games(config: Config) -> tuple[Game, ...]:
    """The games of the menu, in its order, the run's files registered.

    Raises GameError for a game that cannot be had, and ConfigError for settings that do not suit it.
    """
    for file in config.load:
        load(file)
    found = tuple([find(entry.id, **entry.parameters) for entry in config.menu])

    for game in found:
        if found.count(game) > 1:
            raise ConfigError(
                f"the menu names {game.ref.label} more than once; give it more weight"
            )
    _check_roles("credits.trained", config.credits.trained, found)
    _check_roles("filters.roles", config.filters.roles, found)
    _check_roles("objective.roles", config.objective.roles, found)
    _check_roles("objective.pull", pulled_roles(config.objective), found)
    _check_roles("stock.roles", config.stock.roles, found)
    _check_roles("inside.roles", config.inside.roles, found)
    _check_roles("rollout.roles", list(config.rollout.roles), found)
    own = parted(config.model)[1].roles
    _check_roles(f"model = {config.model}", [role.name for role in own], found)

    _check_cast_roles(config.cast, found)
    rated = config.opponents.mode in ("league", "psro")
    if len(found) > 1 and (rated or config.watch.trial):
        name = "watch.trial" if config.watch.trial else f"opponents.mode = {config.opponents.mode}"
        raise ConfigError(
            f"{name} rates the players of one game, and the menu has {len(found)}; leave it out, or play one "
            "game"
        )
    credits = [credits_of(config, entry) for entry in config.menu]
    trained = [(game, own.trained) for game, own in zip(found, credits, strict=True)]
    for game, entry, own in zip(found, config.menu, credits, strict=True):
        if "trained" in entry.credits:
            _check_roles(f"credits.trained of {game.ref.label}", own.trained, (game,))
        elif own.trained and not set(own.trained) & set(game.roles):
            raise ConfigError(
                f"credits.trained = {', '.join(own.trained)} leaves nothing to train in {game.id}, whose "
                f"roles are {', '.join(game.roles)}"
            )
        check_band(config.filters, game)
        if own.estimator == CRITIC:
            check_valued(game, own)
        judging = set(game.judges) & set(game.roles)
        if judging - {name.rpartition("/")[2] for name in config.cast}:
            # Called for what it raises: a missing judge is told before a model loads.
            judge_name(config, game, entry.judge)
    check_learning(config.cast, config.learners, trained)
    return found


def played(config: Config) -> Game:
    """The first game of the menu, or the only one; raises what `games` raises."""
    return games(config)[0]


def credits_of(config: Config, entry: GameEntry) -> Credits:
    """The run's credits, with what the menu's entry changes."""
    return merged(config.credits, entry.credits, f"credits of {entry.id}: ")


def _check_cast_roles(cast: Mapping[str, Any], among: Sequence[Game]) -> None:
    roles = list(dict.fromkeys(role for game in among for role in game.roles))
    # of several seats of a role each may have a learner of its own
    known = {name for game in among for name in (*game.roles, *game.seats)}
    full = {f"{game.id}/{name}" for game in among for name in (*game.roles, *game.seats)}
    if unknown := [name for name in cast if name not in known | full]:
        raise ConfigError(
            f"cast names the role {unknown[0]!r}; the roles are {', '.join(roles)}, or GAME/role; a seat may "
            "stand for a role, like solver_0"
        )


def _check_roles(name: str, roles: Sequence[str], among: Sequence[Game]) -> None:
    known = list(dict.fromkeys(role for game in among for role in game.roles))
    if unknown := [role for role in roles if role not in known]:
        whose = " and ".join(game.id for game in among)
        raise ConfigError(
            f"{name} names {', '.join(unknown)}; the roles of {whose} are {', '.join(known)}"
        )


def judge_name(config: Config, game: Game, own: str = "") -> str:
    """Who sits in the game's seats that grade: the one named (`own`: by the menu), or the game's rule.

    Raises ConfigError where there is neither: a scripted sample grades to show the form, not the answer.
    """
    name = own or config.judge or ("rule" if "rule" in game.oracles else "")
    if not name:
        raise ConfigError(
            f"{game.id} pays what a judge says, and has no rule to judge by; name a model, RUN@STEP or a "
            "classifier, like --set judge=smollm2-135m"
        )
    return name
