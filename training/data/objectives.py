"""From credited samples to what the loss takes: which are learned from, and with which weights."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ...envs.errors import SparringError
from ..config import Config, Objective
from .advantage import Centre, Credited
from .batch import Batch, Pair, Row, pack, pack_pairs
from .learners import joined
from .lots import Lot
from .samples import Attempt, Issue, Sample, Span

MOST = 0.98
"""The greatest rate that a group's weight in NFT is computed from; the least is 1 minus it."""


class NothingToLearnError(SparringError, RuntimeError):
    """The objective takes none of a step's samples."""


class Judged(NamedTuple):
    """A credited sample, whether its outcome is right, and the share of its group that is."""

    credited: Credited
    right: bool
    rate: float

    @property
    def sample(self) -> Sample:
        return self.credited.sample

    @property
    def attempt(self) -> Attempt:
        return self.credited.sample.attempt

    @property
    def own(self) -> tuple[tuple[Centre, ...], tuple[float, ...]]:
        return self.credited.own

    def at(self, issue: Issue, *own: Any) -> Judged:
        """The same in another episode that went alike, measured against other centres."""
        return Judged(self.credited.at(issue, *own), *self[1:])


def signed(trained: Sequence[Credited], objective: Objective) -> Lot[Credited]:
    """Advantages multiplied by their sign's factor.

    On outcomes of +1 and −1 without a baseline: PSR (1, 0), NSR (0, 1), W-REINFORCE (0.1, 1) ("The Surprising
    Effectiveness of Negative Reinforcement", Zhu et al. 2025).
    """
    lot, more, less = Lot.over(trained), objective.positive, objective.negative
    if more == less == 1:
        return lot
    centres, amounts = lot.own
    weighed = [tuple([a * (more if a > 0 else less) for a in own]) for own in amounts]
    return lot.having(lot.kinds, centres, weighed)


def judged(
    trained: Sequence[Credited],
    objective: Objective,
    ranges: Mapping[str, tuple[float, float]],
) -> Lot[Judged]:
    """The samples with their outcomes' verdicts; `ranges` are of scaled payoffs, by game."""
    lot = Lot.over(trained)
    often = Counter(lot.of)
    found: list[tuple[Credited, bool, list[int]]] = []
    groups: dict[tuple[str, str, str], list[int]] = {}
    for kinds in lot.attempts:
        own, count = [lot.kinds[kind] for kind in kinds], often[kinds.start]
        attempt = own[0].attempt
        least, most = ranges[attempt.game]
        right = attempt.payoff > least + objective.right * (most - least)
        group = groups.setdefault(_group(attempt), [0, 0])
        group[0] += right * count
        group[1] += count
        found += [(each, right, group) for each in own]

    # Divided last: a group's later attempts count for its first one too.
    told = [Judged(each, right, rights / count) for each, right, (rights, count) in found]
    return lot.having(told, *lot.own)


def lessons(
    config: Config,
    step: int,
    fresh: Sequence[Judged],
    stored: Sequence[Judged],
    *,
    learners: Sequence[str],
    pad: int,
    idle: Sequence[Judged] = (),
) -> Batch:
    """What step `step` trains on, as tensors: of several learners each for itself.

    A later step that the objective takes no sample of rests: its loss is the KL term alone. `idle` are
    samples to rest on in a later round, where a first step, or one of the stock alone, may rest too. Raises
    NothingToLearnError for any other step of that kind.
    """
    try:
        return _lessons(config, step, fresh, stored, learners=learners, pad=pad)
    except NothingToLearnError:
        # A run that has learnt all there is has nothing to prefer or imitate, and may go on to its end, as
        # may one whose round brought nothing; one that begins so was set up wrongly.
        rested = idle or (fresh if step else ())
        if not rested:
            raise
        return _resting(config, rested, learners=learners, pad=pad)


def _resting(
    config: Config, fresh: Sequence[Judged], *, learners: Sequence[str], pad: int
) -> Batch:
    """The step's samples without any weight."""
    loss, multiple = config.update.loss, config.update.microbatches
    even = config.update.even
    made = [
        Row(
            each.sample,
            (0.0,) * len(each.sample.spans),
            pull=_pulls(each.sample, config.objective.pull),
        )
        for each in fresh
    ]
    if len(learners) == 1:
        found = pack(made, loss=loss, pad=pad, fold=True, even=even, multiple=multiple)
        return replace(found, rests=True)

    parts: dict[int, Batch] = {}
    for place, name in enumerate(learners):
        if own := [row for row in made if row.sample.attempt.learner == name]:
            parts[place] = pack(own, loss=loss, pad=pad, fold=True, even=even)
    return replace(joined(parts, loss=loss, pad=pad, multiple=multiple), rests=True)


def _lessons(
    config: Config,
    step: int,
    fresh: Sequence[Judged],
    stored: Sequence[Judged],
    *,
    learners: Sequence[str],
    pad: int,
) -> Batch:
    multiple = config.update.microbatches
    if len(learners) == 1:
        return _packed(config, step, fresh, stored, pad=pad, multiple=multiple)

    found: dict[int, Batch] = {}
    faults: list[NothingToLearnError] = []
    for place, name in enumerate(learners):
        own, kept = (
            Lot.over(samples).where(lambda each, name=name: each.attempt.learner == name)
            for samples in (fresh, stored)
        )
        # A learner that has nothing to learn rests while the others learn.
        try:
            if own or kept:
                found[place] = _packed(config, step, own, kept, pad=pad)
        except NothingToLearnError as fault:
            faults.append(fault)

    if not found:
        raise next(iter(faults), _nothing_stored(step))
    return joined(found, loss=config.update.loss, pad=pad, multiple=multiple)


def _packed(
    config: Config,
    step: int,
    fresh: Sequence[Judged],
    stored: Sequence[Judged],
    *,
    pad: int,
    multiple: int = 1,
) -> Batch:
    """What one learner learns from. Raises NothingToLearnError."""
    objective, loss = config.objective, config.update.loss
    samples = [*fresh, *stored] if stored else fresh
    if not samples:
        raise _nothing_stored(step)
    if objective.kind == "prefer":
        found = pairs(samples, objective, step)
        return pack_pairs(found, loss=loss, pad=pad, multiple=multiple)

    # A second step on the same games has a ratio other than 1, and clipping is not linear; nor are the
    # losses that take the ratio of a sample.
    update = config.update
    linear = update.iterations == 1 and objective.kind in ("gradient", "imitate") and not stored
    made = rows(samples, objective, step)
    fold = update.fold and linear
    return pack(made, loss=loss, pad=pad, fold=fold, even=update.even, multiple=multiple)


def rows(samples: Sequence[Judged], objective: Objective, step: int = 0) -> Sequence[Row]:
    """The rows of a step under any objective but `prefer`. Raises NothingToLearnError."""
    kind = objective.kind
    weight = objective.weight if kind == "imitate" else objective.imitate
    taken = chosen(samples, objective) if weight else set[Attempt]()
    if kind == "imitate":
        samples = [each for each in samples if each.attempt in taken]
        if not samples:
            raise NothingToLearnError(_nothing_chosen(objective, step))

    # The usual case: nothing but the advantages, which pass as they are.
    if kind == "gradient" and objective.weight == 1 and not (weight or objective.pull):
        lot = Lot.over(samples)
        _, amounts = lot.own
        return lot.having([Row(each.sample, ()) for each in lot.kinds], amounts)

    found: list[Row] = []
    for each in samples:
        spans = each.sample.spans
        wanted = each.attempt in taken
        found.append(
            Row(
                each.sample,
                _gradient(each, objective),
                tuple(weight * _worth(s, objective) * wanted for s in spans) if weight else (),
                _pulls(each.sample, objective.pull),
                (each.rate,) * len(spans) if kind == "nft" else (),
            )
        )
    return found


def chosen(samples: Sequence[Judged], objective: Objective) -> set[Attempt]:
    """The attempts that are imitated."""
    roles = objective.roles
    wanted = [each for each in samples if not roles or each.attempt.role in roles]
    if objective.choose == "all":
        return {each.attempt for each in wanted}
    if objective.choose == "right":
        return {each.attempt for each in wanted if each.right}

    everyone = objective.choose == "above_average"
    groups: dict[tuple[str, str, str], dict[Attempt, None]] = defaultdict(dict)
    for each in wanted:
        key = _group(each.attempt)
        groups[(*key[:2], "") if everyone else key][each.attempt] = None

    taken: set[Attempt] = set()
    for group in groups.values():
        if objective.choose == "best":
            # The sort is stable: of equals the first played is taken.
            taken.update(sorted(group, key=lambda a: -a.reward)[: objective.best])
        else:
            mean = math.fsum(a.reward for a in group) / len(group)
            taken.update(a for a in group if a.reward > mean)
    return taken


def pairs(samples: Sequence[Judged], objective: Objective, step: int = 0) -> list[Pair]:
    """The best and the worst answer to each prompt by one role. Raises NothingToLearnError.

    Answers are measured by what their first turn earned. Of a sample of several turns all turns count, as one
    answer to its first prompt; later samples of an attempt stand in groups of their own.
    """
    groups: dict[tuple[str, str, tuple[int, ...]], list[Judged]] = defaultdict(list)
    for each in samples:
        of, sample = each.attempt, each.sample
        if not objective.roles or of.role in objective.roles:
            # By tokens and not by the attempt's group: both must have answered the same prompt.
            groups[of.game, of.role, sample.tokens[: sample.spans[0].start]].append(each)

    several = [group for group in groups.values() if len(group) > 1]
    if not several:
        raise NothingToLearnError(
            f"step {step} has no pairs: no prompt was answered twice by one role; set rollout.replicates to "
            "2 or more"
        )

    found: list[Pair] = []
    for group in several:
        best, worst = max(group, key=_earned), min(group, key=_earned)
        # Equal answers that luck paid differently say nothing of either.
        if _earned(best) > _earned(worst) and best.sample.tokens != worst.sample.tokens:
            found.append(Pair(_answer(best, objective), _answer(worst, objective)))
    if not found:
        raise NothingToLearnError(
            f"step {step} has no pairs: in each of its {len(several)} groups all answers earned the same, or "
            "are the same; play more games, or set rollout.replicates higher"
        )
    return found


def _answer(each: Judged, objective: Objective) -> Row:
    """One side of a pair; of the better one the likelihood counts too, where imitation stands beside."""
    turns = len(each.sample.spans)
    imitate = (objective.imitate,) * turns if objective.imitate else ()
    return Row(each.sample, (0.0,) * turns, imitate, _pulls(each.sample, objective.pull))


def _earned(each: Judged) -> float:
    return each.sample.spans[0].earned


def _group(attempt: Attempt) -> tuple[str, str, str]:
    return attempt.game, attempt.role, attempt.group


def _gradient(each: Judged, objective: Objective) -> tuple[float, ...]:
    """The weight of each turn in the kind's own loss."""
    amounts, kind = each.credited.advantages, objective.kind
    if kind == "imitate":
        return (0.0,) * len(amounts)
    if kind == "nft":
        rate = min(max(each.rate, 1 - MOST), MOST)
        by_rate = {"dr_grpo": 1 - rate, "grpo": math.sqrt((1 - rate) / rate), "none": 1.0}
        # A group that is all right or all wrong has nothing to compare.
        weight = by_rate[objective.balance] * objective.weight * (0 < each.rate < 1)
        sign = objective.positive if each.right else -objective.negative
        return (sign * weight,) * len(amounts)
    if objective.weight == 1:
        return amounts
    return tuple(objective.weight * amount for amount in amounts)


def _worth(span: Span, objective: Objective) -> float:
    """w of a turn that is imitated."""
    return max(span.earned, 0.0) if objective.weigh == "earned" else 1.0


def _pulls(sample: Sample, factors: Mapping[str, float]) -> tuple[float, ...]:
    """The factor of the KL term at each turn; the name that says most decides."""
    if not factors:
        return ()
    found: list[float] = []
    for span in sample.spans:
        turn, role = f"turn-{span.ordinal}", sample.attempt.role
        names = (f"{role}/{turn}", turn, role)
        found.append(next((float(factors[name]) for name in names if name in factors), 1.0))
    return tuple(found)


def _nothing_stored(step: int) -> NothingToLearnError:
    return NothingToLearnError(
        f"step {step} has nothing to train on: stock.alone = true, and the stock has no samples of that age, "
        "role and verdict"
    )


def _nothing_chosen(objective: Objective, step: int) -> str:
    why = {
        "right": f"no outcome is right (above {objective.right:g} of the range of payoffs)",
        "above_mean": "no outcome is above the mean of its group",
        "above_average": "all outcomes of a role are alike",
        "best": "no role that is imitated has played",
        "all": "no role that is imitated has played",
    }
    return (
        f"step {step} has nothing to imitate: {why[objective.choose]}; play more games, or set "
        "objective.choose to best or all"
    )
