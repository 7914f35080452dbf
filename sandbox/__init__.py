"""Who runs untrusted code, and how its verdicts are kept honest."""

from .choose import NAMES, open_verifier
from .doctor import Report, doctor
from .verifier import Constant, Verifier, VerifierError

__all__ = ["NAMES", "Constant", "Report", "Verifier", "VerifierError", "doctor", "open_verifier"]
