"""What the bytes of a part must be before its rows are counted: types, values, and no more rows than parts have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo.parameters import shown
from experiments.grids.grid import ENGINES, MOST_BATCH
from experiments.grids.outside.bounds import PART_BYTES as MOST_BYTES
from experiments.grids.outside.bounds import PART_ROWS as MOST_ROWS
from experiments.grids.outside.reading import Unsound
from experiments.store.table import DTYPES, FAR, LATER, MOST_COLUMNS, dtype_of, is_of_a_role
from experiments.store.verify.names import is_sample
from experiments.store.verify.pages import expect_pages

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
    from pyarrow import parquet

WORDS = ("sample", "engine")
MAY_BE_NULL = ("seconds",)
"""Beside whole numbers that may be null by their type."""


def expect_size(content: bytes, footer: parquet.FileMetaData) -> None:
    """Expect no more rows and bytes than a part has, before they are read.

    Args:
        content: the bytes of the part.
        footer: what they say of the columns.

    Raises: Unsound.
    """
    size = sum(footer.row_group(n).total_byte_size for n in range(footer.num_row_groups))
    if footer.num_rows > MOST_ROWS or size > MOST_BYTES:
        raise Unsound(
            f"declares {footer.num_rows:,} rows in {size:,} bytes, a part has at most {MOST_ROWS:,} in {MOST_BYTES:,}"
        )
    expect_pages(content, footer, MOST_BYTES, footer.num_columns * MOST_ROWS)


def expect_types(schema: pa.Schema) -> None:
    """Expect the columns of a part, each of its type; those that earlier versions lack may be missing.

    Raises: Unsound.
    """
    from pyarrow import types

    missing = [name for name in DTYPES if name not in (*schema.names, *LATER)]
    if missing:
        raise Unsound(f"has no column {', '.join(missing)}")
    roles = [name for name in schema.names if is_of_a_role(name)]
    if len(roles) > MOST_COLUMNS:
        raise Unsound(f"has {len(roles):,} columns of roles, a part has at most {MOST_COLUMNS:,}")
    for name in {*roles, *DTYPES} & set(schema.names):
        if schema.names.count(name) > 1:
            raise Unsound(f"has several columns {name}")
        kind = schema.field(name).type
        if name in WORDS:
            words = kind.value_type if types.is_dictionary(kind) else kind
            sound = types.is_string(words) or types.is_large_string(words)
        else:
            found = str(kind).replace("double", "float64")
            sound = found == dtype_of(name).lower() or (name in FAR and found == "float64")
        if not sound:
            raise Unsound(f"{name}: expected {dtype_of(name).lower()}, got {kind}")


def expect_values(table: pa.Table) -> None:
    """Expect words in their form, and numbers that counts can be; of the columns that the table has.

    Raises: Unsound naming the column.
    """
    from pyarrow import compute, types

    far = [name for name in FAR if name in table.column_names and types.is_floating(table[name].type)]
    far = [name for name in far if DTYPES[name] != "float64"]
    if far and "engine" in table.column_names and set(table["engine"].unique().to_pylist()) - {"law"}:
        raise Unsound(f"{', '.join(far)}: expected whole numbers of 64 bits in rows of other engines than law")
    for name in table.column_names:
        column = table[name]
        if column.null_count and dtype_of(name) != "Int64" and name not in MAY_BE_NULL:
            raise Unsound(f"{name}: expected a value in each row, got {column.null_count:,} without")
        if name in WORDS:
            _expect_words(name, column)
        elif len(column) > column.null_count:
            ends = compute.min_max(column)
            least, most = ends["min"].as_py(), ends["max"].as_py()
            limit = {"run": MOST_BATCH - 1, "batch": 2**31 - 1}.get(name, float("inf"))
            nan = name in FAR and types.is_floating(column.type) and compute.any(compute.is_nan(column)).as_py()
            if least is not None and (nan or not (least >= 0 and most <= limit and most != float("inf"))):
                raise Unsound(f"{name}: expected finite numbers >= 0, got {shown(least)} to {shown(most)}")


def _expect_words(name: str, column: pa.ChunkedArray) -> None:
    for word in column.unique().to_pylist():
        sound = is_sample(word) if name == "sample" else word in ENGINES
        if not sound:
            expected = "the name of a cell's runs" if name == "sample" else f"one of {', '.join(ENGINES)}"
            raise Unsound(f"{name}: expected {expected}, got {shown(word):.100}")
