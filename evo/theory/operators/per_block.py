"""Blocks of different difficulty, fix = keep = p_j: sums, products and chains of one sweep (theory 5a)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from evo.errors import NoPrediction
from evo.laws.special import PerBlockLaw
from evo.protocols import FloatArray
from evo.theory.calls.gains import UNDERFLOW, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.explore import Event, State, explored
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.poisson import PoissonTime, poisson_moments
from evo.theory.schedules.round_robin import own_geometric, tail_sums
from evo.theory.schedules.until_resolved import one_after_the_other
from evo.theory.times.closed import Geometric


def blocks_all_at_once(law: PerBlockLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of global mutation: an offspring is the optimum w.p. P = prod p_j whatever the parent (theory 1a, 5a).

    Raises: NoPrediction if P is positive and too small for floats.

    >>> round(blocks_all_at_once(PerBlockLaw((0.5, 0.25)), 2, Start(2)).hit.mean, 12)
    8.0
    """
    _check(law, k, start, lam)
    if start.most == 0:
        return finished(lam)
    success = math.prod(law.p)
    if success < UNDERFLOW and min(law.p) > 0.0:
        raise NoPrediction(f"the product of all p_j is below {UNDERFLOW:g}, too small for floats")
    with np.errstate(divide="ignore"):
        miss = float(-np.expm1(np.log(law.p).sum()))
    hit, generations = (Geometric.best_of(success, calls, start.optimal, miss) for calls in (1, lam))
    return RunLaw(hit, generations, no_short_chunk, "theory 1a, 5a", lam)


def blocks_only_incorrect(law: PerBlockLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1: a sum of Geom(1-(1-p_j)^lam) generations over the incorrect blocks.

    E = sum 1/p_j from all incorrect, lam = 1 (theory 5a).

    Raises: NoPrediction for exactly j incorrect blocks, or if the chain is too large.

    >>> blocks_only_incorrect(PerBlockLaw((0.5, 0.25)), 2, Start(2)).hit.mean
    6.0
    """
    _check(law, k, start, lam)
    _independent(start, "OnlyIncorrect")
    p0 = start.correct_rate

    def begun(n: int) -> Iterator[tuple[State, float]]:
        """The first incorrect one of the last n blocks, as the number of blocks from it on."""
        yield None, p0**n
        for left in range(n, 0 if p0 else max(n - 1, 0), -1):
            yield left, p0 ** (n - left) * (1.0 - p0)

    def events(n: State) -> Iterator[Event]:
        for then, chance in begun(n - 1):
            yield 1, then, law.p[k - n] * chance

    return explored(dict(begun(k)), events, lam, "theory 2h, 5a", idle=lambda n: 1.0 - law.p[k - n])


def blocks_until_resolved(law: PerBlockLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of UntilResolved, g = 1: besides those, time at correct blocks before the last incorrect one.

    It takes Geom(1-p_j^lam) generations to leave such a block, by a call that damages it.

    Raises: NoPrediction for exactly j incorrect blocks, or if the chain is too large.

    >>> blocks_until_resolved(PerBlockLaw((0.5, 0.25)), 2, Start(2)).hit.mean
    6.0
    """
    _check(law, k, start, lam)
    if start.most == 0:
        return finished(lam)
    _independent(start, "UntilResolved")
    return one_after_the_other(law.p, [1.0 - p for p in law.p], start, lam)


def blocks_uniform_chunk(law: PerBlockLaw, k: int, start: Start) -> RunLaw:
    """Law of a run of UniformChunk, g = 1, lam = 1, by Poissonization: E = k int 1 - prod(1-e^(-p_j x)) dx (theory 5a).

    Raises: NoPrediction for exactly j incorrect blocks.

    >>> round(blocks_uniform_chunk(PerBlockLaw((0.5, 1 / 3, 0.25, 0.8)), 4, Start(4)).hit.mean, 9)
    23.083270064
    """
    _check(law, k, start, 1)
    if start.most == 0:
        return finished(1)
    _independent(start, "UniformChunk")
    if k == 1:  # nothing is drawn
        return blocks_all_at_once(law, k, start)
    rates, open_rate = np.array(law.p), 1.0 - start.correct_rate

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
    never = 1.0 - math.prod(1.0 - open_rate * (rate == 0.0) for rate in law.p)
    clock = PoissonTime(k, finished_by, mean, variance, never)
    return RunLaw(clock, clock, no_short_chunk, "theory 5a, Poissonization")


def blocks_round_robin(law: PerBlockLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of RoundRobin, g = 1: P(T <= t) = prod_m (1 - (1-p_m)^own calls by t) (theory 2g, 5a).

    Raises: NoPrediction for exactly j incorrect blocks, or if the tail sums are too long.

    >>> round(blocks_round_robin(PerBlockLaw((0.5, 1 / 3, 0.25, 0.8)), 4, Start(4)).hit.mean, 9)
    19.573280316
    """
    _check(law, k, start, lam)
    if start.most == 0:
        return finished(lam)
    _independent(start, "RoundRobin")
    unfinished = partial(own_geometric, np.array(law.p), 1.0 - start.correct_rate)
    return tail_sums(
        unfinished,
        k,
        lam,
        min(law.p),
        1.0 - math.prod(1.0 - float(unfinished(np.array([np.inf]))[0, m]) for m in range(k)),
        "theory 2g, 5a",
    )


def _check(law: PerBlockLaw, k: int, start: Start, lam: int) -> None:
    check_run(k, start, lam)
    if len(law.p) != k:
        raise NoPrediction(f"p has {len(law.p)} entries for k = {k} blocks")


def _independent(start: Start, schedule: str) -> None:
    if not start.independent:
        raise NoPrediction(f"{schedule} with blocks that differ needs blocks independent at the start")
