"""Which games other processes can play for the learner: ahead of it, or on workers."""

from __future__ import annotations

from .starts import Starts
from .tables import OpponentsConfig, Rollout
from .values import ConfigError

ENGINES = ("auto", "transformers", "vllm", "server")
"""Where a learner may play, besides the URLs of servers."""


def check_elsewhere(rollout: Rollout, opponents: OpponentsConfig, starts: Starts) -> None:
    """Raises ConfigError for an engine that there is not, and for games not known when issued, or absent."""
    served = rollout.engine.startswith(("http://", "https://"))
    if rollout.engine not in ENGINES and not served:
        raise ConfigError(
            f"rollout.engine must be {', '.join(ENGINES)} or URLs of servers; it is {rollout.engine!r}"
        )
    if rollout.ahead and opponents.mode in ("league", "own"):
        raise ConfigError(
            f"rollout.ahead = {rollout.ahead} seats games before the last ones are over, and "
            f"opponents.mode = {opponents.mode} asks how they ended; use past, or ahead = 0"
        )
    continued = starts.branches > 1 or starts.share > 0
    if rollout.ahead and continued:
        raise ConfigError(
            f"rollout.ahead = {rollout.ahead} issues games before the last ones are over, and "
            "starts go on from those; set starts.branches = 1 and starts.share = 0, or ahead = 0"
        )
    if rollout.workers:
        _check_workers(rollout, opponents, continued)


def _check_workers(rollout: Rollout, opponents: OpponentsConfig, continued: bool) -> None:
    given = f"rollout.workers = {rollout.workers}"
    if rollout.engine not in ("transformers", "auto", "vllm"):
        raise ConfigError(
            f"{given} makes engines of its own, and rollout.engine = {rollout.engine} is none that it can "
            "make; use transformers or vllm, or workers = 0"
        )
    if opponents.mode == "own":
        raise ConfigError(
            f"{given} plays whole games on workers, and opponents.mode = own makes players in this process; "
            "use another mode, or workers = 0"
        )
    if continued:
        raise ConfigError(
            f"{given} plays whole games on workers, and starts go on from games that are here; set "
            "starts.branches = 1 and starts.share = 0, or workers = 0"
        )
