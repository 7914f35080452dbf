"""Games made readable: what was new to a seat at each turn, bounded so that a page stays small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import escape

from ...envs.types import Episode, Message, Turn, Verdict
from .page import Replay
from .text import shorten, visible

LONGEST = 6_000  # characters of one text
PER_CELL = 3
FRAME = 700  # bytes of the elements around a turn
BUDGET = 3_500_000  # bytes of all replays of a page


@dataclass(frozen=True, slots=True)
class Step:
    """One turn to read. `heard` is what the seat was shown since its last turn, rules included once."""

    turn: Turn
    player: str
    heard: tuple[Message, ...]


@dataclass(frozen=True)
class Story:
    """A replay with its turns as steps."""

    title: str
    episode: Episode
    steps: tuple[Step, ...]

    @cached_property
    def size(self) -> int:
        """The bytes that it brings to a page, about: its texts as they will be written, and their frames."""
        texts = [m.text for s in self.steps for m in s.heard]
        texts += [text for s in self.steps for text in (s.turn.reply.text, s.turn.reply.thought)]
        texts += [
            text
            for v in self.episode.verdicts
            for text in (v.stdout, v.stderr, v.detail, *values(v))
        ]
        # escaped and encoded: five bytes of the file may be one character of the text
        written = sum(len(escape(visible(cut(text))).encode()) for text in texts)
        return written + FRAME * (len(self.steps) + len(self.episode.verdicts) + 1)


def story(replay: Replay) -> Story:
    return Story(replay.title, replay.episode, steps(replay.episode))


def steps(episode: Episode) -> tuple[Step, ...]:
    """The turns in order, each with only what its seat had not seen before."""
    seen: dict[str, int] = {}
    told: list[Step] = []
    for turn in episode.turns:
        # a prompt repeats all that its seat has seen; its own replies stand in its turns
        known = seen.get(turn.seat, 0)
        heard = tuple(message for message in turn.prompt[known:] if message.speaker != "self")
        seen[turn.seat] = len(turn.prompt)
        player = episode.seats[turn.seat].name if turn.seat in episode.seats else ""
        told.append(Step(turn, player, heard))
    return tuple(told)


def chosen(replays: Sequence[Replay], most: int = PER_CELL) -> tuple[Replay, ...]:
    """The games worth reading first: those that did not end as games should, then in their order."""
    # a stable sort: within both kinds the order of play stays
    ranked = sorted(replays, key=lambda replay: replay.episode.ending.kind == "outcome")
    return tuple(ranked[:most])


def told(
    cells: Mapping[tuple[str, str], Sequence[Replay]], budget: int = BUDGET
) -> tuple[dict[tuple[str, str], list[Story]], int]:
    """Stories by cell within the budget, and how many were left out for it.

    Every cell gets its first before any gets its second, so that none stays without while there is room.
    """
    stories: dict[tuple[str, str], list[Story]] = {key: [] for key in cells}
    left_out = 0

    for depth in range(max((len(replays) for replays in cells.values()), default=0)):
        for key, replays in cells.items():
            if depth >= len(replays):
                continue

            one = story(replays[depth])
            if one.size > budget:
                # a shorter one further on may still fit, so the search goes on
                left_out += 1
                continue
            budget -= one.size
            stories[key].append(one)
    return stories, left_out


def cut(text: str) -> str:
    """A text at a length that a page can hold many of."""
    return shorten(text, LONGEST)


def verdict_line(verdict: Verdict) -> str:
    """A verdict in one line: its status, how its inputs went, and why."""
    results = verdict.results
    good = sum(result.status == "ok" for result in results)
    parts = [verdict.status]
    if results:
        parts.append(f"{good} of {len(results)} inputs ran")
    if verdict.forbidden:
        parts.append(f"{verdict.forbidden} forbidden calls")
    parts.append(f"{verdict.seconds:.2f} s")
    return " · ".join([*parts, *([verdict.detail] if verdict.detail else [])])


def values(verdict: Verdict, most: int = 8) -> Iterable[str]:
    """The results of the first inputs, as text."""
    for result in verdict.results[:most]:
        yield shorten(repr(result.value), 300) if result.status == "ok" else result.status
