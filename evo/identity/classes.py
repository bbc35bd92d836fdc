"""What a class says besides its methods: attributes that count, what is changed, fields, members, registrations."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from enum import Enum
from functools import cached_property, partial, partialmethod
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from evo.identity.at_run_time import changed_attributes, own_attributes
from evo.identity.code import reads_of
from evo.identity.whose import is_the_users_class, module_of

MEMBERS = (FunctionType, classmethod, staticmethod, property, cached_property)
OF_PYTHON = {
    "__builtins__", "__cached__", "__class__", "__dict__", "__file__", "__hash__", "__loader__", "__module__",
    "__name__", "__path__", "__package__", "__qualname__", "__slots__", "__spec__", "__weakref__",
}  # fmt: skip
"""Of a module or class, whatever it does."""
_OF_ENUM = frozenset(
    {"_generate_next_value_", "_new_member_", "_value_repr_", "_member_type_", "_member_names_", "_member_map_"}
    | {"_value2member_map_", "_hashable_values_", "_unhashable_values_", "_unhashable_values_map_", "_use_args_"}
    | {"_flag_mask_", "_singles_mask_", "_all_bits_", "_inverted_", "_order_", "_ignore_", "_missing_"}
)
_OF_A_MEMBER = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_"})
_CONSTRUCT = frozenset({"__init__", "__new__", "__post_init__", "__setstate__", "__set_name__", "__init_subclass__"})
_FLAGS = {"init": True, "repr": True, "eq": True, "order": False, "unsafe_hash": False, "frozen": False}
_OPTIONS = {"init": True, "repr": True, "hash": None, "compare": True, "kw_only": False}
"""What is meant where nothing is said of a dataclass, and of a field of one."""


def says_something(attribute: str, value: object, enumerated: bool) -> bool:
    """Whether an attribute of a class says what its instances do."""
    if isinstance(value, MemberDescriptorType | GetSetDescriptorType):
        return False
    if attribute.startswith("__") and attribute.endswith("__"):
        return (isinstance(value, MEMBERS) and not is_generated(value)) or _is_called(value)
    return attribute != "_abc_impl" and not (enumerated and attribute in _OF_ENUM and not isinstance(value, MEMBERS))


def _is_called(value: object) -> bool:
    """Whether Python calls an object under a name of its own, as __call__ = partialmethod(..), which no name reads."""
    if isinstance(value, type) or not (callable(value) or hasattr(type(value), "__get__")):
        return False
    return isinstance(value, partial | partialmethod) or is_the_users_class(type(value))


def is_marked(attribute: str) -> bool:
    """Whether a name has the form of Python's own and need not be one of them."""
    return attribute.startswith("__") and attribute.endswith("__") and attribute not in OF_PYTHON


def is_generated(value: object) -> bool:
    """Whether a function is one that `dataclass` makes, of which the fields say it all."""
    inside = getattr(value, "__wrapped__", value)  # its __repr__ guards against endless recursion
    return isinstance(inside, FunctionType) and inside.__code__.co_qualname.startswith("__create_fn__")


def functions_in(value: Any) -> list[FunctionType]:
    """The functions of a member of a class: itself, or those of a property or method of the class."""
    inside = [getattr(value, name, None) for name in ("fget", "fset", "fdel", "__func__", "func")]
    return [each for each in (value, *inside) if isinstance(each, FunctionType)]


def changed_by_class(kind: type) -> dict[str, str]:
    """The attributes whose values the methods of a class of the user's change, and which of them does."""
    changed: dict[str, str] = {}
    for name, function in _methods(kind):
        code, made = function.__code__, frozenset[str]()
        if name == "__init_subclass__" and code.co_argcount:  # cls.x = .. there makes a class, as __init__ an instance
            made = frozenset(changed_attributes(code)) - frozenset(changed_attributes(code, code.co_varnames[0]))
        changed |= dict.fromkeys(reads_of(code).changes - made, _called(function))
    return changed


def changed_by_instance(kind: type, read: frozenset[str] | set[str]) -> dict[str, str]:
    """The attributes of an instance that change as its methods run, and which of them does.

    Only methods that are called: those among the names that were read, those of Python's form but for the ones that
    make an instance, and what these call.
    """
    changed: dict[str, str] = {}
    waiting = dict.fromkeys(_methods(kind))
    names = set(read)
    while reached := [each for each in waiting if each[0] in names or (_is_special(each[0]))]:
        for each in reached:
            del waiting[each]
            said = reads_of(each[1].__code__)
            names |= said.attributes
            if each[0] not in _CONSTRUCT:
                changed |= dict.fromkeys([*said.changes, *own_attributes(each[1].__code__)], _called(each[1]))
    return changed


def described_fields(kind: type) -> str:
    """The fields of a dataclass in their order, and what of it is not as `dataclass` makes it; empty if it is none."""
    fields: Mapping[str, Any] = vars(kind).get("__dataclass_fields__", {})
    flags: Any = vars(kind).get("__dataclass_params__")
    if flags is None:
        return ""
    said = [" ".join([name, *_unusual(field, _OPTIONS), *_kind_of(field)]) for name, field in fields.items()]
    return f"({', '.join(said)}) {' '.join(_unusual(flags, _FLAGS))}".strip()


def of_fields(kind: type) -> Iterator[tuple[str, object]]:
    """What the fields of a dataclass hold that no attribute of the class has; a slot is in the place of a default."""
    known = [vars(each).get("__dataclass_fields__", {}) for each in kind.__mro__]
    for name, field in known[0].items():
        there = name in vars(kind) and not isinstance(vars(kind)[name], MemberDescriptorType)
        if not there and not _is_missing(field.default) and all(each.get(name) is not field for each in known[1:]):
            yield name, field.default
        if callable(field.default_factory):
            yield f"{name}, its factory", field.default_factory
        if field.metadata:
            yield f"{name}, its metadata", dict(field.metadata)


def of_members(kind: type[Enum]) -> Iterator[tuple[str, object]]:
    """What an enumeration has besides its members and their values: other names of them, and what they hold."""
    for name, member in kind.__members__.items():
        if name != member.name:
            yield name, member.name
        for attribute, value in vars(member).items():
            if attribute not in _OF_A_MEMBER:
                yield f"{member.name}.{attribute}", value


def registered(kind: type) -> list[type]:
    """The classes that were registered with an abstract one."""
    if not isinstance(kind, abc.ABCMeta):
        return []
    weak = abc._get_dump(kind)[0]  # type: ignore[attr-defined]  # not in typeshed; the registry is nowhere else
    found = [each for each in (one() for one in weak) if each is not None]
    return sorted(found, key=lambda each: f"{each.__module__}.{each.__qualname__}")


def _methods(kind: type) -> Iterator[tuple[str, FunctionType]]:
    for each in kind.__mro__:
        for name, value in vars(each).items() if is_the_users_class(each) else ():
            for function in functions_in(value):
                yield name, function


def _called(function: FunctionType) -> str:
    return f"{module_of(function)}.{function.__qualname__}"


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name not in _CONSTRUCT


def _unusual(said: Any, usual: Mapping[str, object]) -> list[str]:
    """What is not as usual; of a ClassVar nothing is said of `kw_only`."""
    values = ((name, getattr(said, name, plain), plain) for name, plain in usual.items())
    return [f"{name}={value}" for name, value, plain in values if not _is_missing(value) and value != plain]


def _is_missing(value: object) -> bool:
    """Whether nothing was said; in a worker this is said by an object of its own."""
    return isinstance(value, type(MISSING))


def _kind_of(field: Any) -> list[str]:
    kind = field._field_type.name
    return [] if kind == "_FIELD" else [kind.removeprefix("_FIELD_")]
