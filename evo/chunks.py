"""How a schedule cuts a solution into chunks; counts of correct blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evo.errors import InputError
from evo.protocols import BoolArray, IntArray, Schedule


@dataclass(frozen=True)
class Chunks:
    """How a schedule cuts a solution of k blocks: m chunks of g blocks, the last of `last` blocks."""

    g: int
    m: int
    last: int

    @classmethod
    def of(cls, schedule: Schedule, k: int) -> Chunks:
        """The chunks of a schedule on k blocks.

        Raises: InputError if the schedule's chunks do not fit k blocks.

        >>> from evo.schedules import RoundRobin
        >>> Chunks.of(RoundRobin(g=3), 8)
        Chunks(g=3, m=3, last=2)
        """
        g = schedule.chunk_size(k)
        return cls(g=g, m=-(-k // g), last=g if draws_subsets(schedule) else k % g or g)

    @classmethod
    def cut(cls, k: int, g: int) -> Chunks:
        """K blocks in chunks of g consecutive ones.

        Raises: InputError if g is not in 1..k.

        >>> Chunks.cut(7, 3), Chunks.cut(7, 3).full, Chunks.cut(7, 3).short
        (Chunks(g=3, m=3, last=1), 2, 1)
        """
        if not 1 <= g <= k:
            raise InputError(f"the chunk size g must be from 1 to k={k}, got {g}")
        return cls(g=g, m=-(-k // g), last=k % g or g)

    @property
    def full(self) -> int:
        """Number of the chunks of g blocks."""
        return self.m - (self.last < self.g)

    @property
    def short(self) -> int:
        """Blocks of the shorter last chunk, 0 if there is none."""
        return self.last if self.last < self.g else 0

    def blocks(self, chunk: IntArray, size: int) -> IntArray:
        """Positions of the blocks of chunks of `size` blocks: int [n] (or positions already, [n, g]) -> [n, size]."""
        return chunk if chunk.ndim == 2 else chunk[:, None] * self.g + np.arange(size)

    def groups(self, chunk: IntArray) -> list[tuple[int, IntArray | slice]]:
        """Calls by the length of their chunks: each length, and the index that takes its calls from an array of all.

        Args:
            chunk: int [n], the chunk of each call, or the positions of its blocks [n, g].

        >>> Chunks(g=3, m=3, last=2).groups(np.array([0, 2, 1]))
        [(3, array([0, 2])), (2, array([1]))]
        >>> Chunks(g=4, m=2, last=4).groups(np.array([0, 1, 1]))
        [(4, slice(None, None, None))]
        """
        if self.last == self.g:
            return [(self.g, slice(None))]
        is_last = chunk == self.m - 1
        both = ((self.g, np.flatnonzero(~is_last)), (self.last, np.flatnonzero(is_last)))
        return [(size, calls) for size, calls in both if len(calls) > 0]


def draws_subsets(schedule: Schedule) -> bool:
    """Whether the schedule hands out any g blocks, by their positions, instead of chunks of consecutive ones."""
    return bool(getattr(schedule, "subsets", False))


_EXACT_IN_A_BYTE = 255
_OCTETS = 8
_WORDS_ADDED = 255
"""Words of eight blocks, a byte each, that can be added before a byte of their sum is full."""
_EVEN = np.uint64(0x00FF00FF00FF00FF)
_EACH_PAIR = np.uint64(0x0001000100010001)


def count_correct(correct: BoolArray) -> IntArray:
    """Number of True entries along the last axis; bool [..., g] -> int [...].

    Eight blocks at a time where g and the array allow it, else up to 255 by einsum over bytes: numpy's sums over a
    short last axis are several times slower, and a product with a vector of ones wakes the threads of the linear
    algebra library.

    >>> count_correct(np.array([[True, False, True]])).tolist()
    [2]
    """
    g = correct.shape[-1]
    if g == 1:
        return correct[..., 0].astype(np.int64)
    if g % _OCTETS == 0 and g <= _OCTETS * _WORDS_ADDED and correct.flags.c_contiguous and correct.dtype == np.bool_:
        return _added_by_eights(correct.view(np.uint64))
    if g <= _EXACT_IN_A_BYTE and correct.dtype == np.bool_:
        return np.asarray(np.einsum("...j->...", correct.view(np.uint8)).astype(np.int64))
    return np.asarray(correct.sum(axis=-1, dtype=np.int64))


def _added_by_eights(words: NDArray[np.uint64]) -> IntArray:
    """Sum of all bytes along the last axis; uint64 [..., n], whose bytes are 0 or 1, n <= 255 -> int [...]."""
    bytes_ = words[..., 0] if words.shape[-1] == 1 else np.einsum("...j->...", words)
    pairs = (bytes_ & _EVEN) + (bytes_ >> np.uint64(8) & _EVEN)
    return np.asarray(np.multiply(pairs, _EACH_PAIR) >> np.uint64(48)).astype(np.int64)  # wraps, also for one solution
