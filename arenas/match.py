"""One game between policies: the loop that plays it, and the bookkeeping that `rollouts` shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import cast

from ..agents.policy import Key, Policy, QuotaError, Request
from ..envs.registry import Game, GameError
from ..envs.table import Answer, Buffer, Table
from ..envs.types import Ask, Episode, Job, Reply, Source
from ..sandbox.verifier import Verifier, VerifierError


class SeatingError(GameError):
    """A match does not give every seat of its game exactly one policy."""


@dataclass(frozen=True, slots=True)
class Match:
    """A game to play: who sits where, and the seed of its chance. `replicate` sets copies apart."""

    game: Game
    seats: Mapping[str, Policy]
    seed: int
    replicate: int = 0


class Sitting:
    """A match in progress: its table, and what each seat has been asked so far."""

    def __init__(self, match: Match, buffer: Buffer | None = None) -> None:
        if match.seats.keys() != match.game.role_of.keys():
            wanted, came = ", ".join(match.game.seats), ", ".join(match.seats)
            raise SeatingError(f"{match.game.id} has the seats {wanted}; policies came for {came or 'none'}")
        self.match = match
        self.table = Table(match.game, match.seed, buffer=buffer)
        self._asked = dict.fromkeys(match.game.seats, 0)

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The pending asks; empty when the game waits for verdicts or is over."""
        pending = self.table.pending
        return cast(tuple[Ask, ...], pending) if pending and isinstance(pending[0], Ask) else ()  # type: ignore[index]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The pending jobs; empty when the game waits for moves or is over."""
        pending = self.table.pending
        return cast(tuple[Job, ...], pending) if pending and isinstance(pending[0], Job) else ()  # type: ignore[index]

    def request(self, ask: Ask) -> Request:
        """The ask as its policy sees it. Call once per ask: it counts for the key of the next."""
        seat, match = ask.seat, self.match
        count = self._asked[seat]
        self._asked[seat] = count + 1
        key = Key(match.seed, match.replicate, seat, count)
        return Request(seat, match.game.role_of[seat], self.table.view(seat), ask.choices, key)

    def answer(self, answer: Answer) -> None:
        self.table.answer(answer)

    def episode(self, verifier: Verifier | None) -> Episode:
        refs = {seat: policy.ref for seat, policy in self.match.seats.items()}
        name = verifier.name if verifier else ""
        return self.table.episode(refs, replicate=self.match.replicate, verifier=name)


async def replies(policy: Policy, requests: Sequence[Request]) -> Sequence[Reply]:
    """What the policy answers. Raises RuntimeError when it does not answer each request once."""
    answered = await policy.act(requests)
    if len(answered) != len(requests):
        raise RuntimeError(f"{policy.ref.name} gave {len(answered)} replies to {len(requests)} requests")
    return answered


def source(fault: Exception) -> Source:
    """Where the fault of a policy that raised lies."""
    return "quota" if isinstance(fault, QuotaError) else "engine"


def needed(verifier: Verifier | None, sitting: Sitting) -> Verifier:
    """The verifier, or VerifierError where a game needs one and there is none."""
    if verifier is None:
        raise VerifierError(f"{sitting.match.game.id} runs code and needs a verifier; pass verifier=…")
    return verifier


async def _answers(sitting: Sitting, asks: tuple[Ask, ...]) -> Sequence[Reply]:
    """A reply to each ask; neighbouring asks of one policy are one batch."""
    seats = sitting.match.seats
    if len(asks) == 1:
        return await replies(seats[asks[0].seat], [sitting.request(asks[0])])
    answers: list[Reply] = []
    for _, batch in groupby(asks, key=lambda ask: id(seats[ask.seat])):
        requests = [sitting.request(ask) for ask in batch]
        answers.extend(await replies(seats[requests[0].seat], requests))
    return answers


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
    while table.pending is not None:
        if watch is not None:
            watch(table)
        asks = sitting.asks
        if not asks:
            table.answer(await needed(verifier, sitting).verify(sitting.jobs))
            continue
        try:
            answers = await _answers(sitting, asks)
        except Exception as fault:  # attributed: it is the episode's ending
            table.fail(fault, source(fault))
        else:
            table.answer(answers)
    return sitting.episode(verifier)
