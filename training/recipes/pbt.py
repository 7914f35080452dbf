"""PBT, population based training (Jaderberg et al. 2017, 1711.09846): the worse copy the better and explore.

    solver: 1 if right;  A = (r − mean) / std of the attempts at one problem
    after a round: one of the worst quarter takes weights and settings of one of the best, each × .8 or 1.2

Four members in turns, five steps each, ranked by an exam on sums that nobody trains on · policy gradient ·
the solver · weights and settings of the better · a model each. Equal: truncation selection, both factors.
Differs: members train at once there, on workers of their own, and keep their optimisers, which begin anew
here in every round. From memory.
"""

from __future__ import annotations

from ..config import Exam, Population, Record
from . import run_if_main
from ._sums import sums

HELD_OUT = Exam("sums-v0", {"attempts": 1, "part": "held-out"}, name="held-out")
CONFIG = sums(
    "pbt",
    rounds=5,
    population=Population(
        size=4,
        steps=5,
        by="exam/held-out/pass_at_1",
        explore=("update.lr", "rollout.temperature"),
    ),
    exams=(HELD_OUT,),
    record=Record(transcripts_every=10, transcripts=4),
)

run_if_main(__name__, CONFIG)
