"""What an exam gives: numbers by item, their means with intervals, and paired differences.

Attempts at one item depend on each other, so an item is one observation: intervals are clustered by item
(Miller 2024, "Adding Error Bars to Evals"). Two who sat the same exam are compared item by item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..envs.errors import SparringError
from ..envs.exact import Floats
from .ratings.means import mean
from .results import Estimate

SOLVED: Final = "pass_at_1"
"""The mark that levels, gains and alarms go by: the share of attempts whose last answer is right."""
_BOUNDS: Final = {"gap": (-1.0, 1.0)}
"""Of marks that are not shares."""


class ExamError(SparringError, ValueError):
    """An exam cannot be held, or two exams cannot be compared."""


@dataclass(frozen=True, eq=False)
class Marks:
    """A policy's exam. I items; each column has shape (I,), NaN where an item has no such number.

    who:      the policy's name.
    game:     the game's id.
    attempts: k of the columns `pass_at_k` and `maj_at_k`.
    items:    a name for each task, the same whoever sits the exam.
    levels:   what each item noted as its level; "" where it noted none.
    weight:   how often each item comes up, summing to 1.
    columns:  by name: pass_at_1, pass_at_k, maj_at_k · turn_1, turn_2 …, wrong_to_right and right_to_wrong
              (first turn to last) · verdict_accuracy and gap (accuracy weighted by own verdict minus
              accuracy) · refused (share of attempts with a refused reply) or, where exact, legal_mass
              · thought (share of replies with one), where there are any.
    exact:    computed over all tasks from probabilities: no sample, so no interval.
    lost:     items left out because the engine failed in one of their games.
    """

    who: str
    game: str
    attempts: int
    items: tuple[str, ...]
    levels: tuple[str, ...]
    weight: Floats
    columns: Mapping[str, Floats]
    exact: bool = False
    lost: int = 0

    def mark(self, name: str, level: float = 0.95) -> Estimate:
        """The mean of a column with its interval; that of an exact exam is the number itself.

        Raises ExamError for a mark that this exam does not give.
        """
        if name not in self.columns:
            raise ExamError(
                f"the exam on {self.game} gives no {name!r}; it gives {', '.join(self.columns)}"
            )
        return self._mean(self.columns[name], _BOUNDS.get(name, (0.0, 1.0)), level)

    def marks(self, level: float = 0.95) -> dict[str, Estimate]:
        """Every mark by name, and `level/NAME`, the share solved of each level that items have."""
        found = {name: self.mark(name, level) for name in self.columns}
        known = np.array(self.levels)
        for name in sorted({*self.levels} - {""}):
            own = np.where(known == name, self.columns[SOLVED], np.nan)
            found[f"level/{name}"] = self._mean(own, (0.0, 1.0), level)
        return found

    def gain(self, before: Marks, name: str = SOLVED, level: float = 0.95) -> Estimate:
        """How much better this exam went than `before`, item by item, with the interval of the difference.

        Raises ExamError for exams without a common item.
        """
        mine, theirs = self.columns[name], before.columns[name]
        if self.items != before.items:
            # one may lack items that an engine's fault cost
            known = {item: row for row, item in enumerate(before.items)}
            theirs = np.array([theirs[known[i]] if i in known else np.nan for i in self.items])
        change = mine - theirs
        if self.game != before.game or np.isnan(change).all():
            raise ExamError(
                f"{self.who} on {self.game} and {before.who} on {before.game} have no item in common"
            )

        low, high = _BOUNDS.get(name, (0.0, 1.0))
        return self._mean(change, (low - high, high - low), level, exact=before.exact)

    def _mean(
        self, column: Floats, bounds: tuple[float, float], level: float, *, exact: bool = True
    ) -> Estimate:
        there = ~np.isnan(column)
        values, weight = column[there], self.weight[there]
        if self.exact and exact:
            value = float(weight @ values / weight.sum())
            return Estimate(value, 0.0, value, value)
        found = mean(values, bounds, level)
        # Student's interval knows no bounds
        low, high = max(bounds[0], found.low), min(bounds[1], found.high)
        return Estimate(found.value, found.se, low, high)

    def data(self) -> dict[str, Any]:
        """All of it as JSON values; `read` gives it back."""
        columns = {
            name: [None if np.isnan(x) else x for x in column.tolist()]
            for name, column in self.columns.items()
        }
        return {
            "who": self.who,
            "game": self.game,
            "attempts": self.attempts,
            "items": list(self.items),
            "levels": list(self.levels),
            "weight": self.weight.tolist(),
            "columns": columns,
            "exact": self.exact,
            "lost": self.lost,
        }


def read(data: Mapping[str, Any]) -> Marks:
    """The marks that `data` gave."""
    columns = {
        name: np.array([np.nan if x is None else x for x in column], dtype=np.float64)
        for name, column in data["columns"].items()
    }
    return Marks(
        data["who"],
        data["game"],
        data["attempts"],
        tuple(data["items"]),
        tuple(data["levels"]),
        np.array(data["weight"], dtype=np.float64),
        columns,
        data["exact"],
        data["lost"],
    )


def comparisons(sat: Sequence[Marks], name: str = SOLVED, level: float = 0.95) -> list[Estimate]:
    """How much better each exam after the first went than the first; all of them hold together at `level`."""
    apart = 1 - (1 - level) / max(1, len(sat) - 1)
    return [marks.gain(sat[0], name, apart) for marks in sat[1:]]
