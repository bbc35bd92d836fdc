"""Fitted laws: those that the runs leave, with their bands over the exact curve, and what was dropped and why."""

from __future__ import annotations

from experiments.fits.laws import POOR_FIT, Fits, Growth, ScalingLaw, Told
from experiments.predictions.verdict import Verdict
from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.figures.figure import figure
from experiments.reports.html.figures.of_series import growth_charts, legend_of
from experiments.reports.html.table import Entry, table, told_verdict
from experiments.reports.wording import share_text

MOST_NOTES = 60
"""Series whose families are told on the page; all are in laws.csv."""
MOST_SENTENCES = 8
"""Series without a law that are told in sight."""
COLOURS = {Told.LAW: "ok", Told.UNDECIDED: "open", Told.NONE: "bad"}


def fitted_laws(content: Content, fits: Fits) -> Html:
    """A row a law that is left; below it the curves, what would tell, and what was dropped."""
    headings = ("series", "told", "law", "constants", "p of the fit", "range")
    rows = [row for growth in fits.growths for row in _rows(fits, growth)]
    rows += [
        [Entry(names), Entry(told_verdict(Verdict.CANNOT_TELL)), Entry(reason), *[Entry("")] * 3]
        for reason, names in _refused(fits)
    ]
    level = f"{100 * fits.laws[0].confidence:.4g} % intervals" if fits.laws else "Intervals"
    caption = (
        f"{level}, of the best approximation on this range, not of the constant in the limit; p of the fit: "
        f"probability that a true law of this family fits as badly. A law is told where one family is left: others are "
        f"refused at {POOR_FIT:g}, or hold it. How all this decides: docs/fits.md."
    )
    shown = table(headings, rows, caption, "laws.csv", words=True)
    return joined([*_figures(content, fits), _undecided(fits), shown, _notes(fits)])


def _refused(fits: Fits) -> list[tuple[str, str]]:
    """Each reason for no fit, once, with the names of all series that have it."""
    found: dict[str, list[str]] = {}
    for each in fits.refused:
        found.setdefault(each.reason, []).append(each.series)
    return [(reason, "; ".join(names)) for reason, names in found.items()]


def _rows(fits: Fits, growth: Growth) -> list[list[Entry]]:
    left = growth.left or tuple(law for law in fits.laws if law.series == growth.series)[:1]
    told = tag("span", str(growth.told), class_=f"v {COLOURS[growth.told]}")
    words = {Told.LAW: "", Told.UNDECIDED: "left: ", Told.NONE: "none fits; nearest: "}[growth.told]
    return [
        [
            Entry(growth.series), Entry(told), Entry(f"{words}{law.text}"), Entry("; ".join(map(str, law.estimates))),
            Entry(law.misfit_text, float(law.misfit)), Entry(_range(law)),
        ]
        for law in left
    ]  # fmt: skip


def _range(law: ScalingLaw) -> str:
    censored = f", {share_text(law.censored_share)} censored" if law.censored_share else ""
    return f"{law.along} = {law.least:g} to {law.most:g}{censored}"


def _notes(fits: Fits) -> Html:
    """What would tell, and what was dropped, to be opened."""
    items = []
    for growth in fits.growths:
        said = [tag("li", line) for line in (growth.reason, growth.advice, growth.note) if line]
        dropped = [
            tag("li", f"dropped: {law.text} ({law.dropped})")
            for law in fits.laws
            if law.series == growth.series and law.dropped
        ]
        items.append(tag("details", tag("summary", growth.series), tag("ul", *said, *dropped)))
    note = tag("p", fits.note) if fits.note else ""
    if not items:
        return Html(note)
    return joined(
        [note, tag("details", tag("summary", "What was dropped, and why; what would tell"), *items[:MOST_NOTES])]
    )


def _undecided(fits: Fits) -> Html:
    """A sentence a series without a law: which families are left and where they part, or why there is none.

    Where no series has a family the table below tells it all.
    """
    if not fits.growths:
        return Html("")
    open_ones = [growth for growth in fits.growths if growth.law is None]
    items = [
        tag("li", tag("strong", growth.series), ": ", _why_no_law(growth)) for growth in open_ones[:MOST_SENTENCES]
    ]
    room = fits.refused_alike[: max(0, MOST_SENTENCES - len(items))]
    told = len(items) + sum(count for *_, count in room)
    items += [tag("li", tag("strong", names), f": {Verdict.CANNOT_TELL.words}, {reason}") for names, reason, _ in room]
    more = len(open_ones) + len(fits.refused) - told
    items += [tag("li", f"and {more:,} more series without a law, below")] if more else []
    return tag("ul", *items) if items else Html("")


def _why_no_law(growth: Growth) -> str:
    if growth.told is Told.NONE:
        return f"NONE of the families fits; {growth.reason}"
    left = " or ".join(law.text.partition(" = ")[2] for law in growth.left)
    return "; ".join(filter(None, [f"UNDECIDED, {left}" if left else "UNDECIDED", growth.reason, growth.advice]))


def _figures(content: Content, fits: Fits) -> list[Html]:
    """What the runs leave of each series, over the exact curve; a figure for means, and one for medians, if any."""
    made: list[Html] = []
    quantity_of = {law.series: law.quantity for law in fits.laws}
    for quantity in dict.fromkeys(quantity_of.values()):
        grown = {each.series: each for each in fits.growths if quantity_of.get(each.series) == quantity}
        charts = growth_charts(content.made.results, fits.laws[0].along, quantity, grown)
        name = "laws-figure" if not made else f"laws-figure-{len(made) + 1}"
        made.append(figure(charts.charts, legend_of(charts, of_laws=True), "", name))
    return made
