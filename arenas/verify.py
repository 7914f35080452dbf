"""A store checked against itself: every hash, every row against its game, every result worked out again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..envs.registry import Game, GameError, find
from ..envs.table import TableError, replay_episode
from ..envs.types import Episode, GameRef
from . import gate, tournament
from .fixture import PURPOSES, game_key, paid, places, status
from .results import STATISTICS, GameRow
from .store.reading import Archive, Finding
from .store.schema import StoreError
from .transcript import TranscriptError


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

    `replay` also plays each game again from its stored answers by the rules as they are now.
    """
    games = {ref: _found(ref) for ref in store.games()}
    faults: list[str] = [
        fault for game in games.values() if isinstance(game, str) for fault in (game,)
    ]

    rows: dict[str, tuple[Game, GameRow]] = {}
    for game in games.values():
        if isinstance(game, Game):
            for purpose in PURPOSES:
                rows |= {row.key: (game, row) for row in store.rows(game, purpose, voids=False)}

    for key in store:
        # games that cannot be found now have no rows here; their fault is told above
        if key in rows:
            faults += _game_faults(store, *rows[key], replay)

    findings = store.findings()
    for finding in findings:
        game = games[finding.game]
        if isinstance(game, Game):
            try:
                faults += _finding_faults(store, game, finding)
            except (
                ValueError,
                TypeError,
                KeyError,
                AttributeError,
            ) as fault:  # settings or a result of another program
                faults.append(f"{finding.kind} of {game.id}: cannot be worked out again: {fault!r}")
    return Checked(len(store), len(findings), tuple(faults))


def _found(ref: GameRef) -> Game | str:
    try:
        return find(ref.id, **dict(ref.parameters))
    except GameError as fault:
        return f"{ref.id}: its games cannot be checked: {fault}"


def _game_faults(store: Archive, game: Game, row: GameRow, replay: bool) -> Iterator[str]:
    name = f"game {row.key[:12]}"
    try:
        episode = store.episode(row.key)
    except StoreError as fault:
        yield str(fault)  # it names the game
        return
    except TranscriptError as fault:
        yield f"{name}: {fault}"
        return

    seats = {seat: ref.id for seat, ref in episode.seats.items()}
    # the key is a hash of what was to be played: it must follow from the text
    if game_key(episode.game, seats, episode.seed, episode.replicate) != row.key:
        yield f"{name}: its transcript is of another game"
        return

    yield from (f"{name}: {fault}" for fault in _row_faults(game, row, episode))
    if replay:
        yield from (f"{name}: {fault}" for fault in _replay_faults(game, episode))


def _row_faults(game: Game, row: GameRow, episode: Episode) -> Iterator[str]:
    if status(episode.ending) != row.status:
        yield f"the row says {row.status}, the transcript {status(episode.ending)}"

    if (episode.seed, episode.replicate) != (row.seed, row.replicate):
        said = f"seed {episode.seed}, replicate {episode.replicate}"
        yield f"the row says seed {row.seed}, replicate {row.replicate}, the transcript {said}"
    # paid anew from the transcript, as when the row was made
    rated = [(place, _entrant(game, episode, place)) for place in places(game)]
    said = [(place.seat, place.entrant, place.payoff) for place in row.places]
    if [(p.seat, p.entrant, p.payoff) for p in paid(game, rated, episode.payoff)] != said:
        yield f"the row pays {[p.payoff for p in row.places]}, the transcript {dict(episode.payoff)}"


def _entrant(game: Game, episode: Episode, place: str) -> str:
    seat = next(seat for seat, role in game.role_of.items() if place in (seat, role))
    return episode.seats[seat].id


def _replay_faults(game: Game, episode: Episode) -> Iterator[str]:
    if episode.ending.cause == "timeout":
        return  # the clock ended it, and the clock is not in the transcript
    try:
        table = replay_episode(game, episode)
    except TableError as fault:
        yield f"it cannot be played again: {fault}"
        return
    if dict(table.payoff) != dict(episode.payoff):
        yield f"played again it pays {dict(table.payoff)}, the transcript says {dict(episode.payoff)}"


def _finding_faults(store: Archive, game: Game, finding: Finding) -> Iterator[str]:
    # only the rows that it was made from: later games would change it
    upto = (finding.upto, finding.voids)
    where = f"{finding.kind} of {game.id} from {finding.upto} games"

    # Numbers of other formulas differ by right: to compare them would accuse a store that is sound.
    version = json.loads(finding.result).get("statistics", 1)
    if version != STATISTICS:
        yield f"{where}: of version {version} of the statistics, not compared; this is {STATISTICS}"
        return

    if finding.kind == "ratings":
        again = tournament.text(
            tournament.leaderboard(store.rows(game, upto=upto), game, finding.settings)
        )
    else:
        ruling = gate.rule(
            store.rows(game, "gate", upto=upto),
            game,
            finding.settings,
            gate.test_of(finding.settings),
            finding.settings["given_up"],
        )
        again = gate.text(ruling)

    if json.loads(again) != json.loads(finding.result):
        yield f"{where}: worked out again they differ"
