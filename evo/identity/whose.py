"""Whose a module is: the user's own, or one of the testbed, of Python, or of an installed distribution."""

from __future__ import annotations

import site
import sys
import sysconfig
from functools import cache
from pathlib import Path

from evo.text import OWN_PACKAGES

_INSTALLED = ("site-packages", "dist-packages")


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


@cache
def _is_the_users_file(file: str) -> bool:
    path = Path(file)
    if any(part in _INSTALLED for part in path.parts):
        return False
    folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*getattr(site, "getsitepackages", list)(), getattr(site, "getusersitepackages", str)()]
    return not any(folder and path.is_relative_to(folder) for folder in folders)
