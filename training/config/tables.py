"""The tables of one game's training: how games are played, credited, trained on, recorded and watched."""

# ruff: noqa: RUF009 (`number` and `choice` make fields, and what they hold is immutable)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ...agents.thinking import Thinks
from .values import MANY, ConfigError, Setting, choice, number

Estimator: TypeAlias = Literal[
    "rae", "group", "loo", "whiten", "paired", "shrunk", "hierarchical", "none", "critic", "own"
]
Spread: TypeAlias = Literal["terminal", "to_go", "turn"]
Loss: TypeAlias = Literal["dr_grpo", "dapo", "grpo", "bnpo", "cispo", "sapo", "luspo", "vespo"]
BY_ROW: tuple[Loss, ...] = ("dr_grpo", "luspo")
"""Losses that sum a row's tokens and divide by the number of rows: padding rows would dilute them."""

BY_TOKEN: tuple[Loss, ...] = ("dapo", "bnpo", "cispo")
"""Losses that divide by the number of tokens."""

OwnThinks: TypeAlias = Literal["", "off", "template", "asked"]
"""How somebody thinks where that may differ from the run; empty: it does not."""
Action: TypeAlias = Literal["ignore", "warn", "stop", "rollback"]
Mode: TypeAlias = Literal["mirror", "fixed", "past", "league", "psro", "own"]
Meta: TypeAlias = Literal["nash", "uniform", "last"]
Weighting: TypeAlias = Literal["squared", "variance", "linear", "capped"]


@dataclass(frozen=True)
class RoleThinking:
    """How one role thinks before it moves."""

    think: OwnThinks = choice("", "off, template or asked (empty: as rollout.think)")
    thought_tokens: int = number(
        0, 0, MANY, "tokens a thought may have (0: as rollout.thought_tokens)"
    )


@dataclass(frozen=True)
class Rollout:
    """How games are played.

    Replies are drawn from the model's whole distribution: truncating it (top-p, greedy) would leave the
    log-probabilities trained on those of another policy.
    """

    games: int = number(256, 1, MANY, "games of a step")
    replicates: int = number(1, 1, MANY, "how often each seed is played in a step")
    at_once: int = number(256, 1, MANY, "games in flight")
    max_tokens: int = number(64, 1, MANY, "tokens a reply may have, its thought not counted")
    think: Thinks = choice(
        "off",
        "off, template (the thinking mode of the model's template), or asked (an instruction of ours)",
    )
    thought_tokens: int = number(
        256, 1, MANY, "tokens a thought may have; what closes it then is not trained"
    )
    roles: Mapping[str, RoleThinking] = field(
        default_factory=dict[str, RoleThinking],
        metadata={"setting": Setting("which roles think otherwise, and how")},
    )
    keep_thoughts: bool = choice(False, "own earlier thoughts stay in a seat's later prompts")
    prompts: str = choice(
        "",
        "a file of prompts (TOML), with other words than ours for role, rules, thought and form; a run keeps "
        "its own copy",
    )
    temperature: float = number(1.0, 0.01, 10, "of the learner's sampling")
    explore: float = number(0.0, 0, 1, "share of the learner's listed moves that are drawn evenly")
    shots: int = number(0, 0, 64, "example games between scripted players before each prompt")
    deterministic: bool = choice(
        True,
        "batches do not depend on timing; without it verdicts are awaited while others play, and a run "
        "repeats to rounding only",
    )
    game_tokens: int = number(
        0, 0, MANY, "a game ends truncated when its seats have said so many together (0: no limit)"
    )
    game_seconds: float = number(
        0.0, 0, MANY, "a game is cancelled, and never trained on, after so long (0: no limit)"
    )
    workers: int = number(
        0, 0, 10_000, "so many Ray actors play the games, opponents and judges in them (0: none)"
    )
    cluster: str = choice("", "address of a Ray cluster (empty: $RAY_ADDRESS, or one started here)")
    ahead: int = number(
        0, 0, 16, "so many steps of games are played, by another process, while one is trained on"
    )
    engine: str = choice(
        "transformers",
        "where the learner plays: transformers (the trained model itself), vllm, server, URLs of vLLM "
        "servers, or auto (vLLM where there is a GPU with it)",
    )


@dataclass(frozen=True)
class OpponentsConfig:
    """Who sits in the seats beside the learner's; only the learner's turns are trained on.

    `mirror`: the learner in every seat. `fixed`: one entrant. `past`: the run's own checkpoints, each as
    likely. `league`: whom a league of the learner's snapshots names, in the shares `self_play` (itself),
    `past` (snapshots, by `weighting`) and `verification` (forgotten snapshots). `psro`: what earlier phases
    ended with, and `entrant` before any, drawn from the equilibrium of the games between them. `own`: whom
    hooks.opponents names.
    """

    mode: Mode = choice("mirror", "who sits beside the learner")
    entrant: str = choice(
        "", "of fixed games, named as for `sparring play`; of psro the first of its pool"
    )
    mirror: float = number(0.0, 0, 1, "share of fixed and past games against itself all the same")
    self_play: float = number(0.35, 0, 1, "share of league games against itself")
    past: float = number(0.5, 0, 1, "share of league games against snapshots")
    verification: float = number(0.15, 0, 1, "share of league games against forgotten snapshots")
    weighting: Weighting = choice("squared", "how hard snapshots are preferred in the league")
    every: int = number(
        1000,
        1,
        MANY,
        "a checkpoint becomes a snapshot so many steps after the last, or when it beats all",
    )
    meta: Meta = choice(
        "nash",
        "how psro mixes its pool: nash, uniform (fictitious play) or last (best response to it)",
    )
    pairs: int = number(
        100, 1, MANY, "pairs that two of psro's pool play, where no tree gives their payoffs"
    )
    held: int = number(
        8, 1, 1000, "past selves in memory at once, beside those of the present step"
    )


@dataclass(frozen=True)
class Credits:
    """From payoffs to advantages (see `data/collect.py`, `data/advantage.py`).

    Baselines are kept per (game with its parameters, role), per turn where the game gives credits, and per
    opponent where there are others than the learner itself. `spread` says which rewards a turn is credited
    with: `terminal` (the payoff), `to_go` (and all named credits from this turn on), `turn` (and this turn's
    credits).
    """

    estimator: Estimator = choice("rae", "what an outcome is measured against")
    baseline: float = number(
        0.0, -1e6, 1e6, "what outcomes are measured against where the estimator is none"
    )
    decay: float = number(0.95, 0, 0.999999, "of running baselines, an episode")
    bias_correction: bool = choice(False, "undo that running baselines begin at 0")
    prior: float = number(6.0, 0, MANY, "outcomes that the running baseline counts as (shrunk)")
    std_floor: float = number(0.1, 1e-6, MANY, "least deviation to divide by (group, whiten)")
    by_opponent: bool = choice(False, "keep running baselines apart by opponent")
    scale: float = number(1.0, 1e-6, 1e6, "what payoffs and credits are multiplied by")
    spread: Spread = choice("to_go", "which rewards a turn is credited with")
    payoff: bool = choice(True, "count the payoff; without it the credits alone")
    discount: float = number(
        1.0, 0, 1, "of a reward, for each of the seat's turns that lie between"
    )
    failed_try: float = number(
        -1.0,
        -1e6,
        0,
        "credit of a try after which the seat was asked again; without payoff, of one that lost the game too",
    )
    truncated: bool = choice(False, "train on games that were truncated")
    trained: tuple[str, ...] = choice((), "roles that are trained (empty: all)")
    turns: tuple[int, ...] = choice((), "turns of a seat that are trained, from 1 (empty: all)")
    named: tuple[str, ...] = choice((), "the game's credits that count (empty: all)")


@dataclass(frozen=True)
class Update:
    """One optimiser step. The magnet is what the KL term pulls to.

    `loss` is one of TRL's; its `bnpo` divides by the batch's number of tokens, and has nothing of BNPO's
    normalisation of rewards by a Beta distribution. `kl_gradient` is what sampled k3 terms are differentiated
    to: `forward`, KL(magnet‖learner), keeps every move alive that the magnet makes; `reverse`,
    KL(learner‖magnet), is TRL's default. `fold` trains rows of equal tokens once, weighted by their number.
    """

    loss: Loss = choice("dr_grpo", "TRL's loss; its bnpo divides by tokens")
    lr: float = number(5e-4, 0, 1, "learning rate")
    schedule: Literal["linear", "constant", "cosine"] = choice("linear", "of the learning rate")
    warmup: int = number(0, 0, MANY, "steps in which the learning rate rises")
    beta1: float = number(0.9, 0, 0.999999, "of Adam")
    beta2: float = number(0.99, 0, 0.999999, "of Adam")
    weight_decay: float = number(0.0, 0, 1, "of Adam")
    clip_norm: float = number(1.0, 0, 1e6, "greatest norm of the gradient (0: not clipped)")
    clip_ratio: float = number(0.2, 0, 10, "how far the importance ratio may leave 1")
    truncate: float = number(
        2.0, 1, 1e6, "greatest importance weight of a token that older weights drew (rollout.ahead)"
    )
    iterations: int = number(1, 1, 1000, "optimiser steps on the same games")
    microbatches: int = number(
        1,
        1,
        100_000,
        "parts of equally many rows that a batch is computed in, as wide as its longest reply; "
        "tokens_at_once bounds memory better",
    )
    tokens_at_once: int = number(
        0,
        0,
        MANY,
        "tokens, with padding, that go through the model at once; gradients add up to those of all (0: all)",
    )
    fold: bool = choice(True, "train rows of equal tokens once, weighted by their number")
    even: float = number(
        0.0,
        0,
        1,
        "weight of a turn is n^-even where n turns of the step answered its prompt (1: all prompts alike)",
    )
    forest: Literal["auto", "on", "off"] = choice(
        "auto",
        "compute beginnings that rows share once, where the model can (auto), always or never",
    )
    kl: float = number(0.0, 0, 1e6, "pull to the magnet, in units of payoff after scale")
    kl_end: float = number(
        0.0, 0, 1e6, "what kl comes to at the last step, by equal factors (0: it stays)"
    )
    kl_gradient: Literal["forward", "reverse"] = choice("forward", "what the pull descends")
    kl_exact: bool = choice(
        False,
        "the pull is the whole KL at each token, and not its estimate from the one that was drawn",
    )
    magnet_every: int = number(10, 0, MANY, "steps after which the magnet moves (0: never)")
    magnet_move: float = number(0.1, 0, 1, "share of the way to the learner that it moves")
    average: float = number(0.0, 0, 0.999999, "decay of the running average of weights (0: none)")
    lora: int = number(0, 0, 4096, "rank of the adapters (0: all weights are trained)")
    lora_alpha: float = number(
        0.0, 0, 1e6, "what adapters are scaled by, over the rank (0: twice it)"
    )
    lora_targets: tuple[str, ...] = choice(
        (), "names of the modules that get adapters, like q_proj (empty: all linear ones)"
    )
    bf16: bool = choice(False, "compute in bfloat16; weights stay as they were loaded")
    dtype: Literal["float32", "bfloat16", "8bit", "4bit"] = choice(
        "float32",
        "what the base of adapters is held in (8bit and 4bit by bitsandbytes); what is trained is float32",
    )
    checkpointing: bool = choice(False, "save memory by computing activations again")

    def strength(self, done: float) -> float:
        """The pull to the magnet where this share of the run is done, from 0 to 1."""
        return self.kl * (self.kl_end / self.kl) ** done if self.kl_end else self.kl


@dataclass(frozen=True)
class Record:
    """What is written, every so many steps (0: never)."""

    evaluate_every: int = number(0, 0, MANY, "steps between exact evaluations (0: none)")
    thoughts: int = number(
        16, 4, 10_000, "drawn at each decision where a learner that thinks is evaluated"
    )
    checkpoint_every: int = number(0, 0, MANY, "steps between checkpoints (0: the last alone)")
    transcripts_every: int = number(0, 0, MANY, "steps between transcripts (0: none)")
    transcripts: int = number(4, 0, MANY, "games of a step that are written")
    keep: int = number(0, 0, MANY, "checkpoints that are kept (0: all)")
    metrics_every: int = number(1, 1, MANY, "steps between records of metrics")
    probe_every: int = number(
        50, 1, MANY, "steps between comparisons of the sampler's and learner's log-probabilities"
    )
    tensorboard: bool = choice(True, "write metrics for TensorBoard too")
    trackers: tuple[str, ...] = choice((), "where metrics go too: trackio, wandb")


@dataclass(frozen=True)
class Watch:
    """When to raise an alarm, and what it does (see `watch/monitors.py`). A limit of 0 is off.

    `rollback` goes on from the last checkpoint before the alarm, with other games, at most `rollbacks`
    times in a run; then, or without such a checkpoint, it stops.

    Every checkpoint plays `trial` pairs against each of some of its ancestors and each of the players
    `frozen`, named as for `sparring play`; an alarm says to whom of the first it resolvably loses, and
    against whom of the second an ancestor did resolvably better (see `watch/trial.py`).
    """

    action: Action = choice("warn", "what an alarm does")
    rollbacks: int = number(2, 0, 1000, "how often a run goes back, at most")
    invalid_rate: float = number(0.5, 0, 1, "greatest share of a role's replies that are refused")
    truncation_rate: float = number(0.5, 0, 1, "greatest share of replies that are cut off")
    forbidden_rate: float = number(0.02, 0, 1, "greatest share of programs that try an attack")
    min_entropy: float = number(0.0, 0, 1000, "least entropy of a role, nats a token")
    max_kl: float = number(0.0, 0, 1e6, "greatest KL to the magnet")
    legal_mass: float = number(0.5, 0, 1, "least probability that a free sample is a legal move")
    sampler_ratio: float = number(0.1, 0, 1000, "greatest gap between sampler and learner, nats")
    collapse: float = number(0.3, 0, 1e6, "how far NashConv may rise above its best")
    thought_fall: float = number(
        0.8, 0, 1, "how far a role's thoughts may shrink below the longest they were, as a share"
    )
    thought_empty: float = number(0.5, 0, 1, "greatest share of a role's thoughts that are empty")
    gold_gap: float = number(0.2, 0, 1e6, "how far proxy minus gold may rise above its least")
    min_distinct: float = number(0.2, 0, 1, "least share of proposals that are distinct")
    forgotten: float = number(
        0.02, 0, 1, "greatest share of an exam, resolved, that is below the best before"
    )
    asymmetry: float = number(0.0, 0, 1e6, "how far mean payoffs of roles may lie apart")
    trial: int = number(0, 0, MANY, "pairs that a checkpoint plays against each (0: none)")
    frozen: tuple[str, ...] = choice((), "players that never change, for trials")


def check_credits(credits: Credits, name: str) -> None:
    """Raises ConfigError for credits, called `name` in the message, that contradict each other."""
    if wrong := [turn for turn in credits.turns if turn < 1]:
        raise ConfigError(f"{name}.turns counts a seat's turns from 1; it has {wrong[0]}")
    if not credits.payoff and credits.spread == "terminal":
        raise ConfigError(
            f"{name}.payoff = false leaves the credits alone, and {name}.spread = terminal leaves them "
            "out; use spread = turn or to_go"
        )
