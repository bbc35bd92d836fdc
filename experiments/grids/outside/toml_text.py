"""The text of a grid's file, before it is parsed: no more than a grid needs, since a parser may make much of little."""

from __future__ import annotations

import re
from pathlib import Path

from evo.errors import InputError
from experiments.grids.outside.bounds import GRID_FILE_BYTES as MOST_BYTES
from experiments.grids.outside.reading import Unsound, read_file

MOST_DOTS = 64
"""In a key: its tables lie in each other, and the parser takes the square of their number."""


def grid_text(path: Path, what: str = "grid") -> str:
    """The text of a grid's file, or of another one in TOML that `what` names.

    Raises: InputError if it cannot be read, is no regular file, too large, not in UTF-8, or has keys of endless depth.
    """
    try:
        text = read_file(path, MOST_BYTES, links=True).decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot read the {what}: {error.strerror}") from None
    except Unsound as error:
        raise InputError(f"{path}: cannot read the {what}: {error}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected TOML in UTF-8, got a syntax error: {error}") from None
    if most_dots(text) > MOST_DOTS:
        raise InputError(f"{path}: expected keys of at most {MOST_DOTS} dots, got {most_dots(text):,} in one")
    return text


def most_dots(text: str) -> int:
    """Dots in the longest key, at the most: between two characters that end a key, outside lines that are comments.

    >>> most_dots("a.b.c = [0.1, 0.2]")
    2
    """
    lines = (line for line in text.split("\n") if not line.lstrip().startswith("#"))
    return max((piece.count(".") for line in lines for piece in re.split(r"[=\[\]{},]", line)), default=0)
