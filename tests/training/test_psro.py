"""A double oracle: responses to the equilibrium of all so far, whose NashConv falls to 0."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.cli import main
from sparring.envs.exact import Behaviour, tree, uniform
from sparring.envs.mixture import mixture
from sparring.envs.registry import find
from sparring.training.config import Config, ConfigError, games
from sparring.training.mixtures import FILE, Mixture, MixtureError, keep, mixed, mixtures
from sparring.training.psro import gain
from sparring.training.recipes import configured
from sparring.training.run import resume, train
from sparring.training.selfplay import SelfPlay
from sparring.training.settings import merge

PAGE = (Path(__file__).parents[2] / "docs/training.md").read_text()
FILES = dict(re.findall(r"```(?:toml|python)\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
SMALL = {
    "threads": 1,
    "rounds": 2,
    "opponents": {"mode": "psro"},
    "rollout": {"games": 8, "max_tokens": 8},
    "record": {"checkpoint_every": 1, "tensorboard": False},
    "phases": [{"steps": 1, "start": "base"}],
}


def small(out: Path, **changes) -> Config:
    return merge(Config(), {**SMALL, "out": str(out), **changes})


@pytest.mark.parametrize(
    ("name", "meta", "rounds", "least"),
    [
        ("kuhn-poker-v0", "nash", 13, 1e-6),
        ("kuhn-poker-v0", "uniform", 13, 0.4),
        ("rock-paper-scissors-v0", "nash", 3, 1e-6),
    ],
)
def test_with_exact_responses_the_loop_comes_to_an_equilibrium(name, meta, rounds, least):
    walked = tree(find(name))
    pool = [{i.key: [float(c == i.choices[0]) for c in i.choices] for i in walked.infosets}]
    table, found = [[0.0]], list[float]()
    for _ in range(rounds):
        now = mixture(walked, pool, mixed(table, meta))
        found.append(walked.nash_conv(now))
        best = {s: walked.best_response(s, now).choices for s in walked.game.seats}
        new = {i.key: [float(c == best[i.seat][i.key]) for c in i.choices] for i in walked.infosets}
        gains = [gain(walked, new, other) for other in pool]
        table = [[*row, -each] for row, each in zip(table, gains, strict=True)] + [[*gains, 0.0]]
        pool.append(new)
    assert found[0] == pytest.approx(2)
    assert found[-1] < least


def test_the_pool_is_mixed_by_its_equilibrium_evenly_or_by_the_last():
    beats = [[0, -1, 1], [1, 0, -1], [-1, 1, 0]]
    assert mixed(beats, "nash") == pytest.approx([1 / 3] * 3)
    assert mixed([[0, -1], [1, 0]], "nash") == pytest.approx([0, 1])
    assert mixed(beats, "uniform") == [1 / 3] * 3
    assert mixed(beats, "last") == [0, 0, 1]
    assert mixed([[0]], "nash") == [1]


def test_what_one_gains_from_another_is_the_mean_over_both_seats():
    walked = tree(find("kuhn-poker-v0"))
    bets: Behaviour = {i.key: [0.0, 1.0] for i in walked.infosets}
    assert gain(walked, uniform, bets) == pytest.approx(-gain(walked, bets, uniform))
    assert gain(walked, bets, bets) == pytest.approx(0)


@pytest.mark.slow
def test_each_phase_meets_the_mixture_of_those_before_it_and_a_resumed_run_the_same(tmp_path):
    run = tmp_path / "r"
    train(small(run), quiet=True)
    found = mixtures(run)
    assert [list(each.pool) for each in found] == [[0], [0, 1], [0, 1, 2]]
    records = RunFolder(run).records()
    told = [record["psro/nashconv"] for record in records if "psro/nashconv" in record]
    assert told == [each.nashconv for each in found]
    assert told[0] == pytest.approx(0.917, abs=0.01), "the base is near uniform"

    before = (run / FILE).read_text()
    resume(f"{run}@1", quiet=True)
    assert (run / FILE).read_text() == before


def test_a_damaged_pool_is_named_with_its_line(tmp_path):
    keep(tmp_path, Mixture(0, (0,), (1.0,), ((0.0,),)))
    with (tmp_path / FILE).open("a") as file:
        file.write("{}\n")
    with pytest.raises(MixtureError, match="line 2, is corrupt"):
        mixtures(tmp_path)


def test_solving_again_at_a_step_leaves_out_what_stood_beyond_it(tmp_path):
    for step in (0, 2, 4):
        keep(tmp_path, Mixture(step, (0,), (1.0,), ((0.0,),)))
    keep(tmp_path, Mixture(2, (0, 2), (0.5, 0.5), ((0.0, 0.0), (0.0, 0.0))))
    assert [(each.step, len(each.pool)) for each in mixtures(tmp_path)] == [(0, 1), (2, 2)]


def test_a_run_without_phases_has_no_pool(tmp_path, capsys):
    settings = ["--set", "opponents.mode=psro", "--out", str(tmp_path / "r")]
    assert main(["train", "spiral", *settings]) == 2
    assert "give it phases" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"opponents": {"mode": "psro", "meta": "mean"}}, "one of nash, uniform, last"),
        ({"opponents": {"mode": "psro", "pairs": 0}}, "from 1 to"),
        ({"games": [{"id": "kuhn-poker-v0"}, {"id": "nim-v0"}]}, "rates the players of one game"),
        ({"cast": {"second": "b"}, "sharing": {"mode": "models"}}, "of one learner"),
    ],
)
def test_a_pool_that_cannot_be_solved_is_refused_in_one_line(changes, told, tmp_path):
    with pytest.raises(ConfigError, match=told) as refusal:
        games(small(tmp_path, **changes))
    assert "\n" not in str(refusal.value)


@pytest.mark.slow
def test_trained_responses_bring_a_cycle_to_its_equilibrium(tmp_path):
    (tmp_path / "rock.py").write_text(FILES["rock.py"])
    (tmp_path / "psro.toml").write_text(FILES["psro.toml"])
    given = [f"opponents.entrant={tmp_path}/rock.py:rock", "record.tensorboard=false"]
    config = configured("spiral", tmp_path / "psro.toml", given, {"out": str(tmp_path / "r")})
    train(config, quiet=True)
    told = [each.nashconv for each in mixtures(tmp_path / "r")]
    assert told[0] is not None
    assert told[-1] is not None
    assert told[0] > 1.5
    assert told[-1] < 0.5 * told[0]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_pulled_responses_tell_cards_apart(tmp_path):
    """Blind ones stop at .57 to .65: the second bets whatever it holds, as the first does."""
    (tmp_path / "responses.toml").write_text(FILES["responses.toml"])
    given = ["rounds=2", "record.tensorboard=false", "record.evaluate_every=0", "threads=1"]
    config = configured("spiral", tmp_path / "responses.toml", given, {"out": str(tmp_path / "r")})
    train(config, quiet=True)
    told = [each.nashconv or 0.0 for each in mixtures(tmp_path / "r")]
    assert told[0] == pytest.approx(0.917, abs=0.01)
    assert told[2] < 0.5


def test_a_phase_that_is_begun_once_more_tells_of_its_pool_once(tmp_path, monkeypatch):
    play = SelfPlay.batch

    def killed(this, number):
        if RunFolder(tmp_path / "run").steps:
            raise KeyboardInterrupt
        return play(this, number)

    with monkeypatch.context() as patch:
        patch.setattr(SelfPlay, "batch", killed)
        with pytest.raises(KeyboardInterrupt):
            train(small(tmp_path / "run"), quiet=True)
    assert [r["step"] for r in RunFolder(tmp_path / "run").records() if "psro/size" in r] == [0, 1]
    resume(tmp_path / "run", quiet=True)
    steps = [r["step"] for r in RunFolder(tmp_path / "run").records() if "psro/size" in r]
    assert steps == [0, 1, 2]
