"""Whether the text of a part tells it from every other part of its class."""

from __future__ import annotations

from collections.abc import Iterator
from keyword import iskeyword
from types import FunctionType, ModuleType
from typing import Any

from evo.errors import InputError
from evo.identity.classes import functions_in, is_generated
from evo.identity.whose import is_the_users_class
from evo.text import OWN_PACKAGES, expect_read_back, is_read_back, parts_of, type_name


def expect_named(value: object) -> None:
    """Check that the text of a part, and of all parts in it, tells it from another one of its class.

    Raises: InputError if a class has no name that can be read, takes values that no field keeps, closes over some, or
    an instance has a method of its own, or a value does not come back from the text.
    """
    for part in parts_of(value):
        kind = type(part)
        if kind.__module__.partition(".")[0] in OWN_PACKAGES:
            continue
        if not kind.__module__.isprintable():  # half a character, too, of which no text can be written
            raise InputError(
                f"{kind.__qualname__!a:.100}: expected a class of a module whose name can be read, got "
                f"{kind.__module__!a:.100}; rename the module"
            )
        if not all(map(_is_word, kind.__qualname__.replace("<locals>.", "").split("."))):
            raise InputError(
                f"{kind.__module__}: expected a class whose name Python can read, got {kind.__qualname__!a:.100}; its "
                "text would be that of something else"
            )
        for name, field in kind.__dataclass_fields__.items():
            if field._field_type.name == "_FIELD_INITVAR":
                raise InputError(
                    f"{type_name(kind)}: {name} is an InitVar, which the part's text does not name; keep it in a field"
                )
        for attribute in getattr(part, "__dict__", {}):
            if attribute not in kind.__dataclass_fields__ and isinstance(getattr(kind, attribute, None), FunctionType):
                raise InputError(
                    f"{type_name(kind)}: {attribute} was put on this instance alone, which the part's text does not "
                    "name; define it in the class"
                )
        if not is_read_back():
            expect_read_back(part)
        closed = next(_closed_over(kind), None)
        if closed is not None:
            method, variable = closed
            raise InputError(
                f"{type_name(kind)}: {method} closes over {variable}, which the part's text does not name; keep it in "
                "a field"
            )


def _is_word(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)


def _closed_over(kind: type) -> Iterator[tuple[str, str]]:
    """Methods of classes made in a function, and the variables of that function that they close over."""
    for each in kind.__mro__:
        if "<locals>" not in each.__qualname__ or not is_the_users_class(each):
            continue
        for name, value in vars(each).items():
            for function in functions_in(value):
                if is_generated(function):
                    continue
                for cell, variable in zip(function.__closure__ or (), function.__code__.co_freevars, strict=True):
                    if _is_a_value(cell):
                        yield name, variable


def _is_a_value(cell: Any) -> bool:
    try:
        held = cell.cell_contents
    except ValueError:
        return False
    return not isinstance(held, type | ModuleType | FunctionType)
