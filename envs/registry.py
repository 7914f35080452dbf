"""Games by id: what a game declares of itself, and where games are found.

A game is one file: in `envs/games/`, in another package through the entry-point group
`sparring.games`, or any file given to `load`. Games of other libraries stand under a namespace
(`openspiel/kuhn_poker`) and are declared by `envs/adapters/NAMESPACE.py` when they are asked for.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from .errors import SparringError, Unknown, did_you_mean
from .script import Script
from .types import GameRef, Message, Value

Player: TypeAlias = Callable[[str, tuple[Message, ...], tuple[str, ...]], str | Sequence[float]]
"""A scripted player that ships with a game: (seat, view, choices) to its reply, or to odds over the choices.

`choices` is empty where the ask lists none.
"""
Sum: TypeAlias = Literal["zero", "general", "common"]
Score: TypeAlias = Literal["win", "payoff"]
Rated: TypeAlias = Literal["role", "seat"]

_ID = re.compile(r"[a-z][a-z0-9-]*(-v[0-9]+|(/[A-Za-z0-9_.-]+)+)")
NAMESPACES = ("openspiel", "pettingzoo", "textarena")


class GameError(SparringError, ValueError):
    """A game's declaration is wrong, or what it was given does not fit it."""


class UnknownGameError(Unknown, GameError):
    """No game has this id."""


class ParameterError(GameError, TypeError):
    """A game was given a parameter that it does not take, or of another type."""


class MissingLibraryError(GameError, ImportError):
    """The library that a namespace's games come from is not installed."""


@dataclass(frozen=True)
class Game:
    """A game with its parameters filled in: its facts, and `script()` to start it.

    `roles` maps a role to its number of seats; `payoff_range` (lo, hi) covers legal endings;
    `truncation` is what every seat gets when `max_turns` is reached; `score` says how it is rated
    (None: not at all); `judges` are roles without payoff; `rated="role"` gives each role one entrant,
    `"seat"` each seat its own. `rules` maps a role to what it is told first (may be empty). `oracles`
    are the scripted players that come with the game, by name; `simultaneous` says that all seats always
    move at once; `bounds` are the least and greatest values of numeric parameters; `family` is what the
    game is listed with; `provider` names the library (with version) whose rules it plays, and `caveats`
    say what is known to be wrong with them.
    """

    ref: GameRef
    about: str
    roles: Mapping[str, int]
    max_turns: int
    payoff_range: tuple[float, float]
    sum: Sum
    score: Score | None
    judges: tuple[str, ...]
    rated: Rated
    truncation: Mapping[str, float]
    rules: Mapping[str, str]
    simultaneous: bool
    parameters: Mapping[str, Value]
    bounds: Mapping[str, tuple[float, float]]
    oracles: Mapping[str, Player] = field(repr=False, compare=False)
    seats: tuple[str, ...]
    role_of: Mapping[str, str]
    _script: Callable[..., Script] = field(repr=False, compare=False)
    family: str = "other"
    provider: str = ""
    caveats: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.ref.id

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
        told = {
            role: (Message("system", rules),) if rules else () for role, rules in self.rules.items()
        }
        return MappingProxyType({seat: told.get(role, ()) for seat, role in self.role_of.items()})

    def script(self) -> Script:
        """A fresh run of the rules."""
        return self._script(**self.parameters)

    def forfeit(self, offenders: Sequence[str]) -> dict[str, float]:
        """What a forfeit pays: each offender lo − 1; in zero-sum games the others share the opposite.

        Where every player offends there is nobody to share with, and the sum is negative: that an
        offender never does as well as the worst legal payoff comes first.
        """
        loss = self.payoff_range[0] - 1
        guilty = [seat for seat in self.players if seat in offenders]
        innocent = [seat for seat in self.players if seat not in offenders]
        share = -loss * len(guilty) / len(innocent) if self.sum == "zero" and innocent else 0.0
        return {seat: loss if seat in offenders else share for seat in self.players}

    def __reduce__(self) -> tuple[Any, ...]:
        return _refind, (self.ref.id, dict(self.ref.parameters))


def _refind(id: str, parameters: dict[str, Value]) -> Game:
    return find(id, **parameters)


def seat_names(roles: Mapping[str, int]) -> dict[str, str]:
    """Seat to role, in seat order: `proposer`, or `solver_0`, `solver_1` … where a role has several."""
    return {
        role if count == 1 else f"{role}_{index}": role
        for role, count in roles.items()
        for index in range(count)
    }


@dataclass(frozen=True)
class _Declaration:
    """A game as registered: facts may still be functions of the parameters."""

    id: str
    script: Callable[..., Script]
    facts: Mapping[str, Any]
    defaults: Mapping[str, Value]
    origin: str

    def resolve(self, fact: str, parameters: Mapping[str, Value]) -> Any:
        value = self.facts[fact]
        if not callable(value):
            return value
        wanted = inspect.signature(value).parameters
        if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in wanted.values()):
            return value(**parameters)
        return value(**{name: given for name, given in parameters.items() if name in wanted})

    def bind(self, given: Mapping[str, Value]) -> Game:
        parameters = dict(self.defaults)
        for name, value in given.items():
            parameters[name] = self._inside(name, self._checked(name, value))
        fact = {name: self.resolve(name, parameters) for name in self.facts}
        roles = MappingProxyType(dict(fact["roles"]))
        role_of = seat_names(roles)
        judges = tuple(fact["judges"])
        paid = [seat for seat, role in role_of.items() if role not in judges]
        changed = tuple(sorted((n, v) for n, v in parameters.items() if v != self.defaults[n]))
        lo, hi = fact["payoff_range"]
        return Game(
            ref=GameRef(self.id, changed),
            about=inspect.cleandoc(self.script.__doc__ or "").split("\n\n")[0].replace("\n", " "),
            roles=roles,
            max_turns=int(fact["max_turns"]),
            payoff_range=(float(lo), float(hi)),
            sum=fact["sum"],
            score=fact["score"],
            judges=judges,
            rated=fact["rated"],
            truncation=_per_key(fact["truncation"], paid),
            rules=_per_key(fact["rules"], list(roles)),
            simultaneous=bool(fact["simultaneous"]),
            parameters=MappingProxyType(parameters),
            bounds=MappingProxyType(dict(fact["bounds"])),
            oracles=MappingProxyType(dict(fact["oracles"])),
            seats=tuple(role_of),
            role_of=MappingProxyType(role_of),
            _script=self.script,
            family=fact["family"],
            provider=fact["provider"],
            caveats=tuple(fact["caveats"]),
        )

    def _checked(self, name: str, value: Value) -> Value:
        if name not in self.defaults:
            known = ", ".join(f"{n}={v!r}" for n, v in self.defaults.items()) or "none"
            hint = did_you_mean(name, self.defaults, "")
            raise ParameterError(
                f"{self.id} takes no parameter {name!r}{hint}; its parameters: {known}"
            )
        default = self.defaults[name]
        if isinstance(default, float) and type(value) is int:
            return float(value)
        if default is not None and type(value) is not type(default):
            raise ParameterError(
                f"{self.id}: {name} must be {type(default).__name__} like {default!r}, not {value!r}"
            )
        return value

    def _inside(self, name: str, value: Value) -> Value:
        """The value itself. Raises ParameterError for a number outside the bounds that the game declares."""
        if name in self.facts["bounds"] and isinstance(value, (int, float)):
            least, most = self.facts["bounds"][name]
            if not least <= value <= most:
                raise ParameterError(
                    f"{self.id}: {name} must be from {least:g} to {most:g}, not {value!r}"
                )
        return value


def _per_key(fact: Any, keys: list[str]) -> Mapping[str, Any]:
    return MappingProxyType(dict(fact) if isinstance(fact, Mapping) else dict.fromkeys(keys, fact))


_declared: dict[str, _Declaration] = {}


def game(
    id: str,
    *,
    roles: Mapping[str, int] | Callable[..., Mapping[str, int]],
    max_turns: int | Callable[..., int],
    payoff_range: tuple[float, float] | Callable[..., tuple[float, float]],
    sum: Sum | Callable[..., Sum] = "general",
    score: Score | Callable[..., Score | None] | None = None,
    judges: tuple[str, ...] = (),
    rated: Rated = "role",
    truncation: float | Mapping[str, float] | Callable[..., float | Mapping[str, float]] = 0.0,
    rules: str | Mapping[str, str] | Callable[..., str | Mapping[str, str]] = "",
    simultaneous: bool | Callable[..., bool] = False,
    bounds: Mapping[str, tuple[float, float]] = MappingProxyType({}),
    oracles: Mapping[str, Player] = MappingProxyType({}),
    family: str = "other",
    provider: str = "",
    caveats: tuple[str, ...] | Callable[..., tuple[str, ...]] = (),
    parameters: Mapping[str, Value] | None = None,
) -> Callable[[Callable[..., Script]], Callable[..., Script]]:
    """Register a script under `id` with the facts that are true of it.

    Any fact but `bounds` may be a function of the script's parameters; one with `**parameters` gets all.
    `parameters` gives the defaults of a script that takes `**parameters`. Raises GameError for an id of
    the wrong form or one that another file has taken.
    """
    if not _ID.fullmatch(id):
        raise GameError(
            f"{id!r} is no game id; expected lower-case words and a version, like my-game-v0, "
            "or a namespace and a name, like openspiel/kuhn_poker"
        )
    facts = dict(locals())
    del facts["id"], facts["parameters"]

    def register(script: Callable[..., Script]) -> Callable[..., Script]:
        defaults = _defaults(id, script) if parameters is None else parameters
        origin = inspect.getsourcefile(script) or script.__module__
        other = _declared.get(id)
        if other and other.origin != origin:
            raise GameError(f"{id} is registered twice: in {other.origin} and in {origin}")
        _declared[id] = _Declaration(id, script, facts, defaults, origin)
        return script

    return register


def _defaults(id: str, script: Callable[..., Script]) -> dict[str, Value]:
    """The parameters of a script with their defaults. Raises GameError where one has none."""
    signature = inspect.signature(script).parameters.values()
    bare = [p.name for p in signature if p.default is inspect.Parameter.empty]
    if bare:
        raise GameError(f"{id}: parameters need defaults: {', '.join(bare)}")
    return {p.name: p.default for p in signature}


def find(id: str, **parameters: Value) -> Game:
    """The game of this id, with parameters.

    Raises UnknownGameError, naming the nearest, ParameterError, or MissingLibraryError for a game of
    another library that is not installed.
    """
    if id not in _declared:
        _import_one(id)
    if id not in _declared:
        _declare_foreign(id)
    if id not in _declared:
        known = game_ids()
        if id not in _declared:
            if "/" in id:
                names(id.partition("/")[0])  # says which namespaces there are
            listing = f"games {id}/" if id in NAMESPACES else "games"
            raise UnknownGameError(
                "game",
                id,
                known,
                otherwise=f"; `sparring {listing}` lists them",
                more=" (one in a file of yours needs --load FILE)",
            )
    return _declared[id].bind(parameters)


def game_ids(namespace: str = "") -> list[str]:
    """The ids of all games that can be found, sorted: our own and those registered, or a namespace's."""
    if namespace:
        return [f"{namespace}/{name}" for name in names(namespace)]
    games = importlib.import_module(
        ".games", __package__
    )  # found by name: a game imports what stands here

    for module in pkgutil.iter_modules(games.__path__):
        importlib.import_module(f"{games.__name__}.{module.name}")
    _import_entry_points()
    return sorted(_declared.keys() - _foreign)


def names(namespace: str) -> Mapping[str, str]:
    """The games of another library, by its own names, with a line about each where that costs nothing.

    Raises UnknownGameError for a namespace that there is not, and MissingLibraryError.
    """
    if namespace not in NAMESPACES:
        raise UnknownGameError("namespace", namespace, NAMESPACES)
    return importlib.import_module(f".adapters.{namespace}", __package__).names()


_foreign: set[str] = set()


def _declare_foreign(id: str) -> None:
    """Have the adapter of the id's namespace declare it. Raises UnknownGameError, naming the nearest."""
    namespace, slash, name = id.partition("/")
    if not slash or namespace not in NAMESPACES:
        return
    known = names(namespace)
    adapter = importlib.import_module(f".adapters.{namespace}", __package__)
    if not adapter.declare(id, name):
        listing = f"; `sparring games {namespace}/` lists them"
        raise UnknownGameError("game", name, known, where=f" in {namespace}", otherwise=listing)
    _foreign.add(id)


def load(path: str | Path) -> list[str]:
    """Register the games of a file; returns their ids. Raises GameError when it cannot or has none."""
    file = Path(path).resolve()
    if not file.is_file():
        raise GameError(f"no file {str(path)!r} to load games from")
    name = f"sparring_loaded_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise GameError(f"{str(path)!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except GameError:
        raise
    except Exception as fault:
        raise GameError(f"{str(path)!r} failed to load: {type(fault).__name__}: {fault}") from fault
    ids = [id for id, declared in _declared.items() if declared.origin == str(file)]
    if not ids:
        raise GameError(f"{str(path)!r} registers no game; decorate a script with @game(…)")
    return ids


def _import_one(id: str) -> None:
    games = importlib.import_module(
        ".games", __package__
    )  # found by name: a game imports what stands here

    name = re.sub(r"-v[0-9]+$", "", id).replace("-", "_")
    if name.isidentifier() and (Path(games.__path__[0]) / f"{name}.py").exists():
        importlib.import_module(f"{games.__name__}.{name}")


def _import_entry_points() -> None:
    for entry in importlib.metadata.entry_points(group="sparring.games"):
        try:
            entry.load()
        except Exception as fault:  # a broken plug-in must not hide every other game
            warnings.warn(
                f"games of {entry.value} not loaded: {fault}", RuntimeWarning, stacklevel=2
            )
