"""What share of a step each game of the menu has: by weight, by what is learnt, or inside a window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from ...envs.hooks import hook
from ..config import Mix

_DECAY = 0.9
"""Of the running means of tokens and solve rates, a step."""


class Played:
    """What one step showed of one game: its games, its sampled tokens, and numbers to go by.

    `advantage` is the mean |advantage| of its samples, `solved` its solve rate from 0 to 1; None where
    the step told nothing of it.
    """

    __slots__ = ("advantage", "games", "solved", "tokens")

    def __init__(
        self, games: int, tokens: int, advantage: float | None, solved: float | None
    ) -> None:
        self.games = games
        self.tokens = tokens
        self.advantage = advantage
        self.solved = solved


class Shares(Protocol):
    """The shares of the games of a menu, in its order."""

    def weights(self, step: int) -> Sequence[float]:
        """The share of each game in a step's games: at least 0, together 1."""
        ...

    def learn(self, played: Sequence[Played]) -> None:
        """Take in what a step showed of each game, in the menu's order."""
        ...

    def state(self) -> dict[str, Any]:
        """All that later shares rest on, as JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None: ...


class ByWeight:
    """Shares by the menu's weights, in games or in sampled tokens, none under the floor."""

    def __init__(self, weights: Sequence[float], mix: Mix) -> None:
        self._given = tuple(weights)
        self._mix = mix
        self._tokens: list[float | None] = [None] * len(weights)

    def weights(self, step: int) -> Sequence[float]:
        shares = self._floored(self._wished())
        if self._mix.unit == "games":
            return shares

        # So many games that each game has its share of the tokens; unmeasured ones are as long as the rest.
        known = [tokens for tokens in self._tokens if tokens]
        usual = sum(known) / len(known) if known else 1.0
        lengths = [tokens or usual for tokens in self._tokens]
        return _normed([share / length for share, length in zip(shares, lengths, strict=True)])

    def learn(self, played: Sequence[Played]) -> None:
        for place, each in enumerate(played):
            if each.games:
                self._tokens[place] = _moved(self._tokens[place], each.tokens / each.games)

    def state(self) -> dict[str, Any]:
        return {"tokens": list(self._tokens)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._tokens = list(state["tokens"])

    def _wished(self) -> list[float]:
        """Shares before the floor."""
        return _normed(self._given)

    def _floored(self, shares: Sequence[float]) -> list[float]:
        """At least the floor for each game that has a weight; what is left goes by the shares."""
        playing = [weight > 0 for weight in self._given]
        free = 1 - self._mix.floor * sum(playing)
        return [
            self._mix.floor + free * share if plays else 0.0
            for share, plays in zip(shares, playing, strict=True)
        ]


class Learnability(ByWeight):
    """SEC's bandit: Q ← αr + (1 − α)Q, with r the mean |advantage|; shares are softmax(Q/τ).

    Source: Self-Evolving Curriculum (Chen et al. 2025). A game's weight multiplies its softmax, so equal
    weights leave it as it is.
    """

    def __init__(self, weights: Sequence[float], mix: Mix) -> None:
        super().__init__(weights, mix)
        self.values = [0.0] * len(weights)

    def learn(self, played: Sequence[Played]) -> None:
        super().learn(played)
        rate = self._mix.rate
        for place, each in enumerate(played):
            if each.advantage is not None:
                self.values[place] += rate * (each.advantage - self.values[place])

    def state(self) -> dict[str, Any]:
        return {**super().state(), "values": list(self.values)}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.values = list(state["values"])

    def _wished(self) -> list[float]:
        best = max(self.values)  # taken off, so that no exponential overflows
        odds = [math.exp((value - best) / self._mix.temperature) for value in self.values]
        return _normed([w * o for w, o in zip(self._given, odds, strict=True)])


class Window(ByWeight):
    """Games whose solve rate lies inside [low, high], by weight; all of them while none does."""

    def __init__(self, weights: Sequence[float], mix: Mix) -> None:
        super().__init__(weights, mix)
        self._solved: list[float | None] = [None] * len(weights)

    def learn(self, played: Sequence[Played]) -> None:
        super().learn(played)
        for place, each in enumerate(played):
            if each.solved is not None:
                self._solved[place] = _moved(self._solved[place], each.solved)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "solved": list(self._solved)}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._solved = list(state["solved"])

    def _wished(self) -> list[float]:
        low, high = self._mix.low, self._mix.high
        # What was never played may lie inside.
        inside = [
            weight if solved is None or low <= solved <= high else 0.0
            for weight, solved in zip(self._given, self._solved, strict=True)
        ]
        return _normed(inside if any(inside) else self._given)


def shares(weights: Sequence[float], mix: Mix, own: str = "") -> Shares:
    """As the settings say; `own` names the user's function."""
    if mix.by == "own":
        return cast(Shares, hook(own)(weights, mix))
    kinds = {"weight": ByWeight, "learnability": Learnability, "window": Window}
    return kinds[mix.by](weights, mix)


def _moved(mean: float | None, value: float) -> float:
    return value if mean is None else _DECAY * mean + (1 - _DECAY) * value


def _normed(weights: Sequence[float]) -> list[float]:
    total = math.fsum(weights)
    return [weight / total for weight in weights]
