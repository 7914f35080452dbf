"""Which games a run plays, how often each, and which of their outcomes it learns from."""

# ruff: noqa: RUF009 (`number` and `choice` make fields, and what they hold is immutable)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ...envs.registry import Game
from .merging import merged
from .tables import Credits, check_credits
from .values import MANY, ConfigError, check_numbers, choice, number, table

By: TypeAlias = Literal["weight", "learnability", "window", "own"]
Unit: TypeAlias = Literal["games", "tokens"]


@dataclass(frozen=True)
class GameEntry:
    """One game of the menu, with what differs for it from the run's own settings."""

    id: str = choice("", "id of the game")
    parameters: Mapping[str, Any] = table("the game's own")
    weight: float = number(1.0, 0, 1e6, "its share of a step, beside the other weights")
    max_tokens: int = number(0, 0, MANY, "tokens a reply may have (0: as the run)")
    judge: str = choice("", "who grades in it (empty: as the run)")
    credits: Mapping[str, Any] = table("settings of [credits] that differ for it")


@dataclass(frozen=True)
class Mix:
    """How a step is shared out among the games of the menu.

    `weight`: by their weights. `learnability`: the bandit of SEC, Q ← αr + (1 − α)Q with r the mean
    |advantage| of a game's samples, shares = softmax(Q/τ). `window`: games whose solve rate lies inside
    [low, high], by weight; all of them while none does. `own`: by hooks.shares.
    """

    by: By = choice("weight", "what shares go by")
    unit: Unit = choice("games", "what shares count: games, or sampled tokens")
    floor: float = number(0.0, 0, 1, "least share of any game")
    rate: float = number(0.3, 1e-6, 1, "α of learnability: weight of the newest step")
    temperature: float = number(1.0, 1e-3, 1e3, "τ of learnability: the softmax's temperature")
    low: float = number(0.2, 0, 1, "least solve rate inside the window")
    high: float = number(0.8, 0, 1, "greatest solve rate inside the window")


@dataclass(frozen=True)
class Filters:
    """Which groups of attempts at one task are left out of training, and the charge for repetition.

    A group is dropped where its outcomes are all alike, or where its solve rate (the share of attempts that
    are paid more than the middle of the game's range) lies outside [low, high]. `roles` says whose groups.
    Where a vote says what is right, one of n answers that all differ has a rate of 1/n: `low` must be above.

    `charge` is taken from a proposal for each share of the step's proposals of its kind that are alike:
    R-Zero's penalty, charge · (size of its cluster) / (number of proposals).
    """

    alike: bool = choice(False, "drop groups whose outcomes are all alike")
    low: float = number(0.0, 0, 1, "least solve rate of a group")
    high: float = number(1.0, 0, 1, "greatest solve rate of a group")
    roles: tuple[str, ...] = choice((), "roles whose groups are filtered (empty: all)")
    charge: float = number(0.0, 0, 1e6, "price of proposals that are alike in one step")
    similar: float = number(0.5, 0, 1, "from which share of words two proposals are alike")


def check_band(filters: Filters, game: Game) -> None:
    """Raises ConfigError for a band that takes groups in which no two attempts at a voted answer agree."""
    given = game.parameters
    voted = given.get("label") in ("majority", "pooled", "swapped")
    attempts = given.get("attempts")
    if not voted or not filters.low or not isinstance(attempts, int):
        return
    # Each of the two wordings of a swapped vote has half the attempts.
    voters = attempts // 2 if given.get("label") == "swapped" else attempts
    if filters.low * voters <= 1:
        raise ConfigError(
            f"filters.low = {filters.low:g} takes groups of {game.ref.label} in which no two of {voters} "
            f"answers agree; set parameters.attempts so that 1 of them is less, or filters.low above "
            f"{1 / max(1, voters):.3g}"
        )


def check_menu(games: Sequence[GameEntry], credits: Credits, mix: Mix, filters: Filters) -> None:
    """Raises ConfigError for a menu that cannot be played. `credits` are the run's."""
    for place, entry in enumerate(games, 1):
        if not entry.id:
            raise ConfigError(f"games[{place}] names no game; give it an id")
        name = f"games[{place}].credits"
        own = merged(credits, entry.credits, f"{name}.")
        check_numbers(own, f"{name}.")
        check_credits(own, name)
    if games and not any(entry.weight for entry in games):
        raise ConfigError("every game of the menu has weight 0; give one of them a greater weight")

    playing = sum(entry.weight > 0 for entry in games)
    if mix.floor * playing > 1:
        raise ConfigError(
            f"mix.floor = {mix.floor} for each of {playing} games is more than the whole; it may be "
            f"{1 / playing:.3g} at most"
        )
    for part, low, high in (("mix", mix.low, mix.high), ("filters", filters.low, filters.high)):
        if low > high:
            raise ConfigError(f"{part}.low = {low} is above {part}.high = {high}")
