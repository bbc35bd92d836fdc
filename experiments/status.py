"""How far a results folder is, read while a launch may be at work in it: nothing is written, moved or locked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo.errors import EvoError
from experiments.folder_lock import Holder, holder_of
from experiments.grid_json import read_grid
from experiments.run_parts import Damaged, read_parts
from experiments.store import Results, read_cells
from experiments.table import no_runs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Status:
    """How far a results folder is.

    Attributes:
        path: the folder.
        grid: what grid.json says.
        cells: cells of which all batches are there.
        batches: finished batches, of those the grid asks for.
        of_batches: batches the grid asks for; None if an older folder does not say and a part of others is not found.
        runs: runs in finished batches, of those the grid asks for.
        driver: the launch at work; None if there is none.
        written: when a part was last written, in seconds since 1970; None if none was.
        damaged: damaged parts that the next launch sets aside.
        set_aside: files in `damaged/`.
        contradiction: why the parts contradict each other; empty if they do not.
    """

    path: Path
    grid: Mapping[str, Any]
    cells: int
    batches: int
    of_batches: int | None
    runs: int
    driver: Holder | None
    written: float | None
    damaged: list[Damaged]
    set_aside: int
    contradiction: str

    def lines(self) -> list[tuple[str, str]]:
        """What to show: a name and its value in words."""
        of_runs = self.grid["cells"] * self.grid["runs"]
        of_batches = "an unknown number" if self.of_batches is None else f"{self.of_batches:,}"
        shown = [
            ("cells done", f"{self.cells:,} of {self.grid['cells']:,}"),
            ("batches done", f"{self.batches:,} of {of_batches}"),
            ("runs", f"{self.runs:,} of {of_runs:,}"),
            ("launch", "none at work" if self.driver is None else f"at work: {self.driver}"),
            ("last write", "none" if self.written is None else _ago(self.written)),
            ("damaged", self._damage()),
        ]
        return shown + ([("error", self.contradiction)] if self.contradiction else [])

    def _damage(self) -> str:
        found = [f"{part.file.name}: {part.why}" for part in self.damaged]
        if found:
            found.append("the next launch sets them aside and computes their batches anew")
        if self.set_aside:
            found.append(f"{self.set_aside} set aside in {self.path / 'damaged'}")
        return "; ".join(found) or "none"


def status(path: Path | str) -> Status:
    """How far a results folder is.

    Raises: InputError if the folder is not one of ours; StoreError if it cannot be read.
    """
    path = Path(path)
    grid, cells = read_grid(path), read_cells(path)
    driver = holder_of(path)  # before the parts: what a driver writes while it leaves is counted
    parts = read_parts(path)
    contradiction = ""
    try:
        runs = parts.rows
    except EvoError as error:
        contradiction, runs = str(error), no_runs()
    runs = runs[runs["cell"].isin(cells.index)]
    sizes = runs.groupby(["cell", "batch"]).size()  # a batch is always stored whole
    done = there = counted = 0
    for _, of_cell in sizes.groupby("cell"):
        size = int(of_cell.iloc[0])
        needed = -(-grid["runs"] // size)
        found = int((of_cell.index.get_level_values("batch") < needed).sum())
        there += found
        done += found == needed
        counted += min(found * size, grid["runs"])
    times = [when for file in (path / "runs").glob("part-*.parquet") if (when := _modified(file)) is not None]
    aside = path / "damaged"
    return Status(
        path=path,
        grid=grid,
        cells=done,
        batches=there,
        of_batches=_of_batches(path, grid, cells),
        runs=counted,
        driver=driver,
        written=max(times, default=None),
        damaged=parts.damaged,
        set_aside=len(list(aside.iterdir())) if aside.is_dir() else 0,
        contradiction=contradiction,
    )


def _of_batches(path: Path, grid: dict[str, Any], cells: pd.DataFrame) -> int | None:
    """Batches of the grid; of folders of earlier versions, which do not say, from the texts of the cells."""
    if "batches" in grid:
        return int(grid["batches"])
    results = Results(grid, cells, no_runs(), path)
    try:
        sizes = [results.cell(cell).batch_size(grid["batch"]) for cell in cells.index]
    except EvoError:
        return None
    return sum(-(-int(grid["runs"]) // size) for size in sizes)


def _modified(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return None


def _ago(when: float) -> str:
    seconds = max(0, round(time.time() - when))
    word = next(
        (f"{seconds // size} {unit}" for size, unit in ((86400, "d"), (3600, "h"), (60, "min")) if seconds >= size),
        f"{seconds} s",
    )
    return f"{datetime.fromtimestamp(when, UTC).isoformat(sep=' ', timespec='seconds')} ({word} ago)"
