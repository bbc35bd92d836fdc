"""The rows of each cell, cut out of the table of runs when they are asked for: as a table, or as plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evo.protocols import FloatArray

if TYPE_CHECKING:
    import pandas as pd


class RunArrays:
    """The columns of the runs of one cell as arrays: numbers that may be null are floats, NaN where they are.

    Every column of the whole table is made an array once; what a cell has of it is a view.

    Args:
        column: gives a column of the whole table.
        names: of all columns.
        place: the rows of the cell.
    """

    def __init__(self, column: Callable[[str], NDArray[Any]], names: tuple[str, ...], place: slice) -> None:
        self._column, self._place = column, place
        self.names = names

    @classmethod
    def of(cls, runs: pd.DataFrame | RunArrays) -> RunArrays:
        """The columns of a table."""
        if isinstance(runs, RunArrays):
            return runs
        return cls(_Columns(runs), tuple(map(str, runs.columns)), slice(0, len(runs)))

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._column(name)[self._place]

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __len__(self) -> int:
        return int(self._place.stop - self._place.start)

    def floats(self, name: str) -> FloatArray:
        """A column of numbers as floats, float [runs]."""
        return np.asarray(self[name], dtype=np.float64)

    @property
    def hits(self) -> int:
        """How many runs hit."""
        return len(self) - int(np.isnan(self["hit"]).sum())


class _Columns:
    """The columns of a table as arrays, each made when it is first asked for."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table
        self._made: dict[str, NDArray[Any]] = {}

    def __call__(self, name: str) -> NDArray[Any]:
        if name not in self._made:
            column = self._table[name]
            nullable = column.dtype.kind in "iuf" and not isinstance(column.dtype, np.dtype)
            self._made[name] = column.to_numpy(dtype=float, na_value=np.nan) if nullable else column.to_numpy()
        return self._made[name]


class RowsByCell(Mapping[str, "pd.DataFrame"]):
    """The rows of each cell, cut out of the table when they are asked for; no copy where cells are in one piece.

    Rows keep their numbers in the table as their index.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        pieces = _pieces(table)
        if len({cell for cell, _ in pieces}) < len(pieces):
            table = table.sort_values("cell", kind="stable")
            pieces = _pieces(table)
        self._table = table
        ends = [end for _, end in pieces]
        self._places = {
            cell: slice(first, end) for (cell, _), first, end in zip(pieces, [0, *ends], ends, strict=False)
        }

    def __repr__(self) -> str:
        return f"<{len(self._table):,} runs by the id of their cell; cells: {len(self):,}>"

    def __getitem__(self, cell: str) -> pd.DataFrame:
        return self._table.iloc[self._places[cell]]

    def numbers(self, cell: str) -> RunArrays:
        """The columns of the rows of a cell as arrays, of no length where the cell has none."""
        return RunArrays(self._columns, self._names, self._places.get(cell, slice(0, 0)))

    @cached_property
    def _columns(self) -> _Columns:
        return _Columns(self._table)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(map(str, self._table.columns))

    def __contains__(self, cell: object) -> bool:
        return cell in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _pieces(table: pd.DataFrame) -> list[tuple[str, int]]:
    """Rows of the same cell one after the other: the cell, and the place of the first row after them."""
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
    from pyarrow import compute

    cells = pa.array(table["cell"])
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    encoded = compute.run_end_encode(cells.cast(pa.large_string()), run_end_type=pa.int64())
    ends: list[int] = np.asarray(encoded.run_ends).tolist()
    return list(zip(encoded.values.to_pylist(), ends, strict=True))
