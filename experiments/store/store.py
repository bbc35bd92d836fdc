"""The results folder: what was run, and the table of runs, as files that are written whole or not at all.

    results/<name>/grid.json        the grid as it was run, and where its third-party parts came from
    results/<name>/provenance.json  versions, platform, command and times of each launch
    results/<name>/cells.parquet    a row a cell, with what was predicted of it; see `experiments.store.predictions`
    results/<name>/runs/*.parquet   a row a run, parts of finished batches; see `experiments.store.files`
    results/<name>/failures/*.json  batches that failed; see `experiments.store.failures`
    results/<name>/damaged/         parts that were truncated or altered, set aside by the next launch
    results/<name>/driver.lock      while a launch is at work; see `experiments.store.lock`

Every later stage reads only this folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from evo.errors import InputError
from experiments.grids.cell import Cell
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid
from experiments.store.batches import Batches
from experiments.store.failures import FOLDER, FailedBatch, forget_failure, read_failures, write_failure
from experiments.store.files import StoreError, move, write_parquet, write_part, write_text
from experiments.store.grid_json import check_same, grid_record, held_origins, read_grid
from experiments.store.lock import LOCK, FolderLock
from experiments.store.other_budgets import rows_of_other_budgets
from experiments.store.parts import Damaged, Parts, read_table
from experiments.store.predictions import kept_predictions, predictions_table
from experiments.store.provenance import write_launch
from experiments.store.table import BatchKey
from experiments.store.third_party import Origin, merged, origins

if TYPE_CHECKING:
    import pandas as pd

OLD = 3600.0
"""Seconds after which an unfinished file is a leftover, where no lock tells that nobody is writing it."""


class Store:
    """A results folder that is being written, by one driver at a time; use as a context manager, or `close` it.

    Attributes:
        path: the folder.
        accepted: names of third-party parts whose source has changed since earlier runs, where the user accepted that.
        told: what the user should know: parts that were set aside, locks that this disk does not offer.
        parts: the parts of the table of runs.
    """

    def __init__(self, path: Path, lock: FolderLock) -> None:
        self.path, self.parts = path, Parts(path)
        self.accepted: list[str] = []
        self.told = [f"{path}: {lock.missing}; start no second launch into this folder"] if lock.missing else []
        self._lock = lock

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others write."""
        self._lock.release()

    @classmethod
    def open(
        cls,
        path: Path,
        grid: Grid,
        accept_changed_code: bool = False,
        predicting: Callable[[Cell, int, int], None] = lambda cell, done, of: None,
    ) -> Store:
        """Create the folder for a grid, or take up the one that is there.

        Args:
            path: the folder.
            grid: the grid.
            accept_changed_code: whether to add to runs of third-party parts whose source has changed since.
            predicting: called with each cell that is to be predicted, how many were before it, and of how many.

        Raises: InputError if the folder holds something else, a grid with another seed, batch or engine, or runs of
        third-party parts whose source has changed; StoreError if it cannot be written or another driver is at work.
        """
        described = grid_record(grid)
        with _writing(path):
            _held(path, described)  # before anything is made in a folder of something else
            path.mkdir(parents=True, exist_ok=True)
            store = cls(path, FolderLock.take(path))
            try:
                store._take_up(grid, described, accept_changed_code, predicting)
            except BaseException:
                store.close()
                raise
        return store

    def _take_up(
        self,
        grid: Grid,
        described: dict[str, Any],
        accept_changed_code: bool,
        predicting: Callable[[Cell, int, int], None],
    ) -> None:
        parts, self.accepted = merged(_held(self.path, described), origins(grid.cells))
        if self.accepted and not accept_changed_code:
            raise _changed_code(self.path, self.accepted)
        if parts:
            described["parts"] = {name: asdict(origin) for name, origin in parts.items()}
        for leftover in self.path.glob("**/*.tmp"):
            if not self._lock.missing or time.time() - leftover.stat().st_mtime > OLD:
                leftover.unlink()
        write_text(self.path / "grid.json", json.dumps(described, indent=1) + "\n")
        held = read_table(self.path / "cells.parquet", ("cell", "text"))
        kept = {} if isinstance(held, Damaged) else kept_predictions(held)
        cells = cells_table(grid).join(predictions_table(grid.cells, kept, predicting))
        write_parquet(self.path / "cells.parquet", cells.reset_index())
        (self.path / "runs").mkdir(exist_ok=True)

    def batches(self, grid: Grid) -> Batches:
        """The batches that are there, for a stopping rule with their hits.

        Damaged parts are moved to `damaged/`, which is `told`.

        Raises: StoreError if parts contradict each other, or cannot be read or moved.
        """
        found = Batches.read(self.parts, hits=not isinstance(grid.runs, int))
        for damaged in found.damaged:
            with _writing(self.path):
                target = move(damaged.file, self.path / "damaged")
            self.told.append(f"{damaged}; set aside as {target}, its batches are computed anew")
        found.expect_no_contradiction()
        return found

    def take_over(self, grid: Grid, found: Batches) -> int:
        """Write the batches that other budgets left (`experiments.store.other_budgets`), into `found`, too; how many.

        Raises: StoreError.
        """
        changed = [name for name, origin in held_origins(read_grid(self.path)).items() if origin.earlier]
        before = len(found.file)
        for rows in rows_of_other_budgets(grid, found, changed):
            found.written(self.add(rows))
        return len(found.file) - before

    def add(self, rows: pd.DataFrame) -> Path:
        """Write finished batches as one part; its file.

        Raises: StoreError, for example if the disk is full; what was written before stays.
        """
        with _writing(self.path):
            file = write_part(self.path / "runs", rows)
        self.parts.written(file)
        return file

    def failures(self) -> dict[BatchKey, FailedBatch]:
        """The batches that failed before and are not there, by sample and batch."""
        return read_failures(self.path)

    def note_failure(self, failed: FailedBatch) -> None:
        """Remember a batch that failed.

        Raises: StoreError.
        """
        with _writing(self.path):
            write_failure(self.path, failed)

    def forget_failures(self, keys: Iterable[BatchKey]) -> None:
        """Forget failures of batches that are there now."""
        if (self.path / FOLDER).is_dir():
            for key in keys:
                forget_failure(self.path, key)

    def note(self, launch: dict[str, Any], instead_of: dict[str, Any] | None = None) -> None:
        """Append a launch to the provenance, or put it in the place of its earlier entry.

        Raises: StoreError.
        """
        with _writing(self.path):
            write_launch(self.path, launch, instead_of)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Tell of a folder that cannot be written; StoreError instead of OSError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path}: cannot write results ({error}); what was finished before is kept, run again to go on"
        ) from None


def _held(path: Path, described: dict[str, Any]) -> dict[str, Origin]:
    """Where the third-party parts in a folder came from; none if it holds nothing but leftovers of a killed launch."""
    if not path.exists() or (path.is_dir() and all(_is_leftover(file) for file in path.iterdir())):
        return {}
    before = read_grid(path)
    check_same(path, before, described)
    return held_origins(before)


def _is_leftover(file: Path) -> bool:
    return file.suffix == ".tmp" or file.name == LOCK


def _changed_code(path: Path, names: list[str]) -> InputError:
    return InputError(
        f"{path}: the source of {', '.join(names)} has changed since the runs in it were made; choose another folder "
        "with --out, or go on with --accept-changed-code (in Python run_grid(..., accept_changed_code=True)), which is "
        "noted"
    )
