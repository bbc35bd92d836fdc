"""What a report came to, kept so that the same report is not made twice.

Kept are the verdict, what the terminal showed, and the checksums of the files that were written; not in the results
folder, which may come from anybody, but where the user's state is kept. It holds as long as nothing that a report is
made of has changed: the files of the folder (`key_of`), the code of the testbed, the versions of the libraries, alpha,
and the files of the report themselves. Where parts are third-party, whose code may do anything, nothing is kept; and
`llm-evo check` always computes its verdicts.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from experiments.grids.cell_text import foreign_in
from experiments.grids.outside.bounds import REPORT_BYTES
from experiments.grids.outside.reading import Unsound, read_file
from experiments.predictions.verdict import Verdict
from experiments.store.failures import FOLDER as FAILURES
from experiments.store.files import StoreError, there, write_json
from experiments.store.launches.state import state_file
from experiments.store.parts import Parts
from experiments.store.results import Results
from experiments.store.verify.seals import from_json

LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "matplotlib", "rich")
"""Those that a report is made with."""
PACKAGES = ("evo", "operators", "problems", "experiments")
SOURCES = ("*.py", "*.css", "*.js")
"""Files of the testbed that a report is made by."""
MOST_LOOKS = 8
"""Looks of a terminal (width, colours, encoding) whose text is kept."""


@dataclass(frozen=True)
class KeptReport:
    """What a report came to.

    Attributes:
        key: of what it was made of (`key_of`).
        verdict: on the grid.
        files: the SHA-256 of each file that was written, by its name, in the order in which they are told.
        shown: what was shown, by the look of the terminal.
    """

    key: str
    verdict: Verdict
    files: Mapping[str, str]
    shown: Mapping[str, str] = field(default_factory=dict)


def key_of(results: Results, alpha: float) -> str | None:
    """What tells whether a report would be the same; None where that cannot be told.

    The parts of the table of runs are named by their checksums, which were compared when they were read; of the other
    files the bytes are hashed.
    """
    path = results.path
    if path is None or any(foreign_in(str(text)) for text in results.cells["text"]):
        return None
    hashed = hashlib.sha256(f"{_made_with()} {alpha!r}".encode())
    try:
        failures = sorted((path / FAILURES).glob("*.json")) if there(path / FAILURES) else []
        for name, checksum in checksums([path / "grid.json", path / "cells.parquet", *failures]).items():
            hashed.update(f" {name} {checksum}".encode())
        hashed.update(" ".join(file.name for file in Parts(path).files()).encode())
    except (OSError, StoreError, Unsound):
        return None
    return hashed.hexdigest()


def kept_report(path: Path, key: str | None) -> KeptReport | None:
    """The report of that key on a results folder, if it was kept and its files are still as they were written."""
    if key is None:
        return None
    try:
        content = from_json(read_file(state_file("reports", path), REPORT_BYTES))
        made = KeptReport(
            content["key"], Verdict(content["verdict"]), _words(content["files"]), _words(content["shown"])
        )
        same = made.key == key and made.files == checksums([path / name for name in made.files])
    except (OSError, RuntimeError, Unsound, ValueError, LookupError, TypeError):
        return None
    return made if same else None


def keep(path: Path, made: KeptReport) -> None:
    """Keep a report; where the user's state cannot be written the next one is made anew."""
    shown = dict(list(made.shown.items())[-MOST_LOOKS:])
    with suppress(OSError, RuntimeError):
        file = state_file("reports", path)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, asdict(made) | {"verdict": str(made.verdict), "shown": shown})


def checksums(files: list[Path]) -> dict[str, str]:
    """The SHA-256 of files, by their names.

    Raises: Unsound if one is no regular file; OSError.
    """
    return {file.name: hashlib.sha256(read_file(file, REPORT_BYTES)).hexdigest() for file in files}


def _words(content: Any) -> dict[str, str]:
    """A dictionary of words.

    Raises: TypeError.
    """
    if not isinstance(content, dict) or not all(isinstance(word, str) for word in content.values()):
        raise TypeError("expected words by name")
    return content


@cache
def _made_with() -> str:
    """A hash of the source of the testbed, and of the versions that it runs with."""
    hashed = hashlib.sha256(platform.python_version().encode())
    for library in LIBRARIES:
        hashed.update(f" {library} {version(library)}".encode())
    top = Path(__file__).parents[2]
    for file in sorted(file for package in PACKAGES for kind in SOURCES for file in (top / package).rglob(kind)):
        hashed.update(f" {file.relative_to(top)} {file.stat().st_size} ".encode() + file.read_bytes())
    return hashed.hexdigest()
