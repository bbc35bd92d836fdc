"""Results in formats that other tools read: CSV files, one Parquet file, and traces in IOHprofiler's format.

IOHprofiler's format, as IOHexperimenter 0.3.22 writes it: for each algorithm and function a JSON file, which names a
.dat file for each dimension, with a block for each run. Here

    algorithm     a series: the arm with what varies within it, lam too; k and l apart
    function      a type of problem; its number is the same in every export
    dimension     k
    instance      l, or 1 where some l does not fit the tools' 16-bit numbers
    evaluations   number of the call + 1: the initial solution is evaluation 1, so a run has hit at evaluation hit + 1
    raw_y         the best true fitness so far; larger is better

A run that hit ends there, though its generation was paid whole (`calls`, an attribute of each run); a censored run has
a last row at its last call. Read it with IOHinspector's `DataManager.load(monotonic=False)`, since its default drops
the start of a run that is as good as the end of the run before, and `maximization=True` in its functions. Its ERT
counts the initial solution, charges censored runs the most evaluations of any run (say `eval_max`), and runs that hit
no more than the evaluations up to the hit: with one call budget for all and lam = 1 it is our ERT + runs / hits.

Traces are not stored: the runs are executed again, from the same streams, and compared with the stored ones.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.grids.arguments import a_path, expect_a
from experiments.grids.labels import lams_of, sizes_of
from experiments.grids.outside.telling import mistaken_for
from experiments.grids.strings import string_type
from experiments.reports.ioh import WRITTEN, _write_ioh
from experiments.running.progress import Progress
from experiments.store.files import StoreError
from experiments.store.held import FolderForm, held_folder
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("csv", "parquet", "ioh")
ROWS = 100_000
"""Runs joined and written at once."""


def export_results(
    results: Results, to: str, out: Path | str, watch: Callable[[Progress], None] = lambda progress: None
) -> Path:
    """Write results for other tools; whole or not at all.

    Args:
        results: of `run_grid` or `load`.
        to: "csv" (a folder with runs.csv and cells.csv), "parquet" (one file: `Results.table`), or "ioh" (a folder in
            IOHprofiler's format; executes the runs again). Runs are joined with the series, k and lam of their cell.
        out: the folder or file to be written.
        watch: called with the progress after each batch that was executed again.

    Raises: InputError for an unknown format, results without a run, a path that is taken, a part that is not loaded,
    or runs that come out otherwise than the stored ones; OperatorError if a part breaks; StoreError if it cannot be
    written.
    """
    expect_a(Results, "export", results, "results of run_grid or load")
    if not isinstance(to, str) or to not in FORMATS:
        raise InputError(f"--to: expected {', '.join(FORMATS)}, got {shown(to):.200}{suggestion(to, FORMATS)}")
    if results.runs.empty:
        raise InputError(f"{results.path or 'results'}: expected results with runs, got none; run the grid first")
    path = a_path("export: out", out)
    if path.exists() and (to == "parquet" or not path.is_dir() or any(path.iterdir())):
        got = "a folder" if path.is_dir() else "a file"
        got += " that is not empty" if path.is_dir() and any(path.iterdir()) else ""
        raise InputError(f"{path}: expected a path that is free, got {got}; remove it, or choose another with --out")
    whole = path.resolve()
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        with held_folder(whole.parent, _form(whole.name)) as folder:
            written = folder / whole.name
            if to == "csv":
                _write_csv(results, written)
            elif to == "parquet":
                _write_parquet(results, written)
            else:
                _write_ioh(results, written, watch)
            if whole.is_dir():
                whole.rmdir()
            os.replace(written, whole)
    except OSError as error:
        raise StoreError(f"{path}: cannot write the export ({error})") from None
    return path


def _form(name: str) -> FolderForm:
    """Of the folders in which exports under a name are written, in any format, before they get that name."""
    inside = re.compile(rf"{re.escape(name)}(/(runs|cells)\.csv|/{WRITTEN})?", re.ASCII)
    return FolderForm(f".{name}.", ".tmp", string.hexdigits[:16], 32, inside)


def _write_csv(results: Results, folder: Path) -> None:
    folder.mkdir()
    series = results.labels
    cells = results.cells.reset_index()
    cells.insert(0, "series", cells["cell"].map(series))
    for name in cells.select_dtypes(["object", "string"]):
        cells[name] = cells[name].map(_in_csv, na_action="ignore")
    cells.to_csv(folder / "cells.csv", index=False, lineterminator="\n")
    with open(folder / "runs.csv", "w", encoding="utf-8", newline="") as file:
        for number, runs in enumerate(_parts(results.runs)):
            _named(results, runs, series).to_csv(file, index=False, header=number == 0, lineterminator="\n")


def _in_csv(text: str) -> str:
    """A text of a user's own as spreadsheets leave it alone: in quotation marks where it is a formula, or acts.

    >>> [_in_csv(text) for text in ("Resample", "=1+1", "-0.5")]
    ['Resample', "'=1+1'", '-0.5']
    """
    acts = not text.isprintable() or mistaken_for(text) == "a formula"
    return ascii(text) if acts else text


def _write_parquet(results: Results, file: Path) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
    from pyarrow import parquet

    series = results.labels

    def table(runs: pd.DataFrame) -> pd.DataFrame:
        return _named(results, results.with_runs(runs).table, series)

    schema = pa.Schema.from_pandas(table(results.runs.head(1)), preserve_index=False)
    with parquet.ParquetWriter(file, schema) as writer:
        for runs in _parts(results.runs):
            writer.write_table(pa.Table.from_pandas(table(runs), schema=schema, preserve_index=False))


def _parts(runs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for first in range(0, len(runs), ROWS):
        yield runs.iloc[first : first + ROWS]


def _named(results: Results, runs: pd.DataFrame, series: dict[str, str]) -> pd.DataFrame:
    """Runs with the series, k and lam of their cell as first columns."""
    cell, runs = runs["cell"], runs.reset_index(drop=True)
    columns = {
        "series": cell.map(series),
        "k": cell.map(sizes_of(results.cells)),
        "lam": cell.map(lams_of(results.cells)),
    }
    for place, (name, values) in enumerate(columns.items()):
        runs.insert(place, name, values.to_numpy())
    return runs.astype({"series": string_type()})


# ------------------------------------------------------------------------------------------- IOHprofiler's format
