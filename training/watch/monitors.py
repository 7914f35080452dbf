"""Alarms: what makes self-play fail, watched in the metrics of every recorded step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from ...envs.errors import did_you_mean
from ...envs.hooks import HookError, hook
from ..config import Watch
from .drift import Drift
from .records import Metrics

Monitor: TypeAlias = Callable[[Metrics], Mapping[str, str]]
"""A monitor of one's own: what is wrong ("": nothing is) by the name of each of its rules."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that self-play fails by, seen at a step."""

    name: str
    step: int
    text: str


def _asked(monitor: Monitor, record: Metrics) -> Mapping[str, str]:
    """What a monitor of the user's says. Raises HookError where it fails."""
    try:
        return monitor(record)
    except Exception as fault:  # another's code may fail in any way
        name = getattr(monitor, "__name__", repr(monitor))
        raise HookError(
            f"the monitor {name} failed at step {record['step']} ({type(fault).__name__}: {fault}); not "
            "every record has every number, so use record.get"
        ) from fault


def unknown(name: str) -> str:
    """Why no alarm can have this name ("": one can)."""
    kind, _, of = name.partition("/")
    if (of and kind in (*_NAMED, "thought")) or (kind == "exam" and of.endswith("/forgot")):
        return ""
    known = (*Watcher(Watch()).alone(), *(f"{each}/ROLE" for each in _NAMED))
    return "" if name in known else f"no alarm {name!r}{did_you_mean(name, known)}"


class Watcher:
    """Reads records in order. A rule that stays broken raises its alarm once, until it holds again."""

    def __init__(self, limits: Watch, own: Sequence[str] = ()) -> None:
        self._limits = limits
        self._own: list[Monitor] = [hook(name) for name in own]
        self._broken: set[str] = set()
        self._best = float("inf")
        self._gap = Drift()
        # the longest mean thought of each role
        self._thought: dict[str, float] = {}

    def look(self, record: Metrics) -> list[Alarm]:
        """The alarms that this record raises anew."""
        gap = record.get("gold_gap")
        if isinstance(gap, (int, float)):
            self._gap.add(gap)

        said = dict(self._rules(record))
        for monitor in self._own:
            said |= _asked(monitor, record)
        broken = {name: text for name, text in said.items() if text}
        step = int(record["step"] or 0)
        fresh = [
            Alarm(name, step, text) for name, text in broken.items() if name not in self._broken
        ]

        # A rule that this record has no numbers for stays as it was.
        self._broken = self._broken - said.keys() | broken.keys()
        # After the rules: a collapse is measured against the records before it.
        nash_conv = record.get("nashconv")
        if isinstance(nash_conv, (int, float)):
            self._best = min(self._best, nash_conv)
        return fresh

    def alone(self) -> list[str]:
        """The names of alarms that stand for the whole run."""
        return [*self._of_run({}), "asymmetry", "collapse"]

    def _rules(self, record: Metrics) -> Iterator[tuple[str, str]]:
        """(name, what is wrong or "") of each rule that the record has numbers for."""
        numbers = {k: v for k, v in record.items() if isinstance(v, (int, float))}
        for name, value in numbers.items():
            kind, _, of = name.partition("/")
            if of and kind in _NAMED:
                yield name, _NAMED[kind](value, of, self._limits)
            if kind == "exam" and name.endswith("/forgot"):
                what = f"at the least is forgotten of the exam {of.removesuffix('/forgot')}"
                yield name, _above(value, self._limits.forgotten, what)

        found = {name: rule for name, rule in self._of_run(numbers).items() if name in numbers}
        yield from found.items()

        for name, value in numbers.items():
            kind, _, role = name.partition("/")
            if kind == "thought_characters" and role:
                yield f"thought/{role}", self._shrunk(role, value)

        paid = [value for name, value in numbers.items() if name.startswith("payoff/")]
        if len(paid) > 1:
            apart, most = max(paid) - min(paid), self._limits.asymmetry
            yield "asymmetry", _above(apart, most, "lies between roles' payoffs")
        if "nashconv" in numbers:
            # A limit of 0 is off, and must not become one of the best itself.
            most = self._best + self._limits.collapse if self._limits.collapse else 0.0
            what = f"NashConv, after a best of {self._best:.3f}"
            # Of a policy that thinks it is an estimate: what its interval leaves open is no collapse.
            yield "collapse", _above(numbers.get("nashconv_low", numbers["nashconv"]), most, what)

    def _shrunk(self, role: str, value: float) -> str:
        """What is wrong with the length of a role's thoughts: they fell far below their longest.

        Self-play may train thoughts away (seen without baselines by role): replies shrink to a bare move.
        """
        most = self._thought[role] = max(value, self._thought.get(role, 0.0))
        limit = self._limits.thought_fall
        if not limit or value >= (1 - limit) * most:
            return ""
        return (
            f"{role}'s thoughts shrank from {most:.0f} characters to {value:.0f} "
            f"(limit {(1 - limit) * most:.0f})"
        )

    def _of_run(self, numbers: Mapping[str, float]) -> dict[str, str]:
        """What is wrong with each number of the whole run, by its name; absent numbers count as 0."""
        limits = self._limits

        return {
            "kl": _above(numbers.get("kl", 0.0), limits.max_kl, "is the KL to the magnet"),
            "sampler_gap": _above(
                numbers.get("sampler_gap", 0.0),
                limits.sampler_ratio,
                "is how far sampler and learner differ",
            ),
            "forbidden_rate": _above(
                numbers.get("forbidden_rate", 0.0),
                limits.forbidden_rate,
                "of the programs run made a forbidden call or forged a record",
                ".1%",
            ),
            "gold_gap": _above(
                self._gap.risen, limits.gold_gap, "is how far proxy rose above gold"
            ),
            "legal_mass": _below(
                numbers.get("legal_mass", 0.0), limits.legal_mass, "is the least legal mass"
            ),
        }

    def state(self) -> dict[str, object]:
        # JSON has no infinity.
        best = None if self._best == float("inf") else self._best
        found: dict[str, object] = {
            "broken": sorted(self._broken),
            "best": best,
            "gap": self._gap.state(),
        }
        # only of players that think: other runs keep the state that they always had
        return found | ({"thought": self._thought} if any(self._thought.values()) else {})

    def restore(self, state: Mapping[str, object]) -> None:
        broken, best = state["broken"], state["best"]
        self._broken = set(map(str, broken)) if isinstance(broken, list) else set()
        self._best = best if isinstance(best, float) else float("inf")
        thought = state.get("thought")
        known = cast(dict[str, float], thought) if isinstance(thought, dict) else {}
        self._thought = dict(known)
        self._gap = Drift.restored(state.get("gap"))


def _above(value: float, most: float, what: str, form: str = ".3g") -> str:
    """Limits of 0 are off."""
    return f"{value:{form}} {what} (limit {most:.3g})" if most and value > most else ""


def _below(value: float, least: float, what: str, form: str = ".3g") -> str:
    return f"{value:{form}} {what} (limit {least:.3g})" if least and value < least else ""


_NAMED: Mapping[str, Callable[[float, str, Watch], str]] = {
    "invalid_rate": lambda x, role, limits: _above(
        x, limits.invalid_rate, f"of {role}'s replies were refused", ".1%"
    ),
    "cut_rate": lambda x, role, limits: _above(
        x, limits.truncation_rate, f"of {role}'s replies were cut off", ".1%"
    ),
    "thought_empty": lambda x, role, limits: _above(
        x, limits.thought_empty, f"of {role}'s thoughts were empty", ".1%"
    ),
    "entropy": lambda x, role, limits: _below(
        x, limits.min_entropy, f"nats a token is {role}'s entropy"
    ),
    "lost_to": lambda x, name, _: (
        f"{name}, an ancestor, leads by at least {x:.3g}" if x > 0 else ""
    ),
    "slipped": lambda x, name, _: (
        f"against {name} an ancestor scored at least {x:.3g} more" if x > 0 else ""
    ),
    "distinct": lambda x, kind, limits: _below(
        x, limits.min_distinct, f"of the {kind} proposals are distinct", ".1%"
    ),
}
"""What is wrong with a number that has a name after its slash: a role, an ancestor, a kind of task."""
