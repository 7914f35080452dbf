"""A page with every section, its games really played, its numbers chosen to look like a real run."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from sparring.agents.policy import Request
from sparring.arenas.match import Match, play
from sparring.arenas.ratings.lineage import Born
from sparring.arenas.report.page import (
    Chart,
    Entrant,
    Gate,
    Page,
    Progress,
    Replay,
    Series,
)
from sparring.arenas.results import Cell, Estimate, Leaderboard, Standing
from sparring.envs.registry import find
from sparring.envs.types import Episode, PolicyRef, Reply, Result, Verdict

KUHN = find("kuhn-poker-v0")
STEPS = (0, 200, 400, 1200, 2400, 6000)
NAMES = ("nash", "step-6000", "step-2400", "step-1200", "step-400", "step-200", "random", "step-0")
TRUTH = (0.062, 0.055, 0.041, 0.02, -0.01, -0.031, -0.066, -0.071)


class Thinker:
    """Picks a choice by the request's key; `says` overrides its words, for hostile moves."""

    streams = False

    def __init__(self, name: str, says: str | None = None) -> None:
        self.ref = PolicyRef(name)
        self.says = says

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [self._reply(request) for request in requests]

    def _reply(self, request: Request) -> Reply:
        choices = request.choices or ("",)
        chosen = choices[(request.key.seed + request.key.ask) % len(choices)]
        text = chosen if self.says is None else self.says
        return Reply(
            text, f"My card is {request.messages[-1].text}; I will {text}.", tokens=(1, 2, 3)
        )


def estimate(value: float, se: float = 0.008) -> Estimate:
    return Estimate(value, se, value - 1.96 * se, value + 1.96 * se)


def played(seed: int, first: str, second: str, says: str | None = None) -> Episode:
    seats = {"first": Thinker(first, says), "second": Thinker(second)}
    return asyncio.run(play(Match(KUHN, seats, seed)))


def _cells(rng: random.Random) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    for i, a in enumerate(NAMES):
        for j, b in enumerate(NAMES):
            if i < j:
                gap = TRUTH[i] - TRUTH[j] + rng.gauss(0, 0.006)
                for x, y, sign in ((a, b, 1), (b, a, -1)):
                    score = estimate(sign * gap, 0.011)
                    lead = x if score.low > 0 else y if score.high < 0 else None
                    cells.append(Cell(x, y, score, 400, lead=lead))
    return tuple(cells)


def _board() -> Leaderboard:
    standings = [
        Standing(
            entrant=name,
            rating=estimate(truth),
            rank=i + 1,
            ranks=(max(1, i), min(len(NAMES), i + 2)),
            roles={"first": estimate(truth - 0.05, 0.011), "second": estimate(truth + 0.05, 0.012)},
            games=5600,
            pairs=2800,
            forfeits={"illegal": 41, "length": 3} if name == "step-0" else {},
            tokens_in=0 if name in ("nash", "random") else 52_000 + 900 * i,
            tokens_out=0 if name in ("nash", "random") else 9_000,
            seconds=0.02 if name in ("nash", "random") else 240.0 + i,
            cost=0.0,
        )
        for i, (name, truth) in enumerate(zip(NAMES, TRUTH, strict=True))
    ]
    return Leaderboard(tuple(standings), "payoff", "mean", misfit=0.41, cyclic=0.02)


def _progress(rng: random.Random) -> Progress:
    games = [i * 25_600 for i in range(61)]
    last = [(g, 0.02 + 0.9 * math.exp(-g / 220_000) * (1 + 0.1 * rng.gauss(0, 1))) for g in games]
    mean = [(g, 0.008 + 0.9 * math.exp(-g / 260_000)) for g in games]
    legal = [(g, 1 - 0.004 * math.exp(-g / 100_000) - 1e-5) for g in games]
    references = (("random (11/12)", 11 / 12), ("Nash (0)", 0.0))
    curves = (Series("last iterate", tuple(last)), Series("weight average", tuple(mean)))
    return Progress(
        Chart("Exact NashConv", "games", curves, references, low=0.0),
        Chart(
            "Least mass on legal moves, over all decisions",
            "games",
            (Series("least", tuple(legal)),),
            high=1.0,
            digits=4,
        ),
        random=11 / 12,
    )


def _training(rng: random.Random) -> tuple[Chart, ...]:
    def noisy(base: float, drift: float, spread: float) -> tuple[tuple[float, float], ...]:
        return tuple(
            (float(s), base + drift * s / 6000 + rng.gauss(0, spread)) for s in range(0, 6000, 5)
        )

    def both(a: tuple[float, float, float], b: tuple[float, float, float]) -> tuple[Series, ...]:
        return (Series("first", noisy(*a)), Series("second", noisy(*b)))

    return (
        Chart("Payoff", "step", both((0.1, -0.15, 0.06), (-0.1, 0.15, 0.06)), noisy=True),
        Chart("Entropy", "step", both((0.69, -0.2, 0.02), (0.69, -0.3, 0.02)), noisy=True),
        Chart(
            "KL to the reference",
            "step",
            (Series("", noisy(0.01, 0.004, 0.003)),),
            low=0.0,
            noisy=True,
        ),
        Chart("Reply length (tokens)", "step", both((2, 0, 0.0), (2, 0, 0.1)), noisy=True),
        Chart(
            "Invalid moves",
            "step",
            (Series("first", noisy(0.01, -0.008, 0.002)),),
            low=0.0,
            noisy=True,
        ),
    )


def _gate(rng: random.Random) -> Gate:
    llr = [0.0]
    while -2.94 < llr[-1] < 2.94:
        llr.append(llr[-1] + rng.gauss(0.02, 0.18))
    return Gate("step-6000", "step-2400", "better", tuple(llr[1:]), -2.944, 2.944, 0, 50)


@pytest.fixture(scope="session")
def page() -> Page:
    rng = random.Random(7)
    replays = {
        (a, b): tuple(
            Replay(f"seed {seed}, leg {leg}", played(seed, *((a, b) if leg == 0 else (b, a))))
            for seed in (1, 2)
            for leg in (0, 1)
        )
        for i, a in enumerate(NAMES)
        for b in NAMES[i + 1 :]
    }
    checkpoints = [f"step-{step}" for step in STEPS]
    entrants = [
        Entrant(name, name, "the game's equilibrium" if name == "nash" else "") for name in NAMES
    ]
    entrants = [
        replace(e, step=float(e.name[5:])) if e.name.startswith("step-") else e for e in entrants
    ]
    return Page(
        title="demo",
        game="kuhn-poker-v0",
        about=KUHN.about,
        facts=(
            ("Recipe", "spiral"),
            ("Model", "tiny (0.4 M parameters)"),
            ("Seed", "0"),
            ("Games", "1.54 M"),
            ("Time", "6 min 12 s"),
        ),
        progress=_progress(rng),
        board=_board(),
        entrants=tuple(entrants),
        cells=_cells(rng),
        lineage=tuple(Born(child, parent) for parent, child in pairwise(checkpoints)),
        gates=(_gate(rng),),
        training=_training(rng),
        replays=replays,
        transcripts=(
            ("step-000010", "[0] first says: bet\npayoff: first +1"),
            ("step-000020", "[0] …"),
        ),
        command="sparring report runs/demo",
    )


@pytest.fixture(scope="session")
def judged() -> Episode:
    """An episode with verdicts, notes and credits, put together by hand."""
    episode = played(3, "a", "b")
    turn = episode.turns[0]._replace(credits={"format": 0.1})
    verdict = Verdict(
        "error",
        (Result("ok", (1, "two")), Result("timeout")),
        "printed",
        "Traceback",
        0.25,
        detail="boom",
    )
    return replace(
        episode,
        turns=(turn, *episode.turns[1:]),
        verdicts=(verdict,),
        notes=(("solve rate", 0.5),),
        verifier="docker",
    )


@pytest.fixture(scope="session")
def playing() -> Callable[..., Episode]:
    return played
