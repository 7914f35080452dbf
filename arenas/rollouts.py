"""Many games at once: their requests merged into batches, their verdicts awaited on the side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, cast

from ..agents.policy import Policy, Request, streams
from ..envs.errors import SparringError
from ..envs.table import Buffer
from ..envs.types import Episode, Job, Reply
from ..sandbox.verifier import Verifier
from .match import Match, Sitting, needed, replies, source

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one game may use. None: as much as it takes.

    A game whose seats have said more than `tokens` together ends truncated, paid as it declares; the
    reply that goes beyond still counts. One that is not over `seconds` after it began is cancelled: an
    error, never rated or trained on, for how long a batch takes is no player's fault.
    """

    tokens: int | None = None
    seconds: float | None = None


NO_LIMIT = Allowance()


async def rollouts(
    matches: Iterable[Match],
    *,
    verifier: Verifier | None = None,
    buffers: Callable[[int], Buffer] | None = None,
    at_once: int = 256,
    deterministic: bool = True,
    batch: int | None = None,
    allowance: Allowance = NO_LIMIT,
    ahead: int | None = None,
) -> AsyncGenerator[tuple[int, Episode]]:
    """Play all matches, `at_once` in flight, and yield (index, episode) as each ends.

    `deterministic`: policies are asked only once every running game waits for one, in the order of the
    matches, `batch` requests a call (None: all), so batches, and a model's rounding, do not depend on
    timing. Otherwise a policy that is free takes what waits for it, older games first, while verdicts are
    awaited on the side; one that `streams` is asked by each game for itself. Results then differ by
    rounding only. `buffers` gives what a match recalls from, by its index.

    Matches are drawn as games end, and none while the caller does not take what has ended. No game begins
    that is `ahead` or more behind the oldest in flight (16 times `at_once` if None): a caller that
    stops early has not only the short games. Closing the generator cancels what is in flight.
    """
    window = 16 * at_once if ahead is None else ahead
    queue = _Queue(verifier, deterministic, batch, allowance)

    driver = _Driver(iter(enumerate(matches)), queue, buffers, at_once, window)
    try:
        async for finished in driver.run():
            yield finished
    finally:
        await queue.cancel()


async def play_all(matches: Iterable[Match], **options: Any) -> list[Episode]:
    """All episodes in the order of their matches; options as for `rollouts`."""
    done = [pair async for pair in rollouts(matches, **options)]
    return [episode for _, episode in sorted(done, key=lambda pair: pair[0])]


class _Game:
    """A sitting in flight, and the answers it still lacks."""

    __slots__ = ("answers", "began", "index", "missing", "sitting", "tokens")

    def __init__(self, index: int, sitting: Sitting, began: float) -> None:
        self.index = index
        self.sitting = sitting
        self.began = began
        self.tokens = 0
        self.answers: list[Any] = []
        self.missing = 0

    @property
    def over(self) -> bool:
        return self.sitting.table.ending is not None


_Asked = tuple[Request, _Game, int]
"""A request, whose it is, and where among that game's answers its reply belongs."""


class _Driver:
    """Seats games and hands out those that have ended."""

    def __init__(
        self,
        matches: Iterator[tuple[int, Match]],
        queue: _Queue,
        buffers: Callable[[int], Buffer] | None,
        at_once: int,
        window: int,
    ) -> None:
        self._matches = matches
        self._queue = queue
        self._buffers = buffers
        self._at_once = at_once
        self._window = window

        self._flying: dict[int, _Game] = {}
        self._begun = 0

    async def run(self) -> AsyncGenerator[tuple[int, Episode]]:
        moved = self._seated()
        while moved or self._flying:
            for game in moved:
                if not game.over:
                    self._queue.take(game)
            for game in [game for game in moved if game.over]:
                # off the list first: a caller may stop at this yield
                del self._flying[game.index]
                yield game.index, game.sitting.episode(self._queue.verifier)
            moved = self._seated() or (
                await self._queue.moved(self._flying) if self._flying else []
            )

    def _seated(self) -> list[_Game]:
        """Games newly begun, as many as there is room for."""
        fresh: list[_Game] = []
        now = asyncio.get_running_loop().time()

        # games enter in order, so the first of the dict is the oldest in flight
        oldest = next(iter(self._flying), self._begun)
        while len(self._flying) < self._at_once and self._begun < oldest + self._window:
            following = next(self._matches, None)
            if following is None:
                break

            index, match = following
            buffer = self._buffers(index) if self._buffers else None
            game = _Game(index, Sitting(match, buffer), now)
            self._flying[index] = game
            self._begun = index + 1
            fresh.append(game)
        return fresh


class _Queue:
    """Gathers what games wait for, asks policies and the verifier, and hands out their answers."""

    def __init__(
        self,
        verifier: Verifier | None,
        deterministic: bool,
        batch: int | None,
        allowance: Allowance,
    ) -> None:
        self.verifier = verifier
        self._deterministic = deterministic
        self._batch = batch
        self._allowance = allowance

        self._requests: dict[int, list[_Asked]] = {}
        self._policies: dict[int, Policy] = {}
        self._jobs: list[tuple[Job, _Game, int]] = []
        self._busy: set[int | None] = set()
        self._tasks: dict[asyncio.Task[list[_Game]], list[_Game]] = {}
        self._done: list[asyncio.Task[list[_Game]]] = []
        self._woken = asyncio.Event()
        self._told: set[str] = set()

    def take(self, game: _Game) -> None:
        """Take on what the game is waiting for."""
        sitting = game.sitting
        asks, jobs = sitting.table.asks, sitting.table.jobs
        # answers come in any order; slots hand them over in that of the asks
        game.missing = len(asks) + len(jobs)
        game.answers = [None] * game.missing
        for slot, ask in enumerate(asks):
            policy = sitting.match.seats[ask.seat]
            # by identity: two policies may share a name, and only the same object batches
            self._policies[id(policy)] = policy
            self._requests.setdefault(id(policy), []).append((sitting.request(ask), game, slot))
        self._jobs += [(job, game, slot) for slot, job in enumerate(jobs)]

    async def moved(self, flying: dict[int, _Game]) -> list[_Game]:
        """Send what may be sent, wait, and return the games that got all their answers or ran out of time."""
        # deterministic calls go out only once all of the last ones are back
        if not (self._deterministic and self._tasks):
            self._send()
        if not await self._answered(flying):
            return self._expired(flying)

        done, self._done = self._done, []
        self._woken.clear()
        for task in done:
            del self._tasks[task]
        # a cancelled call has no result; its games were ended by the clock
        ready = [game for task in done if not task.cancelled() for game in task.result()]
        # a game whose time ran out was handed out before its late answer came
        found = [game for game in ready if game.index in flying]
        # calls end in any order; games go on in that of the matches
        found.sort(key=lambda game: game.index)
        return found

    async def cancel(self) -> None:
        """Stop what is in flight; nothing is left running behind a caller who stopped early."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _send(self) -> None:
        """Start a call for every policy that is free, and one for all waiting jobs."""
        for key in [key for key in self._requests if key not in self._busy]:
            asked = [entry for entry in self._requests.pop(key) if not entry[1].over]

            # older games first: the window cannot move on before they end
            asked.sort(key=lambda entry: entry[1].index)
            policy = self._policies[key]
            # these games are over: their time ran out, or a fault ended them
            if not asked:
                continue
            if self._deterministic:
                self._start(self._ask_all(policy, asked), asked)
            elif streams(policy):
                for own in _by_game(asked):
                    self._start(self._ask(policy, own), own)
            else:
                size = self._batch or len(asked)
                # what is over the batch waits until the policy is free again
                if later := asked[size:]:
                    self._requests[key] = later
                self._busy.add(key)
                self._start(self._ask(policy, asked[:size], key), asked[:size])

        if jobs := [entry for entry in self._jobs if not entry[1].over]:
            self._start(self._verify(jobs), jobs)
        self._jobs = []

    def _start(
        self, work: Coroutine[Any, Any, list[_Game]], asked: Sequence[tuple[Any, _Game, int]]
    ) -> None:
        task = asyncio.ensure_future(work)
        # kept, so that a call which no game waits for can be cancelled
        self._tasks[task] = [game for _, game, _ in asked]
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[list[_Game]]) -> None:
        self._done.append(task)
        # deterministic: no game moves before the round's last answer
        if not self._deterministic or len(self._done) == len(self._tasks):
            self._woken.set()

    async def _answered(self, flying: dict[int, _Game]) -> bool:
        """Wait for an answer (`deterministic`: for all); False when the oldest game's time is up first."""
        seconds = self._allowance.seconds
        if seconds is None:
            await self._woken.wait()
            return True
        # all games have the same time, so that of the oldest is up first
        left = next(iter(flying.values())).began + seconds - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(0.0, left)):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True

    def _expired(self, flying: dict[int, _Game]) -> list[_Game]:
        """Cancel the games whose time is up, and the calls that no game waits for any more."""
        seconds = cast(float, self._allowance.seconds)
        due = asyncio.get_running_loop().time() - seconds
        late = [game for game in flying.values() if game.began <= due and not game.over]
        for game in late:
            game.sitting.table.fail(TimeoutError(f"not over after {seconds:g} s"), "cancelled")
        for task, games in self._tasks.items():
            # a call whose batch holds a game that still runs must go on
            if all(game.over for game in games):
                task.cancel()
        return late

    async def _ask_all(self, policy: Policy, asked: list[_Asked]) -> list[_Game]:
        """Ask in batches of fixed size, one after the other."""
        size = self._batch or len(asked)
        parts = [asked[start : start + size] for start in range(0, len(asked), size)]
        return [game for part in parts for game in await self._ask(policy, part)]

    async def _ask(
        self, policy: Policy, asked: list[_Asked], key: int | None = None
    ) -> list[_Game]:
        """One call. With a `key` the policy gets its next batch before the games of this one go on."""
        began = perf_counter()
        try:
            answers = await replies(policy, [request for request, _, _ in asked])
        except Exception as fault:  # attributed: it ends every game that was waiting for it
            self._tell(policy, fault)
            answers = fault
        finally:
            self._busy.discard(key)

        # a batch's time cannot be told apart by request: each gets the same part
        share = (perf_counter() - began) / len(asked)
        for request, game, _ in asked:
            game.sitting.seconds[request.seat] += share

        # the policy starts on its next batch before these games move on
        if key is not None:
            self._send()
        return (
            _failed(asked, answers)
            if isinstance(answers, Exception)
            else self._delivered(asked, answers)
        )

    def _tell(self, policy: Policy, fault: Exception) -> None:
        """Log a fault once, with its traceback where it is none of ours."""
        said = f"{policy.ref.name} failed: {type(fault).__name__}: {fault}"
        if said not in self._told:
            self._told.add(said)
            _log.error(said, exc_info=None if isinstance(fault, SparringError) else fault)

    async def _verify(self, jobs: list[tuple[Job, _Game, int]]) -> list[_Game]:
        verifier = needed(self.verifier, jobs[0][1].sitting)
        return self._delivered(jobs, await verifier.verify([job for job, _, _ in jobs]))

    def _delivered(
        self, asked: Sequence[tuple[Any, _Game, int]], answers: Sequence[Any]
    ) -> list[_Game]:
        """Hand out answers; the games that now have all of theirs have moved."""
        moved: list[_Game] = []
        most = self._allowance.tokens
        for (_, game, slot), answer in zip(asked, answers, strict=True):
            game.answers[slot] = answer
            game.missing -= 1
            # a game that is over takes no answer: time or a fault ended it
            if game.missing or game.over:
                continue

            if most is not None:
                game.tokens += sum([_wrote(a) for a in game.answers if isinstance(a, Reply)])
            game.sitting.answer(cast(Any, game.answers))
            # the answer comes first: the reply that goes beyond still counts
            if most is not None and game.tokens > most and not game.over:
                game.sitting.table.truncate(f"{game.tokens} tokens said; {most} are allowed")
            moved.append(game)
        return moved


def _wrote(reply: Reply) -> int:
    """How many tokens were said."""
    return reply.used[1] if reply.used else len(reply.tokens)


def _by_game(asked: Sequence[_Asked]) -> list[list[_Asked]]:
    """The requests of each game for itself."""
    found: dict[int, list[_Asked]] = {}
    for entry in asked:
        found.setdefault(entry[1].index, []).append(entry)
    return list(found.values())


def _failed(asked: Sequence[_Asked], fault: Exception) -> list[_Game]:
    """End games by a fault that is no player's, each once."""
    moved: list[_Game] = []
    for _, game, _ in asked:
        if not game.over:
            game.sitting.table.fail(fault, source(fault))
            moved.append(game)
    return moved
