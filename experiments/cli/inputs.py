"""What sub-commands are given: the grid of a study or file, the results in a folder, a console."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.grids.grid import Grid
    from experiments.reports.study import Study
    from experiments.store.results import Results

REAL = "Real calls, of LLM(..)"


def of_real_calls(metavar: str, told: str) -> Any:
    """An option of real calls."""
    return typer.Option(metavar=metavar, help=told, rich_help_panel=REAL)


def grid_of(target: str, runs: int | None, seed: int | None, engine: str | None) -> Grid:
    """The grid of a study or file, with what the command line changes of it.

    Raises: InputError for neither, with the name that may have been meant.
    """
    if target.endswith(".toml"):
        from experiments.grids.toml import load_grid

        grid = load_grid(Path(target))
    elif (own := own_study(target)) is not None:
        grid = own.grid()
    else:
        grid = _study(target)
    changes = {"runs": runs, "seed": seed, "engine": engine}
    return replace(grid, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]  # checked by Grid


def _study(name: str) -> Grid:
    """The grid of a study."""
    from evo.errors import InputError
    from evo.parameters import suggestion
    from experiments.studies import STUDIES

    if name in STUDIES:
        return STUDIES[name].grid()
    known = ", ".join(STUDIES)
    files = [f"{name}.toml"] if Path(f"{name}.toml").is_file() else []
    near = suggestion(name, files or STUDIES)
    raise InputError(
        f"expected a study ({known}), a file that ends in .toml, or a study of your own, "
        f'"mine.py:STUDY" or "package.module:STUDY", got {name!r}{near}'
    )


def own_study(target: str) -> Study | None:
    """The study of the user's own that a target names as FILE.py:NAME or MODULE:NAME; None for other targets.

    Raises: InputError.
    """
    if ":" not in target or target.endswith(".toml"):
        return None
    from experiments.studies.own import own_study as found

    return found(target)


def expected_study(target: str) -> Study:
    """The same of an option that expects one.

    Raises: InputError.
    """
    from evo.errors import InputError

    found = own_study(target)
    if found is None:
        raise InputError(f"--study: expected MODULE:STUDY, got {target!r}; the testbed's studies are known by name")
    return found


def study_of(results: Results) -> Study | None:
    """The named study of results, if they are of one."""
    from experiments.studies import study_of as found

    return found(results)


def folder_of(out: str | None, grid: Grid) -> Path:
    """The results folder: as asked for, or named as the grid.

    Raises: InputError for a name of nothing but blanks.
    """
    from evo.errors import InputError

    if out is not None and not out.strip():
        raise InputError(f"--out: expected a folder, got {out!r}; leave it out for results/{grid.name}")
    return Path("results") / grid.name if out is None else Path(out)


def read(path: Path, imports: bool, stored: bool = False) -> Results:
    """The results in a folder; in one line, which parts of it are not imported.

    Raises: InputError if both are asked for.
    """
    from evo.errors import InputError
    from experiments.store.results import load

    if imports and stored:
        raise InputError("--import and --stored contradict each other; give one of them")
    results = load(path, imports=False if stored else imports or None)
    if not stored and (left := results.not_imported):
        why = next(iter(left.values()))
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        told = f"Without{more}, from stored predictions: {why}"
        new_console(stderr=True).print(told, markup=False, soft_wrap=True)
    return results


def loaded(folder: Path, imports: bool = False) -> Results:
    """The results in a folder; rows that are not counted are told, as `check` tells them."""
    from experiments.store.rows import not_counted

    found = read(folder, imports)
    if found.rows.strays:
        new_console(stderr=True).print(f"note: {not_counted(found.rows.strays)}", markup=False, soft_wrap=True)
    return found


def new_console(stderr: bool = False) -> Console:
    """Where the terminal is written to."""
    from experiments.reports.printing import PlainConsole

    return PlainConsole(stderr=stderr, highlight=False)
