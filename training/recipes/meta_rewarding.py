"""Meta-Rewarding (Wu et al. 2024, 2407.19594): one model acts, judges and judges its judgements; DPO.

    actor: best and worst answer by the share of judges that say right
    judge: the verdict that the meta-judge sides with, and the other;  loss as in `self-rewarding`, β = 0.1

Two iterations (there four): in each the meta-judge is the model that it begins with, also the reference ·
solver and judge · one model. Equal: three roles, pairs for actor and judge, a new judge each iteration.
Differs: verdicts on sums, there points for free text; a meta-judge decides between two verdicts, there
all pairs of judgements are compared (Elo); no length control, since answers are a token. β from memory.
"""

from __future__ import annotations

from ..config import Credits, Objective, Phase
from . import run_if_main
from ._sums import sums

CONFIG = sums(
    "meta-rewarding",
    Credits(estimator="none"),
    game="sums-judge-v0",
    model="tiny:sums-judge?accuracy=0.5",
    judge="self",
    objective=Objective(kind="prefer", beta=0.1),
    phases=(
        Phase(steps=10, set={"judge": "self@start"}),
        Phase(steps=10, set={"judge": "self@latest"}),
    ),
)

run_if_main(__name__, CONFIG)
