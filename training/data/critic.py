"""The tree of the histories that a game was seen to have, and what every move in it is worth.

A history is what all seats had seen and said so far, so a move at one is worth the same whoever holds what,
as for COMA's critic (Foerster et al. 2018). What follows a move there is chance alone, which no policy
changes: it is counted and never forgotten. Who moves how is known, since all seats are learners. So values
are those of the present weights, by one walk back through the tree, and lag behind nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np

from ...envs.parse import one_of
from ...envs.types import Episode, Message, Turn
from ..config import ConfigError

MOST: int = 1 << 18
"""Histories that a tree may have."""
Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


class View(NamedTuple):
    """What a seat saw when it was asked, and the moves that it had."""

    seat: str
    role: str
    prompt: tuple[Message, ...]
    choices: tuple[str, ...]


class Visit(NamedTuple):
    """A turn of a game, its index, the history at which it was taken, and the index of its move there.

    Further tries are at the history of the first. `move` is -1 for a reply that was no move, or one in a
    form that the choices do not tell.
    """

    number: int
    turn: Turn
    node: int
    move: int


class Values(NamedTuple):
    """Of each history its worth (histories, seats), and of each place, a history's move, likewise."""

    worth: Array
    moves: Array


class Seen:
    """The histories of one game. The moves of history n stand at the places from `first[n]` on."""

    def __init__(self, game: str, seats: Sequence[str]) -> None:
        self._game = game
        self.seats = tuple(seats)
        self.views: list[View] = []
        self._numbers: dict[View, int] = {}
        self._nodes: dict[tuple[int, int], int] = {}
        # by history: the place that led to it (-1: the beginning), its view, its depth, how often it came up
        self.first: list[int] = []
        self.view: list[int] = []
        self._before: list[int] = []
        self._depth: list[int] = []
        self._visits: list[int] = []
        # by place: how many games ended with it, and what they paid each seat in all
        self._depths: list[int] = []
        self._ended: list[int] = []
        self._paid: list[list[float]] = []

    def walk(self, episode: Episode, scale: float) -> list[Visit]:
        """Count a game's turns and what it paid; returns them by history.

        A try that was refused is left out of what its seat sees later: it changes nothing, and what was said
        in it hardly recurs. Raises ConfigError for a turn without choices or with credits, and where
        histories hardly recur.
        """
        found: list[Visit] = []
        before = -1
        refused: dict[str, set[int]] = {}
        last: dict[str, int] = {}
        for number, turn in enumerate(episode.turns):
            out = refused.setdefault(turn.seat, set())
            # others may have moved since the first try, where several are asked at once
            node = last[turn.seat] if turn.retry else self._node(before, turn, out)
            last[turn.seat] = node
            move = -1 if turn.refused else _index(turn)
            if turn.refused:
                # the reply, and what was said to it
                out |= {len(turn.prompt), len(turn.prompt) + 1}
            if turn.credits:
                raise ConfigError(
                    f"credits.estimator = critic values what a game pays at its end, and {self._game} "
                    f"credits {turn.seat} for single turns; use another estimator"
                )
            found.append(Visit(number, turn, node, move))
            if move >= 0:
                before = self.first[node] + move
        if before >= 0 and not (found[-1].turn.refused):
            self._ended[before] += 1
            for column, seat in enumerate(self.seats):
                self._paid[before][column] += scale * episode.payoff[seat]
        return found

    def values(self, odds: Array) -> Values:
        """What histories and moves are worth where the moves of each view have these odds (views, moves).

        A move that nobody made yet is worth what its history is by the others.
        """
        view, before = np.array(self.view), np.array(self._before)
        depths, visits = np.array(self._depth), np.array(self._visits, float)
        total, count = np.array(self._paid), np.array(self._ended, float)
        worth = np.zeros((len(view), len(self.seats)))
        moves = np.zeros_like(total)

        # the places of each history's moves, of which some have fewer
        sizes = np.array([len(each.choices) for each in self.views])[view]
        column = np.arange(odds.shape[1])
        real = column < sizes[:, None]
        places = np.where(real, np.array(self.first)[:, None] + column, 0)
        for depth in range(max(self._depth, default=-1), -1, -1):
            nodes = np.flatnonzero(depths == depth)
            at, own = places[nodes], real[nodes]
            known = own & (count[at] > 0)
            mean = total[at] / np.maximum(count[at], 1)[..., None]
            weights = np.where(known, odds[view[nodes]], 0.0)
            share = weights / np.maximum(weights.sum(1, keepdims=True), 1e-300)
            worth[nodes] = (share[..., None] * mean).sum(1)
            moves[at[own]] = np.where(known[..., None], mean, worth[nodes][:, None])[own]

            led = nodes[before[nodes] >= 0]
            np.add.at(total, before[led], visits[led, None] * worth[led])
            np.add.at(count, before[led], visits[led])
        return Values(worth, moves)

    def state(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "views": [
                [v.seat, v.role, [list(m) for m in v.prompt], list(v.choices)] for v in self.views
            ],
            "nodes": [list(key) for key in self._nodes],
            "visits": self._visits,
            "ended": self._ended,
            "paid": self._paid,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """What `state` gave."""
        for seat, role, prompt, choices in state["views"]:
            said = tuple(Message(*message) for message in prompt)
            self._number(View(seat, role, said, tuple(choices)))
        for before, view in state["nodes"]:
            self._add(before, view)
        self._visits = list(state["visits"])
        self._ended = list(state["ended"])
        self._paid = [list(paid) for paid in state["paid"]]

    def _node(self, before: int, turn: Turn, out: set[int]) -> int:
        """The history of a turn, by the move before it and what its seat sees; it has come up once more."""
        if not turn.choices:
            raise ConfigError(
                f"credits.estimator = critic values listed moves, and {self._game} asks {turn.seat} "
                "without any; use another estimator"
            )
        said = (
            tuple(m for place, m in enumerate(turn.prompt) if place not in out)
            if out
            else turn.prompt
        )
        view = self._number(View(turn.seat, turn.role, said, turn.choices))
        node = self._nodes.get((before, view))
        if node is None:
            node = self._add(before, view)
        self._visits[node] += 1
        return node

    def _number(self, view: View) -> int:
        if view not in self._numbers:
            self._numbers[view] = len(self.views)
            self.views.append(view)
        return self._numbers[view]

    def _add(self, before: int, view: int) -> int:
        if len(self._nodes) >= MOST:
            raise ConfigError(
                f"credits.estimator = critic has met {MOST:,} histories of {self._game}, which hardly recur; "
                "use another estimator"
            )
        node = self._nodes[before, view] = len(self.first)
        depth = self._depths[before] + 1 if before >= 0 else 0
        self.first.append(len(self._ended))
        self.view.append(view)
        self._before.append(before)
        self._depth.append(depth)
        self._visits.append(0)
        for _ in self.views[view].choices:
            self._depths.append(depth)
            self._ended.append(0)
            self._paid.append([0.0] * len(self.seats))
        return node


def _index(turn: Turn) -> int:
    """Which of the choices a reply is; -1: a move in a form that the choices do not tell."""
    choices = cast("tuple[str, ...]", turn.choices)
    if turn.reply.text in choices:
        return choices.index(turn.reply.text)
    with suppress(ValueError):
        return choices.index(one_of(choices)(turn.reply.text))
    return -1
