"""Which batches a results folder has: found part by part, reading only the columns that are needed."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo.protocols import IntArray
from experiments.grids.outside.reading import Damaged
from experiments.store.parts import Parts, expect_equal, words_and_codes
from experiments.store.table import FAR, BatchKey, dtype_of, no_runs

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types

LOW = 2**31
"""Added to the number of a batch, so that no key of another sample comes of a negative one."""


@dataclass
class Batches:
    """The batches in the sound parts of a results folder.

    Attributes:
        parts: the parts.
        file: the first part that holds a batch.
        size: for each sample the rows of a batch; batches are always stored whole.
        hits: by sample and batch, `hit` of its runs in number order, int64 [runs], -1 where a run is censored: for
            stopping rules, which look at nothing else; None if nobody asked for them.
        copies: further parts that hold some of these batches too.
        damaged: parts that are not sound.
    """

    parts: Parts
    hits: dict[str, dict[int, IntArray]] | None = None
    file: dict[BatchKey, Path] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)
    copies: dict[Path, list[BatchKey]] = field(default_factory=dict)
    damaged: list[Damaged] = field(default_factory=list)

    @classmethod
    def read(cls, parts: Parts, hits: bool = False) -> Batches:
        """Find the batches, and their hits if asked for, one part in memory at a time.

        Raises: StoreError if the disk does not give a part's bytes.
        """
        found = cls(parts, {} if hits else None)
        for file, part in parts.read(found._columns):
            if isinstance(part, Damaged):
                found.damaged.append(part)
            else:
                found._add(file, part)
        return found

    @property
    def _columns(self) -> tuple[str, ...]:
        return ("sample", "batch") if self.hits is None else ("sample", "batch", "run", "hit")

    def written(self, file: Path) -> None:
        """Take note of a part that was written since."""
        part = self.parts.read_one(file, self._columns)
        if part is not None and not isinstance(part, Damaged):
            self._add(file, part)

    def _add(self, file: Path, part: pa.Table) -> None:
        if not len(part):
            return
        names, key = _codes(part)
        order = np.argsort(key, kind="stable") if self.hits is None else np.lexsort((part["run"].to_numpy(), key))
        keys, first = np.unique(key[order], return_index=True)
        for each, rows in zip(keys.tolist(), np.diff(np.append(first, len(key))).tolist(), strict=True):
            batch = _batch(names, each)
            self.size[batch[0]] = max(rows, self.size.get(batch[0], 0))
            if self.file.setdefault(batch, file) is not file:
                self.copies.setdefault(file, []).append(batch)
        if self.hits is not None:
            hits = part["hit"].fill_null(-1).to_numpy()[order]
            for each, of_batch in zip(keys.tolist(), np.split(hits, first[1:]), strict=True):
                sample, number = _batch(names, each)
                self.hits.setdefault(sample, {})[number] = of_batch

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
            rows.append(self.rows(file, twice))
            files += [file] * len(rows[-1])
        expect_equal(pd.concat(rows, ignore_index=True), files)

    def rows(self, file: Path, batches: Collection[BatchKey]) -> pd.DataFrame:
        """The rows of some batches in a part."""
        part = self.parts.read_one(file)
        if part is None or isinstance(part, Damaged):  # set aside, or altered, since it was looked at
            return no_runs()
        names, key = _codes(part)
        wanted = [each for each in np.unique(key).tolist() if _batch(names, each) in batches]
        table: pd.DataFrame = part.filter(np.isin(key, wanted)).to_pandas()
        far = [name for name in FAR if name in part.column_names and str(part.schema.field(name).type) == "double"]
        kinds = {name: dtype_of(name) for name in table.columns} | dict.fromkeys(far, "float64")
        return table.astype(kinds | ({"hit": "Float64"} if "hit" in far else {}))


def _codes(part: pa.Table) -> tuple[list[str], IntArray]:
    """The samples of a part, and a key a row: the sample's place among them above the batch's number."""
    names, codes = words_and_codes(part, "sample")
    batch = part["batch"].to_numpy().astype(np.int64)
    return [sys.intern(name) for name in names], (codes.astype(np.int64) << 32) + batch + LOW


def _batch(names: list[str], key: int) -> BatchKey:
    """What a key stands for."""
    return names[key >> 32], (key & 0xFFFFFFFF) - LOW
