"""The table of runs: its columns, and its rows for finished batches.

Counts only; prices are weights in the table of cells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evo.batch import RunCounts
from evo.costs.ledger import LEDGER
from evo.errors import InputError
from evo.programs.execute import ProgramCounts
from evo.programs.roles import NAME
from evo.protocols import BoolArray
from experiments.grids.cell import Cell
from experiments.grids.programs.cell import ProgramCell
from experiments.grids.strings import string_type

if TYPE_CHECKING:
    import pandas as pd

KEY = ["sample", "batch", "run"]
"""Columns that name a run."""
DTYPES = {
    "sample": "str",
    "engine": "str",
    "batch": "int32",
    "run": "int32",
    "hit": "Int64",
    "generations": "int64",
    **dict.fromkeys(LEDGER, "int64"),
    "pass_tokens_squared": "float64",  # may leave 64-bit integers, see evo.costs.ledger.CallTokens.ledger
    "seconds": "float64",
}
FAR = ("hit", "generations", *LEDGER)
"""Columns that are float64 where the engine `law` has drawn runs whose counts leave 64-bit integers."""
WHOLE = [place for place, entry in enumerate(LEDGER) if DTYPES[entry] == "int64"]
"""Places in the ledger of the entries that must not leave 64-bit integers."""
LATER = ("seconds", "cached_tokens", "reasoning_tokens")
"""Columns that results of earlier versions do not have: null there, and 0 where they are counts."""

MEASURED = "measured"
"""Stands before entries of the ledger that an endpoint of a real model told of its calls, as a role's name does."""
MOST_COLUMNS = 1000
"""Columns of the ledgers of roles in a table, at the most."""
_OF_A_ROLE = re.compile(rf"{NAME}\.({'|'.join(LEDGER)})")


def is_of_a_role(name: str) -> bool:
    """Whether a column of the table of runs is an entry of the ledger of a role of a program, as `qa.pass_tokens`.

    Such columns are whole numbers, null for runs of cells without that role.

    >>> is_of_a_role("qa.pass_tokens"), is_of_a_role("qa.cost"), is_of_a_role("calls")
    (True, False, False)
    """
    return _OF_A_ROLE.fullmatch(name) is not None


def dtype_of(name: str) -> str:
    """The type of a column of the table of runs."""
    return DTYPES.get(name, "Int64")


BatchKey = tuple[str, int]
"""What names a batch: `Cell.sample`, and the batch's number."""
Columns = Mapping[str, NDArray[Any]]
"""The columns of a batch that a worker computes, by name."""
ComputedBatch = tuple[str, str, int, Columns]
"""`Cell.sample`, engine, number of the batch, and its `batch_columns`."""


def batch_columns(cell: Cell, counts: RunCounts) -> dict[str, NDArray[Any]]:
    """What the table of runs tells of each run of a batch, [runs] each.

    hit (int64, -1 if censored), generations, ledger; and `seconds`, which is NaN for runners whose time is
    read off later, from counts (`experiments.reports.waiting`). Counts that are floats stay floats.

    Raises: InputError if a number leaves 64-bit integers, and counts are such.
    """
    ledger = cell.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls)
    far = counts.calls.dtype.kind == "f"
    if not far and (most := ledger[:, WHOLE].max(initial=0)) >= 2**63:
        raise InputError(
            f"{cell.text}: a run came to {most:.3g} tokens, more than the table's 64-bit numbers hold; "
            "lower the budget, k or l"
        )
    columns = {
        "hit": counts.hit,
        "generations": counts.generations,
        **dict(zip(LEDGER, ledger.T, strict=True)),
        "seconds": np.full(len(counts.hit), np.nan) if counts.seconds is None else counts.seconds,
    }
    kinds = DTYPES | dict.fromkeys(FAR, "float64") if far else DTYPES
    return {name: values.astype(kinds[name].lower(), copy=False) for name, values in columns.items()}


def program_columns(cell: ProgramCell, counts: ProgramCounts) -> dict[str, NDArray[Any]]:
    """The same of runs of a program, and the ledger of each role: `qa.calls` and so on, int64 [runs] each.

    hit is the number of calls where the task was done right, generations the number of steps one after the other.

    Raises: InputError if a sum over the roles leaves 64-bit integers.
    """
    total = counts.ledger.astype(np.float64).sum(axis=1)
    if (most := total[:, WHOLE].max(initial=0)) >= 2**63 * (1 - 1e-12):
        raise InputError(
            f"{cell.text}: a run came to {most:.3g} tokens, more than the table's 64-bit numbers hold; make the "
            "program's sizes smaller"
        )
    sums = counts.ledger.sum(axis=1)
    columns: dict[str, NDArray[Any]] = {"hit": counts.hit, "generations": counts.depth}
    columns |= {entry: sums[:, at] for at, entry in enumerate(LEDGER)}
    columns["pass_tokens_squared"] = total[:, LEDGER.index("pass_tokens_squared")]
    columns["seconds"] = np.full(len(counts.hit), np.nan)
    for place, role in enumerate(cell.roles):
        columns |= {f"{role.name}.{entry}": counts.ledger[:, place, at] for at, entry in enumerate(LEDGER)}
    return columns


def runs_table(batches: Sequence[ComputedBatch]) -> pd.DataFrame:
    """One table of the rows of batches: sample, engine, batch, run, hit (null if censored), and so on, as DTYPES says.

    Args:
        batches: of each the cell's `sample`, the engine, its number, and its `batch_columns`.
    """
    import pandas as pd

    sizes = np.array([len(columns["hit"]) for *_, columns in batches], dtype=np.int64)
    if not sizes.sum():
        return no_runs()
    first, places = np.repeat(np.cumsum(sizes) - sizes, sizes), np.arange(len(sizes))
    made: dict[str, Any] = {
        "sample": repeated([sample for sample, *_ in batches], np.repeat(places, sizes)),
        "engine": repeated([engine for _, engine, *_ in batches], np.repeat(places, sizes)),
        "batch": np.repeat(np.array([batch for _, _, batch, _ in batches], dtype=np.int32), sizes),
        "run": (np.arange(len(first)) - first).astype(np.int32),
    }
    for name in DTYPES:
        if name not in made:
            made[name] = np.concatenate([columns[name] for *_, columns in batches])
    made["hit"] = with_nulls(made["hit"], made["hit"] < 0)
    for name in dict.fromkeys(name for *_, columns in batches for name in columns if name not in DTYPES):
        found = [columns.get(name, np.full(len(columns["hit"]), -1)) for *_, columns in batches]
        values = np.concatenate(found).astype(np.int64)
        made[name] = pd.arrays.IntegerArray(values, values < 0)
    return pd.DataFrame(made, copy=False)


def with_nulls(values: NDArray[Any], null: BoolArray) -> Any:
    """Whole numbers, some of them null, as pandas keeps them; floats where they leave 64 bits."""
    import pandas as pd

    kind = pd.arrays.FloatingArray if values.dtype.kind == "f" else pd.arrays.IntegerArray
    return kind(np.where(null, values.dtype.type(1), values), null)


def numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of whole batches with a last column `number`, batch * size + run: the run's among those of its sample.

    So rows beyond the runs that a grid asks for, which the last batch brings along, are told by one column in any tool;
    it follows from the others, and is not read here.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"sample": ["s", "s", "t"], "batch": [1, 1, 4], "run": [0, 1, 0]})
    >>> numbered(rows)["number"].tolist()
    [2, 3, 4]
    """
    size = rows.groupby("sample", sort=False)["run"].transform("max").astype("int64") + 1
    return rows.assign(number=rows["batch"] * size + rows["run"])


def repeated(words: list[str], places: NDArray[Any]) -> Any:
    """The word at each of the places, as pandas keeps strings."""
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types

    return pd.array(pa.array(words, pa.large_string()).take(pa.array(places)), dtype=string_type())


def no_runs() -> pd.DataFrame:
    """A table of runs without a row."""
    import pandas as pd

    kinds = {"str": string_type()}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(dtype, dtype)) for name, dtype in DTYPES.items()})
