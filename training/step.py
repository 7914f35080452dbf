"""What a step played, and when that is too little to train on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..envs.errors import SparringError
from ..envs.seeds import bits
from ..envs.types import Episode
from .data.advantage import Credited
from .data.batch import Batch
from .data.lots import Lot
from .players.menu import Entry

LOST = 0.1
"""The share of a step's games that may be lost to faults of the engine."""

RESTS = 10
"""The most steps in a row that may have nothing to train on."""

NOTHING = Batch({}, (), rests=True)
"""What such a step packs."""


class EmptyStepError(SparringError, RuntimeError):
    """No game of a first step, or of too many steps in a row, gave anything to train on."""


class LostGamesError(SparringError, RuntimeError):
    """So many games of a step broke off that those left are a biased lot: mostly the short ones."""


@dataclass(frozen=True)
class Step:
    """What one step played, and what is learned from it.

    `entries` are the games of the menu that the episodes were played for, one each. `dropped` counts by
    (game, role) the attempts that the filters left out; `stored` samples of the stock joined it. A step that
    rests was left out whole: its samples stand in `trained` with advantages of 0. `lacks` says why there is
    nothing to train on (empty: there is). `balance` says what the search for a threshold came to
    (`stock.balance`): score, threshold and temperature.
    """

    number: int
    episodes: Sequence[Episode]
    entries: Sequence[Entry]
    trained: Sequence[Credited]
    seconds: dict[str, float]
    dropped: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    stored: int = 0
    rests: bool = False
    lacks: str = ""
    balance: Mapping[str, float] = field(default_factory=dict[str, float])


def training_seed(run: int, step: int, index: int, rollbacks: int = 0) -> int:
    """The seed of a game in training: 48 bits of a hash, so that none is a seed that ratings count up to."""
    name = f"training/{run}/{step}/{index}" + (f"/{rollbacks}" if rollbacks else "")
    return bits(name, 48) | 1 << 48


def whole(games: Sequence[tuple[int, Episode]]) -> list[tuple[int, Episode]]:
    """The games that were played from their beginning: others propose nothing anew."""
    return [(index, episode) for index, episode in games if not episode.begun]


def check_lost(step: Step) -> None:
    """Raises LostGamesError where the engine lost too many of the step's games."""
    lost = [e.ending.reason for e in step.episodes if e.ending.source == "engine"]
    if len(lost) > LOST * len(step.episodes):
        raise LostGamesError(
            f"step {step.number} is not trained on: its engine failed in {len(lost)} of "
            f"{len(step.episodes)} games ({lost[0]}); resume the run from its last checkpoint"
        )


def check_empty(step: Step, before: int, *, first: bool) -> Step:
    """The step, with what it lacks; `before` so many steps in a row lacked something too.

    Raises EmptyStepError for a run's first step, which was set up wrongly, and where more than RESTS in a row
    would lack something.
    """
    lacks = _lacking(step)
    if lacks and (first or before >= RESTS):
        too = "" if first else f", as had the {before} steps before it"
        raise EmptyStepError(f"step {step.number} has nothing to train on{too}: {lacks}")
    return replace(step, lacks=lacks)


def _lacking(step: Step) -> str:
    """Why there is nothing to train on; empty where there is something."""
    if not step.trained:
        out = sum(step.dropped.values())
        return f"the filters left out all {out} attempts" if out else _endings(step.episodes)

    # Games that all ended in forfeits may yet give credits, once the learner can move.
    if any(entry.credits.payoff for entry in step.entries):
        return ""
    played_out = any(episode.ending.kind == "outcome" for episode in step.episodes)
    credited = any(each.attempt.by_turn for each in Lot.over(step.trained).kinds)
    if played_out and not credited:
        return "credits.payoff = false, and its games gave no credit"
    return ""


def _endings(episodes: Sequence[Episode]) -> str:
    """Why games gave no sample: each kind of ending, with a reason; of games played out, their proposals."""
    gates = Counter(str(dict(e.notes)["gate"]) for e in episodes if "gate" in dict(e.notes))
    if gates and all(e.ending.kind == "outcome" for e in episodes):
        told = ", ".join(f"{gate} {count}" for gate, count in sorted(gates.items()))
        return f"no role that is trained was asked (proposals: {told}); play more games"

    reasons = {
        f"{e.ending.kind} ({e.ending.reason})" if e.ending.reason else e.ending.kind
        for e in episodes
    }
    return "; ".join(sorted(reasons)[:3])
