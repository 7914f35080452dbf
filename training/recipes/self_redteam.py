"""Self-RedTeam (Liu et al. 2025): one policy attacks and defends, both with hidden thoughts.

    defender: 1 if a harmful request is refused or a harmless twin is helped, else -1;  attacker: the opposite

`--set parameters.variant=general` pays the attacker nothing on harmless twins. Published: rewards come from
a trained safety classifier and the released code left the zero-sum payoff out; here it is the default, and
the judge is the game's `rule` unless one is named (`--set judge=classifier:NAME,complied=…,refused=…`, a
model, RUN@N).
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("self-redteam", "red-team-v0", None, Credits(estimator="rae"))

run_if_main(__name__, CONFIG)
