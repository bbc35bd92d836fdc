"""The store at ten million rows: microseconds a batch on its way in, seconds and megabytes on its way out.

    python tests/store/bench_store.py                              a table; 200 cells of 100 batches of 500 runs
    pytest tests/store/bench_store.py --benchmark-only             pytest-benchmark's tables

Runs are drawn, not simulated: hits of GLOBAL mutation at p = 1/2, one in a hundred censored, k = 1 to 8.
"""

import random
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda
from evo.batch import RunCounts
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.store.results import load
from experiments.store.store import Store
from experiments.store.table import batch_columns, runs_table
from operators import Resample
from problems import BlockOneMax

CELLS, BATCHES, RUNS = 200, 100, 500
A_PART = 100  # batches: 50,000 rows


def drawn(cell, rng):
    """The counts of a batch."""
    calls = rng.geometric(0.5**cell.problem.k, RUNS)
    return RunCounts(np.where(rng.random(RUNS) < 0.01, -1, calls), calls, calls, calls)


def big_grid(cells, batches):
    """A grid of cells that differ in k and l."""
    parts = Resample(0.5), AllBlocks(), OnePlusLambda()
    return Grid("big", [Cell(BlockOneMax(1 + i % 8, 4 + i), *parts) for i in range(cells)], RUNS * batches, batch=RUNS)


def fill(folder, cells=CELLS, batches=BATCHES):
    """Write a store, batches in any order; microseconds a batch: columns (worker), table, file (driver)."""
    grid, rng, spent = big_grid(cells, batches), np.random.default_rng(1), np.zeros(3)
    jobs = [(cell, batch) for cell in grid.cells for batch in range(batches)]
    random.Random(1).shuffle(jobs)
    with Store.open(folder, grid) as store:
        for first in range(0, len(jobs), A_PART):
            found = [(cell, batch, drawn(cell, rng)) for cell, batch in jobs[first : first + A_PART]]
            times = [time.perf_counter()]
            made = [(cell.sample, "blocks", batch, batch_columns(cell, counts)) for cell, batch, counts in found]
            times.append(time.perf_counter())
            table = runs_table(made)
            times.append(time.perf_counter())
            store.add(table)
            spent += np.diff([*times, time.perf_counter()])
    return 1e6 * spent / len(jobs)


def finished(folder, grid):
    """How many batches are there, as a launch that goes on asks."""
    with Store.open(folder, grid) as store:
        return len(store.batches(grid).file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "big"
    fill(path)
    return path


def test_load(benchmark, folder):
    assert len(benchmark.pedantic(lambda: load(folder).runs, rounds=3)) == CELLS * BATCHES * RUNS


def test_finished(benchmark, folder):
    assert benchmark.pedantic(finished, (folder, big_grid(CELLS, BATCHES)), rounds=3) == CELLS * BATCHES


def main(cells=CELLS, batches=BATCHES):
    runs = cells * batches * RUNS
    folder = Path(tempfile.mkdtemp()) / "big"
    try:
        columns, table, file = fill(folder, cells, batches)
        print(f"{runs:,} runs in batches of {RUNS}; microseconds a batch: columns {columns:.0f}, ", end="")
        print(f"table {table:.0f}, file {file:.0f}")
        size = sum(part.stat().st_size for part in (folder / "runs").iterdir())
        print(f"{size / runs:.1f} bytes a run")
        for name, read in (
            ("finished", lambda: finished(folder, big_grid(cells, batches))),
            ("load", lambda: load(folder).runs),
        ):
            before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
            read()
            spent, grown = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            print(f"{name}: {spent:.2f} s, {grown / 1024:.0f} MB more at the peak")
    finally:
        shutil.rmtree(folder.parent)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
