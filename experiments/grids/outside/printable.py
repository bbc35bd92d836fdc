"""What may reach a terminal or a text file: no character there acts on the terminal, or hides others."""

from __future__ import annotations

import re

_ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tabs and ends of lines: escape sequences begin so
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # change the direction of what is beside them
    "\u2028\u2029\ud800-\udfff]"  # ends of lines of another kind, and halves of characters, which no file holds
)


def printable(text: str) -> str:
    r"""The text without the characters that act on a terminal.

    >>> printable("a\x1b[31mred\n")
    'a[31mred\n'
    """
    return _ACTS.sub("", text)


def is_printable(text: str) -> bool:
    """Whether a text is one line of characters that act on nothing."""
    return _ACTS.search(text) is None and "\n" not in text and "\t" not in text
