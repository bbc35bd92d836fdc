"""What the best of lam offspring gains on a chunk, by its incorrect blocks: the tables of a jump chain (theory 1f)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw, IndependentBlocks, binomial_pmf
from evo.protocols import FloatArray
from evo.theory.calls.gains import at_least_once, gains_and_stalls

from .waiting import log_stay, spans

NEVER_DRAWN = 2.0**-54
"""Chances below this, given an improvement, are left out: a uniform draw of 53 bits cannot tell them from 0."""
MOST_FLOATS = 1 << 24
"""Of a table."""
ROWS = 1 << 9
"""Incorrect blocks up to which laws of any kind are asked for each number of them."""


@dataclass(frozen=True, eq=False)
class Gains:
    """Improvements of a chunk with i = 0..most incorrect blocks under the best of lam offspring.

    Attributes:
        lam: offspring a generation.
        span: c of the generations until an improvement, `evo.engine.law.waiting.spans`; 0 for i = 0; float [most+1].
        above: P(the gain is at least v | it is at least 1), v = 0..widest; float [most+1, widest+1].
        tilt: -log(P(an offspring gains less than v)/P(at most v)); float [most+1, widest+1].
    """

    lam: int
    span: FloatArray
    above: FloatArray
    tilt: FloatArray

    @property
    def most(self) -> int:
        """The largest number of incorrect blocks."""
        return len(self.span) - 1

    @property
    def floats(self) -> int:
        """Numbers in the tables."""
        return self.span.size + self.above.size + self.tilt.size

    @property
    def ends(self) -> bool:
        """Whether every number of incorrect blocks is left for a smaller one after a finite mean time."""
        return bool(np.isfinite(self.span).all())

    @property
    def widest(self) -> int:
        """The largest gain."""
        return int(self.above.shape[1]) - 1

    @classmethod
    def of(cls, tails: FloatArray, stay: FloatArray, lam: int) -> Gains:
        """The tables from what one offspring may do.

        Args:
            tails: P(it gains at least v) for i = 0..most and v = 0..widest; float [most+1, widest+1].
            stay: P(it gains nothing) for i = 1..most; float [most].
            lam: offspring a generation.

        >>> one = Gains.of(np.array([[1.0, 0.0], [1.0, 0.5]]), np.array([0.5]), 1)
        >>> one.most, one.widest, one.above[1].tolist()
        (1, 1, [1.0, 1.0])
        """
        logs = log_stay(tails[1:, 1], stay)
        span = np.append(0.0, spans(logs, lam))
        best = at_least_once(tails, lam)
        first = np.where(best[:, 1:2] > 0.0, best[:, 1:2], 1.0)
        above = best / first
        above[:, :2] = 1.0
        chance = tails - np.append(tails[:, 1:], np.zeros((len(tails), 1)), axis=1)
        below = 1.0 - np.append(tails[:, 1:], np.zeros((len(tails), 1)), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            tilt = -np.log1p(-np.minimum(np.maximum(chance, 0.0) / below, 1.0))
        tilt[1:, 1] = np.where(tails[1:, 1] == chance[1:, 1], -logs, tilt[1:, 1])
        return cls(lam, span, above, np.nan_to_num(tilt, nan=np.inf, posinf=np.inf))


def single_steps(chances: FloatArray, stay: FloatArray, lam: int) -> Gains:
    """Gains of one block at a time: with i incorrect blocks an offspring repairs one w.p. chances[i-1].

    Args:
        chances: float [most].
        stay: P(it repairs none), float [most].
        lam: offspring a generation.

    >>> single_steps(np.array([0.25, 0.5]), np.array([0.75, 0.5]), 1).span.round(6).tolist()
    [0.0, 3.476059, 1.442695]
    """
    tails = np.column_stack((np.ones(len(chances)), chances))
    return Gains.of(np.vstack((np.eye(1, 2), tails)), stay, lam)


def gains_of_chunk(law: CallLaw, g: int, most: int, lam: int) -> Gains:
    """Gains of a chunk of g blocks, at most `most` of them incorrect, whose blocks a call treats alike.

    Where blocks are rewritten independently and few change at once, only as many are looked at as can be drawn, so
    that large chunks cost little: what is left out has, given an improvement, a chance below 2^-54.

    Raises: NoPrediction if probabilities are too small for floats, or the tables too large.

    >>> table = gains_of_chunk(IndependentBlocks(0.5, 0.5), 2, 2, 1)
    >>> table.above[2].round(6).tolist()
    [1.0, 1.0, 0.333333]
    """
    found = few_at_once(law, g, most) if type(law) is IndependentBlocks and most > 1 else None
    if found is not None:
        return Gains.of(*found, lam)
    if most > ROWS and g > ROWS:
        _expect_room(most, most)
    gained, stay = gains_and_stalls(law, g, most)
    return _gathered([np.cumsum(row[::-1])[::-1] for row in gained], stay, lam)


def _gathered(tails: Sequence[FloatArray], stay: FloatArray, lam: int) -> Gains:
    """Rows of different length as a table, as wide as what can be drawn of any of them."""
    widths = [1]
    for row in tails[1:]:
        best = at_least_once(row, lam)
        widths.append(int(np.count_nonzero(best >= NEVER_DRAWN * best[0])) if best[0] > 0.0 else 1)
    _expect_room(len(tails), max(widths))
    table = np.zeros((len(tails), max(widths) + 1))
    table[:, 0] = 1.0
    for row, into, width in zip(tails, table, widths, strict=True):
        into[1 : min(width, len(row)) + 1] = row[:width]
    return Gains.of(table, stay, lam)


def _expect_room(rows: int, width: int) -> None:
    if rows * width > MOST_FLOATS:
        raise NoPrediction(
            f"gains of chunks with up to {rows:,} incorrect blocks take a table of more than {MOST_FLOATS:,} numbers"
        )


def few_at_once(law: IndependentBlocks, g: int, most: int) -> tuple[FloatArray, FloatArray] | None:
    """Tails and P(no gain) of an offspring, from few repaired and few damaged blocks; None where many change at once.

    P(gain = v) = sum_d P(Bin(i, fix) = v + d) P(Bin(g-i, 1-keep) = d).
    """
    (miss,), (damage,) = law.misses(g)
    repaired, damaged = _enough(most, law.fix, float(miss)), _enough(g, float(damage), 1.0 - float(damage))
    if repaired is None or damaged is None or min(miss, 1.0 - damage) < 0.5:
        return None
    i, repaired = np.arange(most + 1.0), max(1, repaired)
    fixed = _binomials(i, law.fix, miss, repaired)
    broken = _binomials(g - i, damage, 1.0 - damage if law.damage is None else law.keep, damaged)
    chances = np.zeros((most + 1, repaired + 1))
    for d in range(min(damaged, repaired - 1) + 1):
        chances[:, 1 : repaired + 1 - d] += fixed[:, d + 1 :] * broken[:, d : d + 1]
    tails = np.cumsum(chances[:, ::-1], axis=1)[:, ::-1]
    # no gain: at least as many damaged as repaired; 1 - gain keeps the digits where a gain is unlikely, else the sum
    stay = np.maximum(1.0 - tails[1:, 1], 0.0)
    tails[:, 0] = 1.0
    return tails, stay


def _enough(n: int, p: float, q: float) -> int | None:
    """Successes of n trials beyond which all together have less than 2^-60 of the chance of the first; None if many."""
    if p == 0.0:
        return 0
    if n * p > 12.0:
        return None
    pmf = binomial_pmf(n, p, q)[:_MANY]
    beyond = np.cumsum(pmf[::-1])[::-1]
    small = np.flatnonzero(beyond < 2.0**-64 * min(pmf[0], pmf[1:].sum()))
    return int(small[0]) if len(small) else (n if n < _MANY else None)


_MANY = 100


def _binomials(n: FloatArray, p: float, q: float, most: int) -> FloatArray:
    """P(Bin(n, p) = x) for x = 0..most; float [rows, most+1]."""
    pmf = np.empty((len(n), most + 1))
    pmf[:, 0] = np.exp(n * np.log1p(-p)) if p < 0.5 else q**n
    for x in range(most):
        pmf[:, x + 1] = pmf[:, x] * ((n - x) / (x + 1.0) * (p / q)) if q else 0.0
    return np.maximum(pmf, 0.0)
