"""A log of calls: a JSON object a line, on the disk before anything else happens, one writer at a time."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evo.errors import InputError
from evo.parameters import shown
from experiments.grids.outside.bounds import LOG_BYTES
from experiments.grids.outside.reading import Unsound, read_file
from experiments.logs.recorded import BODIES, Stray, calls_of, is_recorded
from experiments.store.files import write_new

if sys.platform != "win32":
    import fcntl

AMOUNTS: Mapping[str, tuple[tuple[type, ...], float]] = {
    **dict.fromkeys(("tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning"), ((int,), 2.0**53)),
    "most_tokens": ((int,), sys.float_info.max),
    **dict.fromkeys(("price", "most_price"), ((int, float), sys.float_info.max)),
}
"""Columns that caps are compared with: the kinds of their numbers, and the largest."""


class CallLog:
    """A file that grows by lines, each flushed and fsynced.

    Attributes:
        path: the file.
        calls: those that were in it when it was opened.
        cut: bytes of a half-written last line that were cut off when it was opened.
    """

    def __init__(self, path: Path, *, new: bool) -> None:
        """Open a file to append to.

        Args:
            path: ends in .jsonl, so that `llm-evo calibrate` reads it.
            new: refuse a file that is there already and not empty.

        Raises: InputError.
        """
        if path.suffix != ".jsonl":
            raise InputError(f"--log: expected a file that ends in .jsonl, got {path}")
        self.path, self.cut, self._lock = path, 0, threading.Lock()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as error:
            raise InputError(f"--log: cannot write {path}: {error.strerror}") from None
        try:
            self._take()
            size = os.fstat(self._file).st_size
            if new and size:
                raise InputError(
                    f"--log: expected a new file, got {path} with {size:,} bytes; move it away or choose another name"
                )
            self._cut_half_a_line(size)
            self.calls = [] if not size else recorded_calls(path)
        except BaseException:
            os.close(self._file)
            raise

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row; it is on the disk when this returns.

        Raises: OSError if it cannot be written; no part of it then stands in the file.
        """
        line = (json.dumps(row, ensure_ascii=True) + "\n").encode()
        with self._lock:
            before = os.fstat(self._file).st_size
            try:
                while line:
                    line = line[os.write(self._file, line) :]
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, before)
                raise

    def close(self) -> None:
        """Let others write."""
        os.close(self._file)

    def _take(self) -> None:
        """The system frees it when the process ends, however it does."""
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"--log: {self.path} is written by another `llm-evo serve` or `record`; give each a file of its own"
            ) from None
        except OSError:
            return  # a disk without locks

    def _cut_half_a_line(self, size: int) -> None:
        """A process that was killed may leave half a line, which no reader understands."""
        if not size:
            return
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        self.cut = len(content) - whole
        if self.cut:
            os.ftruncate(self._file, whole)


def recorded_calls(path: Path) -> list[dict[str, Any]]:
    """The calls in a log that `llm-evo serve` or `record` wrote, each with all that later lines say of it.

    What caps are compared with is checked: a price of NaN or below 0 would let a launch spend more than it may.

    Raises: InputError.
    """
    lines = [(number, _parsed(path, number, line)) for number, line in _lines(path)]
    if lines and not is_recorded(lines[0][1]):
        raise InputError(f"--log: expected a log that `llm-evo record` wrote, got {path}; choose a new file")
    for number, row in lines:
        _expect_amounts(path, number, row)
    try:
        return [row for _, row in calls_of(lines)]
    except Stray as error:
        raise InputError(f"{path}: line {error.line}: {error}") from None


def strip(path: Path, out: Path) -> int:
    """Write a log without the bodies of its requests and replies; how many there were.

    Raises: InputError.
    """
    made, found = [], 0
    for number, line in _lines(path):
        row = _parsed(path, number, line)
        found += sum(row.get(name) is not None for name in BODIES)
        made.append(json.dumps({name: value for name, value in row.items() if name not in BODIES}))
    write_new(out, "".join(f"{line}\n" for line in made))
    return found


def _lines(path: Path) -> list[tuple[int, bytes]]:
    try:
        content = read_file(path, LOG_BYTES, links=True)
    except (OSError, Unsound) as error:
        raise InputError(f"{path}: cannot read the log: {getattr(error, 'strerror', None) or error}") from None
    return [(number, line) for number, line in enumerate(content.split(b"\n"), start=1) if line.strip()]


def _expect_amounts(path: Path, number: int, row: Mapping[str, Any]) -> None:
    """Refuse a line whose tokens or money are none."""
    for name, (kinds, most) in AMOUNTS.items():
        value = row.get(name)
        if value is not None and not (type(value) in kinds and 0 <= value <= most):
            raise InputError(
                f"{path}: line {number}: {name}: expected a {'number' if float in kinds else 'whole number'} from 0 to "
                f"{most:.4g}, got {shown(value)}; bring the log back from a copy"
            )


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise InputError(f"{path}: line {number}: expected a JSON object, got what is none; choose a new file")
    return row
