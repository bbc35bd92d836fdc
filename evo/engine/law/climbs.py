"""Climbs: the ways of many chunks from their first incorrect blocks to none, each by its own generations.

A chunk's gains are drawn for every number of incorrect blocks that it may meet, in one sweep of large arrays; then the
path is followed, and only what was met is waited for. Numbers of incorrect blocks are swept in windows, so that memory
does not grow with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.engine.law.gains import Gains
from evo.engine.law.waiting import generations
from evo.protocols import FloatArray, IntArray

WINDOW = 1 << 16
"""Pairs of a chunk and a number of incorrect blocks that are drawn at once: some 3 MB in all."""
LINEAR = 6
"""Gains up to here are looked up one after the other, larger ones by halves."""
OFTEN = 0.2
"""Share of chunks that gain so much from which on all are compared with the next gain, not these alone."""
LOOK = 8
"""Steps of a path after which it is looked whether all are at its end."""


Columns = tuple[IntArray, FloatArray, IntArray, IntArray]
"""Some improvements, as the columns of `Steps`."""


@dataclass(frozen=True)
class Steps:
    """Improvements of chunks, flat arrays, in no order.

    Attributes:
        chunk: int, which of the chunks.
        generation: float, the chunk's own generations up to it.
        before, after: int, its incorrect blocks.
    """

    chunk: IntArray
    generation: FloatArray
    before: IntArray
    after: IntArray


@dataclass(frozen=True)
class Climb:
    """Chunks that have no incorrect block any more.

    Attributes:
        generations: float [n], own generations that each took; 0 where there was nothing to repair, infinite for never.
        last: int [n], the gain of the last improvement; 0 where there was none.
        steps: all improvements, the last ones, too; None unless asked for.
    """

    generations: FloatArray
    last: IntArray
    steps: Steps | None


def climb(gains: Gains, incorrect: IntArray, jumps: Generator, waits: Generator, steps: bool = False) -> Climb:
    """The climbs of n chunks.

    Args:
        gains: of such a chunk.
        incorrect: at first, int [n], at most gains.most.
        jumps: draws what an improvement is.
        waits: draws when it is.
        steps: whether to give all improvements.

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.engine.law.gains import gains_of_chunk
    >>> sure = gains_of_chunk(IndependentBlocks(1.0, 1.0), 3, 3, 1)
    >>> found = climb(sure, np.array([0, 2, 3]), *np.random.default_rng(1).spawn(2))
    >>> found.generations.tolist(), found.last.tolist()
    ([0.0, 1.0, 1.0], [0, 2, 3])
    """
    if gains.widest == 1:
        return _one_by_one(gains, incorrect, waits, steps)
    sweep = _Sweep(gains, incorrect, jumps, waits, steps)
    return sweep.whole()


def _one_by_one(gains: Gains, incorrect: IntArray, waits: Generator, steps: bool) -> Climb:
    """All numbers of incorrect blocks are met."""
    n, high = len(incorrect), int(incorrect.max(initial=0))
    own = np.zeros(n)
    kept: list[Columns] = []
    even = bool((incorrect == high).all())
    drawn = _Room()
    while high > 0:
        low = max(0, high - max(1, WINDOW // max(n, 1)))
        at = np.arange(high, low, -1)
        met = None if even else at[:, None] <= incorrect
        span = gains.span[at][:, None] if met is None else np.where(met, gains.span[at][:, None], 0.0)
        waited = generations(waits.standard_exponential(out=drawn.of("waited", float, high - low, n)), span)
        if steps:
            rows, chunk = np.nonzero(np.ones_like(waited) if met is None else met)
            so_far = own + np.cumsum(waited, axis=0)
            kept.append((chunk, so_far[rows, chunk], at[rows], at[rows] - 1))
        own += waited.sum(axis=0)
        high = low
    return Climb(own, np.minimum(incorrect, 1), joined(kept) if steps else None)


class _Room(dict[str, Any]):
    """Arrays of a window, which the next one takes over: to get new ones takes longer than to fill them."""

    def of(self, name: str, kind: type, rows: int, n: int) -> Any:
        """An array [rows, n] of that name and kind, with anything in it."""
        if name not in self or self[name].size < rows * n:
            self[name] = np.empty(rows * n, dtype=kind)
        return self[name][: rows * n].reshape(rows, n)


class _Sweep:
    """One pass over the numbers of incorrect blocks, from the largest down, a window at a time."""

    def __init__(self, gains: Gains, incorrect: IntArray, jumps: Generator, waits: Generator, steps: bool) -> None:
        self.gains, self.jumps, self.waits, self.asked = gains, jumps, waits, steps
        self.left = incorrect.astype(np.intp)
        self.own = np.zeros(len(incorrect))
        self.last = np.zeros(len(incorrect), dtype=np.intp)
        self.kept: list[Columns] = []
        self.room = _Room()

    def whole(self) -> Climb:
        """All windows."""
        high, window = int(self.left.max(initial=0)), max(1, WINDOW // max(1, len(self.left)))
        while high > 0:
            low = max(0, high - window)
            self._window(low, high)
            high = low
        return Climb(self.own, self.last, joined(self.kept) if self.asked else None)

    def _window(self, low: int, high: int) -> None:
        """Draw and follow the improvements of chunks with low+1..high incorrect blocks.

        A place is (row, chunk) as one number, row r for low + r incorrect blocks, row 0 for being out of the window.
        """
        active = np.flatnonzero(self.left > low)
        n, width = len(active), high - low
        if n == 0:
            return
        gain = self._gains(low, width, n)
        chunk = np.arange(n)
        path = self._path(gain, (self.left[active] - low) * n + chunk, width, n)
        span = self.room.of("span", float, width + 1, n)
        span[0], span[1:] = 0.0, self.gains.span[low + 1 : high + 1, None]
        spans = np.take(span.ravel(), path, out=self.room.of("spans", float, *path.shape), mode="clip")
        waited = self.waits.standard_exponential(out=self.room.of("waited", float, *path.shape))
        waited = generations(waited, spans)
        met = np.count_nonzero(path >= n, axis=0)
        end = path[met - 1, chunk] // n  # the last row that was met
        jump = gain[end - 1, chunk]
        if self.asked:
            self._keep(active, path, gain, low, self.own[active] + np.cumsum(waited, axis=0))
        self.own[active] += waited.sum(axis=0)
        left = low + end - jump
        self.left[active] = left
        done = left == 0
        self.last[active[done]] = jump[done]

    def _gains(self, low: int, width: int, n: int) -> IntArray:
        """The gain of each chunk in each row of a window, int [width, n]."""
        above = self.gains.above[low + 1 : low + width + 1]
        level = self.jumps.random(out=self.room.of("level", float, width, n))
        larger = np.less(level, above[:, 2:3], out=self.room.of("larger", bool, width, n))
        gain: IntArray = np.add(larger, 1, out=self.room.of("gain", np.intp, width, n))
        v, widest = 2, self.gains.widest
        while v < widest and np.count_nonzero(larger) > OFTEN * larger.size:
            v += 1
            gain += np.less(level, above[:, v : v + 1], out=larger)
        more = np.flatnonzero(larger.ravel())  # those that gain at least v
        flat, levels, rows = gain.ravel(), level.ravel()[more], more // n
        while v < min(LINEAR, widest) and len(more):
            v += 1
            gained = levels < above[rows, v]
            more, levels, rows = more[gained], levels[gained], rows[gained]
            flat[more] = v
        if v < widest and len(more):
            flat[more] = _halved(above, rows, levels, v)
        return gain

    def _path(self, gain: IntArray, begin: IntArray, width: int, n: int) -> IntArray:
        """The places that each chunk meets one after the other, at the end row 0; int [steps, n]."""
        chunk = np.arange(n)
        to = self.room.of("to", np.intp, width + 1, n)
        to[0] = chunk
        np.multiply(gain, -n, out=to[1:])
        to[1:] += chunk
        to[1:] += n * np.arange(1, width + 1)[:, None]
        np.maximum(to, chunk, out=to)  # a gain beyond the window leads out of it
        flat = to.ravel()
        path: IntArray = self.room.of("path", np.intp, width + 1, n)
        path[0] = begin
        for step in range(width):
            np.take(flat, path[step], out=path[step + 1], mode="clip")
            if step % LOOK == LOOK - 1 and path[step + 1].max() < n:
                return path[: step + 1]
        return path[:width]

    def _keep(self, active: IntArray, path: IntArray, gain: IntArray, low: int, so_far: FloatArray) -> None:
        """Note the improvements of a window."""
        n = len(active)
        met = path >= n
        rows, chunk = path[met] // n, path[met] % n
        before = low + rows
        self.kept.append((active[chunk], so_far[met], before, before - gain[rows - 1, chunk]))


def _halved(above: FloatArray, rows: IntArray, levels: FloatArray, least: int) -> IntArray:
    """For each row the largest v >= least with level < above[row, v], which falls with v."""
    low, high = np.full(len(rows), least), np.full(len(rows), above.shape[1])
    while (wide := high - low > 1).any():
        middle = (low + high) // 2
        larger = (levels < above[rows, np.minimum(middle, above.shape[1] - 1)]) & wide
        low = np.where(larger, middle, low)
        high = np.where(wide & ~larger, middle, high)
    return low


def joined(kept: Sequence[Columns]) -> Steps:
    """Columns of several pieces as one."""
    if not kept:
        none = np.zeros(0, dtype=np.int64)
        return Steps(none, np.zeros(0), none, none)
    chunk, generation, before, after = zip(*kept, strict=True)
    return Steps(np.concatenate(chunk), np.concatenate(generation), np.concatenate(before), np.concatenate(after))
