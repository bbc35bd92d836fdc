"""A study of one's own: `mine.py:STUDY`, or `package.module:STUDY` of a module beside this folder or on the path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.grids.grid import Grid
    from experiments.reports.study import Study

EXAMPLE = '"mine.py:STUDY" or "package.module:STUDY"'


def names_own(target: str) -> bool:
    """Whether a target is of the form FILE.py:NAME or MODULE:NAME.

    >>> names_own("mine.py:STUDY"), names_own("pack.mine:STUDY"), names_own("grid.toml"), names_own("paper")
    (True, True, False, False)
    """
    return ":" in target and not target.endswith(".toml")


def own_study(target: str) -> Study | None:
    """The study that a target names; None for the name of one of the testbed's, or a file of a grid.

    Importing a module executes it, as `type = "module:Class"` of a grid's file does; no folder of results can ask for
    it, only who gives the command.

    Raises: InputError if there is none, it is no `Study`, or its grid has another name.
    """
    from evo.errors import InputError
    from experiments.cli.inputs import STUDY_NAMES
    from experiments.grids.grid import Grid
    from experiments.reports.study import Study

    if not names_own(target):
        return None
    found = imported(target)
    if not isinstance(found, Study):
        raise InputError(f"{target}: expected a Study (experiments.reports.study.Study), got {found!r:.80}")
    if found.name in STUDY_NAMES:
        raise InputError(f"{target}: the testbed has a study {found.name!r}; give yours another name")
    grid = found.grid()
    if not isinstance(grid, Grid) or grid.name != found.name:
        raise InputError(
            f"{target}: expected grid() to make a Grid of the study's name, {found.name!r}, got "
            f"{grid.name if isinstance(grid, Grid) else grid!r:.80}"
        )
    _remember_parts(grid, target)
    return found


def _remember_parts(grid: Grid, target: str) -> None:
    """Note where the classes of a grid are found that are of one's own, so that its results can be read back."""
    from evo.foreign import foreign
    from experiments.grids.extensions import remember

    for kind in {kind for cell in grid.cells for kind in foreign(cell)}:
        remember(kind, _folder_of(target))


def _folder_of(target: str) -> Path:
    module = target.rpartition(":")[0]
    return (Path(module).parent if module.endswith(".py") else Path()).resolve()


def imported(target: str) -> Any:
    """What FILE.py:NAME, whose module is looked up in the file's folder, or MODULE:NAME stands for.

    Raises: InputError.
    """
    from evo.errors import InputError
    from experiments.grids.extensions import import_object

    module, _, name = target.rpartition(":")
    if not module.endswith(".py"):
        return import_object(module, name, _folder_of(target))
    if not Path(module).is_file():
        raise InputError(f"{module}: there is no such file; a study of your own is {EXAMPLE}")
    return import_object(Path(module).stem, name, _folder_of(target))


def expected_study(target: str) -> Study:
    """The study of one's own that a target names.

    Raises: InputError, also for a target that names none.
    """
    from evo.errors import InputError

    found = own_study(target)
    if found is None:
        raise InputError(f"--study: expected {EXAMPLE}, got {target!r}; the testbed's own studies are known by name")
    return found
