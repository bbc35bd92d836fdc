"""The table of runs as results hold it: read when it is first asked for, then kept; and the rows of each cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class RunTable:
    """A table of runs that may not be read yet.

    Attributes:
        read: gives the table, an index 0, 1, ..; called once.
    """

    read: Callable[[], pd.DataFrame]

    @classmethod
    def of(cls, table: pd.DataFrame) -> RunTable:
        """A table that is in memory."""
        held = table.reset_index(drop=True)
        return cls(lambda: held)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The table."""
        return self.read()

    @cached_property
    def by_cell(self) -> Mapping[str, pd.DataFrame]:
        """The rows of each cell that has some, by its id."""
        return RowsByCell(self.table)


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
