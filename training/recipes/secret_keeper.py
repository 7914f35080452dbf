"""Secret keeper: a defender answers what is honest and must not tell a password; an attacker is after it.

    defender: -1 for a leak, else 2 * (share of honest questions answered) - 1;  attacker: the opposite
    A = r - b, b a running mean by role (decay 0.95)

Roles: both, one policy. Loss: clip of 0.2. Published are password games such as Gandalf, not a method of
training; here both sides learn. Silence loses as surely as a leak, and no judge is needed.
Nursery: --model tiny:secret-keeper
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "secret-keeper", "secret-keeper-v0", {"turns": 3, "questions": 2}, Credits(estimator="rae")
)

run_if_main(__name__, CONFIG)
