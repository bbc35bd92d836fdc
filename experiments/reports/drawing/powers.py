"""Logarithmic axes: a tick at each power of ten, without a formula, since those take longest to lay out; or more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axis import Axis

POWERS_SHOWN = 3
"""Powers of ten that an axis must span to need no ticks between them."""
ROUND = (1, 2, 5, 10)
"""Steps between the ticks of a linear axis, times powers of ten."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ticks_at_powers(axis: Axis) -> None:
    """Leave out the ticks between powers of ten, of a logarithmic axis with limits that spans enough of them."""
    from matplotlib.ticker import NullLocator

    least, most = axis.get_view_interval()
    if least > 0 and most >= 10**POWERS_SHOWN * least:
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda tick, _: power_of_ten(tick))


def plain_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis of a decade or two at 1, 2 and 5 times powers of ten, as plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    least, most = axis.get_view_interval()
    if not 0 < least < most < 10 ** (POWERS_SHOWN - 0.5) * least:
        return
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(lambda tick, _: plain(tick))
    axis.set_minor_formatter(NullFormatter())


def plain(tick: float) -> str:
    """A number of a tick as it is read.

    >>> plain(2000.0), plain(0.05), plain(1.0)
    ('2,000', '0.05', '1')
    """
    return f"{tick:,.0f}" if tick >= 10 else f"{tick:g}"


def power_of_ten(tick: float) -> str:
    """A power of ten in words; nothing for other numbers.

    >>> power_of_ten(1000.0), power_of_ten(0.1), power_of_ten(1.0), power_of_ten(20.0)
    ('10³', '10⁻¹', '10⁰', '')
    """
    power = round(math.log10(tick)) if tick > 0 else 0
    return f"10{str(power).translate(RAISED)}" if math.isclose(tick, 10.0**power) else ""
