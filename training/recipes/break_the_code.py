"""Break the code: the executor is the referee between who writes a function and who looks for its fault.

    attacker: 1 if f and the reference differ on one of its inputs, else -1;  defender: the opposite
    A = r - b, b a running mean by role (decay 0.95)

Roles: both, one policy. Loss: clip of 0.2. Published is no single paper: it is red-teaming with execution in
place of a judge, so nothing can be talked round. `notes/proxy` (withstood) stands beside `notes/gold`
(right on hidden inputs): where they part, the attacker is too weak.
Nursery: --model tiny:break-the-code
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("break-the-code", "break-the-code-v0", {"attempts": 3}, Credits(estimator="rae"))

run_if_main(__name__, CONFIG)
