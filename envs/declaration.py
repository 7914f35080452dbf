"""What a game says of itself: `Declared`, as it was registered, and `Game`, with parameters filled in."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Generator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, TypeVar

from .errors import SparringError, did_you_mean
from .mistakes import author_line, place_of
from .script import Script
from .types import GameRef, Message, Value

T = TypeVar("T")
_TOLERANCE = 1e-9
Player: TypeAlias = Callable[[str, tuple[Message, ...], tuple[str, ...]], str | Sequence[float]]
"""A scripted player that ships with a game: (seat, view, choices) to its reply, or to odds over the choices.

`choices` is empty where the ask lists none.
"""
Sum: TypeAlias = Literal["zero", "general", "common"]
Score: TypeAlias = Literal["win", "payoff"]
Rated: TypeAlias = Literal["role", "seat", "crossed"]
Range: TypeAlias = tuple[float, float]
PerSeat: TypeAlias = float | Mapping[str, float]
PerRole: TypeAlias = str | Mapping[str, str]


class GameError(SparringError, ValueError):
    """A game's declaration is wrong, or what it was given does not fit it."""


class ParameterError(GameError, TypeError):
    """A game was given a parameter that it does not take, or of another type."""


@dataclass(frozen=True)
class Game:
    """A game with its parameters filled in: its facts, and `script()` to start it.

    `roles` maps a role to its number of seats; `payoff_range` (lo, hi) covers legal endings;
    `truncation` is what every seat gets when `max_turns` is reached; `score` says how it is rated
    (None: not at all); `judges` are roles without payoff; `rated="role"` gives each role one entrant,
    `"seat"` each seat its own; `"crossed"` each role one, who also meets itself: what it is worth in a role
    is told by what the other is paid there beside the same partners. `rules` maps a role to what it is
    told first (may be empty). `oracles` are the scripted players that come with the game, by name;
    `simultaneous` says that all seats always move at once; `bounds` are the least and greatest values of
    numeric parameters; `family` is what the game is listed with; `provider` names the library (with
    version) whose rules it plays, and `caveats` say what is known to be wrong with them. `items` is how
    many tasks its parameter `item` can name, from 0 up (0: the game has no such parameter); they stay the
    same, so that an exam can ask them again.
    """

    ref: GameRef
    about: str
    roles: Mapping[str, int]
    max_turns: int
    payoff_range: Range
    sum: Sum
    score: Score | None
    judges: tuple[str, ...]
    rated: Rated
    truncation: Mapping[str, float]
    rules: Mapping[str, str]
    simultaneous: bool
    parameters: Mapping[str, Value]
    bounds: Mapping[str, Range]
    oracles: Mapping[str, Player] = field(repr=False, compare=False)
    seats: tuple[str, ...]
    role_of: Mapping[str, str]
    _script: Callable[..., Script] = field(repr=False, compare=False)
    family: str = "other"
    provider: str = ""
    caveats: tuple[str, ...] = ()
    items: int = 0

    @property
    def id(self) -> str:
        return self.ref.id

    @property
    def definition(self) -> Callable[..., Script]:
        """The function in which the rules are written."""
        return self._script

    @property
    def description(self) -> str:
        """The script's whole docstring: roles, moves, payoff and source."""
        return inspect.cleandoc(self._script.__doc__ or "")

    @cached_property
    def players(self) -> tuple[str, ...]:
        """The seats that are paid: all but the judges', in seat order."""
        return tuple(seat for seat in self.seats if self.role_of[seat] not in self.judges)

    @cached_property
    def paid(self) -> Set[str]:
        """The players as a set: what every payoff names."""
        return frozenset(self.players)

    @cached_property
    def openings(self) -> MappingProxyType[str, tuple[Message, ...]]:
        """What each seat has seen before anything happened: the rules of its role."""
        # a role without rules has no message: an empty one would be in every prompt
        told = {
            role: (Message("system", rules),) if rules else () for role, rules in self.rules.items()
        }
        return MappingProxyType({seat: told.get(role, ()) for seat, role in self.role_of.items()})

    def script(self) -> Script:
        """A fresh run of the rules. Raises GameError for a script that yields nothing."""
        try:
            script: Any = self._script(**self.parameters)
        except Exception as fault:  # a generator would not have run yet
            raise GameError(
                f"{self.id}: {type(fault).__name__}: {fault}{author_line(fault)}"
            ) from fault
        if not isinstance(script, Generator):
            raise GameError(
                f"{self.id}: the script yields nothing ({place_of(self._script)}); "
                "a script must `yield from ask(…)`"
            )
        return script

    def payoff_fault(self, payoff: Any) -> str:
        """What a payoff breaks of the declared facts, or ""."""
        if not isinstance(payoff, Mapping) or frozenset(payoff) != self.paid:
            return f"the payoff must name {', '.join(self.players)}; it is {payoff!r}"

        # sums of floats are rarely exact, so each fact is held to within a billionth
        lo, hi = self.payoff_range
        amounts: list[float] = [*payoff.values()] or [0.0]  # a game of judges alone pays no seat
        least, most = min(amounts), max(amounts)
        total = sum(amounts)  # math.fsum raises where infinities of both signs meet

        # a NaN shows in the sum, and min and max may miss it: no comparison with it holds
        if not (math.isfinite(total) and lo - _TOLERANCE <= least and most <= hi + _TOLERANCE):
            return f"the payoff {dict(payoff)} is outside {self.payoff_range}"
        if self.sum == "zero" and abs(total) > _TOLERANCE:
            return f"the payoff {dict(payoff)} of a zero-sum game does not sum to 0"
        if self.sum == "common" and most - least > _TOLERANCE:
            return f"the payoff {dict(payoff)} of a common-payoff game differs between seats"
        return ""

    def forfeit(self, offenders: Sequence[str]) -> dict[str, float]:
        """What a forfeit pays: each offender lo − 1; in zero-sum games the others share the opposite.

        Where every player offends there is no seat to share with, and the sum is negative: it matters
        more that an offender never does as well as the worst legal payoff.
        """
        loss = self.payoff_range[0] - 1
        guilty = [seat for seat in self.players if seat in offenders]
        innocent = [seat for seat in self.players if seat not in offenders]
        share = -loss * len(guilty) / len(innocent) if self.sum == "zero" and innocent else 0.0
        return {seat: loss if seat in offenders else share for seat in self.players}


def seat_names(roles: Mapping[str, int]) -> dict[str, str]:
    """Seat to role, in seat order: `proposer`, or `solver_0`, `solver_1` … where a role has several."""
    return {
        role if count == 1 else f"{role}_{index}": role
        for role, count in roles.items()
        for index in range(count)
    }


@dataclass(frozen=True)
class Declared:
    """A game as registered. Any fact but `bounds` may still be a function of the parameters.

    `defaults` are the script's parameters, and `origin` is the file that it stands in.
    """

    id: str
    script: Callable[..., Script]
    origin: str
    defaults: Mapping[str, Value]
    roles: Mapping[str, int] | Callable[..., Mapping[str, int]]
    max_turns: int | Callable[..., int]
    payoff_range: Range | Callable[..., Range]
    sum: Sum | Callable[..., Sum]
    score: Score | Callable[..., Score | None] | None
    judges: tuple[str, ...]
    rated: Rated
    truncation: PerSeat | Callable[..., PerSeat]
    rules: PerRole | Callable[..., PerRole]
    simultaneous: bool | Callable[..., bool]
    bounds: Mapping[str, Range]
    oracles: Mapping[str, Player]
    family: str
    provider: str | Callable[..., str]
    caveats: tuple[str, ...] | Callable[..., tuple[str, ...]]
    items: int | Callable[..., int]

    def bind(self, given: Mapping[str, Value]) -> Game:
        """The game with these parameters. Raises ParameterError."""
        parameters = dict(self.defaults)
        for name, value in given.items():
            # the type first, because bounds compare numbers
            parameters[name] = self._inside(name, self._checked(name, value))
        # only what differs, sorted: one game has one ref, however it was asked for
        changed = tuple(sorted((n, v) for n, v in parameters.items() if v != self.defaults[n]))

        roles = MappingProxyType(dict(_resolved(self.roles, parameters)))
        role_of = seat_names(roles)
        paid = [seat for seat, role in role_of.items() if role not in self.judges]
        score: Score | None = _resolved(self.score, parameters)
        parts = [role for role in roles if role not in self.judges]
        if self.rated == "crossed" and (score != "payoff" or len(parts) != 2):
            raise GameError(
                f"{self.id}: rated='crossed' needs score='payoff' and two roles beside judges; "
                f"its score is {score!r}, its roles are {', '.join(parts)}"
            )
        lo, hi = _resolved(self.payoff_range, parameters)

        return Game(
            ref=GameRef(self.id, changed),
            # the first paragraph on one line, as lists of games show it
            about=inspect.cleandoc(self.script.__doc__ or "").split("\n\n")[0].replace("\n", " "),
            roles=roles,
            max_turns=int(_resolved(self.max_turns, parameters)),
            payoff_range=(float(lo), float(hi)),
            sum=_resolved(self.sum, parameters),
            score=score,
            judges=tuple(self.judges),
            rated=self.rated,
            truncation=_per_key(_resolved(self.truncation, parameters), paid),
            rules=_per_key(_resolved(self.rules, parameters), roles),
            simultaneous=bool(_resolved(self.simultaneous, parameters)),
            parameters=MappingProxyType(parameters),
            bounds=MappingProxyType(dict(self.bounds)),
            oracles=MappingProxyType(dict(self.oracles)),
            seats=tuple(role_of),
            role_of=MappingProxyType(role_of),
            _script=self.script,
            family=self.family,
            provider=_resolved(self.provider, parameters),
            caveats=tuple(_resolved(self.caveats, parameters)),
            items=int(_resolved(self.items, parameters)),
        )

    def _checked(self, name: str, value: Value) -> Value:
        """The value, of the default's type. Raises ParameterError."""
        if name not in self.defaults:
            known = ", ".join(f"{n}={v!r}" for n, v in self.defaults.items()) or "none"
            hint = did_you_mean(name, self.defaults, "")
            raise ParameterError(
                f"{self.id} takes no parameter {name!r}{hint}; its parameters: {known}"
            )

        default = self.defaults[name]
        # `type`, not isinstance: True is an int to Python and would pass as 1
        if isinstance(default, float) and type(value) is int:
            return float(value)
        # a default of None says nothing of the type, so any value passes
        if default is not None and type(value) is not type(default):
            raise ParameterError(
                f"{self.id}: {name} must be {type(default).__name__} like {default!r}, not {value!r}"
            )
        return value

    def _inside(self, name: str, value: Value) -> Value:
        """The value itself. Raises ParameterError for a number outside the bounds that the game declares."""
        if name in self.bounds and isinstance(value, (int, float)):
            least, most = self.bounds[name]
            if not least <= value <= most:
                raise ParameterError(
                    f"{self.id}: {name} must be from {least:g} to {most:g}, not {value!r}"
                )
        return value


def _resolved(fact: T | Callable[..., T], parameters: Mapping[str, Value]) -> T:
    """The fact itself, or what its function makes of those parameters that it takes."""
    if not callable(fact):
        return fact
    # a function names the parameters that it needs; most facts depend on one or two
    function: Callable[..., Any] = fact
    wanted = inspect.signature(function).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in wanted.values()):
        return function(**parameters)
    return function(**{name: given for name, given in parameters.items() if name in wanted})


def _per_key(fact: T | Mapping[str, T], keys: Sequence[str] | Mapping[str, Any]) -> Mapping[str, T]:
    """A fact of each key, where one value stands for all."""
    if isinstance(fact, Mapping):
        # a copy, because the author's own mapping may change later
        return MappingProxyType(dict(fact))
    return MappingProxyType(dict.fromkeys(keys, fact))
