"""Quality q ~ Beta(a, b) drawn once a run, fix = keep = q: known laws averaged over q (theory 6a)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import FloatArray
from evo.theory.calls.gains import check_run
from evo.theory.calls.starts import Start
from evo.theory.numeric.beta import BetaNodes, inverse_moment
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.poisson import PoissonTime
from evo.theory.times.law import GivenTail


def quality_all_blocks(a: float, b: float, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of global mutation: hit ~ Geom(q^k) given q, E = E[q^-k], infinite unless a > k (theory 6a).

    >>> round(quality_all_blocks(4, 1, 2, Start(2)).hit.mean, 12)
    2.0
    """
    check_run(k, start, lam)
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


def quality_only_incorrect(a: float, b: float, k: int, start: Start) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1, lam = 1: NB(j, q) given q, E = j E[1/q], infinite unless a > 1 (theory 6a).

    >>> quality_only_incorrect(2, 1, 4, Start(4)).hit.mean
    8.0
    """
    from scipy.special import betaincc

    check_run(k, start, 1)
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


def quality_until_resolved(a: float, b: float, k: int, start: Start) -> RunLaw:
    """Law of a run of UntilResolved, g = 1, lam = 1, all incorrect at first: every block is stayed with until correct.

    Raises: NoPrediction for other starts.

    >>> quality_until_resolved(2, 1, 4, Start(4)).hit.mean
    8.0
    """
    if start.law()[k] != 1.0:
        raise NoPrediction("UntilResolved with a quality fixed for the run needs all blocks incorrect at the start")
    return quality_only_incorrect(a, b, k, start)


def quality_uniform_chunk(a: float, b: float, k: int, start: Start) -> RunLaw:
    """Law of a run of UniformChunk, g = 1, lam = 1: given q a sum of Geom(q i/k), E = k E[H_j] E[1/q] (theory 2b, 6a).

    Raises: NoPrediction for exactly j incorrect blocks.

    >>> round(quality_uniform_chunk(2, 1, 4, Start(4)).hit.mean, 12)
    16.666666666667
    """
    check_run(k, start, 1)
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
    hit = PoissonTime(k, finished_by, mean, _variance(mean, second, twice))
    return RunLaw(hit, hit, no_short_chunk, "theory 2b, 6a")


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
    return float(np.exp(np.log(nodes.weight) - power * log_any).sum())
