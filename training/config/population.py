"""A population: several members take turns; the worse copy the better, and change what they copied."""

# ruff: noqa: RUF009 (`number` and `choice` make fields, and what they hold is immutable)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .cast import MAIN
from .values import MANY, ConfigError, Setting, choice, every, number, table

MemberKind: TypeAlias = Literal["main", "main_exploiter", "league_exploiter"]
Copying: TypeAlias = Literal["none", "truncation", "binary"]
GATE = "gate"
"""As `by`: members are compared by games against each other."""
_TAKEN = ("self", "last", "base", "start", "best", "latest")


@dataclass(frozen=True)
class Member:
    """One member: its part in a league, what its phases begin from, and the settings that differ for it."""

    name: str = choice("", "what it is called")
    kind: MemberKind = choice(
        "main", "main, main_exploiter or league_exploiter (opponents.mode = league)"
    )
    start: str = choice(
        "last", "what each of its phases begins from: last (its own weights) or base"
    )
    set: Mapping[str, Any] = table("settings that differ for it, by dotted name")


@dataclass(frozen=True)
class Population:
    """Members that train in turns, a phase each in every round (`rounds`).

    After a round each main member may copy the weights and settings of a better one (`exploit`):
    `truncation`: one of the worst `share` copies one of the best `share`. `binary`: each draws another and
    copies it if that is better. Whoever copied multiplies each setting of `explore` by `shrink` or `grow`
    (Jaderberg et al. 2017, 1711.09846). Members of `size` begin with the run's settings, all but the first
    explored once.
    """

    size: int = number(0, 0, 1000, "members m1, m2, … of equal settings (0: those listed)")
    members: tuple[Member, ...] = choice((), "the members by name, in place of a size")
    steps: int = number(100, 1, MANY, "steps of a member's phase in each round")
    exploit: Copying = choice(
        "truncation", "who copies whom after a round: none, truncation or binary"
    )
    by: str = choice(
        "", "the metric that says who is better, -METRIC where less is, or gate (games between two)"
    )
    share: float = number(
        0.25, 0.001, 0.5, "share of members that copy, and that are copied (truncation)"
    )
    explore: tuple[str, ...] = choice((), "numbers among the settings that a copy changes")
    shrink: float = number(0.8, 0.01, 1, "one of the two factors of what is explored")
    grow: float = number(1.2, 1, 100, "the other factor")
    samples: Literal["own", "pooled"] = choice("own", "whose samples the stock gives a member")

    @property
    def listed(self) -> tuple[Member, ...]:
        """The members, in the order of their turns."""
        return self.members or tuple(Member(f"m{place}") for place in range(1, self.size + 1))

    @property
    def mains(self) -> tuple[str, ...]:
        """The members that copy and are copied; exploiters are no rivals of theirs."""
        return tuple(each.name for each in self.listed if each.kind == "main")


def check_population(config: Any) -> None:
    """Raises ConfigError for a population that cannot be trained. `config` is the run's Config."""
    population: Population = config.population
    if not population.listed:
        return
    if population.size and population.members:
        raise ConfigError(
            f"population.size = {population.size} makes its own members, and population.members lists "
            "others; leave one of them out"
        )
    if len(population.listed) < 2:
        raise ConfigError("a population has two members or more; it has 1")
    if config.phases:
        raise ConfigError(
            "a population has a phase for each member in each round; leave out phases"
        )
    if config.cast:
        raise ConfigError("a member of a population is one learner; leave out the cast")

    if config.record.keep:
        raise ConfigError(
            f"record.keep = {config.record.keep} removes checkpoints that other members go on from; set it "
            "to 0"
        )
    _check_members(population)
    _check_copying(population)
    _check_metric(config)
    _check_explored(config)


def _check_members(population: Population) -> None:
    names = [member.name for member in population.listed]
    for place, (name, member) in enumerate(zip(names, population.listed, strict=True), 1):
        title = f"population.members[{place}]"
        if not name.replace("-", "").replace("_", "").isalnum():
            raise ConfigError(f"{title}.name is letters, digits, - and _; it is {name!r}")
        if name in _TAKEN:
            raise ConfigError(f"{title} may not be called {name}; choose another name")
        if names.count(name) > 1:
            raise ConfigError(f"two members of the population are called {name}")
        if member.start not in ("last", "base"):
            raise ConfigError(f"{title}.start is last or base; it is {member.start!r}")
    if not population.mains:
        raise ConfigError("exploiters need somebody to exploit; make one member main")


def _check_copying(population: Population) -> None:
    exploit, by = population.exploit, population.by
    rivals = len(population.mains) > 1
    if exploit != "none" and rivals and not by:
        raise ConfigError(
            f"population.exploit = {exploit} copies the better, and population.by does not say by what; "
            "name a metric, like exam/NAME/pass_at_1 or -nashconv, or set exploit = none"
        )
    if by == GATE and exploit == "truncation":
        raise ConfigError(
            "population.by = gate compares two, and exploit = truncation ranks all; use exploit = binary"
        )
    if exploit == "none" and population.explore:
        raise ConfigError(
            "population.explore changes what was copied, and exploit = none copies nothing"
        )


def _check_metric(config: Any) -> None:
    """Refuse what can be known to be measured nowhere."""
    by = config.population.by.removeprefix("-")
    if by.startswith("nashconv") and not config.record.evaluate_every:
        raise ConfigError(f"population.by = {by} needs exact evaluation; set record.evaluate_every")
    if by.startswith("exam/") and not config.exams:
        raise ConfigError(f"population.by = {by} needs an exam; name one in [[exams]]")


def _check_explored(config: Any) -> None:
    known: dict[str, tuple[Setting, Any]] = {
        name: (setting, value) for name, setting, value in every(config)
    }
    for name in config.population.explore:
        setting, value = known.get(name, (None, None))
        if setting is None or setting.bounds is None:
            numbers = [each for each, (of, _) in known.items() if of.bounds is not None]
            near = [each for each in numbers if each.rpartition(".")[2] == name.rpartition(".")[2]]
            hint = f"; did you mean {' or '.join(near[:3])}?" if near else ", like update.lr"
            raise ConfigError(f"population.explore names {name}, and explores numbers{hint}")
        if name.startswith("population.") or name in (
            "seed",
            "steps",
            "rounds",
            "tokens",
            "threads",
        ):
            raise ConfigError(f"{name} is the whole run's, and no member may explore it")
        if not value:
            raise ConfigError(
                f"population.explore multiplies {name}, which is 0; give it a value first"
            )


def member_names(population: Population) -> tuple[str, ...]:
    """The members' names; `main` alone where there is no population."""
    return tuple(each.name for each in population.listed) or (MAIN,)
