"""What the runs of each cell say of its mean: a signed root of the deviance, one likelihood for every kind of cell.

r(mu) = sign(mu - best) sqrt(2 (log L(best) - log L(mu))) is nearly a standard normal number at the true mean, so that a
law is fitted by least squares of r, and its misfit is a chi-square, whatever the law of the runs:

* hits out of trials, where every trial hits with the same probability: binomial; censored runs enter with their trials;
* means of runs: the deviance of a Gamma law whose relative variance is that of the runs, profiled over its error
  (`experiments.fits.evidence.spreads`);
* anything else is a table of r over log mu: censored runs (`experiments.fits.evidence.censoring`) and quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import xlogy

from evo.protocols import FloatArray

STEP = 1e-5
"""Of log mu, for the slope of a root."""
STEEP = 1e3
"""Slope of a root beyond a mean that no law may have: a trial cannot hit more than surely."""
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Hits:
    """Cells whose trials all hit with the same probability unit / mu, float [cells] each."""

    hits: FloatArray
    trials: FloatArray
    unit: FloatArray

    @cached_property
    def best(self) -> FloatArray:
        """Log of the likeliest mean, infinite without a hit."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.unit) + np.log(self.trials) - np.log(self.hits))

    @cached_property
    def _log_unit(self) -> FloatArray:
        return np.asarray(np.log(self.unit))

    def roots(self, logs: FloatArray) -> FloatArray:
        """Signed roots of the binomial deviance."""
        p = np.exp(self._log_unit - logs)
        inside = np.minimum(p, 1 - TINY)
        h, t = self.hits, self.trials
        half = xlogy(h, h / (t * inside)) + xlogy(t - h, (t - h) / (t * (1 - inside)))
        root = np.sign(inside * t - h) * np.sqrt(2 * np.maximum(half, 0.0))
        return np.asarray(-root - STEEP * np.maximum(np.log(p), 0.0))


@dataclass(frozen=True, eq=False)
class Means:
    """Cells of which a mean of runs is known, float [cells] each.

    Attributes:
        mean: of the runs.
        square: relative variance of the mean.
        freedom: degrees of freedom behind it; infinite if it is known.
    """

    mean: FloatArray
    square: FloatArray
    freedom: FloatArray

    @cached_property
    def best(self) -> FloatArray:
        """Log of the means."""
        return np.asarray(np.log(self.mean))

    @cached_property
    def _nu(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The degrees of freedom nu, nu + 1 and 1 + 1.5/nu."""
        nu = np.minimum(self.freedom, 1e9)
        return nu, np.asarray(nu + 1), np.asarray(1 + 1.5 / nu)

    def roots(self, logs: FloatArray) -> FloatArray:
        """Signed roots of the deviance 2 (y/mu - 1 - log(y/mu)) / square, of nu log(1 + deviance/nu) in its stead.

        The latter is the likelihood ratio of a mean whose variance is estimated with nu degrees of freedom; divided by
        1 + 1.5/nu (Bartlett) its expectation is 1.
        """
        off = np.minimum(np.maximum(self.best - logs, -300), 300)
        series = off**2 / 2 + off**3 / 6
        deviance = 2 * np.where(np.abs(off) < 1e-4, series, np.expm1(off) - off) / self.square
        nu, more, bartlett = self._nu
        return np.asarray(-np.sign(off) * np.sqrt(more * np.log1p(deviance / nu) / bartlett))


@dataclass(frozen=True, eq=False)
class Tables:
    """Cells whose roots are tables: grids of log mu and roots, and the likeliest log mu (infinite: a bound only)."""

    grids: tuple[FloatArray, ...]
    values: tuple[FloatArray, ...]
    best: FloatArray

    def roots(self, logs: FloatArray) -> FloatArray:
        """Linear between entries, and beyond the ends as between the last two."""
        found = np.empty(logs.shape)
        for i, (at, grid, values) in enumerate(zip(logs.T, self.grids, self.values, strict=True)):
            j = np.clip(np.searchsorted(grid, at), 1, len(grid) - 1)
            slope = (values[j] - values[j - 1]) / (grid[j] - grid[j - 1])
            found[..., i] = values[j] + slope * (at - grid[j])
        return found


Kind = Hits | Means | Tables


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of the means of the cells of a series.

    Attributes:
        x: the parameter, float [cells].
        kinds: the cells of each kind, by their places.
        exact: relative error of the parameters' intervals where the runs came out the same and a law must meet every
            mean up to rounding, float [cells]; None where runs vary.
    """

    x: FloatArray
    kinds: tuple[tuple[FloatArray, Kind], ...]
    exact: FloatArray | None = None

    @cached_property
    def best(self) -> FloatArray:
        """Log of the likeliest means; infinite where there is only a bound."""
        found = np.empty(len(self.x))
        for places, kind in self.kinds:
            found[places] = kind.best
        return found

    @cached_property
    def known(self) -> FloatArray:
        """Where there is a mean, and not only a bound, bool [cells]."""
        return np.isfinite(self.best)

    def roots(self, logs: FloatArray) -> FloatArray:
        """Signed roots of the deviance at these logs of means; float [cells], or several rows of them."""
        if len(self.kinds) == 1:  # of all cells, in their order
            return self.kinds[0][1].roots(logs)
        found = np.empty(logs.shape)
        for places, kind in self.kinds:
            found[..., places] = kind.roots(logs[..., places])
        return found

    def roots_and_slopes(self, logs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Signed roots of the deviance and their derivatives, float [cells] each.

        In one go: of the few cells of a series a call of numpy costs as much for three numbers each as for one.
        """
        step = STEP if self.exact is None else 1e-10
        here, above, below = self.roots(np.array((logs, logs + step, logs - step)))
        return here, np.asarray((above - below) / (2 * step))

    def slopes(self, logs: FloatArray) -> FloatArray:
        """The derivatives of the signed roots."""
        return self.roots_and_slopes(logs)[1]

    @cached_property
    def errors(self) -> FloatArray:
        """Standard errors of the logs of the means, infinite where there is none."""
        safe = np.where(self.known, self.best, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = 1 / np.abs(self.slopes(safe))
        return np.where(self.known, found, np.inf)


def joined(x: FloatArray, kinds: Sequence[tuple[Sequence[int], Kind]], exact: FloatArray | None = None) -> Evidence:
    """The evidence of a series from that of its cells of each kind."""
    return Evidence(x, tuple((np.asarray(places, dtype=np.int64), kind) for places, kind in kinds if places), exact)
