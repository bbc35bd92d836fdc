"""The table of cells: a row a cell, with the parameters of its parts and its prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.costs.ledger import LEDGER
from evo.protocols import FloatArray
from evo.text import is_frozen_dataclass, parameters, plain, type_name
from experiments.grids.grid import Grid
from experiments.grids.programs.cell import column_prices
from experiments.grids.strings import string_type, strings_inferred

if TYPE_CHECKING:
    import pandas as pd


WEIGHTS = tuple(f"weight.{entry}" for entry in LEDGER)
"""Columns of the table of cells: the prices of the ledger's entries."""


def cells_table(grid: Grid) -> pd.DataFrame:
    """A row a cell, index `cell` (its id).

    Columns: arm, text, sample (what names its runs, `Cell.sample`); for each part its type (`problem`) and parameters
    (`problem.k`, null where a part has none or it is None, in words where cells have values of several types), those of
    parts inside it too (`mutator.inner.p`);
    `weight.calls` and so on, the prices of the ledger's entries; of programs `role.qa.size` and so on, the sizes of
    their models, by which their prices of tokens are multiplied.
    """
    import pandas as pd

    labels = grid.labels
    rows = []
    for cell in grid.cells:
        row: dict[str, Any] = {"cell": cell.id, "arm": labels[cell.id], "text": cell.text, "sample": cell.sample}
        for kind, part in parameters(cell).items():
            row |= part_columns(kind, part)
        row |= cell.sizes
        row |= dict(zip(WEIGHTS, cell.weights, strict=True))
        rows.append(row)
    with strings_inferred():
        table = pd.DataFrame(rows)
    mixed = [column for column, kind in table.dtypes.astype(str).items() if kind == "object"]
    for column in mixed:  # a file wants one type a column
        table[column] = in_words(table[column]).astype(string_type())
    return table.set_index("cell")


def in_words(values: pd.Series) -> pd.Series:
    """Values of several types as words; a text that another value is written as stands in quotation marks.

    >>> import pandas as pd
    >>> list(in_words(pd.Series([1, "1", "two"], dtype=object)))
    ['1', "'1'", 'two']
    """
    others = {str(value) for value in values if not isinstance(value, str)}
    return values.map(lambda value: repr(value) if value in others else str(value), na_action="ignore")


def prices_in(cells: pd.DataFrame) -> list[dict[str, float]]:
    """The price of each column of the table of runs that has one, for each row of the table of cells.

    As `prices` of the cell itself: of programs role by role.
    """
    weights = cells[list(WEIGHTS)].to_numpy(dtype=float)
    named = [name for name in map(str, cells.columns) if name.startswith("role.")]
    roles = [name.split(".")[1] for name in named]
    all_sizes = cells[named].to_numpy(dtype=float, na_value=np.nan)
    return [_prices(row, dict(zip(roles, sizes, strict=True))) for row, sizes in zip(weights, all_sizes, strict=True)]


def _prices(weights: FloatArray, sizes: Mapping[str, float]) -> dict[str, float]:
    """The prices of one cell; sizes are NaN of roles that it does not have."""
    own = {role: float(size) for role, size in sizes.items() if not np.isnan(size)}
    if own:
        return column_prices(weights, own)
    return {entry: price for entry, price in zip(LEDGER, weights.tolist(), strict=True) if price}


def part_columns(place: str, part: object) -> dict[str, object]:
    """Type and parameters of a part, and of the parts inside it: `problem.problem` and `problem.problem.start`."""
    found: dict[str, object] = {place: "none" if part is None else type_name(type(part))}
    for name, value in ({} if part is None else parameters(part)).items():
        inside = f"{place}.{name}"
        if is_frozen_dataclass(value):
            found |= part_columns(inside, value)
        else:
            said = plain(value)
            found[inside] = said if said is None or isinstance(said, int | float | str) else repr(said)
    for size in ("k", "l"):  # the cell's own columns have them
        if place.startswith("problem."):
            found.pop(f"{place}.{size}", None)
    return found
