"""Games by id: how a game is registered, and where games are found.

A game is one file: in `envs/games/`, in another package through the entry-point group
`sparring.games`, or any file given to `load`. Games of other libraries stand under a namespace
(`openspiel/kuhn_poker`) and are declared by `envs/adapters/NAMESPACE.py` when they are asked for.
"""

from __future__ import annotations

import copyreg
import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import re
import sys
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, ModuleType

from .declaration import Declared, PerRole, PerSeat, Range
from .declaration import Game as Game
from .declaration import GameError as GameError
from .declaration import ParameterError as ParameterError
from .declaration import Player as Player
from .declaration import Rated as Rated
from .declaration import Score as Score
from .declaration import Sum as Sum
from .declaration import seat_names as seat_names
from .errors import Unknown
from .mistakes import author_line
from .script import Script
from .types import Value

# Ids of ours end in a version; those of another library hold a path in its place.
# A server's address has colons and may have two slashes.
_ID = re.compile(r"[a-z][a-z0-9-]*(-v[0-9]+|(/[A-Za-z0-9_.-]+)+|/(https?://)?[A-Za-z0-9_.:/-]+)")
NAMESPACES = ("openenv", "openspiel", "pettingzoo", "reasoning-gym", "textarena", "verifiers")
UNLISTED: Mapping[str, str] = {
    "openenv": "openenv/URL, a server that runs",
    "verifiers": "verifiers/ID, an environment that is installed",
}
"""Namespaces whose games nobody can list, and how one is named."""

_declared: dict[str, Declared] = {}
_listeners: list[Callable[[str], None]] = []
_foreign: set[str] = set()
"""Ids under a namespace: declared when asked for, and listed only with their namespace."""


class UnknownGameError(Unknown, GameError):
    """No game has this id."""


class MissingLibraryError(GameError, ImportError):
    """The library that a namespace's games come from is not installed."""


def game(
    id: str,
    *,
    roles: Mapping[str, int] | Callable[..., Mapping[str, int]],
    max_turns: int | Callable[..., int],
    payoff_range: Range | Callable[..., Range],
    sum: Sum | Callable[..., Sum] = "general",
    score: Score | Callable[..., Score | None] | None = None,
    judges: tuple[str, ...] = (),
    rated: Rated = "role",
    truncation: PerSeat | Callable[..., PerSeat] = 0.0,
    rules: PerRole | Callable[..., PerRole] = "",
    simultaneous: bool | Callable[..., bool] = False,
    bounds: Mapping[str, Range] = MappingProxyType({}),
    oracles: Mapping[str, Player] = MappingProxyType({}),
    family: str = "other",
    provider: str | Callable[..., str] = "",
    caveats: tuple[str, ...] | Callable[..., tuple[str, ...]] = (),
    items: int | Callable[..., int] = 0,
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

    def register(script: Callable[..., Script]) -> Callable[..., Script]:
        origin = inspect.getsourcefile(script) or script.__module__
        # by file, not by import: a user's game may be registered before ours is imported
        ours = _file_of(id)
        if ours and ours.resolve() != Path(origin).resolve():
            raise GameError(
                f"{id} is a game of Sparring's own; give the one in {origin} another name or version"
            )

        other = _declared.get(id)
        # the same file may register again, as when it is loaded twice
        if other and other.origin != origin:
            raise GameError(f"{id} is registered twice: in {other.origin} and in {origin}")

        _declared[id] = Declared(
            id=id,
            script=script,
            origin=origin,
            defaults=_defaults(id, script) if parameters is None else parameters,
            roles=roles,
            max_turns=max_turns,
            payoff_range=payoff_range,
            sum=sum,
            score=score,
            judges=judges,
            rated=rated,
            truncation=truncation,
            rules=rules,
            simultaneous=simultaneous,
            bounds=bounds,
            oracles=oracles,
            family=family,
            provider=provider,
            caveats=caveats,
            items=items,
        )
        for listener in _listeners:
            listener(id)
        return script

    return register


def _defaults(id: str, script: Callable[..., Script]) -> dict[str, Value]:
    """The parameters of a script with their defaults. Raises GameError where one has none."""
    signature = inspect.signature(script).parameters.values()
    bare = [p.name for p in signature if p.default is inspect.Parameter.empty]
    if bare:
        raise GameError(f"{id}: parameters need defaults: {', '.join(bare)}")
    return {p.name: p.default for p in signature}


def listen(listener: Callable[[str], None]) -> None:
    """Have the listener called with the id of every game that is registered from now on.

    So that PettingZoo and gymnasium know a game whichever comes first, their import or the game's.
    """
    _listeners.append(listener)


@contextmanager
def forgetting() -> Generator[None]:
    """Games of other files that are registered inside are gone afterwards: for tests."""
    before = dict(_declared)
    try:
        yield
    finally:
        # ours stay: their modules are imported once, and would not register again
        ours = {
            id: d for id, d in _declared.items() if Path(__file__).parent in Path(d.origin).parents
        }
        _declared.clear()
        _declared.update(ours | before)


def find(id: str, **parameters: Value) -> Game:
    """The game of this id, with parameters. Raises what `declared` raises, and ParameterError."""
    return declared(id).bind(parameters)


def declared(id: str) -> Declared:
    """What the game of this id is declared to be, before it has parameters.

    Raises UnknownGameError, naming the nearest, or MissingLibraryError for a game of another library that
    is not installed.
    """
    # from what costs least to what costs most: one module, one adapter, every module
    if id not in _declared:
        _import_one(id)
    if id not in _declared:
        _declare_foreign(id)

    if id not in _declared:
        known = game_ids()  # imports every game, so it may be there now
        if id not in _declared:
            raise _unknown(id, known)
    return _declared[id]


def _found(id: str, parameters: dict[str, Value]) -> Game:
    return find(id, **parameters)


# A pickled or copied game is found again by its id: its rules are code, and code is not pickled.
copyreg.pickle(Game, lambda game: (_found, (game.ref.id, dict(game.ref.parameters))))


def _unknown(id: str, known: list[str]) -> UnknownGameError:
    if "/" in id:
        names(id.partition("/")[0])  # raises, and says which namespaces there are

    listing = f"games {id}/" if id in NAMESPACES else "games"
    return UnknownGameError(
        "game",
        id,
        known,
        otherwise=f"; `sparring {listing}` lists them",
        more=" (one in a file of yours needs --load FILE)",
    )


def game_ids(namespace: str = "") -> list[str]:
    """The ids of all games that can be found, sorted: our own and those registered, or a namespace's."""
    if namespace:
        return [f"{namespace}/{name}" for name in names(namespace)]

    games = _games()
    # importing a module is what registers its games
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
    return _adapter(namespace).names()


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
    sys.modules[name] = module  # so that its classes can be pickled
    try:
        spec.loader.exec_module(module)
    # its message already tells the author what to mend
    except GameError:
        raise
    except Exception as fault:
        # Python's own message of a syntax error has its place
        place = "" if isinstance(fault, SyntaxError) else author_line(fault)
        raise GameError(
            f"{str(path)!r} failed to load: {type(fault).__name__}: {fault}{place}"
        ) from fault

    # by origin, so that a file loaded for the second time gives its ids again
    ids = [id for id, declared in _declared.items() if declared.origin == str(file)]
    if not ids:
        raise GameError(f"{str(path)!r} registers no game; decorate a script with @game(…)")
    return ids


def _games() -> ModuleType:
    # by name, because a game imports this module
    return importlib.import_module(".games", __package__)


def _adapter(namespace: str) -> ModuleType:
    # by name, for the same reason, and only when that library is asked for
    return importlib.import_module(f".adapters.{namespace.replace('-', '_')}", __package__)


def _import_one(id: str) -> None:
    """Import the module of ours that bears the id's name, if there is one."""
    file = _file_of(id)
    if file:
        importlib.import_module(f"{_games().__name__}.{file.stem}")


def _file_of(id: str) -> Path | None:
    """The file of ours that bears the id's name, if there is one."""
    # a module may hold further games: those are found by importing every module
    name, version, _ = id.rpartition("-v")
    file = Path(_games().__path__[0]) / f"{name.replace('-', '_')}.py"
    return file if version and file.is_file() else None


def _declare_foreign(id: str) -> None:
    """Have the adapter of the id's namespace declare it. Raises UnknownGameError, naming the nearest."""
    namespace, slash, name = id.partition("/")
    if not slash or namespace not in NAMESPACES:
        return

    known = names(namespace)
    if not _adapter(namespace).declare(id, name):
        listing = f"; `sparring games {namespace}/` lists them"
        raise UnknownGameError("game", name, known, where=f" in {namespace}", otherwise=listing)
    _foreign.add(id)


def _import_entry_points() -> None:
    for entry in importlib.metadata.entry_points(group="sparring.games"):
        try:
            entry.load()
        except Exception as fault:  # a broken plug-in must not hide every other game
            warnings.warn(
                f"games of {entry.value} not loaded: {fault}", RuntimeWarning, stacklevel=2
            )
