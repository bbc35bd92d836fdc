"""The results of a grid, as all later stages see them: its tables of cells and of runs, in memory or in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import a_path
from experiments.grids.cell_text import foreign_in
from experiments.grids.cells_table import WEIGHTS, cells_table, prices_in
from experiments.grids.grid import Grid
from experiments.grids.labels import labels, lams_of
from experiments.grids.outside.reading import Unsound
from experiments.grids.outside.sheet import Sheet, Told
from experiments.grids.programs.cell import parse_cell
from experiments.grids.stopping import Runs, as_runs
from experiments.predictions.predict import Prediction, predict
from experiments.store.by_cell import RunArrays
from experiments.store.described import heading, sheet
from experiments.store.failures import FailedBatch, read_failures
from experiments.store.files import StoreError
from experiments.store.grid_json import digest_of, drawn_with, grid_record, held_origins, read_grid
from experiments.store.parts import Parts
from experiments.store.predictions import StoredPrediction, split
from experiments.store.rows import Priced, RunTable, read_rows, rows_in_memory, rows_of_batches
from experiments.store.table import ComputedBatch
from experiments.store.third_party.recall import recall
from experiments.store.verify.cells import read_cells_file

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

T = TypeVar("T")


def later(module: str) -> ModuleType:
    """A module of a later stage, which is looked up when results are asked to show themselves by it."""
    return import_module(f"experiments.{module}")


@dataclass(frozen=True, eq=False)
class CellTable:
    """A table of cells that may not be made yet: of a few cells it takes longer than their runs.

    Attributes:
        make: gives the table; called once.
    """

    make: Callable[[], pd.DataFrame]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The table."""
        return self.make()


@dataclass(frozen=True, repr=False)
class Results(Told):
    """The results of a grid.

    Attributes:
        grid: name, runs (a number, or the text of a stopping rule), seed, batch, engine.
        of_cells: the table of cells, which may not be made yet; see `cells`.
        rows: the table of runs, which may not be read yet; see `runs` and `by_cell`.
        path: the folder; None for results that were not written.
        known: cells by their id that need not be parsed: cells of this process, and cells asked for before.
        predictions: what was predicted of the cells when they were run, index `cell`; see
            `experiments.store.predictions`. None for results that were not written.
        imports: whether third-party parts may be imported, as of `experiments.store.third_party.recall`; cells of
            those that are not have only their stored predictions.
    """

    grid: dict[str, Any]
    of_cells: CellTable = field(repr=False)
    rows: RunTable = field(repr=False)
    path: Path | None = None
    known: dict[str, AnyCell] = field(default_factory=dict, repr=False)
    predictions: pd.DataFrame | None = field(default=None, repr=False)
    imports: bool | None = None
    _predicted: dict[tuple[str, str], Prediction | str] = field(default_factory=dict, repr=False)
    _made: dict[tuple[str, ...], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<Results {heading(self)}>"

    def sheet(self) -> Sheet:
        """What `print` says: cells, runs and hits of each arm; the runs are read."""
        return sheet(self)

    def plot(self, along: str | None = None, quantity: str = "cost", ax: Axes | None = None) -> Axes:
        """Measured means with intervals over exact curves, `experiments.plot_growth`.

        Args:
            along: the parameter; the one that varies unless said.
            quantity: "cost", "hit" or "calls".
            ax: where to draw; a new figure's unless said.

        Raises: InputError as `plot_growth`.
        """
        return cast("Axes", later("reports.figures").plot_growth(self, along, quantity, ax))

    def to_latex(self, caption: str = "", label: str = "") -> str:
        """Measured beside predicted, a row a cell, as a table of LaTeX: `experiments.to_latex`."""
        return cast(str, later("reports.papers").to_latex(self, caption, label))

    @classmethod
    def of(cls, grid: dict[str, Any], cells: pd.DataFrame, runs: pd.DataFrame, path: Path | None = None) -> Results:
        """Results from their tables: rows in a fixed order, cut to the runs that the grid keeps of a cell, priced."""
        cells, predictions = split(cells)
        rows = RunTable.made(*rows_in_memory(runs, cells, as_runs(grid["runs"])))
        return cls(grid, CellTable(lambda: cells), rows, path, predictions=predictions)

    @classmethod
    def of_batches(cls, grid: Grid, batches: Sequence[ComputedBatch]) -> Results:
        """Results in memory from batches of a grid as they were computed, each once."""
        cells = grid.cells
        priced = Priced([cell.id for cell in cells], [cell.sample for cell in cells], [cell.prices for cell in cells])
        rows = RunTable.made(*rows_of_batches(batches, priced, grid.runs))
        return cls(
            grid_record(grid), CellTable(partial(cells_table, grid)), rows, known={cell.id: cell for cell in cells}
        )

    @classmethod
    def stored(
        cls,
        path: Path,
        known: Mapping[str, AnyCell] | None = None,
        imports: bool | None = None,
        parts: Parts | None = None,
    ) -> Results:
        """The results in a folder; the runs are read when they are first asked for.

        Args:
            path: the folder.
            known: cells by their id that need not be found by name.
            imports: as of `load`.
            parts: the folder's parts, if some were read before: those are not hashed again.

        Raises: InputError if the folder is not one of ours; StoreError if a file other than its parts is damaged.
        """
        grid = read_grid(path)
        cells, predictions = split(read_cells(path, grid))
        rows = RunTable(partial(read_rows, parts or Parts(path, drawn_with(grid)), cells, as_runs(grid["runs"])))
        return cls(grid, CellTable(lambda: cells), rows, path, dict(known or {}), predictions, imports)

    @property
    def asked(self) -> Runs:
        """How many runs a cell the grid asks for: a number, or its stopping rule."""
        return as_runs(self.grid["runs"])

    @property
    def cells(self) -> pd.DataFrame:
        """A row a cell, index `cell` (its id); see `experiments.grids.cells_table.cells_table`."""
        return self.of_cells.table

    @property
    def runs(self) -> pd.DataFrame:
        """A row a run, in the order of cell, batch, run.

        Columns: cell, engine, batch, run, hit (null: censored), generations, the ledger's entries, seconds
        (null: read off later), cost = ledger @ weights.

        Raises: StoreError naming the parts that are damaged, cannot be read, or contradict each other.
        """
        return self.rows.table

    @property
    def by_cell(self) -> Mapping[str, pd.DataFrame]:
        """The runs of each cell that has some, by its id: slices of `runs`, cut when they are asked for."""
        return self.rows.by_cell

    def numbers(self, cell_id: str) -> RunArrays:
        """The columns of the runs of a cell as arrays, of no length where it has none."""
        return self.rows.by_cell.numbers(cell_id)

    @cached_property
    def failures(self) -> Mapping[str, tuple[FailedBatch, ...]]:
        """By cell id the batches that failed and are not there; none of results that were not written."""
        found: dict[str, tuple[FailedBatch, ...]] = {}
        for (sample, batch), failed in ({} if self.path is None else read_failures(self.path)).items():
            for cell in self.cells.index[self.cells["sample"] == sample]:
                there = self.by_cell.get(cell)
                if there is None or batch not in there["batch"].to_numpy():
                    found[cell] = (*found.get(cell, ()), failed)
        return found

    @cached_property
    def weights(self) -> dict[str, FloatArray]:
        """The prices of each cell's ledger, by its id."""
        return dict(zip(self.cells.index, self.cells[list(WEIGHTS)].to_numpy(dtype=float), strict=True))

    @cached_property
    def prices(self) -> dict[str, dict[str, float]]:
        """The price of each column of the table of runs that has one, by the id of the cell."""
        return dict(zip(map(str, self.cells.index), prices_in(self.cells), strict=True))

    @cached_property
    def labels(self) -> dict[str, str]:
        """What each cell is called beside its k and lam, by its id; see `experiments.grids.labels.labels`."""
        return labels(self.cells)

    def once(self, name: tuple[str, ...], make: Callable[[], T]) -> T:
        """What a later stage makes of the cells and runs, made when it is first asked for under that name."""
        if name not in self._made:
            self._made[name] = make()
        return cast(T, self._made[name])

    def with_cells(self, cells: pd.DataFrame) -> Results:
        """The same results with another table of cells."""
        return replace(self, of_cells=CellTable(lambda: cells))

    def with_runs(self, runs: pd.DataFrame) -> Results:
        """The same results with other runs."""
        return replace(self, rows=RunTable.of(runs, self.rows.strays))

    def cell(self, cell_id: str) -> AnyCell:
        """The cell of an id; third-party parts are imported if they may be and are unchanged.

        Raises: InputError if it names a part that may not be imported, is not found or has changed.
        """
        if cell_id in self.known:
            return self.known[cell_id]
        text = str(self.cells.loc[cell_id, "text"])
        parts = foreign_in(text)
        if self.imports is False and parts:
            raise InputError(f"not imported, as asked for: {', '.join(parts)}")
        for name in parts:
            self.once(("recalled", name), partial(self._recall, name))
        return self.known.setdefault(cell_id, parse_cell(text))

    @cached_property
    def not_imported(self) -> dict[str, str]:
        """Third-party parts that are not there to predict their cells anew, by name, and why."""
        found: dict[str, str] = {}
        for cell_id, text in self.cells["text"].items():
            for name in foreign_in(str(text)) if cell_id not in self.known else ():
                try:
                    if self.imports is False:
                        raise InputError("as asked for")
                    self.once(("recalled", name), partial(self._recall, name))
                except InputError as error:
                    found[name] = str(error)
        return found

    def _recall(self, name: str) -> None:
        recall(self.path or Path(), held_origins(self.grid), name, self.imports is True)

    def predict(self, cell_id: str, quantity: str = "hit") -> Prediction:
        """The prediction of a quantity of a cell, "hit", "calls", "generations" or "cost"; each is made once.

        Raises: NoPrediction with the reason; InputError as `cell`; OperatorError naming a part whose law is none.
        """
        key = cell_id, quantity
        if key not in self._predicted:
            try:
                self._predicted[key] = predict(self.cell(cell_id), quantity)
            except NoPrediction as error:
                self._predicted[key] = str(error)
        found = self._predicted[key]
        if isinstance(found, str):
            raise NoPrediction(found)
        return found

    def prediction(self, cell_id: str) -> StoredPrediction | None:
        """What was predicted of a cell when it was run; None in results of earlier versions, or not written."""
        if self.predictions is None or self.predictions.empty:
            return None
        row = {str(name): value for name, value in self.predictions.loc[cell_id].items()}
        return StoredPrediction.of(row, _lam(self.cells, cell_id))

    @property
    def table(self) -> pd.DataFrame:
        """One tidy table: the runs with arm, parts (that of the cost as `cost_model`) and parameters of their cells."""
        apart = {"text", "sample", *WEIGHTS}
        shown = [name for name in self.cells.columns if name not in apart]
        cells = self.cells[shown].rename(columns={"cost": "cost_model"})  # a run has a cost of its own
        return self.runs.merge(cells, left_on="cell", right_index=True)


def _lam(cells: pd.DataFrame, cell_id: str) -> int:
    """Offspring a generation; 1 of programs, which have none."""
    lam = lams_of(cells)[cell_id]
    return 1 if lam != lam else int(lam)


def load(path: Path | str, imports: bool | None = None) -> Results:
    """Read a results folder.

    Args:
        path: the folder.
        imports: whether third-party parts may be imported to predict their cells anew: None only those that a launch
            of this user has recorded for this folder, True all that it names, False none. Of the others the stored
            predictions are used.

    Raises: InputError if the folder is not one of ours; StoreError if a file in it is damaged or cannot be read.
    """
    results = Results.stored(a_path("load", path), imports=imports)
    _ = results.runs  # read now, so that what is wrong with a part is told here
    return results


class Unplanned(StoreError):
    """A launch into a results folder was ended before it had written its cells."""


def read_cells(path: Path, grid: Mapping[str, Any]) -> pd.DataFrame:
    """The table of cells of a results folder with their predictions, index `cell`.

    Args:
        path: the folder.
        grid: what `read_grid` says of it.

    Raises: Unplanned if it is not there, or that of another launch; StoreError naming the file if it is damaged.
    """
    file = path / "cells.parquet"
    try:
        table = read_cells_file(file)
    except FileNotFoundError:
        raise Unplanned(
            f"{path}: planned, not begun: a launch was ended before it began to run; run it again"
        ) from None
    except Unsound as error:
        raise StoreError(f"{file}: {error}; run the grid again to write it anew") from None
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error}); see to the disk or its permissions") from None
    if digest_of(table["arm"], table["text"]) != grid["table"]:
        raise Unplanned(
            f"{file}: expected the {grid['cells']} cells of grid.json, got {len(table)} others: a launch was ended "
            "while it planned, or one of the files is from elsewhere; run the grid again to write both anew"
        )
    return table.set_index("cell")
