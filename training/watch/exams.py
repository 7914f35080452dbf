"""The exams of a run: the learner on tasks that it is never trained on, and whether it forgot any.

Every exam is the same each time, down to the noise of sampling, so marks at two steps are compared item by
item. `exams.jsonl` in the run's folder keeps them all, a line an exam.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ...agents.language.transformer import Transformer
from ...agents.policy import Policy
from ...agents.seats import seat
from ...arenas.exam import SELF, exam, examined
from ...arenas.marks import SOLVED, Marks, read
from ...envs.registry import Game, find, load
from ...sandbox.verifier import Verifier
from .. import checkpoints
from ..config import Config, ConfigError, Exam, judge_name
from ..players.learner import sampling
from .records import Metrics

FILE: Final = "exams.jsonl"
ERROR: Final = 0.05
"""The chance that a run which forgets nothing is ever found to have lost something, all exams together."""


@dataclass(frozen=True)
class Paper:
    """One exam, its game found and everybody but the learner seated."""

    asked: Exam
    game: Game
    name: str
    beside: Policy | None = None
    judge: Policy | None = None


def papers(config: Config) -> tuple[Paper, ...]:
    """The exams of the settings without anybody seated: what can be told before a model loads.

    Raises GameError for a game that cannot be had, ExamError for a role that it has not, ConfigError.
    """
    for file in config.load:
        load(file)
    found: list[Paper] = []
    for asked in config.exams:
        game = find(asked.game, **asked.parameters)
        examined(game, asked.roles)
        name = asked.name or game.ref.label
        if name in [paper.name for paper in found]:
            raise ConfigError(f"two exams are called {name}; give one another name")
        if set(game.judges) & set(game.roles) and asked.judge != SELF:
            judge_name(config, game, asked.judge)
        found.append(Paper(asked, game, name))
    return tuple(found)


class Exams:
    """Holds the exams of a run. `after` is the step of the checkpoint that it goes on from."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        learner: Transformer,
        verifier: Verifier,
        loop: asyncio.AbstractEventLoop,
        after: int | None,
    ) -> None:
        self._learner = learner
        self._verifier = verifier
        self._loop = loop
        self._at_once = config.rollout.at_once
        self._sampling = sampling(config)
        self._papers = [self._seated(config, paper) for paper in papers(config)]

        self._path = folder / FILE
        self._sat: dict[str, list[Marks]] = {paper.name: [] for paper in self._papers}
        if after is not None:
            self._go_on(after)

    def due(self, step: int, *, last: bool = False) -> list[Paper]:
        """The exams that are held at this step."""
        return [
            paper
            for paper in self._papers
            if last or not step or (paper.asked.every and step % paper.asked.every == 0)
        ]

    def hold(self, step: int, *, last: bool = False) -> Metrics:
        """Hold what is due, and say how it went: see `told`. Raises ExamError and CheckpointError."""
        found: Metrics = {}
        for paper in self.due(step, last=last):
            marks = self._marked(paper, step)
            before = self._sat[paper.name]
            told_now = told(marks, before, len(self._papers))
            found |= {f"exam/{paper.name}/{name}": value for name, value in told_now.items()}
            before.append(marks)

            line = json.dumps({"step": step, "exam": paper.name, **marks.data()})
            with checkpoints.writing(self._path), self._path.open("a") as file:
                file.write(line + "\n")
        return found

    def _marked(self, paper: Paper, step: int) -> Marks:
        asked = paper.asked
        learner, tokens = self._learner, asked.max_tokens
        if tokens:
            learner = learner.with_sampling(replace(self._sampling, max_tokens=tokens))
        marks = exam(
            learner,
            paper.game,
            range(*asked.seeds),
            asked.k,
            roles=asked.roles,
            beside=paper.beside,
            judge=learner if asked.judge == SELF else paper.judge,
            exact=asked.exact,
            verifier=self._verifier,
            at_once=self._at_once,
            run=self._loop.run_until_complete,
        )
        return replace(marks, who=f"step {step}")

    def _seated(self, config: Config, paper: Paper) -> Paper:
        asked, game = paper.asked, paper.game
        beside = seat(asked.beside, game, sampling=self._sampling) if asked.beside else None
        judges = set(game.judges) & set(game.roles)
        if not judges or asked.judge == SELF:
            return replace(paper, beside=beside)
        # as in training, a judge is held to its choices
        held = replace(self._sampling, temperature=1.0, constrained=True)
        judge = seat(judge_name(config, game, asked.judge), game, sampling=held)
        return replace(paper, beside=beside, judge=judge)

    def _go_on(self, after: int) -> None:
        """Read the exams up to a step; later ones are held again, and leave the file."""
        lines = self._path.read_text().splitlines() if self._path.is_file() else []
        kept: list[str] = []
        for line in lines:
            try:
                data = json.loads(line)
            # a run that was killed may leave its last line cut
            except ValueError:
                break
            if data["step"] <= after:
                kept.append(line)
                if data["exam"] in self._sat:
                    self._sat[data["exam"]].append(read(data))
        if lines:
            with checkpoints.writing(self._path):
                checkpoints.replace_text(self._path, "".join(line + "\n" for line in kept))


def told(marks: Marks, before: Sequence[Marks], exams: int = 1) -> Metrics:
    """An exam in numbers; `before` are the same exam at earlier steps, step 0 first.

    Each mark by name, with `low` and `high` of the share solved; `gain/MARK` above step 0, item by item, with
    `gain_low` and `gain_high`; `forgot`, by how much, at the least, it is below the best before (0: not
    resolved, at ERROR for all `exams` of the run and all its steps together).
    """
    found: Metrics = {name: mark.value for name, mark in marks.marks().items()}
    solved = marks.mark(SOLVED)
    if not marks.exact:
        found |= {f"{SOLVED}/low": solved.low, f"{SOLVED}/high": solved.high}
        found["lost_items"] = marks.lost
    if not before:
        return found

    for name in [name for name in marks.columns if _compared(name, marks, before[0])]:
        gain = marks.gain(before[0], name)
        found[f"gain/{name}"] = gain.value
        if gain.se:
            found |= {f"gain_low/{name}": gain.low, f"gain_high/{name}": gain.high}
    return found | {"forgot": forgot(marks, before, exams)}


def forgot(marks: Marks, before: Sequence[Marks], exams: int = 1) -> float:
    """By how much, at the least, an exam is worse than the best before it; 0 where that is not resolved."""
    best = max(before, key=lambda each: each.mark(SOLVED).value)
    # The best of n looks best by luck too, so its interval is one of n. Over the exams of a run errors sum
    # to ERROR: those after n earlier ones may use 6 / (π n)² of it, which sums to 1.
    count = len(before)
    spent = ERROR * 6 / (3.141592653589793 * count) ** 2 / exams
    return max(0.0, -marks.gain(best, level=1 - spent / count).high)


def _compared(name: str, marks: Marks, first: Marks) -> bool:
    return name.startswith(("pass_at", "maj_at")) and name in first.columns
