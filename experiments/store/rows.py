"""All rows of the parts as one table: in a fixed order, each run once, cut to the runs of the grid, priced.

Ten million rows: words are codes until the end, rows are ordered by one integer each, and a column of the parts is
given back as soon as its values are in the table. Cells that differ in price only have the same rows in the parts; each
has rows of its own in the table, at its own prices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evo.costs.ledger import LEDGER
from evo.protocols import BoolArray, FloatArray, IntArray
from experiments.grids.cell_text import PROGRAM
from experiments.grids.cells_table import WEIGHTS, prices_in
from experiments.grids.outside.reading import Damaged
from experiments.grids.stopping import Runs, kept_rows
from experiments.store.by_cell import RowsByCell
from experiments.store.files import StoreError
from experiments.store.parts import WORD_COLUMNS, Parts, expect_equal, words_and_codes
from experiments.store.table import DTYPES, FAR, LATER, dtype_of, is_of_a_role, repeated, with_nulls

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types

NULL = np.iinfo(np.int64).min
"""Stands for a hit that is null."""


class RunColumns:
    """The columns of tables of runs, all of them numbers: codes of words, NULL for a hit that is null, NaN for seconds.

    Attributes:
        words: for `sample` and `engine` each word and its code.
    """

    def __init__(self) -> None:
        self.words: dict[str, dict[str, int]] = {name: {} for name in WORD_COLUMNS}
        kinds = {"str": "int32", "Int64": "int64"}
        self._room = {name: np.empty(0, dtype=kinds.get(kind, kind)) for name, kind in DTYPES.items()}
        self._rows = 0

    @property
    def of_roles(self) -> list[str]:
        """The columns of the ledgers of roles, in the order in which they came."""
        return [name for name in self._room if name not in DTYPES]

    def add(self, part: pa.Table) -> None:
        """Add a part; nothing of it is held."""
        columns: dict[str, NDArray[Any]] = {}
        for name in (*DTYPES, *filter(is_of_a_role, part.column_names)):
            if name in WORD_COLUMNS:
                words, codes = words_and_codes(part, name)
                columns[name] = self._codes(name, words)[codes]
            else:
                column = part[name]
                columns[name] = (column.fill_null(NULL) if str(column.type) == "int64" else column).to_numpy()
        self._append(columns, len(part))

    def add_table(self, table: pd.DataFrame) -> None:
        """Add a table in memory."""
        import pandas as pd

        columns: dict[str, NDArray[Any]] = {}
        for name in (*DTYPES, *filter(is_of_a_role, table.columns)):
            if name in WORD_COLUMNS:
                codes, words = pd.factorize(table[name])
                columns[name] = self._codes(name, list(map(str, words)))[codes]
            else:
                column = table[name]
                kind, null = ("float64", np.nan) if column.dtype.kind == "f" else ("int64", NULL)
                may_be_null = dtype_of(name) == "Int64"
                columns[name] = column.to_numpy(dtype=kind, na_value=null) if may_be_null else column.to_numpy()
        self._append(columns, len(table))

    def pop(self, name: str) -> NDArray[Any]:
        """A column, which is not held any more."""
        return self._room.pop(name)[: self._rows]

    def is_far(self, name: str) -> bool:
        """Whether a column of whole numbers is one of floats, since some leave 64 bits."""
        return bool(self._room[name].dtype.kind == "f" and name in FAR and DTYPES[name] != "float64")

    def some(self, name: str, rows: IntArray) -> NDArray[Any]:
        """Some values of a column."""
        return self._room[name][rows]

    def _codes(self, name: str, words: list[str]) -> IntArray:
        known = self.words[name]
        return np.array([known.setdefault(word, len(known)) for word in words], dtype=np.int32)

    def _append(self, columns: dict[str, NDArray[Any]], rows: int) -> None:
        """One array a column, twice as large when it is full: what is not written yet takes no memory."""
        whole = self._rows + rows
        for name in columns.keys() - self._room.keys():
            self._room[name] = np.full(self._rows, NULL)
        for name in [name for name in self._room if name in columns or name not in DTYPES]:
            values = columns[name] if name in columns else np.full(rows, NULL)
            room = self._room[name]
            if name in FAR and values.dtype.kind == "f" != room.dtype.kind:
                room = self._room[name] = _as_floats(room)
            elif name in FAR and room.dtype.kind == "f" != values.dtype.kind:
                values = _as_floats(values)
            if len(room) < whole:
                self._room[name] = np.empty(max(whole, 2 * len(room)), dtype=room.dtype)
                self._room[name][: self._rows] = room[: self._rows]
            self._room[name][self._rows : whole] = values
        self._rows = whole


def _as_floats(values: NDArray[Any]) -> FloatArray:
    """Whole numbers as floats, null ones as NaN: beside others that leave 64 bits."""
    return np.where(values == NULL, np.nan, values.astype(np.float64))


def _is_null(values: NDArray[Any]) -> BoolArray:
    return np.isnan(values) if values.dtype.kind == "f" else np.asarray(values == NULL)


def read_rows(parts: Parts, cells: pd.DataFrame, runs: Runs) -> tuple[pd.DataFrame, int]:
    """The rows of the cells, from the parts of a results folder, and how many rows are of none; see `in_order`.

    Raises: StoreError naming the parts that are damaged, cannot be read, or contradict each other.
    """
    columns, damaged = RunColumns(), []
    files: list[Path] = []
    sizes: list[int] = []
    for file, part in parts.read():
        if isinstance(part, Damaged):
            damaged.append(str(part))
        else:
            files.append(file)
            sizes.append(len(part))
            columns.add(part)
    if damaged:
        raise StoreError(
            "; ".join(damaged) + "; run the grid again: it sets aside what is "
            f"damaged, into {parts.path / 'damaged'}, and computes its batches anew"
        )
    ends = list(accumulate(sizes))

    def compare(copies: pd.DataFrame, numbers: IntArray) -> None:
        expect_equal(copies, [files[at] for at in np.searchsorted(ends, numbers, side="right").tolist()])

    return in_order(columns, cells, runs, compare)


def rows_in_memory(table: pd.DataFrame, cells: pd.DataFrame, runs: Runs) -> tuple[pd.DataFrame, int]:
    """The rows of the cells, from a table of runs in memory; see `in_order`. Of several rows of a run one counts."""
    columns = RunColumns()
    columns.add_table(table)
    return in_order(columns, cells, runs, lambda copies, numbers: None)


def in_order(
    columns: RunColumns, cells: pd.DataFrame, runs: Runs, on_copies: Callable[[pd.DataFrame, IntArray], None]
) -> tuple[pd.DataFrame, int]:
    """The table of runs in the order of cell, batch, run; and how many rows are of no cell.

    Args:
        columns: those of the parts; emptied.
        cells: the table of cells, with the sample of each; rows of other samples are left out.
        runs: how many a cell, a number or a stopping rule.
        on_copies: called with the rows that are there twice and their numbers; then one of each stays, the one that
            tells more.
    """
    samples = sorted(columns.words["sample"])
    rank = np.argsort(np.argsort(np.array(list(columns.words["sample"]), dtype=str))).astype(np.int32)
    code, batch, run = rank[columns.pop("sample")], columns.pop("batch"), columns.pop("run")
    key = _key(code, batch, run)
    order = np.argsort(key, kind="stable")
    copy = _follows_its_like(key[order])
    if copy.any():
        twice = np.sort(order[copy | np.append(copy[1:], False)])
        on_copies(_some(columns, twice, np.array(samples, dtype=object)[code], batch, run), twice)
        order = np.lexsort((*(np.isnan(columns.some(name, np.arange(len(key)))) for name in LATER), key))
        order = order[~_follows_its_like(key[order])]
    del key, copy
    code, batch, run = code[order], batch[order], run[order]
    wanted = set(cells["sample"])
    known = np.array([name in wanted for name in samples], dtype=np.bool_)
    strays = int(len(code) - known[code].sum())
    kept = np.flatnonzero(known[code] & _asked_for(runs, code, batch, run, columns.some("hit", order)))
    names, lengths, places = _rows_of_cells(cells["sample"].sort_index(), samples, code[kept])
    kept = kept[places]
    made = {"cell": np.repeat(np.arange(len(names)), lengths), "batch": batch[kept], "run": run[kept]}
    del code, batch, run
    return _table(columns, names, made, order[kept], cells), strays


def _rows_of_cells(
    of_cells: pd.Series[str], samples: list[str], code: IntArray
) -> tuple[list[str], IntArray, IntArray]:
    """The cells that have rows, how many each has, and the places of all these rows, one cell after the other.

    Args:
        of_cells: the sample of each cell.
        samples: names of samples.
        code: for each row its sample's place among them, in rising order.
    """
    begin, end = (np.searchsorted(code, np.arange(len(samples)), side=side) for side in ("left", "right"))
    place = {sample: n for n, sample in enumerate(samples) if end[n] > begin[n]}
    found = [(str(cell), place[sample]) for cell, sample in of_cells.items() if sample in place]
    at = np.array([n for _, n in found], dtype=np.int64)
    lengths = (end - begin)[at]
    first = np.cumsum(lengths) - lengths
    return [cell for cell, _ in found], lengths, np.arange(lengths.sum()) + np.repeat(begin[at] - first, lengths)


def _asked_for(runs: Runs, sample: IntArray, batch: IntArray, run: IntArray, hit: IntArray) -> BoolArray:
    """Which rows the tables of their cells hold; rows in order."""
    if isinstance(runs, int):
        return within(sample, batch, run, runs)
    return kept_rows(runs, sample, batch, np.where(_is_null(hit), -1, hit))


def within(sample: IntArray, batch: IntArray, run: IntArray, runs: int) -> BoolArray:
    """Which rows are among the first `runs` of their sample, by their number batch * size + run; bool [rows].

    Rows of a sample are in one piece. The size of its batches is the largest `run` in them and one more: batches are
    stored whole.

    >>> within(np.array([7, 7, 7, 7]), np.array([0, 0, 2, 2]), np.array([0, 1, 0, 1]), 5).tolist()
    [True, True, True, False]
    """
    if not len(sample):
        return np.zeros(0, dtype=np.bool_)
    first = np.flatnonzero(np.append(True, sample[1:] != sample[:-1]))
    size = np.maximum.reduceat(run.astype(np.int64), first) + 1
    return np.asarray(batch * np.repeat(size, np.diff(np.append(first, len(sample)))) + run < runs)


def _key(code: IntArray, batch: IntArray, run: IntArray) -> IntArray:
    """One integer a row, in the order of sample, batch, run; int64 [rows]."""
    key = code.astype(np.int64)
    for column in (batch, run):
        least, most = int(column.min(initial=0)), int(column.max(initial=0))
        if (int(key.max(initial=0)) + 1) * (most - least + 1) >= 2**63:  # numbers of no grid of ours: by their ranks
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            column = np.unique(column, return_inverse=True)[1]
            least, most = 0, int(column.max())
        key *= most - least + 1
        key += column
        key -= least
    return key


def _follows_its_like(key: IntArray) -> BoolArray:
    """Which of the keys in order are equal to the one before."""
    copy = np.zeros(len(key), dtype=np.bool_)
    copy[1:] = key[1:] == key[:-1]
    return copy


def _some(columns: RunColumns, rows: IntArray, sample: NDArray[Any], batch: IntArray, run: IntArray) -> pd.DataFrame:
    """A few rows of the parts as they are."""
    import pandas as pd

    found: dict[str, Any] = {"sample": sample[rows], "batch": batch[rows], "run": run[rows]}
    kinds = {name: dtype_of(name) for name in (*DTYPES, *columns.of_roles)}
    for name, kind in kinds.items():
        if name not in found:
            values = columns.some(name, rows)
            words = np.array(list(columns.words.get(name, ())), dtype=object)
            found[name] = words[values] if name in WORD_COLUMNS else _with_nulls(values) if kind == "Int64" else values
    kinds |= {name: "Float64" if name == "hit" else "float64" for name in FAR if columns.is_far(name)}
    return pd.DataFrame(found)[list(kinds)].astype(kinds)


def _table(
    columns: RunColumns, names: list[str], key: dict[str, IntArray], order: IntArray, cells: pd.DataFrame
) -> pd.DataFrame:
    """The rows in their order, with their cost; `key` has the columns that are in order already, cells as codes."""
    import pandas as pd

    made: dict[str, Any] = {}
    for name in ("cell", *DTYPES, *sorted(columns.of_roles, key=_place)):
        if name == "sample":
            continue
        values = key[name] if name in key else columns.pop(name)[order]
        if name == "cell":
            made[name] = repeated(names, values)
        elif name in WORD_COLUMNS:
            made[name] = repeated(list(columns.words[name]), values)
        else:
            made[name] = _with_nulls(values) if dtype_of(name) == "Int64" else values
    of_roles = {name: made.pop(name) for name in [name for name in made if is_of_a_role(name)]}
    of_roles = {name: values for name, values in of_roles.items() if not values.isna().all()}
    made["cost"] = _cost(made | of_roles, cells.reindex(names), key["cell"])
    return pd.DataFrame(made | of_roles, copy=False)


def _place(name: str) -> tuple[str, int]:
    """The order of the columns of roles: role by role, entries as in the ledger."""
    role, _, entry = name.partition(".")
    return role, LEDGER.index(entry)


def _with_nulls(values: NDArray[Any]) -> Any:
    """Whole numbers, null where they are NULL, or NaN."""
    return with_nulls(values, _is_null(values))


def _cost(columns: dict[str, Any], cells: pd.DataFrame, code: IntArray) -> FloatArray:
    """Ledger @ weights of each row, in the unit of its cell's cost model, role by role in programs; float [rows]."""
    cost = np.zeros(len(code))
    if not len(code):
        return cost
    program = cells["text"].str.startswith(PROGRAM).to_numpy(dtype=bool)
    for entry, column in zip(LEDGER, WEIGHTS, strict=True):
        weight = np.where(program, 0.0, cells[column].to_numpy(dtype=float))
        if np.any(weight != 0):
            cost += columns[entry] * weight[code]
    programs = np.flatnonzero(program).tolist()
    prices = dict(zip(programs, prices_in(cells.iloc[programs]), strict=True))
    for name in dict.fromkeys(name for each in prices.values() for name in each):
        weight = np.array([prices.get(n, {}).get(name, 0.0) for n in range(len(cells))])[code]
        if name in columns:
            cost += weight * columns[name].to_numpy(dtype=float, na_value=0.0)
    return cost


@dataclass(frozen=True, eq=False)
class RunTable:
    """A table of runs that may not be read yet.

    Attributes:
        read: gives the table, an index 0, 1, .., and how many rows beside it are of no cell; called once.
    """

    read: Callable[[], tuple[pd.DataFrame, int]]

    @classmethod
    def of(cls, table: pd.DataFrame, strays: int = 0) -> RunTable:
        """A table that is in memory."""
        held = table.reset_index(drop=True)
        return cls(lambda: (held, strays))

    @property
    def table(self) -> pd.DataFrame:
        """The table."""
        return self._read[0]

    @property
    def strays(self) -> int:
        """Rows in the parts that are of no cell: those of earlier grids in the folder, or of nobody's."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[pd.DataFrame, int]:
        return self.read()

    @cached_property
    def by_cell(self) -> RowsByCell:
        """The rows of each cell that has some, by its id."""
        return RowsByCell(self.table)


def not_counted(strays: int) -> str:
    """That rows are of no cell, in words."""
    return f"{strays:,} row{' is' if strays == 1 else 's are'} of no cell of this grid, and not counted"
