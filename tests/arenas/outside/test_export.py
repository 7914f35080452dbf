"""A game as a package: what is written, what is refused, and that nothing is left half-written."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sparring.agents.prompts import chat
from sparring.agents.scripted import Scripted, scripted
from sparring.arenas.match import Match, play
from sparring.arenas.outside import export as module
from sparring.arenas.outside.desk import Desk
from sparring.arenas.outside.plan import ExportError, read
from sparring.cli import main
from sparring.envs.registry import find

EXAMPLE = Path(__file__).parents[3] / "examples" / "my_game.py"


@pytest.mark.parametrize("kind", ["verifiers", "openenv"])
def test_a_package_holds_its_plan_and_the_file_of_its_game(kind, tmp_path):
    out = tmp_path / "race"
    given = ["--to", kind, "--load", str(EXAMPLE), "--games", "7", "--out", str(out)]
    assert main(["export", "my-race-v0", *given]) == 0
    (package,) = [path.parent for path in out.glob("*/game.json")]

    plan = read(package)
    assert (plan.game, plan.games, plan.files) == ("my-race-v0", 7, ("my_game.py",))
    # found from the package's own copy, where the game has never been loaded
    code = (
        "from pathlib import Path; from sparring.arenas.outside.plan import read;"
        f"folder = Path({str(package)!r}); print(read(folder).find(folder).id)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "my-race-v0", done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["kuhn-poker", "--to", "verifiers"], "did you mean kuhn-poker-v0"),
        (["kuhn-poker-v0", "--to", "verifers"], "did you mean verifiers"),
        (["kuhn-poker-v0", "--to", "openenv", "--as", "third"], "its seats: first, second"),
        (["kuhn-poker-v0", "--to", "openenv", "--seat", "third=nash"], "its seats: first, second"),
        (["kuhn-poker-v0", "--to", "openenv", "--seat", "second=nahs"], "did you mean nash"),
        (["kuhn-poker-v0", "--to", "openenv", "--seat", "second=human"], "a person cannot sit"),
        (["kuhn-poker-v0", "--to", "openenv", "--games", "0"], "from 1 to"),
        (["kuhn-poker-v0", "--to", "openenv", "--role", "first"], "for a run's samples"),
        (["some-run", "--as", "first"], "say --to verifiers or --to openenv"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_nothing_is_written(
    arguments, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not list(tmp_path.iterdir())


def test_a_folder_that_stands_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert main(["export", "nim-v0", "--to", "openenv", "--out", str(tmp_path / "mine")]) == 2
    assert "exists" in capsys.readouterr().err
    assert not list((tmp_path / "mine").iterdir())


def test_a_full_disk_leaves_no_half_of_a_package(tmp_path, monkeypatch, capsys):
    def full(file, text):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(module, "_text", full)
    assert main(["export", "nim-v0", "--to", "verifiers", "--out", str(tmp_path / "nim")]) == 2
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_damaged_plan_says_to_export_again(tmp_path):
    (tmp_path / "game.json").write_text(json.dumps({"format": 1, "game": "nim-v0"}))
    with pytest.raises(ExportError, match="export it again"):
        read(tmp_path)


@pytest.mark.parametrize("seats", [("first",), ("second",), ("first", "second")])
def test_a_desk_plays_the_game_that_a_match_plays(seats):
    game = find("kuhn-poker-v0")
    nash = scripted("nash", game)
    words = ("check", "bet", "fold", "call", "<think>bluff</think>bet")

    def say(messages):
        return words[len(messages[-1]["content"]) % len(words)]

    async def outside(seed):
        desk = Desk(game, seats, {"first": nash, "second": nash}, seed)
        while asked := await desk.asked():
            desk.answer(asked.seat, say(asked.messages))
        return await desk.episode()

    here = Scripted(lambda request: say(chat(request.role, request.messages)).split(">")[-1])
    for seed in range(12):
        match = Match(game, {**dict.fromkeys(game.seats, nash), **dict.fromkeys(seats, here)}, seed)
        one, other = asyncio.run(play(match)), asyncio.run(outside(seed))
        assert other.payoff == one.payoff
        assert [t.reply.text for t in other.turns] == [t.reply.text for t in one.turns]
        assert [t.prompt for t in other.turns] == [t.prompt for t in one.turns]


def test_a_desk_that_is_closed_in_mid_game_leaves_nothing_running():
    game = find("nim-v0")

    async def left():
        desk = Desk(game, ("first",), {"second": scripted("random", game)}, 0)
        assert (await desk.asked()).seat == "first"
        await desk.close()
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(left()) == set()
