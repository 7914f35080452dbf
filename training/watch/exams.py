"""The exams of a run: the learner on tasks that it is never trained on, and whether it forgot any.

Every exam is the same each time, down to the noise of sampling, so marks at two steps are compared item by
item. `exams.jsonl` in the run's folder keeps them all, a line an exam.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Final

from ...agents.language.transformer import Transformer
from ...agents.policy import Policy
from ...agents.seats import seat
from ...agents.thinking import Thinking
from ...arenas.exam import SELF, exam, examined
from ...arenas.marks import SOLVED, Marks, read
from ...envs.registry import Game, find, load
from ...sandbox.verifier import Verifier
from .. import checkpoints
from ..config import Config, ConfigError, Exam, judge_name
from ..players.learner import sampling
from ..players.menu import JUDGING, judge
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
        found.append(Paper(asked, game, name))
        # called for what it raises: a missing judge is told before a model loads
        _graded(config, found[-1])
    return tuple(found)


def _graded(config: Config, paper: Paper) -> bool:
    """Whether somebody else than the learner grades in the exam. Raises ConfigError where nobody is named."""
    game = paper.game
    judges = set(game.judges) & set(game.roles)
    return bool(judges) and judge_name(config, game, paper.asked.judge) != SELF


class Exams:
    """Holds the exams of a run; `config` is the whole run's, the same in all of its phases.

    `learner_of` a game gives the model, or, of several learners, who plays each role. `after` is the step of
    the checkpoint that the run goes on from. Raises ConfigError for an exam of several learners together.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        learner_of: Callable[[Game], Transformer | Callable[[str], Transformer]],
        verifier: Verifier,
        loop: asyncio.AbstractEventLoop,
        after: int | None,
    ) -> None:
        self._learner_of = learner_of
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
        solved: list[float] = []
        for paper in self.due(step, last=last):
            marks = self._marked(paper, step)
            before = self._sat[paper.name]
            told_now = told(marks, before, len(self._papers))
            found |= {f"exam/{paper.name}/{name}": value for name, value in told_now.items()}
            before.append(marks)
            solved.append(marks.mark(SOLVED).value)

            line = json.dumps({"step": step, "exam": paper.name, **marks.data()})
            with checkpoints.writing(self._path), self._path.open("a") as file:
                file.write(line + "\n")
        # a suite in one number: each of its exams counts alike
        return found | ({f"exams/{SOLVED}": fmean(solved)} if len(solved) > 1 else {})

    def _marked(self, paper: Paper, step: int) -> Marks:
        asked = paper.asked
        # the same in every phase, whatever the sampling of its games
        tokens = asked.max_tokens or self._sampling.max_tokens
        sits, sampling = self._sits(paper), replace(self._sampling, max_tokens=tokens)
        learner = sits.with_sampling(sampling, _thinking(asked, sits.dialect.thinking))
        marks = exam(
            learner,
            paper.game,
            range(*asked.seeds),
            asked.k,
            roles=asked.roles,
            beside=paper.beside,
            judge=paper.judge or learner.with_sampling(JUDGING),
            exact=asked.exact,
            votes=asked.votes,
            verifier=self._verifier,
            at_once=self._at_once,
            run=self._loop.run_until_complete,
        )
        return replace(marks, who=f"step {step}")

    def _sits(self, paper: Paper) -> Transformer:
        """Who sits an exam."""
        found, game = self._learner_of(paper.game), paper.game
        if isinstance(found, Transformer):
            return found
        roles = dict.fromkeys(game.role_of[seat] for seat in examined(game, paper.asked.roles))
        sitting = [found(role) for role in roles]
        if any(other is not sitting[0] for other in sitting):
            raise ConfigError(
                f"the exam {paper.name} marks {' and '.join(roles)}, which several learners play; name the "
                "roles of one"
            )
        return sitting[0]

    def _seated(self, config: Config, paper: Paper) -> Paper:
        asked, game = paper.asked, paper.game
        self._sits(paper)
        beside = seat(asked.beside, game, sampling=self._sampling) if asked.beside else None
        if not _graded(config, paper):
            return replace(paper, beside=beside)
        return replace(paper, beside=beside, judge=judge(config, game, asked.judge))

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


def _thinking(asked: Exam, run: Thinking) -> Thinking:
    """How the learner thinks in an exam."""
    found = replace(run, mode=asked.think, roles=()) if asked.think else run
    if not asked.thought_tokens:
        return found
    roles = tuple(role._replace(tokens=asked.thought_tokens) for role in found.roles)
    return replace(found, tokens=asked.thought_tokens, roles=roles)


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
