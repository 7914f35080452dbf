"""Facts: one asks about a document, the others answer from what they remember."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..registry import game, seat_names
from ..script import Script, ask, ask_all, chance, note
from ..tasks.pay import proposer_range
from ..tasks.proposing import refused, settle
from ..types import Message

KEYS = tuple(f"{column}{row}" for column in "abcdefgh" for row in range(1, 9))
DIGITS = tuple("0123456789")
PAGE = 4


def _world() -> dict[str, str]:
    """The digit of every key; the same in every game."""
    rng = random.Random("facts")
    return {key: rng.choice(DIGITS) for key in rng.sample(KEYS, len(KEYS))}


WORLD = _world()
DOCUMENTS = tuple(tuple(WORLD)[start : start + PAGE] for start in range(0, len(KEYS), PAGE))
"""Four keys a document; every key stands in one of them."""


def honest(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> Sequence[float]:
    """Asks about every key alike and claims what is true; knows every fact."""
    if choices != DIGITS:
        return (1 / len(choices),) * len(choices)
    # The proposer's own move, the key, stands just before the question for the digit.
    key = view[-1].text.split()[0] if seat.startswith("solver") else view[-2].text
    return [float(digit == WORLD[key]) for digit in choices]


@game(
    "facts-v0",
    family="laboratory",
    roles=lambda attempts: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts: 2 + attempts,
    score="payoff",
    rated="crossed",
    payoff_range=lambda reward: proposer_range(reward),
    rules="Each key, like b3, has a digit. The proposer asks for a key and claims its digit, solvers say it.",
    bounds={"attempts": (1, 64), "penalty": (-1, 0)},
    oracles={"honest": honest},
)
def facts(
    attempts: int = 8, reward: str = "variance", grounded: bool = True, penalty: float = -1.0
) -> Script:
    """A challenger asks for the digit of a key; solvers do not see the document that says it.

    Moves: a key; the digit that the challenger claims; each solver's digit. There are 64 keys with a fixed
    digit each, and 16 documents of 4 facts. `grounded`: the challenger sees a document, picks one of its
    keys, and a claim that the document does not make is refused; else it sees no document, picks any key,
    and its claim is the label.
    Payoff: challenger `penalty` for a refused claim (the source's is −0.1), else by `reward` (4p(1 − p) by
    default; gaussian is the source's) in the share p of solvers that agree with the claim; solver 1 when it
    agrees, else 0.
    Notes: proxy, p; gold, the share that gives the true digit; claim_right, whether the claim is true.
    Source: SPICE (Liu et al. 2025); there documents are texts and questions are written freely.
    """
    solvers = list(seat_names({"solver": attempts}))
    page = DOCUMENTS[(yield from chance((1,) * len(DOCUMENTS)))] if grounded else KEYS
    shown = ", ".join(f"{key} {WORLD[key]}" for key in page) if grounded else "no document"
    key = yield from ask("proposer", f"{shown}; key?", choices=page, tries=1, otherwise="")
    if not key:
        yield from note("gate", "no key")
        return {**refused(solvers), "proposer": penalty}

    claim = yield from ask("proposer", "digit?", choices=DIGITS, tries=1, otherwise="")
    # Noted before the ruling, so that refused claims are counted too.
    yield from note("claim_right", claim == WORLD[key])
    # without a document nothing but the challenger's word says what is true
    admitted = claim != "" and (not grounded or claim == WORLD[key])
    yield from note("gate", "admitted" if admitted else "not grounded")
    if not admitted:
        return {**refused(solvers), "proposer": penalty}

    answers = yield from ask_all(
        dict.fromkeys(solvers, f"{key} ?"), choices=DIGITS, tries=1, otherwise=""
    )
    paid = {seat: float(answer == claim) for seat, answer in answers.items()}
    yield from note("proxy", sum(paid.values()) / attempts)
    # Without grounding a claim may be false: pay follows the claim, gold the world.
    yield from note("gold", sum(answer == WORLD[key] for answer in answers.values()) / attempts)
    return (yield from settle("facts", {"question": key, "answer": claim}, paid, reward))
