"""The table of papers says of each recipe what its settings are: estimator, KL, who shares weights, game."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sparring.training.config import Config
from sparring.training.phases import stages
from sparring.training.recipes import recipe, recipe_names

PAGE = (Path(__file__).parents[3] / "docs/games.md").read_text()
RECIPES = [name for name in recipe_names() if name != "demo"]
SAID = {
    "rae": "RAE",
    "group": "GRPO|group|√",
    "loo": "RLOO",
    "whiten": r"TRR\+\+|REINFORCE\+\+|whitened|centred and divided",
    "hierarchical": "mean",
    "none": "none|DPO",
}
"""What a row calls an estimator."""
SHARED = {"models": "two models|a model each", "adapters": "an adapter an agent"}


def rows() -> dict[str, dict[str, str]]:
    """The cells of each recipe's row, by the head of their column."""
    found: dict[str, dict[str, str]] = {}
    head: list[str] = []
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells or not head:
            head = cells
        elif {"paper", "recipe"} <= {*head}:
            row = dict(zip(head, cells, strict=True))
            for name in re.findall(r"`([a-z0-9-]+)`", row["recipe"].partition(", on ")[0]):
                assert name not in found, f"{name} has two rows"
                found[name] = row
    return found


ROWS = rows()


def formula(row: dict[str, str]) -> str:
    return next(text for head, text in row.items() if head.startswith("reward"))


def alike(name: str) -> list[Config]:
    """The settings of every stage of the recipes that share the row."""
    named = [other for other in RECIPES if ROWS[other] is ROWS[name]]
    return [stage.config for other in named for stage in stages(recipe(other))]


def test_every_recipe_has_one_row():
    assert {*ROWS} == {*RECIPES}


@pytest.mark.parametrize("name", RECIPES)
def test_a_row_names_the_estimators_of_its_recipe(name):
    """Of each game of a menu, and of each stage."""
    known = {
        str(entry.credits.get("estimator", config.credits.estimator))
        for config in alike(name)
        for entry in config.menu
    }
    told = formula(ROWS[name])
    assert [each for each in known if not re.search(SAID[each], told)] == []


@pytest.mark.parametrize("name", RECIPES)
def test_a_row_names_the_kl_of_its_recipe(name):
    used = {config.update.kl for config in alike(name)} - {0.0}
    told = {float(number) for number in re.findall(r"KL (\d*\.?\d+)", formula(ROWS[name]))}
    assert told == used


@pytest.mark.parametrize("name", RECIPES)
def test_a_row_names_who_shares_weights(name):
    mode = recipe(name).sharing.mode
    said = {each for each, words in SHARED.items() if re.search(words, formula(ROWS[name]))}
    members = recipe(name).population.listed or recipe(name).opponents.mode == "psro"
    assert said - ({"models"} if members else set()) == {mode} - {"one"}


@pytest.mark.parametrize("name", [name for name in RECIPES if "game" in ROWS[name]])
def test_a_row_names_the_games_of_its_recipe(name):
    played = {entry.id for entry in recipe(name).menu}
    assert [id for id in played if f"`{id.removesuffix('-v0')}" not in ROWS[name]["game"]] == []
