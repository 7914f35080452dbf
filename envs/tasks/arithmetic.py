"""Sums and linear equations, worked out exactly: the truth beside a vote of answers."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction

from .shapes import tree

_SIGNS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: Fraction.__add__,
    ast.Sub: Fraction.__sub__,
    ast.Mult: Fraction.__mul__,
    ast.Div: Fraction.__truediv__,
}
LONGEST = 300
"""Characters of an expression: with no power among the signs, no number grows longer than that."""


def solution(left: str, right: str | None = None) -> str | None:
    """The value of `left`, or the x for which it equals `right`; None where there is not exactly one.

    Expressions are of numbers, x, + − * / and parentheses.
    """
    try:
        if right is None:
            return str(_at(left, 0))

        # Linear exactly where the gap between the sides grows evenly from x = 0 over 1 to 2.
        gap = [_at(left, x) - _at(right, x) for x in range(3)]
        slope = gap[1] - gap[0]
        # Without a slope every x solves it, or none does.
        return str(-gap[0] / slope) if slope and gap[2] - gap[1] == slope else None
    except (ValueError, KeyError, ZeroDivisionError, RecursionError):
        return None


def _at(text: str, x: int) -> Fraction:
    """The value of the expression at x. Raises ValueError or KeyError for another text."""
    # The text is another seat's: it is parsed and walked, never evaluated.
    parsed = tree(text.strip()) if len(text) <= LONGEST else None
    match parsed:
        case ast.Module(body=[ast.Expr(value=node)]):
            return _value(node, Fraction(x))
        case _:
            raise ValueError(f"no expression: {text[:60]!r}")


def _value(node: ast.expr, x: Fraction) -> Fraction:
    match node:
        case ast.BinOp(left=left, op=sign, right=right):
            return _SIGNS[type(sign)](_value(left, x), _value(right, x))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, x)
        case ast.Name(id="x"):
            return x
        case ast.Constant(value=int() | float() as number):
            # By its text, so that 0.1 is a tenth and not the nearest binary number.
            return Fraction(str(number))
        case _:
            raise ValueError(f"no number: {ast.dump(node)[:60]}")
