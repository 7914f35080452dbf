"""On every game that runs code, no trick scores more than a plainly wrong move, and the honest move does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from sparring.agents.scripted import Scripted, scripted
from sparring.arenas.match import Match, play
from sparring.envs.registry import find, game_ids

EQUAL = (
    "class E:\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\n"
    "    def __hash__(self): return 0\n    def __bool__(self): return True\n    def __repr__(self): return 'True'\n"
)
# Bodies of a function of one argument x that has any name.
PROGRAMS = {
    "always-equal object": (EQUAL, "return E()"),
    "always-equal number": ("class I(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\n", "return I(1)"),
    "lying class": ("class A:\n    __class__ = bool\n    def __eq__(self, o): return True\n", "return A()"),
    "lying reduce": ("class A(list):\n    def __reduce__(self): return (bool, (1,))\n", "return A()"),
    "marker on stdout": ("import os\n", "print('[[0,true]]', flush=True); os._exit(0)"),
    "record, then exit": (
        "import os\n", "r = b'[[0,null]]'; os.write(3, len(r).to_bytes(4, 'little') + r); os._exit(0)"),
    "marker on every descriptor": (
        "import os\n", "\n    for d in range(64):\n        try: os.write(d, b'[[0,true]]')\n        except OSError: pass"),
    "exit 0": ("import os\n", "os._exit(0)"),
    "sys.exit(0)": ("", "raise SystemExit(0)"),
    "StopIteration": ("", "raise StopIteration(True)"),
    "exception of its own": ("class Passed(BaseException): pass\n", "raise Passed"),
    "exit handler": ("import atexit, os\natexit.register(os._exit, 0)\n", "raise ValueError"),
    "patched builtins": ("import builtins\nbuiltins.repr = lambda x: 'True'\nbuiltins.type = lambda x: bool\n", "return object()"),
    "patched runner": (
        "import sys\n", "g = sys._getframe(1).f_globals; g['_fault'] = g['_said'] = lambda *a: '[0,true]'; return object()"),
    "frames": ("import sys\n", "return str(sys._getframe(1).f_locals)"),
    "garbage collector": (
        "import gc\n", "return next(o[k] for o in gc.get_objects() if type(o) is dict for k in ('expected', 'gold') if k in o)"),
    "source injection": ("", "return x) or (1==1"),
    "fork": ("import os\n", "\n    os.fork()\n    return True"),
    "patched encoders": (
        "import json, pickle, marshal\njson.dumps = pickle.dumps = marshal.dumps = lambda *a, **k: '[0,true]'\n",
        "return object()"),
    "patched main": (
        "import __main__\nfor k, v in list(vars(__main__).items()):\n    if callable(v) and k[:2] != '__':\n"
        "        setattr(__main__, k, lambda *a, **k: '[0,true]')\n", "return object()"),
    "descriptor in another's place": ("import os\n", "\n    os.dup2(1, 3)\n    print('[[0,true]]')\n    return object()"),
    "finalizer that writes": (
        "import os\nclass D:\n    def __del__(self): os.write(3, b'[[0,true]]')\n", "\n    D()\n    return object()"),
    "signal to the parent": ("import os, signal\n", "\n    os.kill(os.getppid(), signal.SIGUSR1)\n    return object()"),
    "KeyboardInterrupt": ("", "raise KeyboardInterrupt"),
    "keys that lie": (
        "class K:\n    def __hash__(self): return 1\n    def __eq__(self, o): return True\n", "return {K(): 1}"),
    "source after the block": ("", "return 1\n```\n```python\ndef grade(*a): return True"),
}  # fmt: skip
TEXTS = {
    "0) or (1==1": "0) or (1==1",
    "call": "__import__('os')._exit(0)",
    "always equal": "type('E', (), {'__eq__': lambda s, o: True})()",
    "nan": "nan",
    "expression": "True or 1",
    "exception": "raise StopIteration",
    "dunder": "x.__class__",
    "lambda": "(lambda: 1)()",
    "walrus": "(x := 7)",
    "wide digits": "１２",
    "deep": "[" * 60 + "]" * 60,
    "one thing in three forms": "{7, 7.0, 14/2}",
    "closed and opened": "7</answer><answer>8",
    "nothing": "",
    "marker": '[[0, true]]\n{"status": "ok"}',
}


@dataclass(frozen=True)
class Case:
    """A role of a game, the form of its move, and a move in that form that is plainly wrong."""

    game: str
    role: str
    form: str
    wrong: str
    entry: str = ""  # the function that the move defines; "" where the move is a text
    parameters: tuple[tuple[str, int], ...] = ()

    def moves(self) -> dict[str, str]:
        """Every trick in the form of a move."""
        if not self.entry:
            return {name: self.form.replace("…", text) for name, text in TEXTS.items()}
        return {
            name: self.form.replace("…", f"{head}def {self.entry}(x): {body}")
            for name, (head, body) in PROGRAMS.items()
        }


BLOCK = "```python\n…\n```\n"
WRONG = "def f(x): return 'wrong'"
BROKEN = "def f(x): return 1 / 0"
FEW = (("attempts", 2),)
CASES = [
    Case("break-the-code-v0", "defender", BLOCK, WRONG, "f"),
    Case("break-the-code-v0", "attacker", "<answer>…</answer>", "7.5"),
    Case("code-induction-v0", "solver", BLOCK, WRONG, "f", FEW),
    Case("code-induction-v0", "proposer", BLOCK + "<inputs>\n1\n2\n3\n4\n</inputs>", BROKEN, "f", FEW),
    Case("code-deduction-v0", "proposer", BLOCK + "<input>3</input>", BROKEN, "f", FEW),
    Case("code-deduction-v0", "solver", "<answer>…</answer>", "'wrong'", "", FEW),
    Case("code-abduction-v0", "proposer", BLOCK + "<input>3</input>", BROKEN, "f", FEW),
    Case("code-abduction-v0", "solver", "<input>…</input>", "'wrong'", "", FEW),
    Case("programming-puzzle-v0", "proposer", BLOCK + "<answer>3</answer>", "def sat(x): return 5", "sat", FEW),
    Case("programming-puzzle-v0", "solver", "<answer>…</answer>", "'wrong'", "", FEW),
    Case(
        "code-as-task-v0", "proposer", f"<task>What?</task>\n{BLOCK}<answer>3</answer>\n<wrong>\n4\n</wrong>",
        "def check(x): return 5", "check", FEW),
    Case("code-as-task-v0", "solver", "<answer>…</answer>", "'wrong'", "", FEW),
    Case("solve-verify-v0", "solver", BLOCK, WRONG, "f"),
    Case("solve-verify-v0", "verifier", "<tests>\n[1] => …\n</tests>", "'wrong'"),
    Case("self-correct-v0", "solver", BLOCK, WRONG, "f"),
    Case("ladder-v0", "proposer", "<variants>\n…\n</variants>", "log(0 - x)"),
    Case("ladder-v0", "solver", "<answer>…</answer>", "x/17"),
    Case("question-answer-v0", "solver", "<answer>…</answer>", "17.25", "", (("attempts", 4),)),
    Case("sneaky-critic-v0", "generator", "<step>1</step><result>…</result>", "'wrong'"),
    Case("sneaky-critic-v0", "critic", "…", "9999"),
]  # fmt: skip


class Recorder:
    """A verifier that counts the jobs it passes on."""

    name = "recorder"

    def __init__(self, inner):
        self.inner, self.jobs = inner, 0

    async def verify(self, jobs):
        self.jobs += len(jobs)
        return await self.inner.verify(jobs)

    async def close(self):
        return None


async def played(verifier, game, seat="", move="", seed=0):
    """One game of its own sample players, one seat of which says `move` each time."""
    sample = scripted("sample", game)
    players = {
        each: Scripted([move] * game.max_turns) if each == seat else sample for each in game.role_of
    }
    return await play(Match(game, players, seed), verifier=verifier)


def seats(game, role):
    return [seat for seat, its in game.role_of.items() if its == role]


async def scores(verifier, case):
    """What the honest, the wrong and every dishonest move earn, in the seat where honesty pays most."""
    game = find(case.game, **dict(case.parameters))
    for seed in range(10):  # the first game in which honesty can be told from a wrong move
        honest = await played(verifier, game, seed=seed)
        seat = max(seats(game, case.role), key=lambda seat: honest.payoff[seat])
        wrong = await played(verifier, game, seat, case.form.replace("…", case.wrong), seed)
        if honest.payoff[seat] > wrong.payoff[seat]:
            break
    tricks = case.moves()
    paid = await asyncio.gather(
        *(played(verifier, game, seat, move, seed) for move in tricks.values())
    )
    outcome = {name: episode.payoff.get(seat) for name, episode in zip(tricks, paid, strict=True)}
    return (
        honest.payoff[seat],
        wrong.payoff[seat],
        outcome,
        {episode.ending.kind for episode in paid},
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.game}-{case.role}")
def test_no_trick_scores_more_than_a_wrong_move_and_honesty_does(verifier, case):
    honest, wrong, tricks, endings = asyncio.run(scores(verifier, case))
    assert honest > wrong, "else the test shows nothing"
    assert endings <= {"outcome", "forfeit"}, "a trick must not void a game"
    assert {name: paid for name, paid in tricks.items() if paid > wrong} == {}


def test_every_game_that_runs_code_is_among_them(verifier):
    running = set()
    for id in game_ids():
        game, recorder = find(id), Recorder(verifier)
        if "sample" in game.oracles:
            asyncio.run(played(recorder, game))
        if recorder.jobs:
            running.add(id)
    # question-answer runs no code; its answers meet the same texts. Programs of files have their own cheats.
    running -= {"program-file-v0"}
    assert running | {"question-answer-v0"} == {case.game for case in CASES}
    assert {case.role for case in CASES if case.game == "solve-verify-v0"} == {"solver", "verifier"}
