"""Teachers of the laboratory's games: the right answer among listed ones, at the accuracy asked for."""

from __future__ import annotations

from collections.abc import Sequence

from ....envs.games.facts import DIGITS, WORLD
from ....envs.games.sneak import perfect
from ....envs.games.sums import VERDICTS
from ....envs.tasks.sums import Task
from .lesson import Asked, even, keyed


def sums(asked: Asked) -> Sequence[float]:
    """Answers the sum; says of answers that they are right or wrong, each alike."""
    if asked.choices == VERDICTS:
        return even(asked)
    # the first prompt states the sum; a second try is asked without it
    stated = next(message.text for message in asked.view if message.speaker == "game")
    a, _, b, _, modulus = stated.rstrip("?").split()
    return keyed(asked, str((int(a) + int(b)) % int(modulus)), stated)


def sums_debate(asked: Asked) -> Sequence[float]:
    """Answers the sum, whatever it and the others said before."""
    # a critic's prompt is one problem however others answered it
    stated = asked.prompt.split(";")[0].rstrip("?")
    a, _, b, _, modulus = stated.split()
    return keyed(asked, str((int(a) + int(b)) % int(modulus)), stated)


def sums_propose(asked: Asked) -> Sequence[float]:
    """Proposes every task alike; finds what is hidden of one."""
    if asked.role == "proposer":
        return even(asked)

    # of several that fit, the first is taught
    a, sign, b, _, modulus, _, result = asked.prompt.split()
    for choice in asked.choices:
        shown = [choice if part == "?" else part for part in (sign, b, result)]
        task = Task(int(a), shown[0], int(shown[1]), int(modulus))
        if task.result == int(shown[2]):
            return keyed(asked, choice)
    return even(asked)


def facts(asked: Asked) -> Sequence[float]:
    """Asks for every key alike; claims and says the digits that are true."""
    if asked.choices != DIGITS:
        return even(asked)
    # a proposer's claim follows its own move, the key
    key = asked.view[-2].text if asked.role == "proposer" else asked.prompt.split()[0]
    # what misleads is the fact, whichever of the two is asked: "digit?" is one prompt for all keys
    return keyed(asked, WORLD[key], f"{key} ?")


def sneak(asked: Asked) -> Sequence[float]:
    """Tells every lie alike; finds the first wrong step."""
    if asked.role == "generator":
        return even(asked)
    odds = perfect(asked.seat, asked.view, asked.choices)
    return keyed(asked, asked.choices[list(odds).index(1.0)])
