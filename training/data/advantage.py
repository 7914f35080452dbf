"""Advantage estimators: pure functions from what seats earned to what each is measured against.

Every estimator gives each outcome a `Centre`; an advantage is (return − baseline) / scale. Baselines
are kept per (game with its parameters, role), and per turn where turns earn different amounts; they are
never shared by the two seats of a zero-sum game, whose mean is always 0.
State is a plain mapping, so that it can stand in a checkpoint.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import groupby, repeat
from statistics import fmean, pstdev
from typing import Any, NamedTuple, TypeAlias, TypeVar

from ...envs.errors import SparringError
from ...envs.hooks import HookError
from ..config import ConfigError, Credits
from .lots import Lot
from .samples import Attempt, Issue, Sample

K = TypeVar("K", bound=Hashable)
ALONE = math.inf
"""The scale of an outcome that has nothing to be measured against: its advantage is 0."""


class NonFiniteError(SparringError, ArithmeticError):
    """A reward, advantage or gradient is not finite; the optimiser has not been stepped."""


class Outcome(NamedTuple):
    """What an attempt earned in all (`turn` is empty), or what one of its turns earned."""

    attempt: Attempt
    earned: float
    turn: str = ""

    @property
    def task(self) -> tuple[str, str, str]:
        """What outcomes must share to be compared at all: (game, role, turn)."""
        return self.attempt.game, self.attempt.role, self.turn

    @property
    def own(self) -> tuple[()]:
        return ()

    def at(self, issue: Issue, *own: Any) -> Outcome:
        """The same in another episode that went alike."""
        return Outcome(self.attempt.at(issue), *self[1:])


class Centre(NamedTuple):
    """What an outcome is measured against. An infinite scale makes every advantage 0."""

    baseline: float
    scale: float = 1.0

    def advantage(self, earned: float) -> float:
        return (earned - self.baseline) / self.scale


_CENTRE = partial(tuple.__new__, Centre)
"""A Centre of a pair; its own constructor takes three times as long, and every outcome has one."""


class Credited(NamedTuple):
    """A sample, and for each of its turns what the turn is measured against and its advantage."""

    sample: Sample
    centres: tuple[Centre, ...]
    advantages: tuple[float, ...]

    @property
    def attempt(self) -> Attempt:
        return self.sample.attempt

    @property
    def own(self) -> tuple[tuple[Centre, ...], tuple[float, ...]]:
        return self[1:]

    def at(self, issue: Issue, *own: Any) -> Credited:
        """The same in another episode that went alike, measured against other centres."""
        return Credited(self.sample.at(issue), *own)


class Baseline(NamedTuple):
    """An exponential average and the number of updates behind it. Starts at 0."""

    value: float = 0.0
    updates: int = 0

    def read(self, decay: float, corrected: bool) -> float:
        """The average; `corrected` divides by 1 − decay^updates, which undoes the start at 0."""
        return self.past((0.0,), decay, corrected)[0][0]

    def past(
        self, rewards: Iterable[float], decay: float, corrected: bool
    ) -> tuple[list[float], Baseline]:
        """What is read before each of these rewards moves the average, and the baseline after all."""
        value, updates = self
        read: list[float] = []
        for reward in rewards:
            read.append(value / (1 - decay**updates) if corrected and updates else value)
            value = decay * value + (1 - decay) * reward
            updates += 1
        return read, Baseline(value, updates)


Baselines: TypeAlias = Mapping[str, Baseline]
Estimate: TypeAlias = tuple[list[Centre], Baselines]
Estimator: TypeAlias = Callable[[Sequence[Outcome], Baselines, Credits], Estimate]


def rae(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """Role-conditioned advantage estimation (SPIRAL): A = R − b, then b ← λb + (1 − λ)R.

    The baseline is read before it is updated: once per (episode, role), seats of a role averaged, in
    issue order. Order of arrival would do harm: the same payoffs reversed give another sign.
    """
    lot = Lot.over(outcomes)
    kept = dict(baselines)  # `shrunk` goes on to read those of before
    centres: list[Centre] = [Centre(0.0)] * len(lot)
    earned = [lot.kinds[kind].earned for kind in lot.of]

    for key, episodes in _in_issue_order(lot, settings).items():
        # A role's seats in one episode are one observation, so that the decay counts episodes.
        rewards = [
            earned[own[0]] if len(own) == 1 else sum([earned[place] for place in own]) / len(own)
            for own in episodes
        ]
        now = kept.get(key) or Baseline()
        read, kept[key] = now.past(rewards, settings.decay, settings.bias_correction)

        for centre, own in zip(map(_CENTRE, zip(read, repeat(1.0))), episodes, strict=True):
            for index in own:
                centres[index] = centre
    return centres, kept


def shrunk(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """A_i = r_i − [w b + (1 − w) mean_{j≠i} r_j], w = n / (n + G − 1), n = `prior`, G in the batch.

    The running baseline counts as `prior` further outcomes beside the others of the batch.
    """
    _, kept = rae(outcomes, baselines, settings)
    centres: list[Centre] = [Centre(0.0)] * len(outcomes)
    for key, members in _grouped(outcomes, lambda o: _key(o, settings)).items():
        # Read before the batch moved it: an outcome must not count in its own baseline.
        before = baselines.get(key, Baseline()).read(settings.decay, settings.bias_correction)

        # The exact sum: the order of the outcomes must not change what is left of it.
        total, others = math.fsum(outcomes[i].earned for i in members), len(members) - 1

        # Alone in the batch, an outcome is measured against the running baseline only.
        for index in members:
            rest = (total - outcomes[index].earned) / others if others else 0.0
            weight = settings.prior / (settings.prior + others) if others else 1.0
            centres[index] = Centre(weight * before + (1 - weight) * rest)
    return centres, kept


def group(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """Mean and standard deviation of the attempts at one first prompt by one role (GRPO)."""
    return _whitened(outcomes, settings, lambda o: (o.task, o.attempt.group)), baselines


def whiten(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """Mean and standard deviation over the batch per (game, role) (TRR++)."""
    return _whitened(outcomes, settings, lambda o: o.task), baselines


def loo(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """Mean of the *other* attempts at the same first prompt by the same role (RLOO)."""
    return _others(outcomes, lambda o: (o.task, o.attempt.group)), baselines


def paired(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """Mean of the other replicates of the same seed, for the same role."""
    return _others(outcomes, lambda o: (o.task, o.attempt.seed)), baselines


def hierarchical(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """Proposers against the other proposals of the batch, solvers against the others on their proposal.

    A role with one seat in an episode proposes; a role with several solves.
    """
    seats: dict[tuple[int, Hashable], set[str]] = defaultdict(set)
    for outcome in outcomes:
        seats[outcome.attempt.episode, outcome.task].add(outcome.attempt.seat)
    several = {task for (_, task), members in seats.items() if len(members) > 1}

    def together(outcome: Outcome) -> Hashable:
        task = outcome.task
        # Solvers of one episode share its proposal; a proposer has no other there.
        return (task, outcome.attempt.episode) if task in several else task

    return _others(outcomes, together), baselines


def none(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """One number for all, `baseline`: 0, or what turns payoffs of 0 and 1 into −1 and +1 (TOPR, PSR, NSR)."""
    return [Centre(settings.baseline)] * len(outcomes), baselines


ESTIMATORS: Mapping[str, Estimator] = {
    estimator.__name__: estimator
    for estimator in (rae, group, loo, whiten, paired, shrunk, hierarchical, none)
}


def estimate(
    outcomes: Sequence[Outcome],
    baselines: Baselines,
    settings: Credits,
    own: Estimator | None = None,
) -> Estimate:
    """One Centre per outcome under `settings.estimator`, and the baselines afterwards.

    Raises NonFiniteError, naming the outcome, when a reward is not finite.
    """
    # Before any estimator: in a running baseline a NaN would stay for ever.
    for outcome in Lot.over(outcomes).kinds:
        of = outcome.attempt
        if not math.isfinite(outcome.earned):
            raise NonFiniteError(
                f"the reward of {of.seat} in {of.game} seed {of.seed} is {outcome.earned}"
            )
    if own is None or settings.estimator != "own":
        return ESTIMATORS[settings.estimator](outcomes, baselines, settings)
    centres, kept = own(outcomes, baselines, settings)
    if len(centres) != len(outcomes):
        raise HookError(
            f"the estimator gave {len(centres)} centres for {len(outcomes)} outcomes; it must give one each"
        )
    return centres, kept


def export(baselines: Baselines) -> dict[str, list[float]]:
    """The state as plain JSON values."""
    return {key: [kept.value, kept.updates] for key, kept in sorted(baselines.items())}


def restore(state: Mapping[str, Sequence[float]]) -> Baselines:
    """What `export` gave. Raises ConfigError when it is something else."""
    try:
        return {
            key: Baseline(float(value), int(updates)) for key, (value, updates) in state.items()
        }
    except (TypeError, ValueError, AttributeError) as fault:
        raise ConfigError(f"no state of an advantage estimator: {state!r}") from fault


def _key(outcome: Outcome, settings: Credits) -> str:
    """The name of the outcome's baseline."""
    of = outcome.attempt
    return _joined(of.game, of.role, of.opponent if settings.by_opponent else "", outcome.turn)


@lru_cache(maxsize=4096)
def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _in_issue_order(lot: Lot[Outcome], settings: Credits) -> dict[str, list[tuple[int, ...]]]:
    """By baseline the places of its outcomes, those of each episode together, episodes ascending."""
    keys = [_key(outcome, settings) for outcome in lot.kinds]
    episodes = [episode for episode, _, _ in lot.issues]
    found: dict[str, list[int]] = defaultdict(list)
    # The sort is stable: seats of one episode stay in the order of the samples.
    for place in sorted(range(len(lot)), key=episodes.__getitem__):
        found[keys[lot.of[place]]].append(place)
    return {key: _together(places, episodes) for key, places in found.items()}


def _together(places: Sequence[int], episodes: Sequence[int]) -> list[tuple[int, ...]]:
    """The places of each episode, which stand one after the other."""
    if len({episodes[place] for place in places}) == len(places):
        return list(zip(places, strict=True))
    return [tuple(own) for _, own in groupby(places, episodes.__getitem__)]


def _grouped(outcomes: Sequence[Outcome], key: Callable[[Outcome], K]) -> dict[K, list[int]]:
    found: dict[K, list[int]] = defaultdict(list)
    for index, outcome in enumerate(outcomes):
        found[key(outcome)].append(index)
    return found


def _whitened(
    outcomes: Sequence[Outcome], settings: Credits, key: Callable[[Outcome], Hashable]
) -> list[Centre]:
    """Centred and divided by the standard deviation, which is floored: near-constant rewards stay small."""
    centres: list[Centre] = [Centre(0.0)] * len(outcomes)
    for members in _grouped(outcomes, key).values():
        rewards = [outcomes[i].earned for i in members]
        scale = max(pstdev(rewards), settings.std_floor) if len(members) > 1 else ALONE
        # Outcomes that are all alike give 0 by any scale; a failed try, which earns less than its attempt,
        # must not be divided by the floor.
        scale = max(scale, 1.0) if min(rewards) == max(rewards) else scale
        for index in members:
            centres[index] = Centre(fmean(rewards), scale)
    return centres


def _others(outcomes: Sequence[Outcome], key: Callable[[Outcome], Hashable]) -> list[Centre]:
    """Measured against the mean of the others; one alone has nothing to be measured against."""
    centres: list[Centre] = [Centre(0.0)] * len(outcomes)
    for members in _grouped(outcomes, key).values():
        # The exact sum: the order of the outcomes must not change what is left of it.
        total, others = math.fsum(outcomes[i].earned for i in members), len(members) - 1
        for index in members:
            earned = outcomes[index].earned
            rest = (total - earned) / others if others else earned
            centres[index] = Centre(rest, 1.0 if others else ALONE)
    return centres
