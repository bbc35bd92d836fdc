"""Parts say with which seed, and in batches of which size, their runs were drawn: those of another table are no rows.

A part of the same grid under another seed has the names of its rows, a sound checksum, and numbers of the same law: a
check cannot tell them apart.
"""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from pyarrow import parquet

from evo import OnePlusLambda, UntilResolved
from experiments import Cell, Grid, Verdict, load, run_grid
from experiments.checks.check import check
from experiments.store.files import DRAWN, StoreError, write_part
from experiments.store.launches.status import status
from operators import Resample
from problems import BlockOneMax

GRID = Grid(
    "seeds",
    [Cell(BlockOneMax(k, 4), Resample(0.5), UntilResolved(), OnePlusLambda()) for k in (2, 3)],
    runs=400,
    batch=400,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The same grid under seed 1 and under seed 2, and in batches of another size."""
    folder = tmp_path_factory.mktemp("seeds")
    others = {"one": GRID, "two": replace(GRID, seed=2), "fewer": replace(GRID, batch=200)}
    for name, grid in others.items():
        run_grid(grid, folder / name, workers=1)
    return folder


@pytest.fixture
def mixed(made, tmp_path):
    """The folder of seed 1 with the parts of another in the place of its own."""

    def mix(name):
        out = shutil.copytree(made / "one", tmp_path / "out")
        for file in (out / "runs").iterdir():
            file.unlink()
        for file in (made / name / "runs").iterdir():
            shutil.copy(file, out / "runs")
        return out

    return mix


def parts(out):
    return sorted((out / "runs").iterdir())


def test_a_part_says_its_seed_and_its_batch(made):
    for name, seed, batch in (("one", 1, 400), ("two", 2, 400), ("fewer", 1, 200)):
        for file in parts(made / name):
            said = parquet.read_schema(file).metadata
            assert json.loads(said[DRAWN]) == {"seed": seed, "batch": batch}
            assert b"pandas" in said


@pytest.mark.parametrize("name", ["two", "fewer"])
def test_parts_of_another_seed_or_batch_are_told_and_made_anew(name, made, mixed):
    out = mixed(name)
    with pytest.raises(StoreError, match=r"of another grid: its runs were drawn with .*those of this one with .*seed"):
        load(out)
    assert len(status(out).damaged) == len(parts(made / name))
    told = []
    again = run_grid(GRID, out, workers=1, tell=told.append)
    pd.testing.assert_frame_equal(again.runs.drop(columns="seconds"), load(made / "one").runs.drop(columns="seconds"))
    assert sum("of another grid" in each for each in told) == len(parts(made / name))
    assert {file.read_bytes() for file in (out / "damaged").iterdir()} == {
        file.read_bytes() for file in parts(made / name)
    }


def test_parts_of_the_same_seed_may_come_from_another_folder(mixed):
    assert check(load(mixed("one"))).verdict is Verdict.AGREES


def test_the_twin_a_part_that_says_nothing_is_read_as_it_always_was(made, mixed):
    """Parts of earlier versions; and what passes where the seed is not told: other runs, and AGREES."""
    out = mixed("two")
    for file in parts(out):
        table = pd.read_parquet(file)
        file.unlink()
        assert DRAWN not in parquet.read_schema(write_part(file.parent, table)).metadata
    found = load(out)
    assert not found.runs["hit"].equals(load(made / "one").runs["hit"])
    assert check(found).verdict is Verdict.AGREES
