"""Who sits beside the learner, as the settings say."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from ...agents.language.transformer import Transformer
from ...agents.run_folder import RunFolder
from ...arenas.store.store import Store
from ...envs.hooks import hook
from ...envs.registry import Game
from ..config import Config, ConfigError
from .absent import Absent
from .against_mixture import AgainstMixture
from .in_league import InLeague
from .opponents import Ancestors, Fixed, Mirror, Opponents, Past, fixed, learner_places
from .standing import ALONE, Standing


@contextmanager
def opponents(
    config: Config,
    game: Game,
    learner: Transformer,
    folder: Path,
    ancestors: Ancestors,
    place: Standing = ALONE,
    *,
    absent: bool = False,
) -> Generator[Opponents]:
    """As the settings say; `folder` is the run's, in which the stage stands at `place`.

    `absent`: they sit in another process, and only who they are is wanted here.

    Raises ConfigError and UnknownEntrantError.
    """
    if config.opponents.mode == "own":
        yield cast(Opponents, hook(config.hooks.opponents)(config, game, learner))
        return
    mode, saved = config.opponents.mode, RunFolder(folder).checkpoints
    if mode == "mirror":
        yield Mirror(game)
        return

    # Called for what it raises, before an entrant is loaded or a store opened.
    learner_places(config, game)
    if mode == "fixed":
        entrant = Absent() if absent else fixed(config, game, learner.sampling)
        yield Fixed(config, game, entrant)
        return
    # The modes that are left play the run's own checkpoints.
    if not (config.record.checkpoint_every or place.member or mode == "psro"):
        raise ConfigError(
            f"opponents.mode = {mode} needs checkpoints to play; set record.checkpoint_every"
        )
    if config.record.keep:
        raise ConfigError(
            f"opponents.mode = {mode} plays old checkpoints; set record.keep = 0 to keep them"
        )
    if mode == "psro":
        start = Absent() if absent else fixed(config, game, learner.sampling)
        yield AgainstMixture(config, game, folder, start, ancestors, place)
        return
    if mode == "past":
        yield Past(config, game, saved, ancestors, place)
        return

    # The store opens before the run's folder is made.
    folder.mkdir(parents=True, exist_ok=True)
    with Store(RunFolder(folder).store) as store:
        yield InLeague(config, game, saved, store, folder.name, ancestors, place)
