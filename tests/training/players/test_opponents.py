"""Whom the learner meets, that only it is trained, and that resuming meets the same."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.training.checkpoints import steps
from sparring.training.config import Config, ConfigError
from sparring.training.recipes import configured
from sparring.training.run import Trained, resume, train
from sparring.training.selfplay import SelfPlay

SMALL = [
    "rollout.games=12",
    "steps=6",
    "record.evaluate_every=0",
    "record.checkpoint_every=2",
    "record.metrics_every=1",
    "record.transcripts_every=0",
    "record.tensorboard=false",
    "opponents.every=2",
    "threads=1",
]


def small(out: Path, *settings: str) -> Config:
    return configured("spiral", None, [*SMALL, *settings], {"out": str(out)})


class Watched:
    """Every step's seatings, and who was trained against whom."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.met: dict[int, list[tuple[str, str]]] = {}
        self.trained: dict[int, Counter[str]] = {}
        play = SelfPlay.batch

        def batch(this: SelfPlay, number: int):
            packed = play(this, number)
            assert this.last
            self.met[number] = [
                (e.seats["first"].name, e.seats["second"].name) for e in this.last.episodes
            ]
            attempts = [each.sample.attempt for each in this.last.trained]
            self.trained[number] = Counter(of.opponent for of in attempts)
            for episode in this.last.episodes:
                for of in attempts:
                    if of.seed == episode.seed:
                        assert episode.seats[of.seat].name == "learner"
            return packed

        patch.setattr(SelfPlay, "batch", batch)


def killed_and_resumed(
    out: Path, patch: pytest.MonkeyPatch, *settings: str, to: str = ""
) -> Trained:
    """A run that dies in its fifth step and is taken up again at its fourth, in a folder renamed `to`."""
    play = SelfPlay.batch

    def dies(this: SelfPlay, number: int):
        if number == 5:
            raise KeyboardInterrupt
        return play(this, number)

    with patch.context() as once:
        once.setattr(SelfPlay, "batch", dies)
        with pytest.raises(KeyboardInterrupt):
            train(small(out, *settings), quiet=True)
    return resume(out.rename(out.with_name(to or out.name)), quiet=True)


def curve(folder: Path):
    timed = ("seconds/", "games_per_second")
    return [
        {k: v for k, v in r.items() if not k.startswith(timed)} for r in RunFolder(folder).records()
    ]


@pytest.mark.parametrize(
    "settings",
    [["opponents.mode=past"], ["opponents.mode=past", "update.lora=2"], ["opponents.mode=league"]],
)
def test_past_selves_are_met_and_a_resumed_run_meets_the_same(tmp_path, monkeypatch, settings):
    with monkeypatch.context() as patch:
        whole = Watched(patch)
        train(small(tmp_path / "a" / "run", *settings), quiet=True)
    assert {name for pair in whole.met[0] for name in pair} == {"learner"}
    seen = {name for number in (4, 5) for pair in whole.met[number] for name in pair}
    assert {"step-2", "step-4"} <= seen <= {"learner", "step-2", "step-4"}
    assert {pair.index("learner") for pair in whole.met[5] if pair != ("learner", "learner")} == {
        0,
        1,
    }
    with monkeypatch.context() as patch:
        again = Watched(patch)
        killed_and_resumed(tmp_path / "b" / "run", monkeypatch, *settings)
    assert again.met == whole.met
    assert again.trained == whole.trained
    assert curve(tmp_path / "b" / "run") == curve(tmp_path / "a" / "run")
    last = curve(tmp_path / "a" / "run")[-1]
    assert any(name.startswith("games_against/step-") for name in last)
    folders = [p.name for p in (tmp_path / "a/run/checkpoints/step-6").iterdir() if p.is_dir()]
    assert folders == ["state"]


def test_league_games_are_in_the_store_once_even_when_played_again(tmp_path, monkeypatch):
    from sparring.arenas.store import Store
    from sparring.envs.registry import find

    game = find("kuhn-poker-v0")
    rows = {}
    with monkeypatch.context() as patch:
        watched = Watched(patch)
        train(small(tmp_path / "a" / "run", "opponents.mode=league"), quiet=True)
    killed_and_resumed(tmp_path / "b" / "run", monkeypatch, "opponents.mode=league")
    for name in ("a", "b"):
        with Store(tmp_path / name / "run" / "store.sqlite") as store:
            rows[name] = [
                (r.order, r.seed, [replace(place, seconds=0.0) for place in r.places])
                for r in store.rows(game, "league")
            ]
    assert rows["a"] == rows["b"]
    others = sum(pair != ("learner", "learner") for pairs in watched.met.values() for pair in pairs)
    assert len(rows["a"]) == others > 0


def test_a_fixed_entrant_is_met_in_both_seats_and_never_trained(tmp_path, monkeypatch):
    watched = Watched(monkeypatch)
    settings = ["opponents.mode=fixed", "opponents.entrant=nash", "opponents.mirror=0.3", "steps=2"]
    train(small(tmp_path / "run", *settings), quiet=True)
    pairs = Counter(pair for pairs in watched.met.values() for pair in pairs)
    assert set(pairs) == {("learner", "nash"), ("nash", "learner"), ("learner", "learner")}
    assert set(watched.trained[1]) == {"nash", "self"}
    state = json.loads((tmp_path / "run/checkpoints/step-2/state/sparring.json").read_text())
    assert any(key.endswith("nash") for key in state["play"]["baselines"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["opponents.mode=fixed"], "needs opponents.entrant"),
        (["opponents.mode=past", "record.checkpoint_every=0"], "needs checkpoints"),
        (["opponents.mode=league", "record.keep=2"], "record.keep = 0"),
        (["opponents.mode=past", "game=self-correct-v0"], "seats nobody beside the learner"),
        (
            ["opponents.mode=past", "credits.trained=second", "record.checkpoint_every=0"],
            "needs checkpoints",
        ),
        (["opponents.mode=other"], "mirror, fixed, past, league"),
    ],
)
def test_opponents_that_cannot_be_are_refused_in_one_line(tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        train(small(tmp_path / "run", *settings), quiet=True)


def test_an_alarm_may_roll_back_to_the_checkpoint_before_it_and_go_on_with_other_games(
    tmp_path, monkeypatch
):
    from sparring.training.watch.monitors import Alarm, Watcher

    def look(this, record):
        return (
            [Alarm("test", 3, "once")]
            if record["step"] == 3 and not raised.append(1) and len(raised) == 1
            else []
        )

    raised: list[int] = []
    seeds: dict[int, list[int]] = {}
    play = SelfPlay.matches

    def matches(this, number):
        made = play(this, number)
        seeds.setdefault(number, []).append(made[0].seed)
        return made

    monkeypatch.setattr(Watcher, "look", look)
    monkeypatch.setattr(SelfPlay, "matches", matches)
    done = train(small(tmp_path / "run", "watch.action=rollback"), quiet=True)
    assert (done.step, done.broken) == (6, False)
    assert [r["step"] for r in RunFolder(tmp_path / "run").records()] == [1, 2, 3, 4, 5, 6]
    assert len(seeds[1]) == 1
    assert len(set(seeds[2])) == 2
    assert "rollbacks = 1" in (tmp_path / "run/config.toml").read_text()
    assert steps(tmp_path / "run/checkpoints") == [2, 4, 6]


def test_a_run_that_keeps_breaking_stops(tmp_path, monkeypatch):
    from sparring.training.watch.monitors import Alarm, Watcher

    monkeypatch.setattr(
        Watcher,
        "look",
        lambda this, record: [Alarm("test", 3, "always")] if record["step"] == 3 else [],
    )
    done = train(small(tmp_path / "run", "watch.action=rollback", "watch.rollbacks=1"), quiet=True)
    assert (done.step, done.broken) == (3, True)
    assert steps(tmp_path / "run/checkpoints") == [2]


def test_a_run_of_another_name_meets_the_same_and_a_renamed_one_goes_on(tmp_path, monkeypatch):
    met = []
    for name in ("one", "two"):
        with monkeypatch.context() as patch:
            watched = Watched(patch)
            train(small(tmp_path / name, "opponents.mode=league"), quiet=True)
        met.append(watched.met)
    assert met[0] == met[1]
    assert curve(tmp_path / "one") == curve(tmp_path / "two")

    with monkeypatch.context() as patch:
        again = Watched(patch)
        killed_and_resumed(tmp_path / "three", monkeypatch, "opponents.mode=league", to="four")
    assert again.met == met[0]


def test_a_league_says_in_the_metrics_why_it_chose_and_draws_others_after_a_rollback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    league = ["opponents.mode=league", "steps=4"]
    done = train(small(tmp_path / "a", *league), quiet=True)
    met = dict(watched.met)
    shares = [
        {name: share for name, share in record.items() if name.startswith("reason/")}
        for record in RunFolder(done.folder).records()
        if "games" in record
    ]
    assert shares[0] == {"reason/self-play": 1.0}
    assert all(sum(each.values()) == pytest.approx(1) for each in shares)
    assert "reason/past" in shares[-1]

    train(replace(small(tmp_path / "b", *league), rollbacks=1), quiet=True)
    assert watched.met[3] != met[3]


@pytest.mark.parametrize("weights", [["update.lora=2"], []], ids=["adapters", "models"])
def test_a_step_may_meet_more_past_selves_than_are_held(tmp_path, monkeypatch, weights):
    """All its games are seated before any is played: who sits in one is not taken from it."""
    settings = ["opponents.mode=past", "steps=8", "record.checkpoint_every=1", *weights]
    met = {}
    for name, held in (("few", 1), ("all", 100)):
        with monkeypatch.context() as patch:
            watched = Watched(patch)
            train(small(tmp_path / name, *settings, f"opponents.held={held}"), quiet=True)
        met[name] = watched.met
    assert len({name for pair in met["few"][7] for name in pair}) > 3
    assert met["few"] == met["all"]
    assert curve(tmp_path / "few") == curve(tmp_path / "all")
