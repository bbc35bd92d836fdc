"""Series: the cells of a grid that differ in one parameter only, with what was measured along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.parameters import shown
from evo.protocols import FloatArray
from evo.theory import Geometric
from experiments.grids.labels import label_of, moves_with, parameter_names, values_of, varies
from experiments.grids.parts import suggestion
from experiments.predictions.predict import predict, predicted_mean
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Series:
    """What was measured along one parameter; arrays have one entry a cell, in rising order of the parameter.

    Attributes:
        label: the arm, with those other parameters and types of parts that vary within an arm.
        arm: the arm.
        fixed: the values of those, by their column.
        lam: offspring a generation; None where it is the parameter.
        x: the parameter.
        cells: ids of the cells.
        runs: runs.
        censored: those of them that were censored.
        mean: mean of the quantity over all runs.
        variance: sample variance of the quantity.
        trials: what may hit, summed over the runs: for hit the calls up to the hit or the budget, for calls and cost
            the generations, since those are paid whole.
        unit: quantity an average trial adds (1 for hit, lam for calls, the price of a generation for cost).
        memoryless: whether every trial hits with the same probability, by the mutator's law.
    """

    label: str
    arm: str
    fixed: dict[str, object]
    lam: int | None
    x: FloatArray
    cells: tuple[str, ...]
    runs: FloatArray
    censored: FloatArray
    mean: FloatArray
    variance: FloatArray
    trials: FloatArray
    unit: FloatArray
    memoryless: bool


def parameter_column(cells: pd.DataFrame, name: str) -> str:
    """The column of a parameter, `problem.k` for `k`.

    Raises: InputError if no parameter that is a number has the name, or more than one.
    """
    if not isinstance(name, str):
        raise InputError(f"along: expected the name of a parameter, got {shown(name)}")
    numeric = [column for column in parameter_names(cells) if "." in column and _numbers(cells[column])]
    if name in numeric:
        return name
    found = [column for column in numeric if column.rpartition(".")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"--along: {shown(name)} is a parameter of several parts; write one of {', '.join(found)}")
    known = sorted({column.rpartition(".")[2] for column in numeric})
    raise InputError(
        f"--along: expected a parameter of the grid, got {name!r}{suggestion(name, known)}; known: {', '.join(known)}"
    )


def series(results: Results, along: str = "k", quantity: str = "hit") -> list[Series]:
    """The series of a grid along a parameter.

    Args:
        results: of `run_grid` or `load`.
        along: the parameter, for example "k", or with its part "problem.k".
        quantity: "hit", "calls" or "cost".

    Raises: InputError for a parameter or quantity that the grid does not have.
    """
    if not isinstance(quantity, str) or quantity not in ("hit", "calls", "cost"):
        raise InputError(f"expected the quantity hit, calls or cost, got {shown(quantity)}")
    column = parameter_column(results.cells, along)
    cells = results.cells[results.cells[column].notna()]
    others = [name for name in parameter_names(cells) if name != column and not moves_with(cells, name, column)]
    groups = cells.groupby(["arm", *others], sort=False, dropna=False)
    varying = [name for name in others if varies(cells, name)]
    return [_measured(results, group.sort_values(column), column, varying, quantity) for _, group in groups]


def predicted(results: Results, cell_id: str, quantity: str) -> float | None:
    """The predicted mean of a cell; None without a prediction, or where a part of the cell is not loaded."""
    try:
        return predicted_mean(results.cell(cell_id), quantity)
    except InputError:
        return None


def _numbers(values: pd.Series) -> bool:
    """Whether all values that are there are numbers, and there are some."""
    known = values.dropna()
    return len(known) > 0 and all(isinstance(value, int | float | np.number) for value in known)


def _measured(results: Results, cells: pd.DataFrame, column: str, varying: list[str], quantity: str) -> Series:
    import pandas as pd

    there = [results.by_cell[cell_id] for cell_id in cells.index if cell_id in results.by_cell]
    columns = list(dict.fromkeys(("cell", "hit", "generations", quantity)))
    runs = pd.concat([results.runs.iloc[:0], *there])[columns]
    offspring = runs["generations"] * runs["cell"].map(cells["runner.lam"])
    hit = runs["hit"].astype("float64").fillna(offspring.astype("float64"))
    runs["quantity"] = hit if quantity == "hit" else runs[quantity].astype("float64")
    runs["trials"] = hit if quantity == "hit" else runs["generations"].astype("float64")
    grouped = runs.groupby("cell")
    table = grouped.agg(
        runs=("quantity", "size"),
        mean=("quantity", "mean"),
        variance=("quantity", "var"),
        trials=("trials", "sum"),
        total=("quantity", "sum"),
    ).assign(censored=grouped["hit"].apply(lambda hits: hits.isna().sum()))
    table = table.reindex(cells.index)
    first = cells.iloc[0]
    measured = table["runs"].notna().to_numpy()
    table, cells = table[measured], cells[measured]
    unit = np.ones(len(table)) if quantity == "hit" else (table["total"] / table["trials"]).to_numpy(dtype=float)
    numbers = {name: table[name].to_numpy(dtype=float) for name in ("runs", "censored", "mean", "variance", "trials")}
    ids = tuple(map(str, cells.index))
    memoryless = bool(ids) and all(_memoryless(results, cell_id) for cell_id in ids)
    return Series(
        label_of(first, varying),
        str(first["arm"]),
        values_of(first, varying),
        None if column == "runner.lam" else int(first["runner.lam"]),
        cells[column].to_numpy(dtype=float),
        ids,
        unit=unit,
        memoryless=memoryless,
        **numbers,
    )


def _memoryless(results: Results, cell_id: str) -> bool:
    """Whether the law of hit is geometric from the first call on."""
    try:
        law = predict(results.cell(cell_id), "hit").law
    except (InputError, NoPrediction):
        return False
    return isinstance(law, Geometric) and law.zero == 0.0
