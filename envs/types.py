"""The nouns every room shares: frozen values, with no imports of ours.

A *game* asks *seats* for moves and a *verifier* for verdicts; whoever drives it answers. These are the
values that travel between them. Words are those of docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

Plain: TypeAlias = bool | int | float | str | bytes | None
Value: TypeAlias = (
    "Plain | list[Value] | tuple[Value, ...] | dict[Value, Value] | set[Value] | frozenset[Value]"
)
"""Plain data that may cross a boundary: exact types, bounded (see `values.py`)."""

Speaker: TypeAlias = Literal["game", "self", "system"]
Finish: TypeAlias = Literal["stop", "length", "timeout"]
Cause: TypeAlias = Literal["illegal", "unparsable", "length", "timeout"]
Source: TypeAlias = Literal["engine", "context", "env", "quota", "worker", "cancelled"]
EndingKind: TypeAlias = Literal["outcome", "forfeit", "truncated", "error"]
Status: TypeAlias = Literal[
    "ok",
    "error",
    "memory",
    "timeout",
    "cpu",
    "output_limit",
    "forbidden",
    "crash",
    "no_result",
    "invalid",
    "refused",
    "nondeterministic",
    "infra",
]

NOTHING: Mapping[str, float] = MappingProxyType({})


class Message(NamedTuple):
    """One piece of what a seat has seen: said by the game, by the seat itself, or the rules.

    A tuple, because views are keys: trees hash them by the million.
    """

    speaker: Speaker
    text: str


class Ask(NamedTuple):
    """A request for one move. `prompt` holds only what is new to the seat.

    `choices` lists the legal moves where they are few. `retry` is 0 for a first try and counts the
    tries that failed before this one.
    """

    seat: str
    prompt: str
    choices: tuple[str, ...] | None = None
    retry: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use, per child process. Sizes are binary (1 MiB = 2**20 bytes)."""

    seconds: float = 5.0
    cpu_seconds: float = 5.0
    megabytes: int = 256
    output_kilobytes: int = 64
    value_kilobytes: int = 1024


@dataclass(frozen=True, slots=True)
class Job:
    """Untrusted code to run. `entry` names the function called on each of `inputs`.

    With `entry=None` the source runs as a program reading `stdin`. `repeat=2` runs the job in two
    servers with different hash seeds and compares (status `nondeterministic`). `judge` is the source
    of a judge run as a child of its own: its `judge(value)` meets the candidate's values as data only.
    """

    source: str
    entry: str | None = None
    inputs: tuple[tuple[Value, ...], ...] = ()
    stdin: str = ""
    repeat: int = 1
    judge: str | None = None
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Result:
    """What one call came to: its status, and the value where the status is `ok`."""

    status: Status
    value: Value = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a job came to: the worst status, one result per input, and what it printed.

    `detail` says in one line what went wrong, for people and prompts; `forbidden` counts attempts at
    calls that honest programs never make, and forged records.
    """

    status: Status
    results: tuple[Result, ...] = ()
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    forbidden: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a policy answered. `text` is what others see; `thought` stays private.

    `tokens` and `logprobs` are the sampler's own (empty for scripted policies), `prompt_tokens` the ids
    the model was given; `finish` is `length` when the reply was cut at its token limit. `memory` is how
    the seat itself remembers the reply (None: as `text`; a policy that keeps thoughts sets it).

    `used` are the tokens read and written as an endpoint counts them, whose ids are not known.

    `unconstrained` is None for a reply drawn freely. For one drawn among choices, `logprobs` are those of
    the distribution over the choices, and `unconstrained` those of the same tokens without the constraint.
    """

    text: str
    thought: str = ""
    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    finish: Finish = "stop"
    prompt_tokens: tuple[int, ...] = ()
    memory: str | None = None
    unconstrained: tuple[float, ...] | None = None
    used: tuple[int, int] | None = None


class Turn(NamedTuple):
    """One prompt and its reply. `prompt` is the seat's whole view when it answered.

    `retry` as in `Ask`; `credits` are the named rewards the script gave this turn; `refused` says why the
    reply was no move (None: it was one), whether the seat was asked again, forfeited or had a fall-back.
    """

    seat: str
    role: str
    prompt: tuple[Message, ...]
    reply: Reply
    retry: int = 0
    choices: tuple[str, ...] | None = None
    credits: Mapping[str, float] = NOTHING
    refused: Cause | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an episode ended.

    `seats` are the offenders of a forfeit, or the judges that gave no word, and `cause` is why; `source` is
    where the fault behind an error lies: in a policy's engine, in a conversation beyond its `context`, in the
    game or its verifier (`env`), a quota, a worker.
    """

    kind: EndingKind
    seats: tuple[str, ...] = ()
    reason: str = ""
    cause: Cause | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class GameRef:
    """A game by id (with version) and the parameters that differ from its defaults, sorted by name."""

    id: str
    parameters: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """Who sits in a seat: a name people read, and an id that changes whenever behaviour may."""

    name: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """One game played to its end; with its answers it replays without a model.

    `verdicts`, `chances` and `recalls` are the answers to the script's other requests, in order;
    `notes` its measurements. `payoff` maps every non-judge seat to what the game pays it (empty when
    the ending is an error). `verifier` says what judged (executor and strength). `seconds` is how long each
    seat's policy took over its answers, its share of every batch; no part of what was played.
    """

    game: GameRef
    seed: int
    replicate: int
    seats: Mapping[str, PolicyRef]
    turns: tuple[Turn, ...]
    payoff: Mapping[str, float]
    ending: Ending
    verdicts: tuple[Verdict, ...] = ()
    chances: tuple[int, ...] = ()
    recalls: tuple[tuple[Value, ...], ...] = ()
    notes: tuple[tuple[str, Value], ...] = ()
    kept: tuple[tuple[str, Value], ...] = ()
    verifier: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict[str, float], compare=False)
