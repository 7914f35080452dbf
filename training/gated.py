"""Which of two checkpoints of a run is better, by a gate: games until that is decided."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from ..agents.run_folder import RunFolder
from ..agents.seats import seat
from ..arenas.executors.local import Local
from ..arenas.gate import gate
from ..envs.registry import Game
from ..sandbox.choose import Lazy
from .config import Config
from .players.learner import sampling
from .players.menu import judge


def by_gate(config: Config, game: Game, folder: Path, one: int, other: int) -> bool:
    """Whether the checkpoint of one step is resolvably better than that of the other.

    The games stand in the run's store as those of `sparring gate`. Raises what `gate` raises.
    """
    new, old = (seat(f"{folder}@{step}", game, sampling=sampling(config)) for step in (one, other))
    # equal weights are not played: neither is better
    if new.ref.id == old.ref.id:
        return False

    judges = {role: judge(config, game) for role in game.roles if role in game.judges}
    verifier = Lazy(config.verifier, lambda _: None)
    try:
        ruling = gate(
            game,
            new,
            old,
            RunFolder(folder).store,
            seed=config.seed,
            judges=judges,
            executor=partial(Local, verifier=verifier),
        )
    finally:
        asyncio.run(verifier.close())
    return ruling.decision.outcome == "better"
