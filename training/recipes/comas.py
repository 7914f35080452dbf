"""CoMAS (Xue et al. 2025): agents discuss, a judge scores each contribution.

    agent: its mean score less the mean of all, in tenths (zero-sum within a discussion)

Published: agents score one another; here the judge is a seat of its own that is never trained and must be
named: a model, RUN@N or a classifier (`--set judge=smollm2-135m`).
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("comas", "discussion-v0", {"rounds": 1, "steps": 2}, Credits(estimator="rae"))

run_if_main(__name__, CONFIG)
