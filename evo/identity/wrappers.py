"""The description of what stands around a function in a class: a property, a method of the class, what dispatches."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, singledispatchmethod
from typing import Any

from evo.identity.whose import is_the_users_class

Refer = Callable[[object, str], str]
"""Describes a value that was met under a name."""
_OF_WRAPPERS = frozenset(
    {"func", "args", "keywords", "attrname", "lock", "data", "_remove", "_pending_removals", "_iterating", "_dirty_len"}
)
"""What Python's own kinds of these keep, which is told otherwise or says nothing."""
_MADE_SO = frozenset({"__new__", "__init_subclass__", "__class_getitem__", "_generate_next_value_", "_make"})
"""Methods that are static, or of the class, whether or not somebody says it, as Python or a named tuple has them."""


def wrapped(value: Any, path: str, refer: Refer) -> str:
    """The description of what stands around functions; empty for what is something else."""
    if isinstance(value, staticmethod | classmethod):
        kind = "staticmethod " if isinstance(value, staticmethod) else "classmethod "
        said = "" if path.rpartition(".")[2] in _MADE_SO else kind
        return f"{said}{refer(value.__func__, path)}{of_own_class(value, path, refer)}"
    if isinstance(value, property):
        given = [value.fget, value.fset, value.fdel]
        while given and given[-1] is None:
            given.pop()
        return f"property {', '.join(refer(each, path) for each in given)}{of_own_class(value, path, refer)}"
    if isinstance(value, cached_property):
        return f"property {refer(value.func, path)}{of_own_class(value, path, refer)}"
    if isinstance(value, singledispatchmethod):  # since Python 3.13 it keeps the methods that it has bound
        return f"dispatched by {refer(value.dispatcher, path)}"
    return ""


def of_own_class(value: object, path: str, refer: Refer) -> str:
    """What a property, a partial or the like has by a class of the user's and keeps for it; empty for Python's own."""
    if not is_the_users_class(type(value)):
        return ""
    kept = {name: item for name, item in getattr(value, "__dict__", {}).items() if name not in _OF_WRAPPERS}
    inner = [f"{name}={refer(item, f'{path}.{name}')}" for name, item in kept.items() if name[:2] + name[-2:] != "____"]
    return f" by {refer(type(value), path)}({', '.join(inner)})"
