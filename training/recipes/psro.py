"""PSRO, a double oracle over policies (Lanctot et al. 2017, 1711.00832): respond to the pool's equilibrium.

    payoff against a policy drawn from σ, the equilibrium of the games between all policies so far

Each phase trains one response from the base, which joins the pool; the pool's payoffs and the NashConv of σ
are exact where the tree can be walked (`psro/nashconv`), and played elsewhere · policy gradient with RAE by
opponent · both places · a model each. Equal: the loop, responses from a fresh start, σ by Nash. Differs: σ is
the equilibrium of most entropy over one pool for both places, there a pool each. `opponents.meta` =
uniform is fictitious play, last is iterated best response. Loss: KL 0.03 to the base, which is ours.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import OpponentsConfig, Phase, Record, Rollout, Update
from . import run_if_main
from .spiral import CONFIG as SPIRAL

CONFIG = replace(
    SPIRAL,
    recipe="psro",
    rounds=8,
    phases=(Phase(100, start="base"),),
    opponents=OpponentsConfig(mode="psro"),
    rollout=Rollout(games=128, max_tokens=8),
    update=Update(lr=3e-4, schedule="constant", beta2=0.99, kl=0.03, magnet_every=0),
    record=Record(metrics_every=10),
)

run_if_main(__name__, CONFIG)
