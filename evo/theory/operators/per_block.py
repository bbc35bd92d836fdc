"""Blocks of different difficulty, fix = keep = p_j: sums, products and one-sweep chains (theory 5a)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import FloatArray
from evo.theory.calls.gains import UNDERFLOW, at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_states
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.poisson import PoissonTime, poisson_moments
from evo.theory.schedules.round_robin import own_geometric, tail_sums
from evo.theory.times.closed import Geometric

Entry = tuple[int, float]  # a state and its probability


def blocks_all_at_once(p: tuple[float, ...], k: int, start: Start, lam: int = 1, valid: float = 1.0) -> RunLaw:
    """Law of global mutation: an offspring is the optimum w.p. P = prod p_j whatever the parent (theory 1a, 5a).

    Args:
        p: p_j, fix and keep of block j.
        k: blocks.
        start: the initial law.
        lam: offspring a generation.
        valid: 1-e if a call is refused or malformed w.p. e: P = (1-e) prod p_j (theory 4a, 4b).

    Raises: NoPrediction if P is positive and too small for floats.

    >>> round(blocks_all_at_once((0.5, 0.25), 2, Start(2)).hit.mean, 12)
    8.0
    """
    _check(p, k, start, lam)
    if start.most == 0:
        return finished(lam)
    success = valid * math.prod(p)
    if success < UNDERFLOW and min(p) > 0.0 and valid > 0.0:
        raise NoPrediction("the product of all p_j is below 1e-305, too small for floats")
    generations = Geometric(float(at_least_once(success, lam)), start.optimal)
    return RunLaw(Geometric(success, start.optimal), generations, no_short_chunk, "theory 1a, 5a", lam)


def blocks_only_incorrect(p: tuple[float, ...], k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1: a sum of Geom(1-(1-p_j)^lam) generations over the incorrect blocks.

    E = sum 1/p_j from all incorrect, lam = 1 (theory 5a).

    Raises: NoPrediction for exactly j incorrect blocks.

    >>> blocks_only_incorrect((0.5, 0.25), 2, Start(2)).hit.mean
    6.0
    """
    return _one_sweep(p, k, start, lam, None)


def blocks_until_resolved(
    p: tuple[float, ...], k: int, start: Start, lam: int = 1, damage: tuple[float, ...] | None = None
) -> RunLaw:
    """Law of a run of UntilResolved, g = 1: besides those, time at correct blocks before the last incorrect one.

    It takes Geom(1-(1-d_j)^lam) generations to leave such a block, d_j = P(a call damages block j).

    Args:
        p: P(a call fixes block j).
        k: blocks.
        start: the initial law.
        lam: offspring a generation.
        damage: d_j, 1-p_j unless said. A call that does nothing w.p. e - refused, malformed or sparse - has
            p_j -> (1-e) p_j and d_j = (1-e)(1-p_j) (theory 4a, 4b, 7a).

    Raises: NoPrediction for exactly j incorrect blocks.

    >>> blocks_until_resolved((0.5, 0.25), 2, Start(2)).hit.mean
    6.0
    """
    return _one_sweep(p, k, start, lam, tuple(1.0 - p_j for p_j in p) if damage is None else damage)


def blocks_uniform_chunk(p: tuple[float, ...], k: int, start: Start) -> RunLaw:
    """Law of a run of UniformChunk, g = 1, lam = 1, by Poissonization: E = k int 1 - prod(1-e^(-p_j x)) dx (theory 5a).

    Raises: NoPrediction for exactly j incorrect blocks.

    >>> round(blocks_uniform_chunk((0.5, 1 / 3, 0.25, 0.8), 4, Start(4)).hit.mean, 9)
    23.083270064
    """
    _check(p, k, start, 1)
    if start.most == 0:
        return finished(1)
    _independent(start, "UniformChunk")
    rates, open_rate = np.array(p), 1.0 - start.correct_rate

    def finished_by(z: FloatArray) -> FloatArray:
        value = np.ones_like(z)
        for rate in rates:
            value = value * (1.0 - open_rate * np.exp(-rate * z))
        return value

    def tail(x: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            logs = sum(np.log1p(-open_rate * np.exp(-rate * x)) for rate in rates)
        return np.asarray(-np.expm1(logs))

    slowest = float(rates.min())
    mean, variance = poisson_moments(tail, k, slowest)
    never = 1.0 - math.prod(1.0 - open_rate * (rate == 0.0) for rate in p)
    clock = PoissonTime(k, finished_by, mean, variance, never)
    return RunLaw(clock, clock, no_short_chunk, "theory 5a, Poissonization")


def blocks_round_robin(p: tuple[float, ...], k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of RoundRobin, g = 1: P(T <= t) = prod_m (1 - (1-p_m)^own calls by t) (theory 2g, 5a).

    Raises: NoPrediction for exactly j incorrect blocks, or if the tail sums are too long.

    >>> round(blocks_round_robin((0.5, 1 / 3, 0.25, 0.8), 4, Start(4)).hit.mean, 9)
    19.573280316
    """
    _check(p, k, start, lam)
    if start.most == 0:
        return finished(lam)
    _independent(start, "RoundRobin")
    unfinished = partial(own_geometric, np.array(p), 1.0 - start.correct_rate)
    return tail_sums(
        unfinished,
        k,
        lam,
        min(p),
        1.0 - math.prod(1.0 - float(unfinished(np.array([np.inf]))[0, m]) for m in range(k)),
        "theory 2g, 5a",
    )


def _one_sweep(p: tuple[float, ...], k: int, start: Start, lam: int, damage: tuple[float, ...] | None) -> RunLaw:
    """States (block n from the last, kind): 0 incorrect and the last such, 1 incorrect, 2 correct, more to come.

    Correct blocks are passed over without `damage`.
    """
    _check(p, k, start, lam)
    skips = damage is not None
    if start.most == 0:
        return finished(lam)
    _independent(start, "OnlyIncorrect or UntilResolved")
    from scipy.sparse import coo_array

    check_states(3 * k, f"{k} blocks one after the other")
    p0 = start.correct_rate
    leave = np.zeros(3 * k)
    for kind, rates in enumerate((p, p, damage or (0.0,) * k)):
        leave[kind::3] = at_least_once(np.array(rates[::-1], dtype=np.float64), lam)
    entries = [
        (3 * n + kind, target, leave[3 * n + kind] * chance)
        for n in range(1, k)
        for kind in ((1, 2) if skips else (1,))
        for target, chance in _next(n, p0, skips, sure=True)
    ]
    rows, columns, values = np.array(entries, dtype=np.float64).reshape(-1, 3).T
    places = (rows.astype(np.int64), columns.astype(np.int64))
    step = coo_array((values, places), shape=(3 * k, 3 * k)).tocsr()
    last = np.arange(3 * k) % 3 == 0
    single = np.repeat(np.array(p[::-1], dtype=np.float64), 3)
    begin = np.zeros(3 * k)
    for target, chance in _next(k, p0, skips, sure=False):
        begin[target] += chance
    chain = AbsorbingChain(step, last * leave, last * single, begin, start.optimal, lam)
    return RunLaw(chain.hit, chain.generations, no_short_chunk, "theory 2h, 5a", lam)


def _next(n: int, p0: float, skips: bool, sure: bool) -> Iterator[Entry]:
    """Which state comes next when n blocks are left, given that one of them is incorrect if `sure`."""
    scale = 1.0 - p0**n if sure else 1.0
    ahead: Iterable[int] = range(n - 1, n - 2, -1) if skips else range(n - 1, -1, -1)
    for at in ahead:
        passed = p0 ** (n - 1 - at)
        yield 3 * at, passed * (1.0 - p0) * p0**at / scale
        if at:
            yield 3 * at + 1, passed * (1.0 - p0) * (1.0 - p0**at) / scale
            if skips:
                yield 3 * at + 2, passed * p0 * (1.0 - p0**at) / scale


def _independent(start: Start, schedule: str) -> None:
    if not start.independent:
        raise NoPrediction(f"{schedule} with blocks that differ needs them independent at the start")


def _check(p: tuple[float, ...], k: int, start: Start, lam: int) -> None:
    check_run(k, start, lam)
    if len(p) != k:
        raise NoPrediction(f"p has {len(p)} entries for k = {k} blocks")
