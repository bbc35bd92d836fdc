"""Third-party parts in a grid: where they came from, and whether they are still what made the results.

What a part is says `evo.identity`: all that its methods read, as far as it can be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evo.identity import differences, identities, other_python
from experiments.grids.extensions import named_as

if TYPE_CHECKING:
    from experiments.grids.any_cell import AnyCell


@dataclass(frozen=True)
class Origin:
    """Where a third-party part came from, as grid.json keeps it.

    Attributes:
        module: the module of its class.
        named: what the grid called it, `module:Class` or the name of an entry point; None for an object from Python.
        folder: where it was looked up besides the path; None for an entry point.
        sha256: digest of its identity, or None if nobody wrote it down.
        earlier: those that made earlier runs.
        reads: what its methods read, as of its identity; None if nobody wrote it down.
    """

    module: str
    named: str | None = None
    folder: str | None = None
    sha256: str | None = None
    earlier: tuple[str, ...] = ()
    reads: Mapping[str, str] | None = None


@dataclass(frozen=True)
class OriginsCompared:
    """The origins in a folder and those of a grid together.

    Attributes:
        origins: of all parts, by name.
        changed: in words, how parts differ from those that made the runs in the folder, by name.
        told: what the user should know.
    """

    origins: dict[str, Origin]
    changed: dict[str, str]
    told: list[str]


def origins(cells: tuple[AnyCell, ...]) -> tuple[dict[str, Origin], list[str]]:
    """Where the third-party parts in these cells came from, by the name of their type; what of them cannot be seen.

    Raises: InputError if two of them have one name and are different, or a part of the testbed was changed.
    """
    found, told = {}, []
    for name, made in identities(cells).items():
        found[name] = Origin(made.kind.__module__, *named_as(made.kind), made.digest, reads=made.reads)
        if made.unseen:
            told.append(f"{name} reads what cannot be seen, so a change of it goes unnoticed: {'; '.join(made.unseen)}")
    return found, told


def compared(held: Mapping[str, Origin], now: Mapping[str, Origin]) -> OriginsCompared:
    """The origins of both, and how they differ."""
    made, changed, told = dict(held), {}, []
    for name, new in now.items():
        old = held.get(name, new)
        named, folder = (new.named, new.folder) if new.named else (old.named, old.folder)
        words, earlier = "", old.earlier
        if old.reads is None:
            told.append(f"whether {name} has changed is not known: the folder does not say what it was")
        else:
            words = differences(old.reads, new.reads or {})
        if old.reads is not None and other_python(old.reads):
            told.append(f"whether the code of {name} has changed is not known: another version of Python began here")
        if words:
            changed[name] = words
            earlier = (*earlier, str(old.sha256))
        made[name] = Origin(new.module, named, folder, new.sha256, earlier, new.reads)
    return OriginsCompared(made, changed, told)
