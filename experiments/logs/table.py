"""Reading a table of calls: CSV, gzipped CSV, JSON lines or Parquet, of a stranger, within bounds."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.grids.arguments import a_path
from experiments.grids.outside.bounds import LOG_BYTES, LOG_COLUMNS, LOG_LINE, LOG_ROWS, LOG_VALUES, LOG_WORD
from experiments.grids.outside.printable import printable
from experiments.grids.outside.reading import Unsound, read_file
from experiments.logs.calls import Calls
from experiments.logs.columns import COLUMNS, Value
from experiments.logs.recorded import BODIES, Stray, calls_of, each_answer, is_recorded

Row = tuple[int, Sequence[Value]]
"""Where it stands in the file, and its values in the order of the names."""
ENDINGS = (".csv", ".csv.gz", ".jsonl", ".parquet")
TYPED = (".jsonl", ".parquet")
"""Files in which a number is no word."""


def read_table(path: Path | str, translate: Callable[[list[str], Row], dict[str, Value]] | None = None) -> Calls:
    """The calls in a file, checked.

    Args:
        path: a file that ends in .csv, .csv.gz, .jsonl or .parquet.
        translate: makes our columns of a row of somebody else's; raises ValueError with "column: what is wrong".

    Raises: InputError naming file, line and column.
    """
    path = a_path("calibrate", path)
    told = printable(str(path))
    content = content_of(path)
    names, rows = _rows(path, told, content, every=translate is not None)
    columns = _Columns(told, "row" if path.name.endswith(".parquet") else "line", path.name.endswith(TYPED))
    if translate is None:
        used = [name for name in names if name in COLUMNS]
        places = [names.index(name) for name in used]
        unused = tuple(f"{name}{suggestion(name, COLUMNS)}" for name in names if name not in COLUMNS)
        for line, values in rows:
            columns.add(line, {name: values[place] for name, place in zip(used, places, strict=True)})
    else:
        unused = ()
        for line, values in rows:
            try:
                columns.add(line, translate(names, (line, values)))
            except ValueError as error:
                if isinstance(error, InputError):
                    raise
                raise InputError(f"{told}: {columns.place} {line}: {error}") from None
    return columns.calls(hashlib.sha256(content).hexdigest(), tuple(map(printable, unused))).checked()


def table_of(
    told: str,
    content: bytes,
    rows: Iterable[tuple[int, Mapping[str, Value]]],
    place: str = "line",
    lost: tuple[str, ...] = (),
    survivors: str = "",
) -> Calls:
    """The calls that a framework's log tells of, checked.

    Args:
        told: name of the file, for messages.
        content: its bytes.
        rows: where each stands in it, and its columns.
        place: what a row is called in messages.
        lost: what such a log does not tell, in words.
        survivors: why calls that failed are not in it; empty if they are.

    Raises: InputError naming file, line and column.
    """
    columns = _Columns(told, place, typed=True)
    for line, values in rows:
        columns.add(line, values)
    made = columns.calls(hashlib.sha256(content).hexdigest(), ())
    return replace(made, lost=tuple(lost), survivors=survivors).checked()


class _Columns:
    """Columns that grow row by row; a column that a row does not have is empty there."""

    def __init__(self, file: str, place: str, typed: bool) -> None:
        self.file, self.place, self.typed = file, place, typed
        self.lines = array("q")
        self.numbers: dict[str, array[float]] = {}
        self.words: dict[str, list[str]] = {}
        self.known: dict[str, str] = {}

    def add(self, line: int, values: Mapping[str, Value]) -> None:
        if len(self.lines) >= LOG_ROWS:
            raise InputError(f"{self.file}: expected at most {LOG_ROWS:,} rows, got more")
        for name, value in values.items():
            column = COLUMNS[name]
            made: float | str | None = None
            if value is not None and value != "":
                try:
                    if self.typed and column.is_number and isinstance(value, str):
                        raise ValueError("expected a number, not a word")
                    made = column.read(value)
                except ValueError as error:
                    told = f"{self.file}: {self.place} {line}: {name}: {error}, got {shown(value)}"
                    raise InputError(printable(told)) from None
            self._put(name, column.is_number, made)
        self.lines.append(line)

    def _put(self, name: str, is_number: bool, value: Any) -> None:
        rows = len(self.lines)
        if is_number:
            numbers = self.numbers.setdefault(name, array("d"))
            numbers.extend([np.nan] * (rows - len(numbers)))
            numbers.append(np.nan if value is None else value)
        else:
            words = self.words.setdefault(name, [])
            words.extend([""] * (rows - len(words)))
            word = value or ""
            words.append(self.known.setdefault(word, word))

    def calls(self, sha256: str, unused: tuple[str, ...]) -> Calls:
        rows = len(self.lines)
        for numbers in self.numbers.values():
            numbers.extend([np.nan] * (rows - len(numbers)))
        for words in self.words.values():
            words.extend([""] * (rows - len(words)))
        return Calls(
            self.file,
            sha256,
            np.array(self.lines, dtype=np.int64),
            {name: np.array(values) for name, values in self.numbers.items()},
            {name: np.array(values, dtype=object) for name, values in self.words.items()},
            unused,
            place=self.place,
        )


def content_of(path: Path) -> bytes:
    """The bytes of a log, unpacked.

    Raises: InputError.
    """
    try:
        content = read_file(path, LOG_BYTES, links=True)
        return _unpacked(content) if path.name.endswith(".gz") else content
    except OSError as error:
        raise InputError(f"{path}: cannot read the log: {error.strerror}") from None
    except (Unsound, zlib.error) as error:
        raise InputError(f"{path}: cannot read the log: {error}") from None


def _unpacked(content: bytes) -> bytes:
    """What is in gzipped bytes, no more than a log may have."""
    unpacked, rest = bytearray(), content
    while rest:
        stream = zlib.decompressobj(wbits=31)
        unpacked += stream.decompress(rest, LOG_BYTES + 1 - len(unpacked))
        if len(unpacked) > LOG_BYTES:
            raise Unsound(f"expected at most {LOG_BYTES:,} bytes when unpacked, got more")
        if not stream.eof:
            raise Unsound("expected whole gzipped bytes, got an end in their middle")
        rest = stream.unused_data
    return bytes(unpacked)


def _rows(path: Path, told: str, content: bytes, every: bool) -> tuple[list[str], Iterator[Row]]:
    """The names of the columns, and the rows."""
    if path.name.endswith(".parquet"):
        return _parquet(told, content, every)
    if not path.name.endswith((".csv", ".csv.gz", ".jsonl")):
        raise InputError(f"{told}: expected a file that ends in {', '.join(ENDINGS)}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{told}: line {line}: expected UTF-8, got a byte {content[error.start]:#04x}") from None
    if not text.strip():
        raise InputError(f"{told}: expected a table of calls, got an empty file")
    return _json_lines(told, text) if path.name.endswith(".jsonl") else _csv(told, text)


def _csv(told: str, text: str) -> tuple[list[str], Iterator[Row]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader)]
    except (StopIteration, csv.Error):
        raise InputError(f"{told}: line 1: expected the names of columns, got none") from None
    _expect_names(told, names)

    def rows() -> Iterator[Row]:
        while True:
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise InputError(f"{told}: line {reader.line_num}: expected CSV, got {error}") from None
            if not values:
                continue
            if len(values) != len(names):
                what = f"expected {len(names)} values, one a column, got {len(values)}"
                raise InputError(f"{told}: line {reader.line_num}: {what}")
            yield reader.line_num, [value.strip() for value in values]

    return names, rows()


def _expect_names(told: str, names: Sequence[str]) -> None:
    if len(names) > LOG_COLUMNS:
        raise InputError(f"{told}: expected at most {LOG_COLUMNS} columns, got {len(names):,}")
    for name in names:
        if not name or names.count(name) > 1:
            raise InputError(f"{told}: line 1: expected each column's name once, got {shown(name)} in a bad place")


def _json_lines(told: str, text: str) -> tuple[list[str], Iterator[Row]]:
    """One object a line. The columns are those of all lines, so lines are parsed twice."""

    def objects() -> Iterator[tuple[int, dict[str, Any]]]:
        return json_objects(told, text)

    first = next(objects(), None)
    if first is not None and is_recorded(first[1]):
        return _recorded(told, objects())
    names: dict[str, None] = {}
    for _, each in objects():
        names.update(dict.fromkeys(each))
        if len(names) > LOG_COLUMNS:
            raise InputError(f"{told}: expected at most {LOG_COLUMNS} columns, got more")
    return list(names), ((line, [each.get(name) for name in names]) for line, each in objects())


def json_objects(told: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file that has one a line, with the numbers of their lines.

    Raises: InputError.
    """
    for line, written in enumerate(io.StringIO(text), start=1):
        if not written.strip():
            continue
        if len(written) > LOG_LINE:
            raise InputError(f"{told}: line {line}: expected at most {LOG_LINE:,} characters, got {len(written):,}")
        yield line, _object(told, line, written)


def _recorded(told: str, lines: Iterator[tuple[int, dict[str, Any]]]) -> tuple[list[str], Iterator[Row]]:
    """The calls of a log of ours, a row an answer; it has other columns beside those of a table."""
    calls: list[tuple[int, dict[str, Any]]] = []
    try:
        for line, call in calls_of(lines):
            try:
                calls += [(line, row) for row in each_answer(call)]
            except ValueError as error:
                raise Stray(line, str(error)) from None
            if len(calls) > LOG_ROWS:
                raise InputError(f"{told}: expected at most {LOG_ROWS:,} rows, got more")
    except Stray as error:
        raise InputError(printable(f"{told}: line {error.line}: {error}")) from None
    if not calls:
        raise InputError(f"{told}: expected calls, got a log of none")
    names = [name for name in COLUMNS if any(name in row for _, row in calls)]
    names += [name for name in BODIES if any(row.get(name) is not None for _, row in calls)]  # told as not used
    return names, ((line, [row.get(name) for name in names]) for line, row in calls)


def _object(told: str, line: int, written: str) -> dict[str, Any]:
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice.extend(name for n, name in enumerate(names) if name in names[:n])
        return dict(pairs)

    try:
        made = json.loads(written, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        what = f"expected one JSON object a line, got a syntax error at character {error.colno}: {error.msg}"
        raise InputError(f"{told}: line {line}: {what}") from None
    except (RecursionError, ValueError):
        raise InputError(f"{told}: line {line}: expected one JSON object a line, got deep nesting or digits") from None
    if not isinstance(made, dict):
        raise InputError(f"{told}: line {line}: expected one JSON object a line, got {shown(made)}")
    if twice:
        raise InputError(f"{told}: line {line}: expected each name once, got {shown(twice[0])} twice")
    return made


def _parquet(told: str, content: bytes, every: bool) -> tuple[list[str], Iterator[Row]]:
    """The rows of a Parquet file; of columns that are not asked for, nothing."""
    from experiments.store.verify.on_this_thread import columns_of, opened
    from experiments.store.verify.pages import expect_pages

    try:
        file = opened(content)
        names = list(file.schema_arrow.names)
        _expect_names(told, names)
        if file.metadata.num_rows > LOG_ROWS:
            raise InputError(f"{told}: expected at most {LOG_ROWS:,} rows, got {file.metadata.num_rows:,}")
        expect_pages(content, file.metadata, LOG_BYTES, LOG_VALUES)
        read = {name: _values(told, name, columns_of(file, [name])) for name in names if every or name in COLUMNS}
    except (InputError, MemoryError):
        raise
    except Exception as error:  # of pyarrow, which raises many kinds for what is no table
        raise InputError(f"{told}: expected a Parquet table, got what cannot be read as one ({error})") from None
    nothing = [None] * file.metadata.num_rows
    columns = [read.get(name, nothing) for name in names]
    return names, ((row, values) for row, values in enumerate(zip(*columns, strict=True), start=1))


def _values(told: str, name: str, table: Any) -> list[Value]:
    """A column as Python's objects, if its words are short: a dictionary may stand for one in each row."""
    from pyarrow import compute, types  # type: ignore[import-untyped]  # ships no types

    made: list[Value] = []
    for chunk in table.column(name).chunks:
        kind = chunk.type.value_type if types.is_dictionary(chunk.type) else chunk.type
        if types.is_string(kind) or types.is_large_string(kind):
            longest = compute.max(compute.binary_length(chunk.dictionary if types.is_dictionary(chunk.type) else chunk))
            if (longest.as_py() or 0) > LOG_WORD:
                what = f"expected words of at most {LOG_WORD:,} bytes, got one of {longest.as_py():,}"
                raise InputError(f"{told}: {name}: {what}")
        elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_null(kind) or types.is_boolean(kind)):
            raise InputError(f"{told}: {name}: expected a column of words or numbers, got {kind}")
        made += chunk.to_pylist()
    return made
