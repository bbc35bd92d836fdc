"""All rows of the parts as one table: in a fixed order, each run once, cut to the runs of the grid, priced.

Ten million rows: words are codes until the end, rows are ordered by one integer each, and a column of the parts is
given back as soon as its values are in the table. Cells that differ in price only have the same rows in the parts; each
has rows of its own in the table, at its own prices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evo.costs.ledger import LEDGER
from evo.protocols import BoolArray, FloatArray, IntArray
from experiments.grids.cells_table import prices_in
from experiments.grids.outside.reading import Damaged
from experiments.grids.stopping import Runs, kept_rows
from experiments.store.by_cell import RowsByCell
from experiments.store.files import StoreError
from experiments.store.parts import WORD_COLUMNS, Parts, expect_equal
from experiments.store.run_columns import RunColumns, is_null
from experiments.store.table import DTYPES, FAR, LATER, ComputedBatch, dtype_of, is_of_a_role, repeated, with_nulls

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Priced:
    """What the table of runs needs of the cells.

    Attributes:
        ids: of each its id.
        samples: what names its runs.
        prices: the price of each column that has one, as `prices` of the cell itself.
    """

    ids: list[str]
    samples: list[str]
    prices: list[dict[str, float]]

    @classmethod
    def of(cls, cells: pd.DataFrame) -> Priced:
        """What a table of cells tells of them."""
        return cls(list(map(str, cells.index)), list(map(str, cells["sample"])), prices_in(cells))


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

    return in_order(columns, Priced.of(cells), runs, compare)


def rows_in_memory(table: pd.DataFrame, cells: pd.DataFrame, runs: Runs) -> tuple[pd.DataFrame, int]:
    """The rows of the cells, from a table of runs in memory; see `in_order`. Of several rows of a run one counts."""
    columns = RunColumns()
    columns.add_table(table)
    return in_order(columns, Priced.of(cells), runs, lambda copies, numbers: None)


def rows_of_batches(batches: Sequence[ComputedBatch], cells: Priced, runs: Runs) -> tuple[pd.DataFrame, int]:
    """The rows of the cells, from batches as they were computed, each once; see `in_order`."""
    columns = RunColumns()
    columns.add_batches(batches)
    return in_order(columns, cells, runs, lambda copies, numbers: None)


def in_order(
    columns: RunColumns, cells: Priced, runs: Runs, on_copies: Callable[[pd.DataFrame, IntArray], None]
) -> tuple[pd.DataFrame, int]:
    """The table of runs in the order of cell, batch, run; and how many rows are of no cell.

    Args:
        columns: those of the parts; emptied.
        cells: the cells, with the sample of each; rows of other samples are left out.
        runs: how many a cell, a number or a stopping rule.
        on_copies: called with the rows that are there twice and their numbers; then one of each stays, the one that
            tells more.
    """
    samples = sorted(columns.words["sample"])
    rank = np.argsort(np.argsort(np.array(list(columns.words["sample"]), dtype=str))).astype(np.int32)
    code, batch, run = rank[columns.pop("sample")], columns.pop("batch"), columns.pop("run")
    key = _key(code, batch, run)
    order: IntArray | slice = slice(0, len(key))
    if not (key[1:] > key[:-1]).all():
        order = _each_once(columns, key, (np.array(samples, dtype=object), code, batch, run), on_copies)
        code, batch, run = code[order], batch[order], run[order]
    del key
    wanted = set(cells.samples)
    known = np.array([name in wanted for name in samples], dtype=np.bool_)[code]
    strays = int(len(code) - known.sum())
    kept = np.flatnonzero(known & _asked_for(runs, code, batch, run, columns.some("hit", order)))
    names, lengths, places = _rows_of_cells(cells, samples, code[kept])
    kept = kept[places]
    if len(kept) < len(code) or (kept[1:] <= kept[:-1]).any():
        order = kept if isinstance(order, slice) else order[kept]
        batch, run = batch[kept], run[kept]
    made = {"cell": np.repeat(np.arange(len(names)), lengths), "batch": batch, "run": run}
    del code, batch, run
    return _table(columns, names, made, order, cells), strays


def _each_once(
    columns: RunColumns,
    key: IntArray,
    named: tuple[NDArray[Any], IntArray, IntArray, IntArray],
    on_copies: Callable[[pd.DataFrame, IntArray], None],
) -> IntArray:
    """The places of the rows by their key, of several with one key the one that tells more.

    Args:
        columns: the others.
        key: of each row.
        named: the samples, and for each row its sample's place, its batch and its run.
        on_copies: of `in_order`.
    """
    order = np.argsort(key, kind="stable")
    copy = _follows_its_like(key[order])
    if copy.any():
        twice = np.sort(order[copy | np.append(copy[1:], False)])
        samples, code, batch, run = named
        on_copies(_some(columns, twice, samples[code[twice]], batch[twice], run[twice]), twice)
        order = np.lexsort((*(np.isnan(columns.some(name, np.arange(len(key)))) for name in LATER), key))
        order = order[~_follows_its_like(key[order])]
    return order


def _rows_of_cells(cells: Priced, samples: list[str], code: IntArray) -> tuple[list[str], IntArray, IntArray]:
    """The cells that have rows, how many each has, and the places of all these rows, one cell after the other.

    Args:
        cells: with the sample of each.
        samples: names of samples.
        code: for each row its sample's place among them, in rising order.
    """
    begin, end = (np.searchsorted(code, np.arange(len(samples)), side=side) for side in ("left", "right"))
    place = {sample: n for n, sample in enumerate(samples) if end[n] > begin[n]}
    each = sorted(zip(cells.ids, cells.samples, strict=True))
    found = [(cell, place[sample]) for cell, sample in each if sample in place]
    at = np.array([n for _, n in found], dtype=np.int64)
    lengths = (end - begin)[at]
    first = np.cumsum(lengths) - lengths
    return [cell for cell, _ in found], lengths, np.arange(lengths.sum()) + np.repeat(begin[at] - first, lengths)


def _asked_for(runs: Runs, sample: IntArray, batch: IntArray, run: IntArray, hit: IntArray) -> BoolArray:
    """Which rows the tables of their cells hold; rows in order."""
    if isinstance(runs, int):
        return within(sample, batch, run, runs)
    return kept_rows(runs, sample, batch, np.where(is_null(hit), -1, hit))


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
    """A few rows of the parts as they are; sample, batch and run are theirs."""
    import pandas as pd

    found: dict[str, Any] = {"sample": sample, "batch": batch, "run": run}
    kinds = {name: dtype_of(name) for name in (*DTYPES, *columns.of_roles)}
    for name, kind in kinds.items():
        if name not in found:
            values = columns.some(name, rows)
            words = np.array(list(columns.words.get(name, ())), dtype=object)
            found[name] = words[values] if name in WORD_COLUMNS else _with_nulls(values) if kind == "Int64" else values
    kinds |= {name: "Float64" if name == "hit" else "float64" for name in FAR if columns.is_far(name)}
    return pd.DataFrame(found)[list(kinds)].astype(kinds)


def _table(
    columns: RunColumns, names: list[str], key: dict[str, IntArray], order: IntArray | slice, cells: Priced
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
    prices = dict(zip(cells.ids, cells.prices, strict=True))
    made["cost"] = _cost(made | of_roles, [prices[name] for name in names], key["cell"])
    return pd.DataFrame(made | of_roles, copy=False)


def _place(name: str) -> tuple[str, int]:
    """The order of the columns of roles: role by role, entries as in the ledger."""
    role, _, entry = name.partition(".")
    return role, LEDGER.index(entry)


def _with_nulls(values: NDArray[Any]) -> Any:
    """Whole numbers, null where they are NULL, or NaN."""
    return with_nulls(values, is_null(values))


def _cost(columns: dict[str, Any], prices: list[dict[str, float]], code: IntArray) -> FloatArray:
    """Ledger @ weights of each row, in the unit of its cell's cost model, role by role in programs; float [rows]."""
    cost = np.zeros(len(code))
    priced = dict.fromkeys(name for each in prices for name in each)
    for name in (*(entry for entry in LEDGER if entry in priced), *(name for name in priced if name not in LEDGER)):
        weight = np.array([each.get(name, 0.0) for each in prices])[code]
        if name in columns:
            values = columns[name] if name in LEDGER else columns[name].to_numpy(dtype=float, na_value=0.0)
            cost += weight * values
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
        """A table that is in memory, whatever its index is."""
        return cls.made(table.reset_index(drop=True), strays)

    @classmethod
    def made(cls, table: pd.DataFrame, strays: int) -> RunTable:
        """A table that was just made, with its index."""
        return cls(lambda: (table, strays))

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
