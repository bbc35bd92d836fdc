"""The batches of one cell: which to run next, and which of those that came back belong to the table."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

import numpy as np

from evo.protocols import IntArray
from experiments.grids.any_cell import AnyCell
from experiments.grids.stopping import StoppingRule, most_batches
from experiments.running.tasks import Done


class CellQueue(Protocol):
    """The batches of one cell.

    Attributes:
        cell: the cell.
        size: runs a batch.
        expected: seconds a batch is expected to take.
        measured: seconds a batch took at last; None before the first.
    """

    cell: AnyCell
    size: int
    expected: float
    measured: float | None

    @property
    def has_next(self) -> bool:
        """Whether a batch can be sent now."""
        ...

    @property
    def left(self) -> int:
        """Batches that have not come back, at the most."""
        ...

    @property
    def whole(self) -> bool:
        """Whether all batches are there."""
        ...

    @property
    def needed(self) -> int:
        """Batches that the table will have, at the most."""
        ...

    def next(self) -> int:
        """The next batch to run."""
        ...

    def received(self, done: Done) -> list[Done]:
        """What belongs to the table from now on."""
        ...

    def failed(self, batch: int) -> None:
        """A batch that will not come."""
        ...


class FixedQueue:
    """A number of batches that is known beforehand; a `CellQueue`.

    Args:
        cell: the cell.
        size: runs a batch.
        expected: seconds a batch is expected to take.
        batches: those to run.
        missing: how many are not there, these and those that failed.
        needed: all.
    """

    def __init__(
        self, cell: AnyCell, size: int, expected: float, batches: Iterable[int], missing: int, needed: int
    ) -> None:
        self.cell, self.size, self.expected = cell, size, expected
        self.measured: float | None = None
        self._to_send = deque(batches)
        self._missing, self.needed = missing, needed
        self.left = len(self._to_send)

    @property
    def has_next(self) -> bool:
        """Whether a batch can be sent now."""
        return bool(self._to_send)

    @property
    def whole(self) -> bool:
        """Whether all batches are there."""
        return self._missing == 0

    def next(self) -> int:
        """The next batch to run."""
        return self._to_send.popleft()

    def received(self, done: Done) -> list[Done]:
        """It belongs to the table."""
        self.measured = done.seconds
        self.left, self._missing = self.left - 1, self._missing - 1
        return [done]

    def failed(self, batch: int) -> None:
        """A batch that will not come."""
        self.left -= 1


class RuledQueue:
    """Batches until a rule has enough; a `CellQueue`.

    The rule is asked after each batch in number order. Batches that came back wait for those before them, and those
    that were sent ahead in vain are dropped: so the table does not depend on the order in which they finish.

    Args:
        cell: the cell.
        size: runs a batch.
        expected: seconds a batch is expected to take.
        rule: the rule.
        there: hits of the batches that are there, int64 [size] each, -1 where a run is censored.
        leave_out: batches that are not to run; without them the rule cannot be asked further.
        ahead: batches that may be on their way before it is known whether they are needed.
    """

    def __init__(
        self,
        cell: AnyCell,
        size: int,
        expected: float,
        rule: StoppingRule,
        there: Mapping[int, IntArray],
        leave_out: Collection[int],
        ahead: int,
    ) -> None:
        self.cell, self.size, self.expected = cell, size, expected
        self.measured: float | None = None
        self._rule, self._cap = rule, most_batches(rule, size)
        self._there, self._stopped_by = dict(there), set(leave_out)
        self._ahead, self._sent = ahead, 0
        self._held: dict[int, Done] = {}
        self._hits = np.empty(0, dtype=np.int64)
        self.batches = 0
        self.whole = False
        self._settle()

    @property
    def runs(self) -> int:
        """Runs in the batches that the rule has looked at, within the cap."""
        return min(self.batches * self.size, self._rule.most)

    @property
    def has_next(self) -> bool:
        """Whether a batch can be sent now."""
        self._sent = max(self._sent, self.batches)
        while self._sent in self._there:
            self._sent += 1
        blocked = any(batch <= self._sent for batch in self._stopped_by)
        return not (self.whole or blocked) and self._sent < min(self._cap, self.batches + self._ahead)

    @property
    def needed(self) -> int:
        """Batches that the table will have, at the most."""
        return self.batches if self.whole else self._cap

    @property
    def left(self) -> int:
        """Batches that have not come back, at the most."""
        return 0 if self.whole else max(0, min(self._stopped_by, default=self._cap) - self.batches)

    def next(self) -> int:
        """The next batch to run."""
        self._sent += 1
        return self._sent - 1

    def received(self, done: Done) -> list[Done]:
        """Those whose turn it is now, in number order."""
        self.measured = done.seconds
        if not self.whole:
            self._held[done.job.batch] = done
        return self._settle()

    def failed(self, batch: int) -> None:
        """A batch that will not come: the rule cannot be asked further."""
        self._stopped_by.add(batch)

    def _settle(self) -> list[Done]:
        kept: list[Done] = []
        while not self.whole:
            done = self._held.pop(self.batches, None)
            if done is not None:
                kept.append(done)
                hits = done.columns["hit"]
            elif self.batches in self._there:
                hits = self._there.pop(self.batches)
            else:
                return kept
            self._hits = np.concatenate((self._hits, hits))
            self.batches += 1
            self.whole = self.batches == self._cap or self._rule.enough(self._hits)
        self._held.clear()
        return kept
