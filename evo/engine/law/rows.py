"""Gains of large chunks of which many blocks change at a time: a row is made when a run first meets it.

Then of thousands of numbers of incorrect blocks only those are looked at that are met, each by the few numbers of
damaged blocks that an improvement can come with.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from evo.engine.law.climbs import Climb, Columns, joined
from evo.engine.law.gains import NEVER_DRAWN, Gains
from evo.engine.law.waiting import generations
from evo.laws.counts import IndependentBlocks, binomial_pmf
from evo.protocols import FloatArray, IntArray

SMALLEST = 1e-300
"""Of the chance of an improvement, so that the numbers beside it are floats, too."""
LEFT_OUT = 2.0**-70
"""Of the largest share of an improvement: numbers of damaged blocks below it are left out."""
FIRST_WIDTH = 64


@dataclass(eq=False)
class Rows:
    """Improvements of a chunk of g blocks, rewritten independently, under the best of lam offspring.

    Attributes:
        law: of a call.
        g: blocks.
        lam: offspring a generation.
        most: incorrect blocks at the most.
    """

    law: IndependentBlocks
    g: int
    lam: int
    most: int
    _span: FloatArray = field(init=False, repr=False)
    _first: IntArray = field(init=False, repr=False)
    _width: IntArray = field(init=False, repr=False)
    _above: FloatArray = field(init=False, repr=False)
    _tilt: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._span, self._first, self._width = (
            np.zeros(self.most + 1),
            np.full(self.most + 1, -1),
            np.zeros(self.most + 1, dtype=np.int64),
        )
        self._above, self._tilt = np.zeros(0), np.zeros(0)

    @classmethod
    def fit(cls, law: IndependentBlocks, g: int) -> bool:
        """Whether all chances are floats: the least one, of a single incorrect block, is fix keep^(g-1)."""
        return law.fix * law.keep ** (g - 1) > SMALLEST

    @property
    def floats(self) -> int:
        """Numbers in the tables, about."""
        return 8 * self.most

    @property
    def ends(self) -> bool:
        """Whether an improvement is possible from any number of incorrect blocks: `fit` has looked."""
        return True

    def need(self, incorrect: IntArray) -> None:
        """Make the rows of these numbers of incorrect blocks that are not there."""
        new = [i for i in np.unique(incorrect).tolist() if self._first[i] < 0]
        if not new:
            return
        above, tilt, end = [self._above], [self._tilt], len(self._above)
        for i in new:
            made = Gains.of(*one_row(self.law, self.g, i), self.lam)
            row = made.above[1, 1:]
            row = row[: max(1, int(np.count_nonzero(row >= NEVER_DRAWN)))]
            self._span[i], self._first[i], self._width[i] = made.span[1], end, len(row)
            above.append(row)
            tilt.append(made.tilt[1, 1 : len(row) + 1])
            end += len(row)
        self._above, self._tilt = np.concatenate(above), np.concatenate(tilt)

    def span(self, incorrect: IntArray) -> FloatArray:
        """The span of the generations until an improvement."""
        return np.asarray(self._span[incorrect])

    def gain(self, incorrect: IntArray, level: FloatArray) -> IntArray:
        """The largest v with level < P(the gain is at least v | it is at least 1), by halves."""
        first, low, high = self._first[incorrect], np.ones(len(level), dtype=np.int64), self._width[incorrect] + 1
        while (wide := high - low > 1).any():
            middle = np.where(wide, (low + high) // 2, low)
            larger = level < self._above[first + middle - 1]
            low, high = np.where(wide & larger, middle, low), np.where(wide & ~larger, middle, high)
        return low

    def tilt(self, incorrect: IntArray, gain: IntArray) -> FloatArray:
        """-log(P(an offspring gains less than v)/P(at most v))."""
        return np.asarray(self._tilt[self._first[incorrect] + gain - 1])


def one_row(law: IndependentBlocks, g: int, i: int) -> tuple[FloatArray, FloatArray]:
    """P(an offspring gains at least v) for no and for i incorrect blocks, float [2, widest+1]; P(it gains nothing).

    P(gain >= v) = sum_d P(Bin(g-i, 1-keep) = d) P(Bin(i, fix) >= d + v).

    >>> tails, stay = one_row(IndependentBlocks(0.5, 0.5), 2, 1)
    >>> tails[1].tolist(), stay.tolist()
    ([1.0, 0.25], [0.75])
    """
    (miss,), (damage,) = (each.tolist() for each in law.misses(g))
    repaired = binomial_pmf(i, law.fix, miss)
    damaged = binomial_pmf(g - i, damage, law.keep)
    at_least = np.append(np.cumsum(repaired[::-1])[::-1], 0.0)
    d = np.arange(len(damaged))
    share = damaged * at_least[np.minimum(d + 1, i + 1)]
    kept = np.flatnonzero(share >= LEFT_OUT * share.max())
    if share.max() == 0.0:
        return np.array([[1.0, 0.0], [1.0, 0.0]]), np.ones(1)
    first, weights, width = int(kept[0]), damaged[kept[0] : kept[-1] + 1], FIRST_WIDTH
    while True:
        needed = first + 1 + np.arange(width + len(weights) - 1)
        chances = np.correlate(at_least[np.minimum(needed, i + 1)], weights, "valid")
        if chances[-1] < NEVER_DRAWN * chances[0] / 4.0 or width >= i:
            break
        width = min(2 * width, i)
    stay = float(damaged @ np.cumsum(repaired)[np.minimum(d, i)])
    chances = np.append(1.0, chances[:i])
    return np.vstack((np.eye(1, len(chances)), np.minimum(chances, 1.0))), np.array([stay])


def climb_by_rows(rows: Rows, incorrect: IntArray, jumps: Generator, waits: Generator, steps: bool) -> Climb:
    """The climbs of n chunks, in lockstep; as `evo.engine.law.climbs.climb`."""
    left, own, last = incorrect.astype(np.int64), np.zeros(len(incorrect)), np.zeros(len(incorrect), dtype=np.int64)
    kept: list[Columns] = []
    while len(active := np.flatnonzero(left > 0)):
        at = left[active]
        rows.need(at)
        own[active] += generations(waits.standard_exponential(len(active)), rows.span(at))
        gain = rows.gain(at, jumps.random(len(active)))
        last[active] = gain
        left[active] -= gain
        if steps:
            kept.append((active, own[active], at, left[active]))
    return Climb(own, last, joined(kept) if steps else None)
