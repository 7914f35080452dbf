"""Tokens for the same ranking error: pairs by information gain against uniform single games.

`python benchmarks/evidence.py [--repeats N]`. A simulated field with known strengths: each seed favours
one seat (a lucky deal), as card games do, and entrants differ in how much they talk. Plain practice draws
two entrants and their seats evenly, one game to a seed, and fits Bradley–Terry to wins. Ours plays both
seatings of a seed and chooses the next pairs by information gain per token, refitting as it goes. Both
are charged for every token; the error is the share of all two entrants that the ratings put in the
wrong order, weighted by how far apart they are.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from sparring.arenas.plan.information import next_pairs
from sparring.arenas.ratings.arrays import Floats, Played, duels
from sparring.arenas.ratings.fit import ELO, fit

ENTRANTS = 16
LUCK = 3.0
"""Standard deviation, in logits, of what a seed gives its first seat."""
SPAN = 300.0
"""Elo from the weakest to the strongest."""
PRIOR = 300 / ELO
ROUND = 24


class Field:
    """Entrants with known strengths and tokens per game, and a count of what was spent."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.strength = self.draw.permutation(np.linspace(0, SPAN, ENTRANTS)) / ELO
        self.talk = self.draw.lognormal(5, 0.7, ENTRANTS)
        self.spent = 0.0

    def play(self, first: NDArray[np.int64], second: NDArray[np.int64], luck: Floats) -> Floats:
        """1 where the first wins; both are charged."""
        self.spent += float(self.talk[first].sum() + self.talk[second].sum())
        edge = self.strength[first] - self.strength[second] + luck
        return (self.draw.random(len(first)) < 1 / (1 + np.exp(-edge))).astype(float)

    def error(self, rating: Floats) -> float:
        """Share of the strength differences that are put in the wrong order; 0 is perfect."""
        a, b = np.triu_indices(ENTRANTS, 1)
        gap = self.strength[a] - self.strength[b]
        wrong = np.sign(rating[a] - rating[b]) != np.sign(gap)
        return float(np.abs(gap)[wrong].sum() / np.abs(gap).sum())


def uniform(seed: int, budget: float) -> list[tuple[float, float]]:
    """(tokens, error) along single games of entrants drawn evenly."""
    field, curve = Field(seed), []
    first, second, won = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    while field.spent < budget:
        i = field.draw.integers(ENTRANTS, size=2 * ROUND)
        j = (i + field.draw.integers(1, ENTRANTS, size=len(i))) % ENTRANTS
        result = field.play(i, j, field.draw.normal(0, LUCK, len(i)))
        first, second, won = np.append(first, i), np.append(second, j), np.append(won, result)
        played = duels(first, second, won, names=ENTRANTS)
        curve.append((field.spent, field.error(fit(played, "win", prior=PRIOR).rating)))
    return curve


def informed(seed: int, budget: float, *, choose: bool = True) -> list[tuple[float, float]]:
    """(tokens, error) along pairs; `choose` by information gain per token, else evenly."""
    field, curve = Field(seed), []
    names = [str(n) for n in range(ENTRANTS)]
    cost = np.add.outer(field.talk, field.talk)
    i, j, legs = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 2))
    fitted = None
    while field.spent < budget:
        if choose:
            pairs = next_pairs(names, ROUND, fitted=fitted, tokens=cost)
            a, b = np.array([(int(x), int(y)) for x, y in pairs]).T
        else:
            a = field.draw.integers(ENTRANTS, size=ROUND)
            b = (a + field.draw.integers(1, ENTRANTS, size=ROUND)) % ENTRANTS
        luck = field.draw.normal(0, LUCK, len(a))
        both = np.stack([field.play(a, b, luck), 1 - field.play(b, a, luck)], 1)
        i, j, legs = np.append(i, a), np.append(j, b), np.vstack([legs, both])
        fitted = fit(paired(i, j, legs), "win", prior=PRIOR)
        curve.append((field.spent, field.error(fitted.rating)))
    return curve


def paired(i: NDArray[np.int64], j: NDArray[np.int64], legs: Floats) -> Played:
    """Both legs as games of one block; the score is that of i in each."""
    twice = np.repeat(np.arange(len(i)), 2)
    return duels(i[twice], j[twice], legs.ravel(), twice, names=ENTRANTS)


def along(grid: Floats, curve: list[tuple[float, float]]) -> Floats:
    """A curve's errors at these tokens."""
    spent, errors = np.array(curve).T
    return np.interp(grid, spent, errors)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=30)
    options.add_argument("--budget", type=float, default=400_000)
    given = options.parse_args()
    grid = np.linspace(given.budget / 20, given.budget * 0.95, 60)
    methods = {
        "uniform single games": uniform,
        "pairs, uniform": lambda seed, budget: informed(seed, budget, choose=False),
        "pairs, information gain": informed,
    }
    errors = {
        name: np.mean(
            [along(grid, run(s, given.budget)) for s in range(given.repeats)],
            axis=0,
        )
        for name, run in methods.items()
    }
    print(
        f"{ENTRANTS} entrants over {SPAN:g} Elo, {given.repeats} repeats; tokens to a mean ranking error"
    )
    plain = errors["uniform single games"]
    for target in (plain[len(grid) // 3], plain[2 * len(grid) // 3]):
        print(f"error {target:.3f}:")
        base = needed(grid, plain, target)
        for name, curve in errors.items():
            tokens = needed(grid, curve, target)
            print(f"  {name:26}{tokens:12,.0f} tokens   {tokens / base:6.2f} of uniform")


def needed(grid: Floats, curve: Floats, target: float) -> float:
    """The first tokens at which the mean error is down to the target for good."""
    above = np.flatnonzero(curve > target + 1e-12)
    return float(grid[min(above[-1] + 1, len(grid) - 1)]) if len(above) else float(grid[0])


if __name__ == "__main__":
    main()
