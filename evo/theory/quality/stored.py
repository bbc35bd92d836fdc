"""The fitness at a budget where the parent keeps the noisy value that it was accepted with (theory 17e)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evo.protocols import FloatArray
from evo.theory.calls.starts import Start
from evo.theory.problems.on_counts import counts_process
from evo.theory.problems.stored_noise import SMALLEST, StoredTime, check_stored, moves_of
from evo.theory.quality.law import BestSoFar, StateFitness, Whens, settled, whole_times
from evo.theory.quality.processes import of_states


@dataclass(frozen=True, eq=False)
class StoredFitness:
    """The true fitness, call by call, by the recursion for the density of the stored value (theory 17e).

    Attributes:
        time: the recursion.
        values: of the fitness by incorrect blocks 0..k.
        source: labels of the formulas.
    """

    time: StoredTime
    values: FloatArray
    source: str = "theory 17e"

    def after(self, generations: Whens) -> FloatArray:
        """P(each number of incorrect blocks), float [n, k+1]."""
        return self.time.incorrect_at(whole_times(generations).astype(np.float64))

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}), float [n]."""
        return self.time.rises_at(whole_times(generations).astype(np.float64))

    def error_after(self, generations: Whens) -> float:
        """By how much these laws move where the grid of stored values is twice as fine: an estimate of their error."""
        return self.time.error_at(whole_times(generations).astype(np.float64))


def stored_fitness(
    offspring: FloatArray, sigma: float, start: Start, m: int = 1
) -> StoredFitness | StateFitness | BestSoFar:
    """The law of the number of correct blocks of the current solution of a (1+1)-EA that evaluates it once.

    Args:
        offspring: float [k+1, k+1], of `evo.theory.calls.offspring_counts`.
        sigma: standard deviation of one evaluation, in units of a block's fitness.
        start: the initial law.
        m: evaluations of a new solution, of which the mean is stored.

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.theory.calls.offspring_counts import subset_offspring
    >>> law = stored_fitness(subset_offspring(IndependentBlocks(0.5, 0.5), 10, 1), 0.5, Start(10))
    >>> round(float((law.after([100]) @ law.values)[0]), 6)
    9.537911
    """
    check_stored(offspring, sigma, start, m)
    values = start.k - np.arange(start.k + 1.0)
    if start.most == 0:
        return settled(values[::-1])
    s = sigma / math.sqrt(m)
    if s <= SMALLEST:
        return of_states(counts_process(offspring, values, start), start.k, int, source="theory 8d")
    return StoredFitness(StoredTime(moves_of(offspring), s, start), values)
