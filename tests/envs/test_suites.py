"""The stock suites: every exam of theirs can be held, on questions that no run trains on."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from sparring.envs.registry import find
from sparring.envs.table import Table

SUITES = sorted((Path(__file__).parents[2] / "suites").glob("*.toml"))


def exams(path):
    return tomllib.loads(path.read_text())["exams"]


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_exam_of_a_suite_has_a_game_and_names_of_its_own(path):
    if "reasoning-gym" in path.read_text():
        pytest.importorskip("reasoning_gym")
    held = exams(path)
    assert len({exam["name"] for exam in held}) == len(held)
    for exam in held:
        game = find(exam["game"], **exam["parameters"])
        first, end = exam["seeds"]
        assert 0 <= first < end < 2**48
        assert Table(game, first).asks


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_generated_questions_are_held_out_and_paid_in_full_or_not_at_all(path):
    for exam in exams(path):
        if exam["game"].startswith("reasoning-gym/"):
            assert exam["parameters"]["part"] == "held-out"
            assert exam["parameters"]["partial"] is False
