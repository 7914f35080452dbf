"""Several games in a run: which stands where, whose settings count, what their metrics are called."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from sparring.envs.errors import SparringError
from sparring.training.config import Config, ConfigError, games
from sparring.training.players.menu import Menu, menu
from sparring.training.players.opponents import Mirror
from sparring.training.run import Trained, resume, train
from sparring.training.settings import override, read, to_toml

THREE = (
    "games=[{ id = 'kuhn-poker-v0', weight = 2 }, { id = 'nim-v0', parameters = { heaps = '1-2' } }, "
    "{ id = 'sums-v0', max_tokens = 3, credits = { estimator = 'whiten' } }]"
)
SMALL = ("rollout.games=32", "steps=4", "record.checkpoint_every=2", "record.tensorboard=false")


def made(*settings: str) -> Menu:
    config = override(Config(), [THREE, *settings])
    found = games(config)
    return menu(config, found, [Mirror(game) for game in found])


def labels(of: Menu, step: int, count: int) -> list[str]:
    return [entry.label for entry in of.drawn(step, count)]


def test_each_game_has_its_share_of_a_step_to_within_one():
    counts = Counter(labels(made(), 0, 64))
    assert counts == {"kuhn-poker-v0": 32, "nim-v0(heaps=1-2)": 16, "sums-v0": 16}


def test_which_game_stands_where_is_keyed_by_seed_step_and_place():
    assert labels(made(), 3, 13) == labels(made(), 3, 13)
    assert len({tuple(labels(made(f"seed={seed}"), 3, 13)) for seed in range(8)}) > 1


def test_a_game_may_have_settings_of_its_own():
    kuhn, nim, sums = made("credits.decay=0.5").entries
    assert (kuhn.credits.estimator, nim.credits.estimator, sums.credits.estimator) == (
        "rae",
        "rae",
        "whiten",
    )
    assert sums.credits.decay == 0.5
    assert (kuhn.sampling, sums.sampling and sums.sampling.max_tokens) == (None, 3)


def test_a_menu_is_written_and_read_back(tmp_path):
    config = override(Config(), [THREE, "mix.by=window"])
    (tmp_path / "c.toml").write_text(to_toml(config))
    assert read(tmp_path / "c.toml") == config


def test_one_game_that_is_asked_for_replaces_the_menu():
    assert override(Config(), [THREE, "game=nim-v0"]).menu[0].id == "nim-v0"


def curve(done: Trained) -> list[dict[str, object]]:
    lines = (done.folder / "metrics.jsonl").read_text().splitlines()
    timed = ("seconds/", "games_per_second")
    return [
        {k: v for k, v in json.loads(line).items() if not k.startswith(timed)} for line in lines
    ]


def test_a_mix_that_learns_its_shares_resumes_to_the_same_curve(tmp_path: Path):
    config = override(
        Config(), [THREE, *SMALL, "mix.by=learnability", "mix.floor=0.1", f"out={tmp_path / 'r'}"]
    )
    whole = curve(train(config, quiet=True))
    assert whole[-1].keys() >= {"kuhn-poker-v0/payoff/first", "share/sums-v0"}
    again = curve(resume(f"{tmp_path / 'r'}@2", quiet=True))
    assert again == whole


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["games=[{ id = 'nim-v0' }, { id = 'nim-v0' }]"], "more than once"),
        (["games=[{ id = 'nimm-v0' }]"], "nim-v0"),
        (["games=[{ weight = 1 }]"], "names no game"),
        (["games=[{ id = 'nim-v0', weight = -1 }]"], "from 0 to"),
        (["games=[{ id = 'nim-v0', weight = 0 }]"], "weight 0"),
        (["games=[{ id = 'nim-v0', credits = { decai = 1 } }]"], "did you mean"),
        (["games=[{ id = 'nim-v0', credits = { decay = 7 } }]"], r"games\[1\].credits.decay"),
        (["games=[{ id = 'nim-v0', parameters = { heap = 1 } }]"], "heaps"),
        ([THREE, "credits.trained=wizard"], "names wizard"),
        ([THREE, "credits.trained=solver"], "nothing to train"),
        ([THREE, "mix.floor=0.5"], "0.333 at most"),
        ([THREE, "mix.low=0.9"], "above mix.high"),
        ([THREE, "filters.charge=1"], "role that proposes"),
        ([THREE, "opponents.mode=league"], "one game"),
    ],
)
def test_a_menu_that_cannot_be_played_is_refused_in_one_line(settings, told):
    with pytest.raises((ConfigError, SparringError), match=told) as refusal:
        made(*settings)
    assert "\n" not in str(refusal.value)


def test_what_a_curriculum_has_learnt_goes_on_in_the_next_phase_of_the_same_menu():
    before = made("mix.by=learnability")
    before.shares.restore({"tokens": [1.0, 2.0, 3.0], "values": [0.0, 5.0, 0.0]})
    after, other = made("mix.by=learnability"), made("mix.by=weight")
    after.carry(before.state())
    other.carry(before.state())
    assert after.shares.weights(0) == before.shares.weights(0)
    assert after.shares.weights(0) != made("mix.by=learnability").shares.weights(0)
    assert "values" not in other.shares.state(), "another curriculum begins anew"
