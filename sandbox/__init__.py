"""Who runs untrusted code, and how its verdicts are kept honest."""

from .choose import NAMES, find_verifier, open_verifier
from .doctor import Report, doctor
from .verifier import Constant, Verifier, VerifierError

__all__ = [
    "NAMES", "Constant", "Report", "Verifier", "VerifierError", "doctor", "find_verifier", "open_verifier",
]  # fmt: skip
