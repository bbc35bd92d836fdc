"""P(T > t) at every call of a sweep of round-robin turns, as products over chunks (theory 2e, 2g)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo.laws.counts import FloatArray
from evo.theory.calls.gains import Layout
from evo.theory.calls.starts import Start
from evo.theory.schedules.own_calls import OwnCalls


@dataclass(frozen=True, eq=False)
class Turns:
    """The chunks of a round-robin run, and the calls of a turn at which the clock can be read.

    Attributes:
        layout: the chunks.
        start: the initial law.
        own: of a full chunk.
        short: of the short last chunk, if there is one.
        calls: r = 0, .., lam for the clock of calls, (0, lam) for that of generations.
    """

    layout: Layout
    start: Start
    own: OwnCalls
    short: OwnCalls | None
    calls: Sequence[int]

    @property
    def length(self) -> int:
        """Readings of the clock in a turn."""
        return len(self.calls) - 1

    def sweeps(self, turns: Sequence[int]) -> FloatArray:
        """P(T > t) after c whole sweeps, q turns and r calls; float [turns, m, length] for c in turns (sorted)."""
        return -np.expm1(self._independent(turns)) if self.start.independent else self._exact_count(turns)

    def finished(self, turns: Sequence[int]) -> FloatArray:
        """P(T <= t) likewise, with its digits where it is small and blocks are independent at the start."""
        return np.exp(self._independent(turns)) if self.start.independent else 1.0 - self._exact_count(turns)

    def sweep_floats(self) -> int:
        """Floats held at a time per sweep, to bound memory."""
        wide = 1 if self.start.independent else 3 * (self.start.most + 1)
        return self.layout.chunks * self.length * wide

    def _independent(self, turns: Sequence[int]) -> FloatArray:
        """The logarithm of H(c+1)^q H(c, r) H(c)^(M-q-1) H_short(c), H the cdf of one chunk's own calls."""
        full = self.layout.full
        log = self._log_cdf(self.own, turns)
        before = np.arange(full)[:, None]
        total = _times(before, log[:, None, -1:]) + _times(full - 1 - before, log[:, None, :1]) + log[:, None, :-1]
        if self.short is None:
            return np.asarray(total)
        last = self._log_cdf(self.short, turns)
        final = _times(np.array([[full]]), log[:, None, -1:]) + last[:, None, :-1]
        return np.asarray(np.concatenate([total + last[:, None, :1], final], axis=1))

    def _log_cdf(self, own: OwnCalls, turns: Sequence[int]) -> FloatArray:
        with np.errstate(divide="ignore"):
            tails = own.tails(turns, self.calls) @ self.start.chunk_law(own.g)
            return np.asarray(np.log1p(-np.minimum(tails, 1.0)))

    def _exact_count(self, turns: Sequence[int]) -> FloatArray:
        """Coefficient of z^j in the product of the chunks' polynomials, over that of (1+z)^k.

        Blocks are taken independent of rate j/k, given that j are incorrect in all; a polynomial [.., count] comes
        as (part in which all are finished, part in which some chunk is not), so that nothing cancels.
        """
        full, counts = self.layout.full, self.start.most + 1
        now = self._polynomials(self.own, turns)
        empty = _unit(len(turns), counts)
        behind = [empty]
        if self.short is not None:
            last = self._polynomials(self.short, turns)
            behind = [_product(empty, last[0], self._count_law(self.short.g), counts)]
        for _ in range(full):
            behind.append(_product(behind[-1], now[0], self._chunk, counts))
        tails = np.empty((len(turns), self.layout.chunks, self.length))
        ahead = empty
        for q in range(full):
            tails[:, q, 0] = _coefficient(ahead, behind[full - q])
            for r in range(1, self.length):
                rest = _product(behind[full - 1 - q], now[r], self._chunk, counts)
                tails[:, q, r] = _coefficient(ahead, rest)
            ahead = _product(ahead, now[-1], self._chunk, counts)
        if self.short is not None:
            for r in range(self.length):
                rest = _product(empty, last[r], self._count_law(self.short.g), counts)
                tails[:, full, r] = _coefficient(ahead, rest)
        return np.asarray(np.minimum(tails / self.start.independent_law(self.start.k)[counts - 1], 1.0))

    @cached_property
    def _chunk(self) -> FloatArray:
        return np.asarray(self._count_law(self.own.g))

    def _count_law(self, g: int) -> FloatArray:
        return self.start.independent_law(g)

    def _polynomials(self, own: OwnCalls, turns: Sequence[int]) -> list[FloatArray]:
        """Unfinished part of one chunk for each reading of a turn; list of float [turns, g+1]."""
        tails = own.tails(turns, self.calls) * self._count_law(own.g)
        return [tails[:, r] for r in range(len(self.calls))]


Pair = tuple[FloatArray, FloatArray]


def _unit(turns: int, counts: int) -> Pair:
    one = np.zeros((turns, counts))
    one[:, 0] = 1.0
    return one, np.zeros((turns, counts))


def _product(pair: Pair, unfinished: FloatArray, counts_law: FloatArray, counts: int) -> Pair:
    """Multiply by one more chunk, up to z^(counts-1): (P F, U B + P U') with B = F + U' its law of counts."""
    done, open_ = pair
    new_done, new_open = np.zeros_like(done), np.zeros_like(open_)
    finished = counts_law - unfinished
    for i in range(min(len(counts_law), counts)):
        left = slice(0, counts - i)
        new_done[:, i:] += done[:, left] * finished[:, i : i + 1]
        new_open[:, i:] += open_[:, left] * counts_law[i] + done[:, left] * unfinished[:, i : i + 1]
    return new_done, new_open


def _coefficient(one: Pair, other: Pair) -> FloatArray:
    """The highest coefficient of the unfinished part of a product, float [turns]."""
    done, open_ = other
    return np.asarray(((one[1] * (done + open_)[:, ::-1]) + one[0] * open_[:, ::-1]).sum(axis=1))


def _times(count: np.ndarray[tuple[int, ...], np.dtype[np.int64]], log: FloatArray) -> FloatArray:
    """Count times log, 0 for count 0 even if log is -inf."""
    with np.errstate(invalid="ignore"):
        return np.where(count == 0, 0.0, count * log)
