"""The results folder: what was run, and the table of runs, as files that are written whole or not at all.

    results/<name>/grid.json        the grid as it was run, and where parts of others in it are from
    results/<name>/provenance.json  versions, platform, command and times of each launch
    results/<name>/cells.parquet    a row a cell
    results/<name>/runs/*.parquet   a row a run, parts of finished batches; see `experiments.whole_files`
    results/<name>/damaged/         parts that were truncated or altered, set aside by the next launch
    results/<name>/driver.lock      while a launch is at work; see `experiments.folder_lock`

Every later stage reads only this folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from evo.errors import InputError
from evo.ledger import LEDGER
from experiments.cell import Cell
from experiments.folder_lock import NAME as LOCK
from experiments.folder_lock import FolderLock
from experiments.grid import Grid
from experiments.grid_json import check_same, held_origins, read_grid
from experiments.grid_json import describe as describe
from experiments.origins import Origin, merged, origins, recall
from experiments.run_parts import Damaged, parse, read_parts
from experiments.table import KEY, cells_table, priced
from experiments.whole_files import StoreError as StoreError
from experiments.whole_files import move, write_parquet, write_part, write_text

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS = tuple(f"weight.{entry}" for entry in LEDGER)
OLD = 3600.0
"""Seconds after which an unfinished file is a leftover, where no lock tells that nobody is writing it."""


@dataclass(frozen=True)
class Results:
    """The results of a grid.

    Attributes:
        grid: name, runs, seed, batch, engine.
        cells: a row a cell, index `cell` (its id); see `experiments.table.cells_table`.
        runs: a row a run: cell, engine, batch, run, hit (null: censored), generations, the ledger's entries,
            short_calls, seconds (null: read off later), cost.
        path: the folder; None for results that were not written.
        known: cells of this process by their id, whose parts need not be found by name.
    """

    grid: dict[str, Any]
    cells: pd.DataFrame
    runs: pd.DataFrame
    path: Path | None = None
    known: Mapping[str, Cell] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, grid: dict[str, Any], cells: pd.DataFrame, runs: pd.DataFrame, path: Path | None = None) -> Results:
        """Results from their tables: rows in a fixed order, cut to the grid's number of runs a cell, priced."""
        runs = runs[runs["cell"].isin(cells.index)]
        runs = runs.drop_duplicates(KEY).sort_values(KEY, ignore_index=True)
        runs = runs[runs.groupby("cell").cumcount() < grid["runs"]].reset_index(drop=True)
        return cls(grid, cells, priced(runs, cells), path)

    def cell(self, cell_id: str) -> Cell:
        """The cell of an id; parts of others are imported if the grid named them and their source is as it was.

        Raises: InputError if it names a part that is not loaded, not found or has changed.
        """
        if cell_id in self.known:
            return self.known[cell_id]
        text = str(self.cells.loc[cell_id, "text"])
        recall(held_origins(self.grid), text)
        return Cell.parse(text)

    @property
    def table(self) -> pd.DataFrame:
        """One tidy table: the runs with arm, parts (that of the cost as `cost_model`) and parameters of their cells."""
        shown = [name for name in self.cells.columns if name != "text" and not name.startswith("weight.")]
        cells = self.cells[shown].rename(columns={"cost": "cost_model"})  # a run has a cost of its own
        return self.runs.merge(cells, left_on="cell", right_index=True)


class Store:
    """A results folder that is being written, by one driver at a time; use as a context manager, or `close` it.

    Attributes:
        path: the folder.
        accepted: names of parts of others whose source has changed since earlier runs, which was accepted.
        told: what the user should know: parts that were set aside, locks that this disk does not offer.
    """

    def __init__(self, path: Path, lock: FolderLock) -> None:
        self.path = path
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
    def open(cls, path: Path, grid: Grid, accept_changed_code: bool = False) -> Store:
        """Create the folder for a grid, or take up the one that is there.

        Raises: InputError if the folder holds something else, a grid with another seed, batch or engine, or runs of
        parts of others whose source has changed; StoreError if it cannot be written or another driver is at work.
        """
        described = describe(grid)
        try:
            _held(path, described)  # before anything is made in a folder of something else
            path.mkdir(parents=True, exist_ok=True)
            store = cls(path, FolderLock.take(path))
            try:
                store._take_up(grid, described, accept_changed_code)
            except BaseException:
                store.close()
                raise
        except OSError as error:
            raise failure(path, error) from None
        return store

    def _take_up(self, grid: Grid, described: dict[str, Any], accept_changed_code: bool) -> None:
        parts, self.accepted = merged(_held(self.path, described), origins(grid.cells))
        if self.accepted and not accept_changed_code:
            raise _changed_code(self.path, self.accepted)
        if parts:
            described["parts"] = {name: asdict(origin) for name, origin in parts.items()}
        for leftover in self.path.glob("**/*.tmp"):
            if not self._lock.missing or time.time() - leftover.stat().st_mtime > OLD:
                leftover.unlink()
        write_text(self.path / "grid.json", json.dumps(described, indent=1) + "\n")
        write_parquet(self.path / "cells.parquet", cells_table(grid).reset_index())
        (self.path / "runs").mkdir(exist_ok=True)

    def finished(self) -> set[tuple[str, int]]:
        """The batches that are there: (cell id, batch). Damaged parts are moved to `damaged/`, which is `told`.

        Raises: StoreError if parts contradict each other, or cannot be read or moved.
        """
        parts = read_parts(self.path)
        for damaged in parts.damaged:
            try:
                target = move(damaged.file, self.path / "damaged")
            except OSError as error:
                raise failure(self.path, error) from None
            self.told.append(f"{damaged}; set aside as {target}, its batches are computed anew")
        rows = parts.rows
        return set(zip(rows["cell"], rows["batch"].astype(int), strict=True))

    def add(self, rows: pd.DataFrame) -> None:
        """Write finished batches as one part.

        Raises: StoreError, for example if the disk is full; what was written before stays.
        """
        try:
            write_part(self.path / "runs", rows)
        except OSError as error:
            raise failure(self.path, error) from None

    def note(self, launch: dict[str, Any]) -> None:
        """Append a launch to the provenance.

        Raises: StoreError.
        """
        file = self.path / "provenance.json"
        try:
            launches = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
            write_text(file, json.dumps([*launches, launch], indent=1) + "\n")
        except (TypeError, ValueError) as error:
            raise StoreError(f"{file}: expected a JSON list of launches ({error}); remove this file") from None
        except OSError as error:
            raise failure(self.path, error) from None


def failure(path: Path, error: Exception) -> StoreError:
    """What to tell of a folder that cannot be written."""
    return StoreError(f"{path}: cannot write results ({error}); what was finished before is kept, run again to go on")


def load(path: Path | str) -> Results:
    """Read a results folder.

    Raises: InputError if the folder is not one of ours; StoreError if a file in it is damaged or cannot be read.
    """
    path = Path(path)
    grid = read_grid(path)
    cells = read_cells(path)
    if len(cells) != grid["cells"] or not cells.index.is_unique:
        raise StoreError(
            f"{path / 'cells.parquet'}: expected {grid['cells']} different cells, as grid.json says, got {len(cells)}; "
            "run the grid again to write it anew"
        )
    return Results.of(grid, cells, read_runs(path), path)


def read_cells(path: Path) -> pd.DataFrame:
    """The table of cells of a results folder, index `cell`.

    Raises: StoreError naming the file if it cannot be read.
    """
    file = path / "cells.parquet"
    try:
        table = parse(file, file.read_bytes(), ("cell", "arm", "text", *WEIGHTS))
    except OSError as error:
        table = Damaged(file, f"cannot be read ({error})")
    if isinstance(table, Damaged):
        raise StoreError(f"{table}; run the grid again to write it anew")
    return table.set_index("cell")


def read_runs(path: Path) -> pd.DataFrame:
    """All rows in the parts of a results folder, each run once.

    Raises: StoreError naming the parts that are damaged, cannot be read, or contradict each other.
    """
    parts = read_parts(path)
    if parts.damaged:
        raise StoreError(
            "; ".join(str(damaged) for damaged in parts.damaged) + "; run the grid again: it sets aside what is "
            f"damaged, into {path / 'damaged'}, and computes its batches anew"
        )
    return parts.rows


def _held(path: Path, described: dict[str, Any]) -> dict[str, Origin]:
    """The origins of parts that a folder holds, if it is one of the same grid or empty but for a killed launch."""
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
