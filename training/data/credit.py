"""Samples are credited: what their turns earned, measured as an estimator says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

from ..config import Credits
from .advantage import (
    ALONE,
    Baselines,
    Centre,
    Credited,
    Estimator,
    NonFiniteError,
    Outcome,
    estimate,
)
from .lots import Lot
from .samples import Issue, Sample, Span


def credit(
    samples: Sequence[Sample], baselines: Baselines, settings: Credits, own: Estimator | None = None
) -> tuple[Lot[Credited], Baselines]:
    """Every sample with the advantages of its turns, and the baselines afterwards.

    Where a role is given credits (or rewards are discounted) its turns earn different amounts, so each is
    measured against turns of the same ordinal. Otherwise all turns of an attempt earn what the attempt
    does, but for failed tries, and are measured against whole attempts, of which there are more. Samples of
    one attempt stand together, as `collect` gives them. `own` is the estimator where `settings.estimator`
    is `own`.
    Raises NonFiniteError, naming the seat or the sample, when a reward or an advantage is not finite.
    """
    lot = Lot.over(samples)
    outcomes, starts, turns = _outcomes(lot, settings)
    centres, kept = estimate(outcomes, baselines, settings, own)
    # Most attempts have one outcome, and their turns its centre.
    alike = [0 if any(own) else len(own) for own in turns]
    of_turns = [
        (centres[start],) * alike[kind] or tuple([centres[start + turn] for turn in turns[kind]])
        for start, kind in zip(starts, lot.of, strict=True)
    ]
    return credited(lot, of_turns), kept


def _outcomes(
    lot: Lot[Sample], settings: Credits
) -> tuple[Lot[Outcome], Sequence[int], list[list[int]]]:
    """What there is to measure; by sample where its attempt's begin, by kind of sample which a turn's is."""
    # By role and not by attempt: a game that ended before its first credit is measured like the others.
    apart = {_part(sample) for sample in lot.kinds if sample.attempt.by_turn}

    def told(sample: Sample) -> list[Outcome]:
        attempt, spans = sample.attempt, sample.spans
        if settings.discount != 1 or _part(sample) in apart:
            return [Outcome(attempt, span.earned, _turn(span)) for span in spans]
        return [Outcome(attempt, attempt.reward)] * len(spans)

    kinds: list[Outcome] = []
    begun = [range(0)] * len(lot.kinds)
    turns: list[list[int]] = []
    for attempt in lot.attempts:
        every = [told(lot.kinds[kind]) for kind in attempt]
        # An attempt counts once, and of several tries under one name the last.
        named = {outcome.turn: outcome for own in every for outcome in own}
        place = {name: number for number, name in enumerate(named)}
        begun[attempt.start] = range(len(kinds), len(kinds) + len(named))
        kinds += named.values()
        turns += [[place[outcome.turn] for outcome in own] for own in every]

    # The usual case: one outcome a sample.
    if all(len(own) == 1 for own in begun):
        return (
            Lot(kinds, [begun[kind].start for kind in lot.of], lot.issues),
            range(len(lot)),
            turns,
        )

    of: list[int] = []
    issues: list[Issue] = []
    starts: list[int] = []
    start = 0
    for kind, issue in zip(lot.of, lot.issues, strict=True):
        # A sample with which an attempt goes on begins none.
        if own := begun[kind]:
            start = len(of)
            of += own
            issues += [issue] * len(own)
        starts.append(start)
    return Lot(kinds, of, issues), starts, turns


def _part(sample: Sample) -> tuple[str, str]:
    return sample.attempt.game, sample.attempt.role


def _turn(span: Span) -> str:
    """The name of a turn's place among the seat's own."""
    return f"turn-{span.ordinal}" + (f"-retry-{span.retry}" if span.retry else "")


def credited(samples: Sequence[Sample], centres: Sequence[tuple[Centre, ...]]) -> Lot[Credited]:
    """Samples whose turns are measured against `centres`. Raises NonFiniteError, naming the sample."""
    lot = Lot.over(samples)
    amounts = _advantages(lot, centres)
    # One test for all: NaN and infinity do not leave a sum again.
    if not math.isfinite(sum(chain.from_iterable(amounts))):
        for sample, own in zip(lot, amounts, strict=True):
            if not math.isfinite(sum(own)):
                raise NonFiniteError(f"the advantage of {sample.name} is {own}")
    return lot.having([Credited(sample, (), ()) for sample in lot.kinds], centres, amounts)


def _advantages(lot: Lot[Sample], centres: Sequence[tuple[Centre, ...]]) -> list[tuple[float, ...]]:
    """For each sample what each of its turns earned, measured against its centre."""
    earned = [[span.earned for span in sample.spans] for sample in lot.kinds]
    found: list[tuple[float, ...]] = []
    for kind, own in zip(lot.of, centres, strict=True):
        amounts = earned[kind]
        if len(amounts) == 1:
            # Most samples are one turn, for which a map takes twice as long.
            ((baseline, scale),) = own
            found.append(((amounts[0] - baseline) / scale,))
        else:
            found.append(tuple(map(Centre.advantage, own, amounts)))
    return found


def idle(sample: Sample) -> Credited:
    """The sample with an advantage of 0 at every turn."""
    turns = len(sample.spans)
    return Credited(sample, (Centre(0.0, ALONE),) * turns, (0.0,) * turns)
