"""Experiments: what a file may say, what is made of numbers, and real tiny runs that are killed and go on."""

from __future__ import annotations

import html
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from sparring.cli import main
from sparring.envs.errors import SparringError
from sparring.training.config import Watch
from sparring.training.experiments.claims import find, folder, kept, markdown
from sparring.training.experiments.design import read
from sparring.training.experiments.expectations import expectation
from sparring.training.experiments.kept import read_kept
from sparring.training.experiments.numbers import Number, number
from sparring.training.experiments.outcome import Judged, Result, Verdict, spread
from sparring.training.experiments.papers import with_verdicts
from sparring.training.experiments.runs import runs
from sparring.training.experiments.told import verdict

TINY = """
claim = "A step moves the weights."
seeds = [1, 2]
tokens = 300
number = "nashconv"
numbers = { early = { of = "nashconv", at = "first" } }
expect = ["fast - still < 0", "still - still:early = 0 within 0.001"]
[settings]
rollout = { games = 16, max_tokens = 4 }
record = { evaluate_every = 1, metrics_every = 1, checkpoint_every = 1, transcripts_every = 0 }
[arms.fast]
update = { lr = 1e-3 }
[arms.still]
"update.lr" = 0.0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def sparring(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sparring", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def value(numbers: dict[str, float]):
    return lambda arm, number: numbers[f"{arm}:{number}" if number else arm]


@pytest.mark.parametrize(
    ("text", "difference"),
    [
        ("a < b", -2.0),
        ("a - b > 0.5", -2.5),
        ("0.5*a + b > a:x", 2.5),
        ("a:x - b - 1 < 0", -3.0),
        ("a = b within 0.1", -2.0),
    ],
)
def test_an_expectation_is_a_difference_of_sums(text, difference):
    found = expectation(text, ["a", "b"], ["x"])
    assert found.difference(value({"a": 1.0, "b": 3.0, "a:x": 1.0})) == pytest.approx(difference)


@pytest.mark.parametrize(
    ("text", "low", "high", "state"),
    [
        ("a < b", -2.0, -1.0, "confirmed"),
        ("a < b", 1.0, 2.0, "refuted"),
        ("a < b", -1.0, 2.0, "undecided"),
        ("a > b", 1.0, 2.0, "confirmed"),
        ("a = b within 1", -0.5, 0.5, "confirmed"),
        ("a = b within 1", 1.5, 2.5, "refuted"),
        ("a = b within 1", 0.5, 2.5, "undecided"),
    ],
)
def test_an_interval_on_the_right_side_confirms_and_on_the_wrong_side_refutes(
    text, low, high, state
):
    assert expectation(text, ["a", "b"], []).state(low, high) == state


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a b", "expected one comparison"),
        ("a < b < c", "expected one comparison"),
        ("a = b", "wants 'within NUMBER'"),
        ("fasst < b", "did you mean fast"),
        ("fast:goold < b", "did you mean gold"),
        ("fast - < b", "is no sum"),
        ("1 < 2", "compares no arm"),
    ],
)
def test_an_expectation_that_cannot_be_read_says_what_is_wrong(text, said):
    with pytest.raises(SparringError, match=said):
        expectation(text, ["fast", "b"], ["gold"])


RECORDS = [
    {"step": 0, "up": 0.0, "cost": 10.0},
    {"step": 1, "up": 0.4, "cost": 20.0},
    {"step": 2, "up": 0.8, "cost": 40.0, "late": 5},
]


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (Number("up"), 0.8),
        (Number("up", "first"), 0.0),
        (Number("cost", "least"), 10.0),
        (Number("cost", "greatest"), 40.0),
        (Number("up", "mean"), 0.4),
        (Number("cost", 1), 20.0),
        (Number("late", 1), None),
        (Number("cost", "least", since=1), 20.0),
        (Number("up", "mean", since=1), 0.6),
        (Number("up", "first", since=1), 0.4),
        (Number("cost", when="up", reaches=0.6), 30.0),
        (Number("step", when="up", reaches=0.2), 0.5),
        (Number("cost", when="up", reaches=0.9), None),
    ],
)
def test_a_number_is_read_at_its_moment(number, found):
    assert number.read(RECORDS, Watch()) == (None if found is None else pytest.approx(found))


def test_an_alarm_is_a_number_the_step_at_which_it_was_raised():
    records = [{"step": n, "gold_gap": 0.0 if n < 12 else 1.0} for n in range(30)]
    step = Number("alarm/gold_gap").read(records, Watch(gold_gap=0.3))
    assert step is not None
    assert 12 < step < 20
    assert Number("alarm/gold_gap").read(records[:12], Watch()) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"of": "up", "at": "mean", "since": -1}, "a step, 0 or more; it is -1"),
        ({"of": "up", "at": "mean", "since": 0.5}, "a step, 0 or more; it is 0.5"),
        ({"of": "up", "since": 1}, "goes with at = first"),
        ({"of": "up", "at": 3, "since": 1}, "goes with at = first"),
    ],
)
def test_since_says_which_records_count(given, said):
    with pytest.raises(SparringError, match=said):
        number("n", given)


def test_a_number_since_a_step_that_the_run_never_came_to_says_so():
    with pytest.raises(SparringError, match="last recorded at step 2, not since 3"):
        Number("up", "mean", since=3).read(RECORDS, Watch())


def test_a_metric_that_no_record_has_is_told_with_the_nearest():
    with pytest.raises(SparringError, match="did you mean cost"):
        Number("cosst").read(RECORDS, Watch())


def test_intervals_over_seeds_are_those_of_students_t_test():
    values = [0.1, 0.4, 0.3]
    found = spread(values)
    assert found is not None
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_arms_have_the_settings_of_all_and_their_own(file):
    design = read(file)
    fast, still = design.arms["fast"], design.arms["still"]
    assert (fast.update.lr, still.update.lr) == (1e-3, 0.0)
    assert fast.rollout.games == still.rollout.games == 16
    assert fast.tokens == 300
    assert [run.config.seed for run in runs(design, Path("x"))] == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("fast - still", "fsat - still", "did you mean fast"),
        ("update.lr", "update.lrr", "did you mean update.lr"),
        ("games = 16", "games = 0", "rollout.games must be from 1"),
        ('number = "nashconv"', "", "it has no number"),
        ("seeds = [1, 2]", "seeds = [1, 1]", "one seed twice"),
        ("claim =", "clame =", "did you mean claim"),
        ("[arms.fast]", "[arms.fast]\nseed = 3", "gives to each run"),
        ("[settings]", "[settings]\ngame = 'kuhn'", "did you mean kuhn-poker-v0"),
    ],
)
def test_a_bad_file_is_one_line_and_leaves_nothing(file, capsys, before, after, said):
    file.write_text(file.read_text().replace(before, after))
    assert main(["experiment", str(file), "--out", str(file.parent / "out")]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert not (file.parent / "out").exists()


@pytest.mark.parametrize(
    ("seeds", "found", "states", "said"),
    [
        ((1,), "open", (), "Measured; nothing was expected (1 seed)"),
        ((1, 2), "confirmed", ("confirmed",), "Confirmed (2 seeds; expectations: 1 confirmed)"),
        (
            (1, 2, 3),
            "undecided",
            ("undecided", "confirmed", "undecided"),
            "Undecided at this scale (3 seeds; expectations: 1 confirmed, 2 undecided)",
        ),
    ],
)
def test_a_verdict_says_how_many_expectations_are_what(seeds, found, states, said):
    expect = tuple([Judged("a > b", {}, None, state) for state in states])
    result = Result("n", "", "", "", found, seeds, {}, expect, {}, (), (), 0.0, "")
    assert verdict(result) == said


@pytest.mark.slow
def test_an_experiment_that_is_killed_goes_on_to_the_same_table(file):
    whole, parts = file.parent / "whole", file.parent / "parts"
    assert sparring("experiment", file, "--out", whole, "--jobs", 2).returncode == 0
    command = [sys.executable, "-m", "sparring", "experiment", str(file), "--out", str(parts)]
    process = subprocess.Popen([*command, "--jobs", "1"], stderr=subprocess.PIPE, text=True)
    while not list(parts.glob("fast-2/checkpoints/step-1")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert "the same command goes on" in process.communicate()[1]
    assert process.returncode == 130
    assert not (parts / "result.json").exists()

    again = sparring("experiment", file, "--out", parts, "--jobs", 2)
    assert "is done" in again.stdout
    assert table(whole) == table(parts)
    assert table(whole)["expect"][1]["state"] == "confirmed"
    page = (parts / "report.html").read_text()
    assert "Undecided at this scale" in page
    assert "default-src 'none'" in html.unescape(page)
    assert page.count('class="band') >= 2


def table(out: Path) -> dict[str, Any]:
    """A result without what depends on the machine."""
    found = json.loads((out / "result.json").read_text())
    for arm in found["arms"].values():
        del arm["minutes"]
    return {name: found[name] for name in ("arms", "expect", "verdict", "exact", "warnings")}


@pytest.mark.slow
def test_one_seed_gives_no_interval_and_an_unknown_number_is_told_by_the_first_run(file):
    out = file.parent / "out"
    told = sparring("experiment", file, "--out", out, "--seeds", 1, "--arms", "still", "--json")
    found = json.loads(told.stdout)
    assert found["verdict"] == "undecided"
    assert "one seed" in found["warnings"][-1]

    file.write_text(file.read_text().replace('number = "nashconv"', 'number = "nashcon"'))
    told = sparring("experiment", file, "--out", out, "--only-table", "--seeds", 1)
    assert told.returncode == 2
    assert "did you mean nashconv" in told.stderr


CLAIMS = sorted(folder().glob("*.toml"))


@pytest.mark.parametrize("path", CLAIMS, ids=lambda path: path.stem)
def test_a_claim_names_its_paper_and_its_kept_result_is_of_its_file(path):
    design = read(path)
    assert find(path.stem) == path
    assert design.claim.endswith(".")
    assert design.paper
    assert len(design.seeds) >= 3
    if kept(path).is_file():
        result = read_kept(kept(path))
        assert [each.text for each in result.expect] == [each.text for each in design.expect]
        assert list(result.arms) == list(design.arms)
        assert result.seeds == design.seeds
        assert (result.claim, result.note) == (design.claim, design.note)
        assert result.data() == json.loads(kept(path).read_text())


def test_the_page_of_claims_is_what_the_kept_results_say():
    results = [read_kept(kept(path)) for path in CLAIMS if kept(path).is_file()]
    page = Path(__file__).parents[2] / "docs" / "claims.md"
    if results:
        assert page.read_text() == markdown(results)


def test_the_table_of_papers_has_the_verdicts_of_the_kept_results():
    results = [read_kept(kept(path)) for path in CLAIMS if kept(path).is_file()]
    page = (Path(__file__).parents[2] / "docs" / "games.md").read_text()
    assert page == with_verdicts(page, results, "claims.md")


PAPERS = """\
| paper | loss |
|---|---|
| NFT (Chen et al. 2025, [1](a)) | p(a\\|b) |
| SEC (Chen et al. 2025, [2](b)) | r |
| Self-training (Shafayat et al. 2025, [3](c)) | r |

| other | table |
|---|---|
| NFT (Chen et al. 2025) | stays |
"""


def result(name: str, paper: str, verdict: Verdict) -> Result:
    return Result(name, "", paper, "", verdict, (), {}, (), {}, (), (), 0.0, "")


def test_verdicts_stand_beside_their_papers_by_authors_and_then_by_name():
    results = [
        result("aware", "NFT (Chen et al. 2025)", "refuted"),
        result("self", "Do They? (Shafayat et al. 2025)", "confirmed"),
        result("sec", "Self-Evolving Cats (Chen et al. 2025)", "open"),
    ]
    page = with_verdicts(PAPERS, results, "c.md")
    assert "| p(a\\|b) | [aware](c.md#aware) refuted |\n" in page
    assert "| SEC (Chen et al. 2025, [2](b)) | r | [sec](c.md#sec) open |\n" in page
    assert "| r | [self](c.md#self) confirmed |\n" in page
    assert page.endswith(PAPERS[PAPERS.index("| other") :])
    assert with_verdicts(page, results, "c.md") == page
