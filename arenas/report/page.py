"""What a report shows: plain values, filled from a store and a run folder, or by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from ...envs.errors import SparringError
from ...envs.types import Episode
from ..ratings.lineage import Born
from ..ratings.sprt import Outcome
from ..results import Cell, Leaderboard


class ReportError(SparringError, ValueError):
    """There is nothing to report on, or the page cannot be written."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: its name and its (x, y) points, x ascending.

    `band` is the outline of a range about the line, drawn behind it: along one edge, and back along the
    other.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over one x axis.

    `references` are horizontal lines with a name each; `low` and `high` widen the y axis to at least
    that range. `digits` is how precisely values are written. `noisy` lines with more points than fit are
    drawn as means of equal bins with the range of each bin behind them; others are drawn as they are.
    `log` draws y by its logarithm: everything must then be above 0.
    """

    title: str
    x_name: str
    series: tuple[Series, ...]
    references: tuple[tuple[str, float], ...] = ()
    low: float | None = None
    high: float | None = None
    digits: int = 3
    noisy: bool = False
    log: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """The proof: exact NashConv of the model's own policy over training, and its mass on legal moves.

    `random` is the NashConv of uniformly random play. The series of `nashconv` are the last iterate
    first, then (where it was evaluated) the weight average. `versus` is the exact payoff against Nash.
    `estimated`: the model thinks, so its NashConv is a lower bound, and the ends of its interval are series.
    """

    nashconv: Chart
    legal: Chart | None = None
    versus: Chart | None = None
    random: float | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Entrant:
    """A policy of the tournament. `step` is when training saved it; `about` says more in one line."""

    id: str
    name: str
    about: str = ""
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A sequential test of a candidate against a baseline, by name: its log-likelihood ratio after each pair.

    H0: the candidate is ahead by `s0`; H1: by `s1` (both in `unit`). The test stops at `lower` or `upper`.
    """

    candidate: str
    baseline: str
    decision: Outcome
    llr: tuple[float, ...]
    lower: float
    upper: float
    s0: float
    s1: float
    unit: str = "Elo"


@dataclass(frozen=True, slots=True)
class Replay:
    """A game to read, and what it is called in lists."""

    title: str
    episode: Episode


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning in plain words: what is wrong, and what that means for the numbers below."""

    title: str
    text: str
    severity: Literal["alarm", "warning", "note"] = "warning"


@dataclass(frozen=True, slots=True)
class Page:
    """All of one report. What is empty or None has no section on the page.

    `about` says what the game is; `state` how far a run is that has not ended. `facts` stand under the title
    as (name, value); `links` go to other pages in its folder, as (file, name). `cells` are ordered pairs
    (a, b) of entrant ids as the ratings give them; `replays` belong to unordered pairs, keyed by the two ids
    in either order. `transcripts` are texts of the training run, as (name, text). `statuses` counts all
    attempts by their stored status; `reasons` gives the most frequent reason of a void one. `control` names
    two entrants that are one and the same (the A/A control).
    """

    title: str
    game: str = ""
    about: str = ""
    state: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    notices: tuple[Notice, ...] = ()
    progress: Progress | None = None
    board: Leaderboard | None = None
    scored: Literal["win", "payoff"] = "payoff"
    entrants: tuple[Entrant, ...] = ()
    cells: tuple[Cell, ...] = ()
    lineage: tuple[Born, ...] = ()
    gates: tuple[Gate, ...] = ()
    training: tuple[Chart, ...] = ()
    replays: Mapping[tuple[str, str], tuple[Replay, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    transcripts: tuple[tuple[str, str], ...] = ()
    statuses: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    reasons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    control: tuple[str, str] | None = None
    command: str = ""
