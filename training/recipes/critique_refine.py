"""AutoMathCritique (Xi et al. 2024) as self-play: a critic is paid for what its critique changes.

    generator: r2;  critic: r2 - r1;  credits: `right` for each answer, `verdict` for a true verdict

With one policy in both seats the `verdict` credit trains its self-check, as RISE and SPOC do. Published:
the critic is supervised on annotated critiques; here both are trained by the outcome.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("critique-refine", "critique-refine-v0", {"steps": 2}, Credits(estimator="rae"))

run_if_main(__name__, CONFIG)
