"""Third-party parts: classes that a user names as `module:Class`, or by the entry point of an installed package.

Code is imported only here, and only when a user names it: in a grid, on the command line, or in the grid whose results
are read again (`experiments.store.third_party`).
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import warnings
from dataclasses import MISSING, fields, is_dataclass
from functools import reduce
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from evo.errors import InputError
from evo.foreign import place
from evo.parameters import expect_parameters, suggestion
from evo.text import OWN_PACKAGES, is_frozen_class, parse, type_name
from experiments.grids.parts import find_any, find_part, parts_of_kind

GROUPS = {
    "problem": "llm_evo.problems",
    "mutator": "llm_evo.mutators",
    "schedule": "llm_evo.schedules",
    "cost": "llm_evo.costs",
    "program": "llm_evo.programs",
}
"""Entry-point group of each kind of part."""

_named: dict[str, tuple[str, str | None]] = {}  # as sys.modules, of this process: what users called a class, and where


def offered(kind: str) -> dict[str, list[EntryPoint]]:
    """The names under which installed packages offer parts of a kind; nothing is imported."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUPS[kind]) if kind in GROUPS else ():
        found.setdefault(entry.name, []).append(entry)
    return found


def find_named(kind: str, name: str, folder: Path) -> type:
    """The class of a part that a grid names: one of ours, `module:Class`, or an entry point of an installed package.

    Args:
        kind: "mutator" and so on.
        name: what the grid says.
        folder: of the grid; modules are looked up there too, after everything else.

    Raises: InputError if it is not found, cannot be imported, or is no frozen dataclass.
    """
    if ":" in name:
        module, _, qualname = name.partition(":")
        found = import_object(module, qualname, folder)
        where: str | None = str(folder)
    else:
        entries = offered(kind)
        if name not in entries or _is_built_in(kind, name):
            for entry in entries.get(name, ()):
                warnings.warn(f"the {kind} {name!r} {_package(entry)} offers is {_HIDDEN}", stacklevel=2)
            return find_part(kind, name, also=[each for each in entries if not _is_built_in(kind, each)])
        if len(entries[name]) > 1:
            listed = ", ".join(f"{entry.value} ({_package(entry)})" for entry in entries[name])
            raise InputError(f'several installed packages offer the {kind} {name!r}: {listed}; name it "module:Class"')
        (entry,) = entries[name]
        found, where = import_object(*_target(kind, entry), None), None
    if not isinstance(found, type) or not is_frozen_class(found):
        raise InputError(f"{name!r} is no part: expected a class marked @dataclass(frozen=True), got {found!r}")
    _named[type_name(found)] = (name, where)
    return found


def _is_built_in(kind: str, name: str) -> bool:
    return any(part.__name__ == name for part in parts_of_kind(kind))


_HIDDEN = 'hidden by the built-in; name it "module:Class"'


def _target(kind: str, entry: EntryPoint) -> tuple[str, str]:
    """Module and name of an entry point.

    Raises: InputError if its package wrote something else.
    """
    parts = re.fullmatch(r"\s*([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?\s*", entry.value)
    if parts is None:
        raise InputError(
            f'the entry point of the {kind} {entry.name!r} of {_package(entry)} must be "module:Class", got '
            f"{entry.value!r}; mend that package"
        )
    return parts[1], parts[2]


def import_object(module: str, qualname: str, folder: Path | None) -> Any:
    """What `module:qualname` stands for.

    Args:
        module: name of the module, with dots.
        qualname: name in it.
        folder: appended to the path (never put before anything), None: the path as it is.

    Raises: InputError if there is no such thing, or importing it fails.
    """
    if not all(word.isidentifier() for word in f"{module}.{qualname}".split(".")):
        raise InputError(f'expected "module:Class", got {f"{module}:{qualname}"!r}')
    if folder is not None:
        look_up_in((str(folder),))
    importlib.invalidate_caches()
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise InputError(
                f"importing the module {module!r} failed: {error}; install it, or mend the module"
            ) from error
        top = module.partition(".")[0]
        if folder is not None and top in OWN_PACKAGES and _own_file(module, folder) is not None:
            raise InputError(
                f"{_own_file(module, folder)} is hidden by the testbed's own package {top!r}; give yours another name"
            ) from None
        where = "" if folder is None else f"in {folder} or "
        raise InputError(f"there is no module {module!r} {where}on the path of this Python") from None
    except (Exception, SystemExit) as error:
        raise InputError(f"importing the module {module!r} failed: {type(error).__name__}: {error}") from error
    _refuse_a_namesake(module, found, folder)
    for word in qualname.split("."):
        if not hasattr(found, word):
            names = [name for name in vars(found) if not name.startswith("_")]
            raise InputError(
                f"the module {module!r} ({module_file(module)}) has no {qualname!r}{suggestion(word, names)}"
            )
        found = getattr(found, word)
    return found


def remember(kind: type, folder: Path) -> None:
    """Note that a class of a user's own was found in a module that is looked up in a folder, as `find_named` does."""
    _named[type_name(kind)] = (f"{kind.__module__}:{kind.__qualname__}", str(folder))


def named_as(kind: type) -> tuple[str | None, str | None]:
    """What the user called a class, and the folder where it was looked up; None for an object made in Python."""
    return _named.get(type_name(kind), (None, None))


def look_up_in(folders: tuple[str, ...]) -> None:
    """Append folders to the path that are not on it."""
    sys.path += [folder for folder in folders if folder not in sys.path]


def build(text: str, folder: Path) -> Any:
    """The part of a command line: `module:Class(p=0.5)`, `module:Class`, or one that is known by name.

    Raises: InputError if it is not found, or parameters are missing or wrong.
    """
    head, bracket, _ = text.partition("(")
    module, colon, name = head.rpartition(":")
    found = import_object(module, name, folder) if colon else _known(name)
    if not isinstance(found, type):
        if bracket:
            raise InputError(f"{head!r} is an object and no class; leave out its parentheses")
        return found
    call = text[len(module) + len(colon) :] if bracket else f"{name}()"
    needed = _needed(found)
    if needed and not bracket:
        try:
            expect_parameters(found, ())
        except InputError as error:
            raise InputError(f'{error}; give it as in "{text}({_shown(needed)})"') from None

    def find(word: str) -> type:
        return found if word == name else _inner(word, found, folder)

    try:
        return parse(call, find)
    except InputError as error:
        advice = _advice(call, head, found)
        raise InputError(f"{advice}; {error}" if _by_place(call) else f"{error}; {advice}".removesuffix("; ")) from None
    except (MemoryError, RecursionError):
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"cannot build {call}: {type(error).__name__}: {error} {place(error, found)}") from error


def _advice(call: str, head: str, found: type) -> str:
    """How parameters are given, if the call is none of that form; nothing where a value is wrong."""
    allowed = [field.name for field in fields(found) if field.init] if is_dataclass(found) else []
    needed = _needed(found)
    shown = _shown(needed or allowed)
    try:
        calls = [node for node in ast.walk(ast.parse(call, mode="eval")) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError):
        return f'expected "{head}({shown})", with parts inside it as "module.Class(...)"'
    if any(node.args for node in calls):
        return f'parameters are given by name, as in "{head}({shown})"'
    return ""


def _shown(words: list[str]) -> str:
    return ", ".join(f"{word}=..." for word in words)


def _refuse_a_namesake(module: str, found: Any, folder: Path | None) -> None:
    """A file beside the grid that another module of the same name hides is a mistake, not a silent choice."""
    file = getattr(found, "__file__", None)
    if folder is None:
        return
    own = _own_file(module, folder)
    if own is not None and (file is None or Path(file).resolve() != own.resolve()):
        top = module.partition(".")[0]
        by = f"the testbed's own package {top!r}" if top in OWN_PACKAGES else f"another module {module!r}"
        raise InputError(f"{own} is hidden by {by} ({file or 'built in'}); give yours another name")


def _own_file(module: str, folder: Path) -> Path | None:
    """The file beside the grid that a module would be of."""
    stem = reduce(Path.joinpath, module.split("."), folder)
    return next((own for own in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")) if own.is_file()), None)


def module_file(module: str) -> str | None:
    """The file of a module that is imported."""
    return getattr(sys.modules.get(module), "__file__", None)


def _package(entry: EntryPoint) -> str:
    return "an unknown package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def describe_entry(entry: EntryPoint) -> str:
    """What `llm-evo show` says of an entry point, which it does not import."""
    kind = next((kind for kind, group in GROUPS.items() if group == entry.group), None)
    hidden = kind is not None and _is_built_in(kind, entry.name)
    return f"of {_package(entry)}: {entry.value} ({_HIDDEN if hidden else 'not imported'})"


def _known(name: str) -> Any:
    """A class known by name alone: one of ours, or an entry point."""
    for kind in GROUPS:
        if _is_built_in(kind, name) or name in offered(kind):
            return find_named(kind, name, Path())
    raise InputError(f'expected "module:Class", such as "my_pkg:MyMutator", got {name!r}')


def _by_place(call: str) -> bool:
    """Whether a call has parameters without their names."""
    try:
        made = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(made, ast.Call) and bool(made.args)


def _inner(word: str, outer: type, folder: Path) -> type:
    """A class in the parameters of another one: of the same module, known, or `module.Class` of a module beside it."""
    found = getattr(sys.modules.get(outer.__module__), word, None)
    if isinstance(found, type):
        return found
    module, _, name = word.rpartition(".")
    if module and module not in sys.modules:
        import_object(module, name, folder)  # the user named it
    return find_any(word)


def _needed(kind: type) -> list[str]:
    """Parameters of a dataclass without a default."""
    if not is_dataclass(kind):
        return []
    return [
        field.name
        for field in fields(kind)
        if field.init and field.default is MISSING and field.default_factory is MISSING
    ]
