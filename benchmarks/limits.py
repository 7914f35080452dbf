"""How near to 95 % can the interval of one cell come, whose pairs mostly end level? Exactly, without luck.

    python benchmarks/limits.py            # seconds

Equals meet in n pairs; each pair is level with chance q, else won by either with equal chance. Student's
interval either holds the truth or not for each outcome (won, lost), so its coverage is a sum. Beside it the
least coverage, at this q, of any interval that holds at least 93 % at every q: it may leave out the truth at
some outcomes only, and where it does so at (won, lost), also at more won or fewer lost. An integer programme
finds the outcomes.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import optimize, special, stats
from sparring.arenas.ratings.arrays import Floats, Ints

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


def student(kinds: Ints, pairs: int) -> Floats:
    """(O,): 1 where Student's interval leaves out equality."""
    won, lost = kinds.T
    mean = (won - lost) / pairs
    spread = (won + lost - pairs * mean**2) / (pairs - 1)
    # where all were won there is no spread, and the interval allows for what so many leave open
    reach = np.where(won == pairs, 0.0, stats.t.ppf(0.975, pairs - 1) * np.sqrt(spread / pairs))
    out = np.where(won == pairs, 0.025 ** (1 / pairs) > 0.5, mean > reach)
    return out.astype(float)


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
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    print(f"{'pairs':>5}{'level':>8}{'Student':>10}{'limit':>8}")
    for pairs in (5, 10, 20):
        kinds = outcomes(pairs)
        for level in SHARES:
            covered = 1 - float(chances(kinds, pairs, level) @ student(kinds, pairs))
            print(
                f"{pairs:5}{level:8.0%}{covered:10.1%}{least(kinds, pairs, level):8.1%}", flush=True
            )


if __name__ == "__main__":
    main()
