"""The figure of a plan: money against hours, who is beaten in neither, and the choice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo.errors import InputError
from experiments.planning.answer import figure as figure_of
from experiments.planning.plan import NEEDS, Plan, Ranked
from experiments.reports.drawing import powers
from experiments.reports.drawing.labels import OF_LEGEND, folded_title
from experiments.reports.drawing.shown import png_metadata
from experiments.reports.figures import COLOURS, MARKERS
from experiments.store.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

SIZE, OUT, BETWEEN = (10.0, 6.0), 10.0, 13.0
"""Inches; points that a number lies out from its place, each way, and at least between two numbers."""
ENDINGS = (".png", ".svg", ".pdf")
WIDE = 8.0
"""Ratio of the ends of an axis from which on ticks at 1, 2 and 5 times powers of ten are enough."""
SHOWN = 30.0
"""Candidates that take more than so many times the least money or hours are left out."""


def front(plan: Plan) -> list[Ranked]:
    """Candidates that no other beats in money without losing in hours, the cheapest first.

    Of those that are equal in both, the first of the plan; none of which one is not known or infinite.
    """
    known = [each for each in plan.ranked if _placed(each)]
    order = sorted(known, key=lambda each: (float(f"{each.numbers.money:.10g}"), each.numbers.hours))
    found: list[Ranked] = []
    for each in order:
        if not found or each.numbers.hours < found[-1].numbers.hours * (1.0 - 1e-9):
            found.append(each)
    return found


def plan_figure(plan: Plan) -> Figure:
    """Expected money against expected hours of all candidates, on log scales; from 0 where something takes nothing.

    A colour a schedule; the line joins those that are beaten in neither, which are numbered and named beside the axes;
    a star marks the choice. What has no place, since a number of its is not known or infinite, is counted below.

    Raises: InputError where no candidate has a place, with the reason.
    """
    from matplotlib.figure import Figure

    best = front(plan)
    if not best:
        raise InputError(f"plan: a figure needs money and hours: {_missing(plan)}")
    money, hours = best[0].numbers.money, best[-1].numbers.hours  # the least of each
    most = SHOWN * money or math.inf, SHOWN * hours or math.inf
    near = [each for each in plan.ranked if each.numbers.money <= most[0] and each.numbers.hours <= most[1]]
    figure = Figure(figsize=SIZE, layout="constrained")
    ax = figure.subplots()
    ax.set(xscale="log" if hours else "linear", yscale="log" if money else "linear")
    logs = [axis for axis, least in ((ax.xaxis, hours), (ax.yaxis, money)) if least]
    for axis in logs:
        axis.set_major_formatter(plain_ticks())
        axis.set_minor_formatter(plain_ticks())
    for number, name in enumerate(dict.fromkeys(each.candidate.name for each in near)):
        of = [each.numbers for each in near if each.candidate.name == name]
        look = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        ax.plot([each.hours for each in of], [each.money for each in of], linestyle="", alpha=0.75, label=name, **look)  # type: ignore[arg-type]  # both are words
    ax.plot([each.numbers.hours for each in best], [each.numbers.money for each in best], color="#444444", lw=1.0)
    if _placed(plan.best):
        of_choice = plan.best.numbers
        star: dict[str, Any] = {"marker": "*", "markersize": 19, "color": "#000000", "linestyle": ""}
        ax.plot([of_choice.hours], [of_choice.money], label="the choice", **star)
    ax.margins(0.12)
    ax.autoscale_view()
    for axis in logs:
        least, end = axis.get_view_interval()
        if end >= WIDE * least:
            powers.plain_ticks(axis)
    ax.set_xlabel("expected hours of a run")
    ax.set_ylabel(f"expected money of a run{f', {plan.unit}' if plan.unit else ''}")
    for number, each in enumerate(best, start=1):
        ax.plot([], [], marker=f"${number}$", mew=0.2, color="#000000", linestyle="", label=_name(plan, each))
    ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.suptitle(f"Ways to decompose {plan.best.candidate.model.k} blocks", fontsize=13)
    figure.supxlabel(folded_title(_below(plan), int(OF_LEGEND * SIZE[0])), fontsize=8.5, color="#444444")
    figure.draw_without_rendering()
    _number(ax, [(each.numbers.hours, each.numbers.money) for each in best])
    return figure


def _placed(ranked: Ranked) -> bool:
    """Whether a candidate has a place in the figure."""
    return math.isfinite(ranked.numbers.money) and math.isfinite(ranked.numbers.hours)


def _missing(plan: Plan) -> str:
    """Why no candidate has a place, in words, and what to do."""
    models = [each.candidate.model for each in plan.ranked]
    lacking = [
        NEEDS[name]
        for name, given in (("money", "priced"), ("hours", "timed"))
        if not any(getattr(model, given) for model in models)
    ]
    if lacking:
        return f"expected {', and '.join(lacking)}, got none"
    got = [f"{name} {_so(getattr(plan.best.numbers, name))}" for name in ("money", "hours")]
    why = f" ({plan.best.numbers.note})" if plan.best.numbers.note else ""
    told = f"expected a candidate of which both are finite, got of the best {' and '.join(got)}{why}"
    return f"{told}; the plan without a figure tells the rest"


def _so(number: float) -> str:
    return "not known" if math.isnan(number) else f"{number:.4g}".replace("inf", "infinite")


def _below(plan: Plan) -> str:
    """What stands under the figure: the line, and what is not in it."""
    told = f"line: beaten in neither; left out: more than {SHOWN:g} times the least money or hours (if not 0)"
    homeless = sum(not _placed(each) for each in plan.ranked)
    choice = "" if _placed(plan.best) else ", the choice among them"
    return told + (f", and {homeless} whose money or hours are not known or infinite{choice}" if homeless else "")


def plain_ticks() -> Formatter:
    """Ticks of a log scale as plain numbers, those between powers of ten where there are few."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    return Plain(minor_thresholds=(1, 0.3))


def expect_ending(name: str, path: Path) -> None:
    """Check that a figure can be written into a file of this name.

    Raises: InputError for another ending than .png, .svg or .pdf.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{name}: expected a file that ends in {', '.join(ENDINGS)}, got {str(path)!r}")


def save_plan_figure(plan: Plan, path: Path) -> None:
    """Write the figure into a file, whole or not at all.

    Raises: InputError for another ending than .png, .svg or .pdf.
    """
    expect_ending("plan: figure", path)
    drawn = plan_figure(plan)
    kind = path.suffix[1:].lower()
    metadata = png_metadata(drawn) if kind == "png" else None
    write_whole(path, lambda temporary: drawn.savefig(temporary, format=kind, dpi=110, metadata=metadata))


def _number(ax: Axes, places: Sequence[tuple[float, float]]) -> None:
    """A number below and to the left of each place, where nothing lies: all that did would beat it.

    Numbers of places that are near each other go further out, so that none lies on another.
    """
    taken: list[tuple[float, float]] = []
    scale = 72.0 / ax.figure.dpi  # points a pixel
    for number, place in enumerate(places, start=1):
        x, y = ax.transData.transform(place) * scale
        out = next(n for n in range(1, 100) if all(_apart((x - n * OUT, y - n * OUT), other) for other in taken))
        taken.append((x - out * OUT, y - out * OUT))
        line = {"arrowstyle": "-", "color": "#444444", "lw": 0.5} if out > 1 else None
        look: dict[str, Any] = {
            "textcoords": "offset points",
            "ha": "center",
            "va": "center",
            "fontsize": 9,
            "arrowprops": line,
        }
        ax.annotate(str(number), place, (-out * OUT, -out * OUT), **look)


def _apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return math.dist(one, other) >= BETWEEN


def _name(plan: Plan, ranked: Ranked) -> str:
    one, numbers = ranked.candidate, ranked.numbers
    votes = f", {one.votes} votes ahead" if one.votes > 1 else ""
    model = f"{one.model.name}: " if one.model.name else ""
    taken = f"{figure_of(numbers.money, plan.unit)}, {figure_of(numbers.hours)} hours"
    return f"{model}{one.name}\ng = {one.g}, lam = {one.lam}{votes}: {taken}"
