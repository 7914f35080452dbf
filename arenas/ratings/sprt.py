"""Is B better than A: a sequential test on complete pairs, counted in the order of issue.

Generalised sequential probability ratio test (Van den Bergh) on the scores of pairs: with pentanomial
counts [LL, LD, =, WD, WW] for win games, with any finite set of scores otherwise. Results in order of
completion would bias it towards whoever wins fast, so only the finished prefix counts; the first crossing
is the decision, whatever comes later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy import optimize, stats

from ...envs.errors import SparringError
from ..results import Pair, ResultsError, ScoreKind
from .arrays import Floats, Ints
from .fit import ELO

Outcome: TypeAlias = Literal["better", "not better", "undecided"]
PENTANOMIAL = (0.0, 0.25, 0.5, 0.75, 1.0)
NORMALISED = 800 / log(10)
"""nElo per (μ − ½)/σ of one game's score."""
RUNS, LONGEST, LEVELS = 400, 3000, 9
"""How many tests a forecast plays, the longest of them, and the values that stand for a payoff's spread."""
RARE = 1e-3
"""What an unseen score counts as."""


def score(elo: float) -> float:
    """The expected score of a player `elo` points ahead."""
    return 1 / (1 + exp(-elo / ELO))


def elo(score: float) -> float:
    """The lead in Elo that scores `score`, in (0, 1)."""
    return ELO * log(score / (1 - score))


def llr(support: Sequence[float], counts: Sequence[float], low: float, high: float) -> float:
    """Log-likelihood ratio of mean score `high` over `low`, each fitted at its most likely distribution.

    `support` are the distinct scores, `low` and `high` inside their range; unseen scores count 1e-3.
    """
    values, chances, total = _observed(support, counts)
    if not values.min() < low < high < values.max():
        raise ResultsError(f"bounds [{low:g}, {high:g}] must lie inside the scores {list(support)}")

    # each hypothesis at its likeliest distribution, so that the draws need not be known
    under, over = (_tilted(values - bound, chances) for bound in (low, high))
    return total * float(chances @ np.log(over / under))


def normalised_llr(
    support: Sequence[float], counts: Sequence[float], low: float, high: float
) -> float:
    """The same for bounds in nElo, which measure a lead in standard deviations of one game's score.

    For pairs of games: nElo = 347.4356·(μ − ½)/(σ_pair·√2).
    """
    values, chances, total = _observed(support, counts)
    under, over = (
        # a pair is the mean of two games: its σ is that of one game over √2
        _at_ratio(values, chances, bound / NORMALISED * sqrt(2))
        for bound in (low, high)
    )
    return total * float(chances @ np.log(over / under))


class GateError(SparringError, ValueError):
    """A gate that cannot be: its bounds, error rates or number of pairs."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a gate found: `outcome` is None while it runs; `curve` is the LLR after each pair that counted."""

    outcome: Outcome | None
    pairs: int
    llr: float
    curve: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect of a gate at a supposed true score, within its limit.

    `passes` is the chance of "better", `pairs` how many are played in the mean, and `decides` the chance that
    the limit suffices.
    """

    passes: float
    pairs: float
    decides: float


@dataclass(frozen=True)
class Gate:
    """Tests a mean score of `high` against `low`, with error rates α and β and at most `pairs` pairs.

    `support` are the scores that a pair can take; for payoff games give the range's ends, and the
    observed scores join them. Bounds are in the unit of the scores; those of a `normalised` test of a win
    game are in nElo, leads in standard deviations of a game's score, which need no guess at the draws.
    """

    low: float
    high: float
    alpha: float = 0.05
    beta: float = 0.05
    pairs: int = 400
    support: tuple[float, ...] = PENTANOMIAL
    normalised: bool = False

    def __post_init__(self) -> None:
        """Raises GateError for a test that could not be run."""
        if self.pairs < 1:
            raise GateError(f"a gate of at most {self.pairs} pairs; expected 1 or more")

        if not (0 < self.alpha < 1 and 0 < self.beta < 1 and self.alpha + self.beta < 1):
            raise GateError(
                f"error rates α={self.alpha:g}, β={self.beta:g}; expected both above 0, together below 1"
            )

        least, most = min(self.support), max(self.support)
        if self.normalised and self.support != PENTANOMIAL:
            raise GateError("a normalised gate needs a game that is scored by wins")
        if self.normalised:
            least, most = -NORMALISED, NORMALISED

        if not least < self.low < self.high < most:
            raise GateError(
                f"bounds low={self.low:g}, high={self.high:g}; expected low below high, both between the "
                f"scores {least:g} and {most:g}"
            )

    @classmethod
    def elo(
        cls,
        low: float = 0,
        high: float = 50,
        *,
        alpha: float = 0.05,
        beta: float = 0.05,
        pairs: int = 400,
    ) -> Gate:
        """The default gate: logistic bounds in Elo on pentanomial counts."""
        return cls(score(low), score(high), alpha, beta, pairs)

    @property
    def lower(self) -> float:
        # Wald's bounds: the error rates are those asked for, up to the last step's
        # overshoot
        return log(self.beta / (1 - self.alpha))

    @property
    def upper(self) -> float:
        return log((1 - self.beta) / self.alpha)

    def ratio(self, counts: Mapping[float, float]) -> float:
        """The log-likelihood ratio of so many pairs of each score."""
        support = sorted(counts)
        often = [counts[at] for at in support]
        return (normalised_llr if self.normalised else llr)(support, often, self.low, self.high)

    def bounds(self, variance: float) -> tuple[float, float]:
        """Both bounds as scores, of pairs whose scores have this variance."""
        if not self.normalised:
            return self.low, self.high
        sigma = sqrt(2 * variance)
        return 0.5 + self.low / NORMALISED * sigma, 0.5 + self.high / NORMALISED * sigma

    def judge(self, scores: Sequence[float]) -> Decision:
        """Decide on the candidate's pair scores in order of issue; frozen at the first crossing."""
        # scores not seen yet count a little, or no distribution would reach the bounds
        counts: Counter[float] = Counter(dict.fromkeys(self.support, 0))
        curve: list[float] = []
        # pairs finished beyond the limit are no part of the test
        for value in scores[: self.pairs]:
            counts[value] += 1
            curve.append(self.ratio(counts))
            if curve[-1] >= self.upper:
                return Decision("better", len(curve), curve[-1], tuple(curve))
            if curve[-1] <= self.lower:
                return Decision("not better", len(curve), curve[-1], tuple(curve))

        # short of the limit the test still runs, and has no outcome
        outcome = "undecided" if len(curve) == self.pairs else None
        return Decision(outcome, len(curve), curve[-1] if curve else 0.0, tuple(curve))

    def forecast(self, score: float, variance: float) -> Forecast:
        """What to expect if pairs score `score` with `variance`.

        The test itself is played: few large steps overshoot its bounds, and scores that might yet come slow
        it down, of which no formula for walks knows.
        """
        if self.support == PENTANOMIAL:
            return _played_out(self, *_of_legs(score, variance))
        return _played_out(self, *_of_payoffs(score, variance, self.support))


def prefix(pairs: Iterable[Pair], given_up: frozenset[int] = frozenset()) -> tuple[Pair, ...]:
    """The complete pairs before the first that is still missing, orders counted from 0.

    `given_up` are orders that no retry could play for faults of the infrastructure: passed over.
    """
    by_order = {pair.order: pair for pair in pairs}
    found: list[Pair] = []
    order = 0
    while order in by_order or order in given_up:
        if order in by_order:
            found.append(by_order[order])
        order += 1
    return tuple(found)


def judge(gate: Gate, pairs: Iterable[Pair], candidate: str, kind: ScoreKind = "win") -> Decision:
    """Judge the candidate on the finished prefix of a gate's pairs."""
    # equal scores must be one key, and means of floats may differ in the last digit
    return gate.judge([round(pair.score(candidate, kind), 9) for pair in prefix(pairs)])


def _observed(support: Sequence[float], counts: Sequence[float]) -> tuple[Floats, Floats, float]:
    seen = np.maximum(np.asarray(counts, float), RARE)
    return np.asarray(support, float), seen / seen.sum(), float(seen.sum())


def _tilted(above: Floats, chances: Floats) -> Floats:
    """The likeliest distribution whose mean of `above` is 0: p̂/(1 + x·above), x by bisection."""
    left, right = -1 / above.max(), -1 / above.min()

    # at its ends the distribution would put all mass on one score
    edge = 1e-12 * (right - left)

    def balance(x: float) -> float:
        return float((chances * above / (1 + x * above)).sum())

    x: Any = optimize.brentq(balance, left + edge, right - edge, xtol=1e-15)
    return chances / (1 + x * above)


def _at_ratio(values: Floats, chances: Floats, ratio: float) -> Floats:
    """The likeliest distribution with (μ − ½)/σ = ratio, by repeated tilting about the last σ."""
    fitted = np.full(len(values), 1 / len(values))
    for _ in range(50):
        middle = float(fitted @ values)
        sigma = sqrt(float(fitted @ (values - middle) ** 2))
        # the condition's tangent about the last σ: its mean is 0 where the ratio holds
        curved = values - 0.5 - ratio * sigma * (1 + ((middle - values) / sigma) ** 2) / 2
        before, fitted = fitted, _tilted(curved, chances)
        if float(np.abs(fitted - before).max()) < 1e-12:
            break
    return fitted


def _of_legs(score: float, variance: float) -> tuple[Floats, Floats]:
    """Scores of pairs and their chances: two independent legs with as many draws as give this variance."""
    # near even chances a pair of independent legs has variance (1 − drawn)/8
    drawn = min(max(0.0, 1 - 8 * variance), 2 * min(score, 1 - score) - 1e-9)
    legs = np.array([1 - score - drawn / 2, drawn, score - drawn / 2])
    return np.array(PENTANOMIAL), np.convolve(legs, legs)


def _of_payoffs(score: float, variance: float, support: Sequence[float]) -> tuple[Floats, Floats]:
    """Scores of pairs and their chances: a normal distribution in LEVELS equal parts."""
    steps = stats.norm.ppf((np.arange(LEVELS) + 0.5) / LEVELS)
    values = score + steps * sqrt(variance) / steps.std()

    # inside of the ends, which the test itself adds
    room = 1e-6 * (max(support) - min(support))
    return np.clip(values, min(support) + room, max(support) - room), np.full(LEVELS, 1 / LEVELS)


def _played_out(gate: Gate, values: Floats, chances: Floats) -> Forecast:
    """The forecast from RUNS tests of at most LONGEST pairs, of a fixed generator."""
    support = np.array(sorted({*gate.support, *values.tolist()}))
    limit = min(gate.pairs, LONGEST)
    # scores that the test knows before they come count a little; others once they have
    least = np.where(np.isin(support, gate.support), RARE, 0.0)

    # a fixed generator: the same gate always gets the same forecast
    draw = np.random.default_rng(0)
    came = np.searchsorted(support, values)
    runs = draw.choice(came, (RUNS, limit), p=chances / chances.sum())

    counts = np.zeros((RUNS, len(support)))
    ended = np.full(RUNS, limit)
    passed, decided = np.zeros(RUNS, bool), np.zeros(RUNS, bool)
    going = np.arange(RUNS)
    # what a normalised test fitted last, of either bound
    fitted = np.full((2, RUNS, len(support)), 1 / len(support))
    for pair in range(limit):
        # all tests step together; those that ended are left alone from then on
        counts[going, runs[going, pair]] += 1
        seen = np.maximum(counts[going], least)
        total = seen.sum(1)
        shares = seen / total[:, None]
        under, over = (
            _ratio_slopes(support, shares, bound / NORMALISED * sqrt(2), fits, going)
            if gate.normalised
            else _slopes(support - bound, shares)
            for bound, fits in zip((gate.low, gate.high), fitted, strict=True)
        )
        now = total * (shares * (np.log(under) - np.log(over))).sum(1)

        stops = (now >= gate.upper) | (now <= gate.lower)
        ended[going[stops]] = pair + 1
        passed[going[stops]] = now[stops] >= gate.upper
        decided[going[stops]] = True
        going = going[~stops]
        if not len(going):
            break
    return Forecast(float(passed.mean()), float(ended.mean()), float(decided.mean()))


def _slopes(above: Floats, chances: Floats) -> Floats:
    """(R, K): 1 + x·above with Σ p·above/(1 + x·above) = 0 in every row of chances, x by bisection."""
    # just inside of the poles, where a chance would become infinite
    above = np.broadcast_to(above, chances.shape)
    low, high = -1 / above.max(1) + 1e-9, -1 / above.min(1) - 1e-9
    for _ in range(30):
        at = (low + high) / 2
        falls = (chances * above / (1 + at[:, None] * above)).sum(1) > 0
        low, high = np.where(falls, at, low), np.where(falls, high, at)
    return 1 + low[:, None] * above


def _ratio_slopes(
    values: Floats, chances: Floats, ratio: float, fits: Floats, rows: Ints
) -> Floats:
    """(R, K): `_slopes` to (μ − ½)/σ = ratio in every row of chances, by the tangents of `_at_ratio`.

    `fits` (all rows, K) are what was fitted a pair ago, and are set anew: one pair moves a fit little.
    """
    slopes = np.ones_like(chances)
    for _ in range(20):
        fitted = fits[rows]
        middle = (fitted @ values)[:, None]
        sigma = np.sqrt((fitted * (values - middle) ** 2).sum(1))[:, None]
        curved = values - 0.5 - ratio * sigma * (1 + ((middle - values) / sigma) ** 2) / 2

        slopes = _slopes(curved, chances)
        fits[rows] = chances / slopes
        # of a forecast, which is good to percents
        if float(np.abs(fits[rows] - fitted).max()) < 1e-4:
            break
    return slopes


def confidence(
    support: Sequence[float], counts: Sequence[float], bounds: tuple[float, float], alpha: float
) -> tuple[float, float]:
    """An interval for the mean that holds wherever a test stopped: the means not yet refuted at α.

    A mean m is refuted once a bet on it has grown 1/α fold, averaged over fixed stakes to both sides
    (Waudby-Smith and Ramdas 2024): the growth's expectation is at most 1 if m is true, at every time.
    """
    values, often = np.asarray(support, float), np.asarray(counts, float)
    least, most = bounds
    # shares of the largest stake: below 1, so that no score takes all of the bet
    shares = np.geomspace(0.02, 0.98, 25)

    def refuted(mean: float) -> bool:
        stakes = np.concatenate([shares / (mean - least), -shares / (most - mean)])
        growth = np.log1p(stakes[:, None] * (values - mean)) @ often
        # in logarithms: bets on hundreds of pairs overflow
        return float(np.logaddexp.reduce(growth)) - log(len(stakes)) >= -log(alpha)

    middle = float(values @ often / often.sum())
    # at the very ends a stake would be infinite
    room = 1e-9 * (most - least)
    return (
        _edge(refuted, least + room, min(max(middle, least + room), most - room)),
        _edge(refuted, most - room, min(max(middle, least + room), most - room)),
    )


def _edge(refuted: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where means cease to be refuted, on the way from `outside` to `inside`."""
    if not refuted(outside):
        return outside
    for _ in range(50):
        # refuted means lie outside without gaps, so halving finds the edge
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if refuted(middle) else (outside, middle)
    return inside
