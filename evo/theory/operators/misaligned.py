"""OnlyIncorrect with calls that miss: w.p. r the block after the one that was meant is rewritten."""

from __future__ import annotations

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw, FloatArray
from evo.theory.calls.gains import at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_states
from evo.theory.run_law import RunLaw, finished, no_short_chunk


def misaligned_only_incorrect(law: CallLaw, rate: float, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1, whose calls w.p. `rate` rewrite the next block instead, k > 1.

    All blocks before the lowest incorrect one are correct. While the block after it is incorrect too, a generation
    gains w.p. A = 1-(1-a)^lam: the lowest block w.p. 1-r of that, the next one w.p. r (the first of the equally good
    offspring is taken); once that is correct, only aligned calls help, w.p. 1-(1-a(1-r))^lam. All incorrect, lam = 1:
    f(0) = 0, f(1) = 1/(a(1-r)) and f(j) = 1/a + (1-r) f(j-1) + r (f(1) + f(j-2)).

    Raises: NoPrediction for exactly j incorrect blocks, or if the chain is too large.

    >>> from evo.laws.counts import IndependentBlocks
    >>> misaligned_only_incorrect(IndependentBlocks(0.5, 0.5), 0.5, 2, Start(2)).hit.mean
    6.0
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    if not start.independent:
        raise NoPrediction("misaligned calls under OnlyIncorrect need blocks independent at the start")
    if k == 1:
        raise NoPrediction("with k = 1 there is no next block; it is the law inside")
    if lam > 1 and start.correct_rate > 0.0:
        raise NoPrediction("misaligned calls under OnlyIncorrect with lam > 1 need all blocks incorrect at the start")
    check_states(2 * k, f"OnlyIncorrect with misaligned calls, k={k}")
    fix = float(law.pmf(1, 1)[1])
    aligned = fix * (1.0 - rate)
    either, alone = (float(at_least_once(chance, lam)) for chance in (fix, aligned))
    # state 2(n-1) for n blocks from the lowest incorrect one on and the next one correct, 2(n-1)+1 if it is incorrect
    from scipy.sparse import coo_array

    entries: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    finish, hit = np.zeros(2 * k), np.zeros(2 * k)
    for n in range(1, k + 1):
        behind = _lowest(max(n - 2, 0), start.correct_rate)  # all blocks after the next one are as at the start
        _add(entries, 2 * n - 2, alone * behind[1:])
        finish[2 * n - 2], hit[2 * n - 2] = alone * behind[0], aligned * behind[0]
        if n > 1:
            here = 2 * n - 1
            _add(entries, here, either * (1.0 - rate) * _at_block(n - 1, start.correct_rate))
            entries.append((np.array([here]), np.array([here - 1]), np.array([either * rate])))
    rows, columns, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    step = coo_array((values, (rows.astype(np.int64), columns.astype(np.int64))), shape=(2 * k, 2 * k)).tocsr()
    begin = _lowest(k, start.correct_rate)
    chain = AbsorbingChain(step, finish, hit, begin[1:], float(begin[0]), lam)
    return RunLaw(chain.hit, chain.generations, no_short_chunk, "the chain of its lowest incorrect block", lam)


def _lowest(n: int, p0: float) -> FloatArray:
    """Law of the state of n blocks as at the start; index 0: all correct; float [2n+1]."""
    law = np.zeros(2 * n + 1)
    law[0] = p0**n
    for left in range(1, n + 1):
        law[1 : 2 * left + 1] += p0 ** (n - left) * (1.0 - p0) * _at_block(left, p0)
    return law


def _at_block(n: int, p0: float) -> FloatArray:
    """Law of the state of n blocks of which the first is incorrect, the others as at the start; float [2n]."""
    law = np.zeros(2 * n)
    law[-2:] = (1.0, 0.0) if n == 1 else (p0, 1.0 - p0)
    return law


def _add(entries: list[tuple[FloatArray, FloatArray, FloatArray]], row: int, chances: FloatArray) -> None:
    used = np.flatnonzero(chances)
    entries.append((np.full(len(used), float(row)), used.astype(np.float64), chances[used]))
