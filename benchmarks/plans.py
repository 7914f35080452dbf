"""Does a gate need the pairs that its plan says? Plans beside gates that are judged pair by pair.

    python benchmarks/plans.py             # a minute

Win games with independent legs and 0, 50, 80 % draws, by bounds in Elo and in nElo; payoff games by the exact
odds of checkpoints at Kuhn poker (`tests/arenas/ratings/kuhn_checkpoints.json`), tilted to either bound of
the gate.
"""

from __future__ import annotations

import argparse
import json
import sys
from math import sqrt
from pathlib import Path

import numpy as np
from scipy import optimize
from sparring.arenas.gate import gate_of
from sparring.arenas.ratings.arrays import Floats
from sparring.arenas.ratings.sprt import NORMALISED, PENTANOMIAL, Gate, score

sys.path.insert(0, str(Path(__file__).parent))
from coverage import GAME, LINES, Matches, matches

POLICIES = Path(__file__).parents[1] / "tests/arenas/ratings/kuhn_checkpoints.json"
GATES = 40


def legs(at: float, drawn: float) -> tuple[Floats, Floats]:
    """Scores of a pair of independent games and their chances."""
    one = np.array([1 - at - drawn / 2, drawn, at - drawn / 2])
    return np.array(PENTANOMIAL), np.convolve(one, one)


def paid(game: Matches, a: int, b: int, mean: float) -> tuple[Floats, Floats]:
    """Payoffs of a pair of Kuhn poker and their chances, tilted to this mean."""
    law: dict[float, float] = {}
    for deal in range(len(game.paid)):
        for first in range(LINES):
            for second in range(LINES):
                value = round((game.paid[deal, first] - game.paid[deal, second]) / 2, 9)
                chance = game.chances[a, b, deal, first] * game.chances[b, a, deal, second]
                law[value] = law.get(value, 0.0) + chance
    values, chances = np.array(sorted(law)), np.array([law[at] for at in sorted(law)])

    def tilted(by: float) -> Floats:
        weights = chances * np.exp(by * values)
        return weights / weights.sum()

    return values, tilted(optimize.brentq(lambda by: tilted(by) @ values - mean, -20, 20))  # type: ignore[arg-type]


def compared(name: str, gate: Gate, values: Floats, chances: Floats, seed: int) -> None:
    """Print the plan beside the mean of GATES gates, with its standard error."""
    mean = float(values @ chances)
    said = gate.forecast(mean, float(chances @ (values - mean) ** 2))
    draw = np.random.default_rng(seed)
    needed = np.array(
        [
            gate.judge(draw.choice(values, gate.pairs, p=chances).tolist()).pairs
            for _ in range(GATES)
        ]
    )
    print(
        f"{name:44}{said.pairs:8.0f}{needed.mean():8.0f} ± {needed.std() / GATES**0.5:<5.0f}"
        f"{said.pairs / needed.mean():6.2f}",
        flush=True,
    )


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    print(f"{'gate':44}{'said':>8}{'needed':>8}{'ratio':>14}")
    for drawn in (0.0, 0.5, 0.8):
        for lead in (0, 50):
            compared(
                f"wins, {drawn:.0%} drawn, {lead} Elo", Gate.elo(), *legs(score(lead), drawn), 1
            )
        for lead in (0, 50):
            # the score whose lead is so many standard deviations of one game
            above = lead / NORMALISED * sqrt((1 - drawn) / 4)
            name = f"wins, {drawn:.0%} drawn, {lead} nElo"
            compared(name, Gate(0, 50, normalised=True), *legs(0.5 + above, drawn), 1)

    game = matches(json.loads(POLICIES.read_text()))
    for high in (0.05, 0.1, 0.2):
        gate = gate_of(GAME, 0, high)
        for a, b in ((6, 7), (5, 0), (2, 3)):
            for mean in (0.0, high):
                name = f"Kuhn, {game.names[a]} v {game.names[b]}, {mean:g} of {high:g}"
                compared(name, gate, *paid(game, a, b, mean), 1)


if __name__ == "__main__":
    main()
