"""Rules of reading a run folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.arenas.report import from_run as runs
from sparring.arenas.report import report
from sparring.arenas.report.view import headline
from sparring.envs.registry import find

RECORDS: list[dict[str, Any]] = [
    {"step": 0, "games": 0, "nashconv": 0.9, "nashconv_average": 0.9, "legal_mass": 0.99},
    {
        "step": 10,
        "games": 2560,
        "payoff/first": 0.1,
        "payoff/second": -0.1,
        "kl": 0.01,
        "seconds/play": 4.0,
    },
    {"step": 20, "games": 5120, "payoff/first": 0.2, "payoff/second": None, "seconds/play": 6.0},
    {
        "step": 30,
        "games": 7680,
        "nashconv": 0.3,
        "legal_mass": 1.0,
        "seconds/play": 1.0,
        "seconds/update": 2.0,
    },
]


def test_the_curve_has_the_last_iterate_and_the_average_labelled_and_exact_references() -> None:
    progress = runs.progress(RECORDS, find("kuhn-poker-v0"))
    assert progress
    last, average = progress.nashconv.series
    assert (last.name, last.points) == ("last iterate", ((0, 0.9), (7680, 0.3)))
    assert (average.name, average.points) == ("weight average", ((0, 0.9),))
    assert progress.random == pytest.approx(11 / 12)
    assert [name for name, _ in progress.nashconv.references] == ["random (11/12)", "Nash (0)"]


def test_a_game_without_a_tree_has_no_random_reference_and_a_run_without_evaluation_no_curve() -> (
    None
):
    progress = runs.progress(RECORDS, None)
    assert progress
    assert [name for name, _ in progress.nashconv.references] == ["Nash (0)"]
    assert runs.progress(RECORDS[1:3], None) is None


def test_roles_are_lines_of_one_chart_and_absent_keys_have_none() -> None:
    charts = {chart.title: chart for chart in runs.curves(RECORDS)}
    assert list(charts) == ["Payoff in self-play", "KL to the reference"]
    first, second = charts["Payoff in self-play"].series
    assert (first.name, first.points) == ("first", ((2560, 0.1), (5120, 0.2)))
    assert (second.name, second.points) == ("second", ((2560, -0.1),))


def test_records_without_games_are_drawn_over_steps() -> None:
    charts = runs.curves([{"step": 1, "kl": 0.5}, {"step": 2, "games": 9, "kl": 0.4}])
    assert (charts[0].x_name, charts[0].series[0].points) == ("steps", ((1, 0.5), (2, 0.4)))


def test_seconds_of_a_resumed_run_add_up() -> None:
    assert runs.seconds(RECORDS) == {"play": 7.0, "update": 2.0}
    assert dict(runs.facts({"seed": 3}, RECORDS))["Time"] == "9.0 s (play 78%, update 22%)"


def test_a_line_that_was_cut_off_ends_the_metrics(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(record) for record in RECORDS)
    (tmp_path / "metrics.jsonl").write_text(text + '\n{"step": 40, "nashc')
    assert RunFolder(tmp_path).records() == RECORDS
    assert RunFolder(tmp_path / "nowhere").records() == []
    assert RunFolder(tmp_path).settings() == {}


def test_transcripts_are_the_first_the_last_and_some_between(tmp_path: Path) -> None:
    (tmp_path / "transcripts").mkdir()
    for step in range(20):
        (tmp_path / "transcripts" / f"step-{step:06d}.txt").write_text(f"game {step}")
    names = [name for name, _ in runs.transcripts(tmp_path)]
    assert len(names) == 6
    assert (names[0], names[-1]) == ("step-000000", "step-000019")


def test_an_estimated_nashconv_is_shown_with_its_interval() -> None:
    records = [
        {"step": s, "games": s, "nashconv": 0.5, "nashconv_low": 0.4, "nashconv_high": 0.7}
        for s in (0, 1)
    ]
    progress = runs.progress(records, None)
    assert progress
    assert progress.estimated
    assert [each.name for each in progress.nashconv.series][1:] == [
        "at least (95 %)",
        "at most (95 %)",
    ]
    assert "95 %: 0.400 to 0.700" in headline(progress)


def written(folder: Path, settings: str) -> Path:
    folder.joinpath("config.toml").write_text(settings)
    folder.joinpath("metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in RECORDS))
    return folder


def test_a_run_before_its_end_is_in_progress_and_after_some_silence_not_finished(
    tmp_path: Path,
) -> None:
    folder = written(tmp_path, "steps = 100\n")
    assert runs.state(folder, RECORDS) == "in progress: step 30 of 100"
    os.utime(folder / "metrics.jsonl", (0, 0))
    assert runs.state(folder, RECORDS).startswith("not finished, and quiet")
    assert runs.state(written(tmp_path, "steps = 30\n"), RECORDS) == ""


def test_the_exams_of_a_run_have_a_page_with_paired_gains(tmp_path: Path) -> None:
    marks = {
        "game": "sums-v0",
        "attempts": 1,
        "items": ["a", "b", "c", "d"],
        "levels": [""] * 4,
        "weight": [0.25] * 4,
        "exact": False,
        "lost": 0,
    }
    lines = [
        {
            "step": step,
            "exam": "sums",
            "who": f"step {step}",
            **marks,
            "columns": {"pass_at_1": got},
        }
        for step, got in ((0, [0, 0, 1, 0]), (20, [1, 1, 1, 0]))
    ]
    folder = written(tmp_path, "steps = 30\n")
    folder.joinpath("exams.jsonl").write_text(
        "\n".join(map(json.dumps, lines)) + '\n{"step": 30, "ex'
    )
    assert 'href="exams.html"' in report(folder).read_text()
    told = folder.joinpath("exams.html").read_text()
    for words in ("pass_at_1 above the first", "0.750 [", "+0.500 ["):
        assert words in told, words


def test_a_population_is_told_by_its_members_and_by_who_copied_whom(tmp_path):
    config = {"population": {"by": "-nashconv"}}
    records = [
        {"step": 1, "member": "a", "nashconv": 0.5},
        {"step": 2, "member": "b", "nashconv": 0.25},
        {"step": 3, "member": "a", "nashconv": 0.125},
    ]
    assert dict(runs.facts(config, records))["Members by nashconv"] == "a 0.125 (@3), b 0.250 (@2)"
    born = [
        {"round": 0, "member": "a", "parent": "a"},
        {"round": 1, "member": "b", "parent": "a"},
    ]
    lines = [json.dumps(each) for each in born]
    (tmp_path / "population.jsonl").write_text("\n".join([*lines, "{cut"]))
    assert dict(runs.lineage(tmp_path)) == {"Copied": "round 2: b from a"}
    assert not dict(runs.lineage(tmp_path / "elsewhere"))
