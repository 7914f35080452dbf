"""A run folder's own story: its settings, its exact progress, its training curves, its transcripts.

Nothing here needs training to be importable; a key that `metrics.jsonl` lacks just has no curve.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...agents.run_folder import RunFolder
from ...envs.exact import SMALL, TreeError, tree, uniform
from ...envs.registry import Game
from .page import Chart, Progress, Series
from .svg import Point
from .text import compact, number

Records = Sequence[Mapping[str, Any]]
LAST, AVERAGE = "last iterate", "weight average"
BOUNDS = {"nashconv_low": "at least (95 %)", "nashconv_high": "at most (95 %)"}
TRANSCRIPTS = 6
QUIET_SECONDS = 300.0
"""After so long without a record a run is no longer said to be in progress."""
CURVES: tuple[tuple[str, str, int], ...] = (
    ("payoff", "Payoff in self-play", 3),
    ("entropy", "Entropy (nats a token)", 3),
    ("kl", "KL to the reference", 4),
    ("reply_tokens", "Reply length (tokens)", 1),
    ("thought_characters", "Thought length (characters)", 0),
    ("invalid_rate", "Share of replies refused", 3),
    ("cut_rate", "Share of replies cut off", 3),
    ("notes", "Measured by the game", 3),
    ("baseline", "Baselines", 3),
    ("reason", "Why the league chose its opponents", 2),
    ("score_against", "Checkpoints against players that never change", 3),
)
"""Kind of metric (before the slash), the chart's title, digits."""
FROM_ZERO = {"invalid_rate", "cut_rate", "reply_tokens", "thought_characters"}
"""Kinds whose charts begin at 0: a length that stays the same must not look like one that jumps."""


def facts(config: Mapping[str, Any], records: Records) -> Iterable[tuple[str, str]]:
    """What stands under the title of a run."""
    for key in ("recipe", "model", "seed"):
        if key in config:
            yield key.capitalize(), str(config[key])

    # a record holds what was measured then, so each key has a last value of its own
    last = dict[str, Any]()
    for record in records:
        last |= record
    for key in ("step", "games", "tokens"):
        if _is_number(last.get(key)):
            yield "Steps" if key == "step" else key.capitalize(), compact(last[key])

    yield from _members(config, records)
    spent = seconds(records)
    if total := sum(spent.values()):
        shares = ", ".join(f"{name} {part / total:.0%}" for name, part in _largest(spent))
        yield "Time", f"{_duration(total)} ({shares})"


def state(folder: Path, records: Records) -> str:
    """How far a run is that has not reached its end, and whether it still goes on; empty for all others."""
    run = RunFolder(folder)
    length, tokens = run.length, run.settings().get("tokens")
    done, spent = (_latest(records, key) for key in ("step", "tokens"))
    # some runs end when so many tokens were sampled, whatever the step
    if done is None or not length or done >= length or (tokens and (spent or 0) >= tokens):
        return ""

    quiet = time.time() - run.metrics.stat().st_mtime > QUIET_SECONDS
    how = "not finished, and quiet when this page was made" if quiet else "in progress"
    return f"{how}: step {done:,.0f} of {length:,}"


def _latest(records: Records, key: str) -> float | None:
    found = (record[key] for record in reversed(records) if _is_number(record.get(key)))
    return next(found, None)


def _members(config: Mapping[str, Any], records: Records) -> Iterable[tuple[str, str]]:
    """Of a population, what each member's last phase came to by the metric that compares them."""
    by = str(config.get("population", {}).get("by", "")).removeprefix("-")
    last: dict[str, Mapping[str, Any]] = {}
    for record in records:
        if "member" in record and _is_number(record.get(by)):
            last[str(record["member"])] = record
    if last:
        said = (f"{name} {number(of[by])} (@{of['step']})" for name, of in last.items())
        yield f"Members by {by}", ", ".join(said)


def lineage(folder: Path) -> Iterable[tuple[str, str]]:
    """Of a population, who copied whom in which round."""
    path = RunFolder(folder).population
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    copied: list[str] = []
    for line in lines:
        try:
            born = json.loads(line)
            if born["parent"] != born["member"]:
                copied.append(f"round {born['round'] + 1}: {born['member']} from {born['parent']}")
        except (ValueError, LookupError, TypeError):
            # a damaged line must not cost the page
            continue
    if copied:
        yield "Copied", "; ".join(copied)


def progress(records: Records, game: Game | None) -> Progress | None:
    """The exact learning curve; None where the run was never evaluated.

    The NashConv of uniformly random play is worked out from the game's tree, not quoted.
    """
    x_name, shown = _x_name(records), _evaluated(records)
    if not shown["nashconv"]:
        return None

    # what a reader measures the curve against
    random = random_nashconv(game) if game else None
    references = [] if random is None else [(f"random ({_fraction(random)})", random)]

    nash, legal, versus = ("Nash (0)", 0.0), shown["legal_mass"], shown["versus_nash"]
    bounds = _curves(records, BOUNDS.items())
    title = "NashConv, estimated from drawn thoughts" if bounds else "Exact NashConv"
    return Progress(
        nashconv=Chart(title, x_name, (*shown["nashconv"], *bounds), (*references, nash), low=0.0),
        legal=Chart(
            "Least mass on legal moves, over all decisions", x_name, legal, high=1.0, digits=4
        )
        if legal
        else None,
        versus=Chart("Exact payoff against Nash", x_name, versus, (nash,), digits=4)
        if versus
        else None,
        random=random,
        estimated=bool(bounds),
    )


def curves(records: Records) -> tuple[Chart, ...]:
    """Training curves: one chart per kind of metric, one line per role (or other name after the slash).

    What stayed at 0 from first to last has no chart.
    """
    keys = list(dict.fromkeys(key for record in records for key in record))

    charts: list[Chart] = []
    for kind, title, digits in CURVES:
        found = [key for key in keys if key.partition("/")[0] == kind]
        # a kind that is told by role is not drawn as a whole as well
        by_role = [key for key in found if "/" in key] or found
        lines = _curves(records, list(zip(by_role, _short(by_role), strict=True)))
        # a chart of zeros would say only that a game has no such thing
        if any(value for line in lines for _, value in line.points):
            low = 0.0 if kind in FROM_ZERO else None
            charts.append(Chart(title, _x_name(records), lines, low=low, digits=digits, noisy=True))
    return tuple(charts)


def transcripts(folder: Path, most: int = TRANSCRIPTS) -> tuple[tuple[str, str], ...]:
    """Some of the run's transcripts as (name, text): the first, the last, and some between."""
    paths = sorted(RunFolder(folder).transcripts.glob("*.txt"))
    if len(paths) > most:
        # evenly spaced, with both ends
        paths = [paths[round(i * (len(paths) - 1) / (most - 1))] for i in range(most)]

    # a damaged byte must not cost the page
    return tuple((path.stem, path.read_text(encoding="utf-8", errors="replace")) for path in paths)


def random_nashconv(game: Game) -> float | None:
    """The NashConv of uniformly random play; None where the game has no small tree."""
    try:
        return tree(game, SMALL).nash_conv(uniform)
    except TreeError:
        return None


def seconds(records: Records) -> dict[str, float]:
    """Seconds per phase over the whole run: counters that start anew after a resume are added up."""
    total: dict[str, float] = {}
    before: dict[str, float] = {}
    for record in records:
        for key, value in record.items():
            kind, _, phase = key.partition("/")
            if kind == "seconds" and _is_number(value):
                # a counter that fell has begun anew after a resume
                counted = before.get(phase, 0.0)
                total[phase] = total.get(phase, 0.0) + (
                    value - counted if value >= counted else value
                )
                before[phase] = value

    return total


def _evaluated(records: Records) -> dict[str, tuple[Series, ...]]:
    """What exact evaluation measured: of the weights as they were, and of their running average."""
    return {
        key: _curves(records, ((key, LAST), (f"{key}_average", AVERAGE)))
        for key in ("nashconv", "legal_mass", "versus_nash")
    }


def _short(keys: Sequence[str]) -> list[str]:
    """What tells keys apart: their last part where that is enough, else all after the first."""
    lasts = [key.rpartition("/")[2] if "/" in key else "" for key in keys]
    return lasts if len(set(lasts)) == len(keys) else [key.partition("/")[2] for key in keys]


def _curves(records: Records, named: Iterable[tuple[str, str]]) -> tuple[Series, ...]:
    lines = (Series(name, _points(records, key)) for key, name in named)
    return tuple(line for line in lines if line.points)


def _points(records: Records, key: str) -> tuple[Point, ...]:
    # a point needs both: evaluation and games are not in every record
    x_name = _x_key(records)
    return tuple(
        (float(record[x_name]), float(record[key]))
        for record in records
        if _is_number(record.get(key)) and _is_number(record.get(x_name))
    )


def _x_key(records: Records) -> str:
    """Games where every record counts them: they compare runs of different batch sizes; else steps."""
    return "games" if all(_is_number(record.get("games")) for record in records) else "step"


def _x_name(records: Records) -> str:
    return "games" if _x_key(records) == "games" else "steps"


def _is_number(value: object) -> bool:
    # to Python True is an int
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _largest(spent: Mapping[str, float], most: int = 3) -> list[tuple[str, float]]:
    return sorted(spent.items(), key=lambda item: -item[1])[:most]


def _fraction(value: float) -> str:
    """A small fraction where the value is one: 11/12 says more than 0.917."""
    # the exact values of small games are such fractions
    close = Fraction(value).limit_denominator(99)
    return f"{close}" if abs(close - value) < 1e-9 else number(value)


def _duration(total: float) -> str:
    minutes, rest = divmod(round(total), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{total:.1f} s"
