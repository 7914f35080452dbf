"""Scalable pictures as text: elements that escape what they hold, scales and ticks. No style attributes
(the page's Content-Security-Policy forbids them): looks come from classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from .text import MINUS, compact, line, number

Point = tuple[float, float]


def tag(name: str, *inside: str, **attributes: object) -> Markup:
    """One element. Plain strings inside are shown as text; only Markup is taken as elements.

    A trailing underscore of an attribute's name is dropped, others become hyphens; None leaves it out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(line(_short(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    # names and texts may come from a player: only our own Markup is trusted
    body = "".join(part if isinstance(part, Markup) else escape(line(part)) for part in inside)
    return Markup(f"<{name}{given}>{body}</{name}>")


def group(parts: Iterable[Markup], **attributes: object) -> Markup:
    return tag("g", *parts, **attributes)


def picture(
    width: float,
    height: float,
    parts: Iterable[Markup],
    label: str,
    class_: str = "",
    **attributes: object,
) -> Markup:
    """The whole picture; `label` says to people who cannot see it what it shows."""
    box = f"0 0 {_short(width)} {_short(height)}"
    looks = f"chart {class_}".strip()
    return tag(
        "svg", *parts, viewBox=box, role="img", aria_label=line(label), class_=looks, **attributes
    )


def text(x: float, y: float, words: str, class_: str = "", anchor: str | None = None) -> Markup:
    return tag("text", words, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def path(points: Sequence[Point], class_: str, title: str = "") -> Markup:
    """A line through the points."""
    steps = "".join(
        f"{'L' if i else 'M'}{_short(x)} {_short(y)}" for i, (x, y) in enumerate(points)
    )
    return tag("path", *([tag("title", title)] if title else []), d=steps, class_=class_)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values between `low` and `high` to pixels between `start` and `end`; `log`: by their logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        at = math.log(value) if self.log else value
        # a range of one value has no length: everything lies at its start
        return self.start + (at - low) / ((high - low) or 1.0) * (self.end - self.start)


def ticks(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Round numbers inside [low, high], some `about` of them."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return (low,)

    raw = (high - low) / max(1, about)
    unit = 10.0 ** math.floor(math.log10(raw))
    steps = [unit * m for m in (10, 5, 2.5, 2, 1, 0.5)]
    # from the widest step that gives about as many ticks, on to narrower ones
    widest = sum(step >= raw * 0.999 for step in steps) - 1
    found: tuple[float, ...] = ()

    for step in steps[widest:]:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        # rounding takes 0.30000000000000004 back to 0.3; + 0.0 takes the sign off −0.0
        found = tuple(round(i * step, 12) + 0.0 for i in range(first, last + 1))
        if len(found) > 1:  # one tick alone would not say how long the axis is
            break
    return found


def decades(low: float, high: float) -> tuple[float, ...]:
    """Ticks of a logarithmic axis inside [low, high]: 1, 3, 10, 30 …, more closely where few fit."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: tuple[float, ...] = ()
    for heads in ((1, 3), (1, 2, 5), (1, 2, 3, 4, 5, 6, 8)):
        found = tuple(m * 10.0**p for p in powers for m in heads if low <= m * 10.0**p <= high)
        if len(found) >= 4:
            break
    return found


def tick_texts(values: Sequence[float]) -> list[str]:
    """How an axis writes its ticks: short, all as precise as their distance asks for, true minus."""
    step = min((b - a for a, b in pairwise(values)), default=1.0)
    if max(map(abs, values), default=0.0) >= 1000:
        return [compact(value).replace("-", MINUS) for value in values]
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 3
    if abs(step * 10**digits - round(step * 10**digits)) > 1e-6:
        digits += 1  # steps of 2.5, 0.25 …
    return ["0" if value == 0 else number(value, digits) for value in values]


def _short(value: object) -> str:
    if isinstance(value, float):
        # a tenth of a pixel cannot be seen; an attribute cannot be NaN
        return f"{value:.1f}".removesuffix(".0") if math.isfinite(value) else "0"
    return str(value)
