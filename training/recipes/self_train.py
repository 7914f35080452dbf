"""Can large reasoning models self-train? (Shafayat et al. 2025, 2505.21444): a fixed set, paid by majority.

    reward 1 for the answer that most attempts at the problem give, else 0;  A = r − mean of the others' r

Leave-one-out baseline (RLOO) · policy gradient · the solver · every step · one model. The truth is noted
(`notes/gold` beside `notes/proxy`) and never paid. Published: gains like those with a key at first, then
collapse into answers that agree; the alarm `gold_gap` watches for that. From memory: RLOO, and 32
attempts a problem there, eight here.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._sums import sums

CONFIG = sums("self-train", Credits(estimator="loo"), parameters={"label": "majority"})

run_if_main(__name__, CONFIG)
