"""What became of each call, as text: plain values as tagged JSON, which `envs.values.from_json` reads.

An entry of the record is `[code,value]` or `[code,"reason"]`. Everything here runs in a process that the
program may have changed.
"""

from __future__ import annotations

import _json
import builtins

from .wire import DEPTH, INVALID, OK, TOO_LARGE, WORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__builtins__ = vars(builtins).copy()  # ours: what a program does to the module's does nothing to us


class _Refused(Exception):
    """A value that cannot be sent: `code` says why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def caller() -> tuple[Callable[[Any, tuple[Any, ...]], str], Callable[[int], None]]:
    """A function that makes a call and gives its entry, and one that says how many characters all may have.

    They are made before the program runs and look nothing up afterwards, so that a program that changes this
    module, `_json` or builtins still gives what its calls return.
    """
    left = 0
    quoted, refused, failure, fault_entry = _json.encode_basestring_ascii, _Refused, entry, fault
    invalid, too_large, containers = INVALID, TOO_LARGE, (list, tuple, set, frozenset)
    halved, words, deepest = UnicodeEncodeError, WORDS, DEPTH

    def text(value: Any, depth: int) -> str:
        nonlocal left
        kind = type(value)

        if value is None:
            said = "null"
        elif kind is bool:
            said = "true" if value else "false"
        elif kind is int:
            # Decimal text takes quadratic time, and JSON readers keep 53 bits.
            said = int.__repr__(value) if value.bit_length() <= 53 else f'{{"int":"{value:#x}"}}'
        elif kind is float:
            finite = value - value == 0.0  # NaN and the infinities give NaN
            said = float.__repr__(value) if finite else f'{{"float":"{float.__repr__(value)}"}}'
        elif kind is str:
            said = quoted(value) if len(value) < left else "x" * left
            # Two halves of a pair would come back as the one character.
            if "\\ud" in said:
                try:
                    value.encode()
                except halved:
                    said = f'{{"str":"{value.encode("utf-8", "surrogatepass").hex()}"}}'
        elif kind is bytes:
            said = f'{{"bytes":"{value.hex()}"}}'
        elif kind is dict:
            return many("dict", [list(pair) for pair in value.items()], depth)
        elif kind in containers:
            return many(kind.__name__, value, depth)
        else:
            raise refused(invalid, f"{kind.__name__} is not a plain value")

        left -= len(said) + 1
        if left < 0:
            raise refused(too_large, "the value is too large")
        return said

    def many(tag: str, items: Any, depth: int) -> str:
        nonlocal left
        if depth <= 0:
            raise refused(invalid, f"the value is nested deeper than {deepest}")
        if len(items) > left:
            raise refused(too_large, "the value is too large")

        left -= len(tag) + 8
        body = ",".join([text(item, depth - (tag != "dict")) for item in items])
        return f"[{body}]" if tag == "list" else f'{{"{tag}":[{body}]}}'

    def brief(said: str) -> str:
        nonlocal words
        words -= len(said)
        return said if words > 0 else f'{said[:2]},""]'

    def call(function: Any, arguments: tuple[Any, ...]) -> str:
        try:
            return f"[0,{text(function(*arguments), deepest)}]"
        except refused as reason:
            return brief(failure(reason.code, str(reason)))
        except BaseException as raised:
            return brief(fault_entry(raised))

    def allow(characters: int) -> None:
        nonlocal left
        left = characters

    assert OK == 0
    return call, allow


def entry(
    code: int, reason: str, quoted: Callable[[str], str] = _json.encode_basestring_ascii
) -> str:
    """The entry of a call that gave no value."""
    return f"[{code},{quoted(reason[:500])}]"


def fault(raised: BaseException, failure: Callable[[int, str], str] = entry) -> str:
    """The entry of a call that raised. The exception's text may be hostile: its failures are only noted."""
    if isinstance(raised, MemoryError):
        return failure(2, "MemoryError")

    name = type(raised).__name__
    try:
        return failure(1, f"{name}: {raised}"[:500])
    except BaseException:
        return failure(1, name)
