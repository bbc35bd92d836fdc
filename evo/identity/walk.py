"""What the methods of a class read, as far as it can be seen: a table of names and what stood behind them.

From the class over its functions, their defaults, closures and globals, through the user's own functions, classes and
modules, to values. What belongs to the testbed, to Python or to an installed distribution is named and not entered.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import importlib.util
import sys
import weakref
from collections import deque
from contextlib import suppress
from enum import Enum
from functools import partial
from operator import attrgetter, methodcaller
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from evo.identity.classes import (
    MEMBERS,
    OF_PYTHON,
    changed_by_class,
    changed_by_instance,
    described_fields,
    is_generated,
    is_marked,
    of_fields,
    of_members,
    registered,
    says_something,
)
from evo.identity.code import Reads, code_text, reads_of, words_in
from evo.identity.functions import content, holds_a_module, is_a_cache, set_by_hand
from evo.identity.libraries import Libraries, own_name, quietly
from evo.identity.readers import ATTRIBUTES, reads_outside
from evo.identity.values import Unseen, composite, expect_stateless, instance, plain, taken_apart
from evo.identity.whose import (
    is_compiled,
    is_the_users,
    is_the_users_class,
    is_the_users_function,
    is_the_users_module,
    module_of,
)
from evo.identity.wrappers import wrapped

MOST_VALUES = 100_000
"""Values that are looked at for one class; what is behind more of them is said to be unseen."""
GENERATED = "made by dataclass"
_CACHED = type(functools.cache(len))
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
        self._libraries = Libraries()
        self._lookers: dict[str, None] = {}
        self._globals: dict[str, object] = {}
        self._written: set[str] = set()
        self._left = MOST_VALUES
        self._changed = changed_by_class(root) if isinstance(root, type) else {}
        self._refer(root, root.__name__)
        while self._queue:
            name, node = self._queue.popleft()
            (self._class if isinstance(node, type) else self._function)(name, node)
            if not self._queue:
                self._enter_marked()
        for path in self._written:  # one function reads what another changes
            self.found.pop(path, None)

    # ------------------------------------------------------------------------------------------- values

    def _value(self, path: str, value: object) -> None:
        """Enter a value under its name, once."""
        if path not in self._entered:
            self._entered.add(path)
            said = self._refer(value, path)
            if said not in (f"{path}()", f"class {path}", GENERATED):
                self.found[path] = said

    def _global(self, path: str, value: object) -> None:
        """Enter a global; another one of that name with a prime, as of two functions that `exec` made."""
        while (known := self._globals.setdefault(path, value)) is not value:
            if self._refer(known, path) == self._refer(value, path):
                return
            path += "'"
        self._value(path, value)

    def _enter_marked(self) -> None:
        """Enter what only the name is known of that a function reads.

        Names such as __rate__, of which Python has many; of a library's module or class what somebody may have put
        there; what the instances of a library's class have besides what makes them.
        """
        for path, value in self._marked:
            if path.rpartition(".")[2] in self._read:
                self._value(path, value)
        for path, value in self._libraries.read(self._read):
            self._of_library(path, value)
        for reader in self._lookers if self._libraries.passed_about else ():
            self._warn("a library's module by a computed name", reader)

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
        if type(value) in weakref.ProxyTypes:
            value = value.__init__.__self__  # a worker has the object itself
        if isinstance(value, FunctionType | type):
            return self._node(value, path)
        if said := wrapped(value, path, self._refer):
            return said
        if isinstance(value, ModuleType):
            return self._module(value)
        if is_compiled(value):
            return self._compiled(value, path)
        if type(value) is partial:  # one that is sent to a worker comes without them
            self._marked += [(f"{path}.{name}", each) for name, each in value.__dict__.items()]
        if said := composite(value, path, self._refer):
            return said
        if is_the_users_class(type(value)):
            expect_stateless(value)
            changed = self._changed | changed_by_instance(type(value), self._read)
            return instance(value, path, self._refer, changed)
        if isinstance(value, _CACHED) and value.cache_info().currsize:
            self.unseen[f"{path} (it holds results already, of what it read then)"] = None
        if isinstance(value, attrgetter | methodcaller):
            self._read.update(*map(words_in, value.__reduce__()[1]))
        self._marked += [(f"{path}.{name}", each) for name, each in getattr(value, "__dict__", {}).items()]
        if isinstance(value, BaseException):  # what pickle leaves behind
            self._marked += [(f"{path}.__cause__", value.__cause__), (f"{path}.__context__", value.__context__)]
        return taken_apart(value, path, self._refer)

    def _node(self, value: Any, path: str) -> str:
        """A function or class: its name, under which it is entered if it is the user's."""
        own = is_the_users_class(value) if isinstance(value, type) else is_the_users_function(value)
        # A class that is sent to a worker by value has no more than its short name there.
        name = f"{module_of(value)}.{value.__name__ if own and isinstance(value, type) else value.__qualname__}"
        if not own and (isinstance(value, type) or not (value.__closure__ or value.__dict__)):
            self._warn_of(name, path)
            if isinstance(value, type):
                self._of_librarys_class(value)
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
            named = owner is None or isinstance(owner, ModuleType | type)
            return name if named else f"{name} {self._refer(owner, path)}"
        file = getattr(sys.modules.get(module), "__file__", None)
        self.unseen[f"{name} (compiled code: only its file is compared)"] = None
        return f"{name} {hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ''}".strip()

    def _module(self, module: ModuleType) -> str:
        """A module that is passed about as a value, so that anything of it may be read."""
        if not is_the_users_module(module):
            self._libraries.pass_about(module)
        if not is_the_users_module(module) or id(module) in self._names:
            return f"module {module.__name__}"
        self._names[id(module)] = module.__name__
        self._kept.append(module)
        for name, value in sorted(vars(module).items()):
            path = f"{module.__name__}.{name}"
            if not name.startswith("__"):
                self._global(path, value)
            elif name not in OF_PYTHON:
                self._marked.append((path, value))
        return f"module {module.__name__}"

    # ------------------------------------------------------------------------------------------- functions

    def _function(self, name: str, function: FunctionType) -> None:
        code = function.__code__
        own = is_the_users_function(function)
        for cell, variable in zip(function.__closure__ or (), code.co_freevars, strict=True):
            if not (holds_a_module(cell) if own else is_a_cache(content(cell))):
                self._value(f"{name}, {variable} of its closure", content(cell))
        for attribute, value in sorted(function.__dict__.items()):
            if own or not is_a_cache(value):
                self._value(f"{name}.{attribute}", value)
        if not own:
            return
        self.found[f"{name}()"] = code_text(code)
        self._marked += [(f"{name}.{each}", value) for each, value in set_by_hand(function)]
        given = [*zip(code.co_varnames[: code.co_argcount][::-1], (function.__defaults__ or ())[::-1], strict=False)]
        for argument, value in [*given[::-1], *(function.__kwdefaults__ or {}).items()]:
            self._value(f"{name}, default of {argument}", value)
        reads = reads_of(code)
        self._read |= reads.attributes | reads.words
        for attribute in sorted(reads.attributes & ATTRIBUTES):
            self._warn(attribute, name)
        if reads.computes:
            self._warn("getattr by a computed name", name)
        elif reads.looks_up:
            self._lookers[name] = None
        for first, *attributes in reads.chains:
            if first in reads.bound:
                self._bound(name, reads.bound[first], attributes)
            if first not in reads.bound or (first in reads.loads and first not in reads.writes):
                self._chain(name, function, (first, *attributes), reads)
        for imported in reads.imports:
            self._import(name, function, *imported)

    def _chain(self, name: str, function: FunctionType, chain: tuple[str, ...], reads: Reads) -> None:
        """Enter what a name of a function stands for, and of a module what is read of it."""
        first, *attributes = chain
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        if first in cells:
            if holds_a_module(cells[first]):
                self._attribute(name, cells[first].cell_contents, attributes)
            return
        module = isinstance(function.__globals__.get(first), ModuleType)
        if first in reads.writes or (first in reads.grows and not module):
            whole = f"{module_of(function)}.{first}"
            self.unseen[f"{whole} ({name} changes it as it runs)"] = None
            self._written |= {whole, *(f"{whole}.{each}" for each in reads.changes)}
        elif first in function.__globals__:
            value = function.__globals__[first]
            if module:
                self._attribute(name, value, attributes)
            else:
                self._global(f"{module_of(function)}.{first}", value)
                if isinstance(value, type) and attributes:
                    self._warn_of(".".join([module_of(value), value.__qualname__, *attributes]), name)
        elif first in _BUILT_IN:
            self._attribute(name, builtins, [first])

    def _attribute(self, reader: str, module: ModuleType, attributes: list[str]) -> None:
        """Enter what is read of a module, through the modules in it."""
        value: Any = module
        for n, attribute in enumerate(attributes):
            path, users = f"{value.__name__}.{attribute}", is_the_users_module(value)
            if not users and reads_outside(whole := ".".join([value.__name__, *attributes[n:]])):
                self._warn(whole, reader)
                return
            if not users:
                self._libraries.meet(value)
            if attribute == "__dict__":
                break
            try:
                value = quietly(value, attribute)
            except Exception:
                self.unseen[f"{path} (not there before {reader} runs)"] = None
                return
            if not isinstance(value, ModuleType):
                self._global(path, value) if users else self._of_library(path, value)
                return
        self._module(value)

    def _bound(self, reader: str, name: str, attributes: list[str]) -> None:
        """Enter what a function reads of what it imports itself; the user's is entered by its import."""
        whole = ".".join([name, *(attributes or [""])])
        if reads_outside(whole):
            self._warn(whole, reader)
        elif not is_the_users(name):
            top, *rest = name.split(".")
            with suppress(ImportError):  # what is not installed; of `from a import b` a b that is no module
                for n in range(len(rest) + 1):
                    importlib.import_module(".".join([top, *rest[:n]]))
            if top in sys.modules:
                self._attribute(reader, sys.modules[top], [*rest, *attributes])

    # ------------------------------------------------------------------------------------------- libraries

    def _of_library(self, path: str, value: Any) -> None:
        """Enter what stands in a library's module: its own by its name, where that is another; the rest as it is."""
        if isinstance(value, ModuleType):
            self._module(value)
            return
        said = own_name(value, path)
        if said is None:
            self._value(path, value)
        elif said:
            self.found[path] = said
        if isinstance(value, type):
            self._refer(value, path)

    def _of_librarys_class(self, kind: type) -> None:
        """Enter what somebody has put into a class of a library."""
        for path, value in self._libraries.put_into(kind):
            self._value(path, value)
        for each in filter(is_the_users_class, registered(kind)):
            name = f"{module_of(kind)}.{kind.__qualname__}, registered: {each.__qualname__}"
            self.found[name] = self._refer(each, "")

    def _import(self, reader: str, function: FunctionType, level: int, name: str, names: tuple[str, ...]) -> None:
        """Enter what a function imports as it runs, if it is the user's."""
        package = str(function.__globals__.get("__package__") or "")
        try:
            full = importlib.util.resolve_name("." * level + name, package or None)
            if not is_the_users(full) or importlib.util.find_spec(full) is None:
                for each in names:  # of a whole module, what is read of it is told by its chains
                    self._bound(reader, f"{full}.{each}", [])
                return
            module = importlib.import_module(full)
        except Exception:
            self.unseen[f"{name} (imported by {reader} as it runs)"] = None
            return
        if not names:
            self._module(module)
        for each in names:
            if each not in vars(module):
                with suppress(Exception):  # a module of a package may not be loaded yet
                    importlib.import_module(f"{full}.{each}")
            self._attribute(reader, module, [each])

    # ------------------------------------------------------------------------------------------- classes

    def _class(self, name: str, kind: type) -> None:
        meta = [] if type(kind) is type else [self._refer(type(kind), name)]
        self.found[f"class {name}"] = f"of {', '.join([*(self._refer(each, name) for each in kind.__bases__), *meta])}"
        enumerated, changed = issubclass(kind, Enum), self._changed | changed_by_class(kind)
        for attribute, value in sorted(vars(kind).items()):
            path = f"{name}.{attribute}"
            if enumerated and isinstance(value, Enum):
                self._value(path, value.value)
            elif attribute in changed and not isinstance(value, (*MEMBERS, type)):
                self.unseen[f"{path} ({changed[attribute]} changes it as it runs)"] = None
            elif says_something(attribute, value, enumerated):
                self._value(path, value)
            elif is_marked(attribute):
                self._marked.append((path, value))
        if enumerated:
            self._value(f"{name}, its members", tuple(vars(kind)["_member_names_"]))
            self._marked += [(f"{name}.{each}", value) for each, value in of_members(kind)]
        for each in registered(kind):
            self.found[f"{name}, registered: {each.__qualname__}"] = self._refer(each, name)
        self._fields(name, kind)

    def _fields(self, name: str, kind: type) -> None:
        if said := described_fields(kind):
            self.found[f"{name}, its fields"] = said
        for words, value in of_fields(kind):
            self._value(f"{name}.{words}", value)

    # ------------------------------------------------------------------------------------------- what is not seen

    def _warn_of(self, name: str, reader: str) -> None:
        if reads_outside(name):
            self._warn(name, reader)

    def _warn(self, name: str, reader: str) -> None:
        self.unseen[f"what {reader} gets from {name.removeprefix('builtins.').rstrip('.')} as it runs"] = None
