"""Declarations of parts, and when a subclass inherits them."""

from __future__ import annotations

from typing import Any

ABBREVIATES: dict[str, tuple[str, ...]] = {
    "change": ("fitness",),
    "in_parts": ("survivors", "accepts"),
    "landscape": (),
    "initial_law": ("initial",),
    "law": (),
    "mean_calls": ("rewrite",),
    "oblivious": ("choose", "advance"),
    "same_as": ("choose", "advance", "chunk_size"),
    "rewrite_words": ("rewrite",),
    "run_law": ("choose", "advance", "chunk_size"),
}
"""Each shortcut, and the methods that it says something about; of those without any none is ever inherited."""


def declared(part: object, name: str) -> Any:
    """The declaration `name` of a part; None if there is none or a subclass has voided it.

    A subclass that overrides a method of which the declaration speaks, without declaring it again, voids what it
    inherits; so does an object that has such a method of its own.

    >>> class Parent:
    ...     change = "by one"
    ...     def fitness(self): ...
    >>> class Child(Parent):
    ...     def fitness(self): ...
    >>> declared(Parent(), "change"), declared(Child(), "change")
    ('by one', None)
    """
    own = getattr(part, "__dict__", {})
    if name not in own and any(method in own for method in ABBREVIATES[name]):
        return None
    return getattr(part, name) if holds(type(part), name) else None


def holds(kind: type, name: str) -> bool:
    """Whether a class declares or inherits `name`, with none of the methods it speaks of overridden below."""
    of = ABBREVIATES[name]
    for each in kind.__mro__ if of else (kind,):
        if name in vars(each) or name in vars(each).get("__annotations__", {}):
            return True
        if any(method in vars(each) for method in of):
            return False
    return False


def is_oblivious(schedule: Any) -> bool:
    """Whether a schedule says that its chunks do not depend on what calls did, and means the methods that it has."""
    kind = type(schedule)
    return bool(schedule.oblivious) and (not hasattr(kind, "oblivious") or holds(kind, "oblivious"))
