"""The results folder: what was run, and the table of runs, as files that are written whole or not at all.

    results/<name>/grid.json        the grid as it was run, and where its third-party parts came from
    results/<name>/provenance.json  versions, platform, command and times of each launch
    results/<name>/cells.parquet    a row a cell, with what was predicted of it; see `experiments.store.predictions`
    results/<name>/runs/*.parquet   a row a run, parts of finished batches; see `experiments.store.files`
    results/<name>/failures/*.json  batches that failed; see `experiments.store.failures`
    results/<name>/damaged/         parts that were truncated or altered, set aside by the next launch
    results/<name>/driver.lock      while a launch is at work; see `experiments.store.launches.lock`

Every later stage reads only this folder.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from evo.errors import InputError
from evo.foreign import foreign
from evo.text import type_name
from experiments.grids.any_cell import AnyCell
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid
from experiments.grids.outside.reading import Damaged, Unsound
from experiments.store.batches import Batches
from experiments.store.failures import FOLDER, FailedBatch, forget_failure, look_at_failures, write_failure
from experiments.store.files import StoreError, leftovers, move, own_folder, write_json, write_parquet, write_part
from experiments.store.grid_json import check_same, drawn_with, grid_record, held_origins, read_grid
from experiments.store.launches.lock import LOCK, FolderLock, is_ours
from experiments.store.launches.provenance import damaged_launches, other_versions, write_launch
from experiments.store.other_budgets import rows_of_other_budgets
from experiments.store.parts import Parts
from experiments.store.predictions import kept_predictions, predictions_table
from experiments.store.table import BatchKey, numbered
from experiments.store.third_party.origins import Origin, compared, origins
from experiments.store.third_party.recorded import record
from experiments.store.verify.cells import read_cells_file
from experiments.store.verify.names import is_temporary

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

    def __init__(self, path: Path, lock: FolderLock, drawn: str) -> None:
        self.path, self.parts, self._drawn = path, Parts(path, drawn), drawn
        self.accepted: list[str] = []
        self.told = [f"{path}: {lock.missing}; start no second launch into this folder"] if lock.missing else []
        self._lock = lock
        self._written: list[Path] = []

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
        predicting: Callable[[AnyCell, int, int], None] = lambda cell, done, of: None,
    ) -> Store:
        """Create the folder for a grid, or take up the one that is there.

        Args:
            path: the folder.
            grid: the grid.
            accept_changed_code: whether to add to runs of third-party parts whose source has changed since.
            predicting: called with each cell that is to be predicted, how many were before it, and of how many.

        Raises: InputError if the folder holds something else, a grid with another seed, batch or engine, or runs of
        third-party parts whose source has changed, or would hold parts that no later reader can name; StoreError if it
        cannot be written or another driver is at work.
        """
        _expect_readable(path, grid)
        if path.is_symlink() and not path.exists():
            raise InputError(
                f"{path}: expected a folder, got a link that leads to none; remove it or choose another --out"
            )
        described = grid_record(grid)
        with _writing(path):
            _held(path, described)  # before anything is made in a folder of something else
            path.mkdir(parents=True, exist_ok=True)
            store = cls(path, FolderLock.take(path), drawn_with(described))
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
        predicting: Callable[[AnyCell, int, int], None],
    ) -> None:
        begun = (self.path / "grid.json").exists()
        now, unseen = origins(grid.cells)
        both = compared(_held(self.path, described), now)
        if both.changed and not accept_changed_code:
            raise _changed_code(self.path, both.changed)
        self.accepted = list(both.changed)
        self.told += [f"{self.path}: {words}" for words in (*both.told, *other_versions(self.path))] + unseen
        if both.origins:
            described["parts"] = {name: asdict(origin) for name, origin in both.origins.items()}
        for folder in (self.path, self.path / "runs", self.path / FOLDER):
            for leftover in leftovers(folder):
                if not self._lock.missing or time.time() - leftover.lstat().st_mtime > OLD:
                    leftover.unlink()
        if not begun:  # says what is being planned, which may take long
            write_json(self.path / "grid.json", described)
        compared_with_laws = grid.engine != "law"  # whose runs are no evidence, and whose grids may be large
        known = predictions_table(grid.cells, self._kept(), predicting, compared_with_laws)
        cells = cells_table(grid).join(known)
        write_json(self.path / "grid.json", described)
        write_parquet(self.path / "cells.parquet", cells.reset_index())
        own_folder(self.path / "runs")
        if hindered := record(self.path, now):
            self.told.append(hindered)

    def _kept(self) -> dict[str, dict[str, Any]]:
        """What was predicted before, by the text of a cell; a damaged table of cells is written anew, which is told."""
        file = self.path / "cells.parquet"
        try:
            return kept_predictions(read_cells_file(file))
        except FileNotFoundError:
            return {}
        except Unsound as error:
            self.told.append(f"{file}: {error}; written anew")
            return {}

    def batches(self, grid: Grid) -> Batches:
        """The batches that are there, for a stopping rule with their hits.

        Damaged parts, failures and records of launches are moved to `damaged/`, which is `told`.

        Raises: StoreError if parts contradict each other, or cannot be read or moved.
        """
        found = Batches.read(self.parts, hits=not isinstance(grid.runs, int))
        for damaged in found.damaged:
            self._set_aside(damaged, "its batches are computed anew")
        for damaged in look_at_failures(self.path)[1]:
            self._set_aside(damaged, "its batch is tried again")
        for damaged in damaged_launches(self.path):
            self._set_aside(damaged, "launches are written down from here on")
        found.expect_no_contradiction()
        return found

    def _set_aside(self, damaged: Damaged, so: str) -> None:
        with _writing(self.path):
            target = move(damaged.file, self.path / "damaged")
        self.told.append(f"{damaged}; set aside as {target}, {so}")

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

        Args:
            rows: at most `outside.bounds.PART_ROWS`, of whole batches.

        Raises: StoreError, for example if the disk is full; what was written before stays.
        """
        with _writing(self.path):
            file = write_part(own_folder(self.path / "runs"), numbered(rows), self._drawn)
        self.parts.written(file)
        self._written.append(file)
        return file

    def expect_written(self) -> None:
        """See whether the parts that this launch wrote are all there.

        Raises: StoreError if somebody else has removed some.
        """
        gone = [file for file in self._written if not file.exists()]
        if gone:
            raise StoreError(
                f"{gone[0]}: this part, which the launch has written, is gone (parts gone: {len(gone)} of "
                f"{len(self._written)}); somebody else has removed it, run again to compute what it held"
            )

    def failures(self) -> dict[BatchKey, FailedBatch]:
        """The batches that failed before and are not there, by sample and batch."""
        return look_at_failures(self.path)[0]

    def note_failure(self, failed: FailedBatch) -> None:
        """Remember a batch that failed.

        Raises: StoreError.
        """
        with _writing(self.path):
            write_failure(self.path, failed)

    def forget_failures(self, keys: Iterable[BatchKey]) -> None:
        """Forget failures of batches that are there now."""
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


def _expect_readable(path: Path, grid: Grid) -> None:
    """Expect parts whose names can be read back: those of classes in a function are no Python.

    Raises: InputError.
    """
    for name in dict.fromkeys(type_name(kind) for cell in grid.cells for kind in foreign(cell)):
        try:
            ast.parse(f"{name}()", mode="eval")
        except (SyntaxError, ValueError):
            raise InputError(
                f"{path}: expected classes at the top level of a module, which readers of the folder find by their "
                f"names, got {name!a:.200}; move it there, or run without a folder"
            ) from None


def _held(path: Path, described: dict[str, Any]) -> dict[str, Origin]:
    """Where the third-party parts in a folder came from; none if it holds nothing but leftovers of a killed launch."""
    if not path.exists() or (path.is_dir() and all(_is_leftover(file) for file in path.iterdir())):
        return {}
    before = read_grid(path)
    check_same(path, before, described)
    return held_origins(before)


def _is_leftover(file: Path) -> bool:
    return is_temporary(file.name) or (file.name == LOCK and is_ours(file))


def _changed_code(path: Path, changed: Mapping[str, str]) -> InputError:
    words = ". ".join(f"{name} has changed since the runs in it were made: {how}" for name, how in changed.items())
    return InputError(
        f"{path}: {words}; choose another folder with --out, or go on with --accept-changed-code (in Python "
        "run_grid(..., accept_changed_code=True)), which is noted"
    )
