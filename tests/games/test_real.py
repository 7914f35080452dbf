"""Every game with its own scripted players on the real sandbox, and tricks that must not score there."""

from __future__ import annotations

import asyncio

import pytest
from sparring.agents.scripted import Scripted, scripted
from sparring.arenas.match import Match, play
from sparring.envs.registry import find, game_ids
from sparring.envs.table import replay_episode
from sparring.sandbox import open_verifier

SAMPLED = [id for id in game_ids() if "sample" in find(id).oracles]


@pytest.fixture(scope="module")
def verifier():
    pool = open_verifier("local", size=2)
    yield pool
    pool.shut()


def run(verifier, id, seats=None, seed=0, **parameters):
    game = find(id, **parameters)
    sample = scripted("sample", game)
    players = {
        seat: (seats or {}).get(seat, (seats or {}).get(role, sample)) for seat, role in game.role_of.items()
    }
    return asyncio.run(play(Match(game, players, seed), verifier=verifier))


@pytest.mark.parametrize("id", SAMPLED)
def test_its_own_players_play_it_to_an_outcome_that_replays(verifier, id):
    payoffs = set()
    for seed in range(3):
        episode = run(verifier, id, seed=seed)
        assert episode.ending.kind == "outcome", episode.ending
        assert replay_episode(find(id), episode).payoff == episode.payoff
        payoffs.add(tuple(episode.payoff.values()))
    assert any(any(payoff) for payoff in payoffs) or find(id).sum == "zero"


def block(source, *rest):
    return f"```python\n{source}\n```\n" + "\n".join(rest)


EQUAL = "class E:\n    def __eq__(self, o):\n        return True\n    def __hash__(self):\n        return 0\n"
CHEATS = {
    "always-equal object": EQUAL + "def f(x):\n    return E()",
    "lying int": "class I(int):\n    def __eq__(self, o):\n        return True\ndef f(x):\n    return I(0)",
    "marker": 'def f(x):\n    print(\'{"status": "ok"}\')\n    raise SystemExit(0)',
    "exit": "import os\ndef f(x):\n    os._exit(0)",
    "StopIteration": "def f(x):\n    raise StopIteration",
    "patched builtins": "import builtins\nbuiltins.repr = lambda x: '0'\ndef f(x):\n    return object()",
    "frames": "import sys\ndef f(x):\n    return str(sys._getframe(1).f_locals)",
    "hash order": "def f(x):\n    return list({'a', 'b', 'c', 'd', 'e', 'f'})",
    "clock": "import time\ndef f(x):\n    return time.time()",
    "files": "def f(x):\n    return open('/proc/self/environ').read()",
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_no_trick_defends_a_specification(verifier, cheat):
    """Three hidden-style inputs break it, whatever it pretends to return."""
    episode = run(verifier, "break-the-code-v0", {"defender": Scripted([block(CHEATS[cheat])])})
    assert episode.payoff == {"defender": -1, "attacker": 1}


@pytest.mark.parametrize("cheat", CHEATS)
def test_no_trick_solves_an_induction_or_a_correction(verifier, cheat):
    episode = run(verifier, "code-induction-v0", {"solver": Scripted([block(CHEATS[cheat])])}, attempts=1)
    assert episode.payoff["solver"] == -0.5
    assert (
        run(verifier, "self-correct-v0", {"solver": Scripted([block(CHEATS[cheat])])}).payoff["solver"] == 0
    )


@pytest.mark.parametrize("cheat", CHEATS)
@pytest.mark.parametrize("id", ["code-deduction-v0", "code-abduction-v0"])
def test_no_trick_is_paid_as_a_proposal(verifier, id, cheat):
    proposal = Scripted([block(CHEATS[cheat], "<input>3</input>")])
    episode = run(verifier, id, {"proposer": proposal}, attempts=2)
    assert episode.payoff["proposer"] == -1


@pytest.mark.parametrize(
    "text", ["0) or (1==1", "E()", "<answer>True or 1</answer>", "<answer>__import__('os')</answer>"]
)
@pytest.mark.parametrize(
    "id", ["code-deduction-v0", "code-abduction-v0", "programming-puzzle-v0", "code-as-task-v0"]
)
def test_no_text_is_an_answer(verifier, id, text):
    episode = run(verifier, id, {"solver": Scripted([text])}, attempts=1)
    assert episode.payoff["solver"] == -1
