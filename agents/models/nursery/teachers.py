"""Which teacher teaches which game, and the variants of each game that a model of the nursery meets."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ....envs.registry import Game, find
from ....envs.types import Value
from . import code, lab, listed, questions, specs, talk
from .lesson import Teacher


@dataclass(frozen=True, slots=True)
class School:
    """How a game is taught.

    teacher:  says what to reply; None for even odds over listed choices.
    variants: further parameters to play with, so that one model knows all of them.
    kept:     parameters of the game at hand that its variants keep; all others are the defaults.
    shelf:    makes a task to recall, so that prompts with references are met.
    keyed:    roles whose right reply is one and known, so that a report can count it.
    longer:   how many times as long as others it is imitated, since its replies are long.
    """

    teacher: Teacher | None = None
    variants: tuple[Mapping[str, Value], ...] = ({},)
    kept: tuple[str, ...] = ()
    shelf: Callable[[str, random.Random], Value] | None = None
    keyed: tuple[str, ...] = ()
    longer: float = 1.0


_SOLVER = ("solver",)
_TWO: tuple[Mapping[str, Value], ...] = ({"attempts": 2},)
SCHOOLS: Mapping[str, School] = {
    "sums-v0": School(
        lab.sums,
        (
            {"attempts": 2, "wordings": 2},
            {"attempts": 2, "wordings": 2, "part": "held-out"},
            {"attempts": 1, "label": "judge"},
        ),
        kept=("level",),
        keyed=_SOLVER,
    ),
    "sums-check-v0": School(
        lab.sums,
        ({}, {"part": "held-out"}, {"agents": 2}),
        kept=("level", "verdict", "stop", "second"),
        keyed=_SOLVER,
    ),
    "sums-debate-v0": School(
        lab.sums_debate,
        ({}, {"part": "held-out"}),
        kept=("level", "agents"),
        keyed=("generator", "critic"),
    ),
    "sums-judge-v0": School(lab.sums, ({}, {"part": "held-out"}), kept=("level",), keyed=_SOLVER),
    "sums-propose-v0": School(lab.sums_propose, ({"kind": "mixed", "attempts": 2},), keyed=_SOLVER),
    "facts-v0": School(
        lab.facts, ({"attempts": 2}, {"attempts": 2, "grounded": False}), keyed=_SOLVER
    ),
    "sneak-v0": School(lab.sneak, kept=("steps",), keyed=("critic",)),
    "cloak-v0": School(kept=("wordings",)),
    "split-v0": School(kept=("turns",)),
    "pact-v0": School(kept=("agents", "threshold", "rounds")),
    "code-deduction-v0": School(code.deduction, _TWO, shelf=code.shelf, keyed=_SOLVER),
    "code-abduction-v0": School(code.abduction, _TWO, shelf=code.shelf),
    "code-induction-v0": School(
        code.induction,
        ({"attempts": 2}, {"attempts": 2, "program": "kept"}),
        shelf=code.shelf,
        keyed=_SOLVER,
        longer=3.0,
    ),
    "programming-puzzle-v0": School(code.puzzle, _TWO, shelf=code.shelf),
    "code-as-task-v0": School(code.task, _TWO, kept=("calls",)),
    "solve-verify-v0": School(specs.verify, ({"solvers": 2, "verifiers": 2},), kept=("tests",)),
    "break-the-code-v0": School(specs.attack, kept=("attempts",)),
    "self-correct-v0": School(specs.write, ({}, {"feedback": "execution"}), kept=("turns",)),
    "question-answer-v0": School(
        questions.question_answer,
        (
            *({"topic": topic, "attempts": 2} for topic in ("arithmetic", "algebra", "knowledge")),
            {"attempts": 2, "label": "swapped"},
            {"attempts": 2, "label": "judge"},
        ),
        kept=("tools", "calls"),
        shelf=questions.shelf,
        keyed=_SOLVER,
    ),
    "corpus-challenge-v0": School(
        questions.corpus, ({"attempts": 2}, {"attempts": 2, "grounded": False}), keyed=_SOLVER
    ),
    "ladder-v0": School(questions.ladder, ({"attempts": 1},), kept=("width", "depth", "roots")),
    "critique-refine-v0": School(
        questions.refine, kept=("steps", "second", "stop"), keyed=("generator",)
    ),
    "peer-review-v0": School(questions.review, kept=("agents", "rounds", "steps"), keyed=_SOLVER),
    "discussion-v0": School(questions.discuss, kept=("agents", "rounds", "steps")),
    "sneaky-critic-v0": School(questions.sneak, kept=("steps",), keyed=("critic",)),
    "red-team-v0": School(talk.red_team),
    "secret-keeper-v0": School(talk.secret_keeper, kept=("turns", "questions")),
    "taboo-v0": School(talk.taboo, kept=("rounds",)),
    "deal-or-no-deal-v0": School(talk.deal, kept=("turns",)),
    "negotiation-v0": School(talk.negotiation, kept=("turns",)),
    "reference-game-v0": School(talk.reference, kept=("objects", "words"), keyed=("listener",)),
    **{
        f"reasoning-gym/{name}": School(
            listed.teacher(name), ({"items": listed.ITEMS, **parameters},), keyed=_SOLVER
        )
        for name, parameters in listed.LISTED.items()
    },
}
"""By id. A game that is not here lists its choices, and any of them is taught alike."""


def school(game: Game) -> School:
    """How the game is taught."""
    return SCHOOLS.get(game.id, School(kept=tuple(game.parameters)))


def lessons(game: Game) -> list[Game]:
    """The games that teach this one: its variants, with what they keep of its parameters."""
    taught = school(game)
    kept = {name: game.parameters[name] for name in taught.kept}
    return [find(game.id, **{**kept, **variant}) for variant in taught.variants]
