"""What a step's samples teach: the loss, which samples it takes, what is kept, and rewards from inside."""

# ruff: noqa: RUF009 (`number` and `choice` make fields, and what they hold is immutable)
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .tables import BY_ROW, BY_TOKEN, Credits, Update
from .values import MANY, ConfigError, check_number, choice, number, table

Kind: TypeAlias = Literal["gradient", "imitate", "prefer", "nft", "topr", "own"]
Choose: TypeAlias = Literal["right", "best", "above_mean", "above_average", "all"]
Weigh: TypeAlias = Literal["one", "earned"]
Balance: TypeAlias = Literal["dr_grpo", "grpo", "none"]
Verdict: TypeAlias = Literal["all", "right", "wrong"]

_TURN = re.compile(r"turn-[1-9][0-9]*")


@dataclass(frozen=True)
class Objective:
    """What the loss is made of (formulas: `losses.py`; which samples: `data/objectives.py`).

    `gradient`: TRL's loss on advantages. `imitate`: −w·log π on chosen samples, and on no others. `prefer`:
    DPO on the best and the worst sample of each group; its reference is the magnet, which stands still.
    `nft`: likelihood of right samples, and of wrong ones under the negative policy that the model implies.
    `topr`: positive advantages as they are, negative ones times a truncated ratio. `own`: by hooks.loss. All
    but `prefer` are averaged as `update.loss` averages; `prefer` is a mean over pairs.

    A group is the attempts of one role at one first prompt. A sample is `right` where its payoff lies above
    the share `right` of the game's range.
    """

    kind: Kind = choice("gradient", "the loss")
    weight: float = number(1.0, 0, 1e6, "of the kind's own loss")
    imitate: float = number(0.0, 0, 1e6, "weight of imitation beside the kind's own loss")
    positive: float = number(1.0, 0, 1e6, "positive advantages are multiplied by it")
    negative: float = number(1.0, 0, 1e6, "negative advantages are multiplied by it")
    choose: Choose = choice(
        "right",
        "samples that are imitated: right, best (of each group), above_mean (of it), above_average (of all "
        "of a role in a game), all",
    )
    best: int = number(1, 1, MANY, "how many of a group are its best")
    right: float = number(
        0.5, 0, 1, "share of the range of payoffs above which an outcome is right"
    )
    weigh: Weigh = choice(
        "one", "w of a turn that is imitated: one, or what it earned (never below 0)"
    )
    roles: tuple[str, ...] = choice((), "roles that are imitated, or preferred (empty: all)")
    beta: float = number(0.1, 1e-6, 1e3, "β of prefer")
    epsilon: float = number(1.0, 1e-6, 1, "ε of nft: least ratio of the negative policy")
    balance: Balance = choice(
        "dr_grpo",
        "weight of a group in nft at rate q: 1 − q (dr_grpo), √((1 − q)/q) (grpo), 1 (none)",
    )
    clip: float = number(1.0, 0, 1e3, "greatest ratio of negative advantages in topr")
    pull: Mapping[str, Any] = table(
        "factors of update.kl, by ROLE, by turn-N of a seat, or by ROLE/turn-N (1 where none is named)"
    )

    @property
    def by_advantage(self) -> bool:
        """Whether a sample without an advantage teaches nothing."""
        return self.kind in ("gradient", "topr") and not self.imitate


@dataclass(frozen=True)
class StockConfig:
    """Samples that are kept on disk, under the run's folder, and trained on again.

    Of the last `age` steps before the present one (of `source`: its last), those of `roles` with this
    `verdict` come back, `count` of them drawn by the step's seed, with the log-probabilities and advantages
    that they had.
    """

    keep: bool = choice(False, "write every step's samples to the run's stock")
    age: int = number(0, 0, MANY, "how many steps back stored samples are taken from (0: none are)")
    count: int = number(0, 0, MANY, "stored samples that join a step (0: all of that age)")
    verdict: Verdict = choice("all", "which of them: all, right, wrong")
    roles: tuple[str, ...] = choice((), "of which roles (empty: all)")
    source: str = choice("", "a run whose stock is taken from (empty: the run's own)")
    alone: bool = choice(
        False, "train on stored samples alone; the step's games are played all the same"
    )
    balance: int = number(
        0,
        0,
        MANY,
        "stored samples join once each, and above the reward whose balance (B-STaR) is best where so many "
        "different right ones of a prompt are wanted (0: all join)",
    )
    trials: int = number(
        0,
        0,
        MANY,
        "the phase plays at the temperature of the best balanced of so many steps before it (0: at its own)",
    )


@dataclass(frozen=True)
class Inside:
    """Rewards that the sampler's own distribution gives, as named credits of a turn, by their weights.

    `certainty`: the mean over the reply's tokens of KL(uniform‖π) (Intuitor, Zhao et al. 2025). `entropy`:
    the mean of H(π), whose weight is negative where certainty is wanted. `likelihood`: π of the whole reply
    (RLSC, Li et al. 2025). They count like the game's credits: see `credits.spread`, `named`, `payoff`.
    """

    certainty: float = number(0.0, -1e6, 1e6, "weight of the credit certainty")
    entropy: float = number(0.0, -1e6, 1e6, "weight of the credit entropy")
    likelihood: float = number(0.0, -1e6, 1e6, "weight of the credit likelihood")
    roles: tuple[str, ...] = choice((), "whose turns are given them (empty: all)")

    @property
    def weights(self) -> dict[str, float]:
        """The credits that are given, with their weights."""
        every = {
            "certainty": self.certainty,
            "entropy": self.entropy,
            "likelihood": self.likelihood,
        }
        return {name: weight for name, weight in every.items() if weight}


def check_objective(
    objective: Objective, stock: StockConfig, inside: Inside, update: Update, credits: Credits
) -> None:
    """Raises ConfigError for an objective that trains nothing, or by means that are not there."""
    if objective.kind == "imitate" and objective.imitate:
        raise ConfigError(
            "objective.imitate is the weight of imitation beside another kind, and objective.kind = imitate "
            "imitates already; set objective.weight instead"
        )
    signs = objective.kind in ("gradient", "nft", "topr", "own")
    silent = not objective.weight or (signs and not (objective.positive or objective.negative))
    if silent and not objective.imitate:
        raise ConfigError(
            "nothing would be trained: objective.weight, or objective.positive and objective.negative, and "
            "objective.imitate are 0"
        )

    for name, factor in objective.pull.items():
        if isinstance(factor, bool) or not isinstance(factor, (int, float)):
            raise ConfigError(f"objective.pull.{name} must be a number; it is {factor!r}")
        check_number(f"objective.pull.{name}", factor, 0, 1e6)
    if objective.pull and not update.kl:
        raise ConfigError("objective.pull weighs update.kl, which is 0; set update.kl")
    if (update.kl_end or update.kl_exact) and not update.kl:
        name = "kl_end" if update.kl_end else "kl_exact"
        raise ConfigError(f"update.{name} says how update.kl pulls, which is 0; set update.kl")

    if update.even:
        _check_even(objective, update)
    if stock.age and not (stock.keep or stock.source):
        raise ConfigError(
            "stock.age gives back what stock.keep writes; set stock.keep = true, or name a stock.source"
        )
    if stock.alone and not stock.age:
        raise ConfigError(
            "stock.alone trains on stored samples; set stock.age, the steps they are of"
        )
    if stock.trials and not (stock.keep and stock.balance):
        raise ConfigError(
            "stock.trials compares the balance of steps that were kept; set stock.keep = true and "
            "stock.balance, the different right answers that are wanted"
        )
    if stock.source and not stock.age:
        raise ConfigError(
            "stock.source gives nothing while stock.age = 0; set how many steps of it"
        )
    _check_inside(inside, credits)


def _check_even(objective: Objective, update: Update) -> None:
    """Raises ConfigError where turns cannot be weighed."""
    if objective.kind == "prefer":
        raise ConfigError(
            "update.even weighs turns, and objective.kind = prefer compares samples in pairs; set "
            "update.even = 0"
        )
    if update.loss not in BY_ROW + BY_TOKEN:
        raise ConfigError(
            f"update.even weighs turns, and update.loss = {update.loss} takes a mean over each sample's own; "
            f"use {' or '.join(BY_ROW + BY_TOKEN)}"
        )


def _check_inside(inside: Inside, credits: Credits) -> None:
    """Raises ConfigError where credits from inside would not count."""
    for name in inside.weights:
        if credits.spread == "terminal":
            raise ConfigError(
                f"inside.{name} is a credit, and credits.spread = terminal leaves credits out; use spread = "
                "turn or to_go"
            )
        if credits.named and name not in credits.named:
            raise ConfigError(
                f"inside.{name} is a credit, and credits.named does not name it; add {name!r}"
            )


def pulled_roles(objective: Objective) -> list[str]:
    """The roles that `objective.pull` names: in ROLE and in ROLE/turn-N."""
    return [role for name in objective.pull if (role := _role(name))]


def _role(name: str) -> str:
    """The role in ROLE, ROLE/turn-N and turn-N (empty)."""
    role, _, turn = name.rpartition("/")
    if _TURN.fullmatch(turn):
        return role
    # What is no turn must be a role, slash and all.
    return name
