"""The columns of tables of runs as plain arrays of numbers, from parts of a folder, tables, or batches in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evo.protocols import BoolArray, FloatArray, IntArray
from experiments.store.parts import WORD_COLUMNS, words_and_codes
from experiments.store.table import DTYPES, FAR, ComputedBatch, dtype_of, is_of_a_role

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

    def add_batches(self, batches: Sequence[ComputedBatch]) -> None:
        """Add batches as they are computed, where null is -1."""
        sizes = [len(columns["hit"]) for *_, columns in batches]
        if not sum(sizes):
            return
        samples, engines, numbers, found = zip(*batches, strict=True)
        words = {"sample": list(samples), "engine": list(engines)}
        made: dict[str, NDArray[Any]] = {
            name: np.repeat(self._codes(name, each), sizes) for name, each in words.items()
        }
        made["batch"] = np.repeat(np.array(numbers, dtype=np.int32), sizes)
        made["run"] = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])
        for name in (*DTYPES, *dict.fromkeys(name for each in found for name in each if is_of_a_role(name))):
            if name not in made:
                each = [
                    columns[name] if name in columns else np.full(size, -1)
                    for columns, size in zip(found, sizes, strict=True)
                ]
                made[name] = np.concatenate(each) if len(each) > 1 else each[0]
                if dtype_of(name) == "Int64":
                    null = np.nan if made[name].dtype.kind == "f" else NULL
                    made[name] = np.where(made[name] < 0, null, made[name])
        self._append(made, sum(sizes), given=True)

    def pop(self, name: str) -> NDArray[Any]:
        """A column, which is not held any more."""
        return self._room.pop(name)[: self._rows]

    def is_far(self, name: str) -> bool:
        """Whether a column of whole numbers is one of floats, since some leave 64 bits."""
        return bool(self._room[name].dtype.kind == "f" and name in FAR and DTYPES[name] != "float64")

    def some(self, name: str, rows: IntArray | slice) -> NDArray[Any]:
        """Some values of a column."""
        return self._room[name][rows]

    def _codes(self, name: str, words: list[str]) -> IntArray:
        known = self.words[name]
        return np.array([known.setdefault(word, len(known)) for word in words], dtype=np.int32)

    def _append(self, columns: dict[str, NDArray[Any]], rows: int, given: bool = False) -> None:
        """One array a column, twice as large when it is full: what is not written yet takes no memory.

        The first arrays that are given away, not lent, are taken as they are.
        """
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
            if given and not self._rows and values.dtype == room.dtype:
                self._room[name] = values
                continue
            if len(room) < whole:
                self._room[name] = np.empty(max(whole, 2 * len(room)), dtype=room.dtype)
                self._room[name][: self._rows] = room[: self._rows]
            self._room[name][self._rows : whole] = values
        self._rows = whole


def _as_floats(values: NDArray[Any]) -> FloatArray:
    """Whole numbers as floats, null ones as NaN: beside others that leave 64 bits."""
    return np.where(values == NULL, np.nan, values.astype(np.float64))


def is_null(values: NDArray[Any]) -> BoolArray:
    """Which values of a column are null, bool [rows]."""
    return np.isnan(values) if values.dtype.kind == "f" else np.asarray(values == NULL)
