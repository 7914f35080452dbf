"""Games that go on from a history: further continuations inside a step, and restarts from steps before."""

from __future__ import annotations

from dataclasses import dataclass

from .tables import OpponentsConfig, Rollout
from .values import MANY, ConfigError, choice, number


@dataclass(frozen=True)
class Starts:
    """Histories that games go on from. A history ends before turn `turn` of a learner's seat.

    `branches`: every game is played to its end so often from its history. The turns after it form one group,
    measured against each other (CoCoS: k second tries at one first try); those before it are trained once.
    `share`: so much of a step begins at histories of earlier steps, `rollout.replicates` games each, drawn by
    how far the outcomes from there lay apart (ExIt: Jiang et al. 2025).
    `random`: other games begin after up to so many random moves (exploring starts: Sutton and Barto 2018).
    What a seat may infer from the moves of others changes by it, so it suits games in which all is seen.
    """

    branches: int = number(1, 1, 1000, "how often a game is played on from its history (1: once)")
    turn: int = number(2, 1, MANY, "turn of a learner's seat that a history ends before, from 1")
    role: str = choice("", "role whose turns are counted (empty: whichever gets there first)")
    value: bool = choice(
        False, "turns before the history's end earn the mean over the games that went on from there"
    )
    share: float = number(0.0, 0, 1, "share of a step's games that begin at a kept history")
    most: int = number(256, 1, MANY, "histories that are kept; the least spread go first")
    random: int = number(
        0,
        0,
        1000,
        "a game begins after so many random moves at most (0: none); their number is drawn evenly",
    )
    random_least: int = number(0, 0, 1000, "least number of random moves that a game begins after")


def check_starts(starts: Starts, rollout: Rollout, opponents: OpponentsConfig) -> None:
    """Raises ConfigError for histories that nothing can be learnt from."""
    if starts.value and starts.branches == 1:
        raise ConfigError("starts.value = true is a mean over branches; set starts.branches")
    if starts.share and rollout.replicates == 1:
        raise ConfigError(
            "starts.share draws histories by the spread of their outcomes; set rollout.replicates to 2 "
            "or more"
        )
    if starts.random_least > starts.random:
        raise ConfigError(
            f"starts.random_least = {starts.random_least} is more than starts.random = {starts.random}, the "
            "most random moves of an opening"
        )
    for name, value in (("share", starts.share), ("random", starts.random)):
        if value and opponents.mode == "league":
            raise ConfigError(
                f"starts.{name} plays games that a league cannot count; set opponents.mode to another, or "
                f"starts.{name} = 0"
            )
