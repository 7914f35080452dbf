"""Settings of a run: frozen values, read from TOML and `--set key=value`. Imports nothing heavy."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

from ..envs.errors import SparringError
from ..envs.registry import Game, find, load

Estimator: TypeAlias = Literal["rae", "group", "loo", "whiten", "paired", "shrunk", "hierarchical", "none"]
Spread: TypeAlias = Literal["terminal", "to_go", "turn"]
Loss: TypeAlias = Literal["dr_grpo", "dapo", "grpo", "bnpo", "cispo", "sapo", "luspo", "vespo"]
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
    the learner: copies of the model, or `vllm`; `cluster` is the address of a Ray cluster ("": one is
    started here).

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
class Opponents:
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
    """From payoffs to advantages (see `advantage.py`, `rewards.py`).

    Baselines are kept per (game, role), and per opponent where there are others than the learner itself,
    or with `by_opponent`. `spread` says which rewards a turn is credited with: `terminal` (the payoff),
    `to_go` (and all named credits from this turn on), `turn` (and this turn's credits). `failed_try` is the
    credit of a try that the game refused. `trained` limits training to these roles, `named` the game's
    credits to those of these names (all when empty).
    """

    estimator: Estimator = "rae"
    decay: float = 0.95
    bias_correction: bool = False
    prior: float = 6.0
    std_floor: float = 0.1
    by_opponent: bool = False
    scale: float = 1.0
    spread: Spread = "to_go"
    failed_try: float = -1.0
    truncated: bool = False
    trained: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class Update:
    """One optimiser step. `kl` is in units of payoff after `scale`; the magnet is what it pulls to.

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
    """When to raise an alarm, and what it does (see `monitors.py`).

    `rollback` goes on from the last checkpoint before the alarm, with other games, at most `rollbacks`
    times in a run; then, or without such a checkpoint, it stops. A limit of 0 is off. `gold_gap` is how far
    proxy minus gold may rise above its least, `asymmetry` how far mean payoffs of roles may lie apart.
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


@dataclass(frozen=True)
class Config:
    """A run. `parameters` are the game's; `threads` is torch's number of threads (0: its default).

    `judge` sits in the seats that grade, and is never trained: a scripted player of the game, a model, a
    checkpoint, a classifier (empty: the game's `rule` or `sample` player). `rollbacks` counts how often the
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
    opponents: Opponents = Opponents()
    credits: Credits = Credits()
    update: Update = Update()
    record: Record = Record()
    watch: Watch = Watch()

    def __post_init__(self) -> None:
        for name, lowest in _LOWEST.items():
            value = cast(float, _reach(self, name))
            if not (math.isfinite(value) and value >= lowest):
                raise ConfigError(f"{name} must be a finite number of at least {lowest}; it is {value}")
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
        if self.update.microbatches > 1 and self.update.loss not in (
            "dr_grpo",
            "luspo",
            "dapo",
            "bnpo",
            "cispo",
        ):
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
}


def played(config: Config) -> Game:
    """The game of a run, its files registered. Raises GameError."""
    for file in config.load:
        load(file)
    return find(config.game, **config.parameters)


def read(path: str | Path, base: Config | None = None) -> Config:
    """The settings of a TOML file over those of `base`.

    Raises ConfigError for a file that cannot be read, unknown keys and values of another type.
    """
    try:
        data = tomllib.loads(Path(path).read_text())
    except OSError as fault:
        raise ConfigError(f"cannot read the config {str(path)!r}: {fault.strerror}") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{str(path)!r} is no TOML: {fault}") from fault
    return merge(base or Config(), data)


def override(config: Config, settings: Iterable[str]) -> Config:
    """Apply `key=value` settings, as of `--set`; keys are dotted, like `update.lr=1e-3`."""
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"{setting!r} is no setting; expected key=value, like update.lr=1e-3")
        data: Any = _literal(text.strip())
        for part in reversed(key.strip().split(".")):
            data = {part: data}
        config = merge(config, data)
    return config


def merge(config: Config, data: Mapping[str, Any]) -> Config:
    """`config` with the nested settings of `data`, each checked."""
    return cast(Config, _merged(config, data, ""))


def names() -> list[str]:
    """The dotted names of all settings."""
    return list(_flat(Config(), ""))


def to_toml(config: Config) -> str:
    """The config as TOML; `read` gives it back."""
    tables: dict[str, list[str]] = {"": []}
    for name, value in _flat(config, "").items():
        table, _, key = name.rpartition(".")
        if isinstance(value, Mapping):
            rows = [f"{k} = {_toml(v)}" for k, v in cast(Mapping[str, Any], value).items()]
            tables[name] = rows
        else:
            tables.setdefault(table, []).append(f"{key} = {_toml(value)}")
    parts = [(f"[{table}]\n" if table else "") + "\n".join(rows) for table, rows in tables.items()]
    return "\n\n".join(parts) + "\n"


def _merged(part: Any, data: Mapping[str, Any], prefix: str) -> Any:
    hints = get_type_hints(type(part))
    changes: dict[str, Any] = {}
    for key, value in data.items():
        name = prefix + key
        if key not in hints:
            raise ConfigError(f"no setting {name!r}{_nearest(name)}")
        now = getattr(part, key)
        if is_dataclass(now):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{name} is a table of settings, like {name}.{fields(now)[0].name}")
            changes[key] = _merged(now, cast(Mapping[str, Any], value), name + ".")
        elif isinstance(now, Mapping):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{name} must be a table; it is {value!r}")
            changes[key] = {**now, **cast(Mapping[str, Any], value)}
        else:
            changes[key] = _checked(name, hints[key], value)
    return replace(part, **changes)


def _checked(name: str, hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{name} must be one of {', '.join(map(str, get_args(hint)))}; it is {value!r}")
        return value
    if origin is tuple:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)):
            raise ConfigError(f"{name} must be a list; it is {value!r}")
        return tuple(_checked(name, get_args(hint)[0], item) for item in cast(list[Any], items))
    if origin in (Union, types.UnionType):
        allowed = get_args(hint)
        hint = next((kind for kind in allowed if type(value) is kind), allowed[0])
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{name} must be {_article(hint.__name__)}; it is {value!r}")
    return value


def _article(kind: str) -> str:
    return {
        "int": "an integer",
        "float": "a number",
        "bool": "true or false",
        "str": "text",
    }.get(kind, kind)


def _literal(text: str) -> Any:
    """A value as TOML reads it; what is none is text, so that names need no quotes."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def _toml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, cast(list[Any], value)))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _flat(part: Any, prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for item in fields(part):
        value = getattr(part, item.name)
        if is_dataclass(value):
            flat |= _flat(value, f"{prefix}{item.name}.")
        else:
            flat[prefix + item.name] = value
    return flat


def _reach(config: Config, name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _nearest(name: str) -> str:
    """The settings whose name or last part is close, as a question."""
    known = names()
    leaf = name.rpartition(".")[2]
    found = [k for k in known if k.rpartition(".")[2] == leaf]
    close = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    by_leaf = {k.rpartition(".")[2]: k for k in known}
    close += [by_leaf[k] for k in difflib.get_close_matches(leaf, list(by_leaf), n=2, cutoff=0.6)]
    found += [k for k in close if k not in found]
    hint = " or ".join(dict.fromkeys(found[:3]))
    return f"; did you mean {hint}?" if hint else f"; the settings are {', '.join(known)}"
