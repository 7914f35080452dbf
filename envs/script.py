"""What a game's script may yield, and the helpers that yield it.

A game is a generator. It yields requests, is sent their answers, and returns the payoff of every seat
that is not a judge. It does no I/O and draws no randomness of its own, so the same seed and the same
answers give the same game. Use the helpers with `yield from`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar, overload

from .parse import Ambiguous, Illegal, Unreadable, line_of, one_of
from .tools import Tools, uncalled, use
from .types import Ask, Cause, Job, Reply, Value, Verdict
from .wishes import EITHER as EITHER
from .wishes import SEARCH as SEARCH
from .wishes import STALE as STALE
from .wishes import Chance as Chance
from .wishes import Credit as Credit
from .wishes import Keep as Keep
from .wishes import Note as Note
from .wishes import Recall as Recall
from .wishes import Refused as Refused
from .wishes import Tell as Tell

Move = TypeVar("Move")
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes twice as long


Wish: TypeAlias = (
    tuple[Ask, ...] | tuple[Job, ...] | Chance | Tell | Credit | Refused | Note | Recall | Keep
)
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
# Bounded, so that a prompt full of `<` is read in linear time: it may quote a player.
_TAG = re.compile(r"<([a-z_]{1,30})>")


NOTHING: Final = (
    "{} is asked with neither choices nor a parser, so no reply could be a move; "
    "give choices=…, or parse=str for any text (envs.parse has others)"
)


class _Cut(ValueError):
    """A reply that the engine cut off, at its token limit or at its time limit."""

    def __init__(self, cause: Cause) -> None:
        super().__init__("the reply was cut off at its limit; answer more briefly")
        self.cause: Cause = cause


class _Failed(Unreadable):
    """A reply on which the parser failed by itself."""

    def __init__(self, fault: Exception) -> None:
        super().__init__("the reply cannot be read; answer as asked")
        self.fault = fault


def _move(
    reply: Reply,
    parse: Callable[[str], Any] | None,
    choices: tuple[str, ...] | None,
    prompt: str,
) -> Any:
    """The move in a reply to `prompt`. Raises ValueError, whatever the parser raises."""
    if parse is None and reply.thought:
        # It has thought already: its answer needs no room for more, and may be followed by some.
        with suppress(Illegal):
            return line_of(choices or ())(reply.text, reply.finish == "stop")

    # Before any reading: half a reply may hold a move that its seat was about to reject.
    if reply.finish != "stop":
        raise _Cut(reply.finish)
    if parse is None:
        return one_of(choices or ())(reply.text)

    try:
        return _read(reply.text, parse)
    except Unreadable:
        # A bare choice is a move too: it is read in the form that the prompt asks for.
        if choices and reply.text in choices:
            # From the last tag on: a prompt shows the form of the answer at its end.
            for tag in reversed(_TAG.findall(prompt)):
                with suppress(ValueError):
                    return _read(f"<{tag}>{reply.text}</{tag}>", parse)
        raise


def _read(text: str, parse: Callable[[str], Any]) -> Any:
    """What `parse` makes of a text. A text on which the parser fails by itself cannot be read.

    So a reply can make its seat lose, and never the game: a text that exhausts the parser's stack or
    memory is its seat's fault. A bug of the parser looks the same here; `check_game` reports it.
    """
    try:
        return parse(text)
    except (ValueError, Forfeit):  # a parser may say that there is no second try
        raise
    except Exception as fault:
        raise _Failed(fault) from fault


def _cause(fault: ValueError) -> Cause:
    if isinstance(fault, _Cut):
        return fault.cause
    return "unparsable" if isinstance(fault, (Unreadable, Ambiguous)) else "illegal"


def _reason(fault: ValueError) -> str:
    return str(fault.args[0]) if fault.args else type(fault).__name__


def _refused(seat: str, fault: ValueError) -> Refused:
    return Refused(seat, _cause(fault), fault.fault if isinstance(fault, _Failed) else None)


def _again(asked: Ask, fault: ValueError, parsed: bool) -> Ask:
    """The same ask once more, told why the reply was no move.

    The moves come last and the reply is not repeated: small models answer with what they read last, or
    say once more what is quoted to them.
    """
    if asked.choices and not parsed and not isinstance(fault, _Cut):
        prompt = f"That is no move here. Answer with one of: {', '.join(asked.choices)}"
    else:
        # a parser has a form of its own, which bare choices would contradict
        prompt = f"{_reason(fault)}. Try again."
    return Ask(asked.seat, prompt, asked.choices, asked.retry + 1)


@overload
def ask(
    seat: str,
    prompt: str,
    parse: None = None,
    choices: Sequence[str] | None = None,
    tries: int = 2,
    otherwise: str | _Raise = RAISE,
    tools: Tools | None = None,
) -> Steps[str]: ...


@overload
def ask(
    seat: str,
    prompt: str,
    parse: Callable[[str], Move],
    choices: Sequence[str] | None = None,
    tries: int = 2,
    otherwise: Move | _Raise = RAISE,
    tools: Tools | None = None,
) -> Steps[Move]: ...


def ask(
    seat: str,
    prompt: str,
    parse: Callable[[str], Any] | None = None,
    choices: Sequence[str] | None = None,
    tries: int = 2,
    otherwise: Any = RAISE,
    tools: Tools | None = None,
) -> Steps[Any]:
    """Ask one seat for a move; without `parse` it is one of `choices`.

    A move that cannot be read or is illegal is asked for again, with the reason. After `tries` failures
    the seat's move is `otherwise`, or it forfeits. `parse` refuses by a ValueError (`envs.parse` has
    three); whatever else it raises counts as an unreadable reply. With both, `choices` lists the legal
    moves, and a bare choice is put into the tags that the prompt shows, as in `<move>…</move>`.

    With `tools`, a reply that calls one is no move: its result is shown to the seat, which goes on.
    """
    if parse is None and not choices:
        raise ValueError(NOTHING.format(seat))
    told = tools.told if tools else ""
    if tools and parse:
        parse = uncalled(parse, tools.names)
    asked = _new(Ask, (seat, prompt, tuple(choices) if choices else None, 0, told, 0))
    calls = 0

    while True:
        (reply,) = yield (asked,)
        if tools and (result := (yield from use(tools, seat, reply, calls))):
            calls += 1
            asked = asked._replace(prompt=result, call=calls)
            continue
        if parse is None and reply.finish == "stop" and reply.text in (asked.choices or ()):
            return reply.text  # what `_move` would return; a tree walk does little else
        try:
            return _move(reply, parse, asked.choices, prompt)
        except ValueError as fault:
            # said before the next ask, while the refused reply is still the seat's latest turn
            yield _refused(seat, fault)
            asked = _again(asked, fault, parse is not None)
            if asked.retry < tries:
                continue
            if isinstance(otherwise, _Raise):
                raise Forfeit((seat,), _reason(fault), _cause(fault)) from None
            return otherwise


@overload
def ask_all(
    prompts: Mapping[str, str],
    parse: None = None,
    choices: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    tries: int = 2,
    otherwise: str | _Raise = RAISE,
    tools: Tools | None = None,
    called: dict[str, int] | None = None,
) -> Steps[dict[str, str]]: ...


@overload
def ask_all(
    prompts: Mapping[str, str],
    parse: Callable[[str], Move],
    choices: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    tries: int = 2,
    otherwise: Move | _Raise = RAISE,
    tools: Tools | None = None,
    called: dict[str, int] | None = None,
) -> Steps[dict[str, Move]]: ...


def ask_all(
    prompts: Mapping[str, str],
    parse: Callable[[str], Any] | None = None,
    choices: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    tries: int = 2,
    otherwise: Any = RAISE,
    tools: Tools | None = None,
    called: dict[str, int] | None = None,
) -> Steps[dict[str, Any]]:
    """Ask several seats at once, each as `ask` does; no seat sees another's answer.

    Returns the move of each seat. Only failing seats are asked again; all that still fail share one
    Forfeit. `called` is filled with how often each seat called a tool.
    """
    listed = choices if isinstance(choices, Mapping) else dict.fromkeys(prompts, choices)
    for seat in prompts:
        if parse is None and not listed[seat]:
            raise ValueError(NOTHING.format(seat))
    told = tools.told if tools else ""
    if tools and parse:
        parse = uncalled(parse, tools.names)
    asks = [
        Ask(seat, prompt, tuple(legal) if (legal := listed[seat]) else None, 0, told)
        for seat, prompt in prompts.items()
    ]
    moves: dict[str, Any] = {}
    forfeits: list[Forfeit] = []
    calls: dict[str, int] = {} if called is None else called
    calls.update(dict.fromkeys(prompts, 0))

    while asks:
        replies: Sequence[Reply] = yield tuple(asks)
        again: list[Ask] = []
        for asked, reply in zip(asks, replies, strict=True):
            count = calls[asked.seat]
            if tools and (result := (yield from use(tools, asked.seat, reply, count))):
                calls[asked.seat] += 1
                again.append(asked._replace(prompt=result, call=count + 1))
                continue
            try:
                moves[asked.seat] = _move(reply, parse, asked.choices, prompts[asked.seat])
            except ValueError as fault:
                yield _refused(asked.seat, fault)
                if asked.retry + 1 < tries:
                    again.append(_again(asked, fault, parse is not None))
                elif isinstance(otherwise, _Raise):
                    forfeits.append(Forfeit((asked.seat,), _reason(fault), _cause(fault)))
                else:
                    moves[asked.seat] = otherwise
        asks = again

    # only now: the others' moves and retries were heard first, so one seat's failure hides nothing
    if forfeits:
        raise _shared(forfeits)
    # in the order of the prompts, whichever seat needed a second try
    return {seat: moves[seat] for seat in prompts}


def _shared(forfeits: Sequence[Forfeit]) -> Forfeit:
    """One Forfeit for all seats that failed at the same time."""
    seats = [seat for forfeit in forfeits for seat in forfeit.seats]
    reasons = "; ".join(map(str, forfeits)) if len(forfeits) > 1 else forfeits[0].reason
    # an ending has one cause, so the first seat's stands for all
    return Forfeit(seats, reasons, forfeits[0].cause)


def verify(*jobs: Job) -> Generator[Wish, tuple[Verdict, ...], tuple[Verdict, ...]]:
    """Have jobs run by the verifier; one verdict each, in order."""
    # an empty tuple asks for nothing, and a table refuses it as no request
    return (yield jobs) if jobs else ()


def chance(weights: Sequence[float]) -> Generator[Wish, int, int]:
    """Draw an index with these weights (they need not sum to 1); exact tools enumerate it."""
    return (yield _new(Chance, (tuple(weights),)))


def randomness() -> Generator[Wish, random.Random, random.Random]:
    """A generator of one's own, for tasks too many to enumerate."""
    return (yield Chance(None))


def tell(seat: str, text: str) -> Generator[Wish, None, None]:
    """Show a seat something before its next prompt."""
    yield Tell(seat, text)


def credit(seat: str, amount: float, name: str) -> Generator[Wish, None, None]:
    """Give a seat's latest turn a named reward. Raises ValueError if it has had no turn."""
    yield Credit(seat, amount, name)


def note(name: str, value: Value) -> Generator[Wish, None, None]:
    """Record a named measurement: a solve rate, a gold answer, the source of a label."""
    yield Note(name, value)


def recall(
    kind: str, count: int, seeds: Sequence[Value] = (), like: Value = None
) -> Generator[Wish, tuple[Value, ...], tuple[Value, ...]]:
    """Up to `count` items of the driver's task buffer; drawn from `seeds` where it has none.

    With `like`, those that are near copies of it.
    """
    return (yield Recall(kind, count, tuple(seeds), like))


def keep(kind: str, item: Value) -> Generator[Wish, None, None]:
    """Offer an item to the driver's task buffer."""
    yield Keep(kind, item)
