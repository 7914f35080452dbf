"""An experiment from its file to its result: runs that are left are trained, and all are read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from ...agents.run_folder import RunFolder
from ...arenas.report.render import saved
from .. import checkpoints
from ..run import checked
from .cluster import on_cluster
from .design import Design
from .expectations import ExperimentError
from .here import here
from .outcome import Result, numbers_of, outcome
from .process import Took
from .runs import Run, alone, check, foreign, last_said, runs, spent, stoppable
from .told import page

RESULT: Final = "result.json"


def examine(design: Design, out: Path) -> list[Run]:
    """The runs of an experiment, each checked as far as can be told without a model; nothing is written.

    Raises ExperimentError, and what `checked` raises for settings that cannot be trained.
    """
    found = runs(design, out)
    if out.exists() and not out.is_dir():
        raise ExperimentError(f"{out} is a file, and --out names a folder")
    if RunFolder(out).config.is_file():
        raise ExperimentError(f"{out} is the folder of a run; choose another --out")
    if others := foreign(design, out):
        raise ExperimentError(
            f"{out} holds another experiment, with runs like {others[0]}; choose another --out"
        )
    check(found)
    for arm, config in design.arms.items():
        try:
            checked(replace(config, out=""))
        except ValueError as fault:
            raise ExperimentError(f"arm {arm}: {fault}") from fault
    return found


def experiment(
    design: Design,
    out: Path,
    jobs: int | None = None,
    *,
    executor: Literal["local", "ray"] = "local",
    command: str = "",
    say: Callable[[str], None],
) -> Result:
    """Train what is left of an experiment, and write `result.json` and `report.html` into its folder.

    `jobs` runs at once (None: one a core), here or on a Ray cluster. Raises ExperimentError for runs that
    failed and for metrics that they have not.
    """
    found = examine(design, out)
    with alone(out) as lock:
        ended = spent(out)
        left = [run for run in found if not run.done(ended)]
        total, done = len(found), len(found) - len(left)
        if done:
            say(f"{done} of {total} runs are done already")

        def over(run: Run) -> None:
            nonlocal done
            done += 1
            # read at once: a metric that is not there is told by the first run, not by the last
            read = numbers_of(design, run, run.folder.records())
            numbers = ", ".join(
                f"{name} {'never' if value is None else f'{value:.4g}'}"
                for name, value in read.items()
            )
            say(f"{run.name} is done ({done} of {total}): {numbers}")

        with stoppable():
            trained = (
                on_cluster(left, out, jobs, say)
                if executor == "ray"
                else here(left, out, jobs or len(os.sched_getaffinity(0)), lock)
            )
            with closing(trained):
                _until_done(trained, say, over)
        return written(design, out, found, command)


def _until_done(
    trained: Iterable[tuple[Run, Took]], say: Callable[[str], None], over: Callable[[Run], None]
) -> None:
    """Call `over` for each run that came to its end. Raises ExperimentError, last, for those that failed."""
    failed: list[Run] = []
    for run, took in trained:
        if took.code:
            failed.append(run)
            say(f"{run.name} failed: {last_said(run.log)}")
        else:
            over(run)
    if failed:
        names = ", ".join(run.name for run in failed)
        raise ExperimentError(f"{names} failed; what was said is in {failed[0].log}")


def written(design: Design, out: Path, found: Sequence[Run], command: str) -> Result:
    """The result of the runs that are done, written into the folder."""
    took = spent(out)
    ran = [run for run in found if run.done(took)]
    if not ran:
        raise ExperimentError(f"no run of {out} is done; there is nothing to tell")

    result = outcome(design, ran, took, command)
    text = json.dumps(result.data(), indent=1, ensure_ascii=False)
    with checkpoints.writing(out):
        checkpoints.replace_text(out / RESULT, text + "\n")
    saved(page(result, design, ran), out / RunFolder(out).report.name)
    return result
