"""A needle under RoundRobin with weak acceptance: the first run of k successes (theory 10a)."""

from __future__ import annotations

import numpy as np

from evo.laws.counts import CallLaw
from evo.theory.chains.chain import AbsorbingChain, check_states
from evo.theory.run_law import RunLaw, no_short_chunk


def first_run_of_successes(law: CallLaw, k: int) -> RunLaw:
    """Law of a run from all blocks incorrect, one block a call, lam = 1, where every valid answer is accepted.

    A block is what its last call made of it, so the optimum comes with the k-th success in a row (calls of k different
    blocks): E = (p^-k - 1)/(1-p), for fix = keep = p and answers that are always valid.

    Raises: NoPrediction if there are too many blocks.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(first_run_of_successes(IndependentBlocks(0.5, 0.5), 4).hit.mean, 9)
    30.0
    """
    from scipy.sparse import coo_array

    check_states(k, f"the successes in a row of k={k} blocks")
    p = float(law.pmf(1, 1)[1])
    row = np.arange(k)  # successes in a row so far
    goes_on = coo_array((np.full(k - 1, p), (row[:-1], row[1:])), shape=(k, k))
    fails = coo_array((np.full(k - 1, 1.0 - p), (row[1:], np.zeros(k - 1, dtype=np.int64))), shape=(k, k))
    finish = np.where(row == k - 1, p, 0.0)
    first = np.where(row == 0, 1.0, 0.0)
    chain = AbsorbingChain((goes_on + fails).tocsr(), finish, finish, first, 0.0, 1)
    return RunLaw(chain.hit, chain.generations, no_short_chunk, "theory 10a")
