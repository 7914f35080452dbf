"""What is left out of training, and what a step's proposals pay for being alike."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from ...envs.registry import Game
from ...envs.tasks.likeness import alike
from ...envs.tasks.task_buffer import look
from ...envs.types import Episode, Value
from ..config import ConfigError, Filters
from .lots import Lot
from .samples import Attempt, Sample


def filtered(
    samples: Sequence[Sample], filters: Filters, game: Game, scale: float = 1.0
) -> tuple[Lot[Sample], Counter[str]]:
    """The samples of the groups that are trained on, and by role how many attempts were dropped.

    A group is the attempts of one role at one first prompt; one that stands alone is always kept, since
    what it is worth shows beside other groups only. Its solve rate is the share of its attempts that are
    paid more than the middle of the game's range. `scale` is what payoffs were multiplied by.
    """
    lot = Lot.over(samples)
    if not filters.alike and (filters.low, filters.high) == (0.0, 1.0):
        return lot, Counter()

    groups: dict[tuple[str, str], dict[Attempt, None]] = defaultdict(dict)
    for sample in samples:
        groups[sample.attempt.role, sample.attempt.group][sample.attempt] = None

    out = {
        key
        for key, attempts in groups.items()
        if (not filters.roles or key[0] in filters.roles)
        and len(attempts) > 1
        and _unwanted(list(attempts), filters, game, scale)
    }
    dropped: Counter[str] = Counter()
    for key in out:
        dropped[key[0]] += len(groups[key])
    return lot.where(lambda each: (each.attempt.role, each.attempt.group) not in out), dropped


def _unwanted(attempts: Sequence[Attempt], filters: Filters, game: Game, scale: float) -> bool:
    if filters.alike and len({attempt.reward for attempt in attempts}) == 1:
        return True

    # A share and not a mean: a wrong answer is paid −0.5 in one game, 0 in the next, in one range of payoffs.
    middle = sum(game.payoff_range) / 2
    rate = fmean(attempt.payoff / scale > middle for attempt in attempts)
    return not filters.low <= rate <= filters.high


def charges(
    episodes: Iterable[tuple[int, Episode]], filters: Filters, game: Game
) -> dict[int, float]:
    """What each episode's proposer pays for proposals that are alike in one step, by issue index.

    charge · (size of the proposal's cluster) / (proposals of its kind), as in R-Zero (Huang et al. 2025); a
    proposal joins the first cluster, in issue order, whose first member it is alike. The paper clusters by
    BLEU; likeness here is the share of words (of programs: of their outline) in common, in order.
    """
    kinds: dict[str, list[tuple[int, Value]]] = defaultdict(list)
    for index, episode in sorted(episodes, key=lambda pair: pair[0]):
        for kind, item in episode.kept:
            kinds[kind].append((index, item))

    owed: dict[int, float] = defaultdict(float)
    for proposals in kinds.values():
        for members in _clusters(proposals, filters.similar):
            for index in members:
                owed[index] += filters.charge * len(members) / len(proposals)
    return dict(owed)


def _clusters(proposals: Sequence[tuple[int, Value]], share: float) -> list[list[int]]:
    """The issue indices of each cluster of proposals."""
    found: list[tuple[Sequence[str], list[int]]] = []
    for index, item in proposals:
        words, _ = look(item)
        # What has neither words nor outline is alike to nothing.
        mine = next((m for first, m in found if words and alike(words, first, share)), None)
        if mine is None:
            found.append((words, [index]))
        else:
            mine.append(index)
    return [members for _, members in found]


def payer(game: Game) -> str:
    """The seat that pays for repetition: that of the role with one seat. Raises ConfigError."""
    players = Counter(game.role_of[seat] for seat in game.players)
    alone = [role for role, seats in players.items() if seats == 1]
    if len(alone) != 1:
        raise ConfigError(
            f"filters.charge falls on the role that proposes, the one with a single seat; {game.ref.label} "
            f"has {len(alone)} such roles; set filters.charge = 0"
        )
    return next(seat for seat in game.players if game.role_of[seat] == alone[0])


def owed(
    episodes: Sequence[tuple[int, Episode]], filters: Filters, game: Game
) -> Mapping[tuple[int, str], float]:
    """`charges` by issue index and seat; nothing where there is no charge."""
    if not filters.charge:
        return {}
    seat = payer(game)
    return {(index, seat): amount for index, amount in charges(episodes, filters, game).items()}
