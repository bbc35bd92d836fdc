"""What a part declares of itself, and when that still holds in a subclass."""

from __future__ import annotations

from typing import Any


def declared(part: object, name: str, *of: str) -> Any:
    """What a part declares under `name` about its methods `of`; None if it declares nothing that still holds.

    A declaration holds if it stands in the part's own class, or in the class that defines `of` for it: a subclass that
    overrides one of them and does not declare anew has none. Without `of` only the part's own class counts.

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
    """Whether a class declares `name`, and no class below the one that does defines any of the methods `of`."""
    for each in kind.__mro__ if of else (kind,):
        if name in vars(each) or name in vars(each).get("__annotations__", {}):
            return True
        if any(method in vars(each) for method in of):
            return False
    return False
