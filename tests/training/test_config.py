"""Settings are frozen, checked, and name the nearest key."""

import subprocess
import sys
from pathlib import Path

import pytest
from sparring.training.config import Config, ConfigError
from sparring.training.settings import override, read, to_toml


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
        ("steps=0", "steps must be a finite number of at least 1"),
        ("update.lr=nan", "update.lr must be a finite number"),
        ("steps", "expected key=value"),
        ("rollout.replicates=3", "no multiple"),
    ],
)
def test_bad_settings_are_refused_with_what_to_do(setting: str, said: str):
    with pytest.raises(ConfigError, match=said):
        override(Config(), [setting])


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


def test_reading_settings_imports_nothing_heavy():
    heavy = "{'torch', 'trl', 'transformers'}"
    code = f"import sys, sparring.training.config; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
