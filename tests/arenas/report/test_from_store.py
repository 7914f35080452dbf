"""Rules of the page of a real run and a real tournament, read from disk."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from sparring.agents.policy import Renamed, Request
from sparring.agents.scripted import Random, scripted
from sparring.arenas.league import League
from sparring.arenas.match import Match, play
from sparring.arenas.ratings.sprt import Gate
from sparring.arenas.report import ReportError, report, tournament_report
from sparring.arenas.report.from_store import run_page, tournament_page
from sparring.arenas.store import Store
from sparring.arenas.tournament import tournament
from sparring.arenas.transcript import canonical
from sparring.envs.registry import find
from sparring.envs.types import PolicyRef, Reply

KUHN = find("kuhn-poker-v0")
HOSTILE = "<script>alert(1)</script>\x1b[2J"


class Checkpoint:
    """Bets and calls, or breaks the rules in words that should never act."""

    def __init__(self, name: str, legal: bool = True) -> None:
        self.ref = PolicyRef(name, f"id-of-{name}")
        self.legal = legal

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [
            Reply((request.choices or ("",))[-1] if self.legal else HOSTILE) for request in requests
        ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "demo"
    folder.mkdir()
    entrants = [
        scripted("nash", KUHN),
        scripted("random", KUHN),
        Checkpoint("demo@0", False),
        Checkpoint("demo@9"),
    ]
    tournament(KUHN, entrants, folder / "store.sqlite", pairs=12, control=True)
    (folder / "config.toml").write_text(
        'recipe = "spiral"\ngame = "kuhn-poker-v0"\nmodel = "tiny"\n'
    )
    records = [
        {"step": s, "games": 256 * s, "nashconv": 1 / (1 + s), "payoff/first": 0.1}
        for s in range(5)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def test_a_run_with_a_tournament_is_one_page(folder: Path) -> None:
    path = report(folder)
    text = path.read_text(encoding="utf-8")
    assert path == folder / "report.html"
    for section in ("progress", "leaderboard", "crosstable", "roles", "lineage", "training"):
        assert f'<section id="{section}">' in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;⟨ESC⟩[2J" in text
    assert "alert(1)</script>" not in text
    assert path.stat().st_size < 5_000_000


def test_the_page_holds_what_the_store_says(folder: Path) -> None:
    page = run_page(folder)
    assert page.board
    assert page.scored == "payoff"
    names = {entrant.id: entrant.name for entrant in page.entrants}
    worst = page.board.standings[-1]
    assert names[worst.entrant] == "demo@0"
    assert worst.forfeits
    assert sum(worst.forfeits.values()) > 0
    assert page.statuses.total() == 10 * 12 * 2  # type: ignore[attr-defined] a Counter
    assert [(names[kin.parent], names[kin.child]) for kin in page.lineage] == [("demo@0", "demo@9")]
    assert page.control
    assert {names[id] for id in page.control} == {"nash", "nash′"}


def test_every_pair_has_games_and_forfeits_come_first(folder: Path) -> None:
    page = tournament_page(folder / "store.sqlite")
    assert len(page.replays) == 10
    assert all(len(games) == 3 for games in page.replays.values())
    lost = [games for pair, games in page.replays.items() if "id-of-demo@0" in pair]
    assert all(games[0].episode.ending.kind == "forfeit" for games in lost)


def test_a_damaged_transcript_is_an_alarm_and_not_a_crash(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for path in (copy / "store.transcripts").iterdir():
        path.write_bytes(path.read_bytes().replace(b'"bet"', b'"BET"'))
    page = tournament_page(copy / "store.sqlite")
    assert [notice.severity for notice in page.notices] == ["alarm"]
    assert re.search(r"\d+ could not be shown; the first: .*hash", page.notices[0].text)


def test_the_store_alone_makes_a_page_beside_it(folder: Path, tmp_path: Path) -> None:
    path = tournament_report(folder / "store.sqlite", tmp_path / "page.html")
    assert "Proof of progress" not in path.read_text(encoding="utf-8")
    assert "stands first" in path.read_text(encoding="utf-8")


def test_a_ruling_in_the_store_is_a_gate_with_its_curve(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    test = Gate.elo(0, 50)
    decision = test.judge([1.0, 0.75, 0.5, 1.0] * 20)
    new, old = "id-of-demo@9", "id-of-demo@0"
    ruling = {
        "new": new,
        "old": old,
        "gate": asdict(test),
        "unit": "Elo",
        "decision": asdict(decision),
    }
    with Store(copy / "store.sqlite") as store:
        store.find("gate", KUHN, {}, canonical(ruling))
    (gate,) = tournament_page(copy / "store.sqlite").gates
    assert (gate.candidate, gate.baseline, gate.decision) == ("demo@9", "demo@0", "better")
    assert (gate.s0, gate.s1, gate.lower, gate.upper) == (0, 50, test.lower, test.upper)
    assert gate.llr == decision.curve
    assert gate.llr[-1] >= gate.upper > max(gate.llr[:-1])
    assert "demo@9 <span" in report(copy).read_text(encoding="utf-8")


def test_nothing_to_report_on_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReportError, match="no run 'dmeo'"):
        report("dmeo")
    (tmp_path / "runs" / "empty").mkdir(parents=True)
    with pytest.raises(ReportError, match=r"neither metrics\.jsonl nor store\.sqlite"):
        report("empty")
    with Store(tmp_path / "runs" / "empty" / "store.sqlite"):
        pass
    with pytest.raises(ReportError, match="no games yet"):
        report("empty")


def test_a_run_in_a_league_tells_whom_it_met_and_no_tournament(tmp_path: Path) -> None:
    game, me = find("kuhn-poker-v0"), PolicyRef("learner", "learner/run")
    past = {step: PolicyRef(f"step-{step}", f"snapshot/learner/run/{step}") for step in (2, 4)}
    with Store(tmp_path / "store.sqlite") as store:
        league = League(store, game)
        league.join(me)
        for step, saved in past.items():
            league.snapshot(me.id, saved, step)
        for seed, step in enumerate((2, 4, 4, 4)):
            seats = {"first": Renamed(Random(1), me), "second": Renamed(Random(2), past[step])}
            episode = asyncio.run(play(Match(game, seats, seed)))
            league.record(me.id, [replace(episode, payoff={"first": 2, "second": -2})])

    facts = dict(tournament_page(tmp_path / "store.sqlite").facts)
    assert "Tournament" not in facts
    assert facts["League"] == (
        "4 games against others: step-4 75% (payoff in its range 0.88), "
        "step-2 25% (payoff in its range 0.75)"
    )
    sheet = (tmp_path / "league.html").read_text() if report(tmp_path) else ""
    for words in ("learner (main)", "step-4", "75.0%", "step 4", "0.875", "[0.464, 1.000]"):
        assert words in sheet, words
    assert 'href="league.html"' in (tmp_path / "report.html").read_text()

    tournament_report(tmp_path / "store.sqlite")
    assert "step-4 75%" in (tmp_path / "report.html").read_text()


def test_names_leave_out_the_folder_of_all_runs(tmp_path: Path) -> None:
    names = ("runs/a@1", "b/runs/a@2", "runs/b@1", "b@1")
    players = [Renamed(Random(n), PolicyRef(name, f"id-{n}")) for n, name in enumerate(names)]
    tournament(KUHN, players, tmp_path / "store.sqlite", pairs=2)
    shown = {entrant.name for entrant in tournament_page(tmp_path / "store.sqlite").entrants}
    assert shown == {"a@1", "a@2", "b@1 (id-2)", "b@1 (id-3)"}
