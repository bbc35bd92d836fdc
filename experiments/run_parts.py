"""The parts of the table of runs: read and checked one by one, damaged ones told apart, rows that are there twice.

A part is damaged if its bytes do not have the SHA-256 of its name (truncated or altered), or cannot be read as a table
of runs. Parts of earlier versions have no checksum in their name; of those only the second is seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.table import DTYPES, KEY, LATER, no_runs
from experiments.whole_files import StoreError, checksum_in

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Damaged:
    """A part that must not be counted.

    Attributes:
        file: the part.
        why: what is wrong with it, in words.
    """

    file: Path
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


@dataclass(frozen=True)
class Parts:
    """All parts of a results folder.

    Attributes:
        tables: the sound ones.
        damaged: the others.
    """

    tables: dict[Path, pd.DataFrame]
    damaged: list[Damaged]

    @property
    def rows(self) -> pd.DataFrame:
        """The rows of the sound parts, each run once.

        Raises: StoreError if two parts tell different things of one run.
        """
        import pandas as pd

        if not self.tables:
            return no_runs()
        rows = pd.concat([no_runs(), *self.tables.values()], ignore_index=True)
        twice = rows.duplicated(KEY, keep=False)
        if twice.any():
            self._expect_equal(rows[twice])
            later = rows[list(LATER)].isna().any(axis=1)  # of two copies, the one that tells more
            rows = rows.loc[later.sort_values(kind="stable").index].drop_duplicates(KEY).sort_index(ignore_index=True)
        return rows

    def _expect_equal(self, copies: pd.DataFrame) -> None:
        """Expect that rows of the same run are equal; columns that earlier versions lack may be null in one."""
        values = copies.groupby(KEY, sort=False)
        for column in [name for name in DTYPES if name not in KEY]:
            differ = values[column].nunique(dropna=column in LATER)
            if (differ > 1).any():
                cell, batch, run = differ[differ > 1].index[0]
                files = [
                    file.name
                    for file, table in self.tables.items()
                    if ((table["cell"] == cell) & (table["batch"] == batch) & (table["run"] == run)).any()
                ]
                where = next(iter(self.tables)).parent
                raise StoreError(
                    f"{where}: {' and '.join(files)} differ in {column} of cell {cell}, batch {batch}, run {run}, "
                    "which the seed fixes: they were made by different code, or altered; remove the one that is "
                    "wrong (the next run computes anew what only it held), or run the grid into another folder"
                )


def read_parts(path: Path) -> Parts:
    """Read all parts of a results folder.

    Raises: StoreError if the disk does not give a part's bytes.
    """
    tables, damaged = {}, []
    for file in sorted((path / "runs").glob("part-*.parquet")):
        try:
            table = _read_part(file)
        except FileNotFoundError:
            continue  # a driver that has just begun has set it aside
        except OSError as error:
            raise StoreError(f"{file}: cannot be read ({error}); see to the disk or its permissions") from None
        if isinstance(table, Damaged):
            damaged.append(table)
        else:
            tables[file] = table
    return Parts(tables, damaged)


def _read_part(file: Path) -> pd.DataFrame | Damaged:
    content = file.read_bytes()
    promised = checksum_in(file.name)
    if promised is not None and hashlib.sha256(content).hexdigest() != promised:
        return Damaged(file, "truncated or altered: its SHA-256 is not that of its name")
    return parse(file, content, (name for name in DTYPES if name not in LATER))


def parse(file: Path, content: bytes, columns: Iterable[str]) -> pd.DataFrame | Damaged:
    """The table in the bytes of a Parquet file, or what is wrong with it."""
    import pandas as pd
    from pyarrow import ArrowException  # type: ignore[import-untyped]  # ships no types

    try:
        table = pd.read_parquet(BytesIO(content))
    except MemoryError:
        raise
    except (OSError, ValueError, KeyError, ArrowException) as error:
        return Damaged(file, f"cannot be read ({error})")
    missing = [name for name in columns if name not in table.columns]
    return Damaged(file, f"has no column {', '.join(missing)}") if missing else table
