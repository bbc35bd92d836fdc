"""Whole solutions whose offspring do not depend on their parents: best-of-t sampling (theory 1d, 17b)."""

from __future__ import annotations

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.laws.mixtures import invalid_share
from evo.laws.special import LearningLaw, PerBlockLaw
from evo.protocols import FloatArray, IntArray
from evo.theory.calls.gains import check_run, forgetful
from evo.theory.calls.starts import Start
from evo.theory.quality.law import BestSoFar, LogCdf, chances_of, logs_of, settled

MOST_LEARNED = 1 << 20  # generations of a mutator that learns
_AT_ONCE = 1 << 22  # floats


def sampled(law: CallLaw, k: int, start: Start, lam: int = 1, founders: int = 1) -> BestSoFar:
    """The number of correct blocks at a budget if every call makes the same of every parent: fix = keep (theory 1d).

    E[f_t] = sum over v = 1..k of 1 - P(f_0 < v) F(v-1)^t, F the cdf of Bin(k, p); it grows only like
    kp + sqrt(2 k p(1-p) ln t). Invalid offspring are below all.

    Args:
        law: of one call.
        k: blocks.
        start: the law of an initial solution.
        lam: offspring a generation.
        founders: initial solutions, of which the best is the current one.

    Raises: NoPrediction for a law that depends on how many blocks were incorrect.

    >>> from evo.laws.counts import IndependentBlocks
    >>> law = sampled(IndependentBlocks(0.5, 0.5), 100, Start(100))
    >>> [round(float(row @ law.values), 2) for row in law.after([1000, 10**6])]  # theory 1d
    [66.07, 73.84]
    """
    check_run(k, start, lam)
    values = np.arange(k + 1.0)
    if start.most == 0:
        return settled(values)
    offspring = np.asarray(law.pmf(k, k), dtype=np.float64)
    if not forgetful(law) and any(not np.array_equal(law.pmf(k, i), offspring) for i in range(k)):
        raise NoPrediction(
            "needs calls that make the same of every parent (fix = keep), got a law that depends on how many of its "
            "blocks are right"
        )
    return BestSoFar(
        values, _best_founder(start, founders), _constant(offspring, invalid_share(law, k, offspring)), lam
    )


def sampled_blocks(law: PerBlockLaw, k: int, start: Start, lam: int = 1) -> BestSoFar:
    """The same where block j is correct w.p. p_j after each call: the law of a sum of Bernoulli variables (theory 5a).

    >>> law = sampled_blocks(PerBlockLaw((0.5, 0.25)), 2, Start(2))
    >>> law.after([1]).tolist()
    [[0.375, 0.5, 0.125]]
    """
    check_run(k, start, lam)
    if len(law.p) != k:
        raise NoPrediction(f"p has {len(law.p)} entries for k = {k} blocks")
    offspring = np.ones(1)
    for p in law.p:
        offspring = np.convolve(offspring, (1.0 - p, p))
    return BestSoFar(np.arange(k + 1.0), start.law()[::-1], _constant(offspring, 0.0), lam, "theory 1d, 5a")


def learned(law: LearningLaw, k: int, start: Start, lam: int = 1) -> BestSoFar:
    """The same where the success changes from generation to generation: a product over the generations.

    Raises: NoPrediction for more than a million generations, when they are asked for.

    >>> law = learned(LearningLaw(0.5, 0.5, 10), 4, Start(4))
    >>> round(float((law.after([1]) @ law.values)[0]), 12)
    2.0
    """
    from scipy.special import bdtr

    check_run(k, start, lam)
    values = np.arange(k + 1.0)

    def log_cdf(times: IntArray) -> FloatArray:
        last = int(times.max(initial=0))
        if last > MOST_LEARNED:
            raise NoPrediction(f"a product over {last} generations of a mutator that learns takes too long")
        total, found, now = np.zeros(k + 1), np.zeros((len(times), k + 1)), 0
        order = np.argsort(times, kind="stable")
        for row in order.tolist():
            while now < times[row]:
                some = np.arange(now, min(int(times[row]), now + max(1, _AT_ONCE // (k + 1))))
                with np.errstate(divide="ignore"):
                    total = total + np.log(bdtr(values, k, law.success(some)[:, None])).sum(axis=0)
                now = int(some[-1]) + 1
            found[row] = total
        return found

    return BestSoFar(values, start.law()[::-1], log_cdf, lam, "theory 1d, call by call")


def _constant(offspring: FloatArray, invalid: float) -> LogCdf:
    """The logarithm of F(v)^t, P(no offspring of t equal generations is better than v)."""
    logs = logs_of(offspring, invalid)

    def log_cdf(times: IntArray) -> FloatArray:
        with np.errstate(invalid="ignore"):
            return np.where(times[:, None] == 0, 0.0, times[:, None] * logs)

    return log_cdf


def _best_founder(start: Start, founders: int) -> FloatArray:
    """Law of the number of correct blocks of the best of several initial solutions, float [k+1]."""
    return chances_of(founders * logs_of(start.law()[::-1]))
