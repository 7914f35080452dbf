"""Plain values: what may cross a boundary, their one text form, and the one comparison.

Exact types only: a subclass may lie about anything, so it is not plain. Nothing here evaluates text,
and every function is bounded in depth and size, so that a model's or a program's data can do no harm.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Sized
from operator import itemgetter
from typing import Any, Final, TypeGuard

from .parse import Illegal, Unreadable, excerpt
from .types import Value

DEPTH: Final = 64
"""How deep containers may nest."""
KILOBYTES: Final = 1024
"""How large a value may be, counting one byte per node and the bytes of text, bytes and integers."""
_DECIMAL_BITS = 4096  # beyond this Python may refuse decimal text, so integers are written in hex
# Members of a set that may share a hash; honest data stays far below (see `_members`).
_CROWD = 64
_PLAIN = "give None, bool, int, float, str, bytes or a list, tuple, dict, set or frozenset of them"
_ATOMS = frozenset((type(None), bool, float))
_NESTING = frozenset((list, tuple, set, frozenset))
_SIZED = _NESTING | {str, bytes, dict}
_JSON_BITS = 53  # what every JSON reader keeps exactly


def check(value: object, kilobytes: int = KILOBYTES) -> Value:
    """The value itself, if it is plain. Raises Illegal when it is not, is too deep, or is too large."""
    if not _plain(value, kilobytes):
        raise Illegal(f"a value nested at most {DEPTH} deep was expected, a deeper one came")
    return value


def _plain(value: object, kilobytes: int) -> TypeGuard[Value]:
    """Whether the value is plain and nests at most DEPTH deep. Raises Illegal for what else is wrong."""
    # counted down as nodes are met, so a huge value is refused before all of it is read
    left = kilobytes * 1024
    level: list[object] = [value]

    # level by level, not by recursion: what nests deeply must not exhaust the stack
    for _ in range(DEPTH + 1):
        below: list[object] = []
        for item in level:
            if _integer(item):
                left -= 1 + item.bit_length() // 8
            elif _sized(item):
                left -= 1 + len(item)
            elif type(item) in _ATOMS:
                left -= 1
            else:
                raise Illegal(f"{type(item).__name__} is not a plain value; {_PLAIN}")
            if left < 0:
                raise Illegal(f"a value of at most {kilobytes} KiB was expected, a larger one came")

            if _mapping(item):
                below.extend(item)
                below.extend(item.values())
            elif _nesting(item):
                below.extend(item)
        if not below:
            return True
        level = below
    return False


def _integer(item: object) -> TypeGuard[int]:
    return type(item) is int


def _sized(item: object) -> TypeGuard[Sized]:
    return type(item) in _SIZED


def _mapping(item: object) -> TypeGuard[dict[object, object]]:
    return type(item) is dict


def _nesting(item: object) -> TypeGuard[Iterable[object]]:
    return type(item) in _NESTING


def _unordered(item: Value) -> TypeGuard[set[Value] | frozenset[Value]]:
    return type(item) is set or type(item) is frozenset


def canonical(value: Value, kilobytes: int = KILOBYTES) -> str:
    """The value as text, the same for the same value on every machine and in every run.

    It reads as a Python literal and `read` takes it back. Sets and dicts are sorted by this text, so
    order never shows; the sign of zero is dropped and all NaN are `nan`, as in `same`. Raises Illegal
    for what is not plain or larger than `kilobytes`.
    """
    return _text(check(value, kilobytes))


def _text(value: Value) -> str:
    if type(value) is float:
        return repr(value + 0.0)  # −0.0 + 0.0 is 0.0
    if type(value) is int:
        return hex(value) if value.bit_length() > _DECIMAL_BITS else repr(value)
    if type(value) is str or type(value) is bytes or value is None or type(value) is bool:
        return repr(value)
    if type(value) is list:
        return f"[{', '.join(map(_text, value))}]"
    if type(value) is tuple:
        return f"({_text(value[0])},)" if len(value) == 1 else f"({', '.join(map(_text, value))})"
    if type(value) is dict:
        return "{" + ", ".join(sorted(f"{_text(k)}: {_text(v)}" for k, v in value.items())) + "}"

    assert _unordered(value)
    members = ", ".join(sorted(map(_text, value)))
    if type(value) is set:
        return f"{{{members}}}" if members else "set()"
    return f"frozenset({{{members}}})" if members else "frozenset()"


def same(a: Value, b: Value, tolerance: float | None = None, kilobytes: int = KILOBYTES) -> bool:
    """Whether two plain values are the same, type by type: True is not 1, 1 is not 1.0, (1,) is not [1].

    Sets and dicts are unordered. NaN is the same as NaN, and 0.0 as −0.0. With `tolerance` two floats
    are the same when they differ by at most that much, absolutely or relative to the larger; members of
    sets and keys of dicts stay exact. Raises Illegal when either is not plain or larger than `kilobytes`.
    """
    if tolerance is None:
        return canonical(a, kilobytes) == canonical(b, kilobytes)
    return _close(check(a, kilobytes), check(b, kilobytes), tolerance)


def _close(a: Value, b: Value, tolerance: float) -> bool:
    if type(a) is float and type(b) is float:
        # isclose denies that NaN is NaN
        alike = a == b or (a != a and b != b)
        return alike or math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    if (type(a) is list and type(b) is list) or (type(a) is tuple and type(b) is tuple):
        return len(a) == len(b) and all(_close(x, y, tolerance) for x, y in zip(a, b, strict=True))

    if type(a) is dict and type(b) is dict:
        # by their text: 1 and True are one key to Python, and two here
        mine = {_text(key): item for key, item in a.items()}
        theirs = {_text(key): item for key, item in b.items()}
        if not len(mine) == len(a) == len(theirs) == len(b):
            # several NaN among the keys: which goes with which is not known
            return _text(a) == _text(b)
        return mine.keys() == theirs.keys() and all(
            _close(mine[k], theirs[k], tolerance) for k in mine
        )
    return _text(a) == _text(b)


def read(text: str, kilobytes: int = 64) -> Value:
    """The plain value that `text` writes as a Python literal; nothing is evaluated.

    Beside what `ast.literal_eval` takes it knows `inf`, `nan`, `set()` and `frozenset({…})`, so it reads
    every canonical text. Raises Unreadable when the text is no literal, and Illegal when it is too large
    or not plain.
    """
    # before parsing, whose time and memory grow with the text
    if len(text) > kilobytes * 1024:
        raise Illegal(
            f"a literal of at most {kilobytes} KiB was expected, {len(text)} characters came"
        )

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in a model's text needs no warning
            tree = ast.parse(text.strip(), mode="eval").body
        value = _literal(tree, DEPTH)
    # the compiler says MemoryError or RecursionError for what nests too deep for it
    except (SyntaxError, MemoryError, RecursionError, ValueError) as fault:
        if isinstance(fault, (Unreadable, Illegal)):
            raise
        raise Unreadable(
            f"not a Python literal ({type(fault).__name__}): {excerpt(text)}"
        ) from None

    return check(value, kilobytes)


def _literal(node: ast.expr, depth: int) -> Value:
    if depth < 0:
        raise Illegal(f"a value nested at most {DEPTH} deep was expected, a deeper one came")

    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() | bytes() as constant):
            return constant
        case ast.Name(id="inf" | "nan" as name):
            return float(name)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            number = _literal(operand, depth - 1)
            # a sign before anything else falls through to the refusal below
            if type(number) is int or type(number) is float:
                return -number if isinstance(sign, ast.USub) else number
        case ast.List(elts=items):
            return [_literal(item, depth - 1) for item in items]
        case ast.Tuple(elts=items):
            return tuple([_literal(item, depth - 1) for item in items])
        case ast.Set(elts=items):
            return set(_members([_literal(item, depth - 1) for item in items]))
        # the tree has None for the key of `**other`, which no literal holds
        case ast.Dict(keys=keys, values=values) if None not in keys:
            names = _members([_literal(key, depth - 1) for key in keys if key])
            return dict(zip(names, [_literal(item, depth - 1) for item in values], strict=True))
        case ast.Call(func=ast.Name(id="set"), args=[], keywords=[]):
            return set()
        case ast.Call(func=ast.Name(id="frozenset"), args=[], keywords=[]):
            return frozenset()
        case ast.Call(func=ast.Name(id="frozenset"), args=[ast.Set(elts=items)], keywords=[]):
            return frozenset(_members([_literal(item, depth - 1) for item in items]))
        case _:
            pass

    raise Unreadable(f"not a Python literal: {excerpt(ast.unparse(node))}")


def _members(items: list[Value]) -> list[Value]:
    """The items, fit to be members or keys.

    Raises Illegal when one is unhashable, or when many share a hash: numbers chosen to collide would
    make building the set quadratic, and hang us.
    """
    try:
        if len(items) <= _CROWD:
            hash(tuple(items))  # too few to be a crowd: they need only have hashes
            return items
        hashes = Counter(map(hash, items))
    except TypeError as fault:
        raise Illegal(f"{fault}: it cannot be in a set or be a key of a dict") from None

    # numbers hash alike in every process, so a crowd of them can be chosen
    crowd = max(hashes.values(), default=0)
    if crowd > _CROWD:
        raise Illegal(f"{crowd} members of a set or dict share a hash; at most {_CROWD} may")
    return items


def to_json(value: Value) -> Any:
    """The value as JSON data, to be stored. Lists, None, bool, text, finite floats and integers of up to
    53 bits stand for themselves; everything else is a dict of one tag. Raises Illegal if not plain.
    """
    return _tagged(check(value))


def _tagged(value: Value) -> Any:
    if type(value) is int:
        return value if value.bit_length() <= _JSON_BITS else {"int": hex(value)}
    if type(value) is float:
        # JSON has no NaN and no infinity
        return value if math.isfinite(value) else {"float": repr(value)}
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:  # lone surrogates, which no file takes
            return {"str": value.encode("utf-8", "surrogatepass").hex()}
        return value
    if type(value) is bytes:
        return {"bytes": value.hex()}

    if type(value) is list:
        return [_tagged(item) for item in value]
    if type(value) is tuple:
        return {"tuple": [_tagged(item) for item in value]}
    if type(value) is dict:
        return {"dict": [[_tagged(key), _tagged(item)] for key, item in value.items()]}
    if _unordered(value):
        # in the order of the texts, so that the same set is always stored alike
        return {type(value).__name__: [tagged for _, tagged in _ordered(value)]}
    return value


def _ordered(members: set[Value] | frozenset[Value]) -> list[tuple[str, Any]]:
    """Text and tagged form of each member, in the order of the texts.

    A set inside a set is gone through once for both, not once more for every set around it.
    """
    pairs: list[tuple[str, Any]] = []

    for member in members:
        if type(member) is frozenset:
            inner = _ordered(member)
            texts = ", ".join(text for text, _ in inner)
            text = f"frozenset({{{texts}}})" if texts else "frozenset()"
            pairs.append((text, {"frozenset": [tagged for _, tagged in inner]}))
        else:
            pairs.append((_text(member), _tagged(member)))
    return sorted(pairs, key=itemgetter(0))


def from_json(data: object, kilobytes: int = KILOBYTES) -> Value:
    """What `to_json` was given, from data that may have been tampered with.

    Raises Unreadable when the data is not of that form, and Illegal when it is too deep, too large or
    has members that cannot be in a set.
    """
    try:
        return check(_untagged(data, DEPTH), kilobytes)
    except (ValueError, TypeError, OverflowError) as fault:
        if isinstance(fault, (Unreadable, Illegal)):
            raise
        raise Unreadable(f"not a stored value ({fault}): {excerpt(repr(data)[:100])}") from None


def _untagged(data: Any, depth: int) -> Value:
    kind = type(data)

    # a bool, a number or a text stands for itself; everything else is a list or a dict of one tag
    if data is None or kind is bool or kind is int or kind is float or kind is str:
        return data
    if depth < 0:
        raise Illegal(f"a value nested at most {DEPTH} deep was expected, a deeper one came")
    if kind is list:
        return [_untagged(item, depth - 1) for item in data]
    if kind is not dict or len(data) != 1:
        raise Unreadable(f"not a stored value: {excerpt(repr(data)[:100])}")

    ((tag, body),) = data.items()
    match tag, body:
        case "int", str():
            # in base 16, because Python refuses decimal texts of many digits
            return int(body, 16)
        case "float", str():
            return float.fromhex(body)
        case "bytes", str():
            return bytes.fromhex(body)
        case "str", str():
            return bytes.fromhex(body).decode("utf-8", "surrogatepass")
        case "tuple", list():
            return tuple([_untagged(item, depth - 1) for item in body])
        case "set", list():
            return set(_members([_untagged(item, depth - 1) for item in body]))
        case "frozenset", list():
            return frozenset(_members([_untagged(i, depth - 1) for i in body]))
        case "dict", list():
            # an entry that is no pair fails here, and `from_json` says so
            pairs = [(key, item) for key, item in body]
            keys = _members([_untagged(key, depth - 1) for key, _ in pairs])
            return dict(zip(keys, [_untagged(item, depth - 1) for _, item in pairs], strict=True))
        case _:
            raise Unreadable(f"not a stored value: {excerpt(repr(data)[:100])}")
