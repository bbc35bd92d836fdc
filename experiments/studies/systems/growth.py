"""What studies of systems read off their cells: values along a parameter, quotients, the exponent at the far end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from evo.protocols import FloatArray
from experiments.reports.measured import Measured, Value

Of = Callable[[Measured], float]


def parameter(name: str) -> Of:
    """Reads a parameter of the program of a cell."""

    def read(each: Measured) -> float:
        return float(getattr(each.program, name))

    return read


def at(cells: Sequence[Measured], **values: float) -> Measured:
    """The one cell whose program has these values of its parameters."""
    (found,) = [each for each in cells if all(parameter(name)(each) == value for name, value in values.items())]
    return found


def quotient(above: Value, below: Value) -> Value:
    """One mean over another, by the delta method."""
    ratio = above.value / below.value
    half = ratio * math.hypot(*((each.high - each.low) / 2 / each.value for each in (above, below)))
    return Value(ratio, ratio - half, ratio + half)


def ratio(above: Measured, below: Measured, quantity: str = "cost") -> float:
    """The same without its interval, of any quantity."""
    return above.mean(quantity).value / below.mean(quantity).value


def far_exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """The exponent of the growth between the last two places: ln(y2/y1) / ln(x2/x1).

    >>> far_exponent([1, 2, 4], [5, 3, 12])
    2.0
    """
    return math.log(y[-1] / y[-2]) / math.log(x[-1] / x[-2])


def places(cells: Sequence[Measured], along: Of) -> FloatArray:
    """Where cells stand along a parameter, float [cells]."""
    return np.array([along(each) for each in cells], dtype=np.float64)
