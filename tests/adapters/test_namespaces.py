"""Games of other libraries are found, listed and played like our own, or say what is missing."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import pickle
import subprocess
import sys
import warnings

import pytest
from pettingzoo.test import api_test, seed_test
from sparring.agents.scripted import scripted
from sparring.arenas.match import Match, play
from sparring.arenas.tournament import tournament
from sparring.cli import main
from sparring.envs.aec import make
from sparring.envs.registry import MissingLibraryError, UnknownGameError, find, names

needs_openspiel = pytest.mark.skipif(
    not importlib.util.find_spec("pyspiel"), reason="OpenSpiel is not installed"
)
needs_textarena = pytest.mark.skipif(
    not importlib.util.find_spec("textarena"), reason="TextArena is not installed"
)


OPENSPIEL = ("openspiel/kuhn_poker", "openspiel/matrix_rps", "openspiel/tiny_hanabi")
TEXTARENA = ("textarena/TicTacToe-v0", "textarena/KuhnPoker-v0", "textarena/LiarsDice-v0")


@pytest.mark.parametrize(
    "id",
    [pytest.param(id, marks=needs_openspiel) for id in OPENSPIEL]
    + [pytest.param(id, marks=needs_textarena) for id in TEXTARENA],
)
def test_their_games_pass_pettingzoos_tests(id, capsys):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="pettingzoo")
        api_test(make(id), num_cycles=20)
        seed_test(lambda: make(id), num_cycles=20)


@needs_openspiel
def test_a_foreign_game_is_pickled_with_its_parameters_and_copied_in_play():
    game = find("openspiel/kuhn_poker", players=3)
    assert pickle.loads(pickle.dumps(game)) == game
    env = make("openspiel/goofspiel", num_cards=3)
    env.reset(seed=1)
    twin = copy.deepcopy(env)
    for one in (env, twin):
        one.step(one.infos[one.agent_selection]["choices"][0])
    assert env.observe(env.agent_selection) == twin.observe(twin.agent_selection)


@needs_openspiel
def test_scripted_players_meet_in_a_match_and_a_tournament(tmp_path):
    game = find("openspiel/kuhn_poker")
    players = [scripted("nash", game), scripted("random", game)]
    episode = asyncio.run(play(Match(game, dict(zip(game.seats, players, strict=True)), 3)))
    assert episode.ending.kind == "outcome"
    assert episode.game.id == "openspiel/kuhn_poker"
    done = tournament(game, players, tmp_path / "store.sqlite", pairs=5)
    assert done.leaderboard


@needs_openspiel
def test_the_command_line_lists_and_shows_and_plays_them(capsys):
    assert main(["games"]) == 0
    assert "openspiel/" in capsys.readouterr().out
    assert main(["games", "openspiel/"]) == 0
    assert "openspiel/kuhn_poker " in capsys.readouterr().out
    assert main(["games", "openspiel/kuhn_poker", "--set", "players=3"]) == 0
    shown = capsys.readouterr().out
    assert "player_2" in shown
    assert "OpenSpiel" in shown
    assert main(["play", "openspiel/kuhn_poker", "--seat", "player_0=nash"]) == 0
    assert "payoff: player_0" in capsys.readouterr().out


@needs_textarena
def test_known_faults_are_shown_with_the_facts(capsys):
    assert main(["games", "textarena/KuhnPoker-v0"]) == 0
    shown = capsys.readouterr().out
    assert "TextArena" in shown
    assert "pot stays at the two antes" in shown


@pytest.mark.parametrize(
    ("namespace", "module", "id"),
    [
        ("openspiel", "pyspiel", "openspiel/kuhn_poker"),
        ("textarena", "textarena", "textarena/TicTacToe-v0"),
        ("pettingzoo", "rlcard", "pettingzoo/leduc_holdem_v4"),
        ("reasoning-gym", "reasoning_gym", "reasoning-gym/chain_sum"),
        ("openenv", "openenv", "openenv/127.0.0.1:8000"),
        ("verifiers", "verifiers", "verifiers/my_env"),
    ],
)
def test_without_its_library_a_namespace_says_how_to_install_it(namespace, module, id):
    code = (
        "import sys; from importlib.abc import MetaPathFinder\n"
        "class Hide(MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {module!r}: raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        "from sparring.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", code, "games", id], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"pip install 'sparring[{namespace}]'" in done.stderr
    listed = subprocess.run([sys.executable, "-c", code, "games"], capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr


def test_an_unknown_namespace_gives_the_nearest():
    with pytest.raises(UnknownGameError, match="did you mean openspiel"):
        find("openspeil/kuhn_poker")
    with pytest.raises(
        UnknownGameError, match="there are openenv, openspiel, pettingzoo, reasoning-gym"
    ):
        names("gymnasium-robotics")
    with pytest.raises(UnknownGameError, match="`sparring games openspiel/` lists them"):
        find("openspiel")
    assert issubclass(MissingLibraryError, ImportError)


def test_listing_our_own_games_loads_no_other_library():
    code = (
        "import sys; from sparring.cli import main; main(['games']);"
        "heavy = ('textarena', 'pettingzoo', 'reasoning_gym', 'numpy', 'torch');"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
