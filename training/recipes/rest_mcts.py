"""ReST-MCTS* (Zhang et al. 2024, 2406.03816): imitation of right answers, each step by what it led to.

    v of a step: the mean of r over the games that went on from it
    loss −v · log π of the steps of games that end right

Every game is played on four times from before its second answer, and the first answer's value is what
came of them · imitation · the solver · every step · one model. Equal: values out of what a step led to,
imitation of right traces. Differs (released code): there a tree search led by a value model chooses the
steps, and both models are trained in rounds; here branches of one level stand for the tree, and no value
model is learnt. There a step's value is max(0, v + (1 − v) r / m), v the value before it, m the fewest steps
to a right answer, r = 1 if one was found beyond it, else −1; and right traces are imitated whole.
"""

from __future__ import annotations

from ..config import Credits, Objective, Starts
from . import run_if_main
from ._sums import sums

CONFIG = sums(
    "rest-mcts",
    Credits(estimator="none", spread="terminal"),
    objective=Objective(kind="imitate", choose="right", weigh="earned"),
    game="sums-check-v0",
    parameters={"verdict": False},
    model="tiny:sums-check?accuracy=0.3",
    starts=Starts(branches=4, turn=2, value=True),
)

run_if_main(__name__, CONFIG)
