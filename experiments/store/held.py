"""Folders that a process holds while it works, and removes at its end; the next one removes what killed ones left.

A process holds its folder by a lock, which the system frees when the process ends, however it does. Where a system or
a disk offers no locks, nothing tells a folder that was left from one at work: what was left then stays.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import fcntl

TRIES = 3
"""So often a folder is made that another process takes for a left one, between its making and its lock."""


@dataclass(frozen=True)
class FolderForm:
    """What folders of one kind are called, and what is in them: a folder that differs in anything is somebody else's.

    Attributes:
        before, after: how each name begins and ends.
        letters, length: of which letters, and how many, are drawn between the two.
        inside: the path below the folder, with "/", of each file and folder that is written there.

    >>> form = FolderForm(".table.", ".tmp", "0123456789abcdef", 4, re.compile("table"))
    >>> form.is_name(".table.09af.tmp"), form.is_name(".table.mine.tmp")
    (True, False)
    """

    before: str
    after: str
    letters: str
    length: int
    inside: re.Pattern[str]

    def name(self) -> str:
        """A name that no folder has yet."""
        return self.before + "".join(secrets.choice(self.letters) for _ in range(self.length)) + self.after

    def is_name(self, name: str) -> bool:
        """Whether `name` gives such names."""
        drawn = f"[{re.escape(self.letters)}]{{{self.length}}}"
        return re.fullmatch(re.escape(self.before) + drawn + re.escape(self.after), name) is not None


@contextmanager
def held_folder(parent: Path, form: FolderForm) -> Iterator[Path]:
    """A new folder in a parent, held until it is removed; first those that killed processes left there are removed.

    Raises: OSError if it cannot be made.
    """
    _remove_left(parent, form)
    folder, lock = _made(parent, form)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def locked(folder: Path) -> int | None:
    """Lock a folder until the file that is given back is closed; None where the system or the disk offers no locks.

    Raises: BlockingIOError if somebody else holds it; OSError if it is gone, or no folder (a link to one is none).
    """
    if sys.platform == "win32":
        return None
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        raise
    except OSError:
        os.close(opened)
        return None
    return opened


def _made(parent: Path, form: FolderForm) -> tuple[Path, int | None]:
    """A new folder and its lock; a process that looks for left ones just then may remove it before it is locked."""
    for _ in range(TRIES):
        folder = parent / form.name()
        folder.mkdir(0o700)
        with suppress(FileNotFoundError, BlockingIOError):
            lock = locked(folder)
            if lock is None or folder.exists():
                return folder, lock
            os.close(lock)
        with suppress(OSError):
            folder.rmdir()
    raise FileNotFoundError(f"{parent}: {TRIES} new folders were removed, or held by others, as soon as they were made")


def _remove_left(parent: Path, form: FolderForm) -> None:
    """Remove what killed processes left, where the parent can be listed."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        for name in os.listdir(parent):
            if form.is_name(name):
                with suppress(OSError):
                    _remove_if_left(parent / name, form)


def _remove_if_left(folder: Path, form: FolderForm) -> None:
    """Remove a folder of this user's that nobody holds, if all in it is what we write.

    Nothing is removed but what was looked at: a file that comes meanwhile stays, and so does the folder around it.

    Raises: OSError if it is held, no folder, or cannot be read or removed.
    """
    if folder.lstat().st_uid != os.getuid() or (lock := locked(folder)) is None:
        return
    try:
        found = _below(lock)
        if all(form.inside.fullmatch(path) and _is_plain(mode) for path, mode in found.items()):
            for path, mode in reversed(found.items()):
                (os.rmdir if stat.S_ISDIR(mode) else os.unlink)(path, dir_fd=lock)
            folder.rmdir()
    finally:
        os.close(lock)


def _below(opened: int) -> dict[str, int]:
    """The modes of all that is below an open folder, by path; each folder before what is in it.

    Raises: OSError if some of it cannot be listed.
    """
    found = {}
    for above, folders, files, at in os.fwalk(".", onerror=_raised, dir_fd=opened):
        for name in (*folders, *files):
            mode = os.stat(name, dir_fd=at, follow_symlinks=False).st_mode
            found[os.path.normpath(os.path.join(above, name))] = mode
    return found


def _is_plain(mode: int) -> bool:
    """Whether it is a file or a folder; we write no links, pipes or devices."""
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _raised(error: OSError) -> None:
    raise error
