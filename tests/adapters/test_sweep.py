"""Every game that another library registers is found, and plays, or says why it cannot.

python -m pytest tests/adapters/test_sweep.py -m slow -s      prints the counts
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from contextlib import contextmanager

import pytest
from sparring.envs.registry import GameError, MissingLibraryError, find, names
from sparring.envs.table import Table
from sparring.envs.types import Reply

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PATIENCE = 10
"""Seconds of CPU, so that a busy machine finds no other games slow."""


class Slow(BaseException):
    """No `Exception`, so that no game takes it for its own."""


@contextmanager
def patience():
    def give_up(*_):
        raise Slow

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def finished(game):
    """One game of listed choices at random, or of the game's own player; its ending."""
    table, rng = Table(game, 1), random.Random(1)
    while table.ending is None:
        table.answer(
            [
                Reply(
                    rng.choice(ask.choices)
                    if ask.choices
                    else game.oracles["sample"](ask.seat, table.view(ask.seat), ())
                )
                for ask in table.asks
            ]
        )
    return table.ending


def swept(namespace, listed):
    """What every game came to: `played`, `slow`, or the reason why it is not set up, without its name."""
    found = {}
    for name in listed:
        try:
            with patience():
                ending = finished(find(f"{namespace}/{name}"))
                assert ending.kind != "error", f"{name}: {ending.reason}"
                found[name] = "played"
        except MissingLibraryError as missing:
            found[name] = f"missing: {missing}"
        except GameError as fault:
            found[name] = reason(str(fault))
        except Slow:
            found[name] = "slow"
    counts = Counter(found.values())
    print(f"\n{namespace}: {counts.pop('played')} of {len(found)} listed games played to an end")
    for why, count in counts.most_common():
        print(
            f"  {count:>3} {why}: {', '.join(name for name in found if found[name] == why)[:200]}"
        )
    return found


def reason(fault):
    known = {
        "needs parameters": "needs parameters",
        "Resource": "needs word lists that NLTK downloads",
        "OpenRouter": "needs a key for a judge's API",
        "SyntaxError": "is written for a later Python",
        "No module named": "needs a module that is not there",
        "No such file": "lacks its data files",
        "not found": "lacks its data files",
    }
    return next((said for mark, said in known.items() if mark in fault), fault)


def test_every_game_of_openspiel():
    pyspiel = pytest.importorskip("pyspiel")
    registered = {kind.short_name: kind for kind in pyspiel.registered_games()}
    found = swept("openspiel", names("openspiel"))
    assert set(found) < set(registered)
    print(
        f"  {len(registered)} are registered; mean-field games and one without action lists are not listed"
    )
    for name, said in found.items():
        if registered[name].default_loadable and name != "coop_to_1p":
            assert said in ("played", "slow"), f"{name}: {said}"
    unlisted = [
        kind.dynamics.name == "MEAN_FIELD" or name == "crossword"
        for name, kind in registered.items()
        if name not in found
    ]
    assert all(unlisted)


def test_every_game_of_textarena():
    pytest.importorskip("textarena")
    from textarena.envs.registration import ENV_REGISTRY

    found = swept("textarena", names("textarena"))
    print(f"  TextArena registers {len(ENV_REGISTRY)} ids with their variants")
    assert sum(said in ("played", "slow") for said in found.values()) > len(found) / 2
    for id in ENV_REGISTRY:
        base = id.removesuffix("-train").removesuffix("-raw")
        assert base in found, id


def test_every_classic_game_of_pettingzoo():
    found = swept("pettingzoo", names("pettingzoo"))
    assert all(said in ("played", "slow") or said.startswith("missing") for said in found.values())


def test_every_task_of_reasoning_gym():
    pytest.importorskip("reasoning_gym")
    found = swept("reasoning-gym", names("reasoning-gym"))
    assert all(said in ("played", "slow") for said in found.values()), found
