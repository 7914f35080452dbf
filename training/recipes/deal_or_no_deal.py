"""Self-play in non-zero-sum games (Liao et al. 2024): a dial from rivals to partners.

    own points + dial * the other's, in tenths; 0 without a deal (`--set parameters.dial=1.0` for partners)

Published: rounds of behaviour cloning on games of above-average score; here the same games feed a policy
gradient against the mean of each role.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("deal-or-no-deal", "deal-or-no-deal-v0", {"turns": 4}, Credits(estimator="rae"))

run_if_main(__name__, CONFIG)
