from __future__ import annotations

import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest
from sparring.agents.scripted import Random, scripted
from sparring.arenas.gate import gate, gate_of
from sparring.arenas.results import STATISTICS
from sparring.arenas.store.reading import Archive
from sparring.arenas.store.schema import StoreError
from sparring.arenas.tournament import tournament
from sparring.arenas.verify import check, verify
from sparring.envs.registry import Game, find, forgetting, game
from sparring.envs.script import Script, ask_all
from sparring.envs.types import Value


@pytest.fixture
def path(tmp_path: Path, kuhn: Game) -> Path:
    """A store with two ratings and a decided gate."""
    path = tmp_path / "s.sqlite"
    tournament(kuhn, [Random(1), Random(2)], path, pairs=5)
    tournament(kuhn, [Random(1), Random(2), scripted("nash", kuhn)], path, pairs=8, anchor="nash")
    gate(kuhn, Random(1), Random(2), path, gate_of(kuhn, pairs=20))
    return path


def faults(path: Path) -> tuple[str, ...]:
    return verify(path)


def change(path: Path, sql: str) -> None:
    base = sqlite3.connect(path)
    base.execute(sql)
    base.commit()
    base.close()


def test_an_honest_store_is_sound(path: Path) -> None:
    with Archive(path) as store:
        checked = check(store)
        assert not checked.faults
        assert checked.games == len(store) == 48 + 40
        assert checked.findings == 3


def test_a_changed_transcript_is_found(path: Path) -> None:
    segment = next(path.with_suffix(".transcripts").glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b'"bet"}', b'"fol"}', 1))
    assert any("hash differs" in fault for fault in faults(path))


def test_a_changed_row_is_found_and_so_is_the_rating_that_it_changes(path: Path) -> None:
    change(path, "UPDATE played SET payoff = '[2.0,-2.0]' WHERE n = 1 AND payoff != '[2.0,-2.0]'")
    change(path, "UPDATE played SET payoff = '[-2.0,2.0]' WHERE n = 2 AND payoff != '[-2.0,2.0]'")
    found = faults(path)
    assert any("the row pays" in fault for fault in found)
    assert sum("worked out again they differ" in fault for fault in found) == 2


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("status", "'truncated'", "the row says truncated, the transcript completed"),
        ("seed", "1", "the row says seed 1"),
    ],
)
def test_a_row_that_speaks_of_another_game_is_found(
    path: Path, column: str, value: str, said: str
) -> None:
    change(path, f"UPDATE played SET {column} = {value} WHERE n = 88")
    assert any(said in fault for fault in faults(path))


def test_a_forged_payoff_with_its_row_and_hash_is_found_by_playing_again(path: Path) -> None:
    base = sqlite3.connect(path)
    n, segment, offset, length = base.execute(
        "SELECT n, segment, offset, length FROM played WHERE payoff = '[1.0,-1.0]' ORDER BY n DESC"
    ).fetchone()
    file = path.with_suffix(".transcripts") / f"{segment:06}.jsonl"
    text = file.read_bytes()
    line = text[offset : offset + length]
    forged = line.replace(b'"first":1.0,"second":-1.0', b'"first":2.0,"second":-2.0')
    assert forged != line
    file.write_bytes(text.replace(line, forged))
    base.execute(
        "UPDATE played SET payoff = '[2.0,-2.0]', digest = ? WHERE n = ?",
        (sha256(forged).digest(), n),
    )
    base.commit()
    base.close()
    assert any("played again it pays" in fault for fault in faults(path))


def test_a_finding_of_other_formulas_is_told_apart_from_a_forged_one(path: Path) -> None:
    change(
        path,
        f"""UPDATE findings SET result = replace(result, '"statistics":{STATISTICS}', '"statistics":1')""",
    )
    assert all("version 1 of the statistics, not compared" in fault for fault in faults(path))
    assert len(faults(path)) == 3


def test_a_changed_result_is_found(path: Path) -> None:
    change(path, "UPDATE findings SET result = replace(result, '0', '1') WHERE n = 2")
    assert [fault for fault in faults(path) if "ratings" in fault] == list(faults(path))


def test_a_transcript_put_in_the_place_of_another_is_found(path: Path) -> None:
    change(path, "UPDATE played SET (digest, segment, offset, length) = "
                 "(SELECT digest, segment, offset, length FROM played WHERE n = 5) WHERE n = 1")  # fmt: skip
    assert any("of another game" in fault for fault in faults(path))


def test_a_lost_transcript_is_found(path: Path) -> None:
    segment = next(path.with_suffix(".transcripts").glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes()[:-200])
    assert faults(path)
    segment.unlink()
    assert sum("cannot be read" in fault for fault in faults(path)) == 88


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE played SET payoff = 'hello' WHERE n = 5",
        "UPDATE entrants SET info = '{'",
        "UPDATE games SET parameters = '7'",
        "DROP TABLE voids",
    ],
)
def test_values_that_nobody_wrote_are_one_clear_error(path: Path, sql: str) -> None:
    change(path, sql)

    def read() -> None:
        with Archive(path) as archive:
            archive.entrants()
            check(archive)

    with pytest.raises(StoreError, match="may be damaged"):
        read()


def test_a_file_with_a_hole_is_one_clear_error(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[5000:9000] = bytes(4000)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="may be damaged"):
        verify(path)


def test_a_result_that_nobody_wrote_is_a_fault_like_others(path: Path) -> None:
    change(path, "UPDATE findings SET result = 'x' WHERE n = 1")
    assert len(faults(path)) == 1
    assert "cannot be worked out again" in faults(path)[0]


def test_a_store_of_a_game_whose_parameter_is_a_list_is_checked(tmp_path: Path) -> None:
    store = tmp_path / "s.sqlite"
    wanted: list[list[Value]] = [[1, 2, 3], [1, 2, 3], [4, 5]]
    with forgetting():

        @game(
            "listed-v0",
            roles={"a": 1, "b": 1},
            max_turns=2,
            payoff_range=(-9, 9),
            sum="zero",
            score="payoff",
        )
        def listed(values: list[int] = [1, 2]) -> Script:  # noqa: B006
            """Each says a value, and who says more takes the difference."""
            said = yield from ask_all({"a": "?", "b": "?"}, choices=tuple(map(str, values)))
            more = int(said["a"]) - int(said["b"])
            return {"a": more, "b": -more}

        for values in wanted:
            asked = find("listed-v0", values=values)
            tournament(asked, [Random(1), Random(2)], store, pairs=5)
        with Archive(store) as archive:
            assert [dict(ref.parameters)["values"] for ref in archive.games()] == wanted[1:]
        assert not verify(store)
