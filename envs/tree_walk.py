"""Walks the whole tree of a game, depth first, and lists its information sets and leaves.

The walk steps scripts itself, without a `Table`: it needs no turns and no credits, and a seat's view
only where an information set is new. A generator cannot be copied, so all branches of a node but the last
play the answers so far again; the last one goes on with the script that stands there. The tests hold the
walk against one that drives `Table`s.

A tree that is far too large is refused early, by an estimate: take one of the histories still to visit
at random, play on from it at random, and multiply the numbers of branches on the way (Knuth 1975,
"Estimating the efficiency of backtrack programs"). The expectation of that is the number N of nodes
still to visit, so a mean of plays exceeds 4 N with a probability of at most 1/4 (Markov), and all of
eight independent means with at most 4⁻⁸ = 0.0015 %. They are looked at after each of up to 64 plays, so
a tree within its limit is refused by mistake in less than 0.1 % of games.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple, TypeAlias

from .declaration import Game
from .infosets import MAX_NODES, InfoSet, Notes, Spot, TreeError, numbers, too_large, where
from .script import Chance, Credit, Forfeit, Keep, Note, Recall, Refused, Script, Tell
from .seeds import generator
from .types import Ask, Job, Message, Reply, Value

News: TypeAlias = dict[str, tuple[Message, ...]]
"""What each seat has been told since it was last asked."""

GROUPS, PLAYS, EXCESS = 8, 64, 4.0
"""An estimate is this many means of at most so many plays; each must exceed the limit so many times."""
EARLY = 20_000
"""Nodes and replayed answers before the first estimate; each next one after four times as many."""


_new = tuple.__new__  # a NamedTuple's own constructor takes twice as long

_Way: TypeAlias = tuple[Any, float, tuple[int, ...]]
"""An answer, its probability under chance, and each seat's last sequence after it."""


_Noted: TypeAlias = tuple[tuple[str, Value], ...]
_Node: TypeAlias = tuple[int, Any, float, tuple[int, ...], News, _Noted, int, Script | None]
"""A history still to visit: depth, answer, odds, last, news, noted, moves, script.

`depth` counts the answers of the trail that lead to its parent, and `answer` is the one after them. `odds`
is its probability under chance, `last` each seat's last sequence. At the parent, `news` is what seats were
told, `noted` what the script noted, `moves` how many moves were asked for. `script` stands there, or is None
where it has to be played again. A bare tuple, because a tree makes one for every node.
"""


class Walk:
    """A tree as lists: `walk` fills them. Spots stand parents before children, leaves depth first.

    `chance`, `last`, `payoff` and `notes` have a line for each leaf, as `exact.Tree` says.
    """

    def __init__(self, game: Game, max_nodes: float = MAX_NODES) -> None:
        self.game = game
        self.max_nodes = max_nodes
        self.nodes = 0
        self.sequences = len(game.seats)
        self.chance: list[float] = []
        self.last: list[tuple[int, ...]] = []
        self.payoff: list[tuple[float, ...]] = []
        self.notes: list[Mapping[str, float]] = []

        # A view is known by the seat's last sequence and what it was told since: no long keys.
        self._spots: dict[tuple[int, tuple[Message, ...]], Spot] = {}
        self._spot_of: list[Spot | None] = [None] * self.sequences
        self._column = {seat: column for column, seat in enumerate(game.seats)}
        self._replies: dict[tuple[str, ...] | None, tuple[tuple[Reply], ...]] = {}
        self._amounts: dict[Any, _Paid] = {}
        self._truncation = tuple(game.truncation[seat] for seat in game.players)
        self._trail: list[Any] = []
        self._replayed = 0

    @property
    def spots(self) -> tuple[Spot, ...]:
        return tuple(self._spots.values())

    def walk(self) -> None:
        """Visit every history. Raises TreeError where there is no tree, or one of too many nodes."""
        stack = [self._root()]
        due = EARLY
        with _uncollected():
            while stack:
                # reversed, so that the first branch is visited first and the live script last
                stack.extend(reversed(self._visit(stack.pop())))
                if self.nodes > self.max_nodes:
                    raise too_large(self.game, self.max_nodes)
                if stack and self.nodes + self._replayed > due:
                    self._refuse_early(stack)
                    due *= 4

    def _root(self) -> _Node:
        return 0, None, 1.0, tuple(range(len(self.game.seats))), {}, (), 0, self.game.script()

    def _refuse_early(self, stack: Sequence[_Node]) -> None:
        """Raise TreeError if the subtrees on the stack are together far too large, by an estimate."""
        rng = generator(f"tree size/{self.game.id}/{self.nodes}")

        def estimate() -> float:
            return len(stack) * self._play(stack[int(rng.random() * len(stack))], rng.random)

        sums = [0.0] * GROUPS
        for plays in range(1, PLAYS + 1):
            sums = [total + estimate() for total in sums]
            if min(sums) > EXCESS * self.max_nodes * plays:
                raise too_large(self.game, self.max_nodes, median(sums) / plays)
            if max(sums) < self.max_nodes * plays:
                return  # no sign that it is too large

    def _play(self, node: _Node, draw: Callable[[], float]) -> float:
        """Knuth's estimate of the number of nodes under a history, from one play at random."""
        depth, answer, odds, last, news, noted, moves, _ = node
        probe, seats = Walk(self.game, self.max_nodes), len(last)
        probe._trail = self._trail[:depth]

        # The probe knows no information sets, and needs only whether each seat has moved.
        probe.sequences = 2 * seats
        probe._spot_of += [None] * seats
        last = tuple(seat + seats * (before >= seats) for seat, before in enumerate(last))

        node, weight, size = (depth, answer, odds, last, news, noted, moves, None), 1.0, 0.0
        while True:
            before = probe.nodes
            branches = probe._visit(node)
            size += weight * (probe.nodes - before)
            if not branches:
                return size

            # only one branch is followed, so the script that stands here may follow it
            weight *= len(branches)
            node = (*branches[int(draw() * len(branches))][:-1], branches[-1][-1])

    def _visit(self, node: _Node) -> list[_Node]:
        """Count the node, and note its leaf or return its branches."""
        depth, answer, odds, last, news, noted, moves, script = node
        self.nodes += 1
        trail = self._trail
        del trail[depth:]
        script = script or self._again(trail)

        news, notes = news.copy(), list(noted)
        wish = self._sent(script, answer, last, news, notes)
        if type(wish) is Chance:
            ways = [(index, share, last) for index, share in _shares(wish)]
        elif type(wish) is _Paid:
            return self._leaf(odds, last, wish.amounts, notes)
        else:
            self._check(wish)
            moves += len(wish)
            if moves > self.game.max_turns:
                script.close()
                return self._leaf(odds, last, self._truncation, notes)
            ways = self._joint(wish, last, news)

        depth, noted, final = len(trail), tuple(notes), len(ways) - 1
        return [
            (depth, answer, odds * share, then, news, noted, moves, script if i == final else None)
            for i, (answer, share, then) in enumerate(ways)
        ]

    def _again(self, trail: list[Any]) -> Script:
        """A fresh script, brought to where the trail leads."""
        self._replayed += len(trail)
        script = self.game.script()
        send = script.send

        # An exception on the trail was thrown into the script, as a table does with a wrong credit.
        try:
            for answer in trail:
                if type(answer) is ValueError:
                    script.throw(answer)
                else:
                    send(answer)
        except Exception as fault:
            raise TreeError(
                f"{self.game.id} does not play again alike after {self._path()}"
            ) from fault
        return script

    def _sent(
        self, script: Script, answer: Any, last: tuple[int, ...], news: News, notes: Notes
    ) -> Any:
        """Send an answer. Returns the next draw, the next asks, or what the end pays."""
        trail = self._trail
        try:
            while True:
                trail.append(answer)
                wish = script.throw(answer) if type(answer) is ValueError else script.send(answer)
                if type(wish) is tuple and wish and type(wish[0]) is Ask:
                    return wish
                if type(wish) is Chance and wish.weights is not None:
                    return wish
                answer = self._granted(wish, last, news, notes)

        except StopIteration as end:
            return self._paid(end.value)
        except Forfeit as forfeit:
            if all(self.game.role_of[seat] in self.game.judges for seat in forfeit.seats):
                raise self._failed(f"no reply of the judge: {forfeit.reason}") from forfeit
            paid = self.game.forfeit(forfeit.seats)
            return _Paid(tuple(float(paid[seat]) for seat in self.game.players))
        except TreeError:
            raise
        except Exception as fault:  # a bug of the game
            raise self._failed(str(fault)) from fault

    def _granted(
        self, wish: Any, last: tuple[int, ...], news: News, notes: Notes
    ) -> ValueError | None:
        """The answer to a wish that branches nothing; an exception is to be thrown."""
        # most wishes of a tree are asks and draws, and those do not come here
        match wish:
            case Tell():
                if wish.seat not in self._column:
                    raise self._failed(f"tells {wish.seat!r}, which is no seat")
                news[wish.seat] = (*news.get(wish.seat, ()), Message("game", wish.text))
            case Credit():
                if last[self._column[wish.seat]] < len(self._column):  # still its empty sequence
                    return ValueError(f"credit {wish.name!r}: {wish.seat} has had no turn")
            case Note():
                notes.append((wish.name, wish.value))
            case Keep() | Refused():
                pass
            case Chance() | Recall():
                raise TreeError(
                    f"{self.game.id} draws what cannot be enumerated (randomness or recall)"
                )
            case (Job(), *_):
                raise TreeError(f"{self.game.id} asks a verifier, so its tree cannot be walked")
            case _:
                raise self._failed(f"the script yielded {wish!r}, which is no request")

        return None

    def _check(self, asks: tuple[Ask, ...]) -> None:
        for asked in asks:
            if asked.retry:
                raise TreeError(f"{self.game.id} refuses a choice that it lists: {asked.prompt}")
            if asked.seat not in self._column:
                raise self._failed(f"asks {asked.seat!r}, which is no seat")

    def _joint(self, asks: tuple[Ask, ...], last: tuple[int, ...], news: News) -> Sequence[_Way]:
        """Every combination of the asked seats' choices, with the sequences that it leads to.

        Seats that move at once become hidden turns: each later one is counted once for every
        combination before it.
        """
        if len(asks) == 1:
            return self._choices(asks[0], last, news)

        for asked in asks:
            news[asked.seat] = (*news.get(asked.seat, ()), Message("game", asked.prompt))
        spots = [
            self._spot(asked, last[self._column[asked.seat]], news[asked.seat]) for asked in asks
        ]
        for asked in asks:
            news.pop(asked.seat, None)

        # refused before they are listed: eight seats with ten choices each have 100,000,000 ways
        size = math.prod(len(self._replies[spot.info.choices]) for spot in spots)
        if size > self.max_nodes:
            raise too_large(self.game, self.max_nodes, self.nodes + size)

        # each seat multiplies the ways so far by its own choices
        ways: list[tuple[tuple[Reply, ...], tuple[int, ...]]] = [((), last)]
        for index, spot in enumerate(spots):
            self.nodes += len(ways) if index else 0
            column = self._column[spot.info.seat]
            ways = [
                ((*replies, *reply), (*at[:column], sequence, *at[column + 1 :]))
                for replies, at in ways
                for sequence, reply in enumerate(self._replies[spot.info.choices], spot.start)
            ]
        return [(replies, 1.0, at) for replies, at in ways]

    def _choices(self, asked: Ask, last: tuple[int, ...], news: News) -> Sequence[_Way]:
        """What `_joint` says of a single ask."""
        column = self._column[asked.seat]
        told = (*news.pop(asked.seat, ()), _new(Message, ("game", asked.prompt)))
        spot = self._spot(asked, last[column], told)
        before, after, start = last[:column], last[column + 1 :], spot.start
        return [
            (replies, 1.0, (*before, start + offset, *after))
            for offset, replies in enumerate(self._replies[asked.choices])
        ]

    def _spot(self, asked: Ask, parent: int, told: tuple[Message, ...]) -> Spot:
        key = (parent, told)
        known = self._spots.get(key)
        if known is None:
            known = self._spots[key] = self._new_spot(asked, parent, told)
        if known.info.choices != asked.choices:
            raise TreeError(
                f"choices {known.info.choices} and {asked.choices} at one view: {where(known.info)}"
            )
        return known

    def _new_spot(self, asked: Ask, parent: int, news: tuple[Message, ...]) -> Spot:
        if not asked.choices or len(set(asked.choices)) < len(asked.choices):
            raise TreeError(
                f"{self.game.id} asks {asked.seat} with choices {asked.choices!r}; "
                "a tree needs them listed, each once"
            )

        # a view is the one at the seat's last decision, what it said there, and what it was told since
        before = self._spot_of[parent]
        if before is None:
            view = self.game.openings[asked.seat]
        else:
            said = before.info.choices[parent - before.start]
            view = (*before.info.messages, Message("self", said))

        info = InfoSet(asked.seat, self.game.role_of[asked.seat], (*view, *news), asked.choices)
        spot = Spot(info, parent, self.sequences)
        self.sequences += len(asked.choices)
        self._spot_of += [spot] * len(asked.choices)
        if asked.choices not in self._replies:
            self._replies[asked.choices] = tuple((Reply(choice),) for choice in asked.choices)
        return spot

    def _paid(self, payoff: Any) -> _Paid:
        # few payoffs are paid at many leaves, so each is checked once
        try:
            key = (*payoff.items(),)
            known = self._amounts.get(key)
            if known is None:
                known = self._amounts[key] = self._checked(payoff)
        except (TypeError, AttributeError):  # no mapping, or of what cannot be a key
            known = self._checked(payoff)
        return known

    def _checked(self, payoff: Any) -> _Paid:
        try:
            fault = self.game.payoff_fault(payoff)
        except (TypeError, OverflowError):
            fault = f"a payoff must be in numbers; it is {payoff!r}"
        if fault:
            raise self._failed(fault)
        return _Paid(tuple(float(payoff[seat]) for seat in self.game.players))

    def _leaf(
        self, odds: float, last: tuple[int, ...], paid: tuple[float, ...], notes: Notes
    ) -> list[_Node]:
        self.chance.append(odds)
        self.last.append(last)
        self.payoff.append(paid)
        self.notes.append(dict(numbers(notes)) if notes else {})
        return []

    def _failed(self, why: str) -> TreeError:
        return TreeError(f"{self.game.id} fails after {self._path()}: {why}")

    def _path(self) -> str:
        """The draws and moves of the trail, as people read them."""
        steps: list[str] = []
        for answer in self._trail:
            if isinstance(answer, tuple):
                steps.append("+".join(reply.text for reply in answer))
            elif answer is not None:
                steps.append(str(answer))
        return ", ".join(steps) or "its start"


class _Paid(NamedTuple):
    """What a leaf pays, in the order of `game.players`."""

    amounts: tuple[float, ...]


@contextmanager
def _uncollected() -> Generator[None]:
    """Without garbage collection inside: it would search the growing lists again and again.

    A walk leaves no cycles of references behind.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _shares(draw: Chance) -> list[tuple[int, float]]:
    weights = draw.weights or ()
    total = sum(weights)
    return [(index, weight / total) for index, weight in enumerate(weights) if weight]
