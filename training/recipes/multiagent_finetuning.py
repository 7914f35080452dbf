"""Multiagent Finetuning (Subramaniam et al. 2025, 2501.05707): debaters, each tuned on its own words.

    generator k: −log π of its first answers that equal the final vote;  critic k: of its last answers that do

Three generators and three critics debate in two rounds, each a model of its own (cast by seat); games are
kept, then imitated, in two rounds · no baseline, no key. Equal: roles, the vote as label, own samples
alone. Differs: critics' data there is weighed by whether the first answer was wrong; summaries stand
between rounds. `sharing.mode = "one"` with an empty cast is the single model whose diversity the paper
sees fall.
"""

from __future__ import annotations

from ..config import Credits, Objective, Phase, Rollout, Sharing, StockConfig
from . import run_if_main
from ._sums import sums
from .rest_em import IMITATE

SEATS = [f"{role}_{k}" for role in ("generator", "critic") for k in range(3)]
CAST = {seat: seat.replace("_", "-") for seat in SEATS[1:]}
"""The first generator is the main learner."""
CONFIG = sums(
    "multiagent-finetuning",
    Credits(estimator="none"),
    game="sums-debate-v0",
    model="tiny:sums-debate?accuracy=0.5",
    cast=CAST,
    sharing=Sharing(mode="models"),
    rollout=Rollout(games=32, max_tokens=4),
    objective=Objective(choose="right"),
    stock=StockConfig(keep=True),
    rounds=2,
    phases=(Phase(steps=2, collect_only=True), Phase(steps=8, set=IMITATE)),
)

run_if_main(__name__, CONFIG)
