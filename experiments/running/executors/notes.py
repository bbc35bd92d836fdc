"""The temporary folder of a launch, where workers note what they are at; those of killed drivers are removed.

A driver holds a lock on its folder, which the system frees when the driver ends, however it does.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX = "llm-evo-notes-"
FORM = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")
TRIES = 3
NOTE = re.compile(r"\d+-\d+")


@contextmanager
def notes_folder() -> Iterator[Path]:
    """A temporary folder for the notes of a launch; first those that killed drivers have left are removed."""
    _remove_left()
    folder, lock = _made()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _made() -> tuple[Path, int | None]:
    """A new folder and its lock; another launch that begins just then may remove it before it is locked."""
    for _ in range(TRIES):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FileNotFoundError):
            lock = locked(folder)
            if folder.exists() and lock is not None:
                return folder, lock
        with suppress(OSError):
            folder.rmdir()
    return Path(tempfile.mkdtemp(prefix=PREFIX)), None  # a disk that offers no locks


def _remove_left() -> None:
    """Remove folders of our own form, this user's, that no driver holds, if there is nothing in them but notes."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).iterdir():
            if FORM.fullmatch(folder.name) and not folder.is_symlink():
                with suppress(OSError):
                    _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    if folder.stat().st_uid != os.getuid() or (lock := locked(folder)) is None:
        return
    try:
        files = list(folder.iterdir())
        if all(NOTE.fullmatch(file.name) for file in files):
            for file in files:
                file.unlink()
            folder.rmdir()
    finally:
        os.close(lock)


def locked(folder: Path) -> int | None:
    """Lock a folder until the file that is given back is closed; None if somebody else has, or the disk cannot."""
    if sys.platform == "win32":
        return None
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened
