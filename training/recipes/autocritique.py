"""AutoMathCritique (Xi et al. 2024, 2411.16579): a critic by fine-tuning, its critiques in self-training.

    critic: −log π of critiques whose verdict is true
    actor: −log π of answers that are right, first ones and those that a critique led to

Two models. Phases: games are kept; the critic imitates its true verdicts; games with that critic are
kept; the actor imitates what is right, and again · no baseline. Equal (released script): two supervised
models, the critic trained first; what the actor imitates. Differs: there a stronger model writes and filters
the critiques, here the critic's own stand for them, where the key says that the verdict is true; there each
round fine-tunes the base on written solutions too, answers at temperature .7 and critiques at 0, and a critic
that goes on learning imitates what made answers right; there hard problems get more tries.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Phase, Sharing, StockConfig
from . import run_if_main
from ._language import OFFLINE, language

IMITATE = {**OFFLINE, "objective.kind": "imitate"}
CRITIC = {"objective.roles": ["critic"], "objective.choose": "above_average"}
"""A critic is credited with a true verdict, so what is above its average is true."""
ACTOR = {
    "objective.roles": ["generator"],
    "objective.choose": "all",
    "objective.weigh": "earned",
}
"""An answer earns 1 where it is right, else 0: a wrong first one is not learnt for what it led to."""
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
