"""One game between policies: the loop that plays it, and the bookkeeping that `rollouts` shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import cast

from ..agents.policy import ContextError, Key, Policy, QuotaError, Request, Response
from ..envs.registry import Game, GameError
from ..envs.replay import replay_episode
from ..envs.table import Answer, Buffer, Table
from ..envs.types import Ask, Episode, Source, Verdict
from ..sandbox.verifier import Verifier, VerifierError


class SeatingError(GameError):
    """A match does not give every seat of its game exactly one policy, or goes on from another game."""


@dataclass(frozen=True, slots=True)
class Start:
    """A history to go on from: the first `turns` turns of an episode that was played."""

    episode: Episode
    turns: int


@dataclass(frozen=True, slots=True)
class Match:
    """A game to play: who sits where, and the seed of its chance. `replicate` sets copies apart.

    With a `start` it goes on from there, with the seed of that episode: its turns are replayed and nobody is
    asked for them. Copies of one start then differ in what is said after it.
    """

    game: Game
    seats: Mapping[str, Policy]
    seed: int
    replicate: int = 0
    start: Start | None = None


class Sitting:
    """A match in progress: its table, what each seat has been asked, and the seconds that it took."""

    def __init__(self, match: Match, buffer: Buffer | None = None) -> None:
        if match.seats.keys() != match.game.role_of.keys():
            wanted, came = ", ".join(match.game.seats), ", ".join(match.seats)
            raise SeatingError(
                f"{match.game.id} has the seats {wanted}; policies came for {came or 'none'}"
            )

        self.match = match
        self.seconds = dict.fromkeys(match.game.seats, 0.0)
        self._asked = dict.fromkeys(match.game.seats, 0)
        self.table = self._begun(buffer)

    def _begun(self, buffer: Buffer | None) -> Table:
        match, start = self.match, self.match.start
        if start is None:
            return Table(match.game, match.seed, buffer=buffer)
        if (start.episode.game, start.episode.seed) != (match.game.ref, match.seed):
            raise SeatingError(
                f"a game of {match.game.ref.label} with seed {match.seed} cannot go on from one of "
                f"{start.episode.game.label} with seed {start.episode.seed}"
            )

        table = replay_episode(match.game, start.episode, start.turns, buffer=buffer)
        # keys go on as if the seats had been asked
        for turn in start.episode.turns[: start.turns]:
            self._asked[turn.seat] += 1
        return table

    def request(self, ask: Ask) -> Request:
        """The ask as its policy sees it. Call once per ask: it counts for the key of the next."""
        seat, match = ask.seat, self.match
        count = self._asked[seat]
        self._asked[seat] = count + 1
        # a key for each ask: drawn by it, a reply does not depend on its batch
        key = Key(match.seed, match.replicate, seat, count)
        return Request(seat, match.game.role_of[seat], self.table.view(seat), ask.choices, key)

    def answer(self, answers: Sequence[Response] | Sequence[Verdict]) -> None:
        """Take the answers to all that waits; a fault among them ends the game, and pays nothing."""
        for answer in answers:
            if isinstance(answer, Exception):
                self.table.fail(answer, source(answer))
                return
        self.table.answer(cast(Answer, answers))

    def episode(self, verifier: Verifier | None) -> Episode:
        refs = {seat: policy.ref for seat, policy in self.match.seats.items()}
        name = verifier.name if verifier else ""
        start = self.match.start
        return self.table.episode(
            refs,
            replicate=self.match.replicate,
            verifier=name,
            begun=start.turns if start else 0,
            seconds=self.seconds,
        )


async def replies(policy: Policy, requests: Sequence[Request]) -> Sequence[Response]:
    """What the policy answers. Raises RuntimeError when it does not answer each request once."""
    answered = await policy.act(requests)
    # one reply too few would shift the others to wrong requests
    if len(answered) != len(requests):
        raise RuntimeError(
            f"{policy.ref.name} gave {len(answered)} replies to {len(requests)} requests"
        )
    return answered


def source(fault: Exception) -> Source:
    """Where the fault of a policy that raised lies."""
    if isinstance(fault, ContextError):
        return "context"
    return "quota" if isinstance(fault, QuotaError) else "engine"


def needed(verifier: Verifier | None, sitting: Sitting) -> Verifier:
    """The verifier, or VerifierError where a game needs one and there is none."""
    if verifier is None:
        raise VerifierError(
            f"{sitting.match.game.id} runs code and needs a verifier; pass verifier=…"
        )
    return verifier


async def _together(sitting: Sitting, asks: Sequence[Ask]) -> Sequence[Response]:
    """An answer to each ask of seats that move together: each policy is asked once, all at the same time."""
    slots: dict[int, list[int]] = {}
    for slot, ask in enumerate(asks):
        # by policy: one that holds several seats answers them in one batch
        slots.setdefault(id(sitting.match.seats[ask.seat]), []).append(slot)
    calls = (_batch(sitting, [asks[slot] for slot in own]) for own in slots.values())

    found: dict[int, Response] = {}
    for own, answered in zip(slots.values(), await asyncio.gather(*calls), strict=True):
        found.update(zip(own, answered, strict=True))
    return [found[slot] for slot in range(len(asks))]


async def _batch(sitting: Sitting, asks: Sequence[Ask]) -> Sequence[Response]:
    """Answers to asks of one policy, whose seats share the seconds that it took."""
    began = perf_counter()
    answered = await replies(
        sitting.match.seats[asks[0].seat], [sitting.request(ask) for ask in asks]
    )
    share = (perf_counter() - began) / len(asks)
    for ask in asks:
        sitting.seconds[ask.seat] += share
    return answered


async def play(
    match: Match,
    *,
    verifier: Verifier | None = None,
    buffer: Buffer | None = None,
    watch: Callable[[Table], None] | None = None,
) -> Episode:
    """Play one match to its end. `watch` sees the table before every answer.

    A policy that raises ends the game with an `error`, which pays nothing and is never rated. Raises
    SeatingError for a wrong seating and VerifierError when the verifier cannot start or is missing.
    """
    sitting = Sitting(match, buffer)
    table = sitting.table
    while table.ending is None:
        if watch is not None:
            watch(table)
        if table.jobs:
            table.answer(await needed(verifier, sitting).verify(table.jobs))
            continue

        asks = table.asks
        try:
            said = await (_batch if len(asks) == 1 else _together)(sitting, asks)
        except Exception as fault:  # attributed: it is the episode's ending
            table.fail(fault, source(fault))
        else:
            sitting.answer(said)
    return sitting.episode(verifier)
