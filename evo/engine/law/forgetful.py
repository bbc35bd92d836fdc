"""Climbs where a call forgets what it was given (fix = keep): it makes c of g blocks correct w.p. P(c), whatever i.

Then the first offspring that makes them all correct is the Geom(P(g))-th (theory 1a), one draw a run; what improves
before it are the records of offspring that do not. In logarithms, so that P(g) = 2^-10000 needs no special case; those
of g blocks are known to a few g 2^-53.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.engine.law.climbs import Columns, Steps, joined
from evo.engine.law.waiting import AT_ONCE, log_stay, place
from evo.errors import NoPrediction
from evo.laws.counts import CallLaw, IndependentBlocks
from evo.protocols import FloatArray, IntArray
from evo.theory.calls.gains import incompletion

SMALLEST = 1e-300
"""Of probabilities that a law is asked for as floats."""


@dataclass(frozen=True, eq=False)
class Counts:
    """What a call that forgets makes of g blocks.

    Attributes:
        lam: offspring a generation.
        g: blocks.
        span: c of the offspring until one is optimal; infinite above the largest float.
        pmf: log P(c correct | not all), c = 0..g-1.
        tail: log P(at least c correct | not all), c = 0..g; the last is -inf.
    """

    lam: int
    g: int
    span: float
    pmf: FloatArray
    tail: FloatArray

    @property
    def floats(self) -> int:
        """Numbers in the tables."""
        return self.pmf.size + self.tail.size

    @property
    def ends(self) -> bool:
        """Whether the mean number of offspring until one is optimal is a finite float."""
        return math.isfinite(self.span)

    @classmethod
    def of(cls, law: CallLaw, g: int, lam: int) -> Counts:
        """The tables of a law.

        Raises: NoPrediction if its probabilities are too small for floats.

        >>> half = Counts.of(IndependentBlocks(0.5, 0.5), 2, 1)
        >>> round(half.span, 6), np.exp(half.tail).round(6).tolist()
        (3.476059, [1.0, 0.666667, 0.0])
        """
        logs, whole = _logs(law, g)
        chance = math.exp(whole)
        stay = log_stay(chance, incompletion(law, g, g)) if chance >= 0.5 else math.log1p(-chance)
        span = max(-1.0 / float(stay), AT_ONCE) if chance > SMALLEST else _exp(-whole)
        if g == 0 or not np.isfinite(logs).any():  # always optimal
            return cls(lam, g, span, np.full(g, -np.inf), np.append(np.zeros(1), np.full(g, -np.inf)))
        tail = _tail(logs)
        return cls(lam, g, span, logs - tail[0], np.append(tail - tail[0], -np.inf))


def finish(counts: Counts, incorrect: IntArray, draws: Generator) -> tuple[FloatArray, FloatArray]:
    """Generations of each chunk until it has no incorrect block, and the place of the optimal offspring in the last.

    Args:
        counts: what a call makes.
        incorrect: at first, int [n].
        draws: one uniform number a chunk, as the engine has drawn such runs ever since.
    """
    exponential = -np.log1p(-draws.random(len(incorrect)))
    with np.errstate(over="ignore", invalid="ignore"):
        number = np.maximum(np.ceil(exponential * counts.span), 1.0)
    number = np.where(incorrect > 0, number, 0.0)
    turns = np.ceil(number / counts.lam)
    with np.errstate(invalid="ignore"):
        within = np.clip(number - counts.lam * (turns - 1.0), 1.0, counts.lam)
    return turns, np.where(incorrect > 0, np.where(np.isinf(number), 1.0, within), 0.0)


def records(counts: Counts, incorrect: IntArray, turns: FloatArray, draws: Generator) -> tuple[Steps, FloatArray]:
    """Improvements before the last generation, flat, and the last one of each chunk; and the places of all of them.

    Args:
        counts: what a call makes.
        incorrect: at first, int [n].
        turns: of `finish`, float [n].
        draws: what improvements are, when, and which offspring.
    """
    g, lam = counts.g, counts.lam
    rising = -counts.tail
    active = np.flatnonzero(incorrect > 0)
    correct, own = g - incorrect[active], np.zeros(len(active))
    last = g - incorrect.copy()
    kept: list[Columns] = []
    places: list[FloatArray] = []
    while len(active):
        above = counts.tail[correct + 1]
        with np.errstate(divide="ignore", over="ignore"):
            stay = np.log1p(-np.exp(above))
            span = np.where(above > math.log(SMALLEST), -1.0 / (lam * np.minimum(stay, -0.0)), np.exp(-above) / lam)
        with np.errstate(over="ignore", invalid="ignore"):
            own = own + np.maximum(np.ceil(draws.standard_exponential(len(active)) * np.maximum(span, AT_ONCE)), 1.0)
        level = 1.0 - draws.random(len(active))
        before = own < turns[active]
        active, correct, own, above, level = active[before], correct[before], own[before], above[before], level[before]
        if not len(active):
            break
        found = np.searchsorted(rising, -(above + np.log(_single(level, above, lam))), side="right") - 1
        found = np.clip(found, correct + 1, g - 1)
        with np.errstate(divide="ignore"):
            tilt = -np.log1p(-np.minimum(np.exp(counts.pmf[found]) / -np.expm1(counts.tail[found + 1]), 1.0))
        where = place(draws.random(len(active)), tilt, lam)
        kept.append((active, own, g - correct, g - found))
        places.append(where)
        correct = last[active] = found
    done = np.flatnonzero(incorrect > 0)
    kept.append((done, turns[done], g - last[done], np.zeros_like(done)))
    return joined(kept), np.concatenate([*places, np.zeros(len(done))])


def _single(level: FloatArray, above: FloatArray, lam: int) -> FloatArray:
    """The level of one offspring of that of the best of lam, relative to q = exp(above); both given an improvement.

    1 - (1 - u Q)^(1/lam) over q, Q = 1 - (1-q)^lam.
    """
    if lam == 1:
        return level
    q = np.exp(above)
    with np.errstate(divide="ignore", invalid="ignore"):
        some = -np.expm1(lam * np.log1p(-q))
        one = -np.expm1(np.log1p(-level * some) / lam) / q
    return np.where(q < 2.0**-60 / lam, level, np.minimum(one, 1.0))


def _exp(log: float) -> float:
    return math.exp(log) if log < 709.0 else math.inf


def _tail(logs: FloatArray) -> FloatArray:
    """Logarithms of sum_{x >= c} exp(logs[x])."""
    return np.asarray(np.logaddexp.accumulate(logs[::-1])[::-1])


def _logs(law: CallLaw, g: int) -> tuple[FloatArray, float]:
    """Logarithms of P(c correct), c = 0..g-1, and of P(all correct)."""
    pmf = np.asarray(law.pmf(g, g), dtype=np.float64)
    if pmf[g] > SMALLEST or (type(law) is IndependentBlocks and law.fix == 0.0):
        with np.errstate(divide="ignore"):
            logs = np.log(pmf)
    elif type(law) is IndependentBlocks:
        logs = _binomial_logs(g, law.fix, float(law.misses(g)[0][0]))
    else:
        raise NoPrediction(f"the chance that a call makes {g} blocks correct is below {SMALLEST:g}")
    return logs[:g], float(logs[g])


def _binomial_logs(n: int, p: float, q: float) -> FloatArray:
    """Logarithms of P(Bin(n, p) = x), from P(n) = p^n downwards, P(x-1)/P(x) = x/(n-x+1) q/p."""
    x = np.arange(n, 0, -1.0)
    falling = np.cumsum(np.log(x / (n - x + 1.0)) + math.log(q / p))
    return n * math.log(p) + np.append(0.0, falling)[::-1]
