"""The canonical text of parts: what names a cell's rows and its random streams, and outlives growth.

`BlockOneMax(k=4, l=16)`: keyword arguments in the order of the fields, fields at their default left out (so a new
field with a default changes no text), numbers by repr with whole ones written as integers, nested parts as calls.
"""

from __future__ import annotations

import ast
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from evo.errors import InputError
from evo.parameters import expect_parameters, shown

OWN_PACKAGES = ("evo", "problems", "operators", "experiments")
_READ_BACK = ContextVar("read_back", default=False)


def canonical(value: object) -> str:
    """The canonical text of a part, or of a value inside one.

    Raises: InputError for values without one: NaN, lists, arrays, objects that are not frozen dataclasses.

    >>> from evo.runners.one_plus_lambda import OnePlusLambda
    >>> canonical(OnePlusLambda(lam=8))
    'OnePlusLambda(lam=8)'
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Enum):
        value = value.value  # also of one that is a str or an int, too
    if isinstance(value, str):
        if any("\ud800" <= each <= "\udfff" for each in value):
            raise InputError(
                f"expected a text that a file can hold in a part, got half of a character in {shown(value)}"
            )
        return repr(str(value))
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, tuple):
        return "(" + "".join(f"{canonical(item)}, " for item in value).rstrip() + ")"
    if is_frozen_dataclass(value):
        return f"{type_name(type(value))}({_arguments(value)})"
    raise InputError(
        f"expected a frozen dataclass, tuple, number, string or None in a part, got {shown(value)} of type "
        f"{type(value).__name__}; parts are @dataclass(frozen=True) and hold tuples, not lists"
    )


@contextmanager
def read_back() -> Iterator[None]:
    """Parts made inside come from texts that were written before, which stay readable: see `is_read_back`."""
    token = _READ_BACK.set(True)
    try:
        yield
    finally:
        _READ_BACK.reset(token)


def is_read_back() -> bool:
    """Whether the part being made is one of a stored text, so that nobody is there to be asked what was meant.

    >>> with read_back():
    ...     is_read_back()
    True
    >>> is_read_back()
    False
    """
    return _READ_BACK.get()


def parse(text: str, find: Callable[[str], type]) -> Any:
    """The part whose canonical text this is; nothing but constructor calls and literals is evaluated.

    Args:
        text: a canonical text.
        find: gives the class for a type name, or raises InputError.

    Raises: InputError if the text is not of the canonical form.
    """
    if not isinstance(text, str):
        raise InputError(f"expected the canonical text of a part, got {shown(text):.200}")
    try:
        return _build(ast.parse(text, mode="eval").body, find)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"expected the canonical text of a part, got {shown(text):.200}: {error}") from None


def is_frozen_dataclass(value: object) -> bool:
    """Whether the value is an instance of a frozen dataclass, as every part is."""
    return is_frozen_class(type(value))


def is_frozen_class(kind: type) -> bool:
    """Whether a class is marked @dataclass(frozen=True), as that of every part is."""
    return is_dataclass(kind) and bool(kind.__dataclass_params__.frozen)  # type: ignore[attr-defined]  # not in typeshed


def type_name(kind: type) -> str:
    """`Resample` for the project's own parts, `package.module.Class` for third-party parts."""
    if kind.__module__.split(".")[0] in OWN_PACKAGES:
        return kind.__name__
    return f"{kind.__module__}.{kind.__qualname__}"


def parts_of(value: object) -> Iterator[Any]:
    """A part or cell, and all parts nested in it."""
    if isinstance(value, tuple):
        for item in value:
            yield from parts_of(item)
    elif is_frozen_dataclass(value):
        yield value
        for field in fields(value):  # type: ignore[arg-type]  # a dataclass
            yield from parts_of(getattr(value, field.name, None))


def parameters(part: object) -> dict[str, Any]:
    """Field names and values of a part, in order, defaults included."""
    return {field.name: getattr(part, field.name) for field in fields(part) if field.init}  # type: ignore[arg-type]  # frozen dataclass


def as_declared(kind: type, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for a class as a text or a file gives them: values of enumerations become their members.

    So do those in tuples, and tuples named ones, where the annotation says so: `Mode | None`, `tuple[Mode, ...]`.

    Raises: InputError if a value is none of the enumeration's.
    """
    return {name: _member(kind, name, value) for name, value in arguments.items()}


def expect_read_back(part: object) -> None:
    """Check that enumerations and named tuples in the fields of a part come back from its text.

    Raises: InputError naming the field, which would hold a plain word, number or tuple.
    """
    kind: type = type(part)
    for name, value in parameters(part).items():
        if not _is_more(value):
            continue
        declared, said = declared_type(kind, name), plain(value)
        takes_plain = isinstance(value, type(said)) and declared is type(said) and declared is not tuple
        if not takes_plain and not _same(_of_type(declared, said), value):
            inside = ", with what is in it" if type(value) is tuple else ""
            raise InputError(
                f"{type_name(kind)}: the text that names the part says {name}={canonical(value)}, from which "
                f"{shown(value)} does not come back; annotate the field by its type, as {name}: "
                f"{type(value).__name__}{inside}"
            )


def _member(kind: type, name: str, value: Any) -> Any:
    found = declared_type(kind, name)
    if _is_enumeration(found) and not isinstance(value, Enum):
        member = _of_type(found, value)
        if not isinstance(member, Enum):
            words = ", ".join(canonical(member) for member in found)
            raise InputError(f"{kind.__name__}: {name} must be one of {words}, got {shown(value)}")
        return member
    return _of_type(found, value)


def declared_type(kind: type, name: str) -> Any:
    """The type of a field, as its annotation or an enumeration as its default says; None if neither does."""
    field = getattr(kind, "__dataclass_fields__", {}).get(name)
    if field is None:
        return None
    declared = _annotation(kind, name)
    enumerated = isinstance(field.default, Enum) and (declared is None or isinstance(declared, type))
    return type(field.default) if enumerated and not _is_enumeration(declared) else declared


def _annotation(kind: type, name: str) -> Any:
    """What a class, or one above it, says of a name; None where that cannot be told."""
    try:
        return next((_hint(each, name) for each in kind.__mro__ if name in inspect.get_annotations(each)), None)
    except Exception:  # a name that stands elsewhere, or anything that an annotation may raise
        return None


@lru_cache(maxsize=4096)
def _hint(kind: type, name: str) -> Any:
    """An annotation of a class as a type. Errors are not kept: what it names may be defined later."""
    alone = type("_", (), {"__annotations__": {name: inspect.get_annotations(kind)[name]}})
    return get_type_hints(alone, vars(sys.modules[kind.__module__]))[name]


def _is_enumeration(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _of_type(declared: Any, value: Any) -> Any:
    """A plain value as the type of a field has it; as it is where the type does not say."""
    if _is_enumeration(declared) and not isinstance(value, Enum):
        return next((member for member in declared if canonical(member) == canonical(value)), value)
    inner = get_args(declared)
    if get_origin(declared) in (Union, UnionType):
        if any(isinstance(each, type) and type(value) is each for each in inner):
            return value  # a word, a number or None stands for itself
        return next((made for each in inner if type(made := _of_type(each, value)) is not type(value)), value)
    if type(value) is not tuple:
        return value
    if _is_named_tuple(declared) and len(value) == len(declared._fields):
        hints = [_annotation(declared, name) for name in declared._fields]
        return declared(*map(_of_type, hints, value))
    if get_origin(declared) is tuple and inner[1:] == (...,):
        return tuple(_of_type(inner[0], each) for each in value)
    if get_origin(declared) is tuple and len(inner) == len(value):
        return tuple(map(_of_type, inner, value))
    return value


def _is_named_tuple(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def plain(value: Any) -> Any:
    """A value as its text says it: numbers of numpy as Python's, members as their values, plain tuples.

    >>> plain((np.int64(3), 0.5))
    (3, 0.5)
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def _is_more(value: Any) -> bool:
    """Whether a value is, or holds, what its text says plainly: a member of an enumeration, or a named tuple."""
    if isinstance(value, tuple):
        return type(value) is not tuple or any(map(_is_more, value))
    return isinstance(value, Enum)


def _same(one: Any, other: Any) -> bool:
    """Whether what was read back is what there was, types included where they say more than the text."""
    if isinstance(other, tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) if isinstance(other, Enum) else True


def _number(value: float) -> str:
    if isinstance(value, int):
        try:
            return str(value)
        except ValueError:  # Python's own limit
            raise InputError("expected a number in a part, got one of thousands of digits") from None
    if math.isnan(value):
        raise InputError("expected a number in a part, got NaN")
    if math.isinf(value):
        return "1e999" if value > 0 else "-1e999"  # the shortest literal that Python reads as infinity
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)


def _arguments(part: object) -> str:
    shown = (field for field in fields(part) if field.init and not _at_default(part, field))  # type: ignore[arg-type]  # frozen dataclass
    return ", ".join(f"{field.name}={canonical(getattr(part, field.name))}" for field in shown)


def _at_default(part: object, field: Field[Any]) -> bool:
    # By type: a class that was pickled by value into a worker carries its own MISSING.
    default, factory = field.default, cast(Any, field.default_factory)
    if not isinstance(default, type(MISSING)):
        text = _default_text(type(part), field.name)  # type: ignore[arg-type]  # a class is hashable
        value = getattr(part, field.name)
        return value is default or canonical(value) == text
    return not isinstance(factory, type(MISSING)) and canonical(getattr(part, field.name)) == canonical(factory())


@lru_cache(maxsize=4096)
def _default_text(kind: type, name: str) -> str:
    """The text of a default, which a class keeps; a factory may give another one each time."""
    return canonical(kind.__dataclass_fields__[name].default)  # type: ignore[attr-defined]  # a dataclass


def _build(node: ast.expr, find: Callable[[str], type]) -> Any:
    match node:
        case ast.Call(func=function, args=[], keywords=keywords):
            arguments = {str(word.arg): _build(word.value, find) for word in keywords}
            if len(arguments) < len(keywords):
                raise InputError(f"expected each parameter once, got {ast.unparse(node)!r}")
            kind = find(ast.unparse(function))
            if is_dataclass(kind):
                expect_parameters(kind, arguments)
            try:
                return kind(**as_declared(kind, arguments))
            except TypeError as error:
                raise InputError(f"cannot build {ast.unparse(node)}: {error}") from None
        case ast.Tuple(elts=items):
            return tuple(_build(item, find) for item in items)
        case ast.Dict(keys=[*keys], values=values) if all(isinstance(key, ast.Constant) for key in keys):
            table = {key.value: _build(value, find) for key, value in zip(keys, values, strict=True)}  # type: ignore[union-attr]  # constants
            if len(table) < len(keys):
                raise InputError(f"expected each key once, got {ast.unparse(node)!r}")
            return table
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)) if value is not True:
            return -value
        case _:
            raise InputError(f"expected calls and literals in the text of a part, got {ast.unparse(node)!r}")
