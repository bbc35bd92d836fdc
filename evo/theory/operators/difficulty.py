"""Difficulties p_j ~ Beta(a, b), fixed for the run: heavy tails, infinite means, finite medians (theory 5b, 5c)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evo.errors import NoPrediction
from evo.laws.gamma import log1p, log_gamma_ratio
from evo.laws.special import BetaBlocksLaw
from evo.protocols import FloatArray
from evo.theory.calls.gains import check_run
from evo.theory.calls.starts import Start
from evo.theory.numeric.beta import BetaNodes, expm1, inverse_moment, power, survival
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.poisson import PoissonTime
from evo.theory.schedules.round_robin import tail_sums
from evo.theory.times.law import GivenTail

_SHORT = 512  # calls up to which sums of own calls are always convolved, beyond which their transform is inverted
_LONG = 1 << 21  # calls up to which they are convolved where the inversion would lose digits
_CANCELS = 1.0  # ln of the transform on the contour that is too large
_TALBOT = 24
_MOST_NODES = 1 << 22  # of the inversion of the law of a product
_FEW = 12  # calls up to which the tail of GLOBAL is an alternating sum


def beta_only_incorrect(law: BetaBlocksLaw, k: int, start: Start) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1, lam = 1: a sum of own calls N with P(N > t) = B(a, b+t)/B(a, b).

    E = j (a+b-1)/(a-1), infinite for a <= 1; Var N = 2 E[p^-2] - E[1/p] - E[1/p]^2, infinite for a <= 2 (theory 5b).

    >>> beta_only_incorrect(BetaBlocksLaw(5, 3), 10, Start(10)).hit.mean
    17.5
    """
    check_run(k, start, 1)
    a, b = law.a, law.b
    if start.most == 0:
        return finished(1)
    own, square = inverse_moment(a, b, 1), inverse_moment(a, b, 2)
    counts = start.law()
    j = np.arange(k + 1)
    expected = float(counts @ j)
    spread = float(counts @ (j - expected) ** 2)
    mean = expected * own
    variance = math.inf if math.isinf(square) else expected * (2 * square - own - own**2) + spread * own**2
    hit = GivenTail(_OwnSums(a, b, start).tails, mean, variance)
    return RunLaw(hit, hit, no_short_chunk, "theory 5b, 5c")


def beta_round_robin(law: BetaBlocksLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of RoundRobin, g = 1: the product (2g) with the tails of (5c); infinite mean for a <= 1.

    Raises: NoPrediction for exactly j incorrect blocks, or, for moments, where the tail is too heavy to sum.
    """
    check_run(k, start, lam)
    a, b = law.a, law.b
    if start.most == 0:
        return finished(lam)
    _independent(start, "RoundRobin")
    open_rate = 1.0 - start.correct_rate

    def unfinished(own: FloatArray) -> FloatArray:
        return np.broadcast_to(open_rate * survival(a, b, own)[..., None], (*own.shape, k))

    return tail_sums(unfinished, k, lam, 0.0, 0.0, "theory 2g, 5c", power=a)


def beta_uniform_chunk(law: BetaBlocksLaw, k: int, start: Start) -> RunLaw:
    """Law of a run of UniformChunk, g = 1, lam = 1, by Poissonization with S(x) = 1F1(a; a+b; -x) (theory 5b).

    Raises: NoPrediction for exactly j incorrect blocks.
    """
    check_run(k, start, 1)
    a, b = law.a, law.b
    if start.most == 0:
        return finished(1)
    _independent(start, "UniformChunk")
    nodes, open_rate = BetaNodes.of(a, b), 1.0 - start.correct_rate
    p = nodes.p

    def unfinished(z: Any) -> Any:
        return open_rate * nodes.mean(lambda point: np.exp(-point * p), z)

    def finished_by(z: Any) -> Any:
        return (1.0 - unfinished(z)) ** k

    # 1-(1-S)^k less its first term k S, whose integrals are k E[1/p] and k E[p^-2]: it falls like x^-2a
    step = math.log(2.0) / 24
    x = np.exp(np.arange(-42.0, 46.0 + math.log(k), step))
    s = unfinished(x)
    with np.errstate(divide="ignore"):
        rest = -np.expm1(k * np.log1p(-np.minimum(s, 1.0))) - k * s
    once, twice = (open_rate * inverse_moment(a, b, moment) for moment in (1, 2))
    mean = k * (k * once + step * float((rest * x).sum()))
    rising = 2.0 * k**2 * (k * twice + step * float((rest * x * x).sum()))
    variance = math.inf if math.isinf(twice) else rising - mean - mean**2
    hit = PoissonTime(k, finished_by, mean, variance)
    return RunLaw(hit, hit, no_short_chunk, "theory 5b, Poissonization")


def beta_all_blocks(law: BetaBlocksLaw, k: int, start: Start) -> RunLaw:
    """Law of global mutation, lam = 1: Geom(P) with random P = prod p_j; E = ((a+b-1)/(a-1))^k, above the median (5c).

    P(T > t) = E[(1-P)^t] = (1/2 pi i) int B(z, t+1) E[P^-z] dz along Re z = c, 0 < c < a (Mellin and Barnes).

    >>> round(beta_all_blocks(BetaBlocksLaw(3, 2), 2, Start(2)).hit.mean, 12)
    4.0
    """
    check_run(k, start, 1)
    a, b = law.a, law.b
    if start.most == 0:
        return finished(1)
    begun = 1.0 - start.optimal
    once, twice = (power(inverse_moment(a, b, moment), k) for moment in (1, 2))
    if (math.isinf(once) and a > 1.0) or (math.isinf(twice) and a > 2.0):
        raise NoPrediction("the annealed mean or variance of global mutation is above the largest float")
    variance = math.inf if math.isinf(twice) else begun * (2 * twice - once) - (begun * once) ** 2

    def tails(t: FloatArray) -> FloatArray:
        if k == 1:
            return begun * survival(a, b, t)
        return begun * np.array([_product_tail(a, b, k, float(time)) for time in t])

    hit = GivenTail(tails, begun * once, variance)
    return RunLaw(hit, hit, no_short_chunk, "theory 5c, annealed")


class _OwnSums:
    """Tails of the sum of the own calls of the blocks that are incorrect at first."""

    def __init__(self, a: float, b: float, start: Start) -> None:
        self._a, self._b, self._start = a, b, start
        self._nodes = BetaNodes.of(a, b)
        self._first = np.zeros(0)

    def tails(self, t: FloatArray) -> FloatArray:
        """P(T > t) for whole t >= 0.

        Raises: NoPrediction where many blocks take so long that neither way is accurate.
        """
        values = np.zeros(t.shape)
        far = t >= _SHORT
        values[far] = [self._inverted(float(time)) for time in t[far]]
        near = ~far | np.isnan(values)
        if near.any():
            values[near] = self._convolved(int(t[near].max()))[t[near].astype(np.int64)]
        return values

    def _convolved(self, last: int) -> FloatArray:
        """P(T > t) for t <= last at least, by repeated convolution of the law of one block."""
        if last < len(self._first):
            return self._first
        if last >= _LONG:
            raise NoPrediction(f"the law of the sum of so many own calls is not computed at {last} calls")
        size = max(_SHORT, 1 << last.bit_length())
        own = survival(self._a, self._b, np.arange(size, dtype=np.float64))
        pmf = np.append(0.0, own[:-1] - own[1:])
        times = self._start.most
        if self._start.independent:
            times, rate = self._start.k, self._start.correct_rate
            pmf = (1.0 - rate) * pmf + rate * (np.arange(size) == 0)
        law, square = (np.arange(size) == 0).astype(np.float64), pmf
        while times:
            if times & 1:
                law = _convolution(law, square)
            times >>= 1
            square = _convolution(square, square) if times else square
        self._first = 1.0 - np.cumsum(law)
        return self._first

    def _inverted(self, t: float) -> float:
        """[z^t] (1 - E z^T)/(1 - z), z = e^-s, on Talbot's contour (Trefethen, Weideman and Schmelzer 2006).

        The transform of one block, E[p z/(1-(1-p)z)], is analytic off the cut z >= 1. nan where that of the sum is
        large on the contour, for t about E[T] or less, so that digits cancel.
        """
        angle = np.pi * (2 * np.arange(_TALBOT // 2) + 1) / _TALBOT
        s = _TALBOT / t * (0.5017 * angle / np.tan(0.6407 * angle) - 0.6122 + 0.2645j * angle)
        turn = 0.5017 / np.tan(0.6407 * angle) - 0.5017 * 0.6407 * angle / np.sin(0.6407 * angle) ** 2 + 0.2645j
        gap = expm1(s)  # (1-z)/z
        # 1 - p/(p+gap) = gap/(p+gap)
        p = self._nodes.p
        lost = self._nodes.mean(lambda point: point / (p + point), gap)
        fixed = self._nodes.mean(lambda point: p / (p + point), gap)
        rate, times = 1.0, self._start.most
        if self._start.independent:
            rate, times = 1.0 - self._start.correct_rate, self._start.k
        with np.errstate(divide="ignore"):
            logs = np.where(np.abs(lost) < 0.5, log1p(-rate * lost), np.log(1.0 - rate + rate * fixed))
        none_left = times * logs
        if float(none_left.real.max()) > _CANCELS:
            return math.nan
        value = (_TALBOT / t / expm1(-s)) * expm1(none_left) * np.exp(t * s) * turn
        return float(2.0 / _TALBOT * value.imag.sum())


def _convolution(one: FloatArray, other: FloatArray) -> FloatArray:
    """The first n terms of the convolution of two sequences of n terms."""
    size = len(one)
    if size <= _SHORT:
        return np.asarray(np.convolve(one, other)[:size])
    product = np.fft.rfft(one, 2 * size) * np.fft.rfft(other, 2 * size)
    return np.asarray(np.fft.irfft(product, 2 * size)[:size])


def _product_tail(a: float, b: float, k: int, t: float) -> float:
    """E[(1-P)^t] for the product P of k independent Beta(a, b)."""
    from scipy.special import comb

    if t <= _FEW:
        x = np.arange(t + 1.0)
        moments = np.exp(k * (_log_beta_ratio(a, b, x)))
        return float((comb(t, x) * (-1.0) ** x * moments).sum())

    def log_integrand(z: Any) -> Any:
        from scipy.special import loggamma

        return loggamma(z) + log_gamma_ratio(t + 1.0, z) + k * _log_beta_ratio(a, b, -z)

    # left of the pole at 0, whose residue is 1, or right of it: wherever the integrand is smallest
    left, right = -np.linspace(0.08, 0.9, 12), a * np.linspace(0.1, 0.9, 12)
    lines = np.concatenate((left, right))
    c = float(lines[np.argmin(np.real(log_integrand(lines + 0j)))])
    step = 2.0 * math.pi * min(abs(c), a - c, 1.0 + c if c < 0 else a) / 40.0
    highest, y = float(np.real(log_integrand(complex(c)))), 1.0
    while float(np.real(log_integrand(complex(c, y)))) > min(highest, 0.0) - 38.0 and y < _MOST_NODES * step:
        y *= 1.5
    if not y < _MOST_NODES * step:
        raise NoPrediction(f"the law of the product of {k} Beta({a:g}, {b:g}) takes more than {_MOST_NODES} nodes")
    places = step * np.arange(math.ceil(y / step) + 1)
    values = np.exp(log_integrand(c + 1j * places)).real
    return float(step / math.pi * (values.sum() - values[0] / 2.0)) + (1.0 if c < 0 else 0.0)


def _log_beta_ratio(a: float, b: float, x: Any) -> Any:
    """E[p^x] as a logarithm, ln B(a+x, b)/B(a, b)."""
    return log_gamma_ratio(a + x, b) - log_gamma_ratio(a, b)


def _independent(start: Start, schedule: str) -> None:
    if not start.independent:
        raise NoPrediction(f"{schedule} with p ~ Beta needs blocks independent at the start")
