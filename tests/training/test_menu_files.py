"""Every file in the documentation's sections on menus, histories and casts trains for two steps."""

import re
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.training.recipes import configured
from sparring.training.run import train

PAGE = (Path(__file__).parents[2] / "docs/training.md").read_text()
SECTION = PAGE.partition("## A menu of games\n")[2].partition("## Rollouts\n")[0]
FILES = dict(re.findall(r"```toml\n# (\S+)\.toml\n(.*?)```", SECTION, re.DOTALL))
SMALL = ("steps=2", "rollout.games=24", "record.evaluate_every=0", "record.tensorboard=false")


def run(tmp_path: Path, name: str, *settings: str) -> dict[str, object]:
    file = tmp_path / f"{name}.toml"
    file.write_text(FILES[name])
    config = configured("spiral", file, [*SMALL, *settings], {"out": str(tmp_path / "run")})
    return RunFolder(train(config, quiet=True).folder).records()[-1]


@pytest.mark.slow
def test_the_menu_of_the_docs_trains_one_model_on_three_games(tmp_path):
    record = run(tmp_path, "menu")
    told = {"kuhn-poker-v0/payoff/first", "share/nim-v0", "sums-v0/payoff/solver"}
    assert told <= record.keys()
    assert record["nim-v0/invalid_rate/first"] != 1, "the nursery speaks every game of the menu"


@pytest.mark.slow
def test_the_branches_of_the_docs_train(tmp_path):
    assert run(tmp_path, "branches", "verifier=local")["games"] == 2 * 24 * 4


def test_the_cast_of_the_docs_trains(tmp_path):
    assert run(tmp_path, "cast")["step"] == 2
