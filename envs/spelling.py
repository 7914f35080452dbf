"""Output on a terminal that cannot show every character: signs in ASCII, so that no minus is lost."""

from __future__ import annotations

import codecs
import unicodedata
from io import TextIOWrapper
from typing import Final

_SIGNS: Final = {
    "−": "-",
    "–": "-",
    "—": "-",
    "±": "+/-",
    "×": "x",
    "…": "...",
    "·": "-",
    "′": "'",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~",
    "²": "^2",
    "█": "#",
    "\xa0": " ",
}
_NAME: Final = "sparring-signs"
"""The name of the error handler, as `reconfigure(errors=…)` takes it."""


def _spelled(fault: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that the encoding lacks: a sign's spelling, a letter's base, or `?`."""
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    lacking = fault.object[fault.start : fault.end]
    return "".join(_SIGNS.get(each) or _base(each) for each in lacking), fault.end


def _base(character: str) -> str:
    # only of letters: the parts of ½ are 12
    parts = unicodedata.normalize("NFKD", character) if character.isalpha() else ""
    return parts.encode("ascii", "ignore").decode() or "?"


codecs.register_error(_NAME, _spelled)


def spelling(stream: object) -> None:
    """Have a text stream write what its encoding lacks as above; it raises no UnicodeEncodeError."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors=_NAME)
