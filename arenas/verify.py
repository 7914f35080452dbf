"""A store checked against itself: every hash, every row against its game, every result worked out again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

from ..envs.registry import Game, GameError, find
from ..envs.replay import Replays
from ..envs.table import TableError
from ..envs.types import Episode, GameRef
from . import gate, tournament
from .cores import on_all_cores
from .fixture import Purpose, amount, game_key, places, status
from .results import STATISTICS, GameRow
from .store.reading import Archive, Finding, Recorded
from .store.schema import StoreError
from .transcript import TranscriptError, read

_STRETCH: Final = 1024
"""Games that one process checks at a time."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was looked at, and everything that is wrong, a line each."""

    games: int
    findings: int
    faults: tuple[str, ...]


def verify(store: str | Path, *, replay: bool = True) -> tuple[str, ...]:
    """Everything that is wrong with the store at a path, a line each; nothing if it is sound."""
    with Archive(store) as archive:
        return check(archive, replay=replay).faults


def check(store: Archive, *, replay: bool = True) -> Checked:
    """Re-hash every transcript, hold every row against its game, and recompute every rating and gate.

    `replay` also plays each game again from its stored answers by the rules as they are now. Games are
    read a stretch at a time, on all cores.
    """
    games, findings = store.games(), store.findings()
    unknown = [fault for fault in map(_found, games) if isinstance(fault, str)]

    stretches = store.stretches(_STRETCH)
    # ratings first: one may take as long as thousands of games
    items = [*range(len(findings)), *stretches]
    found = list(on_all_cores(partial(_Checker, store.path, replay), items))

    rated, played = found[: len(findings)], found[len(findings) :]
    faults = [*unknown, *chain.from_iterable(played), *chain.from_iterable(rated)]
    return Checked(len(store), len(findings), tuple(faults))


class _Checker:
    """Checks parts of a store: a stretch of its games, or one of its findings."""

    def __init__(self, path: Path, replay: bool) -> None:
        self._store = Archive(path)
        self._games = {ref: _found(ref) for ref in self._store.games()}
        self._replays = {
            ref: Replays(game)
            for ref, game in self._games.items()
            if replay and isinstance(game, Game)
        }
        self._findings = self._store.findings()
        self._history: dict[tuple[GameRef, Purpose], list[tuple[int, int, GameRow]]] = {}

    def __call__(self, part: int | tuple[int, int]) -> list[str]:
        if isinstance(part, int):
            return list(self._finding(self._findings[part]))
        return list(self._stretch(*part))

    def _stretch(self, first: int, last: int) -> Iterator[str]:
        for one in self._store.stretch(first, last):
            game = self._games[one.game]
            # a game that cannot be found now is a fault of its own, told once
            if isinstance(game, Game):
                for fault in _game_faults(game, one, self._replays.get(one.game)):
                    yield f"game {one.key[:12]}: {fault}" if isinstance(fault, str) else str(fault)

    def _finding(self, finding: Finding) -> Iterator[str]:
        game = self._games[finding.game]
        if not isinstance(game, Game):
            return

        purpose: Purpose = "rating" if finding.kind == "ratings" else "gate"
        held = (game.ref, purpose)
        if held not in self._history:
            # read once, though a store may hold a finding for each checkpoint of a run
            self._history[held] = self._store.history(game, purpose)

        # only the rows that it was made from: later games would change it
        upto = (finding.upto, finding.voids)
        rows = [row for table, n, row in self._history[held] if n <= upto[table]]
        try:
            yield from _finding_faults(rows, game, finding)
        # settings or a result of another program
        except (ValueError, TypeError, KeyError, AttributeError) as fault:
            yield f"{finding.kind} of {game.id}: cannot be worked out again: {fault!r}"


def _found(ref: GameRef) -> Game | str:
    try:
        return find(ref.id, **dict(ref.parameters))
    except GameError as fault:
        return f"{ref.id}: its games cannot be checked: {fault}"


def _game_faults(game: Game, one: Recorded, replays: Replays | None) -> Iterator[str | StoreError]:
    if isinstance(one.line, StoreError):
        yield one.line  # it names the game
        return
    try:
        episode = read(one.line)
    except TranscriptError as fault:
        yield str(fault)
        return

    seats = {seat: ref.id for seat, ref in episode.seats.items()}
    # the key is a hash of what was to be played: it must follow from the text
    if game_key(episode.game, seats, episode.seed, episode.replicate) != one.key:
        yield "its transcript is of another game"
        return

    yield from _row_faults(game, one, episode)
    if replays:
        yield from _replay_faults(replays, episode)


def _row_faults(game: Game, row: Recorded, episode: Episode) -> Iterator[str]:
    if status(episode.ending) != row.status:
        yield f"the row says {row.status}, the transcript {status(episode.ending)}"

    if (episode.seed, episode.replicate) != (row.seed, row.replicate):
        said = f"seed {episode.seed}, replicate {episode.replicate}"
        yield f"the row says seed {row.seed}, replicate {row.replicate}, the transcript {said}"

    # paid anew from the transcript, as when the row was made
    said = [(place, who, paid) for (place, who), paid in row.paid]
    if said != [
        (place, _entrant(game, episode, place), amount(game, place, episode.payoff))
        for place in places(game)
    ]:
        paid = [paid for _, paid in row.paid]
        yield f"the row pays {paid}, the transcript {dict(episode.payoff)}"


def _entrant(game: Game, episode: Episode, place: str) -> str:
    seat = place
    if place not in game.role_of:
        seat = next(seat for seat, role in game.role_of.items() if role == place)
    return episode.seats[seat].id


def _replay_faults(replays: Replays, episode: Episode) -> Iterator[str]:
    if episode.ending.cause == "timeout":
        return  # the clock ended it, and the clock is not in the transcript
    try:
        paid = replays.payoff(episode)
    except TableError as fault:
        yield f"it cannot be played again: {fault}"
        return
    if dict(paid) != dict(episode.payoff):
        yield f"played again it pays {dict(paid)}, the transcript says {dict(episode.payoff)}"


def _finding_faults(rows: Sequence[GameRow], game: Game, finding: Finding) -> Iterator[str]:
    where = f"{finding.kind} of {game.id} from {finding.upto} games"

    # Numbers of other formulas differ by right: to compare them would accuse a store that is sound.
    version = json.loads(finding.result).get("statistics", 1)
    if version != STATISTICS:
        yield f"{where}: of version {version} of the statistics, not compared; this is {STATISTICS}"
        return

    settings = finding.settings
    if finding.kind == "ratings":
        again = tournament.text(tournament.leaderboard(rows, game, settings))
    else:
        given_up = settings["given_up"]
        again = gate.text(gate.rule(rows, game, settings, gate.test_of(settings), given_up))

    if json.loads(again) != json.loads(finding.result):
        yield f"{where}: worked out again they differ"
