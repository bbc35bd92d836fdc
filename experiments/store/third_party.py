"""Third-party parts in a grid: where they came from, and whether their source is still the one that made the results.

The modules of a part's class and of its base classes are hashed, not the modules that these import. Base classes of the
testbed, of Python and of installed packages are left out.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evo.errors import InputError
from evo.foreign import foreign, is_foreign
from evo.text import type_name
from experiments.grids.extensions import import_object, look_up_in, module_file, named_as
from experiments.grids.parts import find_any

if TYPE_CHECKING:
    from experiments.grids.cell import Cell


@dataclass(frozen=True)
class Origin:
    """Where a third-party part came from, as grid.json keeps it.

    Attributes:
        module: the module of its class.
        named: what the grid called it, `module:Class` or the name of an entry point; None for an object from Python.
        folder: where it was looked up besides the path; None for an entry point.
        sha256: of the module's source file (of the class, if a script was run), with "+" before those of base classes
            in other modules; None if there is none.
        earlier: hashes of the sources that made earlier runs.
    """

    module: str
    named: str | None = None
    folder: str | None = None
    sha256: str | None = None
    earlier: tuple[str, ...] = ()


def origins(cells: tuple[Cell, ...]) -> dict[str, Origin]:
    """Where the third-party parts in these cells came from, by the name of their type."""
    found: dict[str, Origin] = {}
    for cell in cells:
        for kind in foreign(cell):
            name = type_name(kind)
            if name not in found:
                named, folder = named_as(kind)
                found[name] = Origin(kind.__module__, named, folder, source_hash(kind))
    return found


def source_hash(kind: type) -> str | None:
    """SHA-256 of the source files of a class's module and of the modules of its base classes, joined by "+".

    A class that a script or notebook defines is hashed alone. None if the class itself has no source.
    """
    own, *others = [_hash(each) for each in _hashed(kind)]
    return None if own is None else "+".join(dict.fromkeys([own, *(each for each in others if each is not None)]))


def _hashed(kind: type) -> list[type]:
    """A class and its base classes that are the user's."""
    return [each for each in kind.__mro__ if each is kind or _is_of_the_user(each)]


def _is_of_the_user(kind: type) -> bool:
    """Whether a base class is no part of the testbed, of Python or of an installed package."""
    if not is_foreign(kind):
        return False
    installed = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    file = module_file(kind.__module__)
    return kind.__module__ == "__main__" or (
        file is not None and not any(Path(file).is_relative_to(folder) for folder in installed)
    )


def _hash(kind: type) -> str | None:
    try:
        if kind.__module__ == "__main__":
            return hashlib.sha256(inspect.getsource(kind).encode()).hexdigest()
        file = module_file(kind.__module__)
        return None if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return None


def recall(held: Mapping[str, Origin], text: str) -> None:
    """Import the third-party parts that a stored text names, if the grid named them and their source is unchanged.

    Raises: InputError saying why not.
    """
    for name, origin in held.items():
        if f"{name}(" not in text:
            continue
        loaded = sys.modules.get(origin.module)
        if loaded is None and origin.named is None:
            continue  # made in Python: `find_any` says which module to import
        if loaded is None:
            _import_again(name, origin)
        kind = find_any(name)
        now = source_hash(kind)
        if _differ(origin.sha256, now):
            files = [module_file(each.__module__) for each in _hashed(kind)]
            raise InputError(_changed(name, " or ".join(dict.fromkeys(file for file in files if file)) or None))


def merged(held: Mapping[str, Origin], now: Mapping[str, Origin]) -> tuple[dict[str, Origin], list[str]]:
    """The origins of both, and the names of those whose source has changed."""
    made, changed = dict(held), []
    for name, new in now.items():
        old = held.get(name, new)
        named, folder = (new.named, new.folder) if new.named else (old.named, old.folder)
        earlier = old.earlier
        if _differ(old.sha256, new.sha256):
            changed.append(name)
            earlier = (*earlier, str(old.sha256))
        made[name] = Origin(new.module, named, folder, new.sha256 or old.sha256, earlier)
    return made, changed


def _differ(old: str | None, new: str | None) -> bool:
    """Whether two hashes are of different sources; older results have only that of the class's own module."""
    if old is None or new is None:
        return False
    return old != new if "+" in old else old != new.partition("+")[0]


def _import_again(name: str, origin: Origin) -> None:
    """Import the module of a part that the grid named, if its source is the one that was hashed."""
    if origin.folder is not None:
        look_up_in((origin.folder,))
    called = f"the part {name!r} ({origin.named!r} in the grid)"
    file = _source_file(origin.module)
    if file is None:
        where = "on the path of this Python" if origin.folder is None else f"in {origin.folder} or on the path"
        raise InputError(f"{called} is not found: no module {origin.module!r} {where}")
    if _differ(origin.sha256 and origin.sha256.partition("+")[0], hashlib.sha256(file.read_bytes()).hexdigest()):
        raise InputError(_changed(name, str(file)))
    import_object(origin.module, name.removeprefix(f"{origin.module}."), None)


def _source_file(module: str) -> Path | None:
    """The source file of a module, found without importing it or its packages."""
    importlib.invalidate_caches()
    spec, path = None, None
    words = module.split(".")
    for n in range(1, len(words) + 1):
        name = ".".join(words[:n])
        found = (finder.find_spec(name, path) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec = next((spec for spec in found if spec is not None), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return Path(spec.origin) if spec is not None and spec.origin and Path(spec.origin).is_file() else None


def _changed(name: str, file: str | None) -> str:
    return f"the source of the part {name} ({file}) has changed since these results were made"
