"""A chart as SVG: lines, points with intervals, bands and names, and the values that are shown on hovering."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evo.protocols import FloatArray
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.figures.chart import Chart, Line
from experiments.reports.html.figures.labels import (
    CHARACTER,
    LINE,
    MARK,
    NARROW,
    WIDEST,
    Named,
    Placed,
    folded,
    placed,
    room_of_mark,
    sampled,
)
from experiments.reports.html.figures.palette import BOUND, STAR, looks
from experiments.reports.html.figures.scales import Scale, plain_number
from experiments.reports.measured import number

MOST_PLACES, MOST_HOVERED = 240, 48
"""Places of a curve that are drawn, and those of them with a value to hover over."""
SPACE_ABOVE, SPACE_BELOW, SPACE_LEFT = 30.0, 44.0, 54.0
"""At least, of the left side, where names of ticks may need more."""
OF_A_DIGIT = 7.6
"""Pixels of a character of the name of a tick."""
TICK_WIDTH, TICK_HEIGHT = 62.0, 44.0
OF_A_BAR = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Places of an interval that a name must not cover."""
NEAR, MOSTLY = 2.5, 0.8
"""Pixels between lines that lie on each other, and the share of a line that does."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, eq=False)
class _Axes:
    """The scales of a chart, from the upper left corner of its axes."""

    x: Scale
    y: Scale
    width: float
    height: float

    def path(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Places [n, 2] of values; NaN where they have none."""
        return np.column_stack([self.x.at(x), self.height - self.y.at(y)]) if len(x) else np.empty((0, 2))


def draw(chart: Chart, width: float, height: float, letters: bool) -> tuple[Html, bool]:
    """The chart as an SVG element of that width and height, and whether its lines are named by letters.

    Where names have no free place they are folded, and if that is not enough they are letters, which a key beside the
    chart explains.
    """
    if not letters:
        for widest in (WIDEST, NARROW):
            drawn = _drawn(chart, width, height, [folded(line.label, widest) for line in chart.lines], anyhow=False)
            if drawn is not None:
                return drawn, False
    drawn = _drawn(chart, width, height, [(LETTERS[i % len(LETTERS)],) for i in range(len(chart.lines))], anyhow=True)
    assert drawn is not None  # letters stand anyhow
    return drawn, True


def _drawn(chart: Chart, width: float, height: float, names: Sequence[tuple[str, ...]], anyhow: bool) -> Html | None:
    """The chart with these names of its lines; None if one has no free place, unless it must have one."""
    longest = max((len(part) for name in names for part in name), default=0)
    gutter = 24.0 + max((room_of_mark(line.dashed) for line in chart.lines), default=MARK) + 7.0 * longest
    y_name = textwrap.wrap(chart.y_name, int(width / CHARACTER))
    above = SPACE_ABOVE + LINE * (len(y_name) - 1)
    left = _space_left(chart, height - above - SPACE_BELOW)
    inner = width - left - gutter, height - above - SPACE_BELOW
    axes = _axes(chart, *inner)
    seen = [_places(axes, line) for line in chart.lines]
    put = placed(_named(chart, names, seen), _together(places for places, _ in seen), *inner, gutter, anyhow)
    if put is None:
        return None
    broad = [_is_covered(i, seen) for i in range(len(seen))]
    body = [_draw_line(axes, line, wide) for line, wide in zip(chart.lines, broad, strict=True)]
    hover = [told for i, line in enumerate(chart.lines) for told in _hovered(axes, chart, line, i)]
    clipped = tag("svg", joined(body), width=_px(inner[0]), height=_px(inner[1]), class_="clip")
    offset = f"{left:g} {above:g}"
    content = tag(
        "g", _grid(chart, axes, y_name, left), clipped, joined(map(_label, put)), transform=f"translate({offset})"
    )
    told = f"{chart.title or chart.y_name}: {chart.y_name} against {chart.x_name}"
    series = "\n".join(" ".join(line.label.split()) for line in chart.lines)
    return tag(
        "svg", content, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=told, class_="chart", tabindex=0,
        data_series=series, data_hover="\n".join(hover), data_offset=offset,
    )  # fmt: skip


def _named(
    chart: Chart, names: Sequence[tuple[str, ...]], seen: Sequence[tuple[FloatArray, FloatArray]]
) -> list[Named]:
    """The lines that are to have a name."""
    return [
        Named(names[i], line.slot, line.dashed, path, _together(seen[j][1] for j in range(len(seen)) if j != i))
        for i, (line, (_, path)) in enumerate(zip(chart.lines, seen, strict=True))
        if line.label and len(path)
    ]


def _is_covered(i: int, seen: Sequence[tuple[FloatArray, FloatArray]]) -> bool:
    """Whether a line would hardly be seen under a later one."""
    path = seen[i][1]
    return any(_lies_on(path, later) for _, later in seen[i + 1 :])


def _lies_on(path: FloatArray, other: FloatArray) -> bool:
    if len(path) < 2 or len(other) < 2:
        return False
    shared = path[(path[:, 0] >= other[:, 0].min()) & (path[:, 0] <= other[:, 0].max())]
    near = np.abs(np.interp(shared[:, 0], other[:, 0], other[:, 1]) - shared[:, 1]) < NEAR
    return len(shared) > 1 and bool(near.mean() > MOSTLY)


def _together(parts: Iterable[FloatArray]) -> FloatArray:
    return np.concatenate([*parts, np.empty((0, 2))])


def _axes(chart: Chart, width: float, height: float) -> _Axes:
    x = [part for line in chart.lines for part in (line.x, line.points_x, line.steps_x, line.under_x)]
    y = [part for line in chart.lines for part in (line.y, line.low, line.high, line.steps_y, line.under_y)]
    for line in chart.lines:
        known = [bound for each in line.points for bound in (each.value, each.low, each.high)]
        y.append(np.array([bound for bound in known if math.isfinite(bound)], dtype=np.float64))
    y += [np.array([chart.level])] if chart.level is not None else []
    whole = chart.y_range
    return _Axes(
        Scale.around(np.concatenate([*x, np.empty(0)]), width, chart.log_x),
        Scale.around(np.concatenate([*y, np.empty(0)]), height, chart.log_y, whole),
        width,
        height,
    )


def _space_left(chart: Chart, height: float) -> float:
    """Room for the names of the ticks of y."""
    names = [name for _, name in _y_ticks(_axes(chart, 1.0, height))]
    return max(SPACE_LEFT, 10.0 + OF_A_DIGIT * max(map(len, names), default=0))


def _y_ticks(axes: _Axes) -> list[tuple[float, str]]:
    return axes.y.ticks(max(3, int(axes.height / TICK_HEIGHT)))


def _grid(chart: Chart, axes: _Axes, y_name: Sequence[str], left: float) -> Html:
    """Lines and names of the ticks, the names of the axes, and the lines that a chart has beside its series."""
    parts = []
    room = max(3, int(axes.width / TICK_WIDTH))
    values = np.concatenate([*(line.x for line in chart.lines), *(line.points_x for line in chart.lines), np.empty(0)])
    whole = bool(len(values)) and bool((values == np.round(values)).all())
    for value, name in _own_ticks(chart, axes) or axes.x.ticks(room, chart.base, whole):
        x = axes.x.place(value)
        parts.append(tag("line", x1=_px(x), y1=0, x2=_px(x), y2=_px(axes.height), class_="grid"))
        parts.append(tag("text", name, x=_px(x), y=_px(axes.height + 17), class_="tick", text_anchor="middle"))
    for value, name in _y_ticks(axes):
        y = axes.height - axes.y.place(value)
        parts.append(tag("line", x1=0, y1=_px(y), x2=_px(axes.width), y2=_px(y), class_="grid"))
        parts.append(tag("text", name, x=-7, y=_px(y + 4), class_="tick", text_anchor="end"))
    if (chart.level is not None and chart.y_range is None) or _within(chart.level, chart.y_range):
        y = axes.height - axes.y.place(chart.level or 0.0)
        parts.append(tag("line", x1=0, y1=_px(y), x2=_px(axes.width), y2=_px(y), class_="ruler"))
    if chart.upright is not None:
        x = axes.x.place(chart.upright)
        parts.append(tag("line", x1=_px(x), y1=0, x2=_px(x), y2=_px(axes.height), class_="ruler"))
    parts.append(tag("line", x1=0, y1=_px(axes.height), x2=_px(axes.width), y2=_px(axes.height), class_="axis"))
    for i, words in enumerate(reversed(y_name)):
        parts.append(tag("text", words, x=_px(6 - left), y=_px(-14 - LINE * i), class_="name"))
    end = _px(axes.width)
    parts.append(tag("text", chart.x_name, x=end, y=_px(axes.height + 37), class_="name", text_anchor="end"))
    return joined(parts)


def _own_ticks(chart: Chart, axes: _Axes) -> list[tuple[float, str]]:
    """The ticks of x that a chart asks for, without those whose names would touch."""
    kept: list[tuple[float, str]] = []
    end = -math.inf
    for tick in chart.x_ticks:
        name = plain_number(tick)
        half = 3.5 * len(name) + 4
        if axes.x.place(tick) - half > end:
            kept.append((tick, name))
            end = axes.x.place(tick) + half
    return kept


def _within(level: float | None, limits: tuple[float, float] | None) -> bool:
    return level is not None and limits is not None and limits[0] <= level <= limits[1]


def _draw_line(axes: _Axes, line: Line, broad: bool) -> Html:
    """The marks of a line; broad if another one lies upon it."""
    colour, dash, marker = looks(line.slot, line.dashed)
    parts = []
    if len(line.low):
        low, high = axes.path(line.x, line.low), axes.path(line.x, line.high)
        ring = np.concatenate([high, low[::-1]])
        ring = ring[np.isfinite(ring).all(axis=1)]
        if len(ring):
            parts.append(tag("path", d=_path(ring) + "z", class_=f"band {colour}"))
    if len(line.under_x):
        parts.append(tag("path", d=_path(axes.path(line.under_x, line.under_y)), class_=f"under {colour}"))
    if len(line.steps_x):
        parts.append(tag("path", d=_steps(axes.path(line.steps_x, line.steps_y)), class_=f"steps {colour}"))
    if len(line.x) > 1:
        d = _path(_thin(axes.path(line.x, line.y)))
        kind = f"line thin {colour}" if line.thin else f"line {colour}"
        parts.append(tag("path", d=d, class_=kind, stroke_dasharray=dash))
    elif len(line.x):
        at = axes.path(line.x, line.y)[0]
        d = f"M{_px(at[0] - 9)},{_px(at[1])}h18"
        parts += [tag("path", d=d, class_=f"line {colour}")] if np.isfinite(at).all() else []
    parts += _points(axes, line, colour, marker)
    if line.best:
        place = _lowest(axes, line)
        if place is not None:
            at = f"translate({_px(place[0])} {_px(place[1])})"
            parts.append(tag("path", d=STAR, transform=at, class_=f"star {colour}"))
    return tag("g", joined(parts), class_="broad" if broad else None)


def _points(axes: _Axes, line: Line, colour: str, marker: str) -> list[Html]:
    """The measured values with their intervals, or bounds as open triangles."""
    parts = []
    looks_of = f"mark {colour}{' hollow' if line.dashed else ''}"
    places = [_bounds(axes, line, side) for side in ("value", "low", "high")]
    for value, (x, y), (_, low), (_, high) in zip(line.points, *(each.tolist() for each in places), strict=True):
        if not (math.isfinite(x) and math.isfinite(y)):
            continue
        at = f"translate({_px(x)} {_px(y)})"
        if value.bound:
            parts.append(tag("path", d=BOUND, transform=at, class_=f"bound {colour}"))
            continue
        if math.isfinite(value.low) and value.high > value.low:
            foot = axes.height if math.isnan(low) else low
            d = f"M{_px(x)},{_px(foot)}V{_px(high)}M{_px(x - 3)},{_px(foot)}h6M{_px(x - 3)},{_px(high)}h6"
            parts.append(tag("path", d=d, class_=f"bar {colour}"))
        parts.append(tag("path", d=marker, transform=at, class_=looks_of))
    return parts


def _bounds(axes: _Axes, line: Line, side: str) -> FloatArray:
    """Places of the measured values, or of the ends of their intervals, [n, 2]."""
    return axes.path(line.points_x, np.array([getattr(each, side) for each in line.points], dtype=np.float64))


def _places(axes: _Axes, line: Line) -> tuple[FloatArray, FloatArray]:
    """Places that a name must not cover, and those of the line that is named, within the axes."""
    curves = [axes.path(line.x, line.y), axes.path(line.under_x, line.under_y), axes.path(line.steps_x, line.steps_y)]
    points = _bounds(axes, line, "value")
    low, high = _bounds(axes, line, "low"), _bounds(axes, line, "high")
    bars = np.concatenate([low + share * (high - low) for share in OF_A_BAR])
    curves_seen = [sampled(part) for part in curves]
    around = [points + np.array([dx, dy]) for dx in (-5, 0, 5) for dy in (-5, 0, 5)]
    named = [_visible(path, axes) for path in (*curves_seen, sampled(points))]
    longest = max(named, key=lambda path: path[-1, 0] if len(path) else -math.inf)
    return np.concatenate([*curves_seen, bars[np.isfinite(bars).all(axis=1)], *around]), longest


def _visible(path: FloatArray, axes: _Axes) -> FloatArray:
    return path[(path[:, 1] >= -1) & (path[:, 1] <= axes.height + 1)]


def _label(each: Placed) -> Html:
    colour, dash, marker = looks(each.slot, each.dashed)
    room, middle = room_of_mark(each.dashed), each.y + LINE / 2
    at = each.x + (room - 4) / 2
    mark = tag("path", d=marker, transform=f"translate({_px(at)} {_px(middle)})", class_=f"mark {colour}")
    if each.dashed:
        d = f"M{_px(each.x)},{_px(middle)}H{_px(each.x + room - 4)}"
        mark = joined([tag("path", d=d, class_=f"line {colour}", stroke_dasharray=dash), mark])
    words = joined(
        tag("text", line, x=_px(each.x + room), y=_px(each.y + 11 + LINE * i), class_="label")
        for i, line in enumerate(each.lines)
    )
    leader = ""
    if each.leader is not None:
        x, y = each.leader
        d = f"M{_px(x + 2)},{_px(y)}L{_px(each.x - 3)},{_px(each.y + LINE * len(each.lines) / 2)}"
        leader = tag("path", d=d, class_="leader")
    return joined([leader, mark, words])


def _hovered(axes: _Axes, chart: Chart, line: Line, place: int) -> Iterator[str]:
    """A line of text a value: its place, the number of its series, and what is said of it."""
    x_name = _short(chart.x_name)
    exact = dict(zip(line.x.tolist(), line.y.tolist(), strict=True))
    points = _bounds(axes, line, "value")
    for x, value, (left, top) in zip(line.points_x.tolist(), line.points, points.tolist(), strict=True):
        if not math.isfinite(left) or not math.isfinite(top):
            continue
        said = f"at least {number(value.value)}" if value.bound else number(value.value)
        if math.isfinite(value.low) and math.isfinite(value.high) and value.high > value.low:
            said += f" ({number(value.low)} to {number(value.high)})"
        known = exact.get(x, math.nan)
        said += "" if math.isnan(known) else f"; {line.told} {number(known)}"
        yield f"{left:.0f} {top:.0f} {place} {x_name} {plain_number(x)}: {said}"
    measured = set(line.points_x.tolist())
    for x_values, y_values, told in ((line.x, line.y, line.told), (line.steps_x, line.steps_y, "measured")):
        path = axes.path(x_values, y_values)
        for i in range(0, len(path), max(1, -(-len(path) // MOST_HOVERED))):
            left, top = path[i].tolist()
            seen = math.isfinite(left) and math.isfinite(top) and -1 <= top <= axes.height + 1
            if seen and x_values[i] not in measured:
                at = plain_number(float(f"{x_values[i]:.4g}"))
                yield f"{left:.0f} {top:.0f} {place} {x_name} {at}: {told} {number(y_values[i])}"


def _short(name: str) -> str:
    """The name of an axis without what explains it."""
    return name.partition("  ")[0].partition(" (")[0].partition(", ")[0]


def _lowest(axes: _Axes, line: Line) -> tuple[float, float] | None:
    x, y = (line.x, line.y) if len(line.x) else (line.points_x, np.array([each.value for each in line.points]))
    if not np.isfinite(y).any():
        return None
    place = axes.path(x, y)[int(np.nanargmin(np.where(np.isfinite(y), y, np.nan)))]
    return (float(place[0]), float(place[1])) if np.isfinite(place).all() else None


def _thin(path: FloatArray) -> FloatArray:
    """A path without the places that add nothing on the screen."""
    if len(path) <= MOST_PLACES:
        return path
    kept = np.unique(np.linspace(0, len(path) - 1, MOST_PLACES).round().astype(int))
    known = np.isfinite(path[:, 0])
    far = np.r_[True, np.abs(np.diff(path[:, 0])) > 2.0] & known  # a log scale has its first places far apart
    return np.asarray(path[np.union1d(kept, np.flatnonzero(far)[:MOST_PLACES])])


def _path(path: FloatArray) -> str:
    """A path through places, with gaps where there are none; never far outside the axes."""
    parts, pen = [], "M"
    bounded = np.clip(path, -1e4, 1e4)
    for x, y in bounded.tolist():
        if math.isnan(x) or math.isnan(y):
            pen = "M"
            continue
        parts.append(f"{pen}{_px(x)},{_px(y)}")
        pen = "L"
    return "".join(parts)


def _steps(path: FloatArray) -> str:
    known = path[np.isfinite(path).all(axis=1)].tolist()
    if not known:
        return ""
    return f"M{_px(known[0][0])},{_px(known[0][1])}" + "".join(f"H{_px(x)}V{_px(y)}" for x, y in known[1:])


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
