"""The ratio of what a run of one cell costs to what one of another does, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evo.protocols import FloatArray
from evo.statistics import binomial_interval, median_interval, normal_quantile
from experiments.fits.evidence.reading import FEWEST_RUNS
from experiments.fits.tails import Tail
from experiments.store.by_cell import RunArrays

if TYPE_CHECKING:
    import pandas as pd

MEAN, ERT = "mean", "ERT"
"""What a ratio is of."""


@dataclass(frozen=True, eq=False)
class Side:
    """The costs of the runs of one cell.

    Attributes:
        ordered: costs in rising order, infinite where a run was censored, float [runs].
        hits: runs that hit.
        cost: mean cost of all runs; a censored one's is what it spent.
        square: variance of the log of cost / share of hits, or of the log of the cost without a hit.
        tail: of the law.
    """

    ordered: FloatArray
    hits: int
    cost: float
    square: float
    tail: Tail

    @classmethod
    def of(cls, runs: RunArrays | pd.DataFrame, tail: Tail) -> Side:
        """From the runs of a cell."""
        columns = RunArrays.of(runs)
        cost, hit = columns.floats("cost"), ~np.isnan(columns["hit"])
        hits, n, mean = int(hit.sum()), len(cost), float(cost.mean())
        rest = cost - (mean * n / hits if hits else 0.0) * hit  # the variance of a ratio, by the delta method
        square = float(rest.var(ddof=1)) / (n * mean**2) if n > 1 and mean > 0 else math.nan
        return cls(np.sort(np.where(hit, cost, np.inf)), hits, mean, square, tail)

    @property
    def runs(self) -> int:
        """How many."""
        return len(self.ordered)

    @property
    def ert(self) -> float:
        """Cost of all runs over hits; the mean cost where all hit, infinite where none did."""
        return self.cost * self.runs / self.hits if self.hits else math.inf

    @property
    def median(self) -> float:
        """Median cost, infinite where most runs were censored."""
        return float(np.median(self.ordered))

    def least(self, alpha: float) -> float:
        """What `ert` is at least, w.p. 1 - alpha, where no run hit."""
        return self.cost / binomial_interval(0, self.runs, 2 * alpha)[1]


@dataclass(frozen=True, eq=False)
class Ratio:
    """A ratio of two costs.

    Attributes:
        slow, fast: what is above and below the line.
        exact: ratio of the predicted means; NaN if it is not known.
        exact_error: standard error of the log of the ratio from the predicted variances; NaN if it is not known.
        stops: what the error rate is divided by so that it holds wherever a rule stopped the two cells; 1 without one.
    """

    slow: Side
    fast: Side
    exact: float
    exact_error: float
    stops: int

    @property
    def of(self) -> str:
        """What it is a ratio of: means, or ERT where runs were censored; empty where there is no mean."""
        if any(side.hits < side.runs for side in (self.slow, self.fast)):
            return ERT
        return "" if self.tail is Tail.NO_MEAN else MEAN

    @property
    def tail(self) -> Tail:
        """The heavier of the two."""
        return max(self.slow.tail, self.fast.tail, key=list(Tail).index)

    @property
    def value(self) -> float:
        """The ratio; infinite or 0 where no run of one hit, NaN where there is none."""
        return self.slow.ert / self.fast.ert if self.of else math.nan

    @property
    def note(self) -> str:
        """What to know of it beside its numbers."""
        notes = [self.tail.value] if self.tail is not Tail.LIGHT else []
        censored = [
            (name, side.runs - side.hits, side.runs) for name, side in (("slow", self.slow), ("fast", self.fast))
        ]
        told = " and ".join(
            f"{number:,} of {runs:,} runs of the {name} arm" for name, number, runs in censored if number
        )
        return "; ".join([*([f"{told} were censored"] if told else []), *notes])

    def interval(self, alpha: float) -> tuple[float, float]:
        """Of the ratio, level 1 - alpha; one end where no run of one hit; NaN where there is none."""
        few = any((side.hits or side.runs) < FEWEST_RUNS for side in (self.slow, self.fast))
        if not self.of or few or self.tail is not Tail.LIGHT:
            return math.nan, math.nan
        off = math.exp(-normal_quantile(alpha / 2) * math.sqrt(self.slow.square + self.fast.square))
        if not self.slow.hits:
            return self.slow.least(alpha / 2) / self.fast.ert / off, math.inf
        if not self.fast.hits:
            return 0.0, self.slow.ert / self.fast.least(alpha / 2) * off
        return self.value / off, self.value * off

    def medians(self, alpha: float) -> tuple[float, float, float]:
        """The ratio of the medians with its interval, level 1 - alpha at least; NaN where one is not known."""
        if math.isinf(self.slow.median) or math.isinf(self.fast.median) or self.fast.median <= 0:
            return math.nan, math.nan, math.nan
        (low, most), (least, high) = (median_interval(side.ordered, alpha / 2) for side in (self.slow, self.fast))
        top = most / least if least > 0 else math.inf
        return self.slow.median / self.fast.median, low / high, top
