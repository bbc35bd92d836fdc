"""The time to a fitness that need not be the optimum, from the law of the fitness at a budget (theory 17a)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.quality.law import FitnessLaw, StateFitness
from evo.theory.times.law import least_time
from experiments.grids.cell import Cell
from experiments.predictions.quality.fitness import qualities

AT_ONCE, MOST = 256, 1 << 16
LEAST = 1e-15


@dataclass(frozen=True, eq=False)
class TimeTo:
    """Generations until the fitness is at least a target: P(T <= t) = P(f_t >= target), for the fitness never falls.

    Attributes:
        law: of the fitness after so many generations.
        target: the fitness.
    """

    law: FitnessLaw
    target: float

    @cached_property
    def mean(self) -> float:
        """E[T], the sum of the tails.

        Raises: NoPrediction if they are too many to add.
        """
        if isinstance(self.law, StateFitness):
            below = self.law.given[:, np.asarray(self.law.values) < self.target].sum(axis=1)
            return self.law.chain.expected(below)
        total = 0.0
        for first in range(0, MOST, AT_ONCE):
            tails = self.tail(np.arange(first, first + AT_ONCE))
            total += float(tails.sum())
            if tails[-1] < LEAST:
                return total
        raise NoPrediction(
            f"the mean time to a fitness of {self.target:g} takes more than {MOST:,} generations to add up"
        )

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t), float [n]."""
        chances = self.law.after([int(each) for each in np.asarray(t)])
        return np.asarray(np.maximum(chances, 0.0)[:, np.asarray(self.law.values) < self.target].sum(axis=1))

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t), float [n]."""
        return np.asarray(1.0 - self.tail(t))

    def quantile(self, u: float) -> float:
        """The least t with P(T <= t) >= u."""
        return least_time(self, u, together=8)


def time_to(cell: Cell, target: float) -> TimeTo:
    """The generations until the fitness of a cell is at least a target.

    Raises: NoPrediction where the fitness at a budget is not known.

    >>> from evo import OnePlusLambda, UntilResolved
    >>> from operators import FixKeep
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=10, l=16), FixKeep(0.5, 0.9), UntilResolved(), OnePlusLambda())
    >>> time_to(cell, 10).mean, time_to(cell, 7).mean, time_to(cell, 7).quantile(0.5)
    (20.0, 14.0, 13.0)
    """
    (now,) = qualities(cell, [0])
    return TimeTo(now.law, target)
