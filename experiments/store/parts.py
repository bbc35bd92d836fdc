"""The parts of the table of runs: read and checked one by one, damaged ones told apart.

A part is damaged if its bytes do not have the SHA-256 of its name (truncated or altered), or cannot be read as a table
of runs. Parts of earlier versions have no checksum in their name; of those only the second is seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from evo.protocols import IntArray
from experiments.grids.strings import strings_inferred
from experiments.store.files import StoreError, checksum_in
from experiments.store.table import DTYPES, LATER

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types

WORDS = ("cell", "engine")
"""Columns of few different strings: read as codes, `pyarrow.dictionary(int32, string)`."""


@dataclass(frozen=True)
class Damaged:
    """A part that must not be counted.

    Attributes:
        file: the part.
        why: what is wrong with it, in words.
    """

    file: Path
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


def read_parts(path: Path, columns: Sequence[str] = tuple(DTYPES)) -> Iterator[tuple[Path, pa.Table | Damaged]]:
    """The parts of a results folder one after the other, in the order of their names, with some of their columns.

    Raises: StoreError if the disk does not give a part's bytes.
    """
    for file in sorted((path / "runs").glob("part-*.parquet")):
        part = read_part(file, columns)
        if part is not None:
            yield file, part


def read_part(file: Path, columns: Sequence[str]) -> pa.Table | Damaged | None:
    """Some columns of a part, None if it is gone; its bytes are read once, and all of them are checked.

    Raises: StoreError if the disk does not give them.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None  # a driver that has just begun has set it aside
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error}); see to the disk or its permissions") from None
    promised = checksum_in(file.name)
    if promised is None:  # nothing but reading all of it tells whether it is sound
        whole = _columns(file, content, tuple(DTYPES))
        return whole if isinstance(whole, Damaged) else whole.select(list(columns))
    if hashlib.sha256(content).hexdigest() != promised:
        return Damaged(file, "truncated or altered: its SHA-256 is not that of its name")
    return _columns(file, content, columns)


def _columns(file: Path, content: bytes, columns: Sequence[str]) -> pa.Table | Damaged:
    import pyarrow as pa
    from pyarrow import parquet

    schema = run_schema()
    try:
        there = parquet.read_schema(pa.BufferReader(content)).names
        missing = [name for name in DTYPES if name not in (*there, *LATER)]
        if missing:
            return Damaged(file, f"has no column {', '.join(missing)}")
        opened = parquet.ParquetFile(pa.BufferReader(content), read_dictionary=list(WORDS))
        table = opened.read([name for name in columns if name in there])
        for name in columns:
            if name not in there:
                table = table.append_column(name, pa.nulls(len(table), schema.field(name).type))
        table = table.select(list(columns)).cast(pa.schema([schema.field(name) for name in columns]))
    except MemoryError:
        raise
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        return Damaged(file, f"cannot be read ({error})")
    return table


def run_schema() -> pa.Schema:
    """The columns of a part as they are read; `hit` and those of later versions may be null."""
    import pyarrow as pa

    kinds = {"str": pa.dictionary(pa.int32(), pa.string()), "Int64": pa.int64()}
    return pa.schema(
        [
            pa.field(name, kinds.get(kind) or pa.type_for_alias(kind), nullable=kind == "Int64" or name in LATER)
            for name, kind in DTYPES.items()
        ]
    )


def words_and_codes(part: pa.Table, name: str) -> tuple[list[str], IntArray]:
    """A column of WORDS: its different strings, and of each row the place of its own among them."""
    column = part[name].unify_dictionaries().combine_chunks()
    return column.dictionary.to_pylist(), column.indices.to_numpy()


def read_table(file: Path, columns: Iterable[str]) -> pd.DataFrame | Damaged:
    """The table in a Parquet file that is no part, which must have these columns; or what is wrong with it."""
    import pandas as pd
    from pyarrow import ArrowException

    try:
        with strings_inferred():
            table = pd.read_parquet(BytesIO(file.read_bytes()))
    except MemoryError:
        raise
    except (OSError, ValueError, KeyError, ArrowException) as error:
        return Damaged(file, f"cannot be read ({error})")
    missing = [name for name in columns if name not in table.columns]
    return Damaged(file, f"has no column {', '.join(missing)}") if missing else table
