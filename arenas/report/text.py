"""Text as a page or a terminal may show it: nothing a player wrote acts, everything can be seen."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping

_KEPT = "\n\t"
_HIDDEN = {"Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories without a glyph: formats (bidirectional overrides), lone surrogates, unassigned."""
_ENDINGS = (1e9, " G"), (1e6, " M"), (1e3, " k")
_NAMES = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI "
    "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
)
_C0 = tuple(_NAMES.split())
MINUS = "−"


def visible(text: str, keep: str = _KEPT) -> str:
    """The text with every control and invisible character replaced by a sign of it.

    ESC becomes `⟨ESC⟩`, what has no such name `⟨U+202E⟩`. Only the characters of `keep` stay. The result
    can be encoded as UTF-8 whatever came.
    """
    # most texts hold nothing to replace: one test spares the walk through them
    plain = text.replace("\n", "").replace("\t", "") if keep == _KEPT else text
    if plain.isprintable():
        return text
    return "".join(char if char in keep or char.isprintable() else _sign(char) for char in text)


def line(text: str, limit: int = 0) -> str:
    """The text visible on one line, cut with … after `limit` characters (0: never)."""
    flat = visible(text, keep="")
    return flat if not limit or len(flat) <= limit else flat[: limit - 1] + "…"


def bare(name: str) -> str:
    """An entrant's name without the folder that all runs lie in: `demo-1@500` for `runs/demo-1@500`."""
    return re.sub(r"^(.*/)?runs/", "", name)


def shorten(text: str, limit: int) -> str:
    """The text, its middle left out with a count where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]}\n[… {len(text) - head - tail:,} characters left out …]\n{text[-tail:]}"


def sentence(text: str, names: Mapping[str, str]) -> str:
    """A warning with entrants' names for their ids, from a capital letter to a full stop."""
    # an id may begin another one, so the longer is replaced first
    for id in sorted(names, key=len, reverse=True):
        text = text.replace(id, names[id])
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


def number(value: float, digits: int = 3) -> str:
    """A number for people: fixed digits, a true minus sign, – where there is none."""
    if not math.isfinite(value):
        return "–"
    # what rounds to 0 has no minus sign
    text = f"{value:,.{digits}f}"
    return (
        (MINUS + text[1:] if float(text.replace(",", "")) else text[1:]) if text[0] == "-" else text
    )


def signed(value: float, digits: int = 3) -> str:
    """As `number`, with a plus sign before what is above zero."""
    text = number(value, digits)
    return (
        f"+{text}"
        if math.isfinite(value) and value > 0 and any(c in text for c in "123456789")
        else text
    )


def compact(value: float) -> str:
    """A count in at most four characters and a unit: 950, 12.3 k, 1.54 M."""
    if not math.isfinite(value):
        return "–"
    for unit, ending in _ENDINGS:
        if abs(value) >= unit:
            return f"{value / unit:.3g}{ending}"
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Seconds for people: <1 s, 12 s, 3.4 min, 2.1 h."""
    for unit, ending in ((3600.0, "h"), (60.0, "min")):
        # else 59.8 s would be written as 60 s
        if seconds >= 0.995 * unit:
            return f"{seconds / unit:.1f} {ending}"
    return "<1 s" if seconds < 1 else f"{seconds:.0f} s"


def _sign(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return f"⟨{_C0[code]}⟩"
    if unicodedata.category(char) in _HIDDEN or 0x7F <= code < 0xA0:
        return f"⟨U+{code:04X}⟩"
    return char
