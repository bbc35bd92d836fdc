"""The figure of a study as charts of the page: the panels that it was drawn from."""

from __future__ import annotations

import re

import numpy as np

from experiments.reports.html.figures.chart import Chart, Line
from experiments.reports.panels import Curve, Panel


def plain_math(words: str) -> str:
    r"""Words without the marks of formulas that matplotlib reads.

    >>> plain_math(r"calls cost $2^k k^2$ or $k\,\log k$"), plain_math(r"\$ a run, $4\sigma$")
    ('calls cost 2^k k^2 or k log k', '$ a run, 4 sigma')
    """
    whole = re.sub(r"(?<!\\)\$([^$]*?)(?<!\\)\$", r"\1", words)
    whole = re.sub(r"\\mathregular|\\mathrm", "", whole.replace("\\,", " "))
    whole = re.sub(r"\\(?=[A-Za-z])", "", re.sub(r"(?<=\w)\\(?=[A-Za-z])", " ", whole))
    return whole.replace("\\$", "$").replace("{", "").replace("}", "")


def chart_of(panel: Panel) -> Chart:
    """A panel of a study's figure as a chart of the page."""
    return Chart(
        plain_math(panel.title),
        plain_math(panel.xlabel),
        plain_math(panel.ylabel),
        [_line(curve) for curve in panel.curves],
        log_x=panel.log_x > 0,
        log_y=panel.log_y,
        base=panel.log_x or 10,
        x_ticks=panel.xticks,
        y_range=panel.y_range,
        level=panel.level,
        upright=panel.upright,
    )


def _line(curve: Curve) -> Line:
    return Line(
        plain_math(curve.label),
        curve.colour,
        x=np.asarray(curve.line_x, dtype=np.float64),
        y=np.where(np.isfinite(curve.line_y), curve.line_y, np.nan),
        points_x=np.asarray(curve.x, dtype=np.float64),
        points=curve.values,
        dashed=curve.dashed,
        best=curve.best,
    )
