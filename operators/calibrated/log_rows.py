"""Rows of a log of calls: read from a file, from columns or as they are, counted and in one order."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from evo.errors import InputError
from evo.parameters import shown

Rows = tuple[tuple[int, int, int, int, int], ...]
"""Of g, incorrect, repaired, broken, and the number of such calls; all different, in rising order."""
Log = Rows | Sequence[Sequence[int]] | Mapping[str, Any] | str | os.PathLike[str]
MOST_ROWS = 2_000
"""Different rows at the most: they stand in the text of every cell."""
MOST_BYTES, MOST_CALLS, MOST_COLUMNS = 2**26, 1_000_000, 200
"""Of a file."""
_COLUMNS = ("g", "incorrect", "repaired", "broken")
_EXPECTED = (
    "FromLog: log must be the path of a CSV file or columns g, incorrect, repaired and broken (or kept), or rows "
    "(g, incorrect, repaired, broken)"
)


def expect_rows(log: Any) -> Rows:
    """The rows of a log, each kind of call once with how many there were.

    Raises: InputError naming the row.
    """
    if isinstance(log, str | os.PathLike):
        given = _of_file(log)
    elif isinstance(log, Mapping):
        given = _of_columns(log)
    else:
        given = _as_they_are(log)
    counted: Counter[tuple[int, ...]] = Counter()
    for where, row in given:
        counted[row[:4]] += _checked(where, row)
    if not counted:
        raise InputError(f"{_EXPECTED}; got none")
    if len(counted) > MOST_ROWS:
        raise InputError(
            f"FromLog: expected at most {MOST_ROWS:,} different kinds of calls, got {len(counted):,}: they stand in "
            "the text of every cell; keep fewer g, or take Measured"
        )
    return tuple((g, i, repaired, broken, n) for (g, i, repaired, broken), n in sorted(counted.items()))


def _checked(where: str, row: tuple[int, ...]) -> int:
    g, incorrect, repaired, broken, calls = row
    if not (g >= 1 and 0 <= repaired <= incorrect <= g and 0 <= broken <= g - incorrect and calls >= 1):
        raise InputError(
            f"FromLog: {where}: expected g >= 1 blocks, 0 <= repaired <= incorrect <= g, 0 <= broken <= g - incorrect "
            f"and at least 1 call, got g = {g}, incorrect = {incorrect}, repaired = {repaired}, broken = {broken}, "
            f"calls = {calls}"
        )
    return calls


def _whole(where: str, value: Any) -> int:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool | str) or not isinstance(value, int | float) or value != value // 1:
        raise InputError(f"FromLog: {where}: expected a whole number, got {shown(value)}")
    return int(value)


def _as_they_are(log: Any) -> list[tuple[str, tuple[int, ...]]]:
    rows = log.tolist() if isinstance(log, np.ndarray) else log
    if not isinstance(rows, tuple | list) or not rows:
        raise InputError(f"{_EXPECTED}, got {shown(rows)}")
    found = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, tuple | list) or len(row) not in (4, 5):
            raise InputError(f"{_EXPECTED}, got {shown(row)} as row {number}")
        where = f"row {number}"
        found.append((where, tuple(_whole(where, value) for value in (*row, 1)[:5])))
    return found


def _of_columns(log: Mapping[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    names = _names(list(log), "got")
    rows = zip_longest(*(np.asarray(log[name]).ravel().tolist() for name in names))
    return [found for n, row in enumerate(rows, start=1) if (found := _of_row(f"row {n}", names, row))]


def _of_file(path: str | os.PathLike[str]) -> list[tuple[str, tuple[int, ...]]]:
    told = shown(os.fspath(path))
    reader = csv.reader(io.StringIO(_text(path, told), newline=""), strict=True)
    found: list[tuple[str, tuple[int, ...]]] = []
    try:
        head = next(reader, [])
        if len(head) > MOST_COLUMNS:
            raise InputError(f"FromLog: {told}: expected at most {MOST_COLUMNS} columns, got {len(head):,}")
        if len(set(head)) < len(head):
            raise InputError(f"FromLog: {told}: expected a name once, got {_repeated(head)} twice")
        names = _names(head, f"{told} has")
        places = [head.index(name) for name in names]
        for calls, values in enumerate((row for row in reader if row), start=1):
            where = f"{told}: line {reader.line_num}"
            if calls > MOST_CALLS:
                raise InputError(f"FromLog: {told}: expected at most {MOST_CALLS:,} calls, got more")
            if len(values) != len(head):
                raise InputError(f"FromLog: {where}: expected {len(head)} values, one a column, got {len(values)}")
            row = _of_row(where, names, [values[place] for place in places])
            found += [row] if row else []
    except csv.Error as error:
        raise InputError(
            f"FromLog: {told}: line {reader.line_num}: expected rows of a CSV file, got: {error}"
        ) from None
    return found


def _text(path: str | os.PathLike[str], told: str) -> str:
    """The text of a regular file within bounds: a pipe may never end, and a disk holds more than memory."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"{_EXPECTED}; {told} is no regular file")
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{_EXPECTED}; cannot read {told}: {error}") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"FromLog: {told}: expected at most {MOST_BYTES:,} bytes, got more; keep the columns it needs")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"FromLog: {told}: line {line}: expected UTF-8, got the byte {content[error.start]:#x}"
        ) from None


def _names(given: list[str], has: str) -> list[str]:
    """The columns that are read.

    Raises: InputError if one is missing.
    """
    names = [*_COLUMNS[:3], "broken" if "broken" in given else "kept"]
    if missing := [name for name in names if name not in given]:
        raise InputError(f"{_EXPECTED}; {has} no column {', '.join(missing)}")
    return names


def _repeated(names: list[str]) -> str:
    return shown(next(name for number, name in enumerate(names) if name in names[:number]))


def _of_row(where: str, names: list[str], row: Sequence[Any]) -> tuple[str, tuple[int, ...]] | None:
    """A row of g, incorrect, repaired, and broken or kept; None of a call that says nothing of its blocks."""
    if all(value in ("", None) for value in row[2:]):
        return None
    g, incorrect, repaired, last = (_whole(f"{where}: {name}", value) for name, value in zip(names, row, strict=True))
    return where, (g, incorrect, repaired, g - incorrect - last if names[3] == "kept" else last, 1)
