"""The fitness at a budget where each block has a difficulty of its own, drawn for the run (theory 5b, 5c, 17a)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from evo.errors import NoPrediction
from evo.laws.special import BetaBlocksLaw
from evo.protocols import FloatArray
from evo.theory.calls.gains import check_run
from evo.theory.calls.starts import Start
from evo.theory.numeric.beta import survival
from evo.theory.quality.law import FitnessLaw, Whens, settled, whole_times

MOST_CALLS = 1 << 16
SHORT = 1 << 10  # up to which sums are convolved term by term


def beta_one_by_one(law: BetaBlocksLaw, k: int, start: Start, lam: int = 1) -> FitnessLaw:
    """OnlyIncorrect, g = 1: the incorrect blocks one after the other, P(own generations > t) = B(a, b+lam t)/B(a, b).

    >>> found = beta_one_by_one(BetaBlocksLaw(1, 1), 2, Start(2))
    >>> found.after([2]).round(9).tolist()                     # both right at once 1/4; the first fails twice 1/3
    [[0.25, 0.416666667, 0.333333333]]
    """
    check_run(k, start, lam)
    values = k - np.arange(k + 1.0)
    return settled(values[::-1]) if start.most == 0 else OneByOne(law, lam, values, start.law())


def beta_at_random(law: BetaBlocksLaw, k: int, start: Start) -> FitnessLaw:
    """UniformChunk, g = 1, lam = 1: calls fall on the blocks as t balls into k boxes.

    >>> found = beta_at_random(BetaBlocksLaw(1, 1), 2, Start(2))
    >>> found.after([2]).round(9).tolist()                   # one call each w.p. 1/2: 1/4 of all are right then
    [[0.125, 0.583333333, 0.291666667]]
    """
    check_run(k, start, 1)
    values = k - np.arange(k + 1.0)
    return settled(values[::-1]) if start.most == 0 else AtRandom(law, values, start)


@dataclass(frozen=True, eq=False)
class OneByOne:
    """Sums of own generations: S_j of the first j incorrect blocks, whose laws are convolved.

    Attributes:
        law: of the difficulties.
        lam: calls of a generation, all on one block.
        values: of the fitness by incorrect blocks 0..k.
        begin: P(so many incorrect at first), float [k+1].
    """

    law: BetaBlocksLaw
    lam: int
    values: FloatArray = field(repr=False)
    begin: FloatArray = field(repr=False)
    source: str = "theory 5c, 17a"

    def after(self, generations: Whens) -> FloatArray:
        """P(each number of incorrect blocks), float [n, k+1]."""
        times = whole_times(generations)
        done = np.minimum(np.cumsum(self._sums(int(times.max(initial=0))), axis=1), 1.0)[:, times]  # P(S_j <= t)
        found = np.zeros((len(times), len(self.values)))
        for n, chance in enumerate(self.begin):
            reached = np.vstack([done[: n + 1], np.zeros((1, len(times)))])
            found[:, n::-1] += chance * (reached[:-1] - reached[1:]).T  # n - j blocks are left after j
        return found

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}) = sum over j of P(j blocks were incorrect) P(S_j = t), float [n]."""
        times = whole_times(generations)
        some = np.cumsum(self.begin[::-1])[::-1][1:]
        return np.asarray(some @ self._sums(int(times.max(initial=0)))[1:][:, times])

    def _sums(self, last: int) -> FloatArray:
        """P(S_j = t) for j and t from 0, float [k+1, last+1].

        Raises: NoPrediction beyond 65,536 generations.
        """
        _expect_few(last)
        tails = survival(self.law.a, self.law.b, self.lam * np.arange(last + 1.0))
        one = np.append(0.0, -np.diff(tails))
        found = np.zeros((len(self.values), last + 1))
        found[0, 0] = 1.0
        for j in range(1, len(self.values)):
            found[j] = _product(found[j - 1], one, last)
        return found


@dataclass(frozen=True, eq=False)
class AtRandom:
    """t calls, each on a block at random: coefficients of x^t, by Poisson weights of mean t/k for each block.

    Given Poisson numbers of own calls blocks are independent, and the numbers sum to t as t balls in k boxes do.

    Attributes:
        law: of the difficulties.
        values: of the fitness by incorrect blocks 0..k.
        start: the initial law.
    """

    law: BetaBlocksLaw
    values: FloatArray = field(repr=False)
    start: Start
    source: str = "theory 5b, 17a"

    def after(self, generations: Whens) -> FloatArray:
        """P(each number of incorrect blocks), float [n, k+1]."""
        return np.stack([self._at(int(time)) for time in whole_times(generations)])

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}): the block that is called gets its last wrong answer, float [n]."""
        from scipy.stats import binom  # which loads for longer than most commands take

        k, found = self.start.k, []
        expected = float(self.start.law() @ np.arange(k + 1))
        for time in whole_times(generations):
            _expect_few(int(time))
            own = np.arange(float(time))
            falls = survival(self.law.a, self.law.b, own) - survival(self.law.a, self.law.b, own + 1.0)
            found.append(expected / k * float(binom.pmf(own, int(time) - 1, 1.0 / k) @ falls))
        return np.array(found)

    def _at(self, time: int) -> FloatArray:
        """The law after so many calls, float [k+1]."""
        from scipy.stats import binom, poisson

        _expect_few(time)
        if time == 0:
            return self.start.law()
        k, own = self.start.k, np.arange(time + 1.0)
        calls = poisson.pmf(own, time / k)
        wrong = calls * survival(self.law.a, self.law.b, own)
        right, others = calls - wrong, k
        if self.start.independent:  # each block is correct at first w.p. p0
            wrong, right = self._open * wrong, self._open * right + (1.0 - self._open) * calls
        else:
            others = self.start.most
        rights = self._powers(right, others, time)
        if others < k:  # calls on blocks that were correct at first
            spare = poisson.pmf(own, time * (k - others) / k)
            rights = [_product(each, spare, time) for each in rights]
        both = zip(self._powers(wrong, others, time), rights[::-1], strict=True)
        found = np.zeros(k + 1)
        found[: others + 1] = [float(one @ other[::-1]) for one, other in both]
        ways = binom.pmf(np.arange(others + 1), others, 0.5) * 2.0**others  # binomial coefficients
        found *= np.append(ways, np.zeros(k - others))
        return np.asarray(found / found.sum())  # P(the numbers of own calls sum to t), the same for all

    @cached_property
    def _open(self) -> float:
        return 1.0 - self.start.correct_rate

    @staticmethod
    def _powers(one: FloatArray, most: int, last: int) -> list[FloatArray]:
        """Powers 0..most of a polynomial, cut at x^last."""
        found = [np.append(1.0, np.zeros(last))]
        for _ in range(most):
            found.append(_product(found[-1], one, last))
        return found


def _product(one: FloatArray, other: FloatArray, last: int) -> FloatArray:
    """The product of two polynomials with terms >= 0, cut at x^last."""
    if last <= SHORT:
        return np.asarray(np.convolve(one, other)[: last + 1])
    from scipy.signal import fftconvolve

    return np.asarray(np.maximum(fftconvolve(one, other), 0.0)[: last + 1])


def _expect_few(calls: int) -> None:
    """Refuse budgets whose sums take too long.

    Raises: NoPrediction.
    """
    if calls > MOST_CALLS:
        raise NoPrediction(f"difficulties drawn for each block are followed for {MOST_CALLS:,} calls, not {calls:,}")
