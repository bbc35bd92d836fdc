"""How many calls the generation that ends a run makes up to the one that hits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.protocols import FloatArray


@dataclass(frozen=True)
class LastGeneration:
    """The calls made in the generation that generates the optimum, up to and including the call that does.

    R in 1..lam has P(R = r) proportional to (1-s)^(r-1), s the chance of one offspring; float [n] each.
    """

    mean: FloatArray
    variance: FloatArray

    @classmethod
    def of(cls, offspring_hit: FloatArray, lam: int) -> LastGeneration:
        """Sums over r; the closed form 1/s - lam (1-s)^lam / (1-(1-s)^lam) cancels for small s."""
        weight = np.ones_like(offspring_hit)
        total, first, second = np.zeros((3, len(offspring_hit)))
        for more in range(lam):  # calls after the first, so that nothing cancels where that one hits
            total += weight
            first += more * weight
            second += more * more * weight
            weight = weight * (1.0 - offspring_hit)
        mean = first / total
        return cls(1.0 + mean, np.maximum(second / total - mean**2, 0.0))
