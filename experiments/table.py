"""The two tables of a grid: a row a run, and a row a cell. Counts only; prices are weights in the row of the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evo.blocks import RunCounts
from evo.errors import InputError
from evo.ledger import LEDGER
from evo.text import is_frozen_dataclass, parameters, type_name
from experiments.cell import Cell
from experiments.grid import Grid

if TYPE_CHECKING:
    import pandas as pd

KEY = ["cell", "batch", "run"]
DTYPES = {
    "cell": "str",
    "engine": "str",
    "batch": "int32",
    "run": "int32",
    "hit": "Int64",
    "generations": "int64",
    **dict.fromkeys(LEDGER, "int64"),
    "pass_tokens_squared": "float64",  # may leave 64-bit integers, see evo.ledger.CallTokens.ledger
    "short_calls": "int64",
    "seconds": "float64",
}
LATER = ("seconds",)
"""Columns that results of earlier versions do not have; null there."""


def runs_table(cell: Cell, engine: str, batch: int, counts: RunCounts) -> pd.DataFrame:
    """The rows of one batch: cell, engine, batch, run, hit (null if censored), generations, ledger, short_calls.

    And `seconds`, which is null for runners whose time is read off later, from counts (`experiments.timing`).
    """
    import pandas as pd

    runs = len(counts.hit)
    ledger = cell.tokens.ledger(counts.calls, counts.short_calls, counts.evaluations, counts.lengths)
    if (ledger[:, :-1] >= 2**63).any():
        raise InputError(
            f"{cell.text}: a run came to {ledger[:, :-1].max():.3g} tokens, more than the table's 64-bit numbers hold; "
            "lower the budget, k or l"
        )
    columns: dict[str, Any] = {
        "cell": [cell.id] * runs,
        "engine": [engine] * runs,
        "batch": np.full(runs, batch),
        "run": np.arange(runs),
        "hit": pd.Series(counts.hit, dtype="Int64").mask(counts.hit < 0),
        "generations": counts.generations,
        **dict(zip(LEDGER, ledger.T, strict=True)),
        "short_calls": counts.short_calls,
        "seconds": np.full(runs, np.nan) if counts.seconds is None else counts.seconds,
    }
    return pd.DataFrame(columns).astype(DTYPES)


def no_runs() -> pd.DataFrame:
    """A table of runs without a row."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in DTYPES.items()})


def cells_table(grid: Grid) -> pd.DataFrame:
    """A row a cell, index `cell` (its id).

    Columns: arm, text; for each part its type (`problem`) and parameters (`problem.k`, null where a part has none or
    it is None, in words where cells have values of several types), those of parts inside it too (`mutator.inner.p`);
    `weight.calls` and so on, the prices of the ledger's entries.
    """
    import pandas as pd

    labels = grid.labels
    rows = []
    for cell in grid.cells:
        row: dict[str, Any] = {"cell": cell.id, "arm": labels[cell.id], "text": cell.text}
        for kind, part in parameters(cell).items():
            row |= _columns(kind, part)
        # of every problem and runner, whether they are fields of it or not
        row |= {"problem.k": cell.problem.k, "problem.l": cell.problem.l, "runner.lam": cell.runner.lam}
        row |= {f"weight.{entry}": weight for entry, weight in zip(LEDGER, cell.cost.weights, strict=True)}
        rows.append(row)
    table = pd.DataFrame(rows)
    mixed = [column for column, kind in table.dtypes.astype(str).items() if kind == "object"]
    for column in mixed:  # a file wants one type a column
        table[column] = table[column].map(str, na_action="ignore").astype("str")
    return table.set_index("cell")


def _columns(place: str, part: object) -> dict[str, object]:
    """Type and parameters of a part, and of the parts inside it: `problem.problem` and `problem.problem.start`."""
    found: dict[str, object] = {place: "none" if part is None else type_name(type(part))}
    for name, value in ({} if part is None else parameters(part)).items():
        inside = f"{place}.{name}"
        if is_frozen_dataclass(value):
            found |= _columns(inside, value)
        else:
            found[inside] = value if value is None or isinstance(value, int | float | str) else repr(value)
    for size in ("k", "l"):  # the cell's own columns have them
        if place.startswith("problem."):
            found.pop(f"{place}.{size}", None)
    return found


def priced(runs: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """The runs with their cost = ledger @ weights, in the unit of each cell's cost model."""
    weights = cells.loc[runs["cell"], [f"weight.{entry}" for entry in LEDGER]].to_numpy(dtype=float)
    return runs.assign(cost=(runs[list(LEDGER)].to_numpy(dtype=float) * weights).sum(axis=1))
