from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.agents.policy import Policy
from sparring.arenas.executors.local import Local, played
from sparring.arenas.fixture import Settled, void
from sparring.arenas.store.reading import Archive
from sparring.arenas.store.schema import StoreError, StoreFullError, StoreVersionError
from sparring.arenas.store.store import GameVersionError, Store
from sparring.envs.registry import Game
from sparring.envs.types import PolicyRef


@pytest.fixture
def outcomes(tmp_path: Path, games, players: dict[str, Policy]) -> list[Settled]:
    """Six games as they were played once, without leases, to be recorded elsewhere."""
    with Store(tmp_path / "source.sqlite") as source:
        done = played(source, games(3), Local(players))
    return [replace(one, token=None) for one in done]


def test_a_key_has_one_row_however_often_it_is_reported(
    tmp_path: Path, outcomes: list[Settled]
) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        assert store.record(outcomes) == 6
        assert store.record(outcomes) == 0
        assert store.record([outcomes[0], outcomes[0]]) == 0
        assert len(store) == 6
        assert store.recorded([one.fixture.key for one in outcomes] + ["00" * 32]) == set(store)


def test_only_the_holder_of_a_lease_may_report(tmp_path: Path, outcomes: list[Settled]) -> None:
    one = outcomes[0]
    key = one.fixture.key
    with Store(tmp_path / "s.sqlite") as store:
        first = store.lease([key], seconds=0.0)[key]
        second = store.lease([key])[key]  # the first lease has run out
        assert second > first
        assert store.lease([key]) == {}
        assert store.record([replace(one, token=first)]) == 0
        assert store.record([one]) == 0
        assert store.record([replace(one, token=second)]) == 1
        assert store.lease([key]) == {}


def test_a_released_game_can_be_leased_again_and_old_tokens_stay_dead(
    tmp_path: Path, outcomes: list[Settled]
) -> None:
    one, key = outcomes[0], outcomes[0].fixture.key
    with Store(tmp_path / "s.sqlite") as store:
        lost = store.lease([key])[key]
        store.release([key])
        assert store.record([replace(one, token=lost)]) == 0
    with Store(tmp_path / "s.sqlite") as store:  # a later writer never gives an earlier one's token
        assert store.lease([key])[key] > lost


def test_a_second_writer_is_refused_while_any_number_may_read(
    tmp_path: Path, outcomes: list[Settled]
) -> None:
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        store.record(outcomes)
        with pytest.raises(StoreError, match=f"process {os.getpid()} is writing"):
            Store(path)
        with Archive(path) as reader, Archive(path) as other:
            assert list(reader.export()) == list(other.export()) == list(store.export())
    with Store(path) as store:
        assert len(store) == 6


def test_a_writer_that_was_taken_over_can_no_longer_write(
    tmp_path: Path, outcomes: list[Settled]
) -> None:
    path = tmp_path / "s.sqlite"
    with Store(path) as old:
        old.record(outcomes[:2])
        path.with_name("s.sqlite.lock").unlink()  # as where locks do not hold
        with Store(path) as new:
            with pytest.raises(StoreError, match="taken over"):
                old.record(outcomes[2:])
            assert new.record(outcomes[2:]) == 4


def test_every_transcript_is_the_one_whose_hash_is_in_its_row(
    tmp_path: Path, outcomes: list[Settled]
) -> None:
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        store.record(outcomes)
        for one in outcomes:
            assert store.transcript(one.fixture.key) == one.transcript
            assert store.episode(one.fixture.key).seed == one.fixture.seed
    segment = next((tmp_path / "s.transcripts").glob("*.jsonl"))
    text = segment.read_bytes()
    segment.write_bytes(text.replace(b'"bet"', b'"bat"'))
    with Archive(path) as store, pytest.raises(StoreError, match="hash differs"):
        _ = [store.transcript(key) for key in store]


def test_text_that_a_crash_left_without_rows_is_cut_off(
    tmp_path: Path, outcomes: list[Settled]
) -> None:
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        store.record(outcomes[:3])
    segment = next((tmp_path / "s.transcripts").glob("*.jsonl"))
    size = segment.stat().st_size
    segment.write_bytes(segment.read_bytes() + b'{"half a li')
    with Store(path) as store:
        assert segment.stat().st_size == size
        store.record(outcomes[3:])
        assert {store.transcript(one.fixture.key) for one in outcomes} == {
            one.transcript for one in outcomes
        }


def test_void_attempts_are_kept_apart_from_games(tmp_path: Path, kuhn: Game, games) -> None:
    fixture = games(1)[0]
    with Store(tmp_path / "s.sqlite") as store:
        for _ in range(2):
            store.record([Settled(fixture, void(fixture, "engine"), reason="it died")])
        assert len(store) == 0
        assert [row.status for row in store.rows(kuhn)] == ["void_engine"] * 2
        assert store.rows(kuhn, voids=False) == []
        assert store.reasons(kuhn) == [("void_engine", "it died", 2)]
        assert list(store.export()) == []


def test_an_entrant_without_an_id_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path / "s.sqlite") as store, pytest.raises(StoreError, match="no id"):
        store.enter(PolicyRef("nameless"))


def test_names_and_facts_of_entrants_and_their_descent_are_kept(tmp_path: Path) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        store.enter(PolicyRef("run@10", "b"), {"step": 10})
        store.enter(PolicyRef("renamed", "b"))
        store.descend("b", "a", "trained_from")
        store.descend("b", "a", "trained_from")
        assert [(e.id, e.name, dict(e.info)) for e in store.entrants()] == [
            ("b", "renamed", {"step": 10})
        ]
        assert store.lineage() == [("b", "a", "trained_from")]


def test_another_version_of_a_game_or_other_rules_under_its_id_are_refused(
    tmp_path: Path, kuhn: Game
) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        store.admit(kuhn)
    with Store(tmp_path / "s.sqlite") as store:
        store.admit(kuhn)
        newer = replace(kuhn, ref=replace(kuhn.ref, id="kuhn-poker-v1"))
        with pytest.raises(GameVersionError, match=r"holds kuhn-poker-v0, and kuhn-poker-v1"):
            store.admit(newer)
    with (
        Store(tmp_path / "s.sqlite") as store,
        pytest.raises(GameVersionError, match="needs a new version"),
    ):
        store.admit(replace(kuhn, payoff_range=(-9.0, 9.0)))


def test_files_that_are_no_store_of_ours_are_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    Store(path).close()
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version = 99")
    base.close()
    for opener in (Store, Archive):
        with pytest.raises(StoreVersionError, match="newer Sparring"):
            opener(path)
    other = tmp_path / "other.sqlite"
    base = sqlite3.connect(other)
    base.execute("CREATE TABLE theirs (x)")
    base.close()
    with pytest.raises(StoreVersionError, match="another program"):
        Store(other)
    text = tmp_path / "text.sqlite"
    text.write_text("not a database, but long enough to be read as the header of one" * 10)
    with pytest.raises(StoreError, match="cannot open"):
        Store(text)
    assert text.read_text().startswith("not a database")
    with pytest.raises(StoreError, match="there is no store"):
        Archive(tmp_path / "none.sqlite")


def test_a_full_database_loses_nothing_and_is_said_in_one_line(
    tmp_path: Path, outcomes: list[Settled]
) -> None:
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        store.record(outcomes[:2])
        (pages,) = store._pen.execute("PRAGMA page_count").fetchone()
        store._pen.execute(f"PRAGMA max_page_count = {pages}")
        long = "x" * 100_000
        with pytest.raises(StoreFullError, match="make room and run again"):
            store.record([replace(one, worker=long) for one in outcomes[2:]])
        assert len(store) == 2
        store._pen.execute("PRAGMA max_page_count = 1000000")
        assert store.record(outcomes[2:]) == 4  # the same store goes on once there is room
        assert len({store.transcript(key) for key in store}) == 6


FILL = """
import resource, signal, sys
from sparring.arenas.executors.local import Local, played
from sparring.arenas.store.schema import StoreFullError
from sparring.arenas.store import Store
from sparring.agents.scripted import Random
from sparring.arenas.fixture import fixtures
from sparring.arenas.results import Block
from sparring.envs.registry import find
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
game, players = find("kuhn-poker-v0"), {p.ref.id: p for p in (Random(1), Random(2))}
a, b = players
seatings = ({"first": a, "second": b}, {"first": b, "second": a})
plan = [f for i in range(400) for f in fixtures(game, Block(i, i, 0, (a, b), seatings))]
with Store(sys.argv[1]) as store:
    store.admit(game)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    try:
        played(store, plan, Local(players))
    except StoreFullError as fault:
        print("FULL", fault)
    else:
        print("DONE", len(store))
"""


@pytest.mark.parametrize("limit", [150_000, 300_000])
def test_a_disk_that_fills_up_in_the_middle_is_one_clear_error_and_a_rerun_finishes(
    tmp_path: Path, limit: int
) -> None:
    path = tmp_path / "s.sqlite"

    def fill(size: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", FILL, str(path), str(size)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert fill(limit).startswith("FULL")
    with Archive(path) as store:
        kept = list(store.export())
        assert all(store.transcript(key) for key in store)
    assert fill(resource.RLIM_INFINITY) == "DONE 800\n"
    with Archive(path) as store:
        assert set(kept) <= set(store.export())
        assert all(store.transcript(key) for key in store)
