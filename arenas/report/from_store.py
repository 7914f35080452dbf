"""From what a run or a tournament left on disk to its page."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import log
from pathlib import Path
from typing import Any, Final, TypeAlias

from ...agents.run_folder import REPORT, STORE, RunFolder, found_folder
from ...envs.errors import SparringError
from ...envs.registry import Game, find
from ...envs.types import GameRef
from ..cores import uncollected
from ..entrants import CONTROL
from ..league import League, league_of
from ..ratings.crosstable import crosstable
from ..ratings.lineage import Born, LineageError, lineage
from ..ratings.sprt import elo
from ..results import GameRow, Leaderboard, complete
from ..store.origins import births, origin
from ..store.reading import Archive
from ..tournament import leaderboard
from . import from_run
from .beside import beside
from .page import Entrant, Gate, Notice, Page, Replay, ReportError
from .render import write
from .replays import PER_CELL
from .text import bare, compact

DEFAULTS: Mapping[str, Any] = {"anchor": "mean", "forfeits": True, "lineage": []}
LEAGUE: Final = 8
"""How many opponents of a learner a report names."""
Fact: TypeAlias = tuple[str, str]
"""A line under the page's title: what, and how much."""


def report(run: str | Path, out: str | Path | None = None) -> Path:
    """Write the page of a run: a folder, or its name under `runs/`. Returns where it lies.

    The folder may hold a training run, a tournament's store, or both. Raises ReportError where it holds
    neither, StoreError for a store that cannot be read, GameError for a game that is not registered.
    """
    folder = found_folder(run)
    if not folder.is_dir():
        raise ReportError(f"no run {str(run)!r}: {folder} is no folder")

    page = run_page(folder)
    target = Path(out) if out else RunFolder(folder).report
    return write(replace(page, links=beside(folder, page, target)), target)


def tournament_report(
    store: str | Path, out: str | Path | None = None, game: GameRef | None = None
) -> Path:
    """Write the page of a store; `game` where it holds several (default: the one played most)."""
    store = Path(store)
    page = tournament_page(store, game)
    return write(page, Path(out) if out else store.with_name(REPORT))


def run_page(folder: Path) -> Page:
    """What the folder of a run holds."""
    records, config = RunFolder(folder).records(), RunFolder(folder).settings()
    store = RunFolder(folder).store
    if not records and not store.is_file():
        raise ReportError(f"{folder} holds neither metrics.jsonl nor {STORE}: nothing to report on")

    # before any look-up: the run's own games must be registered by then
    RunFolder(folder).load_games()
    played = tournament_page(store) if store.is_file() else Page("")
    trained = _game(config)

    # the tournament's page, with the run's own story put in front
    return replace(
        played,
        title=folder.resolve().name,
        game=(trained.id if trained else "") or played.game,
        about=trained.about if trained else played.about,
        state=from_run.state(folder, records),
        facts=(
            *from_run.facts(config, records),
            *from_run.lineage(folder),
            *played.facts,
        ),
        progress=from_run.progress(records, trained),
        training=from_run.curves(records),
        transcripts=from_run.transcripts(folder),
        command=f"sparring report {folder}",
    )


def tournament_page(store: Path, game: GameRef | None = None) -> Page:
    """What a store holds of one game."""
    with Archive(store) as archive, uncollected():
        ref, others = _most_played(archive, game)
        chosen = find(ref.id, **dict(ref.parameters))
        rows = archive.rows(chosen)
        kind = chosen.score or "win"
        league = _league(archive, chosen)

        # a pair of which a leg is missing would count one seat alone
        pairs = complete(rows)
        board = leaderboard(rows, chosen, _settings(archive, ref), pairs) if pairs else None
        entrants = tuple(_known(archive, board))
        replays, notices = _replays(archive, rows)
        descent, odd = _descent(archive, entrants)

        return Page(
            title=store.resolve().parent.name,
            game=ref.id,
            about=chosen.about,
            facts=(*_facts(ref, rows, replays, league), *league),
            notices=(*_elsewhere(others), *odd, *notices),
            board=board,
            scored=kind,
            entrants=entrants,
            cells=crosstable(pairs, kind),
            lineage=descent,
            gates=tuple(_gates(archive, ref)),
            replays=replays,
            statuses=Counter(row.status for row in rows),
            # most frequent first, and the last of a key stays: so they are read backwards
            reasons={status: reason for status, reason, _ in reversed(archive.reasons(chosen))},
            control=_control(entrants),
            command=f"sparring report {store.parent}",
        )


def _game(config: Mapping[str, Any]) -> Game | None:
    """The game of a run; None where the settings name none that is registered, or several."""
    entries: list[Mapping[str, Any]] = config.get("games") or [
        {**config, "id": config.get("game", "")}
    ]
    entry, *others = entries
    try:
        return None if others else find(entry["id"], **entry.get("parameters", {}))
    except (KeyError, SparringError):
        return None


def _most_played(archive: Archive, game: GameRef | None) -> tuple[GameRef, list[GameRef]]:
    games = archive.games()

    # a wrong name is refused even where the store has one game only
    if game is not None and game not in games:
        raise ReportError(f"{archive.path} holds no game {game.id}; it holds {_listed(games)}")
    if not games:
        raise ReportError(f"{archive.path} holds no games yet")
    if game is None and len(games) > 1:
        # the game played most is what its users most likely ask for
        counted = {g: archive.count(find(g.id, **dict(g.parameters))) for g in games}
        game = max(games, key=counted.__getitem__)
    chosen = game or games[0]
    return chosen, [other for other in games if other != chosen]


def _settings(archive: Archive, game: GameRef) -> Mapping[str, Any]:
    """How the latest tournament of the game was rated."""
    # oldest first, so the last one is how the board was made
    found = [finding.settings for finding in archive.findings("ratings") if finding.game == game]
    return {**DEFAULTS, **(found[-1] if found else {})}


def _known(archive: Archive, board: Leaderboard | None) -> Iterable[Entrant]:
    """Every entrant by a name of its own: two of one name get the beginning of their ids."""
    # a store may know players of other games, who have no row here
    rated = {standing.entrant for standing in board.standings} if board else set[str]()
    listed = [entrant for entrant in archive.entrants() if not board or entrant.id in rated]
    often = Counter(bare(entrant.name) for entrant in listed)
    for entrant in listed:
        name = bare(entrant.name)
        name = name if often[name] == 1 else f"{name} ({entrant.id[:8]})"
        _, step = origin(entrant)
        yield Entrant(entrant.id, name, str(entrant.info.get("about", "")), step)


def _descent(
    archive: Archive, entrants: Sequence[Entrant]
) -> tuple[tuple[Born, ...], list[Notice]]:
    """The lineage, or why it cannot be one."""
    found = births(archive, [entrant.id for entrant in entrants])
    # a cycle in the lineage costs that section, not the page
    try:
        lineage(found)
    except LineageError as fault:
        return (), [Notice("Lineage", f"{fault}.")]
    return found, []


def _gates(archive: Archive, game: GameRef) -> Iterable[Gate]:
    """The gates that were decided, oldest first, from the rulings that the store keeps.

    Their players go by their names: who only played gates is not among the rated.
    """
    names = {entrant.id: bare(entrant.name) for entrant in archive.entrants()}
    for finding in archive.findings("gate"):
        if finding.game != game:
            continue
        ruling = json.loads(finding.result)

        test, decision, unit = ruling["gate"], ruling["decision"], ruling["unit"]
        new, old = (names.get(id, id) for id in (str(ruling["new"]), str(ruling["old"])))

        # the store keeps bounds as scores; rounding undoes the way there and back
        low, high = (elo(test[end]) if unit == "Elo" else test[end] for end in ("low", "high"))
        yield Gate(
            candidate=new,
            baseline=old,
            decision=decision["outcome"],
            llr=tuple(decision["curve"]),
            # Wald's bounds follow from the error rates, so the store does not keep them
            lower=log(test["beta"] / (1 - test["alpha"])),
            upper=log((1 - test["beta"]) / test["alpha"]),
            s0=round(low, 6),
            s1=round(high, 6),
            unit=unit,
        )


def _replays(
    archive: Archive, rows: Sequence[GameRow]
) -> tuple[dict[tuple[str, str], tuple[Replay, ...]], list[Notice]]:
    """Some games of every pair, those first that did not end as games should."""
    held: dict[tuple[str, str], list[GameRow]] = {}
    for row in rows:
        if not row.void:
            for pair in combinations(sorted({place.entrant for place in row.places}), 2):
                held.setdefault(pair, []).append(row)

    replays: dict[tuple[str, str], tuple[Replay, ...]] = {}
    faults: list[str] = []
    for pair, games in held.items():
        # pairs count in order of play, by the games of these two alone
        number = {id: n for n, id in enumerate(dict.fromkeys(row.pair for row in games), 1)}
        found: list[Replay] = []

        # games that did not end as they should are worth reading first
        for row in sorted(games, key=lambda row: row.status == "completed")[:PER_CELL]:
            title = f"Pair {number[row.pair]:,}, game {row.leg + 1} of {row.legs}"
            try:
                # a damaged transcript costs its own place, not the page
                found.append(Replay(title, archive.episode(row.key)))
            except SparringError as fault:
                faults.append(str(fault))
        replays[pair] = tuple(found)
    return replays, [_unread(faults)] if faults else []


def _unread(faults: Sequence[str]) -> Notice:
    return Notice(
        "Transcripts",
        f"{len(faults)} could not be shown; the first: {faults[0]}. `sparring tournament verify` checks all.",
        "alarm",
    )


def _facts(
    ref: GameRef,
    rows: Sequence[GameRow],
    replays: Mapping[tuple[str, str], Sequence[Replay]],
    league: Sequence[Fact],
) -> Iterable[Fact]:
    counted = [row for row in rows if not row.void]

    # a training run in a league has a store and may never have played a tournament
    if rows or not league:
        yield "Tournament", f"{compact(len(counted))} games"
    if ref.parameters:
        yield "Parameters", ", ".join(f"{name} = {value!r}" for name, value in ref.parameters)

    # over all attempts: void games are paid for too
    if cost := sum(row.cost for row in rows):
        yield "Cost", f"{cost:.4g}"

    used = sorted({r.episode.verifier for games in replays.values() for r in games} - {""})
    if used:
        yield "Code run by", ", ".join(used)


def _league(archive: Archive, game: Game) -> list[Fact]:
    """Whom each learner of a league met, most often first: shares of its games against others, and rates."""
    met: dict[str, Counter[str]] = defaultdict(Counter)
    for row in archive.rows(game, "league", voids=False):
        learner = row.pair.rsplit("/", 1)[0]
        met[learner].update({place.entrant for place in row.places} - {learner})
    if not met:
        return []

    league = league_of(archive, game)
    names = {entrant.id: bare(entrant.name) for entrant in archive.entrants()}
    title = "League" if len(met) == 1 else "League: {}"
    return [
        (title.format(names[learner]), _opponents(league, learner, games, names))
        for learner, games in met.items()
    ]


def _opponents(league: League, learner: str, games: Counter[str], names: Mapping[str, str]) -> str:
    """One learner's opponents, in words."""
    total = games.total()
    told = [
        f"{names[id]} {count / total:.0%} ({league.measure} {league.rate(learner, id).value:.2f})"
        for id, count in games.most_common(LEAGUE)
    ]
    if (more := len(games) - LEAGUE) > 0:
        told.append(f"{more} more")
    return f"{compact(total)} games against others: {', '.join(told)}"


def _control(entrants: Sequence[Entrant]) -> tuple[str, str] | None:
    ids = {entrant.id for entrant in entrants}
    # a control carries its original's id with an ending
    doubles = [id for id in ids if id.endswith(CONTROL) and id.removesuffix(CONTROL) in ids]
    return (doubles[0].removesuffix(CONTROL), doubles[0]) if doubles else None


def _elsewhere(others: Sequence[GameRef]) -> list[Notice]:
    return (
        [Notice("More games", f"The store also holds {_listed(others)}.", "note")] if others else []
    )


def _listed(games: Sequence[GameRef]) -> str:
    return ", ".join(game.id for game in games)
