"""The classes of third-party parts that a stored text names, for results that are read again.

Nothing is imported because a folder says so: only what a launch of this user has recorded for it, outside of the folder
(`recorded`), unchanged, or what the user allows.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

from evo.errors import InputError
from evo.identity import differences, identity_of
from experiments.grids.extensions import import_object, look_up_in
from experiments.grids.parts import find_any
from experiments.store.third_party.origins import Origin
from experiments.store.third_party.recorded import Recorded, recorded


def recall(path: Path, held: Mapping[str, Origin], name: str, allowed: bool) -> None:
    """Have a third-party part of a stored text loaded, as it was when the results were made.

    Args:
        path: the results folder.
        held: what it says of their origin.
        name: of the part.
        allowed: whether all modules that the folder names may be imported, and not only those that a launch of this
            user has recorded for it.

    Raises: InputError saying why not.
    """
    origin = held.get(name, Origin(name.rpartition(".")[0]))
    if _loaded(name, origin) is None:
        _import_again(path, name, origin, allowed)
    found = identity_of(find_any(name)).reads
    if words := differences(origin.reads or found, found):
        raise InputError(f"the part {name} has changed since these results were made: {words}")


def _loaded(name: str, origin: Origin) -> object:
    """The class, if its module is loaded already."""
    found: object = sys.modules.get(origin.module)
    for word in name.removeprefix(f"{origin.module}.").split("."):
        found = vars(found).get(word) if hasattr(found, "__dict__") else None
    return found


def _import_again(path: Path, name: str, origin: Origin, allowed: bool) -> None:
    if origin.module == "__main__":
        raise InputError(
            f"the part {name!r} was defined in a script or notebook, which another process cannot import; to have it "
            "predicted anew define it in a module"
        )
    mine = recorded(path).get(name)
    if not allowed and (mine is None or mine.folder != origin.folder):
        raise InputError(
            f"the part {name!r} is not imported, for no launch of yours has recorded it for this folder; if you trust "
            "its code: --import (in Python load(..., imports=True), or import its module first)"
        )
    where = mine.folder if mine is not None else origin.folder
    called = f"the part {name!r}" + (f" ({origin.named!r} in the grid)" if origin.named else "")
    if where is not None:
        look_up_in((where,))
    file = _source_file(origin.module)
    if file is None:
        looked = "on the path of this Python" if where is None else f"in {where} or on the path"
        raise InputError(f"{called} is not found: no module {origin.module!r} {looked}")
    if not allowed and mine is not None:
        _expect_recorded(name, file, mine)
    import_object(origin.module, name.removeprefix(f"{origin.module}."), None)


def _expect_recorded(name: str, file: Path, mine: Recorded) -> None:
    if (str(file.resolve()), hashlib.sha256(file.read_bytes()).hexdigest()) != (mine.file, mine.sha256):
        raise InputError(
            f"the source of the part {name} ({file}) has changed since these results were made; --import (in "
            "Python load(..., imports=True)) allows it nevertheless"
        )


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
