"""Rows of a log of calls: read from a file, from columns or as they are, counted and in one order."""

from __future__ import annotations

import csv
import os
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
    names = [*_COLUMNS[:3], "broken" if "broken" in log else "kept"]
    if missing := [name for name in names if name not in log]:
        raise InputError(f"{_EXPECTED}; got no column {', '.join(missing)}")
    rows = zip_longest(*(np.asarray(log[name]).ravel().tolist() for name in names))
    return [found for n, row in enumerate(rows, start=1) if (found := _of_row(f"row {n}", row, names[3] == "kept"))]


def _of_file(path: str | os.PathLike[str]) -> list[tuple[str, tuple[int, ...]]]:
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            names, rows = list(reader.fieldnames or []), [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{_EXPECTED}; cannot read {shown(os.fspath(path))}: {error}") from None
    last = "broken" if "broken" in names else "kept"
    if missing := [name for name in (*_COLUMNS[:3], last) if name not in names]:
        raise InputError(f"{_EXPECTED}; {os.fspath(path)} has no column {', '.join(missing)}")
    told = [
        _of_row(f"{os.fspath(path)}: line {line}", [row[name] for name in (*_COLUMNS[:3], last)], last == "kept")
        for line, row in rows
    ]
    return [each for each in told if each]


def _of_row(where: str, row: Sequence[Any], kept: bool) -> tuple[str, tuple[int, ...]] | None:
    """A row of g, incorrect, repaired, and broken or kept; None of a call that says nothing of its blocks."""
    if all(value in ("", None) for value in row[2:]):
        return None
    g, incorrect, repaired, last = (_whole(where, value) for value in row)
    return where, (g, incorrect, repaired, g - incorrect - last if kept else last, 1)
