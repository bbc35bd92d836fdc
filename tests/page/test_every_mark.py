"""Charts of made-up lines with every mark that there is, read back whole from `drawn.txt`, an element a line.

After a change of a chart that is meant, write the text anew with `python tests/page/test_every_mark.py`, look at the
charts, and read what differs line by line.
"""

import math
from pathlib import Path

import numpy as np
import pytest

from experiments.reports.html.figures.chart import Chart, Line
from experiments.reports.html.figures.svg import draw
from experiments.reports.measured import Value

DRAWN = Path(__file__).with_name("drawn.txt")
TITLE = "==== "


def numbers(*values):
    return np.array(values, dtype=float)


BARS = Line(
    "bars over a curve", 0, x=numbers(1, 2, 4, 8, 16), y=numbers(3, 7, 20, 55, 300), points_x=numbers(1, 2, 4, 8, 16),
    points=(Value(4, 2, 7), Value(8, 8, 8), Value(25, -5, 50), Value(60, 60, math.inf), Value(280, math.nan, math.nan)),
    best=True,
)  # fmt: skip
GAP = Line(
    "a gap, dashed", 1, x=numbers(1, 2, 4, 8, 12), y=numbers(50, 40, np.nan, 30, 25), dashed=1, told="predicted",
    low=numbers(45, 35, np.nan, 20, 15), high=numbers(60, 50, np.nan, 45, 40),
)  # fmt: skip
STEPS = Line(
    "steps beside the exact law", 2, steps_x=numbers(1, 3, 5, 9), steps_y=numbers(1, 10, 30, 90),
    under_x=numbers(1, 2, 9), under_y=numbers(2, 8, 80), thin=True,
)  # fmt: skip
ALONE = Line("one place alone", 3, x=numbers(6), y=numbers(120), dashed=2)
POINTS = Line("", 4, points_x=numbers(2, 6), points=(Value(100, 90, 110), Value(11, 10, 12)), best=True)
THIN = Line("thin, under the next", 5, x=numbers(1, 16), y=numbers(200, 150), thin=True)
COVERING = Line("upon it", 6, x=numbers(1, 16), y=numbers(201, 151), dashed=3)
ALL = (BARS, GAP, STEPS, ALONE, POINTS, THIN, COVERING)
LONG = np.arange(1.0, 1001.0)
MANY = (
    Line("longer than the screen has places", 8, x=LONG, y=LONG % 37),
    *(Line(f"one of many series with a long name, {i}", i, x=LONG[:40], y=LONG[:40] * (i + 3) % 31) for i in range(8)),
)
CHARTS = {
    "linear": (Chart("every mark", "k  (blocks)", "calls", ALL, level=100, upright=7), 620, 380),
    "logarithmic": (
        Chart("", "runs at once (workers)", "cost, in the unit of a forward pass over one token of a model of size one",
              ALL, log_x=True, log_y=True, base=2),
        420, 300,
    ),
    "own ticks": (
        Chart("shares", "p, of a call", "share", (GAP,), log_x=True, y_range=(0.5, 45), level=30.0,
              x_ticks=(1, 1.1, 2, 4, 10_000)),
        620, 380,
    ),
    "letters": (Chart("", "k", "cost", MANY, log_x=True), 620, 380),
    "empty": (Chart("", "k", "cost", (), level=3, y_range=(4, 9)), 300, 200),
}  # fmt: skip


def text_of(name):
    drawn, letters = draw(*CHARTS[name], letters=False)
    return [f"named by letters: {letters}", *drawn.replace("><", ">\n<").split("\n")]


def drawn_before():
    parts = DRAWN.read_text(encoding="utf-8").split(TITLE)[1:]
    return {lines[0]: lines[1:] for lines in (part.rstrip("\n").split("\n") for part in parts)}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_drawn_as_it_was(name):
    assert text_of(name) == drawn_before()[name]


if __name__ == "__main__":
    DRAWN.write_text("".join("\n".join([TITLE + name, *text_of(name), ""]) for name in CHARTS), encoding="utf-8")
