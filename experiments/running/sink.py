"""Where finished batches go: into a results folder, or into memory."""

from __future__ import annotations

from typing import Protocol

from experiments.grids.grid import Grid
from experiments.running.tasks import Done
from experiments.store.failures import FailedBatch
from experiments.store.results import Results
from experiments.store.store import Store
from experiments.store.table import ComputedBatch, runs_table


class Sink(Protocol):
    """Takes what a launch came to."""

    rows_held: int

    def add(self, done: Done) -> None:
        """Take a finished batch."""
        ...

    def failed(self, failed: FailedBatch) -> None:
        """Take a batch that failed."""
        ...

    def write(self) -> None:
        """Bring what was taken to where it stays."""
        ...

    def results(self, grid: Grid) -> Results:
        """The results of the grid, with what was there before."""
        ...


class IntoMemory:
    """Keeps all rows.

    Attributes:
        rows_held: none that would have to be written.
    """

    def __init__(self) -> None:
        self.rows_held = 0
        self._batches: list[ComputedBatch] = []

    def add(self, done: Done) -> None:
        """Keep a finished batch."""
        self._batches.append(_batch(done))

    def failed(self, failed: FailedBatch) -> None:
        """Nothing: the launch itself tells of it."""

    def write(self) -> None:
        """Nothing: there is no place."""

    def results(self, grid: Grid) -> Results:
        """Results in memory."""
        return Results.of_batches(grid, self._batches)


class IntoStore:
    """Writes parts of a results folder.

    Attributes:
        rows_held: rows that are not written yet.
    """

    def __init__(self, store: Store) -> None:
        self.rows_held, self._store = 0, store
        self._batches: list[ComputedBatch] = []

    def add(self, done: Done) -> None:
        """Hold a finished batch until the next part is written."""
        self._batches.append(_batch(done))
        self.rows_held += done.job.size

    def failed(self, failed: FailedBatch) -> None:
        """Remember a batch that failed."""
        self._store.note_failure(failed)

    def write(self) -> None:
        """Write what is held as one part, and forget that its batches ever failed."""
        if self._batches:
            self._store.add(runs_table(self._batches))
            self._store.forget_failures({(batch[0], batch[2]) for batch in self._batches})
            self._batches, self.rows_held = [], 0

    def results(self, grid: Grid) -> Results:
        """Results in the folder, which are read when they are asked for.

        Raises: StoreError if somebody else has removed what was written.
        """
        self._store.expect_written()
        known = {cell.id: cell for cell in grid.cells}
        return Results.stored(self._store.path, known, parts=self._store.parts)


def _batch(done: Done) -> ComputedBatch:
    return done.job.cell.sample, done.job.engine, done.job.batch, done.columns
