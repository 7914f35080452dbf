"""Experiments that meet what is wrong: files that judge nothing, folders of others, numbers that are none."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sparring.cli import main
from sparring.envs.errors import SparringError
from sparring.training.config import Watch
from sparring.training.experiments.claims import find, kept, names
from sparring.training.experiments.design import read
from sparring.training.experiments.expectations import expectation
from sparring.training.experiments.numbers import number
from sparring.training.experiments.runs import last_said, runs, spent
from sparring.training.settings import to_toml

PAIR = """
claim = "Arms differ."
seeds = [1, 2]
number = "nashconv"
expect = ["a < b"]
[settings]
steps = 300
rollout = { games = 16, max_tokens = 4 }
record = { evaluate_every = 50, checkpoint_every = 5, transcripts_every = 0 }
[arms.a]
[arms.b]
update = { lr = 1e-3 }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pair.toml"
    path.write_text(PAIR)
    return path


def done(file: Path, out: Path, numbers: dict[str, float]) -> None:
    """Leave the folder as an experiment would whose runs ended with these numbers."""
    lines: list[str] = []
    for run in runs(read(file), out):
        run.folder.path.mkdir(parents=True)
        run.folder.config.write_text(to_toml(run.config))
        records = [{"step": 0, "nashconv": 0.9}, {"step": 300, "nashconv": numbers[run.name]}]
        run.folder.metrics.write_text("".join(json.dumps(each) + "\n" for each in records))
        run.settings.parent.mkdir(exist_ok=True)
        run.settings.write_text(to_toml(run.config))
        lines.append(json.dumps({"run": run.name, "seconds": 1.0, "cores": 1.0, "code": 0}))
    (out / "spent.jsonl").write_text("\n".join(lines) + "\n")


GOOD = {"a-1": 0.2, "a-2": 0.3, "b-1": 0.5, "b-2": 0.5}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a < inf", "no arm 'inf'"),
        ("a > -1e300", "'-1e300' is neither"),
        ("1e13*a < b", "neither an arm nor a number up to 1e.12"),
        ("a < a", "a cancels out"),
        ("0*a < 1", "a cancels out"),
        ("0.5*a + 0.5*a - a < b", "a cancels out"),
        ("a:x - a:x < b", "a cancels out"),
        ("a = b within 0", "a number above 0, and has 0"),
        ("a = b within -0.1", "a number above 0, and has -0.1"),
        ("a = b within nan", "wants 'within NUMBER'"),
    ],
)
def test_an_expectation_that_no_number_could_meet_or_miss_is_refused(text, said):
    with pytest.raises(SparringError, match=said.replace("*", r"\*")):
        expectation(text, ["a", "b"], ["x"])


def test_an_arm_may_stand_on_both_sides_by_other_numbers_or_weights():
    assert expectation("a - a:x < 0.5*a", ["a"], ["x"]).terms


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("alarm/gold_gpa", "did you mean gold_gap"),
        ("alarm/", "no alarm ''"),
        ("alarm/entropy", "did you mean entropy/ROLE"),
        ({"of": "alarm/gold_gap", "at": 3}, "has no at, since or when"),
        ({"of": "up", "when": "cost", "reaches": float("nan")}, "reaches a number"),
        ({"of": "up", "when": "cost", "reaches": float("inf")}, "reaches a number"),
        ({"of": "up", "when": "cost", "reaches": 10**400}, "reaches a number"),
    ],
)
def test_a_number_that_no_run_could_have_is_refused(given, said):
    with pytest.raises(SparringError, match=said):
        number("n", given)


@pytest.mark.parametrize(
    "name", ["alarm/gold_gap", "alarm/entropy/x", "alarm/collapse", "alarm/exam/test/forgot"]
)
def test_alarms_are_numbers_by_the_names_that_they_are_told_by(name):
    assert number("n", name).of == name


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("[arms.b]", "[arms.A]", "arms a and A would share folders"),
        ("[arms.b]", f"[arms.{'b' * 101}]", "has 101 letters; 100 are the most"),
        ("[settings]", "[numbers]\nnumber = 'tokens'\n[settings]", "call it otherwise"),
    ],
)
def test_names_that_would_meet_another_are_refused(file, before, after, said):
    file.write_text(file.read_text().replace("a < b", "a < 1").replace(before, after))
    with pytest.raises(SparringError, match=said):
        read(file)


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["experiment", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_run_whose_folder_was_removed_is_to_be_run_again(file, tmp_path, capsys):
    out = tmp_path / "out"
    done(file, out, GOOD)
    shutil.rmtree(out / "b-1")
    _, listed, _ = told(capsys, file, "--out", out, "--dry-run")
    assert [line.rpartition(" ")[2] for line in listed.splitlines()] == [
        "done",
        "done",
        "run",
        "done",
    ]
    _, table, _ = told(capsys, file, "--out", out, "--only-table")
    assert "not run to the end: b-1" in table


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_counts_as_missing_and_is_told(file, tmp_path, capsys, value):
    out = tmp_path / "out"
    done(file, out, GOOD | {"b-2": value})
    code, table, _ = told(capsys, file, "--out", out, "--only-table")
    assert code == 0
    assert f"number of b-2 is {value}, and counts as missing" in table
    assert "undecided: b with seed 2 has no number" in " ".join(table.split())
    found = json.loads((out / "result.json").read_text())
    assert found["arms"]["b"]["numbers"]["number"]["seeds"] == {"1": 0.5, "2": None}
    assert found["arms"]["a"]["numbers"]["number"]["over"]["mean"] == 0.25


@pytest.mark.parametrize(("end", "warned"), [(0.9999, True), (0.99, False)])
def test_a_number_at_its_ceiling_in_every_run_is_told(file, tmp_path, capsys, end, warned):
    done(file, tmp_path / "out", dict.fromkeys(GOOD, 1.0) | {"b-2": end})
    code, table, _ = told(capsys, file, "--out", tmp_path / "out", "--only-table")
    assert code == 0
    said = "nashconv is 1.000 in every run of every arm" in " ".join(table.split())
    assert said is warned


def test_the_least_of_numbers_of_which_one_is_nan_is_none():
    assert (
        number("n", {"of": "up", "at": "least"}).read(
            [{"step": 0, "up": 1.0}, {"step": 1, "up": float("nan")}], Watch()
        )
        != 1.0
    )


def test_a_folder_of_another_experiment_is_refused_and_stays_as_it_is(file, tmp_path, capsys):
    out, other = tmp_path / "out", tmp_path / "other.toml"
    done(file, out, GOOD)
    other.write_text(
        PAIR.replace("a < b", "c < d")
        .replace("[arms.a]", "[arms.c]")
        .replace("[arms.b]", "[arms.d]")
    )
    before = sorted(map(str, out.rglob("*")))
    code, _, err = told(capsys, other, "--out", out)
    assert code == 2
    assert "holds another experiment, with runs like a-1; choose another --out" in err
    assert sorted(map(str, out.rglob("*"))) == before

    # an arm that is left out, or that is new in the file, is no other experiment
    assert told(capsys, file, "--out", out, "--arms", "a", "--only-table")[0] == 0
    file.write_text(file.read_text() + "[arms.c]\n")
    assert told(capsys, file, "--out", out, "--arms", "c", "--dry-run")[0] == 0


def test_what_is_kept_is_the_whole_and_a_part_says_what_it_is_of(file, tmp_path, capsys):
    out = tmp_path / "out"
    done(file, out, GOOD)
    for part in (("--seeds", "1"), ("--arms", "a")):
        code, _, err = told(capsys, file, "--out", out, "--only-table", "--keep", *part)
        assert (code, err.count("\n")) == (2, 1)
        assert f"leave out {' '.join(part)}" in err
    assert not (tmp_path / "results").exists()

    assert told(capsys, file, "--out", out, "--only-table", "--seeds", "1")[0] == 0
    made_by = json.loads((out / "result.json").read_text())["command"]
    assert made_by == f"sparring experiment {file} --seeds 1"
    assert told(capsys, file, "--out", out, "--only-table", "--keep")[0] == 0
    assert json.loads((tmp_path / "results" / "pair.json").read_text())["verdict"] == "undecided"


@pytest.mark.parametrize("words", [("--seeds", "2,1,2"), ("--arms", "b,a,b")])
def test_what_is_named_twice_is_refused(file, capsys, words):
    code, _, err = told(capsys, file, "--dry-run", *words)
    assert (code, err) == (2, f"sparring: {' '.join(words)} names {words[1][0]} twice\n")


@pytest.mark.parametrize("words", [("--seeds", ""), ("--seeds", ","), ("--arms", "")])
def test_an_option_that_names_nothing_is_refused(file, capsys, words):
    code, _, err = told(capsys, file, *words)
    assert (code, err.count("\n")) == (2, 1)
    assert f"{words[0]} names none" in err


@pytest.mark.parametrize("page", ["", "claims", "."])
def test_a_page_has_a_name(page, capsys):
    code, _, err = told(capsys, "--docs", page)
    assert (code, err.count("\n")) == (2, 1)
    assert "like docs/claims.md" in err


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "perhaps"},
        {"arms": {"up": {"numbers": {}}}},
        {"arms": []},
        {"minutes": "many"},
        {"minutes": 10**400},
        {"minutes": float("nan")},
        {"told": None},
        {"told": {}},
        {"expect": [{}]},
        {"paper": None},
        {"note": "\ud800"},
        {"seeds": "123"},
        {"seeds": [1.5]},
        {"warnings": [5]},
        {"exact": "abc"},
        None,
    ],
    ids=str,
)
def test_a_kept_result_that_is_damaged_is_told(file, tmp_path, capsys, change):
    claim = next(kept(path) for path in map(find, names()) if kept(path).is_file())
    whole = json.loads(claim.read_text())
    place = tmp_path / "results/pair.json"
    place.parent.mkdir()
    place.write_text(json.dumps(whole))
    assert told(capsys, file, "--docs", tmp_path / "page.md")[0] == 0

    place.write_text(json.dumps(change and whole | change))
    code, _, err = told(capsys, file, "--docs", tmp_path / "other.md")
    assert (code, err.count("\n")) == (2, 1)
    assert f"{place} is no kept result" in err
    assert not (tmp_path / "other.md").exists()


def test_a_folder_that_is_a_file_is_told_before_anything_is_run(file, tmp_path, capsys):
    (tmp_path / "out").write_text("")
    assert (
        "is a file, and --out names a folder"
        in told(capsys, file, "--out", tmp_path / "out", "--dry-run")[2]
    )
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "a-1").write_text("")
    assert (
        "is a file in the place of a run"
        in told(capsys, file, "--out", tmp_path / "half", "--dry-run")[2]
    )


def test_lines_of_the_list_of_times_that_are_none_of_ours_say_nothing(tmp_path):
    good = json.dumps({"run": "a-1", "seconds": 2.0, "cores": 1.0, "code": 0}).encode()
    lines = [b"[1]", b'{"run": "a-1"}', b'{"run"', b"\xff\xfe", good, b"null"]
    (tmp_path / "spent.jsonl").write_bytes(b"\n".join(lines))
    found = spent(tmp_path)
    assert list(found) == ["a-1"]
    assert (found["a-1"].seconds, found["a-1"].done) == (2.0, True)


TRACE = "Traceback (most recent call last):\n  File 'x', line 1, in f\n    g()\n    ^^^\n"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", "it said nothing"),
        ("step 1\nsparring: no such game\n\n", "sparring: no such game"),
        (f"step 1\n{TRACE}RuntimeError: boom\nsecond line\n", "RuntimeError: boom second line"),
        (f"{TRACE}KeyError: 1\n" + "step\n" * 9 + "sparring: full\n", "sparring: full"),
    ],
)
def test_of_a_run_that_failed_the_whole_message_is_told(tmp_path, log, said):
    path = tmp_path / "run.log"
    path.write_text(log)
    assert last_said(path) == said


@pytest.mark.slow
def test_runs_end_with_an_experiment_that_is_killed_and_go_on_with_the_next(file, tmp_path):
    out = tmp_path / "out"
    words = [
        sys.executable,
        "-m",
        "sparring",
        "experiment",
        str(file),
        "--out",
        str(out),
        "--jobs",
        "2",
    ]
    process = subprocess.Popen(words, env={**os.environ, "OMP_NUM_THREADS": "1"})
    while not list(out.glob("a-*/checkpoints/step-5")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()

    # the lock is free as soon as the kernel has ended the runs
    file.write_text(file.read_text().replace("seeds = [1, 2]", "seeds = [1]"))
    deadline = time.monotonic() + 30
    while True:
        again = subprocess.run(words, capture_output=True, text=True)
        if "still works in" not in again.stderr or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert again.returncode == 0, again.stderr
    found = json.loads((out / "result.json").read_text())
    assert found["arms"]["a"]["steps"] == 300
    assert found["minutes"] > 0


def test_what_was_kept_is_read_back_also_where_a_number_was_never_there_and_words_have_lines(
    file, tmp_path, capsys
):
    """An alarm that is never raised has no number with any seed, which is a finding like others."""
    text = file.read_text().replace("[settings]", 'note = """\nOf two\nlines."""\n[settings]')
    text = text.replace('expect = ["a < b"]', 'expect = ["a < b", "a:alarm < b:alarm"]')
    file.write_text(text + '\n[numbers]\nalarm = "alarm/kl"\n')
    done(file, tmp_path / "out", GOOD)
    assert told(capsys, file, "--out", tmp_path / "out", "--only-table", "--keep")[0] == 0
    code, _, err = told(capsys, file, "--docs", tmp_path / "page.md")
    assert (code, err) == (0, "")
    page = (tmp_path / "page.md").read_text()
    assert "| never |" in page
    assert "Of two\nlines." in page
