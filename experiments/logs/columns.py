"""The columns of a table of calls: their names, what a value must be, what it means."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Value = float | str | None
"""What a file holds in a place: a number, a word, or nothing; in CSV numbers are still words."""
MOST_COUNT = 2**53
MOST_WORD = 200


def number(value: Value) -> float:
    """A finite number.

    Raises: ValueError with what was expected.

    >>> number("3.5")
    3.5
    """
    try:
        made = float(value)  # type: ignore[arg-type]  # refused below
    except (TypeError, ValueError, OverflowError):
        raise ValueError("expected a number") from None
    if isinstance(value, bool) or not math.isfinite(made) or (isinstance(value, str) and "_" in value):
        raise ValueError("expected a number (leave empty what was not measured)")
    return made


def count(value: Value, least: int = 0) -> float:
    """A whole number from `least` on.

    >>> count("12")
    12.0
    """
    try:
        made = number(value)
    except ValueError:
        made = -1.0
    if made < least or made != int(made) or made > MOST_COUNT:
        raise ValueError(f"expected a whole number >= {least}")
    return made


def positive_count(value: Value) -> float:
    """A whole number from 1 on."""
    return count(value, 1)


def amount(value: Value) -> float:
    """A finite number that is not below 0."""
    made = number(value)
    if made < 0:
        raise ValueError("expected a number >= 0")
    return made


def duration(value: Value) -> float:
    """Seconds above 0."""
    made = number(value)
    if made <= 0:
        raise ValueError("expected seconds > 0 (leave empty what was not measured)")
    return made


def name(value: Value) -> str:
    """A short name on one line; a number is taken as its text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected a word or a number")
    text = value if isinstance(value, str) else f"{value:.15g}"
    if len(text) > MOST_WORD or not text.isprintable():
        raise ValueError(f"expected at most {MOST_WORD} printable characters")
    return text


OUTCOMES = {
    "applied": ("applied", "ok", "no_op", "eval_error", "eval_timeout", "improved"),
    "malformed": ("malformed", "no_parse", "search_mismatch", "truncated"),
    "refused": ("refused", "refusal", "empty"),
    "error": ("error", "http_error", "timeout", "no_response"),
}
"""What became of a call, in four classes; each row of a table has one of these words."""
CLASS_OF = {word: kind for kind, words in OUTCOMES.items() for word in words}


def outcome(value: Value) -> str:
    """One of the known words."""
    if not isinstance(value, str) or value not in CLASS_OF:
        raise ValueError(f"expected one of {', '.join(CLASS_OF)}")
    return value


@dataclass(frozen=True)
class Column:
    """A column of a table of calls.

    Attributes:
        name: as it stands in the file.
        read: makes a value, or raises ValueError with what was expected.
        meaning: in words, for the documentation.
    """

    name: str
    read: Callable[[Value], float | str]
    meaning: str

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers, else words."""
        return self.read not in (name, outcome)


COLUMNS = {
    column.name: column
    for column in (
        Column("g", positive_count, "blocks handed to the call"),
        Column("k", positive_count, "blocks of the whole task, if calls get a part of them"),
        Column("incorrect", count, "of the g blocks, how many were incorrect before (i)"),
        Column("repaired", count, "of the incorrect ones, how many were correct afterwards"),
        Column("correct", count, "of the g blocks, how many were correct before; g - incorrect unless said"),
        Column("kept", count, "of the correct ones, how many were correct afterwards"),
        Column("broken", count, "the same said the other way: correct before, incorrect afterwards"),
        Column("outcome", outcome, "what became of the call, one of the words below"),
        Column("tokens_in", count, "prompt tokens, cached ones included"),
        Column("tokens_cached", count, "of them read from a cache"),
        Column("tokens_out", count, "generated tokens, those of reasoning included"),
        Column("tokens_reasoning", count, "of them reasoning"),
        Column("seconds", duration, "from request to answer"),
        Column("evaluation_seconds", duration, "of the evaluation after it"),
        Column("price", amount, "money paid, empty if unknown (not 0)"),
        Column("model", name, "which model"),
        Column("kind", name, "which kind of call, where a log has several"),
        Column("run", name, "run or session; calls of one run may be alike"),
        Column("item", name, "the task or the blocks worked on, the same word for the same ones"),
        Column("call", name, "number of the call in its run"),
        Column("prompt", name, "hash of the prompt, the same word for the same prompt"),
        Column("calls", positive_count, "where a row is an attempt: how many calls it made"),
        Column("malformed_calls", count, "of these, how many gave an answer that could not be applied"),
    )
}
"""All columns, in the order of the documentation."""
