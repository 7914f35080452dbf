"""Each checkpoint against its ancestors, and against players that never change.

Self-play pays the same however strength moves, so it cannot show that something was forgotten. What is
played here are rating games in the run's store, under the ids of the checkpoints, so the report rates them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

from ...agents.policy import Policy, Renamed
from ...agents.run_folder import RunFolder, scheduled
from ...agents.seats import seat
from ...arenas.executors.local import Local
from ...arenas.fixture import places
from ...arenas.ratings.crosstable import crosstable
from ...arenas.ratings.lineage import Born, forgetting, lineage, slips
from ...arenas.results import Cell, Pair, ScoreKind, complete
from ...arenas.store.reading import Archive
from ...arenas.store.store import Store
from ...arenas.tournament import tournament
from ...envs.registry import Game
from ...envs.types import PolicyRef
from ...sandbox.verifier import Verifier
from .. import checkpoints
from ..config import Config, ConfigError
from ..players.learner import sampling
from ..players.menu import judge
from ..players.opponents import Ancestors
from .records import Metrics

ANCESTORS: Final = 4
"""How many of its ancestors a checkpoint meets: the first, the last, and some between."""
ERROR: Final = 0.05
"""The chance that a checkpoint no weaker than before is found weaker in any of its meetings, two-sided."""


class Trial:
    """What the settings ask to be played whenever a checkpoint is saved.

    `store` is the run's, open where training writes it too; `mine` tells which checkpoints are the learner's
    own, where a population has others. Raises ConfigError for a game that cannot be
    rated, and UnknownEntrantError.
    """

    def __init__(
        self,
        config: Config,
        game: Game,
        folder: Path,
        ancestors: Ancestors,
        store: Store | None,
        verifier: Verifier,
        loop: asyncio.AbstractEventLoop,
        mine: Callable[[int], bool] = lambda _: True,
    ) -> None:
        if len(places(game)) != 2 or game.score is None:
            raise ConfigError(
                f"watch.trial needs a game of two places with a score; {game.id} is none"
            )
        if not config.record.checkpoint_every:
            raise ConfigError(
                "watch.trial plays checkpoints against each other; set record.checkpoint_every"
            )

        self._pairs = config.watch.trial
        self._game = game
        self._folder = folder
        self._ancestors = ancestors
        self._store = store
        self._verifier = verifier
        self._loop = loop
        self._mine = mine
        self._frozen = [seat(name, game, sampling=sampling(config)) for name in config.watch.frozen]
        self._judges = {role: judge(config, game) for role in game.roles if role in game.judges}

    def hold(self, step: int) -> Metrics:
        """Play the checkpoint of this step, or what the store lacks of it; see `measured`."""
        known = scheduled(RunFolder(self._folder).checkpoints)
        older = [at for at in known if at < step and self._mine(at)]
        past = [self._saved(at) for at in checkpoints.spread(older, ANCESTORS)]
        own = self._saved(step)
        if not (past or self._frozen):
            return {}

        path = RunFolder(self._folder).store
        tournament(
            self._game,
            [own, *past, *self._frozen],
            # One process writes a store: where training has it open, that one is used.
            path if self._store is None else self._store,
            pairs=self._pairs,
            schedule="gauntlet",
            judges=self._judges,
            # The run's verifier and event loop serve here too: both are open already.
            executor=partial(Local, verifier=self._verifier),
            run=self._loop.run_until_complete,
        )

        ids = {policy.ref.id for policy in (own, *past, *self._frozen)}
        with Archive(path) as archive:
            rows = [
                row
                for row in archive.rows(self._game, voids=False)
                # The run's store may hold games of other entrants.
                if {place.entrant for place in row.places} <= ids
            ]

        meetings = len(past) + len(self._frozen)
        cells = judged(complete(rows), self._game.score or "win", meetings)
        frozen = [player.ref for player in self._frozen]
        return measured(cells, own.ref, [other.ref for other in past], frozen)

    def held(self) -> bool:
        """Whether the last record is of a trial: a run may be stopped between a checkpoint and its trial."""
        last = RunFolder(self._folder).records()[-1:]
        scores = ("score_against/", "score_past/")
        return any(name.startswith(scores) for record in last for name in record)

    def told(self, found: Metrics) -> str:
        """The scores of `hold` in a line."""
        scores = {
            name.partition("/")[2]: x for name, x in found.items() if name.startswith("score_")
        }
        return ", ".join(f"{x:.3f} against {name}" for name, x in scores.items())

    def _saved(self, step: int) -> Policy:
        """The checkpoint under the name that `sparring` knows it by."""
        policy = self._ancestors(step)
        return Renamed(policy, PolicyRef(f"{self._folder.name}@{step}", policy.ref.id))


def judged(pairs: Sequence[Pair], kind: ScoreKind, meetings: int) -> tuple[Cell, ...]:
    """The cells of a trial, in which a checkpoint's `meetings` together err as rarely as `ERROR` says.

    The meetings of its ancestors among each other stand in the same table and ask nothing anew, so the
    family is that of the meetings, and is corrected for once: by the level of each.
    """
    return crosstable(pairs, kind, level=1 - ERROR / meetings, family=1)


def measured(
    cells: Sequence[Cell], own: PolicyRef, past: Sequence[PolicyRef], frozen: Sequence[PolicyRef]
) -> Metrics:
    """What meetings say of a checkpoint; `past` are its ancestors, oldest first.

    `score_against/NAME` (of `frozen`) and `score_past/NAME` are its mean scores. `lost_to/NAME` says by how
    much, at the least, an ancestor beats it, and `slipped/NAME` by how much, at the least, an ancestor did
    better against one of `frozen`: 0 where that is not resolved.
    """
    names = {ref.id: ref.name for ref in (*past, *frozen)}
    unchanged = [ref.id for ref in frozen]
    found: Metrics = {}
    for cell in cells:
        # A cell stands for two entrants; it is read from the checkpoint's side.
        mine = cell if cell.a == own.id else cell.turned
        if mine.a == own.id and mine.b in names:
            kind = "score_against" if mine.b in unchanged else "score_past"
            found[f"{kind}/{names[mine.b]}"] = mine.score.value

    # 0 says that nothing was resolved, so that an alarm which no longer holds is seen to end.
    graph = lineage(Born(child.id, parent.id) for parent, child in pairwise([*past, own]))
    found |= {f"lost_to/{ref.name}": 0.0 for ref in past}
    for alarm in forgetting(graph, cells):
        if alarm.child == own.id:
            found[f"lost_to/{names[alarm.ancestor]}"] = alarm.least

    found |= {f"slipped/{ref.name}": 0.0 for ref in frozen if past}
    for slip in slips(graph, cells, unchanged):
        if slip.child == own.id:
            # Several ancestors may have done better: the widest gap is told.
            name = f"slipped/{names[slip.against]}"
            found[name] = max(slip.least, float(found[name] or 0))
    return found
