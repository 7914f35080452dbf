"""Settings are frozen, checked, and name the nearest key."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sparring.training.config import Config, ConfigError, GameEntry, every
from sparring.training.recipes import UnknownRecipeError, configured, recipe
from sparring.training.settings import listed, merge, override, read, to_toml


def test_settings_that_need_each_other_may_stand_in_either_order():
    together = ["rollout.replicates=3", "rollout.games=9"]
    for settings in (together, together[::-1]):
        assert override(Config(), settings).rollout.games == 9


@pytest.mark.parametrize(
    ("recipe", "settings", "flags", "shots"),
    [
        ("ladder", {}, {}, 2),
        ("ladder", {}, {"model": "tiny:ladder"}, 0),
        ("ladder", {"model": "small"}, {}, 0),
        ("ladder", {"rollout.shots": "1"}, {"model": "tiny:ladder"}, 1),
        ("ladder", {}, {"model": "./tiny"}, 2),
        ("spiral", {"rollout.shots": "1"}, {}, 1),
    ],
)
def test_a_model_taught_without_examples_gets_none_unless_they_are_asked_for(
    recipe, settings, flags, shots
):
    assert configured(recipe, None, settings, flags).rollout.shots == shots


def test_numbers_are_read_as_people_write_them():
    found = override(Config(), ["credits.decay=.95", "credits.scale=2.", "update.lr=1.e-3"])
    assert (found.credits.decay, found.credits.scale, found.update.lr) == (0.95, 2.0, 0.001)
    # a name with a dot stays a name
    assert override(Config(), ["model=.5b"]).model == ".5b"


def test_settings_given_as_text_are_of_their_types():
    config = override(
        Config(),
        [
            "update.lr=1",
            "game=nim-v0",
            "rollout.games=8",
            "update.fold=false",
            "parameters.heaps=3",
        ],
    )
    assert (config.update.lr, config.game, config.rollout.games) == (1.0, "nim-v0", 8)
    assert config.update.fold is False
    assert config.parameters == {"heaps": 3}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("update.lrr=1", "did you mean update.lr"),
        ("decay=1", "did you mean credits.decay"),
        ("gmae=x", "did you mean game"),
        ("update.lr=fast", "update.lr must be a number; it is 'fast'"),
        ("steps=1.5", "steps must be an integer"),
        ("steps=true", "steps must be an integer"),
        ("credits.estimator=gae", "must be one of rae, group"),
        ("update=3", "update is a table of settings"),
        ("steps=0", "steps must be from 1 to 10,000,000; it is 0"),
        ("update.lr=nan", "update.lr must be from 0 to 1; it is nan"),
        (
            "rollout.engine=vlm",
            "rollout.engine must be auto, transformers, vllm, server or URLs of",
        ),
        ("update.clip_ratio=inf", "update.clip_ratio must be from 0 to 10"),
        ("update.kl=1" + 400 * "0", "update.kl must be a number of less than 300 digits"),
        ("seed=-4", "seed must be from 0 to 4,294,967,295"),
        ("credits.turns=[0]", "counts a seat's turns from 1"),
        ("steps", "expected key=value"),
        ("rollout.replicates=3", "no multiple"),
    ],
)
def test_bad_settings_are_refused_with_what_to_do(setting: str, said: str):
    with pytest.raises(ConfigError, match=said):
        override(Config(), [setting])


def test_credits_alone_are_not_spread_as_payoffs_alone():
    with pytest.raises(ConfigError, match="leaves the credits alone"):
        override(Config(), ["credits.payoff=false", "credits.spread=terminal"])
    override(Config(), ["credits.spread=turn", "credits.payoff=false"])


NUMBERS = [
    (name, setting.bounds)
    for name, setting, value in every(Config())
    if isinstance(value, (int, float)) and not isinstance(value, bool)
]


@pytest.mark.parametrize(("name", "bounds"), NUMBERS, ids=[name for name, _ in NUMBERS])
def test_every_number_has_a_least_and_a_greatest_value(name, bounds):
    whole = bounds[1] == int(bounds[1])
    for wrong in (bounds[0] - 1, bounds[1] + (1 if whole else 0.1)):
        with pytest.raises(ConfigError, match=f"{name} must be from"):
            override(Config(), [f"{name}={wrong:.0f}" if whole else f"{name}={wrong}"])


def test_every_setting_is_listed_with_its_type_bounds_and_meaning():
    lines = list(listed(Config()))
    assert len(lines) == 2 * len(list(every(Config())))
    assert "credits.decay = 0.95  (number, 0 to 0.999999)" in lines
    assert 'opponents.mode = "mirror"  (mirror | fixed | past | league | psro | own)' in lines
    assert all(line.startswith("    ") and line.strip() for line in lines[1::2])


def test_the_example_in_the_docs_is_a_config():
    page = (Path(__file__).parents[2] / "docs/training.md").read_text()
    text, *_ = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    config = merge(recipe("spiral"), tomllib.loads(text))
    assert config.game == "tic-tac-toe-v0"


def test_a_config_survives_its_file(tmp_path: Path):
    config = override(
        Config(),
        [
            "parameters.attempts=4",
            'credits.trained=["first"]',
            'model="a \\"b\\" ü"',
            "update.lr=3e-7",
        ],
    )
    file = tmp_path / "config.toml"
    file.write_text(to_toml(config))
    assert read(file) == config


def test_files_that_are_no_config_are_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot read"):
        read(tmp_path / "none.toml")
    file = tmp_path / "x.toml"
    file.write_text("steps = = 3")
    with pytest.raises(ConfigError, match="is no TOML"):
        read(file)


def test_what_is_wrong_in_a_file_is_told_with_its_name(tmp_path: Path):
    file = tmp_path / "second.toml"
    file.write_text("[updat]\nlr = 1\n")
    with pytest.raises(ConfigError, match=r"second.toml': no setting 'updat'; did you mean update"):
        read(file)
    file.write_text("[update]\nlr = -1\n")
    with pytest.raises(ConfigError, match=r"second.toml': update.lr must be from 0 to 1"):
        read(file)


def test_reading_settings_imports_nothing_heavy():
    heavy = "{'torch', 'trl', 'transformers'}"
    code = f"import sys, sparring.training.config; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_in_the_place_of_a_recipe_is_told_its_flag():
    with pytest.raises(UnknownRecipeError, match=r"is named with --config mine\.toml"):
        recipe("mine.toml")


def test_a_run_of_several_games_is_titled_by_its_menu():
    menu = [GameEntry(id) for id in ("nim-v0", "kuhn-poker-v0", "nim-v0")]
    assert Config(games=tuple(menu)).title == "nim-v0, kuhn-poker-v0"
    assert Config().title == Config().game
