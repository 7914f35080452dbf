"""S2P reversed (Lowe et al. 2020, 2002.01093): self-play first, then supervision.

    play: 1 to both if the listener is right
    supervised: −log π of understood games beside a speaker of the language

As `s2p` in all but the order of its phases. Published: a language that is invented first has to be
unlearned.
"""

from __future__ import annotations

from . import run_if_main
from ._s2p import PLAY, SUPERVISED, ordered

CONFIG = ordered("p2s", (PLAY, SUPERVISED), 10)

run_if_main(__name__, CONFIG)
