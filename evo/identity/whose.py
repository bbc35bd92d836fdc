"""Whose a module, function or class is: the user's own, or of the testbed, of Python, or of what is installed."""

from __future__ import annotations

import site
import sys
import sysconfig
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from evo.text import OWN_PACKAGES

_INSTALLED = ("site-packages", "dist-packages")
_IN_C = ("method_descriptor", "wrapper_descriptor", "cython_function_or_method", "fused_cython_function")
_TYPED_IN = ("<stdin", "<ipython")
"""How the name of the file of a code begins that somebody typed in."""
_OURS = Path(__file__).resolve().parents[2]
_IMMUTABLE = 1 << 8
"""The flag of a class of which nobody can set an attribute."""


def is_the_users(module: str) -> bool:
    """Whether a module is the user's own: a script, a notebook, or a file that no distribution has installed.

    What runs by value in a worker has a module of which nothing is loaded there; it is the user's, too.

    >>> [is_the_users(name) for name in ("evo.text", "json", "numpy.random", "builtins", "__main__", "my_operators")]
    [False, False, False, False, True, True]
    """
    top = module.partition(".")[0]
    if top in OWN_PACKAGES:
        return False
    loaded = sys.modules.get(module) or sys.modules.get(top)
    file = getattr(loaded, "__file__", None)
    if module == "__main__" or file is None:
        return top not in sys.stdlib_module_names and top not in sys.builtin_module_names
    return _is_the_users_file(str(file))


def is_the_users_module(module: ModuleType) -> bool:
    """Whether a module is the user's own, also where it has the name of a library's and is another."""
    if is_the_users(module.__name__):
        return True
    file = getattr(module, "__file__", None)
    return sys.modules.get(module.__name__) is not module and (file is None or _is_the_users_file(str(file)))


def is_the_users_function(function: FunctionType) -> bool:
    """Whether a function is the user's: by its module, and by the file of its code where that is in another module.

    >>> import math
    >>> is_the_users_function(is_the_users), is_the_users_function(FunctionType((lambda: 1).__code__, vars(math)))
    (False, False)
    """
    module, file = module_of(function), function.__code__.co_filename
    if is_the_users(module):
        return True
    if file.startswith("<"):
        return file.startswith(_TYPED_IN)
    return _is_the_users_file(file) and not any(Path(file).is_relative_to(_OURS / each) for each in OWN_PACKAGES)


def is_the_users_class(kind: type) -> bool:
    """Whether a class is the user's: by its module, or because the library that it names does not have it.

    >>> from fractions import Fraction
    >>> [is_the_users_class(each) for each in (Fraction, type("Fraction", (), {"__module__": "fractions"}))]
    [False, True]
    """
    module = module_of(kind)
    if is_the_users(module):
        return True
    if is_immutable(kind) or module.partition(".")[0] in OWN_PACKAGES or module not in sys.modules:
        return False
    found: Any = sys.modules[module]
    for word in kind.__qualname__.split("."):
        found = getattr(found, "__dict__", {}).get(word)
    return found is not kind and "<locals>" not in kind.__qualname__


def is_immutable(kind: type) -> bool:
    """Whether nobody can set an attribute of a class, as of most that are written in C."""
    return bool(kind.__flags__ & _IMMUTABLE)


def module_of(value: Any) -> str:
    """The module of a function or class, also where `functools.wraps` gave it the name of another."""
    named = value.__globals__.get("__name__") if isinstance(value, FunctionType) else value.__module__
    return named if named and isinstance(named, str) else "__main__" if not named else "builtins"


def is_compiled(value: object) -> bool:
    """Whether a function, method or class is in C, so that there is no code to look at."""
    if isinstance(value, BuiltinFunctionType) or type(value).__name__ in _IN_C:
        return True
    file = getattr(sys.modules.get(str(getattr(value, "__module__", None))), "__file__", None)
    return callable(value) and hasattr(value, "__qualname__") and str(file).endswith(tuple(EXTENSION_SUFFIXES))


@cache
def _is_the_users_file(file: str) -> bool:
    path = Path(file)
    if any(part in _INSTALLED for part in path.parts):
        return False
    folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*getattr(site, "getsitepackages", list)(), getattr(site, "getusersitepackages", str)()]
    return not any(folder and path.is_relative_to(folder) for folder in folders)
