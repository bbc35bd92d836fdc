"""What somebody has put into the modules and classes of libraries, which are named otherwise, and not entered."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from evo.identity.classes import functions_in, says_something
from evo.identity.readers import OUTPUT
from evo.identity.whose import is_immutable, is_the_users, is_the_users_class, is_the_users_function, module_of
from evo.text import OWN_PACKAGES

_OF_VERSIONS = frozenset({"__version__", "version", "version_info", "hexversion", "api_version", "implementation"})
"""What says which version it is; versions are compared by themselves."""
_GLOBAL_GENERATORS = (random._inst, np.random.mtrand._rand)  # watched while parts run


class Libraries:
    """The modules and classes of libraries that a walk meets.

    Attributes:
        passed_about: whether a module was met as a value, so that anything of it may be read.
    """

    def __init__(self) -> None:
        self.passed_about = False
        self._modules: dict[str, ModuleType] = {}
        self._met: dict[str, ModuleType] = {}
        self._classes: dict[str, type] = {}

    def pass_about(self, module: ModuleType) -> None:
        """Note a module that is met as a value."""
        self.passed_about = True
        self._modules[module.__name__] = module

    def meet(self, module: ModuleType) -> None:
        """Note a module of which something is read, so that there may be instances of its classes."""
        self._met[module.__name__] = module

    def read(self, names: set[str]) -> Iterator[tuple[str, object]]:
        """What stands under these names in the modules that were met as values, data in classes, methods put there."""
        for module, held in [*self._modules.items()]:
            for name in sorted(names & vars(held).keys()):
                yield f"{module}.{name}", vars(held)[name]
        for path, kind in [*self._classes.items()]:
            for name in sorted(names & vars(kind).keys()):
                if _is_data(kind, name):
                    yield f"{path}.{name}", vars(kind)[name]
        for held in self._met.values():
            for kind in [each for each in vars(held).values() if isinstance(each, type) and not is_immutable(each)]:
                for name in sorted(names & vars(kind).keys()) if not is_the_users_class(kind) else ():
                    if is_put_there(vars(kind)[name]):
                        yield f"{module_of(kind)}.{kind.__qualname__}.{name}", vars(kind)[name]

    def put_into(self, kind: type) -> Iterator[tuple[str, object]]:
        """The user's functions in a class of a library's and in its bases; its data may be read by their names."""
        for each in kind.__mro__:
            path = f"{module_of(each)}.{each.__qualname__}"
            if is_immutable(each) or path in self._classes or is_the_users_class(each):
                continue
            self._classes[path] = each
            yield from ((f"{path}.{name}", value) for name, value in vars(each).items() if is_put_there(value))


def is_put_there(value: object) -> bool:
    """Whether a member of a library's class is a function of the user's, and not one that the library generates."""
    named = [
        each for each in functions_in(value) if not _generated(str(each.__globals__.get("__name__", "namedtuple_")))
    ]
    return any(map(is_the_users_function, named))


def _generated(module: str) -> bool:
    """Whether a function has the module of those that collections.namedtuple makes, or none as others do."""
    return module.startswith("namedtuple_")


def own_name(value: Any, path: str) -> str | None:
    """What a library's function or class is called where that is not the name under which it stands; None for others.

    Objects that a library exports, as scipy.stats.norm, are others in each of its versions, and are named as well.

    >>> import math
    >>> own_name(math.sqrt, "math.sqrt"), own_name(math.exp, "math.sqrt"), own_name(math.pi, "math.pi")
    ('', 'exp', None)
    """
    module, _, attribute = path.rpartition(".")
    if attribute in _OF_VERSIONS or path in OUTPUT or (_is_ours(module) and _is_mentioned(module, attribute)):
        return ""
    top = module.partition(".")[0]
    if not _is_a_librarys(value):
        exported = attribute in getattr(sys.modules.get(module), "__all__", ())
        return "" if exported and type(value).__module__.partition(".")[0] == top else None
    name = str(value.__name__)
    own = str(getattr(value, "__module__", None) or top).partition(".")[0]
    same = own == top or {own, top} <= sys.stdlib_module_names or top == "builtins"
    return "" if name == attribute and same else f"{'' if same else f'{own}.'}{name}"


def quietly(module: ModuleType, attribute: str) -> Any:
    """An attribute of a module, without the warnings of those that are on their way out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(module, attribute)


def _is_a_librarys(value: Any) -> bool:
    """Whether a value is a function or class that a library has; not one of the user's, nor of data."""
    if isinstance(value, type):
        return not is_the_users_class(value)
    if isinstance(value, FunctionType):
        return not is_the_users_function(value) and not is_the_users(str(value.__module__))
    if isinstance(value, MethodType | BuiltinFunctionType):
        owner = value.__self__
        return (
            owner is None or isinstance(owner, ModuleType | type) or any(owner is each for each in _GLOBAL_GENERATORS)
        )
    if isinstance(value, np.ufunc):
        return not value.__name__.endswith("(vectorized)")
    return type(value).__name__ == "_ArrayFunctionDispatcher"


def _is_data(kind: type, name: str) -> bool:
    """Whether an attribute of a library's class is neither a method nor a field nor, of the testbed, its own."""
    value = vars(kind)[name]
    if name in vars(kind).get("__dataclass_fields__", {}) or functions_in(value) or callable(value):
        return False
    if hasattr(type(value), "__get__") or not says_something(name, value, False):
        return False
    return not (_is_ours(kind.__module__) and _is_mentioned(kind.__module__, name))


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in OWN_PACKAGES


@cache
def _is_mentioned(module: str, name: str) -> bool:
    """Whether the file of a module of the testbed, or of a class in it, has a name, so that nobody has put it there."""
    while module not in sys.modules and "." in module:
        module = module.rpartition(".")[0]
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        return name in Path(str(file)).read_text(encoding="utf-8")
    except OSError:
        return True
