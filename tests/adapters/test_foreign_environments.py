"""Environments of verifiers and servers of OpenEnv, played here as games; `.ci/outside.sh` has both."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest

for library in ("verifiers.v1", "openenv"):
    # where they have to be, a missing one fails when it is used and skips nothing
    if not os.environ.get("SPARRING_REQUIRE_OUTSIDE"):
        pytest.importorskip(library, reason=".ci/outside.sh has it")

from sparring.agents.scripted import Scripted, scripted  # noqa: E402
from sparring.arenas.match import Match, play  # noqa: E402
from sparring.cli import main  # noqa: E402
from sparring.envs.conformance import check_game, checks  # noqa: E402
from sparring.envs.registry import GameError, ParameterError, find  # noqa: E402
from sparring.envs.replay import replay_episode  # noqa: E402
from sparring.envs.table import Table  # noqa: E402
from sparring.envs.types import PolicyRef, Reply  # noqa: E402

# what Kuhn poker pays, and a forfeit
PAID = {"low": -3.0, "high": 2.0}
WORDS = ("check", "bet", "fold", "call", "raise")

GUESSES = '''
"""Two agents guess at a number by turns; who says it first wins."""

import verifiers.v1 as vf


class Number(vf.TaskData):
    number: int = 0


class Guess(vf.Task[Number]):
    pass


class Numbers(vf.TasksetConfig):
    most: int = 9


class GuessSet(vf.Taskset[Guess, Numbers]):
    def load(self):
        for number in range(1, self.config.most + 1):
            yield Guess(Number(number=number), self.config.task)


class GuessConfig(vf.EnvConfig):
    one: vf.AgentConfig = vf.AgentConfig(model="some-other-model")
    two: vf.AgentConfig = vf.AgentConfig()


class GuessEnv(vf.Env[GuessConfig]):
    async def run(self, task, agents):
        number = task.data.number
        async with agents.one.interaction(task) as one, agents.two.interaction(task) as two:
            said = "guess"
            for turn in range(4):
                talk, other = ((one, two), (two, one))[turn % 2]
                said = (await talk.turn(f"A number up to {task.data.number + 3}. Heard: {said}")).last_reply
                if said == str(number):
                    break
            won = said == str(number)
        talk.trace.record_reward("won", float(won))
        other.trace.record_reward("won", 0.0)


__all__ = ["GuessSet", "GuessEnv"]
'''

UNSEEDED = '''
import itertools, os, sys
from functools import partial
import uvicorn
from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State

class Move(Action):
    text: str

class Seen(Observation):
    prompt: str = ""

count = itertools.count()

class Counter(Environment):
    """Heeds no seed, and its process ends at the word `die`."""
    SUPPORTS_CONCURRENT_SESSIONS = True

    def reset(self, seed=None, episode_id=None, **others):
        return Seen(prompt=f"game {next(count) if 'unseeded' in sys.argv else seed}")

    def step(self, action, timeout_s=None, **others):
        if action.text == "die":
            os._exit(1)
        return Seen(prompt="over", done=True, reward=7.0 if action.text == "rich" else 1.0)

    @property
    def state(self):
        return State()

    def close(self):
        pass

app = create_app(Counter, Move, Seen, env_name="counter", max_concurrent_envs=64)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
'''


@contextmanager
def served(*command, cwd):
    """A server in a process of its own, told its port last; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, *(word.replace("PORT", str(port)) for word in command)]
    server = subprocess.Popen(words, cwd=cwd)
    try:
        for _ in range(1800):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health").read()
                break
            except OSError:
                assert server.poll() is None, "the server ended"
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Kuhn poker exported to both, and small environments of our own."""
    home = tmp_path_factory.mktemp("outside")
    given = ["kuhn-poker-v0", "--as", "first", "--seat", "second=nash", "--games", "30"]
    for kind in ("verifiers", "openenv"):
        assert main(["export", *given, "--to", kind, "--out", str(home / kind)]) == 0
    (home / "verifiers" / "guesses.py").write_text(GUESSES)
    (home / "server.py").write_text(UNSEEDED)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(home / "verifiers"))
        yield home


@pytest.fixture(scope="module")
def kuhn(home):
    command = ("-m", "uvicorn", "kuhn_poker_v0_env.server.app:app", "--port", "PORT")
    with served(*command, "--log-level", "error", cwd=home / "openenv") as address:
        yield f"openenv/{address}"


@pytest.fixture
def counter(home):
    def start(*words):
        return served("server.py", "PORT", *words, cwd=home)

    return start


def played(game, say, seed=0):
    table = Table(game, seed)
    while table.ending is None:
        table.answer([Reply(say(len(table.turns), ask)) for ask in table.asks])
    return table


def says(item):
    """A reply by the number of the game and of the turn alone, legal or not."""
    return lambda turn, ask: WORDS[(item * 7 + turn * 3) % len(WORDS)]


def ours(item):
    """The same game, played here without any library."""
    game = find("kuhn-poker-v0")
    nash, turns = scripted("nash", game), iter(range(9))

    def first(request):
        return says(item)(next(turns), None)

    seats = {"first": Scripted(first), "second": nash}
    return asyncio.run(play(Match(game, seats, item)))


def test_both_pay_what_the_game_pays_here(kuhn):
    for item in range(10):
        wanted = ours(item)
        there = find(kuhn, item=item, **PAID)
        for game, seat in (
            (there, "player"),
            (find("verifiers/kuhn_poker_v0", item=item, **PAID), "first"),
        ):
            table = played(game, says(item))
            assert table.ending.kind == "outcome", table.ending
            assert table.payoff[seat] == wanted.payoff["first"]
            mine = [turn.reply.text for turn in wanted.turns if turn.seat == "first"]
            assert [turn.reply.text for turn in table.turns] == mine


@pytest.mark.parametrize("id", ["kuhn", "verifiers/kuhn_poker_v0", "verifiers/guesses"])
def test_they_conform(id, kuhn):
    game = (
        find("verifiers/guesses") if "guesses" in id else find(kuhn if id == "kuhn" else id, **PAID)
    )
    check_game(game, range(3))


def test_agents_are_seats_and_settings_of_the_tasks_are_parameters():
    game = find("verifiers/guesses", most=5)
    assert game.seats == ("one", "two")
    assert game.items == 5
    table = played(find("verifiers/guesses", item=3), lambda turn, ask: str(turn + 3))
    assert dict(table.payoff) == {"one": 0.0, "two": 1.0}
    # what was told before is not told again, and each hears the other alone
    assert [turn.prompt[-1].text for turn in table.turns] == [
        "A number up to 7. Heard: guess",
        "A number up to 7. Heard: 3",
    ]
    episode = table.episode(dict.fromkeys(game.seats, PolicyRef("x")))
    assert replay_episode(find("verifiers/guesses", item=3), episode).payoff == table.payoff
    with pytest.raises(ParameterError, match="item must be below 9"):
        find("verifiers/guesses", item=9)


def test_a_game_that_is_left_in_the_middle_leaves_the_next_one_whole(kuhn):
    for id in (kuhn, "verifiers/kuhn_poker_v0"):
        game = find(id, item=4, **PAID)
        for _ in range(3):
            assert Table(game).asks
        assert played(game, says(4)).ending.kind == "outcome"


def test_a_server_that_ignores_its_seed_is_told_in_one_line(counter, capsys):
    with counter("unseeded") as address:
        game = find(f"openenv/{address}")
        assert "ignores its seed" in game.caveats[0]
        faults = [fault for check in checks(game, range(3)) for fault in check.faults]
        assert len(faults) == 1
        assert "ignores its seed" in faults[0]
        assert main(["games", f"openenv/{address}"]) == 0
        assert "ignores its seed" in capsys.readouterr().out
    with counter() as address:
        assert find(f"openenv/{address}").caveats == ()


def test_a_server_that_dies_ends_the_game_in_one_line(counter, capsys):
    with counter() as address:
        id = f"openenv/{address}"
        table = played(find(id), lambda turn, ask: "die")
        assert table.ending.kind == "error"
        assert "broke off in mid-game" in table.ending.reason
        assert not table.payoff
        assert "\n" not in table.ending.reason
        capsys.readouterr()
        # its facts are known, so that the command gets as far as its first game
        assert main(["play", id, "--seat", "player=sample"]) == 2
        assert "does not begin a game" in capsys.readouterr().out
        assert main(["exam", "sample", id, "--seeds", "0:3"]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_what_is_not_there_and_what_pays_beyond_its_bounds_is_one_line(counter, capsys):
    assert main(["games", "openenv/127.0.0.1:9"]) == 2
    assert main(["games", "verifiers/no_such_environment"]) == 2
    first, second = capsys.readouterr().err.strip().splitlines()
    assert "no OpenEnv server answers at http://127.0.0.1:9" in first
    assert "finds no environment 'no_such_environment'" in second
    with counter() as address:
        table = played(find(f"openenv/{address}"), lambda turn, ask: "rich")
        assert "paid 7, outside low = 0 and high = 1" in table.ending.reason
    with pytest.raises(GameError, match="low = 3 is above high = 1"):
        find("verifiers/guesses", low=3.0)
