"""A study of one's own: `mine.py:STUDY`, or `package.module:STUDY` of a module beside this folder or on the path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evo.errors import InputError
from evo.foreign import foreign
from experiments.grids.extensions import import_object, remember
from experiments.grids.grid import Grid
from experiments.reports.study import Study
from experiments.studies import STUDIES


def own_study(target: str) -> Study:
    """The study that FILE.py:NAME or MODULE:NAME stands for.

    Importing a module executes it, as `type = "module:Class"` of a grid's file does; no folder of results can ask for
    it, only who gives the command. Where the classes of its grid are found is noted, so that results can be read back.

    Raises: InputError if there is none, it is no `Study`, or its grid has another name.
    """
    found = imported(target)
    if not isinstance(found, Study):
        raise InputError(f"{target}: expected a Study (experiments.reports.study.Study), got {found!r:.80}")
    if found.name in STUDIES:
        raise InputError(f"{target}: the testbed has a study {found.name!r}; give yours another name")
    grid = found.grid()
    if not isinstance(grid, Grid) or grid.name != found.name:
        got = repr(grid.name) if isinstance(grid, Grid) else f"{grid!r:.80}"
        raise InputError(f"{target}: expected grid() to make a Grid of the study's name, {found.name!r}, got {got}")
    for kind in {kind for cell in grid.cells for kind in foreign(cell)}:
        remember(kind, _folder_of(target))
    return found


def imported(target: str) -> Any:
    """What FILE.py:NAME, whose module is looked up in the file's folder, or MODULE:NAME stands for.

    Raises: InputError.
    """
    module, _, name = target.rpartition(":")
    if module.endswith(".py"):
        if not Path(module).is_file():
            raise InputError(
                f'{module}: there is no such file; a study of your own is "mine.py:STUDY" or "package.module:STUDY"'
            )
        module = Path(module).stem
    return import_object(module, name, _folder_of(target))


def _folder_of(target: str) -> Path:
    module = target.rpartition(":")[0]
    return (Path(module).parent if module.endswith(".py") else Path()).resolve()
