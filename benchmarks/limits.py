"""How near to 95 % can the interval of one cell come, whose pairs mostly end level? Exactly, without luck.

    python benchmarks/limits.py            # seconds
    python benchmarks/limits.py --policies tests/arenas/ratings/kuhn_checkpoints.json      # seconds

Equals meet in n pairs; each pair is level with chance q, else won by either with equal chance. A cell's
interval either holds the truth or not for each outcome (won, lost), so its coverage is a sum. Beside it the
least coverage, at this q, of any interval that holds at least 93 % at every q: it may leave out the truth at
some outcomes only, and where it does so at (won, lost), also at more won or fewer lost. An integer programme
finds the outcomes.

With `--policies`, the coverage of the cells of those players at Kuhn poker, each by its own odds: who wins a
pair, loses it, or is level.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from coverage import matches
from scipy import optimize, special, stats
from sparring.arenas.ratings.arrays import Floats, Ints
from sparring.arenas.ratings.means import points

SHARES = (0.25, 0.5, 0.75, 0.85, 0.9, 0.95)


def outcomes(pairs: int) -> Ints:
    """(O, 2): won and lost, with more won than lost; their mirrors have the same chances."""
    return np.array(
        [(k, m) for k in range(pairs + 1) for m in range(pairs - k + 1) if k > m], np.int64
    )


def chances(kinds: Ints, pairs: int, level: float) -> Floats:
    """(O,): of each outcome and its mirror together."""
    won, lost = kinds.T
    rest = pairs - won - lost
    ways = special.gammaln([pairs + 1])[0] - special.gammaln(np.stack([won, lost, rest]) + 1).sum(0)
    decided = special.xlogy(won + lost, (1 - level) / 2)
    return 2 * np.exp(ways + decided + special.xlogy(rest, level))


def left_out(kinds: Ints, pairs: int) -> Floats:
    """(O,): 1 where a cell's interval leaves out equality."""
    return np.array([not holds(won, lost, pairs, 0.5) for won, lost in kinds.tolist()], np.float64)


def holds(won: int, lost: int, pairs: int, truth: float) -> bool:
    """Whether the interval of a cell with this outcome holds the true score."""
    found = points(np.repeat([0.0, 0.5, 1.0], [lost, pairs - won - lost, won]))
    return found.low <= truth <= found.high


def covered(won: float, lost: float, pairs: int) -> float:
    """The coverage of a cell, one of whose players wins a pair with chance `won` and loses it with `lost`."""
    all_kinds = [(k, m) for k in range(pairs + 1) for m in range(pairs - k + 1)]
    odds = stats.multinomial(pairs, [won, lost, 1 - won - lost])
    # outcomes that never come are as many as those that do
    likely = [(k, m, p) for k, m in all_kinds if (p := odds.pmf([k, m, pairs - k - m])) > 1e-7]
    truth = 0.5 + (won - lost) / 2
    held = [p for k, m, p in likely if holds(k, m, pairs, truth)]
    return float(np.sum(held) / np.sum([p for *_, p in likely]))


def cells(policies: Path) -> list[tuple[float, float]]:
    """The odds (won, lost) of a pair in every cell of these players at Kuhn poker."""
    game = matches(json.loads(policies.read_text()))
    # (first, second, deal): the chance that the first wins
    wins = (game.chances * game.worth("win")).sum(3)
    a, b = game.cells(1)
    here, there = wins[a, b], wins[b, a]
    won, lost = (here * (1 - there)).mean(1), ((1 - here) * there).mean(1)
    return list(zip(won.tolist(), lost.tolist(), strict=True))


def least(kinds: Ints, pairs: int, level: float, allowed: float = 0.07) -> float:
    """The least coverage at this share of level pairs."""
    at = {(k, m): n for n, (k, m) in enumerate(kinds.tolist())}
    grid = np.concatenate([np.linspace(0.0, 0.98, 60), 1 - np.linspace(0.2, 16, 60) / pairs / 2])
    sizes = np.array([chances(kinds, pairs, q) for q in grid if 0 <= q < 1])

    implied: list[Floats] = []
    for (k, m), n in at.items():
        for further in ((k + 1, m), (k, m - 1), (k + 1, m - 1)):
            # all won: a case of its own, as there is no spread
            if further in at and further != (pairs, 0):
                row = np.zeros(len(kinds))
                row[n], row[at[further]] = 1, -1
                implied.append(row)

    rules = [
        optimize.LinearConstraint(sizes, -np.inf, allowed),
        optimize.LinearConstraint(np.array(implied), -np.inf, 0),
    ]
    found = optimize.milp(
        -chances(kinds, pairs, level),
        integrality=np.ones(len(kinds)),
        bounds=optimize.Bounds(0, 1),
        constraints=rules,
        options={"time_limit": 20},
    )
    return 1 + float(found.fun)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--policies", type=Path, help="odds of players, as coverage.py saves them")
    policies = parser.parse_args().policies
    if policies:
        print(f"{'pairs':>5}{'mean':>8}{'least':>8}{'most':>8}{'within 93 to 97':>18}")
        for pairs in (5, 10, 20, 50, 100, 200):
            found = np.array([covered(*odds, pairs) for odds in cells(policies)])
            within = int(((found >= 0.93) & (found <= 0.97)).sum())
            print(
                f"{pairs:5}{found.mean():8.1%}{found.min():8.1%}{found.max():8.1%}"
                f"{within:11} of {len(found)}",
                flush=True,
            )
        return

    print(f"{'pairs':>5}{'level':>8}{'covered':>10}{'limit':>8}")
    for pairs in (5, 10, 20):
        kinds = outcomes(pairs)
        for level in SHARES:
            held = 1 - float(chances(kinds, pairs, level) @ left_out(kinds, pairs))
            print(f"{pairs:5}{level:8.0%}{held:10.1%}{least(kinds, pairs, level):8.1%}", flush=True)


if __name__ == "__main__":
    main()
