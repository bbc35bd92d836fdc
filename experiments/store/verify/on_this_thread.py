"""Parquet bytes read on the thread that asks, for Arrow's own threads can abort the process when it ends.

The bytes are an object of Python's. A thread of Arrow's that lets go of them last needs the interpreter for it; if the
interpreter is just ending, the thread is ended inside of C++, and the process with it: "terminate called without an
active exception", exit 134, after everything has been done (apache/arrow, issue 34314).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.grids.strings import string_type

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
    from pyarrow import parquet


def opened(content: bytes, as_codes: Sequence[str] = ()) -> parquet.ParquetFile:
    """The file in the bytes; some columns of words are read as codes.

    Raises: what pyarrow raises for bytes that are no such file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    return parquet.ParquetFile(pa.BufferReader(content), read_dictionary=list(as_codes), pre_buffer=False)


def columns_of(file: parquet.ParquetFile, names: Sequence[str]) -> pa.Table:
    """Some columns of the file.

    Raises: what pyarrow raises for a damaged one.
    """
    return file.read(list(names), use_threads=False)


def frame_in(content: bytes) -> pd.DataFrame:
    """The whole table in the bytes, with pandas' own types; words are strings as pandas 3 has them.

    Raises: what pyarrow raises for bytes that are no such file.
    """
    import pyarrow as pa

    types = {pa.string(): string_type(), pa.large_string(): string_type()}
    table = opened(content).read(use_threads=False, use_pandas_metadata=True)
    frame: pd.DataFrame = table.to_pandas(types_mapper=types.get, use_threads=False)
    frame.columns = frame.columns.astype(string_type())
    return frame
