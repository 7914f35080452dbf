"""The games of a run, each with who sits in it and what counts in it, and whose turn it is in a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, TypeVar

from ...agents.policy import Policy, Request, Response, Sampling, Wrapper
from ...agents.seats import seat
from ...envs.registry import Game
from ...envs.seeds import generator
from ...envs.types import Episode
from ..config import Config, Credits, GameEntry, credits_of, judge_name
from ..data.advantage import Credited
from ..data.filters import payer
from .cast import Cast
from .opponents import LEARNER, Opponents, Seats
from .shares import Played, Shares, shares

N = TypeVar("N")
SELF, SELF_AT_START = "self", "self@start"
"""Judges of the run's own: the learner's present weights, or those that it began with."""
JUDGING = Sampling(1.0, 1.0, constrained=True)
"""How judges reply: they are never trained, so they may be held to their choices."""


@dataclass(frozen=True)
class Entry:
    """One game of the menu as the run plays it.

    label:     what its baselines and metrics are named by: its id, with parameters that are no defaults
    credits:   the run's, with what the menu changes for this game
    judges:    who sits in the seats that grade
    sampling:  how the learner's replies are drawn in it (None: as in every game)
    """

    game: Game
    label: str
    credits: Credits
    opponents: Opponents
    judges: Seats
    sampling: Sampling | None = None

    @property
    def range(self) -> tuple[float, float]:
        """The game's least and greatest payoff, in the units of its samples."""
        least, most = self.game.payoff_range
        return self.credits.scale * least, self.credits.scale * most


class Sampled(Wrapper):
    """A policy whose replies are drawn by settings of their own."""

    def __init__(self, inner: Policy, sampling: Sampling) -> None:
        super().__init__(inner)
        self._sampling = sampling

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        return await self._inner.act([r._replace(sampling=self._sampling) for r in requests])


class Menu:
    """Which game stands at each place of a step, and what the shares of the games are learnt from.

    The game at place i of step s is keyed by (run's seed, s, i), so that a run that is resumed plays on as
    if it had never stopped.
    """

    def __init__(self, entries: Sequence[Entry], shares: Shares, config: Config) -> None:
        self.entries = tuple(entries)
        self.shares = shares
        self._config = config

    def drawn(self, step: int, count: int) -> list[Entry]:
        """The entry at each of the `count` places of a step.

        Systematic sampling: each game has its share of the places to within one, and none of the draws'
        noise.
        """
        if len(self.entries) == 1:
            return [self.entries[0]] * count

        key = f"menu/{self._config.seed}/{self._config.rollbacks}/{step}"
        start = generator(key).random()
        bounds, total = list[float](), 0.0
        for share in self.shares.weights(step):
            total += share
            bounds.append(total)

        found: list[Entry] = []
        for place in range(count):
            point = (place + start) / count * total
            # The last bound may lie a rounding below the last point.
            at = next((i for i, bound in enumerate(bounds) if point < bound), len(bounds) - 1)
            found.append(self.entries[at])
        return found

    def of(self, episode: Episode) -> Entry:
        """The entry that an episode was played for."""
        if len(self.entries) == 1:
            return self.entries[0]
        return next(entry for entry in self.entries if entry.game.ref == episode.game)

    def learn(
        self, episodes: Sequence[Episode], entries: Sequence[Entry], trained: Sequence[Credited]
    ) -> None:
        """Learn from a step, whose episodes were played for these entries, what the next shares are."""
        if len(self.entries) == 1:
            return
        found: list[Played] = []
        for entry in self.entries:
            own = [e for e, of in zip(episodes, entries, strict=True) if of is entry]
            tokens = sum(len(turn.reply.tokens) for episode in own for turn in episode.turns)
            amounts = [
                abs(amount)
                for each in trained
                if each.sample.attempt.game == entry.label
                for amount in each.advantages
            ]
            advantage = fmean(amounts) if amounts else None
            found.append(Played(len(own), tokens, advantage, _solved(entry, own)))
        self.shares.learn(found)

    @property
    def sections(self) -> tuple[str, ...]:
        """What metrics are named by before the quantity: "" of the run, and each game of several."""
        return ("", *(entry.label for entry in self.entries if len(self.entries) > 1))

    def named(self, entry: Entry, numbers: Mapping[str, N]) -> dict[str, N]:
        """Numbers of one game under the names that they have in the run's metrics: game first."""
        prefix = f"{entry.label}/" if len(self.entries) > 1 else ""
        return {prefix + name: value for name, value in numbers.items()}

    def sectioned(self, record: Mapping[str, N]) -> dict[str, dict[str, N]]:
        """A record taken apart by section; each has the step."""
        found: dict[str, dict[str, N]] = {name: {} for name in self.sections}
        for name, value in record.items():
            of = next((label for label in self.sections[1:] if name.startswith(f"{label}/")), "")
            found[of][name.removeprefix(f"{of}/") if of else name] = value
        for numbers in found.values():
            numbers["step"] = record["step"]
        return found

    def of_old(self, opponents: Mapping[str, Any]) -> Mapping[str, Any]:
        """The state of a menu of one game from that of its opponents."""
        return {"opponents": {self.entries[0].label: opponents}, "shares": self.shares.state()}

    def state(self) -> dict[str, Any]:
        """All that the next steps depend on, as JSON values."""
        opponents = {entry.label: entry.opponents.state() for entry in self.entries}
        return {"opponents": opponents, "shares": self.shares.state()}

    def carry(self, state: Mapping[str, Any]) -> None:
        """Go on with the shares of a phase before, where its menu and its curriculum were the same."""
        same = list(state["opponents"]) == [entry.label for entry in self.entries]
        if same and state["shares"].keys() == self.shares.state().keys():
            self.shares.restore(state["shares"])

    def restore(self, state: Mapping[str, Any]) -> None:
        for entry in self.entries:
            entry.opponents.restore(state["opponents"][entry.label])
        self.shares.restore(state["shares"])


def _solved(entry: Entry, episodes: Sequence[Episode]) -> float | None:
    """The mean solve rate that the games noted; else what the learner was paid, in the game's range."""
    noted = [
        float(value)
        for episode in episodes
        for name, value in episode.notes
        if name == "solve_rate" and isinstance(value, (int, float))
    ]
    if noted:
        return fmean(noted)

    least, most = entry.game.payoff_range
    paid = [
        episode.payoff[seat]
        for episode in episodes
        for seat, ref in episode.seats.items()
        if ref.name == LEARNER and seat in episode.payoff
    ]
    return (fmean(paid) - least) / ((most - least) or 1.0) if paid else None


def menu(config: Config, games: Sequence[Game], opponents: Sequence[Opponents]) -> Menu:
    """The menu of the settings, whose `games` are found and have `opponents` each.

    Raises ConfigError for games without a judge that they need, and UnknownEntrantError.
    """
    # What other policies let the learner earn is no measure of what it earns against itself.
    others = config.opponents.mode != "mirror"
    entries: list[Entry] = []
    for chosen, game, beside in zip(config.menu, games, opponents, strict=True):
        if config.filters.charge:
            # Called for what it raises: every game must have a role that proposes.
            payer(game)
        credits = credits_of(config, chosen)
        credits = replace(credits, by_opponent=credits.by_opponent or others)
        judges = judges_of(config, game, chosen.judge)
        entries.append(
            Entry(game, game.ref.label, credits, beside, judges, _sampling(config, chosen))
        )
    weights = [chosen.weight for chosen in config.menu]
    return Menu(entries, shares(weights, config.mix, config.hooks.shares), config)


def _sampling(config: Config, chosen: GameEntry) -> Sampling | None:
    """How replies are drawn in this game; None: as in every other."""
    if not chosen.max_tokens:
        return None
    return Sampling(config.rollout.temperature, 1.0, chosen.max_tokens)


def judges_of(config: Config, game: Game, own: str = "") -> Seats:
    """The judge in each of the seats that grade; a game may have none under its parameters."""
    judging = Cast(config).judges(game)
    seats = [seat for seat, role in game.role_of.items() if role in judging]
    # Made only where a seat needs it: a judge may be a model to load. Present weights sit there anyway.
    if not seats or judge_name(config, game, own) == SELF:
        return {}
    return dict.fromkeys(seats, judge(config, game, own))


def judge(config: Config, game: Game, own: str = "") -> Policy:
    """Who sits in the game's seats that grade. Raises ConfigError and UnknownEntrantError."""
    name = judge_name(config, game, own)
    # The run's start is its model, before any step: `tiny` is another one for every seed.
    if name == SELF_AT_START:
        return seat(config.model, game, sampling=JUDGING, seed=config.seed)
    return seat(name, game, sampling=JUDGING)
