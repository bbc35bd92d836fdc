"""Chains that stay for very long among states that are left rarely: nothing leaks by rounding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from evo.laws.counts import FloatArray
from evo.theory.chains.cyclic import CyclicChain
from evo.theory.chains.powers import Powers


class KeptPowers(Powers):
    """Powers M^(2^b) of a transition matrix whose columns are made to sum to 1 again after each squaring.

    Rounding changes the sum of a column by 10^-16 or so; squared 40 times this would be 10^-4. State 0 is the
    optimum: the others are scaled so that P(absorbed), a sum of positive numbers, keeps its digits.
    """

    def _square(self) -> None:
        super()._square()
        power, stay = self._powers[-1], self._stays[-1]
        absorbed: FloatArray = power[0].copy() if isinstance(power, np.ndarray) else power[[0]].toarray()[0]
        among = np.asarray(power[1:].sum(axis=0)) + stay
        scale = np.divide(1.0 - absorbed, among, out=np.ones_like(among), where=among > 0.0)
        if isinstance(power, np.ndarray):
            power[1:] *= scale
        else:
            others = slice(power.indptr[1], None)  # the entries of all rows but that of the optimum
            power.data[others] *= scale[power.indices[others]]
        self._stays[-1] = stay * scale


@dataclass(frozen=True, eq=False, repr=False)
class KeptChain(CyclicChain):
    """A cyclic chain whose distribution stays accurate for 10^12 generations and more."""

    powers_kind: ClassVar[type[Powers]] = KeptPowers

    @cached_property
    def longest_mean(self) -> float:
        """The largest finite mean number of generations from any state."""
        means = self._solve(np.ones_like(self.finish), np.inf)
        return float(means[np.isfinite(means)].max(initial=0.0))
