"""What runs gave, kept in data/cells.csv and growth.csv, which `python -m experiments.paper docs results` makes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from experiments.paper.numbers import Leaf

FOLDER = Path(__file__).parent / "data"
CELLS_FILE, GROWTH_FILE = "cells.csv", "growth.csv"
Row = dict[str, str]


@cache
def kept_runs() -> dict[Leaf, Row]:
    """The rows of cells.csv, a quantity of a cell each, by what they are of; none where there is no file."""
    return {Leaf(row["cell"], row["quantity"]): row for row in rows_of(FOLDER / CELLS_FILE)}


@cache
def kept_growth() -> tuple[Row, ...]:
    """The rows of growth.csv, a claim of a study each."""
    return tuple(rows_of(FOLDER / GROWTH_FILE))


def rows_of(file: Path) -> list[Row]:
    """The rows of a file; none where there is no file."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def keep(rows: Sequence[Row], file: Path) -> None:
    """Write rows, and forget what was read of the kept ones."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    kept_runs.cache_clear()
    kept_growth.cache_clear()
