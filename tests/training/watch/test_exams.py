"""Exams of a run: they change nothing, are the same each time, and say what was forgotten."""

import json
from pathlib import Path

import numpy as np
import pytest
from sparring.agents.run_folder import RunFolder
from sparring.arenas.marks import SOLVED, Marks
from sparring.cli import main
from sparring.training.config import Config, ConfigError, Exam, Watch
from sparring.training.run import resume, train
from sparring.training.settings import merge, read, to_toml
from sparring.training.watch.exams import forgot, told
from sparring.training.watch.monitors import Watcher

SMALL = {
    "game": "sums-v0",
    "parameters": {"attempts": 4, "level": 1},
    "steps": 4,
    "threads": 1,
    "rollout": {"games": 8, "max_tokens": 8},
    "credits": {"estimator": "loo"},
    "update": {"lr": 3e-3},
    "record": {"metrics_every": 1, "checkpoint_every": 2, "tensorboard": False},
}
HELD = {"attempts": 1, "level": 1, "part": "held-out"}
EXAMS = [
    {"game": "sums-v0", "parameters": HELD, "name": "exact", "k": 2, "every": 2},
    {"game": "sums-v0", "parameters": HELD, "name": "played", "k": 2, "exact": False},
]


def small(out, *exams, **changes) -> Config:
    return merge(Config(), {**SMALL, "exams": list(exams), "out": str(out), **changes})


@pytest.fixture(scope="module")
def sat(tmp_path_factory):
    """A run of four steps with two exams."""
    return train(small(tmp_path_factory.mktemp("runs") / "sat", *EXAMS), quiet=True)


def weights(folder, step=4):
    return (folder / f"checkpoints/step-{step}/model.safetensors").read_bytes()


def test_a_run_with_exams_has_the_weights_of_one_without(sat, tmp_path):
    without = train(small(tmp_path / "plain"), quiet=True)
    assert weights(sat.folder) == weights(without.folder)
    assert not (without.folder / "exams.jsonl").exists()


def test_exams_are_held_first_when_due_and_last(sat):
    lines = [json.loads(line) for line in (sat.folder / "exams.jsonl").read_text().splitlines()]
    held = [(line["step"], line["exam"]) for line in lines]
    assert held == [(0, "exact"), (0, "played"), (2, "exact"), (4, "exact"), (4, "played")]
    assert [line["exact"] for line in lines] == [True, False, True, True, False]
    first, last = (line["items"] for line in lines if line["exam"] == "played")
    assert first == last


def test_metrics_tell_marks_and_paired_gains(sat):
    records = RunFolder(sat.folder).records()
    begin, end = records[0], records[-1]
    for exam in ("exact", "played"):
        gain = end[f"exam/{exam}/{SOLVED}"] - begin[f"exam/{exam}/{SOLVED}"]
        assert end[f"exam/{exam}/gain/{SOLVED}"] == pytest.approx(gain)
        assert f"exam/{exam}/gain/{SOLVED}" not in begin
        assert end[f"exam/{exam}/forgot"] >= 0
    assert f"exam/exact/{SOLVED}/low" not in end
    low, high = (end[f"exam/played/{SOLVED}/{side}"] for side in ("low", "high"))
    assert low <= end[f"exam/played/{SOLVED}"] <= high
    assert {"exam/played/maj_at_2", "exam/played/refused", "exam/exact/legal_mass"} <= {*end}


def test_a_resumed_run_has_the_exams_of_one_never_stopped(sat, tmp_path):
    half = train(
        small(tmp_path / "half", *EXAMS, steps=2, update={"schedule": "constant"}), quiet=True
    )
    whole = train(small(tmp_path / "whole", *EXAMS, update={"schedule": "constant"}), quiet=True)
    # what a killed run wrote beyond its checkpoint, the last line cut
    with (half.folder / "exams.jsonl").open("a") as file:
        file.write('{"step": 3, "exam": "exact"}\n{"step": 3')
    resume(half.folder, steps=4, quiet=True)

    def steps(folder):
        lines = map(json.loads, (folder / "exams.jsonl").read_text().splitlines())
        return [line for line in lines if (line["step"], line["exam"]) != (2, "played")]

    assert steps(half.folder) == steps(whole.folder)


def test_a_learner_may_think_in_an_exam_alone(tmp_path):
    exams = [
        {"game": "sums-v0", "parameters": HELD, "name": name, "seeds": [0, 4], **way}
        for name, way in (("plain", {}), ("thinks", {"think": "asked", "thought_tokens": 4}))
    ]
    ran = train(small(tmp_path / "run", *exams, steps=1), quiet=True)
    first = RunFolder(ran.folder).records()[0]
    # what is said after a thought has no exact likelihood, so that exam is played
    assert "exam/plain/legal_mass" in first
    assert "exam/thinks/legal_mass" not in first
    assert first["exam/thinks/thought"] > 0
    assert "exam/plain/thought" not in first


def column(*values):
    count = len(values)
    items = tuple(map(str, range(count)))
    return Marks(
        "w", "g", 1, items, ("",) * count, np.full(count, 1 / count), {SOLVED: np.array(values)}
    )


def test_what_was_forgotten_is_told_once_it_is_resolved():
    good, worse, little = (
        column(*[1.0] * 80),
        column(*[0.0] * 20, *[1.0] * 60),
        column(0.0, *[1.0] * 79),
    )
    assert forgot(little, [good]) == 0
    assert 0 < forgot(worse, [good]) < 0.25
    # against the best before, not the last
    assert forgot(worse, [good, worse]) > 0
    assert forgot(good, [worse]) == 0


def test_a_run_that_forgets_nothing_is_rarely_found_to_have_forgotten():
    rng, found = np.random.default_rng(1), 0
    for _ in range(200):
        truth = rng.beta(1, 1, 60)
        sat = [column(*(rng.random(60) < truth).astype(float)) for _ in range(8)]
        found += any(forgot(sat[n], sat[:n]) > 0 for n in range(1, 8))
    assert found / 200 <= 0.08


def test_forgetting_raises_an_alarm_that_names_the_exam():
    record = {"step": 5, "exam/held-out/forgot": 0.1, "exam/other/forgot": 0.0}
    (alarm,) = Watcher(Watch()).look(record)
    assert alarm.text.startswith("0.1 at the least is forgotten of the exam held-out")
    assert not Watcher(Watch(forgotten=0)).look(record)


def test_an_exam_that_goes_no_worse_tells_no_forgetting():
    assert told(column(1.0, 1.0), [column(0.0, 1.0)])["forgot"] == 0


def test_exams_are_written_and_read_again(tmp_path):
    config = small(tmp_path / "r", *EXAMS)
    (tmp_path / "c.toml").write_text(to_toml(config))
    assert read(tmp_path / "c.toml").exams == config.exams


@pytest.mark.parametrize(
    ("exam", "said"),
    [
        ({"game": ""}, "names no game"),
        ({"seeds": [5]}, r"like \[0, 100\]; they are \[5\]"),
        ({"seeds": [7, 7]}, r"they are \[7, 7\]"),
        ({"seeds": [0, 2**48 + 1]}, "reach those of games in training"),
        ({"k": 0}, r"exams\[1\].k must be from 1 to 1,000"),
        ({"ever": 3}, "no setting 'exams.*ever'"),
    ],
)
def test_an_exam_that_cannot_be_held_is_refused(tmp_path, exam, said):
    with pytest.raises(ConfigError, match=said):
        small(tmp_path / "r", {"game": "sums-v0", **exam})
    assert Exam("sums-v0").k == 1


@pytest.mark.parametrize(
    ("exam", "said"),
    [
        ('game = "sums-v9"', "no game 'sums-v9'"),
        ('game = "sums-v0"\nroles = ["judge9"]', "has no role 'judge9'"),
        ('game = "kuhn-poker-v0"', "name who sits the exam: first, second"),
        ('game = "sums-v0"\nparameters = { level = 99 }', "level"),
        ('game = "sums-v0"\n[[exams]]\ngame = "sums-v0"', "two exams are called sums-v0"),
        ('game = "sums-v0"\nbeside = "nobody"', "nobody is called 'nobody'"),
    ],
)
def test_bad_exams_are_told_in_one_line_and_leave_no_folder(tmp_path, capsys, exam, said):
    (tmp_path / "c.toml").write_text(f'game = "sums-v0"\n[[exams]]\n{exam}\n')
    out = tmp_path / "r"
    assert main(["train", "--config", str(tmp_path / "c.toml"), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert said in told
    # A model that is built on the way is told beside it.
    assert [line for line in told.splitlines() if line.startswith("sparring:")] == [
        told.splitlines()[-1]
    ]
    assert not out.exists()


def test_the_worked_file_of_the_docs_runs(tmp_path):
    page = (Path(__file__).parents[3] / "docs/training.md").read_text()
    block = page.split("# exams.toml\n")[1].split("```")[0]
    (tmp_path / "exams.toml").write_text(block)
    config = read(tmp_path / "exams.toml", small(tmp_path / "r"))
    assert train(config, quiet=True).metrics["exam/held-out/pass_at_8"]
