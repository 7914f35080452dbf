"""Every file in the documentation's section on objectives trains for two steps and says what it did."""

import re
import tomllib
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.training.recipes import configured
from sparring.training.run import train

PAGE = (Path(__file__).parents[2] / "docs/training.md").read_text()
SECTION = PAGE.partition("## Objectives\n")[2].partition("\n## ")[0]
FILES = dict(re.findall(r"```toml\n# (\S+)\.toml\n(.*?)```", SECTION, re.DOTALL))
KINDS = {"gradient", "imitate", "prefer", "nft", "topr"}


def test_every_kind_has_a_file():
    every = [tomllib.loads(text) for text in FILES.values()]
    assert {data.get("objective", {}).get("kind", "gradient") for data in every} == KINDS
    assert SECTION.count("```toml") == len(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_documented_file_trains(tmp_path, name):
    file = tmp_path / f"{name}.toml"
    file.write_text(FILES[name])
    small = ["steps=2", "rollout.games=16", "record.evaluate_every=0", "threads=1"]
    small += ["record.metrics_every=1", "record.tensorboard=false"]
    config = configured("spiral", file, small, {"out": str(tmp_path / "run")})
    done = train(config, quiet=True)
    records = RunFolder(done.folder).records()
    assert done.step == records[-1]["step"] == (4 if config.phases else 2)
    told = {key for record in records for key in record}
    if config.objective.kind == "prefer":
        assert {"preferred", "margin"} <= told
    if config.stock.age or config.phases:
        assert "stored" in told
    if config.inside.weights:
        assert "inside/certainty/first" in told
