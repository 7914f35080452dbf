"""One game in progress: requests out, answers in; no I/O.

All play goes through here. Only the walk of a whole tree steps scripts by itself (`tree_walk.py`).
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from .mistakes import author_line
from .registry import Game
from .script import (
    SEARCH,
    Chance,
    Credit,
    Forfeit,
    Keep,
    Note,
    Payoff,
    Recall,
    Refused,
    Script,
    Tell,
)
from .search import ranked
from .seeds import generator
from .types import (
    NOTHING,
    Ask,
    Ending,
    Episode,
    Job,
    Message,
    PolicyRef,
    Reply,
    Source,
    Turn,
    Value,
    Verdict,
)

Answer: TypeAlias = Sequence[Reply] | Sequence[Verdict] | int
Buffer: TypeAlias = Callable[[Recall], Sequence[Value]]

_OUTCOME = Ending("outcome")


class TableError(RuntimeError):
    """The driver answered what was not asked, or the script broke a fact that it declared."""


def keyed(seed: int, number: int) -> random.Random:
    """The generator of a game's draw: two games of one seed draw alike whatever was played between."""
    return generator(f"{seed}/{number}")


def draw(weights: Sequence[float], rng: random.Random) -> int:
    """An index drawn with these weights."""
    passed = list(accumulate(weights))
    # the last index bounds the search: rounding may bring the product up to the whole sum
    return bisect(passed, rng.random() * passed[-1], 0, len(passed) - 1)


class Table:
    """Steps one script. Until there is an `ending`, one of asks, jobs and chance waits for `answer`.

    asks:     moves to make, answered with one Reply each, in this order.
    jobs:     code to run, answered with one Verdict each.
    chance:   a draw, answered with an index; only with `open_chance=True`, else the table draws itself.
    turns:    every reply so far, failed tries included, in the order of the asks.
    ending:   how the game ended; None while it goes on.
    payoff:   of every player, once ended; empty after an error.
    fault:    the exception behind an ending of kind `error`.
    drawn:    of each draw that the table made itself its weights; None where a generator was handed out.
    parser_faults: what parsers failed by, other than a ValueError; the seats' replies counted as unreadable.
    """

    def __init__(
        self, game: Game, seed: int = 0, *, open_chance: bool = False, buffer: Buffer | None = None
    ) -> None:
        self.game = game
        self.seed = seed
        self.asks: tuple[Ask, ...] = ()
        self.jobs: tuple[Job, ...] = ()
        self.chance: Chance | None = None
        self.ending: Ending | None = None
        self.payoff: Mapping[str, float] = MappingProxyType({})
        self.fault: Exception | None = None
        self.parser_faults: list[Exception] = []
        self.answers: list[Answer] = []
        self.moves = 0
        self.drawn: list[Sequence[float] | None] = []

        self._turns: list[Turn] = []
        self._credits: dict[int, dict[str, float]] = {}
        self._chances: list[int] = []
        self._verdicts: list[Verdict] = []
        self._recalls: list[tuple[Value, ...]] = []
        self._kept: list[tuple[str, Value]] = []
        self._notes: list[tuple[str, Value]] = []

        self._open_chance = open_chance
        self._buffer = buffer
        self._draws = 0
        self._views: dict[str, tuple[Message, ...]] = game.openings.copy()

        try:
            self._script = game.script()
        except Exception as fault:  # the author's mistake, before the first request
            self._script = _nothing()
            self.fail(fault)
        else:
            self._step(None)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Every reply so far, with its credits."""
        # a credit may come long after its turn, so credits are kept apart and joined here
        if not self._credits:
            return tuple(self._turns)
        return tuple(
            turn._replace(credits=MappingProxyType(self._credits[i]))
            if i in self._credits
            else turn
            for i, turn in enumerate(self._turns)
        )

    @property
    def notes(self) -> tuple[tuple[str, Value], ...]:
        return tuple(self._notes)

    def view(self, seat: str) -> tuple[Message, ...]:
        """All that the seat has seen: rules, tells, prompts and its own replies; its information set."""
        return self._views[seat]

    def answer(self, answer: Answer) -> None:
        """Answer what waits. Raises TableError when the answer does not fit."""
        if self.ending:
            raise TableError("the game is over; there is nothing to answer")

        given: Any = answer  # which of its three kinds it is, what waits decides
        # a draw is answered with a number, which has no length
        wanted = len(self.asks) or len(self.jobs)
        if wanted and len(given) != wanted:
            raise TableError(f"{wanted} answers were asked for, {len(given)} came")
        self.answers.append(answer)

        if self.asks:
            self._take_replies(self.asks, given)
        elif self.jobs:
            self._take_verdicts(given)
        else:
            self._chances.append(given)
            self._step(given)

    def forfeit(self, forfeit: Forfeit) -> None:
        """End the game by the fault of some seats, as a driver may (time is up).

        A judge earns nothing, so it cannot be charged, and without its reply there is no result: the
        game ends as an error of the judge's engine.
        """
        if all(self.game.role_of[seat] in self.game.judges for seat in forfeit.seats):
            reason = f"no word from the judge: {forfeit.reason}"
            self._end({}, Ending("error", forfeit.seats, reason, forfeit.cause, "engine"))
            return
        self._end(
            self.game.forfeit(forfeit.seats),
            Ending("forfeit", forfeit.seats, forfeit.reason, forfeit.cause),
        )

    def truncate(self, reason: str) -> None:
        """End the game where it stands, paid as it declares, as a driver may (all tokens are said)."""
        self._end(self.game.truncation, Ending("truncated", (), reason))

    def fail(self, fault: Exception, source: Source = "env", mistake: str = "") -> None:
        """End the game by a fault that is no player's; it pays nothing and is never rated.

        `mistake` says where in an author's code it happened.
        """
        self.fault = fault
        reason = f"{type(fault).__name__}: {fault}{mistake}"
        self._end({}, Ending("error", (), reason, source=source))

    def episode(
        self,
        seats: Mapping[str, PolicyRef],
        *,
        replicate: int = 0,
        verifier: str = "",
        begun: int = 0,
        seconds: Mapping[str, float] | None = None,
    ) -> Episode:
        """The finished game as a value. Raises TableError while it is still running."""
        if self.ending is None:
            raise TableError("the game is still running")

        return Episode(
            game=self.game.ref,
            seed=self.seed,
            replicate=replicate,
            seats=seats,
            turns=self.turns,
            payoff=self.payoff,
            ending=self.ending,
            verdicts=tuple(self._verdicts),
            chances=tuple(self._chances),
            recalls=tuple(self._recalls),
            notes=tuple(self._notes),
            kept=tuple(self._kept),
            verifier=verifier if self._verdicts else "",
            begun=begun,
            seconds=seconds or {},
        )

    def _take_replies(self, asks: tuple[Ask, ...], replies: Sequence[Reply]) -> None:
        views, role_of = self._views, self.game.role_of

        for ask, reply in zip(asks, replies, strict=True):
            seat = ask.seat
            view = views[seat]
            self._turns.append(
                Turn(
                    seat,
                    role_of[seat],
                    view,
                    reply,
                    ask.retry,
                    ask.choices,
                    NOTHING,
                    None,
                    ask.call,
                )
            )
            # what a seat remembers of itself may hold its thoughts, which others never see
            said = reply.text if reply.memory is None else reply.memory
            views[seat] = (*view, Message("self", said))
        self._step(replies)

    def _take_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        self._verdicts.extend(verdicts)
        # a verifier that failed says nothing about the code, so no seat pays for it
        broken = [verdict for verdict in verdicts if verdict.status == "infra"]
        if broken:
            self.fail(TableError(f"the verifier failed: {broken[0].detail or 'infra'}"))
        else:
            self._step(tuple(verdicts))

    def _step(self, answer: Any) -> None:
        """Send an answer and go on until the script asks for something from outside, or ends."""
        self.asks, self.jobs, self.chance = (), (), None

        try:
            wish: Any = self._script.send(answer)
            while not self._waits(wish):
                wish = self._grant(wish)
        except StopIteration as end:
            self._finish(cast(Payoff, end.value))
        except Forfeit as forfeit:
            self.forfeit(forfeit)
        except Exception as fault:  # a bug of the game: kept with the episode, never a reward
            self.fail(fault, mistake=author_line(fault, self._script))

    def _waits(self, wish: Any) -> bool:
        """Whether the wish is for the driver, or ended the game; if so it has been put where it waits."""
        if type(wish) is tuple and wish:
            if type(wish[0]) is Job:
                self.jobs = cast("tuple[Job, ...]", wish)
            elif not self._out_of_turns(asks := cast("tuple[Ask, ...]", wish)):
                self.asks = asks
            return True

        if type(wish) is Chance and wish.weights is not None and self._open_chance:
            self._draws += 1
            self.chance = wish
            return True
        return False

    def _grant(self, wish: Any) -> Any:
        """Answer a wish that needs nothing from outside, and return the script's next one."""
        send = self._script.send

        match wish:
            case Chance():
                return send(self._draw(wish))
            case Tell():
                self._views[wish.seat] = (*self._views[wish.seat], Message("game", wish.text))
            case Credit():
                return self._grant_credit(wish)
            case Refused():
                index = self._latest(wish.seat)
                assert index is not None, "only a reply can be refused"
                # the turn was written when the reply came, before the script had judged it
                self._turns[index] = self._turns[index]._replace(refused=wish.cause)
                if wish.fault is not None:
                    self.parser_faults.append(wish.fault)
            case Note():
                self._notes.append((wish.name, wish.value))
            case Keep():
                self._kept.append((wish.kind, wish.item))
            case Recall():
                return send(self._recall(wish))
            case _:
                raise TableError(f"the script yielded {_shown(wish)}, which is no request")

        return send(None)

    def _draw(self, wish: Chance) -> int | random.Random:
        rng = self._next_rng(wish.weights)
        if wish.weights is None:
            return rng
        index = draw(wish.weights, rng)
        self._chances.append(index)
        return index

    def _grant_credit(self, wish: Credit) -> Any:
        latest = self._latest(wish.seat)
        if latest is None:  # the author's mistake: shown where the script made it
            return self._script.throw(
                ValueError(f"credit {wish.name!r}: {wish.seat} has had no turn")
            )
        earned = self._credits.setdefault(latest, {})
        earned[wish.name] = earned.get(wish.name, 0.0) + wish.amount
        return self._script.send(None)

    def _latest(self, seat: str) -> int | None:
        """The index of the seat's latest turn."""
        return next(
            (i for i in reversed(range(len(self._turns))) if self._turns[i].seat == seat), None
        )

    def _next_rng(self, weights: Sequence[float] | None = None) -> random.Random:
        rng = keyed(self.seed, self._draws)
        self._draws += 1
        self.drawn.append(weights)
        return rng

    def _recall(self, wish: Recall) -> tuple[Value, ...]:
        rng = self._next_rng()  # also where a buffer answers: later draws must not depend on it
        if self._buffer is None and wish.kind.startswith(SEARCH):
            items = tuple(ranked(str(wish.like), wish.seeds, wish.count))
        elif self._buffer is not None:
            items = tuple(self._buffer(wish))[: wish.count]
        else:
            items = tuple(rng.sample(wish.seeds, min(wish.count, len(wish.seeds))))
        self._recalls.append(items)
        return items

    def _out_of_turns(self, asks: tuple[Ask, ...]) -> bool:
        """Show prompts to their seats and count moves; True when the turn limit ended the game."""
        views, moves = self._views, self.moves
        for ask in asks:
            if not (ask.retry or ask.call):  # the limit counts moves, not tries or calls
                moves += 1

        if moves > self.game.max_turns:
            self.truncate(f"no end after {self.game.max_turns} turns")
            return True

        self.moves = moves
        for ask in asks:
            view = views[ask.seat]
            if ask.tools and (told := Message("tools", ask.tools)) not in view:
                view = (*view, told)
            # a retry has its own words, also where calls went before it
            views[ask.seat] = (*view, Message("result" if ask.call else "game", ask.prompt))
        return False

    def _finish(self, payoff: Payoff) -> None:
        try:
            fault = self.game.payoff_fault(payoff)
        # an author may return anything, also what cannot be added up
        except (TypeError, OverflowError):
            fault = f"a payoff must be in numbers; it is {payoff!r}"
        if fault:
            self.fail(TableError(f"{self.game.id}: {fault}"))
        else:
            self._end(payoff, _OUTCOME)

    def _end(self, payoff: Payoff, ending: Ending) -> None:
        self._script.close()
        # the script's own `finally` has run by now: it may have an environment to close
        self.asks, self.jobs, self.chance = (), (), None
        self.payoff = MappingProxyType({seat: float(amount) for seat, amount in payoff.items()})
        self.ending = ending


def _shown(wish: Any) -> str:
    # a generator's repr holds its address, which differs from game to game
    return "a generator" if isinstance(wish, Generator) else repr(wish)[:100]


def _nothing() -> Script:
    """The script in place of one that could not be started."""
    return {}
    yield ()  # makes this a generator
