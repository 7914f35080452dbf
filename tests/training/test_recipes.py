"""Every recipe names a game that exists, says its reward and what differs, and trains."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.envs.registry import find
from sparring.training.config import ConfigError
from sparring.training.players.menu import judge
from sparring.training.recipes import recipe, recipe_names

from .recipes.attacker_defender import RUNS as ATTACKING
from .recipes.between_equals import RUNS as EQUAL
from .recipes.generator_critic import RUNS as CRITICAL
from .recipes.proposer_solver import RUNS as PROPOSING
from .recipes.updates import RUNS as UPDATING

ROOT = Path(__file__).parents[2]
TRIED = {run.name for run in (*PROPOSING, *ATTACKING, *CRITICAL, *EQUAL, *UPDATING)}
"""Recipes that `tests/training/recipes` trains on small models that can play."""
PUBLISHED = [name for name in recipe_names() if name not in ("demo", "spiral", "absolute-zero")]


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_names_itself_and_a_game_with_parameters_that_it_takes(name):
    config = recipe(name)
    assert config.recipe == name
    game = find(config.game, **config.parameters)
    assert set(config.credits.trained) <= set(game.roles)


def test_a_recipe_whose_game_has_judges_starts_with_the_games_rule_or_with_a_judge_that_is_named():
    judged = {name: find(recipe(name).game, **recipe(name).parameters) for name in recipe_names()}
    judged = {name: game for name, game in judged.items() if {*game.judges} & {*game.roles}}
    own = {"meta-rewarding", "self-rewarding", "self-rewarding-self-improving"}
    assert set(judged) == {"self-redteam"} | own
    assert judge(recipe("self-redteam"), judged["self-redteam"]).ref.name == "rule"
    for name in own:
        assert recipe(name).judge == "self"
        with pytest.raises(ConfigError, match="name a model"):
            judge(replace(recipe(name), judge=""), judged[name])


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_says_its_reward_and_what_the_published_one_does_otherwise(name):
    text = (
        importlib.import_module(f"sparring.training.recipes.{name.replace('-', '_')}").__doc__ or ""
    )
    assert "\n    " in text, "the reward stands as a formula"
    assert "Published" in text or "Equal" in text


def test_the_table_of_papers_names_every_recipe_and_every_game():
    from sparring.envs.registry import game_ids

    table = (ROOT / "docs/games.md").read_text()
    missing = [name for name in recipe_names() if name != "demo" and f"`{name}`" not in table]
    ours = [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
    missing += [id for id in ours if f"`{id}`" not in table and f"`{id[:-3]}`" not in table]
    assert not missing


def test_every_published_recipe_is_trained_on_a_small_model_that_can_play():
    assert {*PUBLISHED, "absolute-zero"} == TRIED
