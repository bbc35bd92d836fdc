"""What a chart shows, before it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from evo.protocols import FloatArray
from experiments.reports.measured import Value

NOTHING: FloatArray = np.empty(0)
MOST_LINES = 12
"""Of a chart."""


@dataclass(frozen=True, eq=False)
class Line:
    """One series of a chart.

    Attributes:
        label: stands beside it; empty for none.
        slot: number of its colour, dash and marker.
        x, y: its curve; empty for none.
        points_x, points: what was measured.
        low, high: a band along x; empty for none.
        steps_x, steps_y: a measured step function; empty for none.
        under_x, under_y: a faint broad curve beneath, such as the exact one; empty for none.
        dashed: whether it is of another kind than the rest; 2 and 3 for further kinds of the same slot.
        thin: whether its curve is thin, as one of several that may be.
        best: whether its lowest place is marked.
        told: what the curve is called beside a measured value.
    """

    label: str
    slot: int
    x: FloatArray = field(default_factory=lambda: NOTHING)
    y: FloatArray = field(default_factory=lambda: NOTHING)
    points_x: FloatArray = field(default_factory=lambda: NOTHING)
    points: Sequence[Value] = ()
    low: FloatArray = field(default_factory=lambda: NOTHING)
    high: FloatArray = field(default_factory=lambda: NOTHING)
    steps_x: FloatArray = field(default_factory=lambda: NOTHING)
    steps_y: FloatArray = field(default_factory=lambda: NOTHING)
    under_x: FloatArray = field(default_factory=lambda: NOTHING)
    under_y: FloatArray = field(default_factory=lambda: NOTHING)
    dashed: int = 0
    thin: bool = False
    best: bool = False
    told: str = "exact"


@dataclass(frozen=True, eq=False)
class Chart:
    """One set of axes.

    Attributes:
        title: what it shows; empty for none.
        x_name, y_name: names of the axes, with their units.
        lines: what is drawn.
        log_x, log_y: whether an axis is on a log scale.
        base: of a log scale of x, whose powers have ticks.
        x_ticks: places of the ticks of x; empty for the usual ones.
        y_range: limits of y; None for what the lines need.
        level, upright: places of a horizontal and a vertical line; None for none.
    """

    title: str
    x_name: str
    y_name: str
    lines: Sequence[Line]
    log_x: bool = False
    log_y: bool = False
    base: int = 10
    x_ticks: tuple[float, ...] = ()
    y_range: tuple[float, float] | None = None
    level: float | None = None
    upright: float | None = None
