"""Games played ahead: of older weights, in issue order, the same curve after any interruption."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from sparring.agents.run_folder import RunFolder
from sparring.sandbox.verifier import VerifierError
from sparring.training import losses
from sparring.training.ahead.ahead import Ahead
from sparring.training.ahead.process import Process
from sparring.training.config import ConfigError
from sparring.training.recipes import configured
from sparring.training.run import resume, train

SMALL = [
    "rollout.games=8",
    "rollout.ahead=2",
    "steps=6",
    "record.evaluate_every=6",
    "record.checkpoint_every=3",
    "record.metrics_every=1",
    "record.tensorboard=false",
    "threads=1",
]


def small(out: Path, *settings: str):
    return configured("spiral", None, [*SMALL, *settings], {"out": str(out)})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped."""
    return train(small(tmp_path_factory.mktemp("ahead") / "whole"), quiet=True).folder


def curve(folder: Path):
    """The run's records without what the clock says."""
    timed = ("seconds/", "games_per_second", "player_seconds/", "wait_seconds")
    return [
        {k: v for k, v in r.items() if not k.startswith(timed)} for r in RunFolder(folder).records()
    ]


def weights(folder: Path) -> bytes:
    return (folder / "checkpoints/step-6/model.safetensors").read_bytes()


@pytest.mark.slow
def test_every_step_is_of_weights_as_old_as_was_asked_for(whole):
    ages = [record["age"] for record in curve(whole)[1:]]
    assert ages == [0, 1, 2, 2, 2, 2]


@pytest.mark.slow
def test_fresh_games_are_compared_with_their_sampler_and_old_ones_with_the_present_weights(whole):
    _, fresh, old, *_ = curve(whole)
    assert fresh["sampler_gap"] < 1e-4
    assert "age_kl" not in fresh
    assert old["age_kl"] > 0
    assert old["age_truncated"] == old["age_bias"] == 0


@pytest.mark.slow
def test_a_resumed_run_has_the_curve_and_weights_of_one_that_was_never_stopped(whole, tmp_path):
    left = tmp_path / "left"
    shutil.copytree(whole, left)
    shutil.rmtree(left / "checkpoints/step-6")
    resume(left, quiet=True)
    assert curve(left) == curve(whole)
    assert weights(left) == weights(whole)


@pytest.mark.slow
def test_a_player_that_is_killed_costs_no_game(whole, tmp_path, monkeypatch):
    take, killed = Ahead._take, []

    def dying(self: Ahead) -> None:
        assert isinstance(self._players, Process)
        if self._over and not killed:
            killed.append(self._players.pid)
            os.kill(self._players.pid, signal.SIGKILL)
        take(self)

    monkeypatch.setattr(Ahead, "_take", dying)
    again = train(small(tmp_path / "killed"), quiet=True).folder
    assert killed
    assert curve(again) == curve(whole)
    assert weights(again) == weights(whole)


@pytest.mark.slow
def test_long_games_have_the_share_that_they_have_without_playing_ahead(tmp_path):
    """A queue that trains on what is over first would have few of the long ones in its first steps."""
    mix = ['games=[{id="kuhn-poker-v0"},{id="nim-v0"}]', "model=tiny:kuhn-poker-v0,nim-v0"]
    shares = {}
    for ahead in (0, 1):
        settings = [*mix, f"rollout.ahead={ahead}", "steps=4", "record.evaluate_every=0"]
        found = curve(train(small(tmp_path / str(ahead), *settings), quiet=True).folder)
        names = ("share/kuhn-poker-v0", "share/nim-v0", "games")
        shares[ahead] = [[record[name] for name in names] for record in found]
        turns = [record["nim-v0/samples"] for record in found]
        assert min(turns) > 0
    assert shares[1] == shares[0]


@pytest.mark.slow
def test_past_selves_play_ahead_too(tmp_path):
    settings = ["opponents.mode=past", "rollout.ahead=1", "steps=4", "record.checkpoint_every=1"]
    folder = train(small(tmp_path / "past", *settings), quiet=True).folder
    met = {name for r in curve(folder) for name in r if name.startswith("games_against/")}
    assert met <= {f"games_against/step-{n}" for n in (1, 2, 3)}
    assert "games_against/step-1" in met


@pytest.mark.slow
def test_what_the_player_cannot_open_is_told_here(tmp_path):
    with pytest.raises(VerifierError):
        train(small(tmp_path / "r", "verifier=nowhere"), quiet=True)
    assert not (tmp_path / "r").exists()


def test_a_league_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"league asks how they ended; use past"):
        small(tmp_path / "r", "opponents.mode=league")


def test_old_tokens_weigh_by_how_much_likelier_they_are_now_up_to_a_bound():
    old = torch.tensor([[-1.0, -1.0, -1.0, 0.0]])
    present = old + torch.tensor([[0.0, 0.5, 3.0, -7.0]])
    tensors = {
        "advantages": torch.ones(1, 4),
        "old_per_token_logps": old,
        "completion_mask": torch.ones(1, 4),
        "tool_mask": torch.tensor([[1.0, 1.0, 2.0, 0.0]]),
    }
    changed, found = losses.reweighed(tensors, present, most=2.0)
    grown = torch.tensor([0.0, 0.5, 3.0]).exp()
    assert changed["advantages"][0, :3].tolist() == pytest.approx([1.0, grown[1].item(), 2.0])
    assert changed["old_per_token_logps"] is present
    assert found["age_truncated"] == pytest.approx(2 / 4)
    assert found["age_bias"] == pytest.approx(2 * (grown[2].item() - 2) / 4)
