"""Rows that are there twice: equal ones count once, others contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.store.files import StoreError
from experiments.store.table import DTYPES, KEY, LATER

if TYPE_CHECKING:
    import pandas as pd


def expect_equal(copies: pd.DataFrame, files: Sequence[Path]) -> None:
    """Expect that rows of the same run are equal; columns that earlier versions lack may be null in one.

    Args:
        copies: rows of runs.
        files: the part of each row.

    Raises: StoreError naming the parts that tell different things of a run.
    """
    import pandas as pd

    copies = copies.assign(file=pd.Series(files, index=copies.index, dtype=object))
    # nulls last, so that values that are there stand beside each other
    copies = copies.sort_values([*KEY, *LATER], kind="stable", ignore_index=True)
    one, other = copies.iloc[:-1].reset_index(drop=True), copies.iloc[1:].reset_index(drop=True)
    same_run = (one[KEY] == other[KEY]).all(axis=1)
    for column in [name for name in DTYPES if name not in KEY]:
        null = one[column].isna(), other[column].isna()
        told = ~(null[0] | null[1])
        differ = told & (one[column] != other[column]).fillna(False).astype(bool)
        if column not in LATER:
            differ |= null[0] != null[1]
        differ &= same_run
        if differ.any():
            cell, batch, run = one[KEY].iloc[int(differ.argmax())]
            of_run = copies[(copies["cell"] == cell) & (copies["batch"] == batch) & (copies["run"] == run)]
            names = " and ".join(sorted({file.name for file in of_run["file"]}))
            raise StoreError(
                f"{files[0].parent}: {names} differ in {column} of cell {cell}, batch {batch}, run {run}, "
                "which the seed fixes: they were made by different code, or altered; remove the one that is "
                "wrong (the next run computes anew what only it held), or run the grid into another folder"
            )
