"""Whose log a file is, by its first bytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

from evo.errors import InputError
from experiments.grids.arguments import a_path
from experiments.grids.outside.bounds import LOG_LINE
from experiments.grids.outside.printable import printable
from experiments.grids.outside.reading import kind_of
from experiments.logs.calls import Calls
from experiments.logs.frameworks import codeevolve, gepa, openevolve, shinka
from experiments.logs.table import content_of

Reader = Callable[[Path, str, bytes], Calls]
READERS: dict[str, Reader] = {
    "openevolve": openevolve.trace,
    "shinka": shinka.database,
    "gepa": gepa.callbacks,
    "codeevolve": codeevolve.island,
}


def read(name: str, path: Path | str) -> Calls:
    """The calls in a framework's file, or in a folder of OpenEvolve.

    Raises: InputError.
    """
    path = a_path("calibrate", path)
    told = printable(str(path))
    if path.is_dir():
        if name != "openevolve":
            raise InputError(f"{told}: expected a file of {name}, got a folder")
        return openevolve.folder(path, told)
    return READERS[name](path, told, content_of(path))


def whose(path: Path | str) -> str | None:
    """The framework that wrote a file or folder; None for a table of calls, and for what cannot be read.

    >>> whose("no such file")
    """
    path = a_path("calibrate", path)
    if path.is_dir():
        return "openevolve"
    head = _head(path)
    if head.startswith(shinka.MAGIC):
        return "shinka"
    if codeevolve.is_log(head[:200]):
        return "codeevolve"
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        try:
            first = json.loads(head.lstrip().partition(b"\n")[0])
        except (ValueError, RecursionError):
            return None
        if isinstance(first, dict):
            return "openevolve" if openevolve.is_trace(first) else "gepa" if gepa.is_callbacks(first) else None
    return None


def _head(path: Path) -> bytes:
    """The first bytes of a regular file, unpacked; none of anything else."""
    try:
        if kind_of(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            head = file.read(LOG_LINE)
        return zlib.decompressobj(wbits=31).decompress(head, LOG_LINE) if path.name.endswith(".gz") else head
    except (OSError, ValueError, zlib.error):
        return b""
