"""Which batches are there: read part by part, of each only the columns that tell; no table is made."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo.protocols import IntArray
from experiments.store.copies import expect_equal
from experiments.store.parts import Damaged, read_part, read_parts, words_and_codes
from experiments.store.table import DTYPES, KEY, BatchKey, no_runs

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types

LOW = 2**31
"""Added to the number of a batch, so that no key of another cell comes of a negative one."""


@dataclass
class Batches:
    """The batches in the sound parts of a results folder.

    Attributes:
        file: the first part that holds a batch.
        size: for each cell the rows of a batch; batches are always stored whole.
        copies: further parts that hold some of these batches too.
        damaged: parts that are not sound.
    """

    file: dict[BatchKey, Path] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)
    copies: dict[Path, list[BatchKey]] = field(default_factory=dict)
    damaged: list[Damaged] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Batches:
        """Find the batches, one part in memory at a time.

        Raises: StoreError if the disk does not give a part's bytes.
        """
        found = cls()
        for file, part in read_parts(path, ("cell", "batch")):
            if isinstance(part, Damaged):
                found.damaged.append(part)
            else:
                found._add(file, part)
        return found

    def _add(self, file: Path, part: pa.Table) -> None:
        for batch, rows in _batches(part):
            self.size[batch[0]] = max(rows, self.size.get(batch[0], 0))
            if self.file.setdefault(batch, file) is not file:
                self.copies.setdefault(file, []).append(batch)

    def expect_no_contradiction(self) -> None:
        """Compare the rows of batches that are in several parts, a part beside the first ones at a time.

        Raises: StoreError if two parts tell different things of one run.
        """
        import pandas as pd

        if not self.copies:
            return
        twice = {batch for batches in self.copies.values() for batch in batches}
        rows: list[pd.DataFrame] = []
        files: list[Path] = []
        for file in sorted({self.file[batch] for batch in twice} | set(self.copies)):
            rows.append(_rows_of(file, twice))
            files += [file] * len(rows[-1])
        expect_equal(pd.concat(rows, ignore_index=True), files)


def _codes(part: pa.Table) -> tuple[list[str], IntArray]:
    """The cells of a part, and a key a row: the cell's place among them above the batch's number."""
    cells, codes = words_and_codes(part, "cell")
    batch = part["batch"].to_numpy().astype(np.int64)
    return [sys.intern(cell) for cell in cells], (codes.astype(np.int64) << 32) + batch + LOW


def _batch(names: list[str], key: int) -> BatchKey:
    """What a key stands for."""
    return names[key >> 32], (key & 0xFFFFFFFF) - LOW


def _batches(part: pa.Table) -> Iterator[tuple[BatchKey, int]]:
    """The batches of a part and their numbers of rows."""
    if not len(part):
        return
    names, key = _codes(part)
    for each, rows in zip(*(found.tolist() for found in np.unique(key, return_counts=True)), strict=True):
        yield _batch(names, each), rows


def _rows_of(file: Path, batches: set[BatchKey]) -> pd.DataFrame:
    """The rows of some batches in a part."""
    part = read_part(file, tuple(DTYPES))
    if part is None or isinstance(part, Damaged):  # set aside, or altered, since it was looked at
        return no_runs()
    names, key = _codes(part)
    wanted = [each for each in np.unique(key).tolist() if _batch(names, each) in batches]
    table: pd.DataFrame = part.filter(np.isin(key, wanted)).to_pandas()
    return table.astype(DTYPES)


def hits_of_batches(path: Path) -> dict[str, dict[int, IntArray]]:
    """By cell id and batch, `hit` of its runs in number order; int64 [runs], -1 where a run is censored.

    For stopping rules, which look at nothing else. Parts that are not sound are left out.

    Raises: StoreError if the disk does not give a part's bytes.
    """
    found: dict[str, dict[int, IntArray]] = {}
    for _, part in read_parts(path, ("cell", "batch", "run", "hit")):
        if isinstance(part, Damaged) or not len(part):
            continue
        names, key = _codes(part)
        order = np.lexsort((part["run"].to_numpy(), key))
        hits = part["hit"].fill_null(-1).to_numpy()[order]
        keys, first = np.unique(key[order], return_index=True)
        for each, rows in zip(keys.tolist(), np.split(hits, first[1:]), strict=True):
            cell, batch = _batch(names, each)
            found.setdefault(cell, {})[batch] = rows
    return found


def rows_of_cells(path: Path, cells: Collection[str]) -> pd.DataFrame:
    """The rows of some cells in the sound parts, each run once.

    Raises: StoreError if the disk does not give a part's bytes.
    """
    import pandas as pd

    found = [no_runs()]
    for _, part in read_parts(path, tuple(DTYPES)):
        if isinstance(part, Damaged) or not len(part):
            continue
        names, key = _codes(part)
        wanted = np.array([name in cells for name in names], dtype=np.bool_)
        rows = wanted[key >> 32]
        if rows.any():
            found.append(part.filter(rows).to_pandas().astype(DTYPES))
    return pd.concat(found, ignore_index=True).drop_duplicates(KEY, ignore_index=True)
