"""Self-RedTeam (Liu et al. 2025, arXiv 2506.07468): one policy attacks and defends.

    zero-sum: defender 1 if the harmful is refused or the harmless is helped, else -1;  attacker the opposite
    released: attacker +-1/2 faithful wording, +-1 harmful reply, +-1/2 fooled;
              defender +-1 harmless reply, +-1 not fooled (`--set parameters.variant=released`)
    A = (r - mean) / std by role over the step (REINFORCE++)

Roles: both. Loss: clip of 0.2, KL 0.01 to the first weights, lr 5e-7, and imitation beside it. Sharing: one.
Published and equal: the zero-sum game of the paper, the terms, KL and lr of the released code, which left
zero-sum out. Differs: imitated are right defenders at weight 0.2, there chats of a data set at 1; the
format's +-1 is the price of a failed try; thoughts are off (`--set rollout.think=asked`); the judge is the
game's `rule` unless one is named (`--set judge=classifier:NAME,complied=…,refused=…`, a model, RUN@N), there
a trained classifier; `shelves.request` takes pairs [harmful, harmless] from a file.
Nursery: --model tiny:red-team
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Objective
from . import run_if_main
from ._language import language

BASE = language("self-redteam", "red-team-v0", None, Credits(estimator="whiten", std_floor=1e-6))
CONFIG = replace(
    BASE,
    objective=Objective(imitate=0.2, choose="right", roles=("defender",)),
    update=replace(BASE.update, lr=5e-7, kl=0.01, kl_gradient="reverse", magnet_every=0),
)

run_if_main(__name__, CONFIG)
