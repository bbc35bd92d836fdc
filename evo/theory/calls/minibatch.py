"""Whether an offspring is accepted if both sides are judged on the same sample of the blocks (theory 17i)."""

from __future__ import annotations

import numpy as np

from evo.errors import InputError
from evo.laws.counts import binomial_pmf
from evo.laws.mixtures import ComponentLaw
from evo.protocols import FloatArray
from evo.theory.calls.starts import Start


def minibatch_moves(law: ComponentLaw, k: int, g: int, s: int, weak: bool, incorrect_only: bool = False) -> FloatArray:
    """P(j incorrect blocks after a generation, by an offspring that was accepted | i before it), float [k+1, k+1].

    A call on g random blocks of which x are incorrect repairs a of these and damages b of the others; it is accepted
    iff more (weak: not fewer) of the a than of the b lie in a sample of s of the k blocks.

    Args:
        law: of a call, whose blocks are independent given a component.
        k: blocks.
        g: blocks a call gets, drawn uniformly.
        s: blocks in the sample.
        weak: whether an equal offspring is accepted.
        incorrect_only: whether the one block that a call gets is an incorrect one (OnlyIncorrect, g = 1).

    Raises: InputError.

    >>> from evo.laws.counts import IndependentBlocks
    >>> minibatch_moves(IndependentBlocks(0.5, 0.5), 4, 1, 2, weak=False)[2].tolist()  # (i/k) a s/k
    [0.0, 0.125, 0.0, 0.0, 0.0]
    """
    if not 1 <= s <= k:
        raise InputError(f"minibatch_moves: expected a sample of 1 to k = {k} blocks, got {s}")
    accept = _Acceptance(k, s, weak)
    weights, fix, keep = law.components(g)
    moves = np.zeros((k + 1, k + 1))
    for i in range(k + 1):
        called = [0.0, 1.0] if incorrect_only and i else Start(k, incorrect=i).chunk_law(g).tolist()
        for x, chance in enumerate(called):
            for weight, up, stays in zip(weights, fix, keep, strict=True):
                if chance and weight:
                    joint = np.outer(binomial_pmf(x, float(up)), binomial_pmf(g - x, 1.0 - float(stays)))
                    for (a, b), share in np.ndenumerate(joint):
                        if share:
                            moves[i, i - a + b] += chance * weight * share * accept(a, b)
    return moves


class _Acceptance:
    """P(accepted | a blocks gained, b lost): hypergeometric thinning of both by the sample."""

    def __init__(self, k: int, s: int, weak: bool) -> None:
        self._k, self._s, self._weak = k, s, weak
        self._known: dict[tuple[int, int], float] = {}

    def __call__(self, a: int, b: int) -> float:
        if (a, b) not in self._known:
            gained = Start(self._k, incorrect=a).chunk_law(self._s)  # of which x are in the sample
            total = 0.0
            for x, chance in enumerate(gained.tolist()):
                if not chance:
                    continue
                # the b lost ones are among the other k - a blocks, of which s - x are in the sample
                lost = Start(self._k - a, incorrect=b).chunk_law(self._s - x) if b else np.ones(1)
                total += chance * float(lost[: x + self._weak].sum())
            self._known[a, b] = min(total, 1.0)
        return self._known[a, b]
