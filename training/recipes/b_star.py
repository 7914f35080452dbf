"""B-STaR (Zeng et al. 2024, 2412.17256): self-training whose temperature and threshold keep a balance.

    a problem's balance min(n' / n*, 1) · n' / n: n different answers above the threshold, n' right

In every round one step is played at each temperature, and the one with the greatest mean balance is drawn at;
of what was drawn the threshold with the greatest balance says what is kept, and -log π of that is learned, on
from the model of the round before · no baseline · the solver · one model.
Equal (paper and released code): the balance, its two searches, each answer once, rounds from the last model.
Differs: trials are steps of the game, there 64 answers to each of 600 to 1,000 problems, at fifteen
temperatures from .5 to 1.2; an answer earns r, as there in code, while in mathematics a process reward model
adds to it; there a given solution of each problem is kept too, and as few answers of each as fill a set of
one size. n* is 8 there: here an answer is a token, of which one is right, so that 1 is wanted; `--set
stock.balance=8` for games of text.
"""

from __future__ import annotations

from ..config import Credits, Objective, Phase, StockConfig
from . import run_if_main
from ._sums import sums
from .rest_em import IMITATE

MODEL = "tiny:sums?accuracy=0.45&mislead=0.45"
"""Its likeliest answer is wrong at many problems: a cold draw never finds the right one there."""
TEMPERATURES = (0.5, 0.7, 0.9, 1.1)

CONFIG = sums(
    "b-star",
    Credits(estimator="none"),
    model=MODEL,
    objective=Objective(choose="all"),
    stock=StockConfig(keep=True, balance=1),
    rounds=2,
    phases=(
        *(Phase(1, {"rollout.temperature": each}, collect_only=True) for each in TEMPERATURES),
        Phase(2, {"stock.trials": len(TEMPERATURES)}, collect_only=True),
        Phase(8, IMITATE),
    ),
)

run_if_main(__name__, CONFIG)
