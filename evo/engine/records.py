"""The records of a batch: active runs, their spending, hits and runs stopped by the budget."""

from __future__ import annotations

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.costs.budget import any_reached
from evo.costs.ledger import expect_countable
from evo.engine.calls import Caller
from evo.protocols import BoolArray, FloatArray, IntArray

SPENT = ("generations", "calls", "evaluations")
"""What a run has spent, in the order of the columns of `Records.spent`; then the sums of `ChunkLengths`."""


class Records:
    """The records that every engine keeps: arrays over the active runs [n] and over all runs [runs].

    A run that is over its budget goes on until every run of its batch has hit or is over, so that the draws do not
    depend on the budget; after that nothing is recorded for the run.

    Attributes:
        active: int [n], numbers of the active runs in their batch.
        pointer: int [n], state of the schedule in each run.
        spent: int [n, columns], see `SPENT`.
        over: bool [n], whether a limit was reached before.
        hits: int [runs], -1 without a hit.
        paid: int [runs, columns], what each run had spent when it hit or was over.
    """

    def __init__(self, batch: Batch, caller: Caller) -> None:
        columns = len(SPENT) + caller.lengths.powers
        self.limits, self.tracing = batch.limits, batch.trace
        self.active = np.arange(batch.runs)
        self.pointer = np.zeros(batch.runs, dtype=np.int64)
        self.spent = np.zeros((batch.runs, columns), dtype=np.int64)
        self.over = np.zeros(batch.runs, dtype=np.bool_)
        self.hits = np.full(batch.runs, -1, dtype=np.int64)
        self.paid = np.zeros_like(self.spent)
        self._trace: list[tuple[FloatArray | IntArray, ...]] = []

    @property
    def generations(self) -> IntArray:
        """Generations that the active runs have begun, int [n]."""
        return self.spent[:, 0]

    def charge(self, made: IntArray) -> None:
        """Add what one generation of each active run took, int [n, columns] or [columns], the same of all.

        Raises: InputError if a sum over calls leaves 64 bits.
        """
        self.spent = self.spent + made
        expect_countable(self.spent[:, len(SPENT) :])

    def start(self, calls: IntArray, shortfalls: IntArray) -> None:
        """Charge one call that each active run has started: it is paid for with the next generation.

        Args:
            calls: int [n], LLM calls behind it.
            shortfalls: int [n, powers].
        """
        self.spent[:, 1] += calls
        self.spent[:, len(SPENT) :] += shortfalls

    def charge_ahead(self, made: IntArray, used: IntArray, optimal: BoolArray) -> None:
        """Add the first `used` of several generations of each active run; a limit may be reached in any generation.

        Args:
            made: int [n, ahead, columns], what each generation took; or int [columns], where all took the same.
            used: int [n], generations used, from 1.
            optimal: bool [n, ahead], whether the generation made the optimum: then a limit that it reaches is no end.

        Raises: InputError if a sum over calls leaves 64 bits.
        """
        before = self.spent
        if made.ndim == 1:
            self.spent = before + used[:, None] * made  # no sums over calls, which differ
        else:
            series = before[:, None] + np.cumsum(made, axis=1)
            expect_countable(series[..., len(SPENT) :])
            self.spent = series[np.arange(len(used)), used - 1]
        reached = self._reached(self.spent) & ~self.over
        if not reached.any():
            return
        crossing = np.flatnonzero(reached & (self.hits[self.active] < 0))
        if len(crossing) > 0:
            each = np.broadcast_to(made, (*optimal.shape, made.shape[-1]))[crossing]
            series = before[crossing][:, None] + np.cumsum(each, axis=1)
            at = np.argmax(self._reached(series), axis=1)
            self.paid[self.active[crossing]] = series[np.arange(len(at)), at]
            self.over[crossing] = ~optimal[crossing, at]

    def hit(self, done: BoolArray, number: IntArray) -> None:
        """Record the active runs that have made the optimum, unless they were over before, or had hit.

        Args:
            done: bool [n].
            number: int [n], of the offspring that was optimal.
        """
        if not done.any():
            return
        counted = np.flatnonzero(done & ~self.over & (self.hits[self.active] < 0))
        self.hits[self.active[counted]] = number[counted]
        self.paid[self.active[counted]] = self.spent[counted]

    def end(self) -> None:
        """Note which runs have reached a limit: after `hit`, for a hit in the generation that reaches it is a hit."""
        reached = self._reached(self.spent)
        if not reached.any():
            return
        crossing = np.flatnonzero(reached & ~self.over)
        if len(crossing) > 0:
            self.over = self.over | reached
            crossing = crossing[self.hits[self.active[crossing]] < 0]  # a traced run may go on after its hit
            self.paid[self.active[crossing]] = self.spent[crossing]

    def keep(self, stay: BoolArray | IntArray) -> None:
        """Go on with some of the active runs, bool [n], or their numbers."""
        for name in ("active", "pointer", "spent", "over"):
            setattr(self, name, getattr(self, name)[stay])

    def note(self, rows: IntArray, call: IntArray, *fitness: FloatArray) -> None:
        """A row of the trace for each of some active runs.

        Args:
            rows: int [r], which of the active runs.
            call: int [r], number of the call that made the improvement.
            fitness: float [r], true fitness; and seen fitness, where evaluators may err.
        """
        if self.tracing and (len(rows) or not self._trace):
            self._trace.append((self.active[rows], call, self.spent[rows], *fitness))

    def counts(self, seconds: FloatArray | None = None) -> RunCounts:
        """What all runs came to."""
        return RunCounts.of(self.hits, self.paid, seconds)

    def trace(self, lam: int | None = None) -> Trace | None:
        """All that was noted, None if it was not asked for; with `lam` up to the last of lam calls a generation."""
        if not self.tracing:
            return None
        run, call, spent, *fitness = (np.concatenate(column) for column in zip(*self._trace, strict=True))
        within = slice(None) if lam is None else call <= lam * self.paid[run, 0]
        true, *seen = (values[within] for values in fitness)
        return Trace(run[within], call[within], true, seen[0] if seen else None, spent[within])

    def _reached(self, spent: IntArray) -> BoolArray:
        """Whether some limit is reached; int [..., columns] -> bool [...]."""
        return any_reached(self.limits, spent[..., 1], spent[..., 2], spent[..., len(SPENT) :])
