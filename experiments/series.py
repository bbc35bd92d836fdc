"""Series: the cells of a grid that differ in one parameter only, with what was measured along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from evo.theory import Geometric
from experiments.parts import suggestion
from experiments.predictions import predict
from experiments.store import Results

if TYPE_CHECKING:
    import pandas as pd

NOT_PARAMETERS = ("arm", "text")


@dataclass(frozen=True)
class Series:
    """What was measured along one parameter; arrays have one entry a cell, in rising order of the parameter.

    Attributes:
        label: the arm, with those other parameters that vary within it.
        arm: the arm.
        fixed: values of the other parameters by their column.
        x: the parameter.
        cells: ids of the cells.
        runs: runs.
        censored: those of them that were censored.
        mean: mean of the quantity over all runs.
        variance: sample variance of the quantity.
        trials: calls made up to the hit, or up to the budget, summed over the runs.
        unit: quantity an average call adds (1 for hit; the price of a call for cost).
        memoryless: whether every call hits with the same probability, by the mutator's law.
    """

    label: str
    arm: str
    fixed: dict[str, object]
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

    Raises: InputError if there is none, or more than one.
    """
    numeric = [column for column in _parameters(cells) if "." in column]
    if name in numeric:
        return name
    found = [column for column in numeric if column.split(".")[1] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"--along: {name!r} is a parameter of several parts; write one of {', '.join(found)}")
    known = sorted({column.split(".")[1] for column in numeric})
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
    if quantity not in ("hit", "calls", "cost"):
        raise InputError(f"expected the quantity hit, calls or cost, got {quantity!r}")
    column = parameter_column(results.cells, along)
    cells = results.cells[results.cells[column].notna()]
    others = [name for name in _parameters(cells) if name != column]
    groups = cells.groupby(["arm", *others], sort=False, dropna=False)
    varying = [name for name in others if "." in name and cells.groupby("arm")[name].nunique().max() > 1]
    found = []
    for _, group in groups:
        ordered = group.sort_values(column)
        found.append(_measured(results, ordered, column, varying, quantity))
    return found


def _parameters(cells: pd.DataFrame) -> list[str]:
    return [name for name in cells.columns if name not in NOT_PARAMETERS and not name.startswith("weight.")]


def _measured(results: Results, cells: pd.DataFrame, column: str, varying: list[str], quantity: str) -> Series:
    runs = results.runs[results.runs["cell"].isin(cells.index)].copy()
    runs["trials"] = runs["hit"].astype("float64").fillna(runs["calls"].astype("float64"))
    runs["quantity"] = runs["trials"] if quantity == "hit" else runs[quantity].astype("float64")
    grouped = runs.groupby("cell")
    table = grouped.agg(
        runs=("quantity", "size"),
        mean=("quantity", "mean"),
        variance=("quantity", "var"),
        trials=("trials", "sum"),
        calls=("calls", "sum"),
        total=("quantity", "sum"),
    ).assign(censored=grouped["hit"].apply(lambda hits: hits.isna().sum()))
    table = table.reindex(cells.index)
    measured = table["runs"].notna().to_numpy()
    table, cells = table[measured], cells[measured]
    first = cells.iloc[0] if len(cells) else None
    fixed = {} if first is None else {name: first[name] for name in varying}
    arm = "" if first is None else str(first["arm"])
    words = [f"{name.split('.')[1]} = {value}" for name, value in fixed.items()]
    unit = np.ones(len(table)) if quantity == "hit" else (table["total"] / table["calls"]).to_numpy(dtype=float)
    numbers = {name: table[name].to_numpy(dtype=float) for name in ("runs", "censored", "mean", "variance", "trials")}
    ids = tuple(map(str, cells.index))
    memoryless = bool(ids) and all(_memoryless(results, cell_id) for cell_id in ids)
    return Series(
        ", ".join([arm, *words]),
        arm,
        fixed,
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
