"""Rounds of calls in parallel whose improvements are all merged (theory 11a, 11c).

A round calls up to W different chunks at once; fitness is additive, so each improvement counts by itself. In parallel
or one after the other, a chunk meets the same calls: the law of all calls is that of the sequential run, and only the
number of rounds is new.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import InputError, NoPrediction
from evo.laws.counts import CallLaw, FloatArray, binomial_pmf
from evo.theory.calls.gains import Layout
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_states
from evo.theory.run_law import RunLaw, no_short_chunk
from evo.theory.schedules.only_incorrect import only_incorrect
from evo.theory.schedules.round_robin import round_robin
from evo.theory.schedules.sweep import HORIZON
from evo.theory.times.derived import MomentsOnly, Scaled
from evo.theory.times.law import TimeLaw

_BLOCK = 1 << 16  # most terms of a tail sum at a time


@dataclass(frozen=True)
class MergedLaw(RunLaw):
    """Law of a run whose rounds are merged: `generations` are rounds, `hit` is all calls of all rounds."""

    @property
    def calls(self) -> TimeLaw:
        """Calls paid for: those up to the end of the round that completes the optimum, as `hit`."""
        return self.hit


def merged_in_turn(law: CallLaw, k: int, g: int, start: Start, workers: int | None = None) -> RunLaw:
    """Law of a run that calls the next W of m chunks in parallel, round and round, and merges all improvements.

    In a round all chunks differ, so it is W calls of a round-robin run of T calls: rounds = ceil(T/W). W = m, g = 1, j
    incorrect: the largest of j geometric times, E = sum_{t>=0} 1-(1-q^t)^j (theory 11a); hit = calls = W rounds.

    Args:
        law: of one call.
        k: blocks.
        g: blocks a call gets.
        start: the initial law.
        workers: W, calls in parallel; None or more than m: all m chunks.

    Raises: InputError; NoPrediction, when moments are asked for, if the tail sums are too long.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(merged_in_turn(IndependentBlocks(0.9, 0.5), 10, 1, Start(10)).generations.mean, 12)
    1.758005261367
    """
    chunks = _chunks(k, g, workers)
    width = chunks if workers is None else min(workers, chunks)
    one_by_one = round_robin(law, k, g, start)
    if start.most == 0:
        return one_by_one
    rounds = InRounds(one_by_one.hit, width)

    def short_calls() -> float:
        """Of n calls in turn floor(n/m) are on the last chunk: sum over s >= 1 of P(W rounds >= s m)."""
        return rounds.sum_of_tails(chunks) if k % g else 0.0

    return MergedLaw(Scaled(rounds, width), rounds, short_calls, "theory 11a, 2g")


def merged_only_incorrect(law: CallLaw, k: int, g: int, start: Start, workers: int | None = None) -> RunLaw:
    """Law of a run that calls the W lowest chunks that hold an incorrect block in parallel, and merges.

    Each chunk is called until it is repaired whatever W is, so hit = calls follow the law of one worker: NB(j, a) for
    g = 1. Rounds for g = 1: h_i = (1 + sum_{n>=1} P(Bin(min(W,i),a) = n) h_{i-n})/(1-q^min(W,i)) (theory 11c); W = m:
    the slowest chunk (theory 11a); else the rounds raise NoPrediction.

    Args:
        law: of one call.
        k: blocks.
        g: blocks a call gets.
        start: the initial law.
        workers: W, calls in parallel; None or more than m: all m chunks.

    Raises: InputError; NoPrediction if the chain is too large.

    >>> from evo.laws.counts import IndependentBlocks
    >>> half = IndependentBlocks(0.5, 0.5)
    >>> [round(merged_only_incorrect(half, 20, 1, Start(20), W).generations.mean, 3) for W in (1, 4, 8, 20)]
    [40.0, 11.577, 7.486, 5.69]
    """
    chunks = _chunks(k, g, workers)
    one_by_one = only_incorrect(law, k, g, start)
    if start.most == 0 or workers == 1:
        return MergedLaw(one_by_one.hit, one_by_one.generations, one_by_one.short, one_by_one.source)
    if g == 1:
        rounds = repair_chain(float(law.pmf(1, 1)[1]), start, workers or k).generations
        return MergedLaw(one_by_one.hit, rounds, no_short_chunk, "theory 11c, 2a")
    if workers is None or workers >= chunks:
        rounds = merged_in_turn(law, k, g, start).generations
    else:
        rounds = MomentsOnly(f"rounds of {workers} workers on {chunks} chunks of g = {g} > 1 blocks have no formula")
    return MergedLaw(one_by_one.hit, rounds, one_by_one.short, "theory 11a, 3b")


def repair_chain(fix: float, start: Start, workers: int) -> AbsorbingChain:
    """The chain on the number i of incorrect blocks when min(W,i) of them are called in a round (theory 11c).

    Raises: NoPrediction if it is too large.
    """
    most = start.most
    check_states(most, f"merged rounds with {most} incorrect blocks")
    step, finish = np.zeros((most, most)), np.zeros(most)
    for i in range(1, most + 1):
        width = min(workers, i)
        repaired = binomial_pmf(width, fix)
        stay = i - width
        step[i - 1, max(stay - 1, 0) : i - 1] = repaired[1:][::-1] if stay else repaired[1:-1][::-1]
        finish[i - 1] = 0.0 if stay else repaired[-1]
    counts = start.law()
    return AbsorbingChain(step, finish, finish, counts[1 : most + 1], float(counts[0]), 1)


@dataclass(frozen=True, eq=False)
class InRounds:
    """Rounds of `width` calls until a time T of calls is over: ceil(T/width).

    >>> from evo.theory.times.closed import Geometric
    >>> round(InRounds(Geometric(0.5), 2).mean, 12)
    1.333333333333
    """

    law: TimeLaw
    width: int

    @property
    def mean(self) -> float:
        """E = sum over t of P(T > width t).

        Raises: NoPrediction if the sum is too long.
        """
        return self._sums[0]

    @property
    def variance(self) -> float:
        """Var = sum over t of (2t+1) P(T > width t), less the square of the mean.

        Raises: NoPrediction if the sum is too long.
        """
        mean, second = self._sums
        return math.inf if math.isinf(mean) else max(second - mean**2, 0.0)

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= width t)."""
        return self.law.cdf(self.width * np.floor(np.asarray(t, dtype=np.float64)))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > width t)."""
        return self.law.tail(self.width * np.floor(np.asarray(t, dtype=np.float64)))

    def quantile(self, u: float) -> float:
        """The quantile of T in rounds, rounded up."""
        calls = self.law.quantile(u)
        return calls if math.isinf(calls) else float(-(-int(calls) // self.width))

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    def sum_of_tails(self, period: int) -> float:
        """Sum over s >= 1 of P(width rounds >= s period): expected multiples of `period` among the calls made.

        Raises: NoPrediction if the sum is too long.
        """
        if math.isinf(self.mean):
            return math.inf
        total = 0.0
        for terms in self._blocks():
            s = np.arange(terms.start, terms.stop) + 1
            tails = self.tail(-(-s * period // self.width) - 1)
            total += float(tails.sum())
            if tails[-1] * s[-1] <= 1e-18 * max(total, 1e-300):
                break
        return total

    @cached_property
    def _sums(self) -> tuple[float, float]:
        if math.isinf(self.law.mean):
            return math.inf, math.inf
        mean = second = 0.0
        for terms in self._blocks():
            t = np.arange(terms.start, terms.stop, dtype=np.float64)
            tails = self.tail(t)
            mean, second = mean + float(tails.sum()), second + float(((2.0 * t + 1.0) * tails).sum())
            if (2.0 * t[-1] + 1.0) * (t[-1] + 1.0) * tails[-1] <= 1e-18 * second:
                break
        return mean, second

    def _blocks(self) -> Iterator[range]:
        """Ranges of terms, growing.

        Raises: NoPrediction after HORIZON terms.
        """
        first, size = 0, 32
        while first < HORIZON:
            size = min(2 * size, _BLOCK)
            yield range(first, first + size)
            first += size
        raise NoPrediction(f"the moments of rounds need more than {HORIZON} terms")


def _chunks(k: int, g: int, workers: int | None) -> int:
    """Number m of chunks, after a check of W."""
    if workers is not None and workers < 1:
        raise InputError(f"workers must be a whole number >= 1 or None, got {workers}")
    return Layout.of(k, g).chunks
