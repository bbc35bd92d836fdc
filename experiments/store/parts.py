"""The parts of the table of runs: read one by one, each checked once, damaged ones told apart.

A part is damaged if it is no regular file, its name has no SHA-256 or that of other bytes (truncated or altered), or it
cannot be read as a table of runs, or holds what no run can come to (`experiments.store.verify.part_values`). So is one
that says of itself that its runs were drawn with another seed than the grid's, or in other batches. Parts of earlier
versions say nothing of it; they are taken for parts of this grid, as they always were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo.parameters import shown
from evo.protocols import IntArray
from experiments.grids.outside.bounds import PART_BYTES
from experiments.grids.outside.reading import Damaged, Unsound, read_file
from experiments.store.files import DRAWN, StoreError, checksum_in, there
from experiments.store.table import DTYPES, FAR, KEY, LATER, dtype_of, is_of_a_role
from experiments.store.verify.on_this_thread import columns_of, opened
from experiments.store.verify.part_values import expect_size, expect_types, expect_values

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types

WORD_COLUMNS = ("sample", "engine")
"""Columns of few different strings: read as codes, `pyarrow.dictionary(int32, string)`."""


class Parts:
    """The parts of one results folder.

    The bytes of a part are hashed when it is first read; while its size and time of change stay, it counts as sound.

    Attributes:
        path: the folder.
        drawn: what names the random streams of its grid (`experiments.store.grid_json.drawn_with`); None: a part may
            say what it will.
    """

    def __init__(self, path: Path, drawn: str | None = None) -> None:
        self.path, self.drawn = path, drawn
        self._sound: dict[Path, tuple[int, ...]] = {}

    def read(self, columns: Sequence[str] | None = None) -> Iterator[tuple[Path, pa.Table | Damaged]]:
        """The parts one after the other, in the order of their names, with some of their columns, or all.

        Raises: StoreError if the disk does not give a part's bytes.
        """
        for file in self.files():
            part = self.read_one(file, columns)
            if part is not None:
                yield file, part

    def files(self) -> list[Path]:
        """The parts; files of other names are none of ours.

        Raises: StoreError if the folder of the runs is none.
        """
        runs = self.path / "runs"
        return sorted(runs.glob("part-*.parquet")) if there(runs) else []

    def read_one(self, file: Path, columns: Sequence[str] | None = None) -> pa.Table | Damaged | None:
        """Some columns of a part, all unless said; None if it is gone.

        Raises: StoreError if the disk does not give its bytes.
        """
        try:
            now, content = _signature(file), read_file(file, PART_BYTES)
            promised = checksum_in(file.name)
            if promised is None:
                raise Unsound("its name has no SHA-256: the testbed did not write it")
            first = self._sound.get(file) != now
            if first and hashlib.sha256(content).hexdigest() != promised:
                raise Unsound("truncated or altered: its SHA-256 is not that of its name")
            found = _columns(content, None if first else columns, self.drawn)
            if first:
                expect_values(found)
                self._sound[file] = now
            return found if columns is None else found.select(list(columns))
        except FileNotFoundError:
            return None  # a driver that has just begun has set it aside
        except Unsound as error:
            return Damaged(file, str(error))
        except OSError as error:
            raise StoreError(f"{file}: cannot be read ({error}); see to the disk or its permissions") from None

    def written(self, file: Path) -> None:
        """Count a part as sound that was hashed while it was written."""
        self._sound[file] = _signature(file)


def _signature(file: Path) -> tuple[int, ...]:
    """What changes when a file is written again."""
    found = file.lstat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _columns(content: bytes, columns: Sequence[str] | None, drawn: str | None) -> pa.Table:
    """Some columns of a part's bytes; all that are ours unless said.

    Raises: Unsound if they are no part, one that asks for more than parts have, or one of another seed.
    """
    import pyarrow as pa

    try:
        file = opened(content, WORD_COLUMNS)
        expect_size(content, file.metadata)
        expect_types(file.schema_arrow)
        expect_drawn(file.schema_arrow.metadata or {}, drawn)
        present = file.schema_arrow.names
        columns = [*DTYPES, *filter(is_of_a_role, present)] if columns is None else columns
        kinds = {name: file.schema_arrow.field(name).type for name in FAR if name in present}
        schema = run_schema(columns, {name for name, kind in kinds.items() if pa.types.is_floating(kind)})
        table = columns_of(file, [name for name in columns if name in present])
        for name in columns:
            if name not in present:
                table = table.append_column(name, _not_there(name, len(table)))
        table = table.select(list(columns)).cast(pa.schema([schema.field(name) for name in columns]))
    except (MemoryError, Unsound):
        raise
    except Exception as error:  # of pyarrow, which raises many kinds for what is no table
        raise Unsound(f"cannot be read ({error})") from None
    return table


def expect_drawn(metadata: Mapping[bytes, bytes], drawn: str | None) -> None:
    """Expect that a part says nothing of its random streams, or that they are those of the grid.

    >>> expect_drawn({}, '{"seed": 1, "batch": 200}')

    Raises: Unsound.
    """
    said = metadata.get(DRAWN)
    if None not in (said, drawn) and said != str(drawn).encode():
        raise Unsound(f"of another grid: its runs were drawn with {shown(said)}, those of this one with {drawn}")


def _not_there(name: str, rows: int) -> pa.Array:
    """A column that an earlier version did not write."""
    import pyarrow as pa

    kind = run_schema().field(name).type
    return pa.nulls(rows, kind) if pa.types.is_floating(kind) else pa.array(np.zeros(rows, dtype=np.int64))


def run_schema(columns: Iterable[str] = tuple(DTYPES), far: Collection[str] = ()) -> pa.Schema:
    """Columns of a part as they are read; `hit`, those of roles and those of later versions may be null.

    Args:
        columns: their names.
        far: those of whole numbers that are floats since they leave 64 bits.
    """
    import pyarrow as pa

    kinds = {"str": pa.dictionary(pa.int32(), pa.string()), "Int64": pa.int64()}
    return pa.schema(
        [
            pa.field(
                name,
                pa.float64() if name in far else kinds.get(kind) or pa.type_for_alias(kind),
                nullable=kind == "Int64" or name in LATER,
            )
            for name, kind in ((name, dtype_of(name)) for name in columns)
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
    for column in [name for name in copies.columns if name not in (*KEY, "file")]:
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
