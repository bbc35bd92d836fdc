"""Scales and ticks of a chart: from a value to a place on the screen, and the round values that are named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evo.protocols import FloatArray
from experiments.reports.drawing.powers import plain, power_of_ten

FEW_DECADES = 2.5
MARGIN = 0.04


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic scale.

    Attributes:
        least, most: limits, in values.
        length: of the axis, in pixels.
        log: whether it is logarithmic.
    """

    least: float
    most: float
    length: float
    log: bool

    @classmethod
    def around(cls, values: FloatArray, length: float, log: bool, whole: tuple[float, float] | None = None) -> Scale:
        """A scale that holds all values, with a margin.

        Args:
            values: finite ones, above 0 where it is logarithmic.
            length: of the axis.
            log: whether it is logarithmic.
            whole: limits, instead of the values'.
        """
        known = values[np.isfinite(values) & ((values > 0) | (not log))]
        least, most = (float(known.min()), float(known.max())) if len(known) else (1.0, 10.0)
        if whole is not None:
            return cls(*whole, length, log)
        if log:
            stretch = (most / least) ** MARGIN if most > least else 2.0
            return cls(least / stretch, most * stretch, length, log)
        margin = MARGIN * (most - least) or abs(most) * 0.5 or 1.0
        return cls(least - margin, most + margin, length, log)

    def at(self, values: FloatArray) -> FloatArray:
        """Places of values, in pixels from the axis's start; NaN where they have none."""
        with np.errstate(all="ignore"):
            if self.log:
                shares = np.log(values / self.least) / math.log(self.most / self.least)
            else:
                shares = (np.asarray(values) - self.least) / (self.most - self.least)
        return np.where(np.isfinite(shares), shares * self.length, np.nan)

    def place(self, value: float) -> float:
        """The place of one value."""
        return float(self.at(np.array([value]))[0])

    def ticks(self, most: int, base: int = 10, whole: bool = False) -> list[tuple[float, str]]:
        """Round values within the limits, with their names.

        Args:
            most: how many there is room for.
            base: of a logarithmic scale.
            whole: whether only whole numbers are values.

        >>> Scale(0, 10, 100, False).ticks(6)
        [(0.0, '0'), (2.0, '2'), (4.0, '4'), (6.0, '6'), (8.0, '8'), (10.0, '10')]
        >>> [name for _, name in Scale(1, 1e6, 100, True).ticks(4)]
        ['10⁰', '10²', '10⁴', '10⁶']
        """
        if self.log and base == 2:
            return [(tick, plain(tick)) for tick in _thinned(_powers(self.least, self.most, 2), most)]
        if self.log:
            decades = math.log10(self.most / self.least)
            if decades > FEW_DECADES:
                return [(tick, power_of_ten(tick)) for tick in _thinned(_powers(self.least, self.most, 10), most)]
            found = [each for each in _fine(self.least, self.most) if self.least <= each <= self.most]
            if len(found) > 1:
                return [(tick, plain(tick)) for tick in _thinned(found, most)]
        return [(tick, plain_number(tick)) for tick in _linear(self.least, self.most, most, whole)]


def plain_number(value: float) -> str:
    """A tick of a linear scale as it is read.

    >>> plain_number(2000.0), plain_number(0.25), plain_number(3e7), plain_number(0.0)
    ('2,000', '0.25', '3e7', '0')
    """
    if abs(value) >= 1e7:
        return f"{value:.4g}".replace("e+0", "e").replace("e+", "e")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def _powers(least: float, most: float, base: int) -> list[float]:
    first, last = math.ceil(math.log(least, base) - 1e-9), math.floor(math.log(most, base) + 1e-9)
    return [float(base) ** power for power in range(first, last + 1)]


def _fine(least: float, most: float) -> list[float]:
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return [float(f"{digit}e{power}") for power in range(first, last + 1) for digit in (1, 2, 5)]


def _thinned(ticks: Sequence[float], most: int) -> list[float]:
    step = max(1, -(-len(ticks) // max(2, most)))
    return list(ticks[::step])


def _linear(least: float, most: float, number: int, whole: bool) -> list[float]:
    rough = (most - least) / max(2, number)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1.0, 2.0, 2.5, 5.0, 10.0) if each * power >= rough * 0.999)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    first, last = math.ceil(least / step - 1e-9), math.floor(most / step + 1e-9)
    return [round(n * step, 12) + 0.0 for n in range(first, last + 1)]
