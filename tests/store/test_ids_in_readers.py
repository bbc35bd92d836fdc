"""Names of cells and of their runs are words to every reader, also unquoted in CSV: none of thousands is a number."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.grids.cell import cell_id, sample_name
from experiments.store.verify.names import is_cell, is_sample

NUMBER = 5000
TEXTS = [f"Cell({n})" for n in range(NUMBER)]
IDS = [cell_id(text) for text in TEXTS]
SAMPLES = [sample_name(text, "Prompt()", "Budget()", None) for text in TEXTS]
WORST = [
    f"c{digits}" for digits in ("0" * 12, "051324403381", "673306330e07", "1e9999999999", "20261128e000", "f" * 12)
]
FORMER = [name[1:] for name in (*IDS, *WORST)]
"""Without the letter: some are numbers to a reader."""


def csv(folder: Path, cells: list[str]) -> Path:
    """As summaries and exports are written."""
    file = folder / "runs.csv"
    frame = pd.DataFrame({"cell": cells, "sample": [SAMPLES[n % NUMBER] for n in range(len(cells))]})
    frame.to_csv(file, index=False, lineterminator="\n")
    return file


def by_pandas(file: Path) -> list[object]:
    return list(pd.read_csv(file)["cell"])


def by_polars(file: Path) -> list[object]:
    polars = pytest.importorskip("polars")
    return list(polars.read_csv(file)["cell"])


def by_duckdb(file: Path) -> list[object]:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as base:
        return [cell for (cell,) in base.execute(f"select cell from read_csv('{file}')").fetchall()]


READERS = [by_pandas, by_polars, by_duckdb]


def test_names_have_their_form():
    assert all(map(is_cell, IDS + WORST))
    assert all(map(is_sample, SAMPLES))
    assert len(set(IDS)) == len(set(SAMPLES)) == NUMBER


@pytest.mark.parametrize("read", READERS)
def test_every_name_is_a_word(tmp_path, read):
    assert read(csv(tmp_path, IDS + WORST)) == IDS + WORST


@pytest.mark.parametrize("first", WORST)
@pytest.mark.parametrize("read", READERS)
def test_a_file_of_one_name_is_words_too(tmp_path, read, first):
    """A reader that guesses by the first rows sees nothing else."""
    assert read(csv(tmp_path, [first] * 3)) == [first] * 3


@pytest.mark.parametrize("read", READERS)
def test_the_twin_without_their_letter_some_are_numbers(tmp_path, read):
    few = [name for name in FORMER if name.isdigit() and name[0] != "0"]
    assert len(few) > 10
    assert read(csv(tmp_path, few)) != few


def test_the_twin_in_a_spreadsheets_way_of_reading():
    """Any word that Python reads as a number, as spreadsheets do."""

    def is_number(word: str) -> bool:
        try:
            float(word)
        except ValueError:
            return False
        return True

    assert sum(map(is_number, FORMER)) > 10
    assert not any(map(is_number, IDS + WORST + SAMPLES))
