"""What the cells of a grid are called: their arm, with what varies within an arm."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING

from experiments.grids.outside.telling import told_apart

if TYPE_CHECKING:
    import pandas as pd

    from evo.protocols import FloatArray

NOT_PARAMETERS = ("arm", "text", "sample")
SIZES = ("problem.k", "program.k")
"""The size of a cell, of a search or a program."""
SHOWN_APART = (*SIZES, "runner.lam")
"""Parameters that have columns of their own wherever cells are listed."""
FEWEST = 3
"""Values that make a series: with fewer there is nothing to tell a function of the axis by, nor a law."""
SAME = 1e-9
"""Relative spread up to which the factors of a formula are one."""


def labels(cells: pd.DataFrame) -> dict[str, str]:
    """What each cell is called beside its k and lam: its arm, with all else that varies within an arm.

    Args:
        cells: of `experiments.grids.cells_table.cells_table`.
    """
    names = [name for name in parameter_names(cells) if name not in SHOWN_APART]
    free = untied(cells, names, *(size for size in SIZES if size in cells))
    varying = [name for name in names if varies(free, name)]
    return {str(cell_id): label_of(row, varying) for cell_id, row in free.iterrows()}


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
    """Values of parameters in words: `p = 0.5`, `schedule = UntilResolved`; of texts no character is hidden."""
    return [f"{name.split('.')[-1]} = {_word(value)}" for name, value in fixed.items()]


def _word(value: object) -> object:
    if isinstance(value, str):
        return told_apart(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def parameter_names(cells: pd.DataFrame) -> list[str]:
    """The columns of a table of cells that are parameters or types of parts."""
    return [name for name in cells.columns if name not in NOT_PARAMETERS and not name.startswith(("weight.", "role."))]


def varies(cells: pd.DataFrame, name: str) -> bool:
    """Whether a type of part varies within an arm, or a parameter among parts of one type."""
    if cells[name].nunique(dropna=False) < 2:
        return False
    within = ["arm", name.rpartition(".")[0]] if "." in name else ["arm"]
    return bool(cells.groupby(within)[name].nunique(dropna=False).max() > 1)


def untied(cells: pd.DataFrame, names: Iterable[str], *columns: str) -> pd.DataFrame:
    """The cells with each of these parameters null where it follows one of the columns."""
    found: dict[str, pd.Series] = {}
    for name, column in product(names, columns):
        if (tied := follows(cells, name, column)).any():
            found[name] = found.get(name, cells[name]).mask(tied)
    return cells.assign(**found) if found else cells


def follows(cells: pd.DataFrame, name: str, column: str) -> pd.Series:
    """Of each cell, whether within its arm, among parts of one type, a parameter is a function of `column`.

    Each value of the column has one value of the parameter; and no two have the same one, as weights of k blocks; or
    the parameter rises or falls, as ceil(4 ln k) samples. It does not follow where its values could as well be series
    of their own: they are two, or each has three values of the column.
    """
    import pandas as pd

    found = pd.Series(False, index=cells.index)
    if name == column or not varies(cells, name):
        return found
    within = ["arm", name.rpartition(".")[0]] if "." in name else ["arm"]
    known = cells[cells[column].notna()]
    for _, part in known.groupby(within, sort=False, dropna=False):
        if part[name].nunique(dropna=False) > 1:
            found[part.index] = _is_function(part[[column, name]].drop_duplicates().sort_values(column))
    return found


def _is_function(pairs: pd.DataFrame) -> bool:
    """Whether pairs of column and parameter, each once, in rising order of the column, are a function to join by."""
    x, values = pairs.iloc[:, 0], pairs.iloc[:, 1]
    if x.duplicated().any():
        return False
    if not values.duplicated().any():
        return True
    if values.dtype.kind not in "iuf" or values.isna().any():
        return False
    steps = values.value_counts()
    joined = len(steps) >= FEWEST and bool((steps < FEWEST).any())
    return joined and (values.is_monotonic_increasing or values.is_monotonic_decreasing)


def tied_to(cells: pd.DataFrame, name: str, column: str) -> str:
    """How a parameter of a series follows the column: a formula, the ends of its values, or that it does.

    >>> import pandas as pd
    >>> cells = pd.DataFrame({"problem.k": [8, 16, 32], "mutator.rate": [1 / 8, 1 / 16, 1 / 32]})
    >>> tied_to(cells, "mutator.rate", "problem.k"), tied_to(cells, "problem.k", "mutator.rate")
    ('1/k', '1/rate')
    >>> tied_to(cells.assign(samples=[9, 12, 14]), "samples", "problem.k")
    '9 .. 14 with k'
    """
    along = column.rpartition(".")[2]
    pairs = cells[[column, name]].drop_duplicates().sort_values(column)
    values = pairs[name]
    if values.dtype.kind not in "iuf" or values.isna().any():
        return f"another at each {along}"
    x, y = pairs[column].to_numpy(dtype=float), values.to_numpy(dtype=float)
    if len(x) >= FEWEST and (x > 0).all() and (y > 0).all():
        if _one(x * y):
            return f"{x[0] * y[0]:.6g}/{along}"
        if (y < 1).all() and _one(x * (1 - y)):
            return f"1 - {x[0] * (1 - y[0]):.6g}/{along}"
        if _one(y / x):
            factor, part = f"{y[0] / x[0]:.6g}", f"{x[0] / y[0]:.6g}"
            return along if factor == "1" else f"{along}/{part}" if len(part) < len(factor) else f"{factor} {along}"
    first, last = (f"{end:.10g}" if end == round(end) else f"{end:.3g}" for end in (y[0], y[-1]))
    return f"{first} .. {last} with {along}" if first != last else first


def _one(factors: FloatArray) -> bool:
    return bool(factors.max() <= factors.min() * (1 + SAME))


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
