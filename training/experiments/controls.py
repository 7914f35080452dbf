"""Control arms: what a model becomes when something else than play is paid, at equal tokens.

Gains under spurious rewards are known (Shao et al. 2025, 2506.10947), so a gain says little without
them. Each is an estimator of `credits.estimator = "own"`, named in a file:

    [arms.random-reward]
    credits = { estimator = "own" }
    hooks = { estimator = "sparring.training.experiments.controls:random_reward" }
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from ...envs.seeds import fraction
from ..config import Credits
from ..data.advantage import Baselines, Centre, Estimate, Outcome


def random_reward(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """Every attempt is paid 1 or −1 by a coin that knows nothing of what it said."""
    coins = [1.0 if fraction(f"coin/{_name(outcome)}") < 0.5 else -1.0 for outcome in outcomes]
    # an advantage is what was earned less the baseline, so this leaves the coin alone
    paid = zip(outcomes, coins, strict=True)
    return [Centre(outcome.earned - coin) for outcome, coin in paid], baselines


def format_only(outcomes: Sequence[Outcome], baselines: Baselines, settings: Credits) -> Estimate:
    """An attempt is paid 1 where its game came to an outcome and 0 where not, against the step's mean."""
    forms = [float(outcome.attempt.ending == "outcome") for outcome in outcomes]
    mean = fmean(forms) if forms else 0.0
    paid = zip(outcomes, forms, strict=True)
    return [Centre(outcome.earned - (form - mean)) for outcome, form in paid], baselines


def _name(outcome: Outcome) -> str:
    attempt = outcome.attempt
    return f"{attempt.game}/{attempt.seat}/{attempt.seed}/{attempt.replicate}/{outcome.turn}"
