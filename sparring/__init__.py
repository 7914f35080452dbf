"""A gym where language models train by playing against themselves, and prove that they got better.

Names are loaded when first used, so `import sparring` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sparring.envs.blocking_verifier import install

if TYPE_CHECKING:  # the same names for type checkers; `as` says that they are handed on
    from sparring.agents.policy import Policy as Policy
    from sparring.agents.policy import Request as Request
    from sparring.agents.policy import Sampling as Sampling
    from sparring.agents.seats import seat as seat
    from sparring.arenas.match import Match as Match
    from sparring.arenas.match import play as play
    from sparring.arenas.rollouts import play_all as play_all
    from sparring.arenas.rollouts import rollouts as rollouts
    from sparring.arenas.tournament import tournament as tournament
    from sparring.envs.aec import make as make
    from sparring.envs.conformance import check_game as check_game
    from sparring.envs.errors import SparringError as SparringError
    from sparring.envs.registry import Game as Game
    from sparring.envs.registry import find as find
    from sparring.envs.registry import game as game
    from sparring.envs.registry import game_ids as game_ids
    from sparring.envs.registry import load as load
    from sparring.envs.types import Episode as Episode
    from sparring.envs.types import Job as Job
    from sparring.envs.types import Reply as Reply
    from sparring.envs.types import Verdict as Verdict
    from sparring.sandbox.choose import open_verifier as open_verifier
    from sparring.training.run import train as train

    __version__: str

# Where each public name lives. Loading one loads its module and what that imports, and nothing else.
_ROOMS = {
    "agents.policy": ("Policy", "Request", "Sampling"),
    "agents.seats": ("seat",),
    "arenas.match": ("Match", "play"),
    "arenas.rollouts": ("play_all", "rollouts"),
    "arenas.tournament": ("tournament",),
    "envs.aec": ("make",),
    "envs.conformance": ("check_game",),
    "envs.errors": ("SparringError",),
    "envs.registry": ("Game", "find", "game", "game_ids", "load"),
    "envs.types": ("Episode", "Job", "Reply", "Verdict"),
    "sandbox.choose": ("open_verifier",),
    "training.run": ("train",),
}
_HOME = {name: module for module, names in _ROOMS.items() for name in names}

__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]  # one list, not two


def _open_verifier(name: str) -> Any:
    return import_module(".sandbox.choose", __name__).find_verifier(name)


# Games know no sandbox, since envs/ stands below it: the face says how a verifier's name becomes one.
install(_open_verifier)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version(__name__)
    if name not in _HOME:
        raise AttributeError(f"module 'sparring' has no attribute {name!r}")

    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
