"""The table of cells in a results folder: read, and each row compared with the text of its cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.costs.ledger import EARLIER
from evo.errors import InputError
from evo.parameters import shown
from evo.protocols import BoolArray
from experiments.grids.arguments import expect_label
from experiments.grids.cell_text import runs_program
from experiments.grids.cells_table import WEIGHTS
from experiments.grids.grid import MOST_CELLS
from experiments.grids.outside.bounds import CELLS_BYTES, CELLS_VALUES
from experiments.grids.outside.reading import Unsound, read_file
from experiments.store.predictions import LISTS, PREFIXES, TEXTS, split
from experiments.store.verify.columns import expect_told, is_null
from experiments.store.verify.names import is_sample
from experiments.store.verify.on_this_thread import columns_of, frame_in, opened
from experiments.store.verify.pages import expect_pages
from experiments.store.verify.seals import expect_sealed

if TYPE_CHECKING:
    import pandas as pd

WORDS = ("cell", "arm", "text", "sample")
SIZES = ("problem.k", "problem.l", "runner.lam")
AT_ONCE = 1000
"""Rows that are compared at once: as Python's own objects they take far more room."""


def read_cells_file(file: Path) -> pd.DataFrame:
    """The table in the file, with the column `cell`.

    Raises: Unsound if it is damaged, or a row is not what its text says; FileNotFoundError; OSError.
    """
    content = read_file(file, CELLS_BYTES)
    expect_sealed(content)
    table = _table(content)
    for name in WEIGHTS[EARLIER:]:
        if name not in table:
            table[name] = 0.0  # of results of earlier versions
    _expect_columns(table)
    told = split(table)[0]
    for first in range(0, len(told), AT_ONCE):
        for row in told.iloc[first : first + AT_ONCE].to_dict("records"):
            expect_told({str(name): value for name, value in row.items()})
    return table


def _table(content: bytes) -> pd.DataFrame:
    """The table in the bytes of a Parquet file, which may not declare more than a grid may have."""
    try:
        footer = opened(content).metadata
        if footer.num_rows > MOST_CELLS:
            raise Unsound(f"expected at most {MOST_CELLS:,} cells, got {footer.num_rows:,}")
        expect_pages(content, footer, CELLS_BYTES, CELLS_VALUES)
        _expect_short_words(content)
        return frame_in(content)
    except (MemoryError, Unsound):
        raise
    except Exception as error:  # of pyarrow, which raises many kinds for what is no table
        raise Unsound(f"cannot be read ({error})") from None


def _expect_short_words(content: bytes) -> None:
    """Expect words that have room in memory: a dictionary in the file may stand for one in each row."""
    from pyarrow import compute, types  # type: ignore[import-untyped]  # ships no types

    schema = opened(content).schema_arrow
    words = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        inner = kind.value_type if types.is_dictionary(kind) else kind
        number = types.is_integer(inner) or types.is_floating(inner) or types.is_boolean(inner) or types.is_null(inner)
        if types.is_string(inner) or types.is_large_string(inner):
            words.append(name)
        elif not number and not (types.is_list(inner) and types.is_floating(inner.value_type)):
            raise Unsound(f"{name}: expected words, numbers or lists of numbers, got {kind}")
    table = columns_of(opened(content, words), words)
    size = 0
    for column in table.columns:
        for chunk in column.chunks:
            lengths = compute.binary_length(chunk.dictionary if types.is_dictionary(chunk.type) else chunk)
            size += len(chunk) * (compute.max(lengths).as_py() or 0)
    if size > CELLS_BYTES:
        raise Unsound(f"unpacks to words of up to {size:,} bytes, more than the {CELLS_BYTES:,} that it may have")


def _expect_columns(table: pd.DataFrame) -> None:
    """Expect the columns that every table has, each of its type."""
    names = [str(name) for name in table.columns]
    searches = _searches(table) if "text" in names else np.ones(len(table), dtype=np.bool_)
    missing = [name for name in (*WORDS, *WEIGHTS, *(SIZES if searches.any() else ())) if name not in names]
    if missing:
        raise Unsound(f"has no column {', '.join(missing)}")
    if len(set(names)) < len(names):
        raise Unsound("has two columns of one name")
    for name in WORDS:
        _expect_all(table, name, lambda value: isinstance(value, str), "words")
    _expect_all(table, "sample", is_sample, "names of runs")
    for arm in table["arm"].unique():
        try:
            expect_label("arm", arm)
        except InputError as error:
            raise Unsound(str(error)) from None
    for name in WEIGHTS:
        _expect_numbers(table, name, np.isfinite(_floats(table, name)), "finite numbers")
    for name in SIZES if searches.any() else ():
        values = _floats(table, name)
        whole = (values >= 1) & (values == np.floor(values)) & np.isfinite(values)
        _expect_numbers(table, name, np.where(searches, whole, np.isnan(values)), "whole numbers >= 1 of searches")
    for name in names:
        if name.startswith("role."):
            values = _floats(table, name)
            _expect_numbers(table, name, np.isnan(values) | ((values > 0) & np.isfinite(values)), "sizes > 0")
    for name in names:
        if name.startswith(PREFIXES):
            _expect_prediction(table, name)
    if set(LISTS) <= set(names):
        for times, cdf in zip(*(table[name] for name in LISTS), strict=True):
            _expect_law(np.asarray(times, dtype=float), np.asarray(cdf, dtype=float))


def _searches(table: pd.DataFrame) -> BoolArray:
    """Which rows are of cells that search; the others run programs of calls."""
    return np.array([not runs_program(str(text)) for text in table["text"]], dtype=np.bool_)


def _expect_prediction(table: pd.DataFrame, name: str) -> None:
    if name in LISTS:
        _expect_all(table, name, _is_list_of_floats, "lists of numbers")
    elif name in TEXTS:
        _expect_all(table, name, lambda value: is_null(value) or isinstance(value, str), "words")
    else:
        values = _floats(table, name)
        _expect_numbers(table, name, np.isnan(values) | (values >= 0), "numbers >= 0")


def _is_list_of_floats(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "f"


def _expect_law(times: Any, cdf: Any) -> None:
    """Expect rising times and a cdf there."""
    sound = len(times) == len(cdf) and (np.diff(times) > 0).all() and (np.diff(cdf) >= 0).all()
    if not sound or not ((times >= 0).all() and (cdf >= 0).all() and (cdf <= 1).all()):
        raise Unsound(f"{' and '.join(LISTS)}: expected rising times and the chances that they are reached")


def _floats(table: pd.DataFrame, name: str) -> Any:
    """A column of numbers.

    Raises: Unsound if it holds something else.
    """
    if table[name].dtype.kind not in "iuf":
        raise Unsound(f"{name}: expected numbers, got {table[name].dtype}")
    return table[name].to_numpy(dtype=float, na_value=np.nan)


def _expect_numbers(table: pd.DataFrame, name: str, sound: Any, expected: str) -> None:
    if not np.all(sound):
        first = float(_floats(table, name)[int(np.argmin(sound))])
        raise Unsound(f"{name}: expected {expected}, got {shown(first)}")


def _expect_all(table: pd.DataFrame, name: str, is_sound: Any, expected: str) -> None:
    for value in table[name]:
        if not is_sound(value):
            raise Unsound(f"{name}: expected {expected}, got {shown(value):.200}")
