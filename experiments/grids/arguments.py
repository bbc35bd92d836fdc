"""Checks of what a caller in Python gives to a function: each says what was expected and what came."""

from __future__ import annotations

import os
import sys
from numbers import Integral, Real
from pathlib import Path

from evo.errors import InputError
from evo.parameters import shown
from experiments.grids.outside.printable import is_printable

MOST_LABEL = 200


def a_path(role: str, value: object) -> Path:
    """The path that was given.

    Raises: InputError if it is none, or none that a file can have; or whose bytes are no text, which Parquet, SQLite
        and all files that would name it cannot hold.

    >>> a_path("load", "results/paper").name
    'paper'
    """
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{role}: expected a path, got {shown(value)}")
    path = Path(value)
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{role}: expected {_in_utf8(path)}") from None
    try:
        os.lstat(path)
    except FileNotFoundError:
        pass
    except ValueError as error:  # a NUL in it
        raise InputError(f"{role}: expected a path, got {shown(str(path))}: {error}") from None
    except OSError as error:
        if not isinstance(error, NotADirectoryError):  # that is told better by who opens it
            raise InputError(f"{role}: expected a path, got {shown(str(path))}: {error.strerror}") from None
    return path


def _in_utf8(path: Path) -> str:
    """What was expected of a path that is no text here, and what helps: its name, or what reads it, is at fault."""
    coding = sys.getfilesystemencoding()
    try:
        name = os.fsencode(path).decode("utf-8")
    except UnicodeError:
        return f"a path in UTF-8, got {shown(str(path))}; rename it"
    return (
        f"a path in {coding}, in which Python reads names by this locale, got {shown(name)}; set PYTHONUTF8=1, or a "
        "locale in UTF-8"
    )


def expect_a(kind: type, role: str, value: object, example: str) -> None:
    """Check that a value is of a kind.

    Raises: InputError.
    """
    if not isinstance(value, kind):
        raise InputError(f"{role}: expected {example}, got {shown(value)}")


def expect_label(role: str, value: object) -> None:
    """Check that a value can be the label of an arm: a line of at most 200 printable characters.

    Raises: InputError.
    """
    if not isinstance(value, str):
        raise InputError(f"{role}: expected a string as the label of an arm, got {shown(value)}")
    if len(value) > MOST_LABEL:
        raise InputError(f"{role}: expected a label of at most {MOST_LABEL} characters, got {len(value):,}")
    if not is_printable(value):
        raise InputError(f"{role}: expected a label on one line, without control characters, got {value!r}")


def expect_whole(role: str, value: object, least: int) -> None:
    """Check that a value is a whole number, and not less than another.

    Raises: InputError.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{role} must be a whole number >= {least}, got {shown(value)}")


def a_number(role: str, value: object) -> float:
    """The real number that was given; NaN and infinities are for the caller to refuse.

    Raises: InputError if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{role} must be a number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:  # a whole number that no float holds
        raise InputError(f"{role} must be a number that a float holds, got {shown(value)}") from None
