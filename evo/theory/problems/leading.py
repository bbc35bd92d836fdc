"""LeadingBlocks: the fitness is the number of correct blocks before the first incorrect one (theory 7b, 7c, 10c).

Under strict acceptance a call of one block is taken over only where it fixes the first incorrect block: everything
else leaves the fitness as it is or lowers it. So the J incorrect blocks of the start are fixed one after the other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw, FloatArray
from evo.laws.mixtures import ComponentLaw
from evo.theory.calls.gains import UNDERFLOW, at_least_once, check_run, completion
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_states, death_chain
from evo.theory.problems.leading_turns import leading_turns
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.only_incorrect import only_incorrect
from evo.theory.schedules.until_resolved import until_resolved
from evo.theory.times.closed import Geometric, NegativeBinomial

STATIONARY = 1e-12  # how far p0 may be from a/(a+1-b), in probability a call


def leading_uniform_chunk(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """UniformChunk, g = 1, strict: each of the J incorrect blocks takes Geom(1-(1-a/k)^lam) generations (theory 10c).

    Start(k, p0): E = k^2 (1-p0)/a calls for lam = 1.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(leading_uniform_chunk(IndependentBlocks(0.5, 0.5), 4, Start(4, p0=0.25)).hit.mean, 9)
    24.0
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    chance = float(law.pmf(1, 1)[1]) / k
    resolve, counts = float(at_least_once(chance, lam)), start.law()
    chain = death_chain(np.full(start.most, resolve), chance, counts[1 : start.most + 1], float(counts[0]), lam)
    exact = counts[start.most] == 1.0
    generations = NegativeBinomial(start.most, resolve) if exact else chain.generations
    return RunLaw(generations if lam == 1 else chain.hit, generations, no_short_chunk, "theory 10c", lam)


def leading_round_robin(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """RoundRobin, g = 1, strict: generations = L + k F, each failure costs exactly one sweep (theory 10c).

    L is the position 1..k of the last incorrect block, F the failures before the J-th success of turns that succeed
    w.p. A = 1-(1-a)^lam. Start(k, p0): E = k^2 (1-p0)(1-A)/A + k - p0(1-p0^k)/(1-p0) generations.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(leading_round_robin(IndependentBlocks(0.5, 0.5), 4, Start(4, p0=0.25)).hit.mean, 9)
    15.66796875
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    return leading_turns(float(law.pmf(1, 1)[1]), start, lam)


def leading_only_incorrect(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """OnlyIncorrect, g = 1, calls the first incorrect block: the law is that of OneMax (theory 2a, 2j, 10c).

    >>> from evo.laws.counts import IndependentBlocks
    >>> leading_only_incorrect(IndependentBlocks(0.5, 0.5), 4, Start(4)).hit.mean
    8.0
    """
    return replace(only_incorrect(law, k, 1, start, lam), source="theory 2a, 2j, 10c")


def leading_until_resolved(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """UntilResolved, g = 1: the law is that of OneMax for every lam, strict or weak (theory 2h, 2i, 2j, 10c).

    All blocks before the pointer are correct, so that its block is the first incorrect one, whose repair raises the
    fitness, or a correct one, whose damage lowers it: the pointer moves on exactly when it does for OneMax. (Not where
    the schedule takes invalid answers for a fall: behind an incorrect block only they move the pointer.)

    >>> from evo.laws.counts import IndependentBlocks
    >>> leading_until_resolved(IndependentBlocks(0.5, 0.5), 4, Start(4, p0=0.5)).hit.mean
    6.125
    """
    return replace(until_resolved(law, k, start, lam), source="theory 2h, 2i, 2j, 10c")


def leading_all_blocks(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """AllBlocks: T = sum of B_i Geom(a b^i), i = 0..k-1, B_i ~ Bernoulli(1-p0), all independent (theory 7b, 7c).

    It needs lam = 1 and a start that calls leave as it is, p0 = a/(a+1-b) (flips: p0 = 1/2): then the blocks after the
    first incorrect one stay independent and correct w.p. p0, whatever was rejected. Of a mixture every component
    must leave the start as it is; a b^i is then its mean. If fix = keep in a call, every parent generates the optimum
    w.p. P, from any start and for any lam (theory 1a, 6a). All this holds for weak acceptance too.

    Raises: NoPrediction for other starts, laws or lam, or probabilities too small for floats.

    >>> from evo.laws.counts import IndependentBlocks
    >>> flips = IndependentBlocks(fix=0.25, keep=0.75)
    >>> round(leading_all_blocks(flips, 4, Start(4, p0=0.5)).hit.mean, 9)  # ((1-r)^(1-n) - (1-r))/(2r^2)
    12.962962963
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    same = _same_success(law, k)
    if same is not None:
        generations = Geometric(float(at_least_once(same, lam)), start.optimal)
        return RunLaw(Geometric(same, start.optimal), generations, no_short_chunk, "theory 1a, 1c", lam)
    if lam > 1:
        raise NoPrediction(f"LeadingBlocks under AllBlocks has a known law for lam=1 (or fix = keep), got lam={lam}")
    check_states(k, f"LeadingBlocks with k={k}")
    chances = _improvements(law, start)
    left = np.arange(k)  # blocks after the first incorrect one
    ahead = left[:, None] - 1 - left[None, :]  # correct blocks up to the next incorrect one
    p0, improve = start.correct_rate, chances[::-1]
    gap = np.where(ahead >= 0, (1.0 - p0) * p0 ** np.maximum(ahead, 0.0), 0.0)
    finish = improve * p0**left
    begin = np.asarray((1.0 - p0) * p0 ** left[::-1], dtype=np.float64)
    chain = AbsorbingChain(improve[:, None] * gap, finish, finish, begin, start.optimal, 1)
    return RunLaw(chain.hit, chain.generations, no_short_chunk, "theory 7b, 7c, 10c", 1)


def _same_success(law: CallLaw, k: int) -> float | None:
    """P(the optimum is generated) if it is the same from every parent, else None (theory 1a, 6a)."""
    if isinstance(law, ComponentLaw):
        _, fix, keep = law.components(k)
        return completion(law, k, 1) if np.array_equal(fix, keep) else None
    return completion(law, k, k)


def _improvements(law: CallLaw, start: Start) -> FloatArray:
    """P(the first i blocks are kept and the next one is fixed), i = 0..k-1; float [k].

    Raises: NoPrediction unless every component of the law leaves the start as it is.
    """
    if not isinstance(law, ComponentLaw) or not start.independent:
        raise NoPrediction("LeadingBlocks under AllBlocks needs independent blocks, in a call and at the start")
    weight, fix, keep = law.components(start.k)
    p0 = start.correct_rate
    if (np.abs((1.0 - p0) * fix - p0 * (1.0 - keep)) > STATIONARY).any():
        raise NoPrediction(
            f"LeadingBlocks under AllBlocks has a known law from p0 = fix/(fix + 1 - keep) only; "
            f"got p0={p0:g} for fix={fix.tolist()!s:.60}, keep={keep.tolist()!s:.60}"
        )
    chances = np.array([weight @ (fix * keep**i) for i in range(start.k)])
    if (chances < UNDERFLOW).any() and ((fix > 0.0) & (keep > 0.0)).any():
        raise NoPrediction("the chance of an improvement is below 1e-305, too small for floats")
    return chances
