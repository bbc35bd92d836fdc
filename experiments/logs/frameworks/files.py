"""Files of a framework's run: regular ones alone, no more bytes in all than a log may have."""

from __future__ import annotations

from pathlib import Path

from evo.errors import InputError
from experiments.grids.outside.bounds import LOG_BYTES
from experiments.grids.outside.reading import Unsound, read_file

MOST_FILES = 20_000
"""Of a folder."""


def content_of(file: Path, told: str) -> bytes:
    """The bytes of a file.

    Raises: InputError.
    """
    try:
        return read_file(file, LOG_BYTES, links=False)
    except (OSError, Unsound) as error:
        raise InputError(f"{told}: cannot read {file.name}: {getattr(error, 'strerror', None) or error}") from None


def files_of(folder: Path, ending: str, told: str) -> list[Path]:
    """The files of a folder that end so, by name.

    Raises: InputError if they are too many, or too large together.
    """
    try:
        found = sorted(each for each in folder.iterdir() if each.name.endswith(ending))
        size = sum(each.lstat().st_size for each in found)
    except OSError as error:
        raise InputError(f"{told}: cannot read {folder.name}: {error.strerror}") from None
    if len(found) > MOST_FILES or size > LOG_BYTES:
        expected = f"expected at most {MOST_FILES:,} files of {LOG_BYTES:,} bytes in {folder.name}"
        raise InputError(f"{told}: {expected}, got {len(found):,} of {size:,}")
    return found


def text_of(told: str, content: bytes) -> str:
    """The text of a file in UTF-8; what is none stands as a mark, since logs quote what models wrote."""
    text = content.decode("utf-8-sig", "replace")
    if not text.strip():
        raise InputError(f"{told}: expected a log of calls, got an empty file")
    return text
