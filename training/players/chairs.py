"""Who answers in each seat of a game: the learner of its role, as that game has it, or somebody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...agents.few_shot import Shown
from ...agents.policy import Policy
from ...envs.types import Message
from ..config import Rollout
from .cast import Cast
from .exploring import Exploring
from .menu import JUDGING, Entry, Sampled
from .opponents import LEARNER, Seats

JUDGE = "judge"
"""Stands for the learner where it grades, beside the names of learners."""
Examples = Callable[[Entry], Mapping[str, Sequence[Message]]]
"""Plays the example games of a game; by role what prompts show of them."""


class Chairs:
    """Learners as each game has them, made once: only requests to one and the same policy share a batch.

    `players` answer for the learners, by name; `player` among them for the main one.
    """

    def __init__(
        self, rollout: Rollout, cast: Cast, players: Mapping[str, Policy], examples: Examples
    ) -> None:
        self._rollout = rollout
        self._cast = cast
        self._players = players
        self._examples = examples
        self._shown: dict[str, Mapping[str, Sequence[Message]]] = {}
        # By game: who is in a seat, and each learner as that game has it.
        self._chairs: dict[tuple[str, str], Policy] = {}
        self._learners: dict[tuple[str, str], Policy] = {}

    def seated(self, entry: Entry, seat: str, beside: Seats) -> Policy:
        """Who sits in a seat: an opponent or a judge, or the learner of the seat's role."""
        player = self._players[LEARNER]
        # A judge's seat that the cast names is played by a learner, which no opponent replaces.
        found = beside.get(seat, player)
        if found is not player:
            return found
        if (entry.label, seat) not in self._chairs:
            self._chairs[entry.label, seat] = self._made(entry, seat)
        return self._chairs[entry.label, seat]

    def _made(self, entry: Entry, seat: str) -> Policy:
        role = entry.game.role_of[seat]
        judging = role in self._cast.judges(entry.game)
        name = JUDGE if judging else self._cast.of(entry.game, role, seat)
        if (entry.label, name) not in self._learners:
            judge = Sampled(self._players[LEARNER], JUDGING) if judging else None
            self._learners[entry.label, name] = judge or self._learner(entry, name)
        return self._learners[entry.label, name]

    def _learner(self, entry: Entry, name: str) -> Policy:
        """The learner's player in this game, with examples before every prompt where they are asked for."""
        player = self._players[name]
        player = Sampled(player, entry.sampling) if entry.sampling else player
        if self._rollout.shots:
            # Played once: every prompt of the run shows the same examples.
            if entry.label not in self._shown:
                self._shown[entry.label] = self._examples(entry)
            player = Shown(player, self._shown[entry.label])
        return Exploring(player, self._rollout.explore) if self._rollout.explore else player
