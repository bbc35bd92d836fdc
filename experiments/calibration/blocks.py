"""Chances of the blocks of calls whose blocks share a quality: beta-binomial by maximum likelihood (theory 17f).

A call with n blocks has y right ones: y ~ BetaBinomial(n, a, b), chance mu = a / (a + b), correlation of two blocks of
a call rho = 1 / (a + b + 1). Intervals are those of the profile likelihood: all mu that lose no more than half a
quantile of chi-square against the maximum. A pooled binomial interval counts each block as a call of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import betaln, expit, logit, ndtr, xlog1py, xlogy
from scipy.stats import chi2, t

from evo.protocols import FloatArray

LEVEL = 0.95
LEAST_RHO, MOST_RHO = 1e-6, 1.0 - 1e-6
"""Correlations that differ from 0 and 1; below and above nothing in a log tells them from the limits."""
SMALL_RHO, MOST_STEPS = 1e-3, 1000
"""Correlation and blocks of a call up to which a likelihood is a product of chances one after the other."""
FARTHEST = 36.0
"""Of a logit: beyond it 1 - mu is below the precision of mu."""
FEWEST_CLUSTERS = 8
"""From which on the spread between them is used."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Blocks of calls: of n[j] blocks of a call y[j] came out right; float [calls], n > 0."""

    n: FloatArray
    y: FloatArray

    @cached_property
    def _alike(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Calls that are alike, once: n, y, and how many."""
        pairs, times = np.unique(np.column_stack([self.n, self.y]), axis=0, return_counts=True)
        return pairs[:, 0], pairs[:, 1], times.astype(float)

    def log_likelihood(self, mu: float, rho: float) -> float:
        """Of the kernel, without binomial coefficients.

        >>> round(Counts(np.array([2.0]), np.array([1.0])).log_likelihood(0.5, 0.0), 4)
        -1.3863
        """
        n, y, times = self._alike
        if rho < LEAST_RHO:
            return float(times @ (xlogy(y, mu) + xlog1py(n - y, -mu)))
        theta = (1.0 - rho) / rho
        a, b = mu * theta, (1.0 - mu) * theta
        if a < 1e-300 or b < 1e-300:
            return 0.0 if (y == (0 if a < b else n)).all() else -np.inf
        if rho > SMALL_RHO or n.max() > MOST_STEPS or (n % 1.0).any() or (y % 1.0).any():
            return float(times @ (betaln(a + y, b + n - y) - betaln(a, b)))
        right, wrong, every = (_rising(start, 1.0 / theta, int(n.max())) for start in (mu, 1.0 - mu, 1.0))
        return float(times @ (right[y.astype(int)] + wrong[(n - y).astype(int)] - every[n.astype(int)]))

    @property
    def pooled(self) -> float:
        """Share of all blocks."""
        return float(self.y.sum() / self.n.sum())

    @property
    def tells_rho(self) -> bool:
        """Whether some call has two blocks, and not all came out the same."""
        return bool((self.n > 1).any()) and 0.0 < self.pooled < 1.0


def _rising(start: float, step: float, most: int) -> FloatArray:
    """The log of start (start + step) (start + 2 step) .. of 0, 1, .. `most` factors, float [most + 1].

    Beta functions of theta are as large as theta, and their differences lose what tells small correlations from 0.
    """
    return np.concatenate(([0.0], np.cumsum(np.log(start + step * np.arange(most)))))


def best(function: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Where a function of one variable is largest, and how large."""
    found = minimize_scalar(lambda x: -function(x), bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    return float(found.x), -float(found.fun)


def best_rho(counts: Counts, mu: float) -> tuple[float, float]:
    """The correlation that is likeliest for a chance, and its log likelihood; 0 if calls do not tell it."""
    independent = counts.log_likelihood(mu, 0.0)
    if not (counts.n > 1).any():
        return 0.0, independent
    x, value = best(
        lambda x: counts.log_likelihood(mu, float(expit(x))), float(logit(LEAST_RHO)), -float(logit(LEAST_RHO))
    )
    return (float(expit(x)), value) if value > independent + 1e-9 else (0.0, independent)


def best_mu(counts: Counts, rho: float) -> tuple[float, float]:
    """The chance that is likeliest for a correlation, and its log likelihood."""
    if rho < LEAST_RHO or counts.pooled in (0.0, 1.0):
        return counts.pooled, counts.log_likelihood(counts.pooled, rho)
    x, value = best(lambda x: counts.log_likelihood(float(expit(x)), rho), -FARTHEST / 2, FARTHEST / 2)
    return float(expit(x)), value


def crossing(
    function: Callable[[float], float], top: float, centre: float, cut: float, step: float, farthest: float
) -> float:
    """Where a function has fallen from its top by cut, going from the centre in steps that double; inf if nowhere."""
    inside, width = centre, step
    while abs(inside - centre) < farthest:
        outside = inside + width
        if top - function(outside) > cut:
            return float(brentq(lambda x: top - function(x) - cut, inside, outside, xtol=1e-6))
        inside, width = outside, 2 * width
    return float(np.inf * step)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; `n` says on how many calls it rests."""

    value: float
    low: float
    high: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high."""
        return self.low, self.high


@dataclass(frozen=True)
class Chance:
    """A chance of a block, with the law it was estimated by.

    Attributes:
        mean: the mean of the beta-binomial.
        pooled: share of all blocks, which a few large calls may decide.
        rho: likeliest correlation of two blocks of a call; None if no call tells it.
        log_likelihood: of the kernel at the maximum.
        independent: of the best binomial.
        blocks: number of blocks.
        widened: the interval is wider by this factor, since calls of one cluster are alike.
    """

    mean: Estimate
    pooled: float
    rho: float | None
    log_likelihood: float
    independent: float
    blocks: int
    widened: float

    @property
    def ab(self) -> tuple[float, float] | None:
        """The parameters a, b of the Beta law; None for independent blocks."""
        if self.rho is None or self.rho < LEAST_RHO:
            return None
        theta = (1.0 - self.rho) / self.rho
        return self.mean.value * theta, (1.0 - self.mean.value) * theta


def chance(counts: Counts, clusters: np.ndarray | None = None) -> Chance:
    """The chance of a block.

    Args:
        counts: of calls, one or more.
        clusters: a word for each call; calls of one word may be alike, which widens the interval.

    >>> made = chance(Counts(np.array([1.0] * 40), np.array([1.0] * 10 + [0.0] * 30)))
    >>> round(made.mean.value, 3), round(made.mean.low, 3), round(made.mean.high, 3), made.rho
    (0.25, 0.134, 0.397, None)
    """
    rho, top = likeliest([counts])
    mu = best_mu(counts, rho)[0]
    widened, quantile = spread(counts, mu, rho, clusters)
    low, high = _interval(lambda mu: best_rho(counts, mu)[1], mu, top, widened * quantile / 2.0)
    mean = Estimate(mu, low, high, len(counts.n))
    independent = counts.log_likelihood(counts.pooled, 0.0)
    told = rho if counts.tells_rho else None
    return Chance(mean, counts.pooled, told, top, independent, int(counts.n.sum()), widened)


def independent_likelihood(groups: Sequence[Counts]) -> float:
    """Log likelihood of independent blocks, each group with a chance of its own."""
    return sum(counts.log_likelihood(counts.pooled, 0.0) for counts in groups)


def likeliest(groups: Sequence[Counts]) -> tuple[float, float]:
    """The correlation that is likeliest for groups of calls, each with a chance of its own; log likelihood there."""
    independent = independent_likelihood(groups)
    if not any(counts.tells_rho for counts in groups):
        return 0.0, independent
    limit = float(logit(LEAST_RHO))
    x, value = best(lambda x: _profile(groups, x), limit, -limit)
    return (float(expit(x)), value) if value > independent + 1e-9 else (0.0, independent)


def _profile(groups: Sequence[Counts], x: float) -> float:
    """Log likelihood at a logit of the correlation, no nearer to 0 and 1 than a log tells."""
    rho = min(max(float(expit(x)), LEAST_RHO), MOST_RHO)
    return sum(best_mu(counts, rho)[1] for counts in groups)


def correlation(groups: Sequence[Counts]) -> Estimate | None:
    """The correlation of two blocks of a call, with its profile likelihood; None if no call tells it.

    The interval begins at 0 where independent blocks are within it. Correlations near 0, the end of their range, lose
    less before they are left out (`quantile_near_the_end`).
    """
    if not any(counts.tells_rho for counts in groups):
        return None
    rho, top = likeliest(groups)
    limit = -float(logit(LEAST_RHO))
    centre, low = float(logit(rho)) if rho > 0.0 else -limit, 0.0
    errors = math.sqrt(sum(float(counts.n @ (counts.n - 1.0)) for counts in groups) / 2.0)

    def kept(x: float) -> float:
        """The profile with what a correlation may lose: it is within the interval as long as this is at least top."""
        return _profile(groups, x) + quantile_near_the_end(errors * float(expit(x))) / 2.0

    if rho > 0.0 and top - independent_likelihood(groups) > quantile_near_the_end(0.0) / 2.0:
        low = float(expit(crossing(kept, top, centre, 0.0, -0.25, 2 * limit)))
    high = float(expit(crossing(kept, top, centre, 0.0, 0.25, 2 * limit)))
    return Estimate(rho, low, min(high, MOST_RHO), sum(len(counts.n) for counts in groups))


@lru_cache(maxsize=4096)
def quantile_near_the_end(distance: float) -> float:
    """The 95 % quantile c of twice the loss of a true value so many standard errors d from the end of its range.

    An estimate beyond the end is taken at it, so that the loss is Z^2 for Z > -d and -2 Z d - d^2 else: c solves
    Phi(sqrt c) - Phi(-(c + d^2)/(2d)) = .95, and is that of chi-square, 3.84, from d = 1.96 on. At the end itself half
    of all estimates lose nothing: c = 1.645^2. For rho the error near 0 is 1/sqrt(sum of n (n-1)/2) over the calls.

    >>> round(quantile_near_the_end(0.0), 4), round(quantile_near_the_end(1.0), 4), round(quantile_near_the_end(3.0), 4)
    (2.7055, 3.3103, 3.8415)
    """
    whole = float(chi2.ppf(LEVEL, 1))
    if distance * distance >= whole:
        return whole
    end = float(chi2.ppf(2.0 * LEVEL - 1.0, 1))
    if distance < 1e-3:
        return end

    def covered(c: float) -> float:
        return float(ndtr(math.sqrt(c)) - ndtr(-(c + distance**2) / (2.0 * distance))) - LEVEL

    return float(brentq(covered, end * 0.999, whole * 1.001))


def _interval(profile: Callable[[float], float], mu: float, top: float, cut: float) -> tuple[float, float]:
    """Where the profile has fallen by cut on both sides of mu; 0 or 1 if mu is there."""

    def on_logit(x: float) -> float:
        return profile(float(expit(np.clip(x, -FARTHEST, FARTHEST))))

    if mu in (0.0, 1.0):
        centre = -FARTHEST / 2 if mu == 0.0 else FARTHEST / 2
        edge = crossing(on_logit, top, centre, cut, 1.0 if mu == 0.0 else -1.0, FARTHEST)
        return (0.0, float(expit(edge))) if mu == 0.0 else (float(expit(edge)), 1.0)
    centre = float(logit(mu))
    low = crossing(on_logit, top, centre, cut, -0.25, FARTHEST)
    high = crossing(on_logit, top, centre, cut, 0.25, FARTHEST)
    return float(expit(low)), float(expit(high))


def spread(counts: Counts, mu: float, rho: float, clusters: np.ndarray | None) -> tuple[float, float]:
    """How much more the chance varies than the law says, since calls of a cluster are alike; quantile for its interval.

    sum over clusters of (sum_j w_j (y_j - n_j mu))^2, w_j = 1 / (1 + (n_j - 1) rho) as in the likelihood, against what
    calls without clusters give, mu (1 - mu) sum_j n_j w_j. Never below 1. Few clusters take Student's t.
    """
    plain = float(chi2.ppf(LEVEL, 1))
    if clusters is None or not 0.0 < mu < 1.0:
        return 1.0, plain
    _, codes = np.unique(clusters.astype(str), return_inverse=True)
    number = int(codes.max()) + 1
    if number < FEWEST_CLUSTERS or number == len(codes) == int(counts.n.sum()):
        return 1.0, plain
    weights = 1.0 / (1.0 + (counts.n - 1.0) * rho)
    sums = np.bincount(codes, weights * (counts.y - counts.n * mu))
    factor = float(sums @ sums) / (mu * (1.0 - mu) * float(counts.n @ weights)) * number / (number - 1)
    if factor <= 1.0:
        return 1.0, plain
    return factor, float(t.ppf(0.5 + LEVEL / 2.0, number - 1) ** 2)


def share(counts: Counts, clusters: np.ndarray | None = None) -> Estimate:
    """The share of all, whatever the sizes, by the binomial likelihood, widened where clusters differ.

    >>> made = share(Counts(np.array([100.0]), np.array([9.0])))
    >>> made.value, round(made.low, 3), round(made.high, 3)
    (0.09, 0.044, 0.156)
    """
    mu = counts.pooled
    widened, quantile = spread(counts, mu, 0.0, clusters)
    top = counts.log_likelihood(mu, 0.0)
    cut = widened * quantile / 2.0
    return Estimate(mu, *_interval(lambda x: counts.log_likelihood(x, 0.0), mu, top, cut), int(counts.n.sum()))
