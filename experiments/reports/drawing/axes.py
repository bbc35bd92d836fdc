"""Axes to draw on: those that somebody gives, or those of a new figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo.errors import InputError
from evo.parameters import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (8.0, 5.0)
"""Of a new figure, in inches."""


def new_axes(ax: Axes | None) -> Axes:
    """The axes that were given, or those of a new figure, which a notebook shows by itself.

    Raises: InputError for what are no axes.
    """
    from matplotlib.axes import Axes as Kind

    if ax is None:
        from matplotlib import pyplot

        return pyplot.subplots(figsize=SIZE, layout="constrained")[1]
    if not isinstance(ax, Kind):
        raise InputError(f"ax: expected matplotlib axes, got {shown(ax)}")
    return ax


def height_of(ax: Axes) -> float:
    """Inches of the axes, as far as the layout is known."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # axes that can be drawn on are in one
    return float(figure.get_size_inches()[1]) * float(ax.get_position().height)
