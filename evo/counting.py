"""Counting correct blocks, the innermost loop of everything."""

from __future__ import annotations

import numpy as np

from evo.protocols import BoolArray, IntArray

_EXACT_IN_FLOAT32 = 2**24


def count_correct(correct: BoolArray) -> IntArray:
    """Number of True entries along the last axis; bool [..., g] -> int [...].

    A product with a vector of ones, exact as long as a float32 holds the count: numpy's own sums over a short
    last axis are five to ten times slower.

    >>> count_correct(np.array([[True, False, True]])).tolist()
    [2]
    """
    g = correct.shape[-1]
    if g == 1:
        return correct[..., 0].astype(np.int64)
    if g >= _EXACT_IN_FLOAT32:
        return np.asarray(correct.sum(axis=-1, dtype=np.int64))
    return (correct.astype(np.float32) @ np.ones(g, dtype=np.float32)).astype(np.int64)
