"""AlphaStar's league (Vinyals et al. 2019): a main learner, and exploiters that look for its weaknesses.

    payoff against whom the league names: itself, snapshots by how hard they are, or those it is to exploit

In each round the main learner, its exploiter and the league's exploiter train in turns and leave a snapshot
each, which the main learner meets later on. The main exploiter begins each round from the base, and meets
the main learner's present weights · RAE by opponent · both places · a model each. Equal (published
pseudocode): the three kinds, whom each meets and by which weights, half past and .15 verification with its
two thresholds (.3, .7). Differs: they learn at once there; snapshots come by strength there, here in each
round; the league's exploiter begins anew with chance .25, and there are two of it.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Member, OpponentsConfig, Population, Record
from . import run_if_main
from .spiral import CONFIG as SPIRAL

MEMBERS = (
    Member("main"),
    Member("exploiter", kind="main_exploiter", start="base"),
    Member("league", kind="league_exploiter"),
)
CONFIG = replace(
    SPIRAL,
    recipe="alphastar",
    rounds=10,
    population=Population(members=MEMBERS, steps=100, exploit="none"),
    opponents=OpponentsConfig(mode="league"),
    record=Record(evaluate_every=50, metrics_every=10),
)

run_if_main(__name__, CONFIG)
