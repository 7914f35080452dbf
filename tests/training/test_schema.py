"""Editors check a config by the schema as the reader of settings does."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from sparring.cli import main
from sparring.training.config import Config, ConfigError
from sparring.training.recipes import configured, recipe_names
from sparring.training.schema import schema
from sparring.training.settings import merge, to_toml

jsonschema = pytest.importorskip("jsonschema")
SUITES = sorted((Path(__file__).parents[2] / "suites").glob("*.toml"))


def faults(data):
    kind = jsonschema.validators.validator_for(schema(Config()))
    return [fault.message for fault in kind(schema(Config())).iter_errors(data)]


def test_it_is_a_schema():
    jsonschema.validators.validator_for(schema(Config())).check_schema(schema(Config()))


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_valid(name):
    assert not faults(tomllib.loads(to_toml(configured(name, None, [], {}))))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_is_valid_and_is_read(path):
    data = tomllib.loads(path.read_text())
    assert not faults(data)
    assert len(merge(Config(), data).exams) == len(data["exams"])


@pytest.mark.parametrize(
    "data",
    [
        {"stepps": 3},
        {"steps": 0},
        {"steps": "ten"},
        {"update": {"lr": 2}},
        {"update": {"loss": "no"}},
        {"load": [1]},
        {"exams": [{"gmae": "sums-v0"}]},
        {"games": {"id": "sums-v0"}},
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(data):
    with pytest.raises(ConfigError):
        merge(Config(), data)
    assert faults(data)


def test_the_command_prints_it_with_the_recipes_own_defaults(capsys):
    assert main(["train", "spiral", "--schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["properties"]["steps"]["default"] == 3000
    assert printed["properties"]["steps"]["maximum"] == 10_000_000
    assert printed["properties"]["update"]["properties"]["lr"]["description"] == "learning rate"
