"""AutoMathCritique (Xi et al. 2024, 2411.16579): a critic by fine-tuning, its critiques in self-training.

    critic: −log π of critiques whose verdict is true
    actor: −log π of answers of games that end right

Two models. Phases: games are kept; the critic imitates its true verdicts; games with that critic are
kept; the actor imitates the right ones, and again · no baseline. Equal: two supervised models, the critic
trained first, the actor on right answers that critiques led to. Differs: there a stronger model writes
and filters the critiques, here the critic's own stand for them, where the key says that the verdict is
true; there hard problems get more tries. From memory.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Phase, Sharing, StockConfig
from . import run_if_main
from ._language import OFFLINE, language

IMITATE = {**OFFLINE, "objective.kind": "imitate"}
CRITIC = {"objective.roles": ["critic"], "objective.choose": "above_average"}
"""A critic is credited with a true verdict, so what is above its average is true."""
ACTOR = {"objective.roles": ["generator"], "objective.choose": "right"}
CREDITS = Credits(estimator="none", spread="turn", payoff=False)
BASE = language("autocritique", "critique-refine-v0", {"steps": 2}, CREDITS)
CONFIG = replace(
    BASE,
    cast={"critic": "critic"},
    sharing=Sharing(mode="models"),
    stock=StockConfig(keep=True),
    rounds=2,
    phases=(
        Phase(steps=2, collect_only=True),
        Phase(steps=3, set={**IMITATE, **CRITIC}),
        Phase(steps=2, collect_only=True),
        Phase(steps=3, set={**IMITATE, **ACTOR}),
    ),
)

run_if_main(__name__, CONFIG)
