"""The names that the testbed gives: what is read from a file becomes part of a path only in one of these forms."""

from __future__ import annotations

import re

_CELL = re.compile(r"c[0-9a-f]{12}")
_SAMPLE = re.compile(r"s[0-9a-f]{12}-[0-9a-f]{8}")
_TEMPORARY = re.compile(r"\.[A-Za-z0-9._-]+\.[0-9a-f]{32}\.tmp")
MOST_BATCHES = 2**31
"""Numbers of batches are below this."""


def is_cell(name: object) -> bool:
    """Whether it has the form of a cell's id.

    >>> is_cell("c0123456789ab"), is_cell("../../mine")
    (True, False)
    """
    return isinstance(name, str) and _CELL.fullmatch(name) is not None


def is_sample(name: object) -> bool:
    """Whether it has the form of the name of a cell's runs.

    >>> is_sample("s0123456789ab-01234567"), is_sample("s0123456789ab-01234567/../../../mine")
    (True, False)
    """
    return isinstance(name, str) and _SAMPLE.fullmatch(name) is not None


def is_batch(number: object) -> bool:
    """Whether it is the number of a batch."""
    return type(number) is int and 0 <= number < MOST_BATCHES


def is_temporary(name: str) -> bool:
    """Whether it is a name that the testbed gives to a file until it is whole, and nobody else does.

    >>> is_temporary(".grid.json.0123456789abcdef0123456789abcdef.tmp"), is_temporary("mine.tmp")
    (True, False)
    """
    return _TEMPORARY.fullmatch(name) is not None
