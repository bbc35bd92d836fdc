"""Numbers, rows and whole answers as JSON: what is no finite number is null, and `null_because` says why."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
"""Of all answers; it rises when a name goes or changes its meaning."""
BECAUSE = "null_because"
NO_REASONS: Mapping[str, str] = MappingProxyType({})
INFINITE, MINUS_INFINITE, UNKNOWN = "infinite", "minus infinite", "not known"


def answer(command: str, units: Mapping[str, str], content: Mapping[str, Any]) -> str:
    """What a command prints.

    >>> print(answer("fit", {"hit": "calls"}, {"laws": []}))
    {
      "command": "fit",
      "format": 1,
      "units": {
        "hit": "calls"
      },
      "laws": []
    }
    """
    told = {"command": command, "format": FORMAT, "units": dict(units), **plain(content)}
    return json.dumps(told, indent=2, allow_nan=False, ensure_ascii=True)


def plain(value: Any) -> Any:
    """A value as JSON has it: numbers of numpy as Python's, what is not finite as null.

    >>> plain({"a": [1.0, float("nan")], "b": float("inf")})
    {'a': [1.0, None], 'b': None, 'null_because': {'b': 'infinite'}}
    """
    if isinstance(value, Mapping):
        return record(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return plain(value.tolist())
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, bool | int) or type(value) is str:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.as_posix() if isinstance(value, Path) else str(value)


def record(row: Mapping[Any, Any], why: str = "", reasons: Mapping[str, str] = NO_REASONS) -> dict[str, Any]:
    """A row of a table, or any record; numbers that are null have a reason beside them.

    Args:
        row: names and values.
        why: the reason where a number is not known; empty: None stands for itself.
        reasons: others, by name.
    """
    told = {str(name): plain(value) for name, value in row.items()}
    nulls = {
        str(name): _because(value, reasons.get(str(name), why))
        for name, value in row.items()
        if _is_null(value, bool(why))
    }
    return told | ({BECAUSE: nulls} if nulls else {})


def records(
    table: pd.DataFrame, why: str = "note", leave: Iterable[str] = (), reasons: Mapping[str, str] = NO_REASONS
) -> list[dict[str, Any]]:
    """A table, a record a row.

    Args:
        table: rows.
        why: the column that says why a number is not known.
        leave: columns that are not told.
        reasons: why a number of a column is not known where that column says nothing.
    """
    left = set(leave)
    found = []
    for row in table.to_dict("records"):
        said = str(row.get(why) or "")
        told = {str(name): value for name, value in row.items() if name not in left}
        found.append(record(told, said or UNKNOWN, NO_REASONS if said else reasons))
    return found


def _is_null(value: Any, none: bool) -> bool:
    if value is None:
        return none
    if isinstance(value, bool | str):
        return False
    try:
        return not math.isfinite(value)
    except TypeError:
        return type(value).__name__ in ("NAType", "NaTType")


def _because(value: Any, why: str) -> str:
    if isinstance(value, float) and math.isinf(value):
        return INFINITE if value > 0 else MINUS_INFINITE
    return why or UNKNOWN
