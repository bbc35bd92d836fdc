"""The parts of the table of runs: read one by one, each checked once, damaged ones told apart.

A part is damaged if its bytes do not have the SHA-256 of its name (truncated or altered), or cannot be read as a table
of runs. A part without a checksum in its name was put there by somebody else; only the second can be seen then.
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
from experiments.store.table import DTYPES, KEY, LATER

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types

WORD_COLUMNS = ("sample", "engine")
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


class Parts:
    """The parts of one results folder.

    The bytes of a part are hashed when it is first read; while its size and time of change stay, it counts as sound.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sound: dict[Path, tuple[int, ...]] = {}

    def read(self, columns: Sequence[str] = tuple(DTYPES)) -> Iterator[tuple[Path, pa.Table | Damaged]]:
        """The parts one after the other, in the order of their names, with some of their columns.

        Raises: StoreError if the disk does not give a part's bytes.
        """
        for file in sorted((self.path / "runs").glob("part-*.parquet")):
            part = self.read_one(file, columns)
            if part is not None:
                yield file, part

    def read_one(self, file: Path, columns: Sequence[str] = tuple(DTYPES)) -> pa.Table | Damaged | None:
        """Some columns of a part, None if it is gone.

        Raises: StoreError if the disk does not give its bytes.
        """
        try:
            now, content = _signature(file), file.read_bytes()
        except FileNotFoundError:
            return None  # a driver that has just begun has set it aside
        except OSError as error:
            raise StoreError(f"{file}: cannot be read ({error}); see to the disk or its permissions") from None
        promised = checksum_in(file.name)
        if promised is None:  # nothing but reading all of it tells whether it is sound
            whole = _columns(file, content, tuple(DTYPES))
            return whole if isinstance(whole, Damaged) else whole.select(list(columns))
        if self._sound.get(file) != now:
            if hashlib.sha256(content).hexdigest() != promised:
                return Damaged(file, "truncated or altered: its SHA-256 is not that of its name")
            self._sound[file] = now
        return _columns(file, content, columns)

    def written(self, file: Path) -> None:
        """Count a part as sound that was hashed while it was written."""
        self._sound[file] = _signature(file)


def _signature(file: Path) -> tuple[int, ...]:
    """What changes when a file is written again."""
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _columns(file: Path, content: bytes, columns: Sequence[str]) -> pa.Table | Damaged:
    import pyarrow as pa
    from pyarrow import parquet

    schema = run_schema()
    try:
        there = parquet.read_schema(pa.BufferReader(content)).names
        missing = [name for name in DTYPES if name not in (*there, *LATER)]
        if missing:
            return Damaged(file, f"has no column {', '.join(missing)}")
        opened = parquet.ParquetFile(pa.BufferReader(content), read_dictionary=list(WORD_COLUMNS))
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
    """A column of WORD_COLUMNS: its different strings, and of each row the place of its own among them."""
    column = part[name].unify_dictionaries().combine_chunks()
    return column.dictionary.to_pylist(), column.indices.to_numpy()


def expect_equal(copies: pd.DataFrame, files: Sequence[Path]) -> None:
    """Expect that rows of the same run are equal; columns that earlier versions lack may be null in one.

    Args:
        copies: rows of runs.
        files: the part of each row.

    Raises: StoreError naming the parts that tell different things of a run.
    """
    import pandas as pd

    copies = copies.assign(file=pd.Series(files, index=copies.index, dtype=object))
    # nulls last, so that values that are there stand beside each other
    copies = copies.sort_values([*KEY, *LATER], kind="stable", ignore_index=True)
    one, other = copies.iloc[:-1].reset_index(drop=True), copies.iloc[1:].reset_index(drop=True)
    same_run = (one[KEY] == other[KEY]).all(axis=1)
    for column in [name for name in DTYPES if name not in KEY]:
        null = one[column].isna(), other[column].isna()
        told = ~(null[0] | null[1])
        differ = told & (one[column] != other[column]).fillna(False).astype(bool)
        if column not in LATER:
            differ |= null[0] != null[1]
        differ &= same_run
        if differ.any():
            sample, batch, run = one[KEY].iloc[int(differ.argmax())]
            of_run = copies[(copies[KEY] == [sample, batch, run]).all(axis=1)]
            names = " and ".join(sorted({file.name for file in of_run["file"]}))
            raise StoreError(
                f"{files[0].parent}: {names} differ in {column} of sample {sample}, batch {batch}, run {run}, "
                "which the seed fixes: they were made by different code, or altered; remove the one that is "
                "wrong (the next run computes anew what only it held), or run the grid into another folder"
            )


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
