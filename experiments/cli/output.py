"""Output that never fails: characters that a terminal or pipe cannot show are replaced by plain ones."""

from __future__ import annotations

import codecs
import sys
import unicodedata
from contextlib import suppress
from pathlib import Path

from experiments.grids.outside.printable import printable

HANDLER = "llm-evo-plain"
PLAIN = {"\u2212": "-", "\u00d7": "x", "\u201c": '"', "\u201d": '"', "…": "...", "•": "*", "·": "."}
PLAIN |= {"≤": "<=", "≥": ">=", "≈": "~", "→": "->", "∞": "inf", "±": "+-"}
BY_CATEGORY = {"Pd": "-", "Pi": "'", "Pf": "'"}
"""Dashes and quotation marks."""


def show_anything() -> None:
    """Let standard output and error replace what their encoding does not have."""
    codecs.register_error(HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where somebody has put another object
            stream.reconfigure(errors=HANDLER)


def say(text: str) -> None:
    """Tell the user something beside the results; no character of it acts on the terminal.

    In the encoding of standard error: click's `echo` writes UTF-8 where that is ASCII. Nothing where it takes no more.
    """
    if sys.stderr is not None:  # closed by whoever called: `print` would take standard output in its place
        with suppress(OSError):  # the terminal may be gone, the disk full: the exit code tells how the command ends
            print(printable(text), file=sys.stderr, flush=True)


def expect_free(option: str, out: Path) -> None:
    """Refuse a file that is there: nothing of the user's is written over.

    Raises: InputError.
    """
    from evo.errors import InputError
    from experiments.grids.arguments import a_path

    if not str(out).strip() or a_path(option, out).is_dir():
        raise InputError(f"{option}: expected a file to write, got {str(out)!r}")
    if out.exists() or out.is_symlink():
        raise InputError(
            f"{option}: expected a file that is not there yet, got {out}; remove it or choose another name"
        )


def plain(character: str) -> str:
    """A character in ASCII.

    >>> "".join(map(plain, "é─┼…漢"))
    'e-+...?'
    """
    if character in PLAIN:
        return PLAIN[character]
    if "\u2500" <= character <= "\u257f":  # lines and corners of boxes
        name = unicodedata.name(character)
        return "+" if " AND " in name else "-" if "HORIZONTAL" in name or "LEFT" in name or "RIGHT" in name else "|"
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return letters or BY_CATEGORY.get(unicodedata.category(character), "?")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(plain, error.object[error.start : error.end])), error.end
