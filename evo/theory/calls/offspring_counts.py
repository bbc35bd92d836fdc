"""Laws of an offspring's number of incorrect blocks given its parent's, as matrices (theory 1f, 2b, 10).

Row i is a parent with i of k blocks incorrect, column j a valid offspring with j; a row sums to P(valid).
"""

from __future__ import annotations

import numpy as np

from evo.chunks import Chunks
from evo.laws.counts import CallLaw
from evo.protocols import BoolArray, FloatArray
from evo.theory.calls.gains import block_chances
from evo.theory.calls.starts import Start

RAISED = 1e-290
"""What is possible but less likely is given this probability, so that 0 always means impossible.

It changes no run that ends within 1e280 generations; longer ones are refused by those who use these matrices.
"""


def whole_offspring(law: CallLaw, k: int) -> FloatArray:
    """AllBlocks: all k blocks are called, Bin(i, 1-fix) + Bin(k-i, 1-keep) for independent blocks; float [k+1, k+1].

    >>> from evo.laws.counts import IndependentBlocks
    >>> whole_offspring(IndependentBlocks(0.5, 0.5), 2).tolist()
    [[0.25, 0.5, 0.25], [0.25, 0.5, 0.25], [0.25, 0.5, 0.25]]
    """
    return _incorrect_after(law, k)


def subset_offspring(law: CallLaw, k: int, g: int) -> FloatArray:
    """A uniformly random g-subset of the blocks is called; float [k+1, k+1].

    P(i -> j) = sum_x C(i, x) C(k-i, g-x) / C(k, g) P(g - x + i - j of g correct | x incorrect): x of the i incorrect
    blocks are in the subset, j - (i - x) of its blocks are incorrect afterwards. g = 1 is UniformChunk (theory 2b).

    Raises: InputError if g is not in 1..k.

    >>> from evo.laws.counts import IndependentBlocks
    >>> subset_offspring(IndependentBlocks(0.5, 0.5), 2, 1).tolist()
    [[0.5, 0.5, 0.0], [0.25, 0.5, 0.25], [0.0, 0.5, 0.5]]
    """
    Chunks.cut(k, g)  # checks g
    inside = np.array([[1.0 - i / k, i / k] for i in range(k + 1)]) if g == 1 else _counts_in_subset(k, g)
    after = _incorrect_after(law, g)
    # all that happens is a change of the count by -g..g: a band, filled by the number x of incorrect blocks called
    band, possible = np.zeros((k + 1, 2 * g + 1)), np.zeros((k + 1, 2 * g + 1), dtype=np.bool_)
    for x in range(g + 1):
        changes = slice(g - x, 2 * g - x + 1)
        band[:, changes] += np.multiply.outer(inside[:, x], after[x])
        possible[:, changes] |= np.logical_and.outer(inside[:, x] > 0.0, after[x] > 0.0)
    offspring = np.zeros((k + 1, k + 1))
    before, change = np.nonzero(possible)
    offspring[before, before + change - g] = np.maximum(band[before, change], RAISED)
    return offspring


def wrong_block_offspring(law: CallLaw, k: int) -> FloatArray:
    """OnlyIncorrect with g = 1: an incorrect block is called, and is fixed w.p. a (theory 2a); float [k+1, k+1].

    Row 0, the optimum, calls a correct block.

    >>> from evo.laws.counts import IndependentBlocks
    >>> wrong_block_offspring(IndependentBlocks(0.5, 0.5), 2).tolist()
    [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    """
    damaged, fixed = np.asarray(law.pmf(1, 0)), np.asarray(law.pmf(1, 1))
    offspring = np.diag(np.full(k + 1, fixed[0])) + np.diag(np.full(k, fixed[1]), -1)
    offspring[0, :2] = damaged[::-1]
    return offspring


def _incorrect_after(law: CallLaw, g: int) -> FloatArray:
    """Law of the incorrect blocks after a call on g blocks, row = incorrect before; float [g+1, g+1]."""
    after = np.array([np.asarray(law.pmf(g, i), dtype=np.float64)[::-1] for i in range(g + 1)])
    return np.where(_possible(law, g), np.maximum(after, RAISED), after)


def _possible(law: CallLaw, g: int) -> BoolArray:
    """Which counts are possible, from the chances of single blocks; bool [g+1, g+1].

    Where blocks depend on each other this may hold too much for possible: then a run that never ends is refused.
    """
    (break_, keep), (leave, fix) = block_chances(law, g)
    i, j = np.arange(g + 1)[:, None], np.arange(g + 1)[None, :]
    least = i * (fix == 0.0) + (g - i) * (keep == 0.0)
    most = i * (leave > 0.0) + (g - i) * (break_ > 0.0)
    return np.asarray((least <= j) & (j <= most) & (fix + leave > 0.0))


def _counts_in_subset(k: int, g: int) -> FloatArray:
    """Law of the incorrect blocks in a random g-subset, row = incorrect of k; float [k+1, g+1]."""
    laws = np.array([Start(k, incorrect=i).chunk_law(g) for i in range(k + 1)])
    i, x = np.arange(k + 1)[:, None], np.arange(g + 1)[None, :]
    possible = (x <= i) & (g - x <= k - i)
    return np.where(possible, np.maximum(laws, RAISED), 0.0)
