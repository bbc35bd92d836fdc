"""A figure of the page: one chart or several, each for a wide screen and for a phone, and what the marks mean."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.figures.chart import Chart
from experiments.reports.html.figures.palette import sample
from experiments.reports.html.figures.svg import LETTERS, draw

ALONE, BESIDE, PHONE = (880.0, 430.0), (620.0, 380.0), (352.0, 330.0)
"""Width and height: of a single chart, of one of several, and on a phone."""


def figure(charts: Sequence[Chart], note: str = "", title: str = "", name: str = "") -> Html:
    """Charts with their titles; on phones lines have letters, and a key.

    Args:
        charts: what is drawn.
        note: what the marks mean.
        title: the point, in a sentence.
        name: id of the figure.
    """
    if not charts:
        return Html("")
    width, height = ALONE if len(charts) == 1 else BESIDE
    panels = []
    for chart in charts:
        head = tag("h4", chart.title) if chart.title else ""
        drawn, letters = draw(chart, width, height, letters=False)
        wide = tag("div", drawn, _key(chart) if letters else "", class_="wide")
        narrow = tag("div", draw(chart, *PHONE, letters=True)[0], _key(chart), class_="narrow")
        panels.append(tag("div", head, wide, narrow, class_="panel"))
    said = [tag("strong", title, class_="point")] if title else []
    legend = [tag("span", note, class_="note")] if note else []
    shape = "panels" if len(charts) > 1 else "panels single"
    above = tag("figcaption", *said) if said else ""
    below = tag("p", *legend, class_="legend") if legend else ""
    return tag("figure", above, tag("div", joined(panels), class_=shape), below, id=name or None)


def _key(chart: Chart) -> Html:
    items = [
        tag(
            "li",
            tag("b", LETTERS[i % len(LETTERS)]),
            " ",
            sample(line.slot, line.dashed),
            " ",
            " ".join(line.label.split()),
        )
        for i, line in enumerate(chart.lines)
        if line.label
    ]
    return tag("ul", joined(items), class_="key") if items else Html("")
