"""Where the names of lines stand: beside them, and never on a line, a point or another name."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evo.protocols import FloatArray

CHARACTER, LINE, MARK, DASHED_MARK = 7.0, 14.0, 14.0, 40.0
"""Width of a character, height of a line, and room before a name for its marker, and for a piece of a dashed line, in
pixels."""
WHOLE = "\xa0"
"""A space at which a name is not folded, if it has room."""
WIDEST, NARROW, MOST_LINES = 24, 13, 3
"""Characters of a line of a name, where there is room and where there is little, and lines."""
NEAR_THE_EDGE, ASIDE, APART = 0.055, 9.0, 12.0
"""Share of the axes within which a line reaches the right side; pixels between a line and its name, and from any other
line there."""
STEP, AROUND = 4.0, 3.0
"""Distance of the places of a line that are looked at, and what must be free around a name."""
PLACES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Shares of a line at which its name may stand, the best first."""


@dataclass(frozen=True, eq=False)
class Named:
    """A line that is to have a name: the name in lines, its slot, its look, and its places, a few pixels apart.

    Attributes:
        lines: the name.
        slot, dashed: how the line looks.
        path: where it may be named, [n, 2] in pixels.
        others: places of all other lines, [n, 2].
    """

    lines: tuple[str, ...]
    slot: int
    dashed: int
    path: FloatArray
    others: FloatArray

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the name."""
        return room_of_mark(self.dashed) + CHARACTER * max(map(len, self.lines)), LINE * len(self.lines)


@dataclass(frozen=True)
class Placed:
    """A name in its place: the left end of its first line, and where its leader begins, None for no leader."""

    lines: tuple[str, ...]
    slot: int
    dashed: int
    x: float
    y: float
    leader: tuple[float, float] | None = None


def room_of_mark(dashed: int) -> float:
    """Pixels between the beginning of a name and its first letter."""
    return DASHED_MARK if dashed else MARK


def folded(label: str, widest: int = WIDEST) -> tuple[str, ...]:
    """A name in lines of so many characters.

    >>> folded("LOCAL UntilResolved, schedule = UntilResolved")
    ('LOCAL UntilResolved,', 'schedule = UntilResolved')
    """
    parts = label.replace("\n", " ").split(" ")
    whole = " ".join(part if len(part) <= widest else part.replace(WHOLE, " ") for part in parts if part)
    whole = whole.replace(" = ", f"{WHOLE}={WHOLE}")
    lines = [line.replace(WHOLE, " ") for line in textwrap.wrap(whole, widest)] or [""]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1][: widest - 1] + "…"]
    return tuple(lines)


def placed(
    named: Sequence[Named], obstacles: FloatArray, width: float, height: float, gutter: float, anyhow: bool
) -> list[Placed] | None:
    """The names in their places; None if one has none, unless it must have one.

    Names of lines that reach the right side stand in the gutter beside it, spread so that none covers another. The
    others stand near their end, or along their line, where that is free and no other line is as near. Axes are of that
    width and height, without the gutter at their right side; obstacles are the places of all lines and points, [n, 2].
    A name that must stand anyhow, and has no free place, stands in the gutter, too, with a leader across the axes.
    """
    beside = [each for each in named if each.path[-1, 0] >= (1 - NEAR_THE_EDGE) * width]
    found, lost = _spread(beside, width, height), []
    taken = [(each.x, each.y, *of.size) for each, of in zip(found, _ordered(beside), strict=True)]
    for each in named:
        if each in beside:
            continue
        place = _free(each, obstacles, taken, width + gutter, height, True)
        if place is None and anyhow:
            place = _free(each, obstacles, taken, width + gutter, height, False)
        if place is None:
            lost.append(each)
            continue
        taken.append((*place, *each.size))
        found.append(Placed(each.lines, each.slot, each.dashed, *place))
    if not lost:
        return found
    return [*found[len(beside) :], *_spread([*beside, *lost], width, height)] if anyhow else None


def sampled(path: FloatArray) -> FloatArray:
    """Places along a path, a few pixels apart, [n, 2]."""
    known = path[np.isfinite(path).all(axis=1)]
    if len(known) < 2:
        return known
    lengths = np.r_[0.0, np.cumsum(np.hypot(*np.diff(known, axis=0).T))]
    at = np.linspace(0.0, lengths[-1], int(lengths[-1] / STEP) + 2)
    return np.column_stack([np.interp(at, lengths, known[:, axis]) for axis in (0, 1)])


def _free(
    each: Named,
    obstacles: FloatArray,
    taken: Sequence[tuple[float, float, float, float]],
    width: float,
    height: float,
    apart: bool,
) -> tuple[float, float] | None:
    """The upper left corner of a free place of a name; None without any."""
    wide, high = each.size
    for share in PLACES:
        x, y = each.path[round(share * (len(each.path) - 1))]
        if apart and len(each.others) and np.hypot(each.others[:, 0] - x, each.others[:, 1] - y).min() < APART:
            continue
        corners = []
        for aside in (ASIDE,) if apart else (ASIDE, 2 * ASIDE, 3 * ASIDE):
            right, left, over, under = x + aside, x - wide - aside, y - high - aside, y + aside
            corners += [(right, y - high / 2), (right, over), (right, under)]
            corners += [(x - wide / 2, over), (x - wide / 2, under), (left, y - high / 2), (left, over), (left, under)]
        for along, top in corners:
            inside = along >= 2 and top >= 0 and along + wide <= width and top + high <= height - 2
            if inside and not _hits(along, top, wide, high, obstacles) and not _covers(along, top, wide, high, taken):
                return float(along), float(top)
    return None


def _hits(left: float, top: float, wide: float, high: float, places: FloatArray) -> bool:
    if not len(places):
        return False
    x, y = places.T
    across = (x > left - AROUND) & (x < left + wide + AROUND)
    return bool((across & (y > top - AROUND) & (y < top + high + AROUND)).any())


def _covers(
    left: float, top: float, wide: float, high: float, taken: Sequence[tuple[float, float, float, float]]
) -> bool:
    return any(
        left < x + w + AROUND and x < left + wide + AROUND and top < y + h + AROUND and y < top + high + AROUND
        for x, y, w, h in taken
    )


def _ordered(beside: Sequence[Named]) -> list[Named]:
    """From above to below."""
    return sorted(beside, key=lambda each: float(each.path[-1, 1]))


def _spread(beside: Sequence[Named], width: float, height: float) -> list[Placed]:
    """Names in the gutter from above to below, each as near to its end as its neighbours let it."""
    ordered = _ordered(beside)
    heights = [each.size[1] + 2 for each in ordered]
    tops = [float(each.path[-1, 1]) - high / 2 for each, high in zip(ordered, heights, strict=True)]
    for i in range(1, len(tops)):
        tops[i] = max(tops[i], tops[i - 1] + heights[i - 1])
    bottom = height + 6
    for i in reversed(range(len(tops))):
        tops[i] = min(tops[i], bottom - heights[i])
        bottom = tops[i]
    return [
        Placed(each.lines, each.slot, each.dashed, width + 14, top, (float(each.path[-1, 0]), float(each.path[-1, 1])))
        for each, top in zip(ordered, tops, strict=True)
    ]
