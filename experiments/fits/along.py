"""The parameter that grows: the column that it is, what else varies, and which of them a grid lies along.

What reports ask of a grid before anything is fitted; nothing here loads what fits are made with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.grids.labels import SIZES, parameter_names, sizes_of, untied, varies

if TYPE_CHECKING:
    import pandas as pd

    from experiments.store.results import Results

BOTH = "k"
"""Stands for the columns of the k of problems and of programs."""


def parameter_column(cells: pd.DataFrame, name: str) -> str:
    """The column of a parameter, `problem.k` for `k`; `k` itself where a grid has searches and programs.

    Raises: InputError if no parameter that is a number has the name, or more than one.
    """
    if not isinstance(name, str):
        raise InputError(f"along: expected the name of a parameter, got {shown(name)}")
    if name == BOTH and all(size in cells for size in SIZES):
        return BOTH
    columns = [column for column in parameter_names(cells) if "." in column]
    if name in columns and _numbers(cells[name]):
        return name
    found = [column for column in columns if column.rpartition(".")[2] == name and _numbers(cells[column])]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"--along: {shown(name)} is a parameter of several parts; write one of {', '.join(found)}")
    known = sorted({column.rpartition(".")[2] for column in columns if _numbers(cells[column])})
    raise InputError(
        f"--along: expected a parameter of the grid, got {name!r}{suggestion(name, known)}{what_varies(cells)}; known: "
        f"{', '.join(known)}"
    )


def what_varies(cells: pd.DataFrame) -> str:
    """The parameters that are numbers and vary within an arm, as the rest of a sentence; empty if none does."""
    found = [name for name in parameter_names(cells) if "." in name and _numbers(cells[name]) and varies(cells, name)]
    return f"; what varies: {', '.join(found)}" if found else ""


def values_along(cells: pd.DataFrame, along: str) -> pd.Series:
    """The parameter of each cell, null where it has none.

    Raises: InputError as `parameter_column`.
    """
    column = parameter_column(cells, along)
    return sizes_of(cells) if column == BOTH else cells[column]


def main_axis(cells: pd.DataFrame) -> str:
    """`k`; or, where all cells have one k or none, the number among their parameters along which most cells lie.

    Of several that vary it is the one with the longest series, whose cells differ in nothing else; of equally long ones
    the one with more values, then the first.
    """
    if sizes_of(cells).nunique() > 1:
        return "k"
    names = [name for name in parameter_names(cells) if "." in name and _numbers(cells[name])]
    varying = [name for name in names if varies(cells, name) and _longest(cells, name) > 1]
    if not varying:
        return "k"
    chosen = max(varying, key=lambda name: (_longest(cells, name), cells[name].nunique()))
    short = chosen.rpartition(".")[2]
    alike = [name for name in names if name.rpartition(".")[2] == short]
    return short if alike == [chosen] else chosen


def expect_to_vary(results: Results, along: str, role: str) -> None:
    """Refuse a parameter that the grid does not have, or that has one value in it; what does vary is named.

    Raises: InputError.
    """
    values = values_along(results.cells, along).dropna().unique()
    if len(values) < 2:
        one = f"{values[0]:g}" if len(values) else "none"
        told = what_varies(results.cells)
        raise InputError(f"{role}: {along} has one value in this grid, {one}; name a parameter that varies{told}")


def other_parameters(cells: pd.DataFrame, column: str) -> list[str]:
    """What else may differ within an arm, or follow the parameter."""
    apart = (column, *(SIZES if column == BOTH else ()))
    return [name for name in parameter_names(cells) if name not in apart]


def _longest(cells: pd.DataFrame, column: str) -> int:
    """Cells of the longest series along a column."""
    there = cells[cells[column].notna()]
    others = other_parameters(there, column)
    groups = untied(there, others, column).groupby(["arm", *others], sort=False, dropna=False)
    return int(groups[column].nunique().max())


def _numbers(values: pd.Series) -> bool:
    """Whether a column has numbers only, beside nulls, and at least one."""
    known = values.dropna()
    numbers = values.dtype.kind in "iuf" or all(isinstance(value, int | float | np.number) for value in known)
    return len(known) > 0 and numbers
