"""Can large reasoning models self-train? (Shafayat et al. 2025, 2505.21444): a fixed set, paid by majority.

    reward 1 for the answer that most attempts at the problem give, else 0;  A = r − mean of the others' r

Leave-one-out baseline (RLOO) · policy gradient · the solver · every step · one model. The truth is noted
(`notes/gold` beside `notes/proxy`) and never paid. Published: gains like those with a key at first, then
collapse into answers that agree; the alarm `gold_gap` watches for that. Equal (released script): reward,
RLOO, KL 0.001 to the first weights. Differs: 32 attempts a problem there, eight here; the KL is a term of
the loss, there a part of the reward.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits
from . import run_if_main
from ._sums import UPDATE, sums

CONFIG = sums(
    "self-train",
    Credits(estimator="loo"),
    parameters={"label": "majority"},
    update=replace(UPDATE, kl=0.001, kl_gradient="reverse", magnet_every=0),
)

run_if_main(__name__, CONFIG)
