"""Whether names can be told apart by whoever reads them: people, readers of CSV, spreadsheets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from evo.errors import InputError

_NULLS = frozenset({"nan", "na", "n/a", "#n/a", "#na", "none", "null", "nil", "nat", "<na>", "inf", "infinity"})
_YES_OR_NO = frozenset({"true", "false"})
_NUMBER = re.compile(
    r"(?=.*\d)[$€£]? ?[+-]?[\d.,_'\s]+(e[+-]?\d+)?[%j]?|0[xob][0-9a-f_]+|[+-](inf|infinity|nan)", re.IGNORECASE
)
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"\d{{1,4}}[-/.]\d{{1,2}}([-/.]\d{{1,4}})?([t ]+\d.*)?|\d{{1,2}}:\d{{2}}(:\d{{2}}.*)?( ?[ap]m)?"
    rf"|(\d{{1,4}}[- ]?)?{_MONTH}[- ]?\d{{1,4}}|\d{{1,2}}[- ]?{_MONTH}",
    re.IGNORECASE,
)
_FORMULA = "=+-@"
_APART = ("<super>", "<sub>", "<fraction>")
"""Of the characters that Unicode holds to be compatible with plain ones, those that nobody takes for them."""
_BLANK = "\u115f\u1160\u2800\u3164\uffa0\U0001d159"
"""Letters and symbols without a mark."""
_IGNORED = re.compile("[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Marks without a mark: they choose a form of the character before them, or keep two apart."""
_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухԁһԛԝӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧοѵօ",  # noqa: RUF001  # they are meant
    "ABESIJKMHOPCTYXaesijopcyxdhqwlABEZHIKMNOPTYXovo",
)
"""Cyrillic, Greek and Armenian letters that are drawn as Latin ones."""
_UNSEEN = ("Cf", "Cc", "Cn", "Co", "Cs")


def mistaken_for(name: str) -> str:
    """What a reader of a table would take a name for; empty if for a name.

    >>> [mistaken_for(name) for name in ("1e5", "TRUE", "N/A", "2026-01-02", "=A1", " ", "g = 4", "(1+1)-EA")]
    ['a number', 'yes or no', 'a missing value', 'a date', 'a formula', 'nothing', '', '']
    """
    plain = seen_as(name)
    if not any(unicodedata.category(each)[0] in "LNS" for each in plain):  # letters, numbers and symbols
        return "nothing"
    if plain in _NULLS:
        return "a missing value"
    if plain in _YES_OR_NO:
        return "yes or no"
    if _DATE.fullmatch(plain):
        return "a date"
    if _NUMBER.fullmatch(plain):
        return "a number"
    return "a formula" if plain[0] in _FORMULA else ""


def seen_as(name: str) -> str:
    """A name as a reader sees it: without what is not seen, in small letters, one of each kind of character.

    >>> seen_as("  L\u200bocal\u00a0 Search"), seen_as("\ufb01x"), seen_as("k\u00b2")
    ('local search', 'fix', 'k\u00b2')
    """
    seen = "".join(_as_seen(each) for each in name if _is_seen(each))
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", seen).casefold()).split())


def expect_read(role: str, name: str) -> None:
    """Check that nobody takes a name for something else, nor for another name.

    Raises: InputError.
    """
    if name != name.strip():
        raise InputError(f"{role}: expected a label without spaces at its ends, got {name!r}")
    if what := mistaken_for(name):
        raise InputError(
            f"{role}: expected a label that is read as a name, got {name!r}, which readers of tables take for {what}; "
            "begin it with a word, such as 'arm ..'"
        )


def expect_apart(role: str, names: Iterable[str]) -> None:
    """Check that a reader tells names apart: not by their case, by what is not seen, or by letters that look alike.

    Raises: InputError.
    """
    known: dict[str, str] = {}
    for name in names:
        for look in (seen_as(name), seen_as(name.translate(_ALIKE))):
            other = known.setdefault(look, name)
            if other != name:
                both = " and ".join(repr(each) if told_apart(each) == each else ascii(each) for each in (other, name))
                raise InputError(f"{role}: expected labels that a reader can tell apart, got {both}")


def told_apart(text: str) -> str:
    r"""A text among others: itself, or as Python writes it in ASCII where something in it is not what it looks like.

    >>> print(told_apart("one block"), told_apart("a\u200bb"), told_apart("l\u043ecal"))
    one block 'a\u200bb' 'l\u043ecal'
    """
    plain = text.isprintable() and all(map(_is_seen, text)) and text == text.strip() != "" and " = " not in text
    mixed = any(word.translate(_ALIKE) != word and re.search("[A-Za-z]", word) for word in text.split())
    return text if plain and not mixed else ascii(text)


def _is_seen(character: str) -> bool:
    hidden = character in _BLANK or _IGNORED.match(character) is not None
    return not hidden and unicodedata.category(character) not in _UNSEEN


def _as_seen(character: str) -> str:
    if unicodedata.decomposition(character).startswith(_APART):
        return character
    return unicodedata.normalize("NFKC", character)
