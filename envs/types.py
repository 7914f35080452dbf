"""The nouns that all rooms share: frozen values, with no imports of ours.

Glossary, in the order in which a game meets them:

    game        rules with parameters, found by an id such as `kuhn-poker-v0`
    script      the generator that plays the rules: it yields requests and is sent answers
    driver      the code that answers a script through a `Table`: a match, an environment, a tree walk
    role        a part in a game: `proposer`, `solver`
    seat        a role's place in one match: `proposer`, `solver_0`, `solver_1`
    judge       a seat without payoff that grades others
    player      a seat that is paid: every seat but the judges'
    policy      what answers for a seat: a model, a scripted player, a person
    ask         a request for one move of one seat; its answer is a reply
    view        all that a seat has seen, as messages; its information set
    turn        one ask and its reply; a retry is a turn of its own
    move        what a parser makes of a reply; retries and refused replies are no moves
    job         code to run; its answer is a verdict
    payoff      what the game pays each player at its end, in the game's own units
    credit      a named reward for one turn, beside the payoff
    ending      how it ended: outcome, forfeit, truncated or error
    episode     one game played to its end, with every answer, so that it replays
    replicate   the number of a copy of the same game and seed, with other sampling noise

Units are in names: `seconds`, `megabytes` (2**20 bytes), `kilobytes` (2**10 bytes). Text is counted in
characters. Log-probabilities are natural logarithms. A seed is an integer from 0 up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

Seat: TypeAlias = str
"""A seat's name; `envs.registry.seat_names` makes them of roles."""
Seconds: TypeAlias = float
TokenIds: TypeAlias = tuple[int, ...]
"""Ids in the vocabulary of the model that sampled them."""
Logprobs: TypeAlias = tuple[float, ...]
"""Natural logarithms of probabilities, one for each token."""

Plain: TypeAlias = bool | int | float | str | bytes | None
# In quotes, because the alias names itself.
Value: TypeAlias = (
    "Plain | list[Value] | tuple[Value, ...] | dict[Value, Value] | set[Value] | frozenset[Value]"
)
"""Plain data that may cross a boundary: exact types, bounded (see `values.py`)."""

Speaker: TypeAlias = Literal["game", "self", "system", "tools", "result"]
"""Whose message it is, as its seat sees it: the game's, its own, the rules, its tools', a tool's."""
Finish: TypeAlias = Literal["stop", "length", "timeout"]
"""How a reply ended: by itself, at its limit of tokens, or at its limit of time."""
Cause: TypeAlias = Literal["illegal", "unparsable", "length", "timeout"]
"""Why a reply was no move."""
Source: TypeAlias = Literal["engine", "context", "env", "quota", "worker", "cancelled"]
"""Where the fault behind an error lies; see `Ending`."""
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

# One empty mapping for all: most turns have no credits, and none may be written into it.
NOTHING: Mapping[str, float] = MappingProxyType({})


class Message(NamedTuple):
    """One piece of a view: said by the game, by the seat itself, or the rules.

    A tuple, because views are keys: trees hash them by the million.
    """

    speaker: Speaker
    text: str


class Ask(NamedTuple):
    """A request for one move. `prompt` holds only what is new to the seat.

    `choices` lists the legal moves where they are few. `retry` is 0 for a first try and counts the
    tries that failed before this one. `tools` says which tools there are and how they are called (empty:
    none). `call` counts the calls of tools that led here; the prompt is then the result of the last one.
    """

    seat: Seat
    prompt: str
    choices: tuple[str, ...] | None = None
    retry: int = 0
    tools: str = ""
    call: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use, per child process. Sizes are binary (1 MiB = 2**20 bytes)."""

    seconds: Seconds = 5.0
    cpu_seconds: Seconds = 5.0
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
    """The result of one call: its status, and the value where the status is `ok`."""

    status: Status
    value: Value = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a job: the worst status, one result per input, and what it printed.

    `detail` says in one line what went wrong, for people and prompts; `forbidden` counts attempts at
    calls that honest programs never make, and forged records.
    """

    status: Status
    results: tuple[Result, ...] = ()
    stdout: str = ""
    stderr: str = ""
    seconds: Seconds = 0.0
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

    `given` are the first and the last place (exclusive) of those `tokens` that the sampler did not draw: they
    closed a thought at the end of its budget, have log-probabilities of 0, and are never trained.
    """

    text: str
    thought: str = ""
    tokens: TokenIds = ()
    logprobs: Logprobs = ()
    finish: Finish = "stop"
    prompt_tokens: TokenIds = ()
    memory: str | None = None
    unconstrained: Logprobs | None = None
    used: tuple[int, int] | None = None
    given: tuple[int, int] | None = None


class Turn(NamedTuple):
    """One prompt and its reply. `prompt` is the seat's whole view when it answered.

    `retry` and `call` as in `Ask`; `credits` are the named rewards the script gave this turn; `refused` says
    why the reply was no move (None: it was one), whether the seat was asked again, forfeited or had a
    fall-back.
    """

    seat: Seat
    role: str
    prompt: tuple[Message, ...]
    reply: Reply
    retry: int = 0
    choices: tuple[str, ...] | None = None
    credits: Mapping[str, float] = NOTHING
    refused: Cause | None = None
    call: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How an episode ended.

    `seats` are the offenders of a forfeit, or the judges that gave no reply, and `cause` is why. `source`
    is where the fault behind an error lies: in a policy's engine, in a conversation beyond its `context`,
    in the game or its verifier (`env`), a quota, a worker.
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

    def __hash__(self) -> int:
        # a parameter's value may be a list, which has no hash
        return hash((self.id, *[name for name, _ in self.parameters]))

    @property
    def label(self) -> str:
        """The id and the parameters, as people write a call: `nim-v0(heaps=3)`."""
        given = ",".join(f"{name}={value}" for name, value in self.parameters)
        return f"{self.id}({given})" if given else self.id


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """The policy in a seat: a name people read, and an id that changes whenever behaviour may."""

    name: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """One game played to its end; with its answers it replays without a model.

    `verdicts`, `chances` and `recalls` are the answers to the script's other requests, in order;
    `notes` its measurements. `payoff` maps every non-judge seat to what the game pays it (empty when
    the ending is an error). `verifier` says what judged (executor and strength). The first `begun` turns are
    not of this game: it went on from the history of another. `seconds` is how long each seat's policy took
    over its answers, its share of every batch. It is not compared.
    """

    game: GameRef
    seed: int
    replicate: int
    seats: Mapping[Seat, PolicyRef]
    turns: tuple[Turn, ...]
    payoff: Mapping[Seat, float]
    ending: Ending
    verdicts: tuple[Verdict, ...] = ()
    chances: tuple[int, ...] = ()
    recalls: tuple[tuple[Value, ...], ...] = ()
    notes: tuple[tuple[str, Value], ...] = ()
    kept: tuple[tuple[str, Value], ...] = ()
    verifier: str = ""
    begun: int = 0
    seconds: Mapping[Seat, Seconds] = field(default_factory=dict[str, float], compare=False)
