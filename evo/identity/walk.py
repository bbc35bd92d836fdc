"""What the methods of a class read, as far as it can be seen: a table of names and what stood behind them.

From the class over its functions, their defaults, closures and globals, through the user's own functions, classes and
modules, to values. What belongs to the testbed, to Python or to an installed distribution is named and not entered.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib.util
import sys
from collections import deque
from enum import Enum
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from evo.identity.code import Reads, code_text, reads_of
from evo.identity.readers import ATTRIBUTES, reads_outside
from evo.identity.values import Unseen, composite, instance, plain, taken_apart
from evo.identity.whose import is_the_users

MOST_VALUES = 100_000
"""Values that are looked at for one class; what is behind more of them is said to be unseen."""
GENERATED = "made by dataclass"
_MEMBERS = (FunctionType, classmethod, staticmethod, property, cached_property)
_OF_ENUM = frozenset({"_generate_next_value_", "_new_member_", "_value_repr_", "_member_type_"})
_IN_C = ("method_descriptor", "wrapper_descriptor", "cython_function_or_method", "fused_cython_function")
_OF_PYTHON = {
    "__builtins__", "__cached__", "__class__", "__dict__", "__file__", "__hash__", "__loader__", "__module__",
    "__name__", "__path__", "__package__", "__qualname__", "__slots__", "__spec__", "__weakref__",
}  # fmt: skip
"""Of a module or class, whatever it does."""
_BUILT_IN = vars(builtins)


class Walk:
    """The walk from one class or function.

    Attributes:
        found: by name what stood behind it.
        unseen: in words, what could not be seen.
    """

    def __init__(self, root: type | FunctionType) -> None:
        self.found: dict[str, str] = {}
        self.unseen: dict[str, None] = {}
        self._names: dict[int, str] = {}
        self._queue: deque[tuple[str, Any]] = deque()
        self._open: set[int] = set()
        self._entered: set[str] = set()
        self._kept: list[object] = []
        self._read: set[str] = set()
        self._marked: list[tuple[str, object]] = []
        self._left = MOST_VALUES
        self._changed = _changed_by(root) if isinstance(root, type) else {}
        self._refer(root, root.__qualname__)
        while self._queue:
            name, node = self._queue.popleft()
            if isinstance(node, type):
                self._class(name, node)
            else:
                self._function(name, node)
            if not self._queue:
                self._enter_marked()

    # ------------------------------------------------------------------------------------------- values

    def _value(self, path: str, value: object) -> None:
        """Enter a value under its name, once."""
        if path not in self._entered:
            self._entered.add(path)
            said = self._refer(value, path)
            if said not in (f"{path}()", f"class {path}", GENERATED):
                self.found[path] = said

    def _enter_marked(self) -> None:
        """Enter what stands under names such as __rate__, of which Python has many, where a function reads the name."""
        for path, value in self._marked:
            if path.rpartition(".")[2] in self._read:
                self._value(path, value)

    def _refer(self, value: object, path: str) -> str:
        """The description of a value; functions and classes of the user's by a name under which they stand, too."""
        try:
            said = plain(value)
            if said is not None:
                return said
            self._left -= 1
            if self._left < 0:
                raise Unseen("more than can be looked at")
            if id(value) in self._open:
                return "itself"
            self._open.add(id(value))
            try:
                return self._holder(value, path)
            finally:
                self._open.discard(id(value))
        except Unseen as why:
            self.unseen[f"{path} ({why})"] = None
            return "unseen"
        except RecursionError:
            self.unseen[f"{path} (nested too deeply)"] = None
            return "unseen"
        except Exception as why:  # whatever a stranger's object does when it is looked at
            self.unseen[f"{path} ({type(why).__name__} when it is looked at)"] = None
            return "unseen"

    def _holder(self, value: Any, path: str) -> str:
        if isinstance(value, FunctionType | type):
            return self._node(value, path)
        if isinstance(value, staticmethod | classmethod):
            return self._refer(value.__func__, path)
        if isinstance(value, property):
            given = [each for each in (value.fget, value.fset, value.fdel) if each is not None]
            return f"property {', '.join(self._refer(each, path) for each in given)}"
        if isinstance(value, cached_property):
            return f"property {self._refer(value.func, path)}"
        if isinstance(value, ModuleType):
            return self._module(value)
        if _is_compiled(value):
            return self._compiled(value, path)
        said = composite(value, path, self._refer)
        if said:
            return said
        if is_the_users(str(type(value).__module__)):
            return instance(value, path, self._refer)
        return taken_apart(value, path, self._refer)

    def _node(self, value: Any, path: str) -> str:
        """A function or class: its name, under which it is entered if it is the user's."""
        module = _module_of(value)
        own = is_the_users(module)
        name = f"{module}.{value.__qualname__}"
        if not own and (isinstance(value, type) or not (value.__closure__ or value.__dict__)):
            self._warn_of(name, path)
            return name
        if is_generated(value):
            return GENERATED  # its fields say it all
        if id(value) not in self._names:
            while (label := f"class {name}" if isinstance(value, type) else f"{name}()") in self._names.values():
                name += "'"
            self._names[id(value)] = label
            self._kept.append(value)
            self._queue.append((name, value))
        return self._names[id(value)]

    def _compiled(self, value: Any, path: str) -> str:
        """A function of a library in C: named; of a library of the user's by the digest of its file."""
        module = str(getattr(value, "__module__", None) or "builtins")
        name = f"{module}.{value.__qualname__}"
        if not is_the_users(module):
            self._warn_of(name, path)
            owner = getattr(value, "__self__", None)
            return (
                name if owner is None or isinstance(owner, ModuleType | type) else f"{name} {self._refer(owner, path)}"
            )
        file = getattr(sys.modules.get(module), "__file__", None)
        self.unseen[f"{name} (compiled code: only its file is compared)"] = None
        return f"{name} {hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ''}".strip()

    def _module(self, module: ModuleType) -> str:
        """A module that is passed about as a value, so that anything of it may be read."""
        if not is_the_users(module.__name__) or id(module) in self._names:
            return f"module {module.__name__}"
        self._names[id(module)] = module.__name__
        self._kept.append(module)
        for name, value in sorted(vars(module).items()):
            path = f"{module.__name__}.{name}"
            if not name.startswith("__"):
                self._value(path, value)
            elif name not in _OF_PYTHON:
                self._marked.append((path, value))
        return f"module {module.__name__}"

    # ------------------------------------------------------------------------------------------- functions

    def _function(self, name: str, function: FunctionType) -> None:
        code = function.__code__
        own = is_the_users(_module_of(function))
        for cell, variable in zip(function.__closure__ or (), code.co_freevars, strict=True):
            if not (own and _holds_a_module(cell)):
                self._value(f"{name}, {variable} of its closure", _content(cell))
        for attribute, value in sorted(function.__dict__.items()):
            self._value(f"{name}.{attribute}", value)
        if not own:
            return
        self.found[f"{name}()"] = code_text(code)
        self._marked += [(f"{name}.{each}", getattr(function, each)) for each in ("__doc__", "__annotations__")]
        given = code.co_varnames[: code.co_argcount][-len(function.__defaults__ or ()) :]
        defaults = dict(zip(given, function.__defaults__ or (), strict=False)) | (function.__kwdefaults__ or {})
        for argument, value in defaults.items():
            self._value(f"{name}, default of {argument}", value)
        reads = reads_of(code)
        self._read |= reads.attributes
        for attribute in sorted(reads.attributes & ATTRIBUTES):
            self._warn(attribute, name)
        if reads.computes:
            self._warn("getattr by a computed name", name)
        for first, *attributes in reads.chains:
            if first in reads.bound:
                self._warn_of(".".join([reads.bound[first], *(attributes or [""])]), name)
            else:
                self._chain(name, function, (first, *attributes), reads)
        for imported in reads.imports:
            self._import(name, function, *imported)

    def _chain(self, name: str, function: FunctionType, chain: tuple[str, ...], reads: Reads) -> None:
        """Enter what a name of a function stands for, and of a module what is read of it."""
        first, *attributes = chain
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        if first in cells:
            if _holds_a_module(cells[first]):
                self._attribute(name, cells[first].cell_contents, attributes)
            return
        module = isinstance(function.__globals__.get(first), ModuleType)
        if first in reads.writes or (first in reads.grows and not module):
            self.unseen[f"{_module_of(function)}.{first} ({name} changes it as it runs)"] = None
        elif first in function.__globals__:
            value = function.__globals__[first]
            if module:
                self._attribute(name, value, attributes)
            else:
                self._value(f"{_module_of(function)}.{first}", value)
                if isinstance(value, type) and attributes:
                    self._warn_of(".".join([value.__module__, value.__qualname__, *attributes]), name)
        elif first in _BUILT_IN:
            self._warn_of(f"builtins.{first}", name)

    def _attribute(self, reader: str, module: ModuleType, attributes: list[str]) -> None:
        """Enter what is read of a module, through the modules in it."""
        value: Any = module
        for n, attribute in enumerate(attributes):
            if not is_the_users(value.__name__):
                self._warn_of(".".join([value.__name__, *attributes[n:]]), reader)
                return
            path = f"{value.__name__}.{attribute}"
            try:
                value = getattr(value, attribute)
            except Exception:
                self.unseen[f"{path} (not there before {reader} runs)"] = None
                return
            if not isinstance(value, ModuleType):
                self._value(path, value)
                return
        self._module(value)

    def _import(self, reader: str, function: FunctionType, level: int, name: str, names: tuple[str, ...]) -> None:
        """Enter what a function imports as it runs, if it is the user's."""
        package = str(function.__globals__.get("__package__") or "")
        try:
            full = importlib.util.resolve_name("." * level + name, package or None)
            if not is_the_users(full) or importlib.util.find_spec(full) is None:
                for each in names:  # of a whole module, what is read of it is told by its chains
                    self._warn_of(f"{full}.{each}", reader)
                return
            module = importlib.import_module(full)
        except Exception:
            self.unseen[f"{name} (imported by {reader} as it runs)"] = None
            return
        if not names:
            self._module(module)
        for each in names:
            self._attribute(reader, module, [each])

    # ------------------------------------------------------------------------------------------- classes

    def _class(self, name: str, kind: type) -> None:
        meta = [] if type(kind) is type else [self._refer(type(kind), name)]
        self.found[f"class {name}"] = f"of {', '.join([*(self._refer(each, name) for each in kind.__bases__), *meta])}"
        enumerated, changed = issubclass(kind, Enum), self._changed | _changed_by(kind)
        for attribute, value in sorted(vars(kind).items()):
            path = f"{name}.{attribute}"
            if enumerated and isinstance(value, Enum):
                self._value(path, value.value)
            elif attribute in changed and not isinstance(value, (*_MEMBERS, type)):
                self.unseen[f"{path} ({changed[attribute]} changes it as it runs)"] = None
            elif _says_something(attribute, value, enumerated):
                self._value(path, value)
            elif _is_marked(attribute):
                self._marked.append((path, value))
        for field_name, field in vars(kind).get("__dataclass_fields__", {}).items():
            if callable(field.default_factory):
                self._value(f"{name}.{field_name}, its factory", field.default_factory)
            if not field.init:
                self.found[f"{name}.{field_name}, init"] = "False"

    # ------------------------------------------------------------------------------------------- what is not seen

    def _warn_of(self, name: str, reader: str) -> None:
        if reads_outside(name):
            self._warn(name, reader)

    def _warn(self, name: str, reader: str) -> None:
        self.unseen[f"what {reader} gets from {name.removeprefix('builtins.').rstrip('.')} as it runs"] = None


def _changed_by(kind: type) -> dict[str, str]:
    """The attributes whose values the methods of a class of the user's change, and which of them does."""
    changed: dict[str, str] = {}
    for each in kind.__mro__:
        for value in vars(each).values() if is_the_users(each.__module__) else ():
            inside = getattr(value, "__func__", None) or getattr(value, "fget", None) or getattr(value, "func", value)
            if isinstance(inside, FunctionType):
                reader = f"{_module_of(inside)}.{inside.__qualname__}"
                changed |= dict.fromkeys(reads_of(inside.__code__).changes, reader)
    return changed


def _says_something(attribute: str, value: object, enumerated: bool) -> bool:
    """Whether an attribute of a class says what its instances do."""
    if isinstance(value, MemberDescriptorType | GetSetDescriptorType):
        return False
    if attribute.startswith("__") and attribute.endswith("__"):
        return isinstance(value, _MEMBERS) and not is_generated(value)
    of_enum = attribute.startswith("_") and attribute.endswith("_") and not isinstance(value, _MEMBERS)
    return not (attribute == "_abc_impl" or (enumerated and (of_enum or attribute in _OF_ENUM)))


def _is_marked(attribute: str) -> bool:
    """Whether a name has the form of Python's own and need not be one of them."""
    return attribute.startswith("__") and attribute.endswith("__") and attribute not in _OF_PYTHON


def is_generated(value: object) -> bool:
    """Whether a function is one that `dataclass` makes, of which the fields say it all."""
    inside = getattr(value, "__wrapped__", value)  # its __repr__ guards against endless recursion
    return isinstance(inside, FunctionType) and inside.__code__.co_qualname.startswith("__create_fn__")


def _module_of(value: Any) -> str:
    """The module of a function or class, also where `functools.wraps` gave it the name of another."""
    named = value.__globals__.get("__name__") if isinstance(value, FunctionType) else value.__module__
    return str(named or "__main__")


def _is_compiled(value: object) -> bool:
    if isinstance(value, BuiltinFunctionType) or type(value).__name__ in _IN_C:
        return True
    file = getattr(sys.modules.get(str(getattr(value, "__module__", None))), "__file__", None)
    return callable(value) and hasattr(value, "__qualname__") and str(file).endswith(tuple(EXTENSION_SUFFIXES))


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _holds_a_module(cell: Any) -> bool:
    return isinstance(_content(cell), ModuleType)
