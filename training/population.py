"""The rounds of a population: who is better, who copies whom, and what is explored.

Population Based Training (Jaderberg et al. 2017, 1711.09846), with the members in turns. All that is drawn
is keyed by the run's seed, the round and the member, and decided by records and checkpoints alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ..agents.run_folder import RunFolder
from ..envs.seeds import generator
from .config import GATE, Config, every
from .config.merging import merged
from .config.phases import nested
from .lineage import Born, LineageError, lineage, write
from .phases import Stage

Say: TypeAlias = Callable[[str], None]
Better: TypeAlias = Callable[[int, int], bool]
"""Whether the first of two checkpoints, by their steps, is better than the second."""


def settle(config: Config, stage: Stage, folder: Path, better: Better, say: Say) -> None:
    """Decide, before a stage begins, what the members of its round begin from, unless that stands already.

    Raises LineageError where a member cannot be judged.
    """
    members = config.population.listed
    number, place = divmod(stage.index, len(members))
    # later rounds of a run that went back are played, and decided, again
    known = [each for each in lineage(folder) if each.step <= stage.offset and each.round <= number]
    if stage.index == 1 and config.population.by not in ("", GATE):
        # told after the first phase and not after the first round
        score(config, folder, members[0].name, 0)

    if not place and not [each for each in known if each.round == number]:
        new = _first(config) if not number else _decided(config, folder, known, number, better)
        for line in told(known, new):
            say(line)
        known += new
    write(folder, known)


def end_of(config: Config, member: str, number: int) -> int:
    """The run's step at which a member's phase of this round, from 0, ends."""
    names = [each.name for each in config.population.listed]
    return (number * len(names) + names.index(member) + 1) * config.population.steps


def score(config: Config, folder: Path, member: str, number: int) -> float:
    """What a member's phase of a round came to: the last record of the metric, more being better.

    Raises LineageError where no record of the phase has it.
    """
    by, end = config.population.by, end_of(config, member, number)
    name = by.removeprefix("-")
    begin = end - config.population.steps
    records = [each for each in RunFolder(folder).records() if begin < each["step"] <= end]
    values = [each[name] for each in records if isinstance(each.get(name), (int, float))]
    if not values:
        known = sorted({key for each in records for key in each})
        raise LineageError(
            f"population.by = {by} says who is better, and no record of {member} in round {number + 1} has "
            f"it; records have {', '.join(known) or 'nothing'}"
        )
    return -values[-1] if by.startswith("-") else values[-1]


def ranking(config: Config, folder: Path, number: int) -> list[tuple[str, float]]:
    """The main members of a round with their scores, the best first."""
    found = [(name, score(config, folder, name, number)) for name in config.population.mains]
    return sorted(found, key=lambda each: -each[1])


def ended(config: Config, folder: Path) -> str:
    """How the members stand after the last round, in a line."""
    by, last = config.population.by, config.rounds - 1
    order = ranking(config, folder, last)
    # a score is turned where less is better, and told as it was recorded
    values = {name: -score if by.startswith("-") else score for name, score in order}
    said = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
    return f"by {by}: {said}; the best is {folder}@{end_of(config, order[0][0], last)}"


def told(known: Sequence[Born], new: Sequence[Born]) -> list[str]:
    """Who copies whom at the beginning of a round, a line each."""
    before = {each.member: each for each in known}
    lines: list[str] = []
    for each in new:
        if not each.copied:
            continue
        was = before[each.parent].set
        changes = [f"{name} {was.get(name, 0):.4g} → {x:.4g}" for name, x in each.set.items()]
        scores = "" if each.score is None else f" ({each.score:.4g})"
        rival = next((of.score for of in new if of.member == each.parent), None)
        theirs = "" if rival is None else f" ({rival:.4g})"
        copies = f"round {each.round + 1}: {each.member}{scores} copies {each.parent}{theirs}"
        lines.append("; ".join([copies, *changes]))
    return lines


def _first(config: Config) -> list[Born]:
    """The members of the first round. Of equal ones the first has the run's own settings."""
    found: list[Born] = []
    for place, member in enumerate(config.population.listed):
        own = _values(merged(config, nested(member.set)), config.population.explore)
        if place and config.population.size:
            own = _explored(config, own, member.name, 0)
        found.append(Born(0, member.name, 0, 0, member.name, None, own))
    return found


def _decided(
    config: Config, folder: Path, known: Sequence[Born], number: int, better: Better
) -> list[Born]:
    """What each member begins this round from, by how the last one went."""
    population = config.population
    before = {each.member: each for each in known}
    copying = population.exploit != "none" and len(population.mains) > 1
    scores: dict[str, float] = {}
    if copying and population.by != GATE:
        scores = dict(ranking(config, folder, number - 1))
    copies = _copies(config, number, scores, better) if copying else {}

    found: list[Born] = []
    step = number * len(population.listed) * population.steps
    for member in population.listed:
        parent = copies.get(member.name, member.name)
        own = dict(before[parent].set)
        if parent != member.name:
            own = _explored(config, own, member.name, number)
        begins = 0 if member.start == "base" else end_of(config, parent, number - 1)
        found.append(Born(number, member.name, step, begins, parent, scores.get(member.name), own))
    return found


def _copies(
    config: Config, number: int, scores: Mapping[str, float], better: Better
) -> dict[str, str]:
    """Whom each member copies, of those that copy."""
    population, mains = config.population, config.population.mains
    found: dict[str, str] = {}
    if population.exploit == "truncation":
        # `scores` stand in order, the best first
        count = max(1, int(population.share * len(mains)))
        best, worst = list(scores)[:count], list(scores)[-count:]
        for name in worst:
            parent = _draws(config, number, name).choice(best)
            if scores[parent] > scores[name]:
                found[name] = parent
        return found

    for name in mains:
        rival = _draws(config, number, name).choice([each for each in mains if each != name])
        ends = end_of(config, rival, number - 1), end_of(config, name, number - 1)
        wins = better(*ends) if population.by == GATE else scores[rival] > scores[name]
        if wins:
            found[name] = rival
    return found


def _explored(
    config: Config, values: Mapping[str, float], member: str, number: int
) -> dict[str, float]:
    """Each value times one of the two factors, within the setting's bounds."""
    draws = _draws(config, number, f"{member}/explore")
    bounds = {name: setting.bounds for name, setting, _ in every(config)}
    found: dict[str, float] = {}
    for name, value in values.items():
        least, most = bounds[name] or (value, value)
        factor = draws.choice((config.population.shrink, config.population.grow))
        moved = min(max(value * factor, least), most)
        found[name] = round(moved) if isinstance(value, int) else moved
    return found


def _values(config: Config, names: Sequence[str]) -> dict[str, float]:
    known: dict[str, Any] = {name: value for name, _, value in every(config)}
    return {name: known[name] for name in names}


def _draws(config: Config, number: int, what: str) -> Any:
    return generator(f"population/{config.seed}/{config.rollbacks}/{number}/{what}")
