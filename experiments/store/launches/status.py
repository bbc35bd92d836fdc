"""How far a results folder is, read while a launch may be at work in it: nothing is written, moved or locked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evo.errors import EvoError
from evo.protocols import IntArray
from experiments.grids.arguments import a_path
from experiments.grids.outside.reading import Damaged, Unsound
from experiments.grids.stopping import Runs, as_runs, kept_batches, most_batches, most_runs
from experiments.store.batches import Batches
from experiments.store.failures import look_at_failures
from experiments.store.files import there
from experiments.store.grid_json import drawn_with, read_grid
from experiments.store.launches.lock import Holder, holder_of
from experiments.store.launches.provenance import damaged_launches, last_launch
from experiments.store.parts import Parts
from experiments.store.results import Unplanned, read_cells


@dataclass(frozen=True)
class Starting:
    """A results folder that a launch has only begun to fill.

    Attributes:
        path: the folder.
        driver: the launch.
    """

    path: Path
    driver: Holder

    @property
    def title(self) -> str:
        """What it is."""
        return f"a grid that is starting, in {self.path}"

    def lines(self) -> list[tuple[str, str]]:
        """What to show: a name and its value in words."""
        return [("launch", f"starting: {self.driver}")]


@dataclass(frozen=True)
class Planned:
    """A results folder whose launch was ended while it planned.

    Attributes:
        path: the folder.
        grid: what grid.json says.
    """

    path: Path
    grid: Mapping[str, Any]

    @property
    def title(self) -> str:
        """What it is."""
        return f"{self.grid['name']}, in {self.path}"

    def lines(self) -> list[tuple[str, str]]:
        """What to show: a name and its value in words."""
        cells = f"{self.grid['cells']:,} cell{'' if self.grid['cells'] == 1 else 's'}"
        so = f"planned, not begun: a launch was ended before the {cells} were predicted; run the grid again to go on"
        return [("launch", so)]


@dataclass(frozen=True)
class Status:
    """How far a results folder is.

    Attributes:
        path: the folder.
        grid: what grid.json says.
        cells: cells of which all batches are there.
        batches: finished batches, of those the grid asks for.
        of_batches: batches the grid asks for; the most that a stopping rule may need, in cells where it is undecided.
        runs: runs in finished batches, of those the grid asks for; those that several cells share count once.
        of_runs: runs the grid asks for, or at the most.
        made: runs in these batches: the last one of a cell is run whole and may hold more than the grid asks for.
        driver: the launch at work; None if there is none.
        written: when a part was last written, in seconds since 1970; None if none was.
        damaged: damaged files that the next launch sets aside.
        strays: batches of no cell of the grid, such as those of an earlier one.
        set_aside: files in `damaged/`.
        contradiction: why the parts contradict each other; empty if they do not.
        failed: batches of the grid that failed and were not run again since.
        last: how the last launch ended, in words; empty while one is at work, or if nothing was written of any.
    """

    path: Path
    grid: Mapping[str, Any]
    cells: int
    batches: int
    of_batches: int
    runs: int
    of_runs: int
    made: int
    driver: Holder | None
    written: float | None
    damaged: list[Damaged]
    strays: int
    set_aside: int
    contradiction: str
    failed: int
    last: str

    @property
    def title(self) -> str:
        """What it is."""
        return f"{self.grid['name']}, in {self.path}"

    def lines(self) -> list[tuple[str, str]]:
        """What to show: a name and its value in words."""
        up_to = "up to " if self.cells < self.grid["cells"] and isinstance(self.grid["runs"], str) else ""
        shown = [
            ("cells done", f"{self.cells:,} of {self.grid['cells']:,}"),
            ("batches done", f"{self.batches:,} of {up_to}{self.of_batches:,}"),
            ("runs", f"{self.runs:,} of {up_to}{self.of_runs:,}{self._more()}"),
            *([("failed", self._failed())] if self.failed else []),
            ("launch", "none at work" if self.driver is None else f"at work: {self.driver}"),
            *([("last launch", self.last)] if self.last else []),
            ("last write", "none" if self.written is None else _ago(self.written)),
            *([("not counted", f"{self.strays:,} batches of no cell of this grid")] if self.strays else []),
            ("damaged", self._damage()),
        ]
        return shown + ([("error", self.contradiction)] if self.contradiction else [])

    def _more(self) -> str:
        return f"; {self.made:,} made, since batches are run whole" if self.made > self.runs else ""

    def _failed(self) -> str:
        return f"{self.failed:,} {'batch' if self.failed == 1 else 'batches'}; --retry-failed runs only what failed"

    def _damage(self) -> str:
        found = [f"{part.file.name}: {part.why}" for part in self.damaged]
        if found:
            found.append("the next launch sets them aside and computes their batches anew")
        if self.set_aside:
            found.append(f"{self.set_aside} set aside in {self.path / 'damaged'}")
        return "; ".join(found) or "none"


def status(path: Path | str) -> Status | Starting | Planned:
    """How far a results folder is.

    `Starting` while a launch at work in it has not written its cells, `Planned` if it was ended before that.

    Raises: InputError if the folder is not one of ours; StoreError if it cannot be read.
    """
    path = a_path("status", path)
    driver = holder_of(path)  # before the parts: what a driver writes while it leaves is counted
    try:
        grid = read_grid(path)
        cells = read_cells(path, grid)
    except EvoError as error:
        driver = driver or holder_of(path)
        if driver is not None:
            return Starting(path, driver)
        if isinstance(error, Unplanned):
            return Planned(path, grid)
        raise
    asked = as_runs(grid["runs"])
    parts = Parts(path, drawn_with(grid))
    found = Batches.read(parts, hits=not isinstance(asked, int))
    failures, damaged = look_at_failures(path)
    damaged = [*found.damaged, *damaged, *damaged_launches(path)]
    contradiction = ""
    try:
        found.expect_no_contradiction()
    except EvoError as error:
        contradiction, found = str(error), replace(found, file={})
    cells_of = cells["sample"].value_counts()
    held: dict[str, set[int]] = {sample: set() for sample in cells_of.index}
    for sample, batch in found.file:
        if sample in held:
            held[sample].add(batch)
    hits = found.hits or {}
    counted = {
        sample: _counted(asked, found.size[sample], numbers, hits.get(sample, {}))
        for sample, numbers in held.items()
        if numbers
    }
    times = [when for file in parts.files() if (when := _modified(file)) is not None]
    aside = path / "damaged"
    return Status(
        path=path,
        grid=grid,
        cells=sum(int(cells_of[sample]) for sample, each in counted.items() if each.done),
        batches=sum(each.batches for each in counted.values()),
        of_batches=int(grid["batches"]) - sum(each.spared_batches for each in counted.values()),
        runs=sum(each.runs for each in counted.values()),
        of_runs=len(cells_of) * most_runs(asked) - sum(each.spared_runs for each in counted.values()),
        made=sum(each.batches * found.size[sample] for sample, each in counted.items()),
        driver=driver,
        written=max(times, default=None),
        damaged=damaged,
        strays=sum(sample not in held for sample, _ in found.file),
        set_aside=len(list(aside.iterdir())) if there(aside) else 0,
        contradiction=contradiction,
        failed=sum(key[0] in held and key not in found.file for key in failures),
        last=_ended(path) if driver is None else "",
    )


@dataclass(frozen=True)
class _Counted:
    """How far one cell is: its batches and runs, and those that a stopping rule has spared."""

    done: bool
    batches: int
    runs: int
    spared_batches: int = 0
    spared_runs: int = 0


def _counted(asked: Runs, size: int, numbers: set[int], hits: Mapping[int, IntArray]) -> _Counted:
    """Count the runs of a cell, whose batches are always stored whole.

    Args:
        asked: of the grid.
        size: runs a batch.
        numbers: of the batches that are there.
        hits: of these; of no matter where a number of runs is asked for.
    """
    most, cap = most_runs(asked), most_batches(asked, size)
    kept = kept_batches(asked, [hits.get(batch) for batch in range(min(cap, len(hits)))], size)
    needed = cap if kept is None else kept
    found = sum(batch < needed for batch in numbers)
    runs = min(found * size, most)
    if kept is None or found < needed:
        return _Counted(False, found, runs)
    return _Counted(True, found, runs, cap - kept, most - runs)


def _ended(path: Path) -> str:
    """How the last launch ended, in words; empty if nothing was written of any."""
    try:
        launch = last_launch(path)
    except (OSError, Unsound):  # told as damaged
        return ""
    if launch is None:
        return ""
    how, started, ended = (launch.get(name) for name in ("how", "started", "ended"))
    if how is None:
        return f"did not end: it was killed; it began {started}"
    return f"{how}, {ended}"


def _modified(file: Path) -> float | None:
    try:
        return file.lstat().st_mtime
    except FileNotFoundError:
        return None


def _ago(when: float) -> str:
    seconds = max(0, round(time.time() - when))
    word = next(
        (f"{seconds // size} {unit}" for size, unit in ((86400, "d"), (3600, "h"), (60, "min")) if seconds >= size),
        f"{seconds} s",
    )
    return f"{datetime.fromtimestamp(when, UTC).isoformat(timespec='seconds')} ({word} ago)"
