"""Checkpoints meet their ancestors and players that never change, and an alarm says what was lost."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.arenas.results import Cell, Estimate, GameRow, Pair, Place, complete
from sparring.arenas.store.reading import Archive
from sparring.envs.registry import find
from sparring.envs.types import PolicyRef
from sparring.training import checkpoints
from sparring.training.config import ConfigError, Watch
from sparring.training.recipes import configured
from sparring.training.run import resume, train
from sparring.training.watch.monitors import Watcher
from sparring.training.watch.trial import Trial, judged, measured

SMALL = [
    "rollout.games=8",
    "steps=6",
    "record.evaluate_every=0",
    "record.checkpoint_every=2",
    "record.transcripts_every=0",
    "record.tensorboard=false",
    "threads=1",
    "watch.trial=3",
    "watch.frozen=random",
]
OLD, NEW, OWN, RANDOM = (
    PolicyRef(name, f"id-{name}") for name in ("run@1", "run@2", "run@3", "random")
)


def small(out: Path, *settings: str):
    return configured("spiral", None, [*SMALL, *settings], {"out": str(out)})


def cell(a: PolicyRef, b: PolicyRef, score: float, reach: float = 0.05) -> Cell:
    low, high = score - reach, score + reach
    lead = a.id if low > 0.5 else b.id if high < 0.5 else None
    return Cell(a.id, b.id, Estimate(score, reach / 2, low, high), 100, (), lead)


def test_a_resolved_loss_to_an_ancestor_or_against_a_frozen_player_is_measured_and_alarms():
    cells = [
        cell(OLD, OWN, 0.6),
        cell(OWN, NEW, 0.49),
        cell(RANDOM, NEW, 0.2),
        cell(OWN, RANDOM, 0.65),
    ]
    found = measured(cells, OWN, [OLD, NEW], [RANDOM])
    assert {name: pytest.approx(value) for name, value in found.items()} == {
        "score_past/run@1": 0.4,
        "score_past/run@2": 0.49,
        "score_against/random": 0.65,
        "lost_to/run@1": 0.05,  # at least 0.55 to 0.45
        "lost_to/run@2": 0.0,
        "slipped/random": 0.05,  # run@2 scored at least 0.75, this one at most 0.7
    }
    watcher = Watcher(Watch())
    alarms = watcher.look({"step": 3, **found})
    assert {alarm.name for alarm in alarms} == {"lost_to/run@1", "slipped/random"}
    assert {alarm.text for alarm in alarms} == {
        "run@1, an ancestor, leads by at least 0.05",
        "against random an ancestor scored at least 0.05 more",
    }
    assert not watcher.look({"step": 4, **found}), "said once"


def test_progress_raises_no_alarm():
    found = measured(
        [cell(OWN, OLD, 0.6), cell(OLD, RANDOM, 0.6), cell(OWN, RANDOM, 0.62)], OWN, [OLD], [RANDOM]
    )
    assert found["lost_to/run@1"] == found["slipped/random"] == 0
    assert not Watcher(Watch()).look({"step": 3, **found})


def test_what_ancestors_played_among_each_other_makes_no_loss_harder_to_see() -> None:
    def pairs(a: str, b: str, lead: float) -> list[Pair]:
        scores = [lead + (-1.0) ** n for n in range(40)]
        rows = [
            GameRow(
                f"{a}{b}{n}",
                n,
                leg,
                2,
                n,
                0,
                (Place("x", "x", one, each), Place("y", "y", two, -each)),
            )
            for n, score in enumerate(scores)
            for leg, (one, two, each) in enumerate([(a, b, score), (b, a, -score)])
        ]
        return list(complete(rows))

    def leads(cells: tuple[Cell, ...]) -> list[str | None]:
        return [one.lead for one in cells if "own" in (one.a, one.b)]

    ours = [*pairs("old", "own", 0.45), *pairs("own", "random", 0.0)]
    theirs = [pair for n in range(60) for pair in pairs("old", f"past-{n}", 0.0)]
    assert leads(judged(ours, "payoff", 2)) == leads(judged([*ours, *theirs], "payoff", 2))
    assert leads(judged(ours, "payoff", 2)) == ["old", None]


def trials(folder: Path):
    return [r for r in RunFolder(folder).records() if any(name.startswith("score_") for name in r)]


@pytest.mark.parametrize(
    "settings", [[], ["update.lora=2", "opponents.mode=league", "opponents.every=2"]]
)
def test_every_checkpoint_is_tried_and_the_store_keeps_the_games(
    tmp_path: Path, settings: list[str]
) -> None:
    done = train(small(tmp_path / "run", *settings), quiet=True)
    found = trials(done.folder)
    assert [record["step"] for record in found] == [2, 4, 6]
    assert {name for name in found[-1] if name.startswith("score_")} == {
        "score_against/random",
        "score_past/run@2",
        "score_past/run@4",
    }
    with Archive(done.folder / "store.sqlite") as archive:
        names = {entrant.id: entrant.name for entrant in archive.entrants()}
        rows = archive.rows(find("kuhn-poker-v0"))
    met = {frozenset(names[place.entrant] for place in row.places) for row in rows}
    everybody = ("random", "run@2", "run@4", "run@6")
    assert met == {frozenset(pair) for pair in combinations(everybody, 2)}
    assert len(rows) == 6 * 3 * 2


def test_a_run_stopped_before_a_trial_holds_it_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(small(tmp_path / "a" / "run"), quiet=True)

    def dies(this: Trial, step: int):
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(Trial, "hold", dies)
        with pytest.raises(KeyboardInterrupt):
            train(small(tmp_path / "b" / "run"), quiet=True)
    assert RunFolder(tmp_path / "b/run").steps == [2]
    resume(tmp_path / "b" / "run", quiet=True)
    assert trials(tmp_path / "b" / "run") == trials(whole.folder)


def test_an_alarm_of_a_trial_may_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Trial, "hold", lambda this, step: {"score_against/x": 0.1, "lost_to/x": 0.2 * (step == 4)}
    )
    done = train(small(tmp_path / "run", "watch.action=stop"), quiet=True)
    assert done.step == 4
    assert done.alarms == ("x, an ancestor, leads by at least 0.2",)


def test_a_trial_that_cannot_be_held_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for settings in (["record.checkpoint_every=0"], ["game=self-correct-v0", "watch.frozen=[]"]):
        with pytest.raises(ConfigError, match=r"watch\.trial"):
            train(small(tmp_path / "run", *settings), quiet=True)
    assert not list(tmp_path.iterdir())


def test_a_trial_that_fails_costs_the_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sparring.arenas.tournament import TournamentError

    def fails(this: Trial, step: int):
        raise TournamentError("no game came to anything")

    monkeypatch.setattr(Trial, "hold", fails)
    assert train(small(tmp_path / "run", "steps=2"), quiet=True).step == 2


def test_few_checkpoints_stand_for_many_the_first_and_the_last_among_them():
    assert checkpoints.spread([], 4) == []
    assert checkpoints.spread([5], 4) == [5]
    assert checkpoints.spread([1, 2, 3], 4) == [1, 2, 3]
    assert checkpoints.spread(list(range(10)), 4) == [0, 3, 6, 9]
