"""Names of curves: at their ends, where they hide no line, no point and no other name."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.protocols import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES_A_LINE, LABEL_WIDTH = 0.2, 30
"""Height of a line of a label, and the characters in it at the most."""
CHARACTER, BESIDE = 0.068, 1.9
"""Inches of a character, and about as many of a panel's width that are not its axes."""
OF_TITLE, OF_LEGEND = 9.4, 15.5
"""Characters of the title and of the legend of a figure in an inch."""
MARKER, STEP = 0.08, 0.03
"""Inches that a point reaches around its place; between the places of a line that a name is held clear of."""
BY, LED, FURTHEST = 0.11, 0.2, 1.2
"""Inches between the end of a curve and its name, from where on a thin line leads to it, and at the most."""
MOVED, OUT, LED_OUT = 0.6, 4.0, 14.0
"""Lines of text by which a name beside the axes may be off its end without a line that leads to it; points from the
axes to the names, and where lines lead to them."""


@dataclass(frozen=True)
class End:
    """Where a curve ends, for its label, in which text between dollars is a formula; `left` of the end if asked."""

    x: float
    y: float
    text: str
    colour: str
    left: bool = False


@dataclass(frozen=True)
class Box:
    """Where a name stands, in inches from the lower left corner of the axes."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, places: FloatArray) -> int:
        """How many of some places [.., 2] are hidden by it."""
        x, y = places.T
        inside = (x > self.x - MARKER) & (x < self.x + self.width + MARKER)
        return int(np.sum(inside & (y > self.y) & (y < self.y + self.height)))

    def nearest(self, place: FloatArray) -> FloatArray:
        """The place of the box that is nearest to another one."""
        return np.clip(place, (self.x, self.y), (self.x + self.width, self.y + self.height))

    def distance(self, place: FloatArray) -> float:
        """How far a place is from the box."""
        x, y = place.tolist()
        aside = max(self.x - x, 0.0, x - (self.x + self.width))
        return math.hypot(aside, max(self.y - y, 0.0, y - (self.y + self.height)))

    def overlaps(self, other: Box) -> bool:
        """Whether two names overlap."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


def label_ends(ax: Axes, ends: list[End], line: float) -> None:
    """Names at the ends of the curves: to the right of the axes, or near a curve that ends within them.

    Args:
        ax: the axes, drawn and with their limits.
        ends: where the curves end.
        line: height of a line of text, as a share of the height of the axes.
    """
    for end in (end for end in ends if end.left):
        ax.annotate(end.text, (end.x, end.y), xytext=(-8, 0), ha="right", color=end.colour, **_look())
    right = max(end.x for end in ends)
    free = [end for end in ends if not end.left]
    _label_outside(ax, [end for end in free if end.x == right], line)
    _label_inside(ax, [end for end in free if end.x != right], INCHES_A_LINE / line)


def _look() -> dict[str, Any]:
    from matplotlib.patheffects import withStroke

    return {
        "textcoords": "offset points", "fontsize": 9, "va": "center", "annotation_clip": False,
        "path_effects": [withStroke(linewidth=3, foreground="white")],
    }  # fmt: skip


def _label_outside(ax: Axes, ends: list[End], line: float) -> None:
    """Names beside the axes, each at the height of its end; a thin line leads to one that had to move."""
    ordered = sorted(ends, key=lambda end: end.y)
    at = [_to_share(ax, end.x, end.y) for end in ordered]
    places = spread([y for _, y in at], [line * (1 + end.text.count("\n")) for end in ordered])
    moved = [abs(place - y) > MOVED * line for place, (_, y) in zip(places, at, strict=True)]
    right = LED_OUT if any(moved) else OUT
    for end, place, beginning, led in zip(ordered, places, at, moved, strict=True):
        ax.annotate(end.text, (1.0, place), xycoords="axes fraction", xytext=(right, 0), color=end.colour, **_look())
        if led:
            _lead(ax, np.array(beginning), np.array([1.0, place]), end.colour, right - 1.0)


def _label_inside(ax: Axes, ends: list[End], height: float) -> None:
    """Names of curves that end within the axes, each as near to its end as it hides nothing."""
    drawn, size = np.empty((0, 2)), np.array([axes_width(ax), height])
    if ends:
        drawn = _drawn(ax, size)
    wanted = list(_wanted(ax, ends, size))
    _, boxes = min((_boxes_of(order, drawn, size) for order in (wanted, wanted[::-1])), key=lambda found: found[0])
    for end, at, box in boxes:
        if box.distance(at) > LED:
            _lead(ax, at / size, box.nearest(at) / size, end.colour)
        place = (box.x / size[0], (box.y + box.height / 2) / size[1])
        ax.annotate(end.text, place, xycoords="axes fraction", xytext=(0, 0), color=end.colour, **_look())


def _boxes_of(
    ends: Iterable[tuple[End, FloatArray, float]], drawn: FloatArray, size: FloatArray
) -> tuple[tuple[float, float], list[tuple[End, FloatArray, Box]]]:
    """The best place of one name after the other, and what is wrong with all of them."""
    taken: list[Box] = []
    faults, away, found = 0.0, 0.0, []
    for end, at, wanted in ends:
        rated = []
        for box in sorted(_boxes(at, wanted, end.text), key=lambda box: _away(box, at, wanted)):
            rated.append((_fault(box, at, drawn, taken, size), box))
            if rated[-1][0] == 0.0:  # those that are further away are no better
                break
        fault, box = min(rated, key=lambda each: each[0])
        faults, away = faults + fault, away + _away(box, at, wanted)
        taken.append(box)
        found.append((end, at, box))
    return (faults, away), found


def _wanted(ax: Axes, ends: list[End], size: FloatArray) -> Iterator[tuple[End, FloatArray, float]]:
    """Each end, its place in inches, and the height that its name would have beside those that end near it."""
    for x in sorted({end.x for end in ends}):
        near = sorted((end for end in ends if end.x == x), key=lambda end: end.y)
        lines = [INCHES_A_LINE * (1 + end.text.count("\n")) / size[1] for end in near]
        places = spread([_share(ax, end.y) for end in near], lines)
        for end, place in zip(near, places, strict=True):
            yield end, np.array(_to_share(ax, end.x, end.y)) * size, float(place * size[1])


def _boxes(at: FloatArray, wanted: float, text: str) -> Iterator[Box]:
    """Where the name of a curve that ends at `at` may stand: to the right, the left, above and below, and further."""
    width, height = CHARACTER * longest(text), INCHES_A_LINE * (1 + text.count("\n"))
    for up in np.arange(-FURTHEST, FURTHEST + STEP, 2 * STEP):
        y = float(wanted - height / 2 + up)
        for right in np.arange(BY, FURTHEST, 0.2):
            yield Box(float(at[0] + right), y, width, height)
            yield Box(float(at[0] - right - width), y, width, height)
        if abs(up) > height:
            yield Box(float(at[0] - width / 2), y, width, height)


def _away(box: Box, at: FloatArray, wanted: float) -> float:
    """How far a place is from where the name belongs."""
    left = 0.1 if box.x < at[0] else 0.0
    return box.distance(at) + abs(box.y + box.height / 2 - wanted) + left


def _fault(box: Box, at: FloatArray, drawn: FloatArray, taken: list[Box], size: FloatArray) -> float:
    """What is wrong with a place: what it hides or leaves."""
    lead = _along(np.array([at, box.nearest(at)])) if box.distance(at) > LED else np.empty((0, 2))  # else none is drawn
    worst = sum(box.overlaps(other) for other in taken)
    outside = box.x < 0 or box.y < 0 or box.x + box.width > size[0] or box.y + box.height > size[1]
    crossed = sum(other.holds(lead) > 0 for other in taken)
    return 100.0 * worst + 30.0 * outside + 10.0 * crossed + box.holds(drawn)


def _lead(ax: Axes, beginning: FloatArray, end: FloatArray, colour: str, points: float = 0.0) -> None:
    """A thin line from the end of a curve to a name that is not beside it: shares of the axes, then points further."""
    from matplotlib.patches import ConnectionPatch
    from matplotlib.transforms import ScaledTranslation

    beyond = ax.transAxes + ScaledTranslation(points / 72, 0.0, ax.figure.dpi_scale_trans)
    first, last = ((float(x), float(y)) for x, y in (beginning, end))
    ax.add_patch(
        ConnectionPatch(first, last, ax.transAxes, beyond, arrowstyle="-", color=colour, lw=0.7, clip_on=False)
    )


def _drawn(ax: Axes, size: FloatArray) -> FloatArray:
    """Places of all lines and points that are drawn, in inches [.., 2]."""
    found = [np.empty((0, 2))]
    to_share = ax.transAxes.inverted()
    for each in ax.lines:
        places = np.asarray(each.get_xydata(), dtype=np.float64)
        places = places[np.isfinite(places).all(axis=1)]
        if ax.get_yscale() == "log":
            places = places[places[:, 1] > 0]
        if not len(places):
            continue
        inches = to_share.transform(each.get_transform().transform(places)) * size
        found.append(inches if str(each.get_linestyle()).lower() in ("none", "", " ") else _along(inches))
    return np.concatenate(found)


def _along(corners: FloatArray) -> FloatArray:
    """Places every `STEP` inches along a line through some corners."""
    lengths = np.hypot(*np.diff(corners, axis=0).T)
    at = np.concatenate(([0.0], np.cumsum(lengths)))
    steps = np.linspace(0.0, at[-1], min(2000, 2 + int(at[-1] / STEP)))
    return np.column_stack([np.interp(steps, at, corners[:, axis]) for axis in (0, 1)])


def axes_width(ax: Axes) -> float:
    """About how many inches wide the axes are, before they are laid out."""
    columns = ax.get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]  # made by `subplots`
    return float(ax.get_figure().get_size_inches()[0] / columns - BESIDE)  # type: ignore[union-attr]  # it is in one


def folded_title(text: str, width: int) -> str:
    """A title in as few lines as have room, all about as long, never broken within a formula between dollars.

    >>> print(folded_title("one call costs $n^2$, and all of them $n^2 lg n$", 44))
    one call costs $n^2$, and
    all of them $n^2 lg n$
    """
    whole = re.sub(r"\$[^$]*\$", lambda found: found[0].replace(" ", "\xa0"), " ".join(text.split()))
    plain = "$" not in whole

    def folded(width: int) -> list[str]:
        return textwrap.wrap(whole, width, break_long_words=plain, break_on_hyphens=plain)

    lines = len(folded(width))
    least = min(width, max(1, len(whole) // max(1, lines)))
    narrow = next(w for w in range(least, width + 1) if len(folded(w)) <= lines)
    return "\n".join(folded(narrow)).replace("\xa0", " ")


def longest(text: str) -> int:
    """Characters of the longest line, without the marks of formulas."""
    return max(map(len, re.sub(r"[${}^\\]", "", text).split("\n")))


def _to_share(ax: Axes, x: float, y: float) -> tuple[float, float]:
    share = ax.transAxes.inverted().transform(ax.transData.transform((x, y if y > 0 or not _log(ax) else 1.0)))
    return float(share[0]), _share(ax, y)


def _log(ax: Axes) -> bool:
    return ax.get_yscale() == "log"


def _share(ax: Axes, y: float) -> float:
    """A value as a share of the height of the axes; the bottom for what a log scale cannot show."""
    low, high = ax.get_ylim()
    if _log(ax):
        return math.log(y / low) / math.log(high / low) if y > 0 else 0.0
    return (y - low) / (high - low)


def spread(centres: list[float], sizes: list[float]) -> list[float]:
    """Centres in rising order, moved apart so that labels of these sizes do not overlap, and into 0..1 if they fit.

    Close neighbours move evenly, up and down.

    >>> [round(place, 2) for place in spread([0.5, 0.5, 1.0], [0.1, 0.1, 0.1])]
    [0.45, 0.55, 0.95]
    """
    clusters: list[tuple[list[float], list[float]]] = []
    for centre, size in zip(centres, sizes, strict=True):
        clusters.append(([centre], [size]))
        while len(clusters) > 1 and _bottom(*clusters[-1]) < _bottom(*clusters[-2]) + sum(clusters[-2][1]) - 1e-12:
            last = clusters.pop()
            clusters[-1] = (clusters[-1][0] + last[0], clusters[-1][1] + last[1])
    return [
        _bottom(*cluster) + sum(cluster[1][:place]) + cluster[1][place] / 2
        for cluster in clusters
        for place in range(len(cluster[0]))
    ]


def _bottom(centres: list[float], sizes: list[float]) -> float:
    """Lower edge of a cluster that is centred on its curves, or moved to stay inside the axes."""
    return max(0.0, min(sum(centres) / len(centres) - sum(sizes) / 2, 1.0 - sum(sizes)))
