"""The naive multi-agent approach (Section 3.2.1): every call reads the whole conversation."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.parameters import whole
from evo.programs import ENTRIES, Calls, Desk, Expected, certain
from evo.programs.desk import MOST
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.theory.systems.repairs import WholeRewrites, whole_rewrites
from evo.theory.systems.transcripts import growing
from evo.theory.times.finite import FiniteLaw
from problems.systems.debugging import Debugging

MOST_WAITS = 1 << 12
"""Rounds that are listed call by call."""


@dataclass(frozen=True)
class NaiveDebugging(Debugging):
    """QA and debugger in turn, the whole transcript as the prompt: Theta(m_q b^2 n) + Theta(m_d b^2 n^2) (Eq. 4-7).

    Call i of QA reads i n + (i-1) u tokens and writes u; call i of the debugger reads i (n+u) and writes all n again
    (theory 12c). It ends when QA reports nothing, or after so many rounds.

    Attributes:
        rounds: most repairs; None: b, as in the paper, whose QA does not look again when all is repaired. With b + 1
            it does.

    >>> from evo.programs import ENTRIES
    >>> NaiveDebugging(k=10, l=20, b=5).expected().ledger[:, ENTRIES.index("pass_tokens")].tolist()
    [3010, 702500]
    """

    rounds: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, "rounds", least=0, none=True)

    @property
    def most_rounds(self) -> int:
        """Most repairs."""
        return self.b if self.rounds is None else self.rounds

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """Whether all functions are correct in the end, bool [runs]."""
        correct = self._code(desk.runs, rng)
        going = desk.running.copy()
        for i in range(1, self.most_rounds + 1):
            if not going.any():
                break
            self._look(desk, i, going)
            found = ~correct.all(axis=1) & ~self._overlooked(rng, going.shape)
            going &= (found | self._alarmed(rng, going.shape)) & desk.running
            self._repair(desk, i, going)
            going &= desk.running
            correct[going] = self._rewritten(correct, found, i, rng)[going]
        return np.asarray(correct.all(axis=1) & desk.running)

    def _look(self, desk: Desk, i: int, where: BoolArray) -> None:
        """QA reads i versions of the code and i - 1 of its messages."""
        length = self.n + self.u
        with desk.together():
            desk.call(
                "qa",
                prompt=self.head + i * length - self.u,
                writes=self.u,
                cached=self.head + (i - 1) * length - self.u if self.cache and i > 1 else 0,
                where=where,
                times=self.votes,
            )

    def _repair(self, desk: Desk, i: int, where: BoolArray) -> None:
        """The debugger reads i versions of the code and i messages, and writes the code once more."""
        length = self.n + self.u
        desk.call(
            "debugger",
            prompt=self.head + i * length,
            writes=self.n,
            cached=self.head + (i - 1) * length if self.cache and i > 1 else 0,
            where=where,
        )

    def _rewritten(self, correct: BoolArray, found: BoolArray, i: int, rng: Generator) -> BoolArray:
        """The code after repair i: one bug may be corrected where one was found, any correct function may break."""
        fixed = found & (rng.random(found.shape) < self.repair_fixes(np.array(i - 1)))
        after = correct & (rng.random(correct.shape) < self.repair_keeps)
        first_bug = np.argmin(correct, axis=1)
        after[np.flatnonzero(fixed), first_bug[fixed]] = True
        return after

    def expected(self) -> Expected:
        """The ledger to the last token where nothing varies, else its mean, from the chain on the number of bugs.

        Raises: NoPrediction if functions and rounds are too many for the chain.
        """
        made = self._chain()
        rows = self._tokens(made.looks, made.repairs)
        if rows is not None:
            count = int(made.looks.sum()) * self.votes + int(made.repairs.sum())
            steps = int(made.looks.sum() + made.repairs.sum())
            waits = self._waits(made)
            source = f"theory 12c, 12d, Eq. 4-7{self._within()}"
            return Expected(rows, True, made.done, certain(count), source, steps, waits)
        length = self.n + self.u
        qa = self.votes * _mean_tokens(made.looks, self.head + self.n, length, self.u, self.cache)
        debugger = _mean_tokens(made.repairs, self.head + length, length, self.n, self.cache)
        law = FiniteLaw.of(made.calls)
        source = f"theory 12c, chain on the number of bugs{self._within()}"
        return Expected(np.stack((qa, debugger)), False, made.done, law, source, waits=self._waits(made))

    def _waits(self, made: WholeRewrites) -> list[Calls] | None:
        """Votes at the same time, the rest one after the other; None for thousands of rounds."""
        if len(made.looks) > MOST_WAITS:
            return None
        each, length = [], self.n + self.u
        for i, (look, repair) in enumerate(zip(made.looks.tolist(), made.repairs.tolist(), strict=True), start=1):
            read = self.head + i * length
            each.append(Calls("qa", read - self.u, self.u, look * self.votes, at_once=self.votes))
            each.append(Calls("debugger", read, self.n, repair))
        return each

    def _within(self) -> str:
        """What a source says of a context that does not hold all calls."""
        if min(self._fitting) >= self.most_rounds:
            return ""
        return f", a context of {self.context:,} tokens that holds {min(self._fitting)} of {self.most_rounds} rounds"

    @property
    def _fitting(self) -> tuple[int, int]:
        """How many looks, and repairs, are not longer than the context."""
        rounds, length = self.most_rounds, self.n + self.u
        if self.context is None:
            return rounds, rounds
        room = self.context - self.head
        return max(0, room // length), max(0, (room - self.n) // length)

    def _chain(self) -> WholeRewrites:
        rounds = self.most_rounds
        return whole_rewrites(
            self.k,
            self.b,
            self.look_misses,
            self.look_alarms,
            self.repair_fixes(np.arange(rounds)),
            self.repair_keeps,
            self.votes,
            self._fitting,
        )

    def _tokens(self, looks: FloatArray, repairs: FloatArray) -> IntArray | None:
        """The ledger of every run, None if runs differ."""
        if not np.isin(np.concatenate((looks, repairs)), (0.0, 1.0)).all():
            return None
        length = self.n + self.u
        qa = growing(int(looks.sum()), self.head + self.n, length, self.u).times(self.votes)
        debugger = growing(int(repairs.sum()), self.head + length, length, self.n)
        rows = [[each.calls, 0, *each[1:5], each.cached if self.cache else 0, 0] for each in (qa, debugger)]
        if max(map(max, rows)) >= MOST:
            raise InputError(
                f"{type(self).__name__}: a sum came to {Decimal(max(map(max, rows))):.3g}, more than 64-bit numbers "
                "hold; lower k, l, b or rounds"
            )
        return np.array(rows, dtype=np.int64)


def _mean_tokens(chances: FloatArray, first: int, step: int, writes: int, cache: bool) -> FloatArray:
    """Expected entries of calls of which call i+1 is made w.p. chances[i] and reads first + i step tokens."""
    i, o = np.arange(len(chances), dtype=np.float64), float(writes)
    c = first + step * i
    passes = c * o + o * (o - 1) / 2
    squared = o * c * c + c * o * (o - 1) + (o - 1) * o * (2 * o - 1) / 6
    cached = np.where(i > 0, c - step, 0.0) * cache
    each = np.stack((np.ones_like(c), np.zeros_like(c), c, np.full_like(c, o), passes, squared, cached, 0.0 * c))
    assert len(each) == len(ENTRIES)
    return np.asarray(each @ chances)
