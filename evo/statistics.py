"""Tests and intervals with known error rates, for hitting times: skewed, discrete, sometimes censored.

No t intervals: on 200 geometric runs at a nominal false-alarm rate of 0.001 a t interval errs at 0.0026.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.times.at_times import LawAtTimes

if TYPE_CHECKING:
    from evo.theory import TimeLaw

_NEGLIGIBLE = 2.0**-50
_GRID = 1024
LEAST_TOLD = 1e-16
"""Probabilities below it are told as such: no reader can use them, and floats do not know them."""


def probability_text(p: float, digits: int = 2) -> str:
    """A probability to so many digits.

    >>> probability_text(0.01234), probability_text(8.3e-266), probability_text(-0.0)
    ('0.012', '< 1e-16', '0')
    """
    return f"< {LEAST_TOLD:.0e}" if 0 < p < LEAST_TOLD else f"{max(0.0, p):.{digits}g}"


def p_value_text(p: float, sign: str = "=", digits: int = 2) -> str:
    """A p-value or a bound on one (`sign` "<="): `p = 0.012`, `p < 1e-16`.

    >>> p_value_text(0.01234), p_value_text(0.0, "<=")
    ('p = 0.012', 'p < 1e-16')
    """
    return f"p < {LEAST_TOLD:.0e}" if p < LEAST_TOLD else f"p {sign} {p:.{digits}g}"


def normal_quantile(u: float) -> float:
    """The u-quantile of the standard normal law.

    >>> round(normal_quantile(0.975), 4)
    1.96
    """
    from scipy.special import ndtri

    return float(ndtri(u))


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


def law_distance(hits: FloatArray, runs: int, law: TimeLaw, last: float = math.inf) -> float:
    """Largest difference between empirical and exact cdf, sup over whole t <= last of |F_n(t) - F(t)|.

    Args:
        hits: hitting times of the runs that hit, float [hits].
        runs: number of runs including the censored ones, all censored later than `last`.
        law: the exact law; one that is known at some times only is compared there, so that the DKW bound holds.
        last: the fewest calls at which a run was censored; infinite if none was.
    """
    if isinstance(law, LawAtTimes):
        points = law.within(last)
    else:
        seen = np.unique(hits[hits <= last])
        # Between jumps of F_n the difference is largest at the ends: at a hit, and at the last t before the next one.
        points = np.unique(np.concatenate((seen, seen - 1, [last] if last < math.inf else [])))
        points = points[points >= 0]
    if len(points) == 0:
        return 0.0
    empirical = np.searchsorted(np.sort(hits), points, side="right") / runs
    return float(np.max(np.abs(empirical - law.cdf(points))))


def mean_p_value(total: float, runs: int, law: TimeLaw) -> tuple[float, str]:
    """Conservative two-sided p-value of the total of `runs` independent times, and the method used.

    Twice the smaller tail by the exact law of the total where there is one (geometric and negative binomial times add
    up to a negative binomial), else by `total_tails`. Where only moments are known: Chebyshev's bound 1/z^2, which
    holds for any law. The normal law would not do: of a heavy tail of finite variance it raises hundreds of times the
    false alarms at 1e-5.

    Args:
        total: sum of the times.
        runs: how many.
        law: the exact law of one time, with finite variance.

    Raises: NoPrediction if the variance is not known, or the law is and its total cannot be computed: then the law is
    to be tested, not the mean.
    """
    exact = law.total(runs)
    if exact is not None:
        return min(1.0, 2 * float(min(exact.cdf(total), exact.tail(total - 1)))), "exact law of the total"
    mean, variance = runs * law.mean, runs * law.variance
    if is_sure(law):
        return float(abs(total - mean) < 0.5), "deterministic"
    if only_moments(law):
        return min(1.0, variance / (total - mean) ** 2) if total != mean else 1.0, "Chebyshev's bound"
    return min(1.0, 2 * min(total_tails(total, runs, law))), "law of the total"


def bounded_mean_p_value(total: float, runs: int, mean: float, most: TimeLaw) -> float:
    """Bound on the p-value of the total of `runs` numbers of which only mean and a bound are known, 0 <= s <= T.

    T, such as all calls of a run where s are those on some chunk, has a known law. As |s - mean| <= M = max(T, mean),
    ln E[e^(x(s-mean))] <= E[e^(xM) - 1 - xM] for every x, and so (Chernoff)

        P(|total - runs mean| >= d) <= 2 exp(-x d + runs E[e^(xM) - 1 - xM]), least over x.

    Args:
        total: sum of the numbers.
        runs: how many.
        mean: of one number, as predicted.
        most: the law of T.

    Raises: NoPrediction if the law is not known.

    >>> from evo.theory import Geometric
    >>> [bounded_mean_p_value(total, 1000, 1.0, Geometric(0.5)) < 1e-9 for total in (1000.0, 1600.0)]
    [False, True]
    """
    off = abs(total - runs * mean)
    if math.isinf(mean) or math.isinf(most.mean) or off <= 1e-9 * (1.0 + runs * mean):
        return 1.0
    last = most.quantile(1 - _NEGLIGIBLE)
    times = np.unique(np.linspace(0.0, last, 4 * _GRID).round())
    chances = np.diff(most.cdf(times), prepend=0.0)  # of times rounded up: the bound stays one
    bound = np.maximum(times, mean)
    x = np.geomspace(1e-6, 1.0, 200) * 17.0 / max(last, mean, 1.0)  # e^17 2^-50, what is cut off, is negligible
    powers = np.expm1(np.outer(x, bound)) - np.outer(x, bound)
    return min(1.0, 2 * math.exp(min(0.0, float((runs * powers @ chances - x * off).min()))))


def is_sure(law: TimeLaw) -> bool:
    """Whether a time is constant: its variance is zero up to the rounding of a difference of squares."""
    return law.variance <= 1e-13 * law.mean**2


def only_moments(law: TimeLaw) -> bool:
    """Whether only moments of a time are known, not its cdf."""
    try:
        law.cdf(0)
    except NoPrediction:
        return True
    return False


def total_tails(total: float, runs: int, law: TimeLaw) -> tuple[float, float]:
    """P(S <= total) and P(S >= total) for the sum S of `runs` independent times, absolute error about 1e-12.

    The `runs`-fold convolution of the law by one Fourier transform. A law that spreads over more than 2,048 values is
    first rounded to a grid of odd step h around the exact mean; the tails then count half a step too much. The normal
    law would not do: of five geometric times with a share of zeros it raises 18 times the false alarms at 2.5e-4.

    Raises: NoPrediction if the law is not known, or its tail is so heavy that the grid is coarser than its spread.

    >>> from evo.theory import Geometric
    >>> [round(tail, 12) for tail in total_tails(3, 2, Geometric(0.5))]
    [0.5, 0.75]
    """
    from scipy.fft import irfft, next_fast_len, rfft

    first, last = law.quantile(_NEGLIGIBLE), law.quantile(1 - _NEGLIGIBLE)
    step = 2 * math.ceil((last - first + 1) / (2 * _GRID)) - 1
    if step > max(1.0, math.sqrt(law.variance)):
        raise NoPrediction(f"the law has too heavy a tail for a grid of {_GRID} values")
    centres = first + step * np.arange(math.ceil((last - first) / step) + 1)
    pmf = np.diff(law.cdf(centres + (step - 1) / 2), prepend=0.0)
    places = np.arange(len(pmf))
    middle = float(places @ pmf)
    spread = math.sqrt(runs * float((places - middle) ** 2 @ pmf))
    window = next_fast_len(min(runs * len(pmf), 2 * (len(pmf) + math.ceil(10 * spread))), real=True)
    shares = np.maximum(irfft(rfft(pmf, window) ** runs, window), 0.0)
    lowest = max(0, round(runs * middle) - window // 2)
    sums = lowest + (np.arange(window) - lowest) % window  # which sum, of those that share a place
    drift = 0.0 if step == 1 else runs * (law.mean - first - step * middle)
    at = (total - runs * first - drift) / step
    slack = 1e-9 if step == 1 else 0.5
    return float(shares[sums <= at + slack].sum()), float(shares[sums >= at - slack].sum())


def binomial_interval(successes: int, trials: int, alpha: float) -> tuple[float, float]:
    """The Clopper-Pearson interval of a probability, level 1 - alpha.

    >>> [round(end, 4) for end in binomial_interval(5, 10, 0.05)]
    [0.1871, 0.8129]
    """
    from scipy.special import betaincinv

    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, alpha / 2))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - alpha / 2))
    return low, high


def median_interval(ordered: FloatArray, alpha: float) -> tuple[float, float]:
    """An interval of the median, level 1 - alpha at least, of any law: two order statistics.

    x_(r) and x_(n+1-r), r the largest with P(Bin(n, 1/2) < r) <= alpha/2; 0 and infinity where there is none.

    Args:
        ordered: numbers >= 0 in rising order, float [n]; infinite where a run was censored.
        alpha: probability that the interval misses.

    >>> median_interval(np.arange(1.0, 1001.0), 0.05)
    (469.0, 532.0)
    """
    n = len(ordered)
    place = _order_of_median(n, alpha)
    return (float(ordered[place - 1]), float(ordered[n - place])) if place else (0.0, math.inf)


@lru_cache(maxsize=1024)
def _order_of_median(n: int, alpha: float) -> int:
    """The largest r with P(Bin(n, 1/2) < r) <= alpha/2."""
    from scipy.special import bdtr

    return int(np.searchsorted(bdtr(np.arange(n), n, 0.5), alpha / 2, side="right"))


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
    """Number of runs whose mean detects a relative change `resolution` of the time with power `power`.

    n = ((z_{1-alpha/2} + (1+resolution) z_power) sd / (resolution mean))^2: a longer time spreads more, too.

    Args:
        relative_error: standard deviation over mean of one run.
        resolution: relative discrepancy to be found.
        alpha: false-alarm rate of the test.
        power: probability to find it, by the normal law.

    >>> runs_to_resolve(1.0, 0.1, 0.05)
    1421
    """
    z = -normal_quantile(alpha / 2) + (1 + resolution) * normal_quantile(power)
    return math.ceil((z * relative_error / resolution) ** 2)


def resolved_by(runs: int, relative_error: float, alpha: float, power: float = 0.95) -> float:
    """The relative change of the time that so many runs detect with power `power`: `runs_to_resolve` solved for it.

    (z_{1-alpha/2} + z_power) e / (sqrt(n) - z_power e), e = sd / mean; infinite if there are too few runs for any.

    Args:
        runs: n.
        relative_error: e, standard deviation over mean of one run.
        alpha: false-alarm rate of the test.
        power: probability to find it, by the normal law.

    >>> round(resolved_by(1421, 1.0, 0.05), 3)
    0.1
    """
    z = normal_quantile(power)
    left = math.sqrt(runs) - z * relative_error
    return (z - normal_quantile(alpha / 2)) * relative_error / left if left > 0 else math.inf


def runs_to_resolve_by_moments(relative_error: float, resolution: float, alpha: float, power: float = 0.95) -> int:
    """The same by Chebyshev's bound, for a time whose mean and variance alone are known.

    n = ((1/sqrt(alpha) + (1+resolution) sqrt(power/(1-power))) sd / (resolution mean))^2, the power by Cantelli's
    bound: both hold for any law.

    Args:
        relative_error: standard deviation over mean of one run.
        resolution: relative discrepancy to be found.
        alpha: false-alarm rate of the test.
        power: probability to find it, at least.

    >>> runs_to_resolve_by_moments(1.0, 0.1, 0.05)
    8588
    """
    z = 1 / math.sqrt(alpha) + (1 + resolution) * math.sqrt(power / (1 - power))
    return math.ceil((z * relative_error / resolution) ** 2)


def runs_to_resolve_by_law(law: TimeLaw, last: float, resolution: float, alpha: float, power: float = 0.95) -> float:
    """Number of runs whose empirical cdf up to `last` detects a relative change `resolution` with power `power`.

    n = ((sqrt(ln(2/alpha)/2) + z_power/2) / d)^2, d the distance on t <= last between the cdf and the nearer of the
    two that are stretched by 1 +- resolution (linear between whole times); infinite if d = 0.

    Args:
        law: the exact law, whose cdf is known.
        last: where the runs are cut off by a budget.
        resolution: relative discrepancy to be found.
        alpha: false-alarm rate of the test.
        power: probability to find it, at least.

    >>> from evo.theory import Geometric
    >>> runs_to_resolve_by_law(Geometric(0.01), 150, 0.25, 2.5e-4)
    1290.0
    """
    shares = [share for share in (resolution, -resolution) if share > -1]
    if isinstance(law, LawAtTimes):
        distance = min(law.distance_if_stretched(last, share) for share in shares)
    else:
        distance = _distance_if_stretched(law, last, shares)
    z = math.sqrt(math.log(2 / alpha) / 2) + normal_quantile(power) / 2
    return float(math.ceil((z / distance) ** 2)) if distance > 0 else math.inf


def _distance_if_stretched(law: TimeLaw, last: float, shares: Sequence[float]) -> float:
    """The distance on t <= last between the cdf and the nearest of those stretched by 1 + share."""
    times = np.unique(np.floor(np.concatenate((np.linspace(0, last, 500), np.geomspace(1, last + 1, 500) - 1))))
    longer = [times / (1 + share) for share in shares]
    whole = [np.floor(each) for each in longer]
    known = np.unique(np.concatenate([times, *whole, *(each + 1 for each in whole)]))
    values = law.cdf(known)  # asked once: it may take long

    def at(wanted: FloatArray) -> FloatArray:
        return np.asarray(values[np.searchsorted(known, wanted)])

    between = [at(low) + (each - low) * (at(low + 1) - at(low)) for each, low in zip(longer, whole, strict=True)]
    return min(float(np.max(np.abs(at(times) - each))) for each in between)
