"""What a function has beside its code: what was set on it by hand, and what it closes over."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

from evo.identity.values import WEAK


def set_by_hand(function: FunctionType) -> list[tuple[str, object]]:
    """What a function has that Python gives it, which matters to those alone who read it, and is set now and then."""
    made = {"__name__": function.__code__.co_name, "__module__": function.__globals__.get("__name__")}
    given = [(each, getattr(function, each)) for each in ("__doc__", "__annotations__", "__defaults__")]
    return given + [(each, value) for each, usual in made.items() if (value := getattr(function, each)) != usual]


def is_a_cache(value: object) -> bool:
    """Whether a library's function holds something by weak references, as functools.singledispatch does."""
    return isinstance(getattr(value, "__self__", value), WEAK)


def content(cell: Any) -> object:
    """What a variable of an outer function holds; None if it was not given anything yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def holds_a_module(cell: Any) -> bool:
    """Whether a variable of an outer function is a module, of which what is read is entered."""
    return isinstance(content(cell), ModuleType)
