"""Quality q ~ Beta(a, b) drawn once a run, fix = keep = q: known laws averaged over q (theory 6a)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evo.errors import NoPrediction
from evo.laws.special import RunQualityLaw
from evo.protocols import FloatArray
from evo.theory.calls.gains import at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.last_generation import LastGeneration
from evo.theory.numeric.beta import BetaNodes, inverse_moment
from evo.theory.numeric.sums import long_sums, whole_rule
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.poisson import PoissonTime
from evo.theory.times.law import ByTail, GivenTail

_DIGITS = 42.0
_OCTAVES = 30  # below q = 2^-30 moments are continued by their powers of q
_SMOOTH = 8.0  # ln P(T <= t) may change so much over a sweep that 20 places give its sum
_TERMS = 1 << 15  # sweeps of a sum
_FEW = 8  # blocks up to which an alternating sum loses less than three digits
_EARLY = 1e-3  # a cdf below it is not told as what the tail lacks to 1


def quality_all_blocks(law: RunQualityLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of global mutation: hit ~ Geom(q^k) given q, E = E[q^-k], infinite unless a > k (theory 6a).

    >>> round(quality_all_blocks(RunQualityLaw(4, 1), 2, Start(2)).hit.mean, 12)
    2.0
    """
    check_run(k, start, lam)
    a, b = law.a, law.b
    if start.most == 0:
        return finished(lam)
    begun = 1.0 - start.optimal
    nodes = BetaNodes.of(a, b, min(1 / 16, 1 / (4 * k)))
    log_success = k * nodes.log_p

    def tails(t: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            log_miss = np.log1p(-np.exp(log_success))
            survive = nodes.mean(lambda point: np.where(point == 0, 1.0, np.exp(point * log_miss)), t)
        return np.asarray(begun * survive)

    once, twice = inverse_moment(a, b, k), inverse_moment(a, b, 2 * k)
    hit = GivenTail(tails, begun * once, _variance(begun * once, begun * (2 * twice - once), twice))
    if lam == 1:
        return RunLaw(hit, hit, no_short_chunk, "theory 6a")
    once, twice = (_inverse_any(a, b, k, lam, power) for power in (1, 2))
    variance = _variance(begun * once, begun * (2 * twice - once), twice)
    return RunLaw(hit, GivenTail(tails, begun * once, variance, lam), no_short_chunk, "theory 6a", lam)


def quality_only_incorrect(law: RunQualityLaw, k: int, start: Start) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1, lam = 1: NB(j, q) given q, E = j E[1/q], infinite unless a > 1 (theory 6a).

    >>> quality_only_incorrect(RunQualityLaw(2, 1), 4, Start(4)).hit.mean
    8.0
    """
    from scipy.special import betaincc

    check_run(k, start, 1)
    a, b = law.a, law.b
    if start.most == 0:
        return finished(1)
    counts = start.law()
    used = np.flatnonzero(counts[1:] > 1e-18) + 1
    nodes = BetaNodes.of(a, b, min(1 / 16, 1 / (4 * math.sqrt(k))))
    p = nodes.p

    def tails(t: FloatArray) -> FloatArray:
        total = np.zeros(t.shape)
        for j in used:

            def unfinished(point: FloatArray, j: float = float(j)) -> Any:
                return np.where(point < j, 1.0, betaincc(j, np.maximum(point - j, 0.0) + 1.0, p))

            total += counts[j] * nodes.mean(unfinished, t)
        return total

    j = np.arange(k + 1.0)
    once, twice = inverse_moment(a, b, 1), inverse_moment(a, b, 2)
    mean = float(counts @ j) * once
    second = float(counts @ (j * (j + 1.0))) * twice - mean
    hit = GivenTail(tails, mean, _variance(mean, second, twice))
    return RunLaw(hit, hit, no_short_chunk, "theory 2a, 6a")


def quality_until_resolved(law: RunQualityLaw, k: int, start: Start) -> RunLaw:
    """Law of a run of UntilResolved, g = 1, lam = 1, all incorrect at first: every block is stayed with until correct.

    Raises: NoPrediction for other starts.

    >>> quality_until_resolved(RunQualityLaw(2, 1), 4, Start(4)).hit.mean
    8.0
    """
    check_run(k, start, 1)
    if start.law()[k] != 1.0:
        raise NoPrediction("UntilResolved with a quality fixed for the run needs all blocks incorrect at the start")
    return quality_only_incorrect(law, k, start)


def quality_uniform_chunk(law: RunQualityLaw, k: int, start: Start) -> RunLaw:
    """Law of a run of UniformChunk, g = 1, lam = 1: given q a sum of Geom(q i/k), E = k E[H_j] E[1/q] (theory 2b, 6a).

    Raises: NoPrediction for exactly j incorrect blocks.

    >>> round(quality_uniform_chunk(RunQualityLaw(2, 1), 4, Start(4)).hit.mean, 12)
    16.666666666667
    """
    check_run(k, start, 1)
    a, b = law.a, law.b
    if start.most == 0:
        return finished(1)
    if not start.independent:
        raise NoPrediction("UniformChunk with a quality fixed for the run needs blocks independent at the start")
    nodes, open_rate = BetaNodes.of(a, b), 1.0 - start.correct_rate
    p = nodes.p

    def finished_by(z: Any) -> Any:
        return nodes.mean(lambda point: (1.0 - open_rate * np.exp(-point * p)) ** k, z)

    counts, i = start.law(), np.arange(1.0, k + 1.0)
    first, squares = (np.append(0.0, np.cumsum(1.0 / i**power)) for power in (1, 2))
    once, twice = inverse_moment(a, b, 1), inverse_moment(a, b, 2)
    mean = k * float(counts @ first) * once
    second = k**2 * float(counts @ (squares + first**2)) * twice - mean
    variance = _variance(mean, second, twice)
    poisson = PoissonTime(k, finished_by, mean, variance)
    hit = FewBlocks(nodes, open_rate, poisson) if k <= _FEW else poisson
    return RunLaw(hit, hit, no_short_chunk, "theory 2b, 6a")


@dataclass(frozen=True, eq=False)
class FewBlocks(ByTail):
    """P(T > t) by inclusion and exclusion, sum over j >= 1 of (-1)^(j+1) C(k, j) (1-p0)^j E[(1 - jq/k)^t].

    Blocks are drawn uniformly: j given ones are all missed, or left incorrect, w.p. 1 - jq/k a call. The sum cancels
    for many blocks, and what it lacks to 1 has no digits where it is small: there the law is Poissonized.

    Attributes:
        nodes: of the quality.
        open_rate: 1 - p0.
        poisson: the law as it is known for any k.
    """

    nodes: BetaNodes
    open_rate: float
    poisson: PoissonTime
    never = 0.0

    @property
    def mean(self) -> float:
        """E[T]."""
        return self.poisson.mean

    @property
    def variance(self) -> float:
        """Var[T]."""
        return self.poisson.variance

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t)."""
        k, p, total = self.poisson.k, self.nodes.p, np.zeros(t.shape)
        for j in range(1, k + 1):
            with np.errstate(divide="ignore"):
                log = np.log1p(-np.minimum(j * p / k, 1.0))

            def missed(point: FloatArray, log: FloatArray = log) -> FloatArray:
                with np.errstate(invalid="ignore"):
                    return np.where(point == 0, 1.0, np.exp(point * log))

            total -= (-self.open_rate) ** j * math.comb(k, j) * self.nodes.mean(missed, t)
        return np.clip(total, 0.0, 1.0)

    def cdf_at(self, t: FloatArray) -> FloatArray:
        """P(T <= t)."""
        cdf = 1.0 - self.tail_at(t)
        early = cdf < _EARLY
        cdf[early] = self.poisson.cdf_at(t[early])
        return cdf


def quality_round_robin(law: RunQualityLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of RoundRobin, g = 1: the product (2g) given q, averaged over q; infinite mean for a <= 1.

    The mean given q is L/q + O(1), L = k sum_{i=1..k} (1-p0^i)/i, so that E = L E[1/q] + E[the rest].

    Raises: NoPrediction for exactly j incorrect blocks.

    >>> round(quality_round_robin(RunQualityLaw(2, 1), 1, Start(1)).hit.mean, 12)
    2.0
    """
    check_run(k, start, lam)
    a, b = law.a, law.b
    if start.most == 0:
        return finished(lam)
    if not start.independent:
        raise NoPrediction("RoundRobin with a quality fixed for the run needs blocks independent at the start")
    nodes = BetaNodes.of(a, b, min(1 / 16, 1 / (4 * math.sqrt(lam))))
    clocks = []
    for length in {1: 1, lam: lam}:
        turns = _Turns(k, 1.0 - start.correct_rate, lam, length)
        clocks.append(GivenTail(turns.averaged(nodes), *_moments(a, b, nodes, turns, start)))
    return RunLaw(clocks[-1], clocks[0], no_short_chunk, "theory 2g, 6a", lam)


@dataclass(frozen=True)
class _Turns:
    """A clock of a run of k blocks in turn: `length` readings a turn of lam calls."""

    k: int
    open_rate: float
    lam: int
    length: int

    def averaged(self, nodes: BetaNodes) -> Callable[[FloatArray], FloatArray]:
        """P(T > t) averaged over q, float [n] -> [n]."""
        p = nodes.p

        def tails(t: FloatArray) -> FloatArray:
            return np.asarray(nodes.mean(lambda point: self._tail(point, p), t))

        return tails

    def _tail(self, t: FloatArray, q: FloatArray) -> FloatArray:
        sweep, within = np.divmod(t, self.k * self.length)
        turn, calls = np.divmod(within, self.length)
        before, after = self._log(self.lam * sweep, q), self._log(self.lam * (sweep + 1.0), q)
        now = self._log(self.lam * sweep + calls * (self.lam // self.length), q)
        with np.errstate(invalid="ignore"):
            behind = np.where(turn == self.k - 1, 0.0, (self.k - 1 - turn) * before)
            ahead = np.where(turn == 0, 0.0, turn * after)
        return np.asarray(-np.expm1(ahead + now + behind))

    def _log(self, own: FloatArray, q: FloatArray) -> FloatArray:
        """The logarithm of P(a block is correct after n calls on it)."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            left = np.where(own == 0, 1.0, np.exp(own * np.log1p(-q)))
            return np.asarray(np.log1p(-np.minimum(self.open_rate * left, 1.0)))

    def moments(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """E[T] and E[T^2] given each q of one octave; float [n] each."""
        turns = at_least_once(q, self.lam)
        slowest = float(turns.min())
        rate = -math.log1p(-slowest) if slowest < 1.0 else 1.0
        sweeps = math.ceil((_DIGITS + math.log(self.k)) / rate) + 2

        def terms(some: Sequence[int]) -> FloatArray:
            c = np.array(some, dtype=np.float64)[:, None]
            first, second = self._sweep(self._log(self.lam * c, q), self._log(self.lam * (c + 1.0), q))
            return np.hstack([first, (2.0 * c * self.k + 1.0) * first + 2.0 * second])

        sums = long_sums(terms, sweeps, _TERMS, [0] * len(q) + [1] * len(q))
        once, twice = sums[: len(q)], sums[len(q) :]
        if self.length == 1:
            return once, twice
        # lam (G-1) + R, R independent of G given q and that the start is not optimal
        begun = -math.expm1(self.k * math.log1p(-self.open_rate)) if self.open_rate < 1.0 else 1.0
        last = LastGeneration.of(q, self.lam)
        before = once - begun
        mean = self.lam * before + begun * last.mean
        square = self.lam**2 * (twice - 2.0 * once + begun) + 2.0 * self.lam * before * last.mean
        return mean, square + begun * (last.variance + last.mean**2)

    def _sweep(self, before: FloatArray, after: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of P(G > kc + n) and of n P(G > kc + n) over n < k; float like `before`.

        The exponents y_n = -(n after + (k-n) before) fall with n. By places where they change little, else
        geometric sums, e^(-y_0) sum z^n and e^(-y_0) sum n z^n, z = e^(after - before).
        """
        k = self.k
        with np.errstate(invalid="ignore"):
            rise = np.where(np.isinf(before), np.inf, after - before)
        smooth = k * rise <= _SMOOTH
        places, weights = whole_rule(k)
        y = k * np.where(smooth, before, 0.0)[..., None] + np.where(smooth, rise, 0.0)[..., None] * places
        tails = -np.expm1(y)
        few = tails @ weights, tails @ (weights * places)
        with np.errstate(over="ignore", invalid="ignore"):
            step = np.where(smooth, 1.0, np.exp(-rise))  # 1/z
            last = np.exp(np.where(smooth, 0.0, k * after))  # e^(-y_0) z^k
            first = np.exp(np.where(smooth, 0.0, k * before))
        done = np.where(smooth, 1.0, 1.0 - step)
        one = step * (last - first) / done
        many = step * ((k - 1.0) * last - one + first) / done
        geometric = k - one, k * (k - 1.0) / 2.0 - many
        return np.where(smooth, few[0], geometric[0]), np.where(smooth, few[1], geometric[1])


def _moments(a: float, b: float, nodes: BetaNodes, turns: _Turns, start: Start) -> tuple[float, float]:
    """E[T] and Var[T]: the leading powers of 1/q in closed form, the rest by the nodes."""
    if a <= 1.0:
        return math.inf, math.inf
    i = np.arange(1.0, turns.k + 1.0)
    first, squares = (np.append(0.0, np.cumsum(1.0 / i**n)) for n in (1, 2))
    counts = start.law()
    unit = turns.k * turns.length / turns.lam
    once, twice = unit * float(counts @ first), unit**2 * float(counts @ (squares + first**2))
    used = (nodes.log_p > -_OCTAVES * math.log(2.0)) & (nodes.weight > 0.0)
    q, weight = nodes.p, nodes.weight
    rest, other = np.zeros((2, len(q)))
    octave = np.floor(-nodes.log_p / math.log(2.0))
    for n in range(_OCTAVES):
        at = np.flatnonzero(used & (octave == n))
        if len(at):
            mean, square = turns.moments(q[at])
            rest[at], other[at] = mean - once / q[at], square - twice / q[at] ** 2
    if used.any():
        least = int(np.flatnonzero(used)[0])
        with np.errstate(over="ignore"):
            rest[:least] = rest[least]
            other[:least] = other[least] * q[least] / np.maximum(q[:least], 1e-300)
    average = once * inverse_moment(a, b, 1) + float(rest @ weight)
    if a <= 2.0:
        return average, math.inf
    return average, twice * inverse_moment(a, b, 2) + float(other @ weight) - average**2


def _variance(mean: float, second: float, twice: float) -> float:
    return math.inf if math.isinf(twice) else max(second - mean**2, 0.0)


def _inverse_any(a: float, b: float, k: int, lam: int, power: int) -> float:
    """E[(1-(1-q^k)^lam)^-power], infinite unless a > k power."""
    if a <= k * power:
        return math.inf
    nodes = BetaNodes.of(a, b, min(1 / 16, 1 / (4 * k)), down=a - k * power)
    log_success = k * nodes.log_p
    with np.errstate(divide="ignore"):
        log_any = np.log(-np.expm1(lam * np.log1p(-np.exp(log_success))))
    log_any = np.where(log_success < -30.0, math.log(lam) + log_success, log_any)
    return float(np.exp(nodes.log_weight - power * log_any).sum())
