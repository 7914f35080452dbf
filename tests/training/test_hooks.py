"""Functions of one's own in the place of parts: named, given as callables, recorded, and taken again."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from sparring.agents.run_folder import RunFolder
from sparring.agents.seats import seat
from sparring.cli import main
from sparring.envs.hooks import HookError, hook, is_hook, name_of
from sparring.envs.registry import find
from sparring.training.config import ConfigError
from sparring.training.recipes import configured
from sparring.training.run import resume, train

PAGE = Path(__file__).parents[2] / "docs/training.md"
SMALL = (
    "rollout.games=8",
    "record.evaluate_every=0",
    "record.tensorboard=false",
    "record.checkpoint_every=1",
    "update.schedule=constant",
)
MINE = """
import torch
from sparring.agents.scripted import scripted
from sparring.training.data.advantage import Centre
from sparring.training.players.opponents import Mirror
from sparring.training.players.shares import ByWeight

def centred(outcomes, baselines, credits):
    return [Centre(0.0) for _ in outcomes], baselines

def few(outcomes, baselines, credits):
    return [], baselines

def reinforce(logps, old, advantages, mask):
    return -advantages * logps

def nothing(logps, old, advantages, mask):
    return 0.0 * logps

def opponents(config, game, learner):
    return Mirror(game)

class Second(ByWeight):
    def weights(self, step):
        return [0.0, 1.0]

def shares(weights, mix):
    return Second(weights, mix)

def always(record):
    return {"always": f"step {record['step']:.0f} is wrong"}

def player(game):
    return scripted("random", game)

def no_player(game):
    return "random"
"""


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    return str(tmp_path / "mine.py")


def run(tmp_path, *settings, steps=1, name="r", **functions):
    out = {"out": str(tmp_path / name), "steps": steps}
    return train(configured("spiral", None, [*SMALL, *settings], out), quiet=True, **functions)


def file(done):
    return RunFolder(done.folder).checkpoint(done.step) / "model.safetensors"


def weights(done):
    return file(done).read_bytes()


def test_an_estimator_of_ones_own_without_a_baseline_trains_as_the_one_that_is_there(
    tmp_path, mine
):
    own = run(
        tmp_path, "credits.estimator=own", f"hooks.estimator={mine}:centred", steps=2, name="own"
    )
    ours = run(tmp_path, "credits.estimator=none", steps=2, name="ours")
    rae = run(tmp_path, steps=2, name="rae")
    assert weights(own) == weights(ours) != weights(rae)


def test_a_loss_of_ones_own_replaces_the_kinds(tmp_path, mine):
    settings = ("objective.kind=own", "update.kl=0")
    moved = run(tmp_path, *settings, f"hooks.loss={mine}:reinforce", name="moved")
    still = run(tmp_path, *settings, f"hooks.loss={mine}:nothing", name="still")
    gradient = run(tmp_path, "update.kl=0", name="gradient")
    start = run(tmp_path, "update.kl=0", "update.lr=0", name="start")
    assert weights(still) == weights(start)

    # fresh samples: REINFORCE and TRL's loss have one gradient
    def change(done):
        return load_file(file(done))["lm_head.weight"] - load_file(file(start))["lm_head.weight"]

    apart = change(moved).flatten().dot(change(gradient).flatten())
    assert apart / change(moved).norm() / change(gradient).norm() > 0.999


def test_opponents_and_shares_of_ones_own_are_asked(tmp_path, mine):
    (tmp_path / "c.toml").write_text('[[games]]\nid = "kuhn-poker-v0"\n[[games]]\nid = "nim-v0"\n')
    settings = [
        *SMALL,
        "opponents.mode=own",
        f"hooks.opponents={mine}:opponents",
        "mix.by=own",
        f"hooks.shares={mine}:shares",
        "model=tiny:kuhn,nim,sums",
    ]
    config = configured(
        "spiral", tmp_path / "c.toml", settings, {"out": str(tmp_path / "r"), "steps": 1}
    )
    assert train(config, quiet=True).metrics["share/nim-v0"] == 1.0


def test_a_monitor_of_ones_own_raises_an_alarm(tmp_path, mine):
    done = run(tmp_path, f"hooks.monitors={mine}:always")
    assert any("step 1 is wrong" in alarm for alarm in done.alarms)


def test_players_and_judges_are_functions_from_the_game_to_a_policy(tmp_path, mine, capsys):
    assert seat(f"{mine}:player", find("nim-v0")).ref.name == "random"
    assert main(["play", "nim-v0", "--seat", f"*={mine}:player"]) == 0
    done = run(tmp_path, "opponents.mode=fixed", f"opponents.entrant={mine}:player")
    assert done.metrics["games_against/random"] == 8


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("credits.estimator=own",), "needs hooks.estimator = FILE.py:FUNCTION"),
        (("hooks.loss={mine}:reinforce",), "serves objective.kind = own, which is gradient"),
        (
            ("credits.estimator=own", "hooks.estimator={mine}:nobody"),
            "has no function 'nobody'; it has always, centred",
        ),
        (("credits.estimator=own", "hooks.estimator=gone.py:f"), "no Python file gone.py"),
        (("credits.estimator=own", "hooks.estimator=f"), "give FILE.py:FUNCTION"),
    ],
)
def test_what_is_no_function_is_refused_in_one_line(tmp_path, mine, settings, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        configured("spiral", None, [each.format(mine=mine) for each in settings], {})


def test_what_a_function_gives_is_checked(tmp_path, mine):
    with pytest.raises(HookError, match="gave a str, which is no policy: it has no act, no ref"):
        seat(f"{mine}:no_player", find("nim-v0"))
    with pytest.raises(HookError, match=r"gave 0 centres for \d+ outcomes"):
        run(tmp_path, "credits.estimator=own", f"hooks.estimator={mine}:few")


def test_only_a_function_at_the_top_of_a_file_can_be_found_again():
    with pytest.raises(HookError, match="define it by `def` at the top of a file"):
        name_of(lambda record: {})
    assert hook(name_of(test_only_a_function_at_the_top_of_a_file_can_be_found_again))


@pytest.mark.parametrize("name", ["demo:challenger@120", "llama3.2:1b", "classifier:x", "nash"])
def test_other_names_with_a_colon_are_no_functions(name):
    assert not is_hook(name)


def test_the_script_of_the_docs_runs_and_its_run_resumes_with_the_same_functions(tmp_path):
    script = PAGE.read_text().split("# own.py\n")[1].split("```")[0]
    (tmp_path / "own.py").write_text(script)
    subprocess.run([sys.executable, "own.py"], cwd=tmp_path, check=True, capture_output=True)

    folder = tmp_path / "runs/own"
    assert "own.py:against_half" in (folder / "config.toml").read_text()
    assert resume(folder, steps=3, quiet=True).step == 3
