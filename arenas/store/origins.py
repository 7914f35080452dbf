"""Where a store's entrants come from: the lineage that it keeps, or the steps of runs that names tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import cast

from ..ratings.lineage import Born, Descent, LineageError, edges, lineage
from .reading import Archive, Entrant

_CHECKPOINT = re.compile(r"(?P<run>.+)@(?P<step>\d+)")


def origin(entrant: Entrant) -> tuple[str, float | None]:
    """The run and step that a checkpoint's facts, or else its name `RUN@STEP`, tell."""
    info, named = entrant.info, _CHECKPOINT.fullmatch(entrant.name)
    run = str(info.get("run", named["run"] if named else ""))
    step = info.get("step", int(named["step"]) if named else None)
    return run, float(step) if isinstance(step, (int, float)) else None


def births(archive: Archive, ids: Iterable[str]) -> tuple[Born, ...]:
    """The store's lineage among `ids`; where it has none, each run's checkpoints in order of their steps."""
    wanted = set(ids)
    told = [
        (child, parent, kind)
        for child, parent, kind in archive.lineage()
        if {child, parent} <= wanted
    ]
    if told:
        return tuple(Born(child, parent, cast(Descent, kind)) for child, parent, kind in told)

    # stores of older runs tell descent by names alone
    known = [
        (*origin(entrant), entrant.id) for entrant in archive.entrants() if entrant.id in wanted
    ]
    saved = sorted((run, step, id) for run, step, id in known if run and step is not None)
    return tuple(
        Born(child, parent) for (run, _, parent), (same, _, child) in pairwise(saved) if run == same
    )


def inherited(archive: Archive, ids: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(parent, child) of all who should still know what their parents knew; none where that is no DAG."""
    try:
        return edges(lineage(births(archive, ids)))
    except LineageError:
        return ()
