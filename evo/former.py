"""Former names of modules, which README and docs of version 0.1 gave out; they go with version 0.3."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from types import ModuleType
from typing import Any

FORMER = {
    "evo.deap_engine": "evo.engine.deap",
    "evo.mixtures": "evo.laws.mixtures",
    "evo.selection": "evo.runners.archives",
}


class Former(ModuleType):
    """A module under its former name: whatever is asked of it comes from the new one, with a DeprecationWarning."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        new = FORMER[self.__name__]
        warnings.warn(f"{self.__name__} is now {new}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(new), name)


def install() -> None:
    """Make the former names importable; nothing is loaded."""
    for name in FORMER:
        sys.modules.setdefault(name, Former(name))
