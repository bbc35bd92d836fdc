"""Reading files that somebody else may have made: regular files alone, no links, no more bytes than a bound.

A named pipe in the place of a file would be waited for for ever, and a link would lead out of the results folder.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
"""With which files are opened: a link is an error, and a named pipe does not wait for its other end."""
KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Unsound(Exception):
    """A file is not what the testbed wrote; the message says what is wrong with it."""


@dataclass(frozen=True)
class Damaged:
    """A file that must not be counted.

    Attributes:
        file: the file.
        why: what is wrong with it, in words.
    """

    file: Path
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


def read_file(file: Path, most: int, links: bool = False) -> bytes:
    """The bytes of a file.

    Args:
        file: the file.
        most: bytes that it may have.
        links: whether the file may be a link.

    Raises: Unsound if it is no regular file, or larger; FileNotFoundError; OSError if the disk does not give them.
    """
    _expect_regular(os.stat(file, follow_symlinks=links))
    flags = os.O_RDONLY | FLAGS
    with os.fdopen(os.open(file, flags & ~getattr(os, "O_NOFOLLOW", 0) if links else flags), "rb") as stream:
        found = os.fstat(stream.fileno())
        _expect_regular(found)
        if found.st_size > most:
            raise Unsound(f"expected at most {most:,} bytes, got {found.st_size:,}")
        content = stream.read(found.st_size + 1)  # so much memory is asked for before anything is read
        if len(content) > found.st_size:  # it grows, or the system does not know its size
            content += stream.read(most + 1 - len(content))
    if len(content) > most:
        raise Unsound(f"expected at most {most:,} bytes, got more")
    return content


def as_json(content: bytes) -> Any:
    """What is written in JSON, in UTF-8.

    Raises: Unsound if it is no JSON, or nested too deep.
    """
    try:
        return json.loads(content.decode())
    except RecursionError:
        raise Unsound("expected JSON as the testbed writes it, got deeper nesting") from None
    except ValueError as error:  # syntax, encoding, whole numbers of thousands of digits
        raise Unsound(f"expected JSON as the testbed writes it, got a syntax error: {error}") from None


def kind_of(mode: int) -> str:
    """What a file is, in words; empty for a regular one."""
    return "" if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "no regular file")


def is_folder(folder: Path) -> bool:
    """Whether a folder is there, itself and no link to one.

    Raises: Unsound if something else has its name.
    """
    try:
        mode = os.lstat(folder).st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(mode):
        raise Unsound(f"expected a folder, got {kind_of(mode) or 'a file'}; remove it, or put there what it stands for")
    return True


def _expect_regular(found: os.stat_result) -> None:
    if kind := kind_of(found.st_mode):
        raise Unsound(f"expected a file, got {kind}")
