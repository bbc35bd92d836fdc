"""UntilResolved with g = 1: stay at a block until the fitness moves, up or down, then go on (theory 2h, 2i, 2j)."""

from __future__ import annotations

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw, FloatArray
from evo.theory.calls.gains import at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, death_chain
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.times.closed import NegativeBinomial
from evo.theory.times.law import TimeLaw


def until_resolved(law: CallLaw, k: int, start: Start, lam: int = 1, g: int = 1) -> RunLaw:
    """Law of a run of blocks in sequence, up to the last incorrect one; one sweep suffices.

    A resolved block is correct for good: an incorrect one is left when an offspring fixed it, a correct one when a
    valid offspring damaged it, which the elitist parent does not take over. With a = P(fixed), d = P(damaged), an
    incorrect block takes Geom(1-(1-a)^lam) generations, a correct one Geom(1-(1-d)^lam) (theory 2h, 2j).

    Raises: NoPrediction if g > 1: a rise of the fitness does not tell that a chunk is finished (theory 3b).

    >>> from evo.laws.counts import IndependentBlocks
    >>> until_resolved(IndependentBlocks(0.5, 0.5), 4, Start(4, p0=0.5)).hit.mean
    6.125
    """
    check_run(k, start, lam)
    if g != 1:
        raise NoPrediction(f"UntilResolved has an exact law for g=1 only, got g={g}")
    if start.most == 0:
        return finished(lam)
    fix = float(law.pmf(1, 1)[1])
    resolve, skip = float(at_least_once(fix, lam)), float(at_least_once(float(law.pmf(1, 0)[0]), lam))
    if start.law()[k] == 1.0:
        chain = death_chain(np.full(k, resolve), fix, np.arange(k) == k - 1.0, 0.0, lam)
        generations: TimeLaw = NegativeBinomial(k, resolve)
    else:
        exact = start.incorrect is not None
        chain = _exact_count(fix, resolve, skip, start, lam) if exact else _bernoulli(fix, resolve, skip, start, lam)
        generations = chain.generations
    hit = generations if lam == 1 else chain.hit
    return RunLaw(hit, generations, no_short_chunk, "theory 2h, 2i, 2j", lam)


def correct_before_last(k: int, j: int) -> FloatArray:
    """Law of the number L of correct blocks before the last of j incorrect ones, 1 <= j <= k; float [k-j+1].

    P(L = x) = C(x+j-1, j-1)/C(k, j), from P(L = k-j) = j/k downwards; E[L] = j(k-j)/(j+1) (theory 2h).

    >>> correct_before_last(4, 1).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    x = np.arange(k - j, 0, -1, dtype=np.float64)
    ratios = np.cumprod(np.append(1.0, x / (x + j - 1)))[::-1]
    return np.asarray(ratios * (j / k))


def _exact_count(fix: float, resolve: float, skip: float, start: Start, lam: int) -> AbsorbingChain:
    """The L correct blocks first, then the j incorrect ones: the parts are independent, so their order is free."""
    j = start.most
    leave = np.append(np.full(j, resolve), np.full(start.k - j, skip))
    begin = np.append(np.zeros(j - 1), correct_before_last(start.k, j))
    return death_chain(leave, fix, begin, 0.0, lam)


def _bernoulli(fix: float, resolve: float, skip: float, start: Start, lam: int) -> AbsorbingChain:
    """States (blocks left to the last incorrect one, this one incorrect or correct): 2(b-1) and 2(b-1)+1."""
    from scipy.sparse import coo_array

    k, kinds = start.k, np.array([1.0 - start.p0, start.p0])
    blocks = np.arange(1, k)
    targets = np.stack([2 * blocks - 2, 2 * blocks - 1])  # of the next block, by its kind
    share = np.where(blocks == 1, np.array([[1.0], [0.0]]), kinds[:, None])  # the last one is incorrect
    rows, columns, values = [], [], []
    for kind, leave in enumerate((resolve, skip)):
        rows.append(np.broadcast_to(2 * blocks + kind, (2, k - 1)).ravel())
        columns.append(targets.ravel())
        values.append((leave * share).ravel())
    places = (np.concatenate(rows), np.concatenate(columns))
    step = coo_array((np.concatenate(values), places), shape=(2 * k, 2 * k))
    last = np.arange(2 * k) == 0
    begin = np.outer(kinds[0] * start.p0 ** np.arange(k - 1.0, -1.0, -1.0), kinds)
    begin[0] = begin[0].sum(), 0.0
    return AbsorbingChain(step, last * resolve, last * fix, begin.ravel(), start.optimal, lam)
