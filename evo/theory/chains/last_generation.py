"""How many calls the generation that ends a run makes up to the one that hits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.protocols import FloatArray
from evo.theory.numeric.sums import ALL, whole_rule


@dataclass(frozen=True)
class LastGeneration:
    """The calls made in the generation that generates the optimum, up to and including the call that does.

    R in 1..lam has P(R = r) proportional to (1-s)^(r-1), s the chance of one offspring; float [n] each.
    """

    mean: FloatArray
    variance: FloatArray

    @classmethod
    def of(cls, offspring_hit: FloatArray, lam: int, miss: FloatArray | None = None) -> LastGeneration:
        """Sums over r, of few of its terms where there are many of them and most of them count.

        Else E[R-1] = q/s - lam q^lam/(1-q^lam), Var = q/s^2 - lam^2 q^lam/(1-q^lam)^2 with q = 1-s, which cancel for
        small s lam alone.

        Args:
            offspring_hit: s, float [n].
            lam: offspring.
            miss: 1 - s where it is known to more digits than s has room for, float [n].

        >>> LastGeneration.of(np.array([0.5, 1.0]), 2).mean.round(12).tolist()
        [1.333333333333, 1.0]
        """
        s = np.minimum(offspring_hit, 1.0)
        q = 1.0 - s if miss is None else np.where(s < 0.5, 1.0 - s, miss)
        with np.errstate(divide="ignore"):
            logs = np.where(s < 0.5, np.log1p(-s), np.log(q))
        mean, variance = np.empty_like(s), np.empty_like(s)
        short = s * lam < 1.0 if lam > ALL else np.ones(len(s), dtype=np.bool_)
        mean[short], variance[short] = _summed(logs[short], lam)
        mean[~short], variance[~short] = _closed(s[~short], q[~short], logs[~short], lam)
        return cls(1.0 + mean, variance)


def _summed(logs: FloatArray, lam: int) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of R - 1, which is r w.p. proportional to e^(r logs).

    Calls after the first are counted, that nothing cancels where that one hits.
    """
    places, weights = whole_rule(lam)
    with np.errstate(invalid="ignore"):
        chances = weights * np.where(places > 0, np.exp(np.multiply.outer(logs, places)), 1.0)
    total = chances.sum(axis=1)
    mean = chances @ places / total
    return mean, np.maximum(chances @ places**2 / total - mean**2, 0.0)


def _closed(s: FloatArray, q: FloatArray, logs: FloatArray, lam: int) -> tuple[FloatArray, FloatArray]:
    none = np.exp(lam * logs)
    hits = -np.expm1(lam * logs)
    return q / s - lam * none / hits, np.maximum(q / s**2 - lam**2 * none / hits**2, 0.0)
