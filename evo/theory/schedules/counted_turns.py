"""Chunks in turn when exactly j blocks are incorrect, at random positions: a coefficient of a product (theory 2e)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evo.chunks import Chunks
from evo.protocols import FloatArray
from evo.theory.calls.starts import Start

Pair = tuple[FloatArray, FloatArray]  # polynomials in the incorrect blocks [n, j+1]: all chunks finished, some not


@dataclass(frozen=True, eq=False)
class CountedTurns:
    """`Turns` by the coefficient of z^j in the product of the chunks' polynomials, over that of (1+z)^k.

    Blocks are taken independent of rate j/k, given that j are incorrect in all. A polynomial comes as (part in which
    all chunks are finished, part in which some chunk is not), so that nothing cancels.

    Attributes:
        unfinished: of a full chunk, and of the short one if there is one: own calls [n, places] -> P(i blocks are
            incorrect at first, and the chunk is not finished) [n, places, size+1].
        chunks: the chunks.
        start: exactly j incorrect.
        lam: calls a turn.
        length: places in a turn.
    """

    unfinished: Sequence[Callable[[FloatArray], FloatArray]]
    chunks: Chunks
    start: Start
    lam: int
    length: int

    @property
    def m(self) -> int:
        """Chunks."""
        return self.chunks.m

    @property
    def floats(self) -> int:
        """Two polynomials for each place, and their product."""
        return self.chunks.m * self.length * 3 * (self.start.most + 1)

    def cdfs(self, sweeps: FloatArray) -> FloatArray:
        """P(T <= t) at each place."""
        return 1.0 - self.tails(sweeps)

    def tails(self, sweeps: FloatArray) -> FloatArray:
        """P(T > t) at each place of the sweeps."""
        counts = self.start.most + 1
        own = self.lam * sweeps[:, None] + self.lam // self.length * np.arange(self.length + 1)
        laws = [self.start.independent_law(size) for size in (self.chunks.g, self.chunks.short)]
        parts = [unfinished(own).swapaxes(0, 1) for unfinished in self.unfinished]
        kinds = [0] * self.chunks.full + [1] * (self.chunks.short > 0)
        empty = np.zeros((len(sweeps), counts))
        ahead: Pair = (empty + (np.arange(counts) == 0), empty)
        behind = [ahead]  # from the last chunk on
        for kind in reversed(kinds[1:]):
            behind.append(_product(behind[-1], parts[kind][0], laws[kind]))
        tails = np.empty((len(sweeps), self.m, self.length))
        for q, kind in enumerate(kinds):
            for r in range(self.length):
                tails[:, q, r] = _coefficient(ahead, _product(behind[-1 - q], parts[kind][r], laws[kind]))
            ahead = _product(ahead, parts[kind][-1], laws[kind])
        every = self.start.independent_law(self.start.k)[self.start.most]
        return np.asarray(np.minimum(tails / every, 1.0)).reshape(len(sweeps), -1)


def _product(pair: Pair, unfinished: FloatArray, counts: FloatArray) -> Pair:
    """Multiply by one more chunk, up to z^j: (P F, U B + P U') with B = F + U' its law of counts."""
    done, open_ = pair
    new_done, new_open = np.zeros_like(done), np.zeros_like(open_)
    finished = counts - unfinished
    for i in range(min(len(counts), done.shape[1])):
        left = slice(0, done.shape[1] - i)
        new_done[:, i:] += done[:, left] * finished[:, i : i + 1]
        new_open[:, i:] += open_[:, left] * counts[i] + done[:, left] * unfinished[:, i : i + 1]
    return new_done, new_open


def _coefficient(one: Pair, other: Pair) -> FloatArray:
    """The highest coefficient of the unfinished part of a product, float [n]."""
    done, open_ = other
    return np.asarray(((one[1] * (done + open_)[:, ::-1]) + one[0] * open_[:, ::-1]).sum(axis=1))
