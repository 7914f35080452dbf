"""A gym where language models train by playing against themselves, and prove that they got better.

Names are loaded when first used, so `import sparring` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sparring.envs.opening import install

if TYPE_CHECKING:
    from sparring.agents.policy import Policy, Request, Sampling
    from sparring.agents.seats import seat
    from sparring.arenas.match import Match, play
    from sparring.arenas.rollouts import play_all, rollouts
    from sparring.arenas.tournament import tournament
    from sparring.envs.aec import make
    from sparring.envs.conformance import check_game
    from sparring.envs.errors import SparringError
    from sparring.envs.registry import Game, find, game, game_ids, load
    from sparring.envs.types import Episode, Job, Reply, Verdict
    from sparring.sandbox.choose import open_verifier
    from sparring.training.run import train

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

__all__ = [
    "Episode",
    "Game",
    "Job",
    "Match",
    "Policy",
    "Reply",
    "Request",
    "Sampling",
    "SparringError",
    "Verdict",
    "check_game",
    "find",
    "game",
    "game_ids",
    "load",
    "make",
    "open_verifier",
    "play",
    "play_all",
    "rollouts",
    "seat",
    "tournament",
    "train",
]


def _open_verifier(name: str) -> Any:
    return import_module(".sandbox.choose", __name__).find_verifier(name)


# Games know no sandbox, since envs/ stands below it: the face says how a verifier's name becomes one.
install(_open_verifier)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sparring' has no attribute {name!r}")

    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
