"""How series are told apart: eight colours that the colour-blind tell, eight markers, and then other dashes.

No two of the first 32 look alike: the colours, of Okabe and Ito with a grey for their yellow, come again after eight,
each time with another dash and another marker.
Values in order have shades instead. The colours themselves are in `style.css`, for light and dark.
"""

from __future__ import annotations

from experiments.reports.html.elements import Html, tag

COLOURS, SHADES = 8, 5
FIRST_SHADE = 1000
"""Slots from here on are those of values in order."""
DASHES = (None, "7 4", "2 3", "10 3 2 3", "14 5", "4 2 1 2 1 2", "1 5", "10 2 4 2", "3 7", "16 3 2 3 2 3")
"""Of the first eight series, the next, and so on; of families of growth each has its own."""
MARKERS = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "M-3.6,-3.6h7.2v7.2h-7.2z",
    "M0,-5L5,0L0,5L-5,0z",
    "M-4.6,-3.6h9.2L0,4.6z",
    "M-1.6,-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3z",
    "M-4.4,-2.6L-2.6,-4.4L0,-1.8L2.6,-4.4L4.4,-2.6L1.8,0L4.4,2.6L2.6,4.4L0,1.8L-2.6,4.4L-4.4,2.6L-1.8,0z",
    "M0,-5L4.8,-1.5L3,4H-3L-4.8,-1.5z",
    "M-4.6,0L0,-3L4.6,0L0,3z",
)
"""Circle, square, diamond, triangle, plus, cross, pentagon, flat diamond; the triangle that points up is a bound's."""
BOUND = "M-4.6,3.6h9.2L0,-4.6z"
STAR = "M0,-8L2,-2.6L7.6,-2.5L3.2,1L4.7,6.5L0,3.3L-4.7,6.5L-3.2,1L-7.6,-2.5L-2,-2.6z"


def shade(i: int, of: int) -> int:
    """The slot of the i-th of some values in order: shades from pale to dark, the ends of which are far apart.

    >>> [looks(shade(i, 3))[0] for i in range(3)]
    ['r0', 'r2', 'r4']
    """
    return FIRST_SHADE + (round(i * (SHADES - 1) / (of - 1)) if of > 1 else SHADES - 1)


def looks(slot: int, dashed: int = 0) -> tuple[str, str | None, str]:
    """The class of the colour, the dash and the marker of a series.

    >>> looks(0)[:2], looks(9)[:2], looks(1)[2] == looks(9)[2]
    (('c0', None), ('c1', '7 4'), False)
    """
    if slot >= FIRST_SHADE:
        return f"r{slot - FIRST_SHADE}", None, MARKERS[0]
    turn = slot // COLOURS
    dash = DASHES[min(turn + dashed, len(DASHES) - 1)]
    return f"c{slot % COLOURS}", dash, MARKERS[(slot + turn) % len(MARKERS)]


def sample(slot: int, dashed: int = 0) -> Html:
    """A piece of the line of a series with its marker, for a key."""
    colour, dash, marker = looks(slot, dashed)
    line = tag("line", x1=1, y1=7, x2=33, y2=7, class_=f"line {colour}", stroke_dasharray=dash)
    mark = tag("path", d=marker, transform="translate(17 7)", class_=f"mark {colour}")
    return tag("svg", line, mark, class_="sample", viewBox="0 0 34 14", width=34, height=14, aria_hidden="true")
