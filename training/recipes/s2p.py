"""S2P (Lowe et al. 2020, 2002.01093): supervision first, then self-play; the order that the paper finds best.

    supervised: −log π of understood games beside a speaker of the language
    play: 1 to both if the listener is right

Self-play is a policy gradient with a baseline for each role, imitation has none · speaker and listener ·
two phases · one model. Equal: the game's reward and the order. Differs: see `recipes/_s2p.py`; there the
supervised loss goes on in some schedules while they play (`s2p-interleaved`), and `p2s` is the reverse.
"""

from __future__ import annotations

from . import run_if_main
from ._s2p import PLAY, SUPERVISED, ordered

CONFIG = ordered("s2p", (SUPERVISED, PLAY), 10)

run_if_main(__name__, CONFIG)
