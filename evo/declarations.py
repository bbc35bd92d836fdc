"""Declarations of parts, and when a subclass inherits them."""

from __future__ import annotations

from typing import Any


def declared(part: object, name: str, *of: str) -> Any:
    """The declaration `name` about the methods `of` of a part; None if there is none or a subclass has voided it.

    A subclass that overrides a method in `of` without declaring `name` again voids the inherited declaration. Without
    `of`, declarations are never inherited.

    >>> class Parent:
    ...     size = 1
    ...     def grow(self): ...
    >>> class Child(Parent):
    ...     def grow(self): ...
    >>> declared(Parent(), "size", "grow"), declared(Child(), "size", "grow")
    (1, None)
    """
    return getattr(part, name) if holds(type(part), name, *of) else None


def holds(kind: type, name: str, *of: str) -> bool:
    """Whether a class declares or inherits `name`, with none of the methods `of` overridden below that declaration."""
    for each in kind.__mro__ if of else (kind,):
        if name in vars(each) or name in vars(each).get("__annotations__", {}):
            return True
        if any(method in vars(each) for method in of):
            return False
    return False
