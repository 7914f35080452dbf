"""Every game with its own scripted players on the real sandbox, and tricks that must not score there."""

from __future__ import annotations

import asyncio

import pytest
from sparring.agents.scripted import Scripted, scripted
from sparring.arenas.match import Match, play
from sparring.envs.registry import find, game_ids
from sparring.envs.replay import replay_episode
from sparring.envs.table import Table
from sparring.envs.tasks.specs import SPECS
from sparring.envs.values import canonical

SAMPLED = [id for id in game_ids() if "sample" in find(id).oracles]


def run(verifier, id, seats=None, seed=0, **parameters):
    game = find(id, **parameters)
    sample = scripted("sample", game)
    players = {
        seat: (seats or {}).get(seat, (seats or {}).get(role, sample))
        for seat, role in game.role_of.items()
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
    episode = run(
        verifier, "code-induction-v0", {"solver": Scripted([block(CHEATS[cheat])])}, attempts=1
    )
    assert episode.payoff["solver"] == -0.5
    assert (
        run(verifier, "self-correct-v0", {"solver": Scripted([block(CHEATS[cheat])])}).payoff[
            "solver"
        ]
        == 0
    )


@pytest.mark.parametrize("cheat", CHEATS)
@pytest.mark.parametrize("id", ["code-deduction-v0", "code-abduction-v0"])
def test_no_trick_is_paid_as_a_proposal(verifier, id, cheat):
    proposal = Scripted([block(CHEATS[cheat], "<input>3</input>")])
    episode = run(verifier, id, {"proposer": proposal}, attempts=2)
    assert episode.payoff["proposer"] == -1


@pytest.mark.parametrize(
    "text",
    ["0) or (1==1", "E()", "<answer>True or 1</answer>", "<answer>__import__('os')</answer>"],
)
@pytest.mark.parametrize(
    "id", ["code-deduction-v0", "code-abduction-v0", "programming-puzzle-v0", "code-as-task-v0"]
)
def test_no_text_is_an_answer(verifier, id, text):
    episode = run(verifier, id, {"solver": Scripted([text])}, attempts=1)
    assert episode.payoff["solver"] == -1


MORE = {
    "id": "def f(x):\n    return id(f)",
    "counter": "n = []\ndef f(x):\n    n.append(x)\n    return len(n)",
    "locale": "import locale\ndef f(x):\n    return locale.setlocale(locale.LC_ALL)",
    "environment": "import os\ndef f(x):\n    return os.environ.get('HOME')",
    "process": "import os\ndef f(x):\n    return os.getpid()",
    "equal text": "class S(str):\n    def __eq__(s, o):\n        return True\ndef f(x):\n    return S('a')",
    "equal list": "class L(list):\n    def __eq__(self, o):\n        return True\ndef f(x):\n    return L()",
    "nan": "def f(x):\n    return float('nan')",
    "patched comparison": "import operator\noperator.eq = lambda a, b: True\ndef f(x):\n    return object()",
}
TRICKS = CHEATS | MORE
TEST = "<tests>\n{} => {}\n</tests>"


def true_tests(seed):
    """A verifier's reply with one true test of this seed's specification, worked out by its reference."""
    view = Table(find("solve-verify-v0"), seed).asks[0].prompt
    spec = next(spec for spec in SPECS if spec.text in view)
    names = {}
    exec(spec.reference, names)
    return TEST.format(canonical(spec.hidden[3]), canonical(names["f"](spec.hidden[3])))


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_solves_what_true_tests_judge(verifier, trick):
    seats = {"solver_0": Scripted([block(TRICKS[trick])]), "verifier": Scripted([true_tests(0)])}
    for oracle in ("reference", "consensus"):
        paid = run(verifier, "solve-verify-v0", seats, solvers=4, tests=1, oracle=oracle).payoff
        assert paid["solver_0"] == 0
        honest = max(
            amount for seat, amount in paid.items() if seat in ("solver_1", "solver_2", "solver_3")
        )
        assert honest == 1 or oracle == "consensus"


@pytest.mark.parametrize("trick", [trick for trick in MORE if trick != "nan"])
@pytest.mark.parametrize("id", ["code-deduction-v0", "code-abduction-v0", "code-induction-v0"])
def test_no_further_trick_is_paid_as_a_proposal(verifier, id, trick):
    """NaN is left out: a value like any other, equal to itself, so an honest proposal."""
    inputs = "<inputs>\n3\n4\n5\n6\n</inputs>" if "induction" in id else "<input>3</input>"
    episode = run(verifier, id, {"proposer": Scripted([block(TRICKS[trick], inputs)])}, attempts=2)
    assert episode.payoff["proposer"] == -1
    assert run(verifier, id, attempts=2).payoff["proposer"] == 0.5, "the honest one is paid"


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_is_a_puzzle_or_a_check(verifier, trick):
    """Neither what is truthy or equal to all, nor what changes, accepts an answer that its author gave."""
    sat = block(TRICKS[trick].replace("def f(x)", "def sat(x)"), "<answer>3</answer>")
    assert (
        run(verifier, "programming-puzzle-v0", {"proposer": Scripted([sat])}).payoff["proposer"]
        == -1
    )
    check = block(
        TRICKS[trick].replace("def f(x)", "def check(x)"),
        "<task>Say three.</task><answer>3</answer>",
    )
    bundle = Scripted([check + "<wrong>\n4\n</wrong>"])
    assert run(verifier, "code-as-task-v0", {"proposer": bundle}).payoff["proposer"] == -1
    assert run(verifier, "programming-puzzle-v0", attempts=2).payoff["proposer"] == 0.5
    assert run(verifier, "code-as-task-v0", attempts=2).payoff["proposer"] == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "x/0",
        "0*x**x**x",
        "__import__('os')",
        "(lambda: x)()",
        "E()",
        "nan",
        "1e400",
        "x if x else x",
        "exp(exp(x**9))",
    ],
)
def test_no_formula_integrates_by_a_trick(verifier, text):
    paid = run(
        verifier, "ladder-v0", {"solver": Scripted([f"<answer>{text}</answer>"])}, depth=1
    ).payoff
    assert {paid["solver_0"], paid["solver_1"]} == {0}
    assert run(verifier, "ladder-v0", depth=1).payoff["solver_0"] > 0


@pytest.mark.parametrize(
    "text",
    [
        "<answer>12 if True</answer>",
        "<answer>51 or 41</answer>",
        "<answer>__eq__</answer>",
        "<answer>NaN</answer>",
    ],
)
def test_an_answer_that_is_none_is_not_gold(verifier, text):
    notes = dict(
        run(verifier, "question-answer-v0", {"solver": Scripted([text])}, attempts=3).notes
    )
    assert notes["gold"] == 0
    assert dict(run(verifier, "question-answer-v0", attempts=3).notes)["gold"] == pytest.approx(
        2 / 3
    )


def test_a_lie_that_changes_nothing_does_not_fool_the_critic(verifier):
    """A step that is named but not falsified loses at once, whatever the critic would say."""
    view = []
    probe = Scripted(lambda request: view.append(request.messages[-1].text) or "<step>none</step>")
    run(verifier, "sneaky-critic-v0", {"generator": probe})
    true = view[0].split("Step 1")[1].split("= ")[1].split("\n")[0]
    same = Scripted([f"<step>1</step><result>{true}</result>"])
    assert run(verifier, "sneaky-critic-v0", {"generator": same}).payoff["generator"] == -1
    assert (
        run(verifier, "sneaky-critic-v0", {"critic": Scripted(["none"])}).payoff["generator"] == 1
    )
