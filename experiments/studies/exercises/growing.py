"""What the exercises have in common: curves and rows of what grows with the size of the task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from experiments.reports.measured import Arms, Measured, beside
from experiments.reports.panels import Panel, curve, panels_figure
from experiments.reports.wording import cost_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Size = Callable[[Measured], float]
MEANS = {"hit": "mean calls until all is right"}


def size_of(each: Measured) -> float:
    """How large the task of a cell is: n of its program, else k, of the program or of the problem that is searched."""
    part = each.process.task
    return float(part.n if hasattr(part, "n") else part.k)


def growing(
    title: str, arms: Arms, size: Size, name: str, quantity: str = "cost", without: Iterable[str] = (), note: str = ""
) -> Figure:
    """A figure of the mean cost (or hit, or calls) of each arm along its size, measured points on exact curves.

    Args:
        title: the point, in a sentence.
        arms: what was measured.
        size: the size of a cell's task.
        name: what the size is, for the axis.
        quantity: "cost", "hit" or "calls".
        without: arms that are not drawn.
        note: what the marks mean, after what all figures have.
    """
    drawn = {arm: cells for arm, cells in arms.items() if arm not in without}
    curves = [
        curve(arm, cells, size, lambda each: each.mean(quantity), lambda each: each.exact(quantity), colour=place)
        for place, (arm, cells) in enumerate(arms.items())
        if arm in drawn
    ]
    return panels_figure(title, [Panel("", name, _axis_of(drawn, quantity), curves, log_x=2)], note=note)


def _axis_of(arms: Arms, quantity: str) -> str:
    if quantity == "cost":
        return f"mean {cost_axis(each.process.text for cells in arms.values() for each in cells)}"
    return MEANS.get(quantity, f"mean {quantity}")


def rows(arms: Arms, size: Size, *quantities: str) -> tuple[tuple[str, ...], ...]:
    """Of each arm the largest size that was run, and what was measured there beside what is exact."""
    return tuple(
        (arm, f"{size(cells[-1]):g}", *(_beside(cells[-1], quantity) for quantity in quantities))
        for arm, cells in arms.items()
    )


def _beside(each: Measured, quantity: str) -> str:
    return beside(each.mean(quantity), each.exact(quantity), each.verdict)


def side_by_side(arms: Arms, names: Iterable[str], size: Size = size_of) -> dict[str, Measured]:
    """The cells of some arms at the largest size that all of these were run at, by arm."""
    chosen = {arm: {size(each): each for each in arms[arm]} for arm in names}
    most = max(set.intersection(*map(set, chosen.values())))
    return {arm: cells[most] for arm, cells in chosen.items()}


def with_done(arms: Arms, size: Size = size_of) -> tuple[tuple[str, ...], ...]:
    """Rows of calls and cost, and of the share done right beside its exact probability."""
    last = {arm: cells[-1] for arm, cells in arms.items()}
    return tuple(
        (arm, *row, beside(last[arm].done, last[arm].exact_done)) for arm, *row in rows(arms, size, "calls", "cost")
    )
