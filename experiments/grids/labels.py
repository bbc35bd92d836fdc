"""What the cells of a grid are called: their arm, with what varies within an arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NOT_PARAMETERS = ("arm", "text", "sample")
SIZES = ("problem.k", "program.k")
"""The size of a cell, of a search or a program."""
SHOWN_APART = (*SIZES, "runner.lam")
"""Parameters that have columns of their own wherever cells are listed."""


def labels(cells: pd.DataFrame) -> dict[str, str]:
    """What each cell is called beside its k and lam: its arm, with all else that varies within an arm.

    Args:
        cells: of `experiments.grids.cells_table.cells_table`.
    """
    varying = [
        name
        for name in parameter_names(cells)
        if name not in SHOWN_APART
        and varies(cells, name)
        and not any(moves_with(cells, name, size) for size in SIZES if size in cells)
    ]
    return {str(cell_id): label_of(row, varying) for cell_id, row in cells.iterrows()}


def sizes_of(cells: pd.DataFrame) -> pd.Series:
    """The k of each cell: of its problem or its program; null where it has none."""
    import pandas as pd

    found = pd.Series(float("nan"), index=cells.index)
    for name in SIZES:
        if name in cells and cells[name].dtype.kind in "iuf":
            found = cells[name].fillna(found) if found.isna().all() else found.fillna(cells[name])
    whole = not found.isna().any() and bool((found == found.round()).all())
    return found.astype("int64") if whole else found


def lams_of(cells: pd.DataFrame) -> pd.Series:
    """The offspring a generation of each cell; null of programs."""
    import pandas as pd

    return cells["runner.lam"] if "runner.lam" in cells else pd.Series(float("nan"), index=cells.index)


def place_of(k: float, lam: float) -> list[str]:
    """The k and lam of a cell in words, those that it has.

    >>> place_of(4, 8), place_of(4.0, float("nan"))
    (['k = 4', 'lam = 8'], ['k = 4'])
    """
    return [f"{name} = {value:.10g}" for name, value in (("k", k), ("lam", lam)) if value == value]


def words(fixed: dict[str, object]) -> list[str]:
    """Values of parameters in words: `p = 0.5`, `schedule = UntilResolved`."""
    said = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in fixed.items()
    }
    return [f"{name.split('.')[-1]} = {value}" for name, value in said.items()]


def parameter_names(cells: pd.DataFrame) -> list[str]:
    """The columns of a table of cells that are parameters or types of parts."""
    return [name for name in cells.columns if name not in NOT_PARAMETERS and not name.startswith(("weight.", "role."))]


def varies(cells: pd.DataFrame, name: str) -> bool:
    """Whether a type of part varies within an arm, or a parameter among parts of one type."""
    if cells[name].nunique(dropna=False) < 2:
        return False
    within = ["arm", name.rpartition(".")[0]] if "." in name else ["arm"]
    return bool(cells.groupby(within)[name].nunique(dropna=False).max() > 1)


def moves_with(cells: pd.DataFrame, name: str, column: str) -> bool:
    """Whether a parameter is a one-to-one function of `column`, as weights of k blocks are of k."""
    if name == column or not varies(cells, name):
        return False
    values = cells[["arm", name, column]].drop_duplicates()
    each_way = (
        values.groupby(["arm", one], dropna=False)[other].nunique(dropna=False).max() == 1
        for one, other in ((name, column), (column, name))
    )
    return all(each_way)


def values_of(cell: pd.Series, varying: list[str]) -> dict[str, object]:
    """The values that a cell has of what varies, by their column."""
    return {name: cell[name] for name in varying if cell.notna()[name]}


def label_of(cell: pd.Series, varying: list[str]) -> str:
    """What a cell is called: its arm, and the values of what varies."""
    return ", ".join([str(cell["arm"]), *words(values_of(cell, varying))])


def three_digits(value: float) -> str:
    """A number to three digits, in full where that is short.

    >>> three_digits(5688.4), three_digits(2.7637)
    ('5,690', '2.76')
    """
    return f"{float(f'{value:.3g}'):,.0f}" if 1000 <= value < 1e7 else f"{value:.3g}"
