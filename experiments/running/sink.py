"""Where finished batches go: into a results folder, or into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from experiments.running.tasks import Done
from experiments.store.failures import FailedBatch
from experiments.store.store import Store
from experiments.store.table import Batch, runs_table

if TYPE_CHECKING:
    import pandas as pd


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


class IntoMemory:
    """Keeps all rows.

    Attributes:
        rows_held: none that would have to be written.
    """

    def __init__(self) -> None:
        self.rows_held = 0
        self._batches: list[Batch] = []

    def add(self, done: Done) -> None:
        """Keep a finished batch."""
        self._batches.append(_batch(done))

    def failed(self, failed: FailedBatch) -> None:
        """Nothing: the launch itself tells of it."""

    def write(self) -> None:
        """Nothing: there is no place."""

    def rows(self) -> pd.DataFrame:
        """All rows."""
        return runs_table(self._batches)


class IntoStore:
    """Writes parts of a results folder.

    Attributes:
        rows_held: rows that are not written yet.
        path: the folder.
    """

    def __init__(self, store: Store) -> None:
        self.rows_held, self.path = 0, store.path
        self._store = store
        self._batches: list[Batch] = []

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


def _batch(done: Done) -> Batch:
    return done.job.cell.id, done.job.engine, done.job.batch, done.columns
