"""Tests and intervals with known error rates, for hitting times: skewed, discrete, sometimes censored.

No t intervals: on 200 geometric runs at a nominal false-alarm rate of 0.001 a t interval errs at 0.0026.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evo.protocols import FloatArray

if TYPE_CHECKING:
    from evo.theory import TimeLaw


def normal_quantile(u: float) -> float:
    """The u-quantile of the standard normal law.

    >>> round(normal_quantile(0.975), 4)
    1.96
    """
    from scipy.special import ndtri

    return float(ndtri(u))


def two_sided_normal(z: float) -> float:
    """P(|Z| >= |z|) for a standard normal Z.

    >>> round(two_sided_normal(1.96), 3)
    0.05
    """
    from scipy.special import ndtr

    return 2.0 * float(ndtr(-abs(z)))


def dkw_halfwidth(n: int, alpha: float) -> float:
    """Half-width of the band around the empirical cdf of n runs that holds the true cdf w.p. >= 1 - alpha.

    sqrt(ln(2/alpha) / (2n)) (Dvoretzky, Kiefer, Wolfowitz; constant by Massart 1990). For discrete laws the band is
    wider than need be, never too narrow.

    >>> round(dkw_halfwidth(1000, 0.05), 4)
    0.0429
    """
    return math.sqrt(math.log(2 / alpha) / (2 * n))


def dkw_p_value(n: int, distance: float) -> float:
    """Bound on the probability that the empirical cdf of n runs is somewhere `distance` off: 2 exp(-2 n d^2).

    >>> round(dkw_p_value(1000, 0.0429), 2)
    0.05
    """
    return min(1.0, 2 * math.exp(-2 * n * distance**2))


def law_distance(hits: FloatArray, runs: int, law: TimeLaw, below: float = math.inf) -> float:
    """Largest difference between empirical and exact cdf, sup over whole t < below of |F_n(t) - F(t)|.

    Args:
        hits: hitting times of the runs that hit, float [hits].
        runs: all runs, the censored ones included: they count as hitting later than any t < below.
        law: the exact law.
        below: the fewest calls at which a run was censored.
    """
    seen = np.unique(hits[hits < below])
    last = below - 1 if below < math.inf else (seen[-1] if len(seen) else 0.0)
    # Between jumps of F_n the difference is largest at the ends: at a hit, and at the last t before the next one.
    points = np.unique(np.concatenate((seen, seen - 1, [last])))
    points = points[points >= 0]
    if len(points) == 0:
        return 0.0
    empirical = np.searchsorted(np.sort(hits), points, side="right") / runs
    return float(np.max(np.abs(empirical - law.cdf(points))))


def mean_p_value(total: float, runs: int, law: TimeLaw) -> tuple[float, str]:
    """Two-sided p-value of the total of `runs` independent times, and how it was found.

    By the exact law of the total where there is one (geometric and negative binomial times add up to a negative
    binomial), else by the normal law with the exact standard error.

    Args:
        total: sum of the times.
        runs: how many.
        law: the exact law of one of them, with finite variance.
    """
    exact = law.total(runs)
    if exact is not None:
        below, above = (float(exact.cdf(t)) for t in (total, total - 1))
        return min(1.0, 2 * min(below, 1 - above)), "exact law of the total"
    error = math.sqrt(runs * law.variance)
    if error == 0:
        return float(total == runs * law.mean), "deterministic"
    return two_sided_normal((total - runs * law.mean) / error), "normal, exact standard error"


def binomial_interval(successes: int, trials: int, alpha: float) -> tuple[float, float]:
    """The Clopper-Pearson interval of a probability, level 1 - alpha.

    >>> [round(end, 4) for end in binomial_interval(5, 10, 0.05)]
    [0.1871, 0.8129]
    """
    from scipy.special import betaincinv

    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, alpha / 2))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - alpha / 2))
    return low, high


def binomial_p_value(successes: int, trials: int, p: float) -> float:
    """Two-sided exact p-value of a number of successes: twice the smaller tail.

    >>> round(binomial_p_value(5, 10, 0.5), 3)
    1.0
    """
    from scipy.special import bdtr

    at_most = float(bdtr(successes, trials, p))
    at_least = 1.0 - float(bdtr(successes - 1, trials, p)) if successes > 0 else 1.0
    return min(1.0, 2 * min(at_most, at_least))


def runs_to_resolve(relative_error: float, resolution: float, alpha: float, power: float = 0.95) -> int:
    """Runs needed to find a relative discrepancy of the mean of `resolution` w.p. `power`.

    n = ((z_{1-alpha/2} + z_power) sd / (resolution mean))^2.

    Args:
        relative_error: standard deviation over mean of one run.
        resolution: relative discrepancy to be found.
        alpha: false-alarm rate of the test.
        power: probability to find it.

    >>> runs_to_resolve(1.0, 0.1, 0.05)
    1300
    """
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return math.ceil((z * relative_error / resolution) ** 2)
