"""S2P interleaved (Lowe et al. 2020, 2002.01093): supervision and self-play by turns (the schedule `sched`).

    play: 1 to both if the listener is right
    supervised: −log π of understood games beside a speaker of the language

As `s2p`, in five rounds of two steps each. Equal: the turns; optimiser and baselines begin anew with each.
"""

from __future__ import annotations

from . import run_if_main
from ._s2p import PLAY, SUPERVISED, ordered

CONFIG = ordered("s2p-interleaved", (SUPERVISED, PLAY), 2, rounds=5)

run_if_main(__name__, CONFIG)
