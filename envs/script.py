"""What a game's script may yield, and the helpers that yield it.

A game is a generator. It yields requests, is sent their answers, and returns the payoff of every seat
that is not a judge. It does no I/O and draws no randomness of its own, so the same seed and the same
answers give the same game. Use the helpers with `yield from`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar, cast

from .parse import Ambiguous, Unreadable, one_of
from .types import Ask, Cause, Job, Reply, Value, Verdict

Move = TypeVar("Move")


@dataclass(frozen=True, slots=True)
class Chance:
    """A draw. With `weights` it is answered with an index; with None by a `random.Random` of its own."""

    weights: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Tell:
    """Something shown to a seat before its next prompt."""

    seat: str
    text: str


@dataclass(frozen=True, slots=True)
class Credit:
    """A named reward for a seat's latest turn, never part of the payoff."""

    seat: str
    amount: float
    name: str


@dataclass(frozen=True, slots=True)
class Note:
    """A named measurement of the episode."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Recall:
    """A wish for `count` items of the driver's task buffer, or of `seeds` where it has none."""

    kind: str
    count: int
    seeds: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """An item for the driver's task buffer."""

    kind: str
    item: Value


Wish: TypeAlias = tuple[Ask, ...] | tuple[Job, ...] | Chance | Tell | Credit | Note | Recall | Keep
Payoff: TypeAlias = Mapping[str, float]
Steps: TypeAlias = Generator[Wish, Any, Move]
"""A part of a script: yields wishes and returns a value, used with `yield from`."""
Script: TypeAlias = Steps[Payoff]


class Forfeit(Exception):
    """Seats that failed to move legally in all their tries. A script may catch it; else it ends the game."""

    def __init__(self, seats: Sequence[str], reason: str, cause: Cause = "illegal") -> None:
        super().__init__(f"{', '.join(seats)}: {reason}")
        self.seats = tuple(seats)
        self.reason = reason
        self.cause: Cause = cause


class _Raise:
    """The default of `otherwise`: no fall-back move."""


RAISE: Final = _Raise()


class _Cut(ValueError):
    """A reply that the engine cut off."""


def _read(reply: Reply, parse: Callable[[str], Move] | None, choices: tuple[str, ...] | None) -> Move:
    if reply.finish != "stop":
        raise _Cut("the reply was cut off at its limit; answer more briefly", reply.finish)
    if parse is not None:
        return parse(reply.text)
    if choices is not None and reply.text in choices:  # the common case, before anything is built
        return cast(Move, reply.text)
    return cast(Move, one_of(choices or ())(reply.text))


def _cause(fault: ValueError) -> Cause:
    if isinstance(fault, _Cut):
        return cast(Cause, fault.args[1])
    return "unparsable" if isinstance(fault, (Unreadable, Ambiguous)) else "illegal"


def _reason(fault: ValueError) -> str:
    return str(fault.args[0]) if fault.args else type(fault).__name__


def ask_all(
    prompts: Mapping[str, str],
    parse: Callable[[str], Move] | None = None,
    choices: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    tries: int = 2,
    otherwise: Move | _Raise = RAISE,
) -> Generator[Wish, Any, dict[str, Move]]:
    """Ask several seats at once; nobody sees another's answer. Returns the move of each seat.

    Only failing seats are asked again, with the reason. Those that fail `tries` times get `otherwise`,
    or share one Forfeit. Without `parse` a move is one of `choices`.
    """
    legal = {
        seat: tuple(choices[seat]) if isinstance(choices, Mapping) else tuple(choices) if choices else None
        for seat in prompts
    }
    asks = tuple([Ask(seat, prompt, legal[seat]) for seat, prompt in prompts.items()])
    moves: dict[str, Move] = {}
    faults: dict[str, ValueError] = {}
    for retry in range(1, tries + 1):
        replies = cast(Sequence[Reply], (yield asks))
        faults = {}
        for asked, reply in zip(asks, replies, strict=True):
            try:
                moves[asked.seat] = _read(reply, parse, asked.choices)
            except ValueError as fault:
                faults[asked.seat] = fault
        if not faults:
            break
        asks = tuple(
            [Ask(seat, f"{_reason(f)}. Try again.", legal[seat], retry) for seat, f in faults.items()]
        )
    if faults and isinstance(otherwise, _Raise):
        first = next(iter(faults.values()))
        reasons = "; ".join(f"{seat}: {_reason(fault)}" for seat, fault in faults.items())
        raise Forfeit(tuple(faults), reasons, _cause(first))
    for seat in faults:
        moves[seat] = cast(Move, otherwise)
    return {seat: moves[seat] for seat in prompts}


def ask(
    seat: str,
    prompt: str,
    parse: Callable[[str], Move] | None = None,
    choices: Sequence[str] | None = None,
    tries: int = 2,
    otherwise: Move | _Raise = RAISE,
) -> Generator[Wish, Any, Move]:
    """Ask one seat for a move; see `ask_all`."""
    legal = tuple(choices) if choices else None
    asked = Ask(seat, prompt, legal)
    failed = ValueError("no tries were left")
    for retry in range(1, tries + 1):
        (reply,) = cast(Sequence[Reply], (yield (asked,)))
        try:
            return _read(reply, parse, legal)
        except ValueError as fault:
            failed = fault
            asked = Ask(seat, f"{_reason(fault)}. Try again.", legal, retry)
    if isinstance(otherwise, _Raise):
        raise Forfeit((seat,), f"{seat}: {_reason(failed)}", _cause(failed))
    return otherwise


def verify(*jobs: Job) -> Generator[Wish, Any, tuple[Verdict, ...]]:
    """Have jobs run by the verifier; one verdict each, in order."""
    if not jobs:
        return ()
    return cast(tuple[Verdict, ...], (yield jobs))


def chance(weights: Sequence[float]) -> Generator[Wish, Any, int]:
    """Draw an index with these weights (they need not sum to 1); exact tools enumerate it."""
    return cast(int, (yield Chance(tuple(weights))))


def randomness() -> Generator[Wish, Any, random.Random]:
    """A generator of one's own, for tasks too many to enumerate."""
    return cast(random.Random, (yield Chance(None)))


def tell(seat: str, text: str) -> Generator[Wish, Any, None]:
    """Show a seat something before its next prompt."""
    yield Tell(seat, text)


def credit(seat: str, amount: float, name: str) -> Generator[Wish, Any, None]:
    """Give a seat's latest turn a named reward. Raises ValueError if it has had no turn."""
    yield Credit(seat, amount, name)


def note(name: str, value: Value) -> Generator[Wish, Any, None]:
    """Record a named measurement: a solve rate, a gold answer, the source of a label."""
    yield Note(name, value)


def recall(kind: str, count: int, seeds: Sequence[Value] = ()) -> Generator[Wish, Any, tuple[Value, ...]]:
    """Up to `count` items of the driver's task buffer; drawn from `seeds` where it has none."""
    return cast(tuple[Value, ...], (yield Recall(kind, count, tuple(seeds))))


def keep(kind: str, item: Value) -> Generator[Wish, Any, None]:
    """Offer an item to the driver's task buffer."""
    yield Keep(kind, item)
