"""The results folder: what was run, and the table of runs, as files that are written whole or not at all.

    results/<name>/grid.json        the grid as it was run, and where parts of others in it are from
    results/<name>/provenance.json  versions, platform, command and times of each launch
    results/<name>/cells.parquet    a row a cell
    results/<name>/runs/*.parquet   a row a run, parts of finished batches

Every later stage reads only this folder.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo.errors import EvoError, InputError
from evo.ledger import LEDGER
from experiments.cell import Cell
from experiments.grid import Grid
from experiments.origins import Origin, merged, origins, recall
from experiments.table import DTYPES, KEY, LATER, cells_table, no_runs, priced

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
WEIGHTS = tuple(f"weight.{entry}" for entry in LEDGER)
OLD = 3600.0
"""Seconds after which an unfinished file is a leftover."""


class StoreError(EvoError):
    """A results folder cannot be read or written."""


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
    """A results folder that is being written.

    Attributes:
        path: the folder.
        accepted: names of parts of others whose source has changed since earlier runs, which was accepted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.accepted: list[str] = []

    @classmethod
    def open(cls, path: Path, grid: Grid, accept_changed_code: bool = False) -> Store:
        """Create the folder for a grid, or take up the one that is there.

        Raises: InputError if the folder holds something else, a grid with another seed, batch or engine, or runs of
        parts of others whose source has changed; StoreError if it cannot be written.
        """
        described = describe(grid)
        store = cls(path)
        try:
            held: dict[str, Origin] = {}
            if path.exists() and (not path.is_dir() or any(file.suffix != ".tmp" for file in path.iterdir())):
                before = read_grid(path)
                _check_same(path, before, described)
                held = held_origins(before)
            parts, store.accepted = merged(held, origins(grid.cells))
            if store.accepted and not accept_changed_code:
                raise _changed_code(path, store.accepted)
            if parts:
                described["parts"] = {name: asdict(origin) for name, origin in parts.items()}
            path.mkdir(parents=True, exist_ok=True)
            for leftover in path.glob("**/*.tmp"):
                if time.time() - leftover.stat().st_mtime > OLD:  # another launch may be writing a younger one
                    leftover.unlink()
            write_text(path / "grid.json", json.dumps(described, indent=1) + "\n")
            write_parquet(path / "cells.parquet", cells_table(grid).reset_index())
            (path / "runs").mkdir(exist_ok=True)
        except OSError as error:
            raise store.failure(error) from None
        return store

    def finished(self) -> set[tuple[str, int]]:
        """The batches that are there: (cell id, batch)."""
        runs = read_runs(self.path)
        return set(zip(runs["cell"], runs["batch"].astype(int), strict=True))

    def add(self, rows: pd.DataFrame) -> None:
        """Write finished batches as one part.

        Raises: StoreError, for example if the disk is full; what was written before stays.
        """
        try:
            write_parquet(self.path / "runs" / f"part-{uuid.uuid4().hex}.parquet", rows)
        except OSError as error:
            raise self.failure(error) from None

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
            raise self.failure(error) from None

    def failure(self, error: Exception) -> StoreError:
        """What to tell of a folder that cannot be written."""
        return StoreError(
            f"{self.path}: cannot write results ({error}); what was finished before is kept, run again to go on"
        )


def load(path: Path | str) -> Results:
    """Read a results folder.

    Raises: InputError if the folder is not one of ours, StoreError if a file in it cannot be read.
    """
    path = Path(path)
    grid = read_grid(path)
    cells = _read_parquet(path / "cells.parquet", ("cell", "arm", "text", *WEIGHTS)).set_index("cell")
    if len(cells) != grid["cells"] or not cells.index.is_unique:
        raise StoreError(
            f"{path / 'cells.parquet'}: expected {grid['cells']} different cells, as grid.json says, got {len(cells)}; "
            "run the grid again to write it anew"
        )
    return Results.of(grid, cells, read_runs(path), path)


def describe(grid: Grid) -> dict[str, Any]:
    """The grid as it is written down: what names its streams, and its size."""
    numbers = {"runs": grid.runs, "seed": grid.seed, "batch": grid.batch, "engine": grid.engine}
    return {"format": FORMAT, "name": grid.name, **numbers, "cells": len(grid.cells)}


def read_grid(path: Path) -> dict[str, Any]:
    """The description of the grid in a results folder.

    Raises: InputError if the folder is none.
    """
    file = path / "grid.json"
    if not file.is_file():
        got = "a folder without grid.json" if path.is_dir() else ("a file" if path.exists() else "nothing of that name")
        raise InputError(f"{path}: expected a results folder, as `llm-evo run` writes it, got {got}")
    expected = {"format", "name", "runs", "seed", "batch", "engine", "cells"}
    try:
        grid = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file}: expected JSON as `llm-evo run` writes it, got a syntax error: {error}") from None
    if not isinstance(grid, dict) or not expected <= set(grid):
        raise InputError(f"{file}: expected the keys {', '.join(sorted(expected))}, got {grid!r:.200}")
    if grid["format"] != FORMAT:
        raise InputError(f"{file}: expected format {FORMAT}, got {grid['format']!r}; use the version that wrote it")
    for key in ("runs", "seed", "batch"):
        if not isinstance(grid[key], int):
            raise InputError(f"{file}: {key} must be a whole number, got {grid[key]!r}")
    parts, keys = grid.get("parts", {}), {each.name for each in fields(Origin)}
    if not isinstance(parts, dict) or any(not isinstance(one, dict) or set(one) != keys for one in parts.values()):
        raise InputError(f"{file}: expected under parts the keys {', '.join(sorted(keys))} of each, got {parts!r:.200}")
    return grid


def held_origins(grid: Mapping[str, Any]) -> dict[str, Origin]:
    """Where the parts of others are from, of a description read from grid.json."""
    return {
        name: Origin(**(origin | {"earlier": tuple(origin["earlier"])}))
        for name, origin in grid.get("parts", {}).items()
    }


def read_runs(path: Path) -> pd.DataFrame:
    """All rows in the parts of a results folder.

    Raises: StoreError naming a part that cannot be read.
    """
    import pandas as pd

    always = [name for name in DTYPES if name not in LATER]
    parts = [_read_parquet(part, always) for part in sorted((path / "runs").glob("part-*.parquet"))]
    return pd.concat([no_runs(), *parts], ignore_index=True) if parts else no_runs()


def write_text(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    _write_whole(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_parquet(file: Path, table: pd.DataFrame) -> None:
    """Write a Parquet file whole or not at all."""
    _write_whole(file, lambda temporary: table.to_parquet(temporary, index=False))


def _write_whole(file: Path, write: Callable[[Path], object]) -> None:
    temporary = file.with_name(f"{file.name}.{uuid.uuid4().hex}.tmp")
    try:
        write(temporary)
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def _check_same(path: Path, held: dict[str, Any], described: dict[str, Any]) -> None:
    for key in ("name", "seed", "batch", "engine"):
        if held[key] != described[key]:
            raise InputError(
                f"{path}: holds a grid run with {key} = {held[key]!r}, this one has {key} = {described[key]!r}; "
                "choose another folder with --out, or remove that one"
            )


def _changed_code(path: Path, names: list[str]) -> InputError:
    return InputError(
        f"{path}: the source of {', '.join(names)} has changed since the runs in it were made; choose another folder "
        "with --out, or go on with --accept-changed-code (in Python run_grid(..., accept_changed_code=True)), which is "
        "noted"
    )


def _read_parquet(file: Path, columns: Iterable[str]) -> pd.DataFrame:
    import pandas as pd
    from pyarrow import ArrowException  # type: ignore[import-untyped]  # ships no types

    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError, KeyError, ArrowException) as error:
        raise StoreError(f"{file}: cannot be read ({error}); remove it and run the grid again") from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise StoreError(f"{file}: has no column {', '.join(missing)}; remove it and run the grid again")
    return table
