"""What a run can be told: frozen values, each checked. `settings.py` reads them. Imports nothing heavy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal, TypeAlias, cast

from ..envs.errors import SparringError
from ..envs.registry import Game, find, load

Estimator: TypeAlias = Literal[
    "rae", "group", "loo", "whiten", "paired", "shrunk", "hierarchical", "none"
]
Spread: TypeAlias = Literal["terminal", "to_go", "turn"]
Loss: TypeAlias = Literal["dr_grpo", "dapo", "grpo", "bnpo", "cispo", "sapo", "luspo", "vespo"]
BY_ROW: tuple[Loss, ...] = ("dr_grpo", "luspo")
"""Losses that sum a row's tokens and divide by the number of rows: padding rows would dilute them."""

BY_TOKEN: tuple[Loss, ...] = ("dapo", "bnpo", "cispo")
"""Losses that divide by the number of tokens."""

Action: TypeAlias = Literal["ignore", "warn", "stop", "rollback"]
Mode: TypeAlias = Literal["mirror", "fixed", "past", "league"]
Weighting: TypeAlias = Literal["squared", "variance", "linear", "capped"]


class ConfigError(SparringError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


@dataclass(frozen=True)
class Rollout:
    """How games are played: `games` a step, each seed `replicates` times, `at_once` in flight.

    `deterministic` batches do not depend on timing; without it verdicts are awaited while others play, and
    a run repeats to rounding only. A game ends truncated when its seats have said `game_tokens` together,
    and is cancelled (an error, never trained on) after `game_seconds` (0: no limit). `engine` is where the
    learner plays: `transformers` (the trained model itself), `vllm`, `server`, URLs of vLLM servers, or
    `auto` (vLLM where there is a GPU with it). With `workers` so many engines, each a Ray actor, answer for
    the learner: copies of the model, or `vllm`; `cluster` is the address of a Ray cluster ("": that of
    $RAY_ADDRESS, or one started here).

    Replies are drawn from the model's whole distribution: truncating it (top-p, greedy) would leave the
    log-probabilities trained on those of another policy. `shots` example games between scripted players
    stand before each prompt (they are never trained on).
    """

    games: int = 256
    replicates: int = 1
    at_once: int = 256
    max_tokens: int = 64
    temperature: float = 1.0
    shots: int = 0
    deterministic: bool = True
    game_tokens: int = 0
    game_seconds: float = 0.0
    workers: int = 0
    cluster: str = ""
    engine: str = "transformers"


@dataclass(frozen=True)
class OpponentsConfig:
    """Who sits in the seats beside the learner's; only the learner's turns are trained on.

    `mirror`: the learner in every seat. `fixed`: `entrant`, named as for `sparring play`. `past`: the run's
    own checkpoints, each as likely. `mirror` is the share of such games that the learner plays against
    itself all the same. `league`: whom a league of the learner's snapshots names, in these shares: itself
    (`self_play`), snapshots (`past`, by `weighting`), forgotten ones (`verification`); a checkpoint becomes
    a snapshot `every` so many steps, or when the learner beats all those before it. `held` bounds the past
    selves that are in memory at once.
    """

    mode: Mode = "mirror"
    entrant: str = ""
    mirror: float = 0.0
    self_play: float = 0.35
    past: float = 0.5
    verification: float = 0.15
    weighting: Weighting = "squared"
    every: int = 1000
    held: int = 8


@dataclass(frozen=True)
class Credits:
    """From payoffs to advantages (see `data/collect.py`, `data/advantage.py`).

    Baselines are kept per (game with its parameters, role), per turn where the game gives credits, and per
    opponent where there are others than the learner itself, or with `by_opponent`. `spread` says which
    rewards a turn is credited with: `terminal` (the payoff), `to_go` (and all named credits from this turn
    on), `turn` (and this turn's credits). Without `payoff` it is the credits alone. What comes k of the
    seat's turns later counts discount^k. `failed_try` is the credit of a try after which the seat was asked
    again. `trained` limits training to these roles, `turns` to these of a seat's turns, counted from 1,
    `named` the game's credits to those of these names (all when empty).
    """

    estimator: Estimator = "rae"
    decay: float = 0.95
    bias_correction: bool = False
    prior: float = 6.0
    std_floor: float = 0.1
    by_opponent: bool = False
    scale: float = 1.0
    spread: Spread = "to_go"
    payoff: bool = True
    discount: float = 1.0
    failed_try: float = -1.0
    truncated: bool = False
    trained: tuple[str, ...] = ()
    turns: tuple[int, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class Update:
    """One optimiser step. `kl` is in units of payoff after `scale`; the magnet is what it pulls to.

    `loss` is one of TRL's; its `bnpo` divides by the batch's number of tokens, and has nothing of BNPO's
    normalisation of rewards by a Beta distribution.

    `kl_gradient` is what sampled k3 terms are differentiated to: `forward`, KL(magnet‖learner), keeps every
    move alive that the magnet makes; `reverse`, KL(learner‖magnet), is TRL's default.
    Every `magnet_every` steps the magnet moves the share `magnet_move` of the way to the learner (0:
    it stays at the first weights). `fold` trains rows of equal tokens once, weighted by their number.
    `average` is the decay of the running average of weights (0: none). `lora` is the adapters' rank
    (0: all weights are trained). `checkpointing` saves memory by computing activations again.
    """

    loss: Loss = "dr_grpo"
    lr: float = 5e-4
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    warmup: int = 0
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    clip_ratio: float = 0.2
    iterations: int = 1
    microbatches: int = 1
    fold: bool = True
    kl: float = 0.0
    kl_gradient: Literal["forward", "reverse"] = "forward"
    magnet_every: int = 10
    magnet_move: float = 0.1
    average: float = 0.0
    lora: int = 0
    bf16: bool = False
    checkpointing: bool = False


@dataclass(frozen=True)
class Record:
    """What is written, every so many steps (0: never). `keep` bounds the checkpoints kept (0: all).

    Every `probe_every` steps the sampler's log-probabilities are compared with the learner's.
    """

    evaluate_every: int = 0
    checkpoint_every: int = 0
    transcripts_every: int = 0
    transcripts: int = 4
    keep: int = 0
    metrics_every: int = 1
    probe_every: int = 50
    tensorboard: bool = True


@dataclass(frozen=True)
class Watch:
    """When to raise an alarm, and what it does (see `watch/monitors.py`).

    `rollback` goes on from the last checkpoint before the alarm, with other games, at most `rollbacks`
    times in a run; then, or without such a checkpoint, it stops. A limit of 0 is off. `gold_gap` is how far
    proxy minus gold may rise above its least, `asymmetry` how far mean payoffs of roles may lie apart.

    Every checkpoint plays `trial` pairs (0: none) against each of some of its ancestors and each of the
    players `frozen`, named as for `sparring play`; an alarm says to whom of the first it resolvably loses,
    and against whom of the second an ancestor did resolvably better (see `watch/trial.py`).
    """

    action: Action = "warn"
    rollbacks: int = 2
    invalid_rate: float = 0.5
    truncation_rate: float = 0.5
    forbidden_rate: float = 0.02
    min_entropy: float = 0.0
    max_kl: float = 0.0
    legal_mass: float = 0.5
    sampler_ratio: float = 0.1
    collapse: float = 0.3
    gold_gap: float = 0.3
    min_distinct: float = 0.2
    asymmetry: float = 0.0
    trial: int = 0
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """A run. `parameters` are the game's; `threads` is torch's number of threads (0: its default).

    `judge` sits in the seats that grade, and is never trained: a scripted player of the game, a model, a
    checkpoint, a classifier (empty: the game's `rule`, where it has one). `rollbacks` counts how often the
    run went back to an earlier checkpoint; the games after are others. `load` lists files that register
    games; `out` is the run's folder, or its name under `runs/`.
    """

    recipe: str = "spiral"
    game: str = "kuhn-poker-v0"
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    model: str = "tiny"
    judge: str = ""
    steps: int = 100
    seed: int = 0
    verifier: str = "auto"
    threads: int = 0
    load: tuple[str, ...] = ()
    out: str = ""
    rollbacks: int = 0
    rollout: Rollout = Rollout()
    opponents: OpponentsConfig = OpponentsConfig()
    credits: Credits = Credits()
    update: Update = Update()
    record: Record = Record()
    watch: Watch = Watch()

    def __post_init__(self) -> None:
        for name, lowest in _LOWEST.items():
            value = cast(float, attrgetter(name)(self))
            if not (math.isfinite(value) and value >= lowest):
                raise ConfigError(
                    f"{name} must be a finite number of at least {lowest}; it is {value}"
                )

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


_LOWEST: Mapping[str, float] = {
    "steps": 1,
    "rollout.games": 1,
    "rollout.replicates": 1,
    "rollout.at_once": 1,
    "rollout.max_tokens": 1,
    "rollout.temperature": 0.01,
    "rollout.shots": 0,
    "rollout.workers": 0,
    "rollout.game_tokens": 0,
    "rollout.game_seconds": 0,
    "opponents.mirror": 0,
    "opponents.self_play": 0,
    "opponents.past": 0,
    "opponents.verification": 0,
    "opponents.every": 1,
    "opponents.held": 1,
    "credits.std_floor": 0,
    "credits.prior": 0,
    "update.lr": 0,
    "update.iterations": 1,
    "update.microbatches": 1,
    "update.kl": 0,
    "update.lora": 0,
    "record.metrics_every": 1,
    "record.probe_every": 1,
    "watch.trial": 0,
}


def played(config: Config) -> Game:
    """The game of a run, its files registered. Raises GameError."""
    for file in config.load:
        load(file)
    return find(config.game, **config.parameters)
