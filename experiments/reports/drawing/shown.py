"""What a figure shows, in one word: two files can be told to show the same, whatever fonts and releases drew them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIGITS = 5
"""Of each place: the last digits of a double differ between machines."""


def png_metadata(figure: Figure) -> dict[str, str]:
    """What is written into a PNG of a figure beside its pixels: a hash of what the figure shows.

    >>> from matplotlib.figure import Figure
    >>> one, other = Figure(), Figure()
    >>> _ = one.subplots().plot([1, 2], [3, 4]), other.subplots().plot([1, 2], [3, 4.1])
    >>> png_metadata(one)
    {'Description': 'shows 56a7650b7f7cd889'}
    >>> png_metadata(one) == png_metadata(other)
    False
    """
    parts = [*_words(figure), *(part for axes in figure.axes for part in _drawn(axes))]
    return {"Description": f"shows {hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:16]}"}


def _words(figure: Figure) -> Iterator[str]:
    """All words beside ticks, whatever lines they are broken into."""
    legends = [legend for axes in figure.axes if (legend := axes.get_legend())] + list(figure.legends)
    texts = [each for legend in legends for each in legend.get_texts()]
    texts += [each for axes in figure.axes for each in (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts)]
    yield from (" ".join(each.get_text().split()) for each in texts)
    yield from (" ".join(words.split()) for words in (figure.get_suptitle(), figure.get_supxlabel()))


def _drawn(axes: Axes) -> Iterator[str]:
    """The places of all lines and marks, of areas their edges."""
    for line in axes.lines:
        yield _places(line.get_xydata())
    for each in axes.collections:
        yield _places(each.get_offsets())
        yield from (_places(np.unique(path.vertices, axis=0)) for path in each.get_paths())  # however it is closed


def _places(points: Any) -> str:
    return " ".join(f"{value:.{DIGITS}g}" for value in np.ravel(np.asarray(points, dtype=np.float64)))
