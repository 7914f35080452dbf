"""Charts as SVG: lines over training, ratings with their intervals, rating against another measure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from ..results import Estimate
from .page import Chart, Series
from .svg import Point, Scale, decades, group, path, picture, tag, text, tick_texts, ticks
from .text import MINUS, compact, line, number, signed

LETTER = 6.8  # pixels a letter of a label takes, on average, in a wide typeface
LINE = 14  # pixels between the middles of two lines of text
MOST_POINTS = 2_000
BINS = 60  # of a noisy line
COLOURS = 6


def curve(
    chart: Chart,
    width: float,
    height: float,
    class_: str = "",
    right: float = 0.0,
    above: bool = False,
) -> Markup:
    """Lines with axes; each is named where it ends, with its last value.

    `right` is the least room for those names, so that charts one above another can share an x axis. With
    `above` the names stand over the picture, which leaves a narrow one its whole width.
    """
    shown = drawable(chart)
    ends = _ends(chart, shown)
    if above:
        names, top = _names_above(ends, width)
        x, y = _scales(chart, shown, width, height, 10, top)
    else:
        names, top = [], 12
        x, y = _scales(chart, shown, width, height, max(right, label_room(chart)), top)

    parts = [*_axes(x, y, chart.x_name), *_references(chart, x, y), *names]

    most = BINS if chart.noisy else MOST_POINTS
    # the first line is drawn last, so that it lies on top
    for i, s in reversed([*enumerate(shown)]):
        centre, outline = binned(s.points, most)
        parts.append(_drawn((centre, s.band or outline), i, x, y))
    parts += [] if above else _end_labels(ends, x, y)
    parts.append(_cursor(y))

    # for readers who cannot see the picture
    what = "; ".join(
        f"{s.name}: from {_last(s.points[:1], chart)} to {_last(s.points, chart)}" for s in shown
    )
    frame = f"{x.low!r} {x.high!r} {x.start:.1f} {x.end:.1f}"
    return picture(width, height, parts, f"{chart.title}. {what}", class_, data_x=frame)


def label_room(chart: Chart) -> float:
    """Pixels that the names at the right end of a chart take."""
    return 10 + LETTER * max((len(name) for _, name, _ in _ends(chart, drawable(chart))), default=0)


def binned(points: Sequence[Point], most: int) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """At most `most` points by means over equal bins, and the outline of the bins' ranges (or nothing)."""
    if len(points) <= most:
        return tuple(points), ()
    size = math.ceil(len(points) / most)

    bins = [points[i : i + size] for i in range(0, len(points), size)]
    centre = [(_mean(p[0] for p in b), _mean(p[1] for p in b)) for b in bins]
    top = [(c[0], max(p[1] for p in b)) for c, b in zip(centre, bins, strict=True)]
    low = [(c[0], min(p[1] for p in b)) for c, b in zip(centre, bins, strict=True)]
    # a closed outline: along the tops, and back along the bottoms
    return tuple(centre), (*top, *reversed(low))


def drawable(chart: Chart) -> list[Series]:
    """The series with the points that can be drawn; those without any are left out."""
    series = [Series(s.name, finite(s.points), finite(s.band)) for s in chart.series]
    return [s for s in series if s.points]


def finite(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points that can be drawn."""
    return tuple(p for p in points if math.isfinite(p[0]) and math.isfinite(p[1]))


def whisker(estimate: Estimate, x: Scale, y: float, colour: int = 0, title: str = "") -> Markup:
    """A dot with its interval on a horizontal scale."""
    low, high = x(max(x.low, estimate.low)), x(min(x.high, estimate.high))
    looks = f"whisker c{colour}"
    # an open end runs to the edge, without a stop
    stops = [x(end) for end in (estimate.low, estimate.high) if math.isfinite(end)]
    return group(
        [
            tag("title", title or interval(estimate)),
            tag("line", x1=low, x2=high, y1=y, y2=y, class_=looks),
            *(tag("line", x1=at, x2=at, y1=y - 3, y2=y + 3, class_=looks) for at in stops),
            tag("circle", cx=x(estimate.value), cy=y, r=4, class_=f"dot f{colour}"),
        ]
    )


def interval(estimate: Estimate, digits: int = 3) -> str:
    low = signed(estimate.low, digits) if math.isfinite(estimate.low) else f"{MINUS}∞"
    high = signed(estimate.high, digits) if math.isfinite(estimate.high) else "∞"
    return f"{signed(estimate.value, digits)} [{low}, {high}]"


def span(estimates: Iterable[Estimate]) -> tuple[float, float]:
    """The range that holds all intervals and 0, a little widened."""
    ends = [e for estimate in estimates for e in (estimate.low, estimate.high) if math.isfinite(e)]
    # 0 is the anchor's rating, with which all others are compared
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = (high - low) * 0.04 or 0.5
    return low - room, high + room


def strip(estimate: Estimate, low: float, high: float) -> Markup:
    """One rating on the leaderboard's common scale: a small picture for a table cell."""
    x = Scale(low, high, 4, 156)
    zero = tag("line", x1=x(0.0), x2=x(0.0), y1=0, y2=20, class_="zero")
    return picture(160, 20, [zero, whisker(estimate, x, 10)], interval(estimate), "strip")


def roles(
    rows: Sequence[tuple[str, dict[str, Estimate]]], unit: str, width: float, class_: str = ""
) -> Markup:
    """Every entrant's rating in every role: one dot with its interval per role, entrants as rows."""
    names = list(dict.fromkeys(role for _, by_role in rows for role in by_role))
    # the names may take 42 % at most, so that a phone keeps room for the scale
    left = min(14 + 1.05 * LETTER * max(len(line(name, 20)) for name, _ in rows), width * 0.42)
    step = 14 + 9 * len(names)

    low, high = span(e for _, by_role in rows for e in by_role.values())
    x = Scale(low, high, left, width - 14)
    bottom = step * len(rows) + 6
    parts = _columns(x, bottom, f"rating in the role ({unit})")

    for row, (name, by_role) in enumerate(rows):
        top = row * step + 6
        parts.append(text(left - 10, top + step / 2, line(name, 20), "row", "end"))
        # a rule between entrants, so none above the first
        if row:
            parts.append(tag("line", x1=left, x2=width - 14, y1=top, y2=top, class_="rule"))
        for i, role in enumerate(names):
            if role in by_role:
                title = f"{name} as {role}: {interval(by_role[role])}"
                parts.append(whisker(by_role[role], x, top + 11 + i * 9 + 0.5, i % COLOURS, title))
    return picture(width, bottom + 40, parts, f"Ratings by role: {', '.join(names)}", class_)


def scatter(
    dots: Sequence[tuple[str, float, Estimate]],
    x_name: str,
    y_name: str,
    width: float,
    height: float,
    class_: str = "",
) -> Markup:
    """Ratings with their intervals (upright) over another measure; each dot carries its short label."""
    xs = [dot[1] for dot in dots]
    low, high = span(dot[2] for dot in dots)
    # where all lie at one place: a tenth of it, or 1 where that is 0
    room = (max(xs) - min(xs)) * 0.06 or max(xs) * 0.1 or 1.0
    x = Scale(
        max(0.0, min(xs) - room) if min(xs) >= 0 else min(xs) - room, max(xs) + room, 52, width - 24
    )

    y = Scale(low, high, height - 40, 26)
    parts = [*_axes(x, y, x_name), text(4, 8, y_name, "axis-name")]

    for label, at, estimate in dots:
        cx, cy = x(at), y(estimate.value)
        parts.append(
            group(
                [
                    tag("title", f"{label}: {interval(estimate)} at {compact(at)}"),
                    tag(
                        "line",
                        x1=cx,
                        x2=cx,
                        # an open end runs to the edge of the picture
                        y1=y(max(y.low, estimate.low)),
                        y2=y(min(y.high, estimate.high)),
                        class_="whisker c0",
                    ),
                    tag("circle", cx=cx, cy=cy, r=4, class_="dot f0"),
                ]
            )
        )
        parts.append(text(cx + 7, cy - 5, line(label, 14), "label"))
    return picture(width, height, parts, f"{y_name} over {x_name}", class_)


def _scales(
    chart: Chart,
    shown: Sequence[Series],
    width: float,
    height: float,
    right: float,
    top: float,
) -> tuple[Scale, Scale]:
    xs = [p[0] for s in shown for p in s.points] or [0.0, 1.0]
    # an axis that begins near 0 begins at 0
    x = Scale(0.0 if 0 <= min(xs) < 0.1 * max(xs) else min(xs), max(xs), 48, width - right)

    ys = [p[1] for s in shown for p in (*s.points, *s.band)] + [
        value for _, value in chart.references
    ]
    ys += [bound for bound in (chart.low, chart.high) if bound is not None]

    low, high = (min(ys), max(ys)) if ys else (0.0, 1.0)

    # room by a factor: a difference could take the lower end below 0
    if chart.log:
        return x, Scale(low / 1.2, high * 1.2, height - 40, top, log=True)

    # a flat line lies in the middle of the picture
    if low == high:
        low, high = low - 0.5, high + 0.5

    room = (high - low) * 0.05
    # a bound of the chart is exact: beyond it nothing can lie, so no room is left there
    low = low if chart.low is not None and low >= chart.low else low - room
    high = high if chart.high is not None and high <= chart.high else high + room
    return x, Scale(low, high, height - 40, top)


def _axes(x: Scale, y: Scale, x_name: str) -> list[Markup]:
    parts: list[Markup] = []
    for at, words in _ticks(y, 5 if y.start > 160 else 3):
        parts.append(tag("line", x1=x.start, x2=x.end, y1=at, y2=at, class_="grid"))
        parts.append(text(x.start - 7, at, words, "tick", "end"))
    for at, words in _ticks(x, max(2, int((x.end - x.start) / 70))):
        parts.append(tag("line", x1=at, x2=at, y1=y.start, y2=y.start + 4, class_="axis"))
        parts.append(text(at, y.start + 15, words, "tick", "middle"))
    parts.append(tag("line", x1=x.start, x2=x.end, y1=y.start, y2=y.start, class_="axis"))
    parts.append(text((x.start + x.end) / 2, y.start + 33, x_name, "axis-name", "middle"))
    return parts


def _columns(x: Scale, bottom: float, name: str) -> list[Markup]:
    parts: list[Markup] = []
    for at, words in _ticks(x, max(2, int((x.end - x.start) / 80))):
        # the line of the anchor, which is 0 by definition
        looks = "zero" if words == "0" else "grid"
        parts.append(tag("line", x1=at, x2=at, y1=0, y2=bottom, class_=looks))
        parts.append(text(at, bottom + 13, words, "tick", "middle"))
    parts.append(text((x.start + x.end) / 2, bottom + 32, name, "axis-name", "middle"))
    return parts


def _ticks(scale: Scale, about: int) -> list[tuple[float, str]]:
    """Where an axis has its ticks, and what they say."""
    if scale.log:
        return [(scale(value), f"{value:g}") for value in decades(scale.low, scale.high)]
    values = ticks(scale.low, scale.high, about)
    return [(scale(value), words) for value, words in zip(values, tick_texts(values), strict=True)]


def _references(chart: Chart, x: Scale, y: Scale) -> list[Markup]:
    parts: list[Markup] = []
    for _, value in chart.references:
        at = y(value)
        parts.append(tag("line", x1=x.start, x2=x.end, y1=at, y2=at, class_="reference"))
    return parts


def _drawn(
    binned: tuple[Sequence[Point], Sequence[Point]], index: int, x: Scale, y: Scale
) -> Markup:
    centre, outline = binned
    colour = index % COLOURS
    parts: list[Markup] = []
    if outline:
        edge = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in outline)
        parts.append(tag("polygon", points=edge, class_=f"band f{colour}"))
    placed = [(x(a), y(b)) for a, b in centre]
    parts.append(path(placed, f"line c{colour}"))

    # a few points show as dots where something was measured; many would hide the line
    if len(placed) <= 40:
        parts += [tag("circle", cx=a, cy=b, r=2.2, class_=f"f{colour}") for a, b in placed]
    return group(parts)


def _ends(chart: Chart, shown: Sequence[Series]) -> list[tuple[float, str, str]]:
    """What stands at the right end: (value, name, class) of every line and reference."""
    ends: list[tuple[float, str, str]] = []
    for i, s in enumerate(shown):
        # the last drawn point: the name stands where the line ends, and says that value
        last = binned(s.points, BINS if chart.noisy else MOST_POINTS)[0][-1][1]
        ends.append(
            (last, f"{line(s.name, 18)} {number(last, chart.digits)}".strip(), f"t{i % COLOURS}")
        )
    return [*ends, *((value, line(name, 24), "muted") for name, value in chart.references)]


def _names_above(
    ends: Sequence[tuple[float, str, str]], width: float
) -> tuple[list[Markup], float]:
    """The names in rows over the picture, a stroke before each, and where the picture may begin."""
    parts: list[Markup] = []
    at, row = 0.0, 8.0
    for _, name, class_ in ends:
        room = 32 + LETTER * len(name)
        if at and at + room > width:
            at, row = 0.0, row + 1.2 * LINE
        # a reference is dashed, as its line is; a line has its own colour
        looks = "reference" if class_ == "muted" else f"line c{class_[1:]}"
        parts.append(tag("line", x1=at, x2=at + 14, y1=row, y2=row, class_=looks))
        parts.append(text(at + 19, row, name, f"label {class_}"))
        at += room
    return parts, row + 1.2 * LINE


def _end_labels(ends: Sequence[tuple[float, str, str]], x: Scale, y: Scale) -> list[Markup]:
    """The names at the right end, pushed apart so that none covers another."""
    wanted = sorted(ends, key=lambda end: -end[0])
    places: list[float] = []
    # from the top down, each at least a line below the one before
    for value, _, _ in wanted:
        places.append(max(y(value), places[-1] + LINE if places else y.end))

    # from the bottom up, where that pushed names out of the picture
    ceiling = y.start + LINE / 2
    for k in range(len(places) - 1, -1, -1):
        ceiling = places[k] = min(places[k], ceiling)
        ceiling -= LINE
    return [
        text(x.end + 6, at, name, f"label {class_}")
        for at, (_, name, class_) in zip(places, wanted, strict=True)
    ]


def _cursor(y: Scale) -> Markup:
    """The line that follows the pointer; the page's script moves it."""
    return tag("line", x1=0, x2=0, y1=y.end, y2=y.start, class_="cursor")


def _last(points: Sequence[Point], chart: Chart) -> str:
    return number(points[-1][1], chart.digits) if points else "–"


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)
