"""One driver at a time in a results folder: an advisory lock on `driver.lock`, freed by the system when a driver dies.

The file is removed with the lock; one that a killed driver leaves behind stops nobody.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from experiments.grids.outside.bounds import LOCK_BYTES
from experiments.grids.outside.reading import FLAGS, Unsound, as_json, kind_of, read_file
from experiments.store.files import StoreError

if sys.platform != "win32":
    import fcntl

LOCK = "driver.lock"
TRIES, PAUSE = 10, 0.05
"""A look of `llm-evo status` at the lock is over long before these tries are."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as the lock file says: pid and host of the driver, and when it began."""

    pid: int | str = "unknown"
    host: str = "unknown"
    since: str = "unknown"

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}, since {self.since}"


class FolderLock:
    """The lock of a results folder, from `take` until `release` or the end of the process.

    Attributes:
        missing: why there is no lock, where the system or the disk offers none; empty if there is one.
    """

    def __init__(self, file: Path, opened: int | None, missing: str = "") -> None:
        self.file = file
        self.missing = missing
        self._opened = opened

    @classmethod
    def take(cls, folder: Path) -> FolderLock:
        """Take the lock of a folder.

        Raises: StoreError, saying who holds it, or that a link or another file has its name; OSError if the lock file
        cannot be written.
        """
        file = folder / LOCK
        if sys.platform == "win32":
            return cls(file, None, "this system has no advisory locks")
        for _ in range(TRIES):
            opened = _open(file, os.O_RDWR | os.O_CREAT)
            holder = Holder()
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _read_holder(opened)
            except OSError as error:
                os.close(opened)
                file.unlink(missing_ok=True)
                return cls(file, None, f"this disk offers no advisory locks ({error})")
            else:
                if _is_still(file, opened):
                    lock = cls(file, opened)
                    lock._sign()
                    return lock
            os.close(opened)
            time.sleep(PAUSE)
        raise _taken(folder, holder)

    def release(self) -> None:
        """Remove the lock file and free the lock; nothing if it is free. A file that cannot be removed stops nobody."""
        if self._opened is not None:
            with suppress(OSError):  # the folder is gone, or may not be written any more
                if _is_still(self.file, self._opened):
                    self.file.unlink()  # while it is held, so that nobody else's is removed
            os.close(self._opened)
            self._opened = None

    def _sign(self) -> None:
        """Write down who holds the lock."""
        assert self._opened is not None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": now}
        try:
            os.ftruncate(self._opened, 0)
            os.pwrite(self._opened, json.dumps(holder).encode(), 0)
        except OSError:
            self.release()
            raise


def holder_of(folder: Path) -> Holder | None:
    """The driver at work in a folder; None if there is none, or the system cannot tell."""
    try:
        opened = _open(folder / LOCK, os.O_RDONLY)
    except (OSError, StoreError):
        return None
    try:
        if sys.platform != "win32":
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(opened)
    except OSError:
        pass
    finally:
        os.close(opened)  # and the lock is free again
    return None


def is_ours(file: Path) -> bool:
    """Whether a file of the lock's name is a lock of ours, held or left behind."""
    try:
        content = read_file(file, LOCK_BYTES)
        return not content or set(as_json(content)) == set(asdict(Holder()))
    except (OSError, Unsound, TypeError):
        return False


def _open(file: Path, how: int) -> int:
    """Open a lock file, for nothing but a lock is written into it.

    Raises: StoreError if it is a link, no regular file, or one file with something elsewhere; OSError.
    """
    opened = -1
    try:
        opened = os.open(file, how | FLAGS, 0o666)
        found = os.fstat(opened)
        if (kind := kind_of(found.st_mode)) or found.st_nlink > 1:
            os.close(opened)
            raise StoreError(_no_lock(file, kind or "a file that has another name, too"))
    except OSError:
        if opened < 0 and file.is_symlink():
            raise StoreError(_no_lock(file, "a link")) from None
        raise
    return opened


def _no_lock(file: Path, kind: str) -> str:
    return f"{file}: expected the lock of a launch, or nothing, got {kind}; remove it"


def _is_still(file: Path, opened: int) -> bool:
    """Whether an opened lock file is the one in the folder: another driver may have removed it on leaving."""
    try:
        return os.path.samestat(os.fstat(opened), file.lstat())
    except FileNotFoundError:
        return False


def _read_holder(opened: int) -> Holder:
    try:
        return Holder(**as_json(os.pread(opened, LOCK_BYTES, 0)))
    except (OSError, Unsound, TypeError):
        return Holder()  # it is just being written


def _taken(folder: Path, holder: Holder) -> StoreError:
    return StoreError(
        f"{folder}: another launch is at work in this folder ({holder}); wait until it is done (`llm-evo status "
        f"{shlex.quote(str(folder))}` says how far it is), end it and run again to go on, or "
        "choose another folder with --out"
    )
