"""RLSC, learning by self-confidence (Li et al. 2025, 2506.06395): likely answers grow likelier.

    maximise E_π[π(y)]:  loss −(π_old(y) + α) · log π(y), α = 0.1, π_old of the whole answer, without gradient

No baseline beside −α, no key, no vote · policy gradient · the solver · every step · one model. Equal: the
loss (paper, which calls α a smoothing term). Differs: 16 answers a problem at temperature .5, 10 or 20
steps in all and lr 1e-5 there; its answers have hundreds of tokens, whose likelihoods are next to nothing
but for α.
"""

from __future__ import annotations

from ..config import Credits, Inside
from . import run_if_main
from ._sums import sums

CONFIG = sums(
    "rlsc",
    Credits(estimator="none", baseline=-0.1, spread="turn", payoff=False),
    inside=Inside(likelihood=1.0),
)

run_if_main(__name__, CONFIG)
