"""A run that collapses while its self-play reward stays flat: the arena says so, end to end.

Seven planted checkpoints learn poker and lose it again. Against themselves they are paid 0 throughout,
as everybody is in a zero-sum game; only games against ancestors tell.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sparring.agents.scripted import scripted
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.arenas.store import Store
from sparring.cli import main
from sparring.envs.registry import find, forgetting, load

SKILL = (0.0, 0.5, 1.0, 0.8, 0.4, 0.0, -1.0)
GAME = f"""
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import tree
from sparring.envs.registry import find, game
from sparring.envs.script import Script

kuhn = find("kuhn-poker-v0")
nash = equilibrium(tree(kuhn))


def checkpoint(skill):
    '''Nash from skill 1, random at 0, giving up whenever it can at -1.'''
    timid = {{"check": 1.0, "fold": 1.0}}

    def move(seat, messages, choices):
        best = nash[seat, messages]
        worst = [timid.get(choice, 0.0) for choice in choices]
        end = best if skill > 0 else worst
        return [abs(skill) * p + (1 - abs(skill)) / len(choices) for p in end]

    return move


@game(
    "collapse-poker-v0",
    roles={{"first": 1, "second": 1}},
    max_turns=3,
    payoff_range=(-2, 2),
    sum="zero",
    score="payoff",
    rules=kuhn.rules,
    oracles={{f"run@{{100 * n}}": checkpoint(skill) for n, skill in enumerate({SKILL})}},
)
def collapse() -> Script:
    '''Kuhn poker, with checkpoints of a planted run.'''
    return (yield from kuhn.script())
"""
NAMES = [f"run@{100 * n}" for n in range(len(SKILL))]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "collapse.py"
    path.write_text(GAME)
    with forgetting():
        yield path


def test_a_collapse_under_a_flat_self_play_reward_is_seen_in_the_leaderboard_and_in_the_report(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    load(str(file))
    game = find("collapse-poker-v0")
    folder = tmp_path / "run"
    folder.mkdir()
    records = []
    for step, name in enumerate(NAMES):
        player = scripted(name, game)
        alone = [Match(game, dict.fromkeys(game.seats, player), seed) for seed in range(50)]
        paid = [sum(episode.payoff.values()) for episode in asyncio.run(play_all(alone))]
        assert set(paid) == {0.0}  # the reward of the shared policy is as flat as can be
        records.append(
            {"step": 100 * step, "games": 5000 * step, "payoff/both": sum(paid) / len(paid)}
        )
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))

    argv = ["tournament", "collapse-poker-v0", *NAMES, "--pairs", "80", "--out", str(folder)]
    assert main([*argv, "--load", str(file)]) == 0
    printed = capsys.readouterr().out
    alarms = [line for line in printed.splitlines() if line.startswith("! Forgotten")]
    assert any("run@600 loses to 5 of its ancestors" in line for line in alarms)
    assert not any(
        f"{name} loses" in line for line in alarms for name in NAMES[1:3]
    )  # they got better

    page = (folder / "report.html").read_text()
    assert "Forgetting alarm" in page
    assert "run@600 loses to its ancestors run@500, run@400, run@300 and 2 more" in page
    assert "which a flat self-play reward would not show" in page
    assert main(["tournament", "verify", str(folder)]) == 0
    with Store(folder / "store.sqlite") as store:
        (found,) = store.findings("ratings")
        ids = {entrant.id: entrant.name for entrant in store.entrants()}
        assert [[ids[a], ids[b]] for a, b in found.settings["lineage"]] == [
            [a, b] for a, b in zip(sorted(NAMES), sorted(NAMES)[1:], strict=False)
        ]
        assert '"forgotten: ' in found.result
