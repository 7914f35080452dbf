"""What single claims need and no setting says: a baseline of all games and roles, a trick, a judge's flaw."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...agents.policy import Policy
from ...agents.scripted import Oracle
from ...envs.registry import Game
from ...envs.types import Message
from ..config import Credits
from ..data.advantage import Baselines, Estimate, Outcome, rae


def shared(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """`rae` with one running baseline for all games and roles, which SPIRAL keeps apart."""
    alike = [o._replace(attempt=o.attempt._replace(game="all", role="all")) for o in outcomes]
    return rae(alike, baselines, settings)


def narrow(game: Game) -> Policy:
    """A generator of `sneak` with one trick: the last digit is one too much. Else takes the first choice."""
    return Oracle(_last, "narrow", "narrow/sneak")


def _last(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    if seat != "generator":
        return choices[0]
    digits = re.findall(r"= (\d)", view[-1].text)
    return f"{len(digits)}={(int(digits[-1]) + 1) % 10}"


def fooled(game: Game) -> Policy:
    """A judge of `sums` that knows the key and has a flaw: it calls the answer 0 always right.

    It is strict too: another right answer passes in half of the cases, so that the flaw pays best.
    """
    return Oracle(flawed, "fooled", "fooled/sums")


def flawed(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str | Sequence[float]:
    """What `fooled` says."""
    a, _, b, _, modulus, *answer = view[-1].text.split(":")[0].rstrip("?").split()
    if choices[0] != "right":
        return str((int(a) + int(b)) % int(modulus))
    if int(answer[1]) == 0:
        return choices[0]
    right = int(answer[1]) == (int(a) + int(b)) % int(modulus)
    return (0.5, 0.5) if right else choices[1]
