"""The last value that is taken and the first that is not, of bounds whose own tests only go far beyond them."""

import os
import tracemalloc
from functools import partial

import numpy as np
import pytest

from evo import AllBlocks, Asynchronous, Budget, Latency, OnePlusLambda
from evo.batch import RunCounts
from evo.costs.ledger import LEDGER
from evo.errors import InputError
from experiments import Cell, Grid, Results
from experiments.checks.completeness import table_fault
from experiments.checks.power import too_censored
from experiments.cli.output import expect_free
from experiments.grids.cell import BATCH_BLOCKS, BATCH_CALLS
from experiments.grids.cells_table import cells_table
from experiments.grids.measured.values import correlation
from experiments.grids.outside.reading import Unsound, read_file
from experiments.logs.columns import MOST_COUNT, count
from experiments.running import speed
from experiments.store.grid_json import grid_record
from experiments.store.table import batch_columns, runs_table
from experiments.store.verify.names import MOST_BATCHES, is_batch
from operators import Resample
from problems import BlockOneMax


def refused(function, value):
    try:
        function(value)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("function", "last", "beyond"),
    [
        (correlation, 0.0, -1e-300),
        (correlation, np.nextafter(1.0, 0.0), 1.0),
        (partial(count, least=0), str(MOST_COUNT), str(MOST_COUNT + 2)),
        (partial(count, least=3), "3", "2"),
    ],
    ids=["correlation 0", "correlation 1", "count, most", "count, least"],
)
def test_numbers_of_files(function, last, beyond):
    assert (refused(function, last), refused(function, beyond)) == (False, True)


def test_numbers_of_batches():
    numbers = (-1, 0, MOST_BATCHES - 1, MOST_BATCHES, True, 1.0)
    assert [n for n in numbers if is_batch(n)] == [0, MOST_BATCHES - 1]


def test_half_of_the_runs_may_be_censored():
    assert (too_censored(5, 10), too_censored(6, 10)) == ("", "6 of 10 runs are censored; give a larger budget")


def test_a_file_of_just_the_bytes_that_it_may_have(tmp_path, monkeypatch):
    """One that has more is refused, also if it grew after it was looked at."""
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    assert read_file(file, 100) == b"x" * 100
    with pytest.raises(Unsound, match="at most 99 bytes, got 100"):
        read_file(file, 99)
    small = tmp_path / "small"
    small.write_bytes(b"")
    before = os.stat(small)
    monkeypatch.setattr("experiments.grids.outside.reading.os.fstat", lambda opened: before)
    assert read_file(file, 100) == b"x" * 100
    with pytest.raises(Unsound, match="at most 99 bytes, got more"):
        read_file(file, 99)


def test_a_small_file_takes_little_memory_whatever_it_may_have(tmp_path):
    """Where memory is limited, a gigabyte could not be asked for to read a kilobyte."""
    (tmp_path / "small").write_bytes(b"x" * 1000)
    tracemalloc.start()
    try:
        assert read_file(tmp_path / "small", 2**30) == b"x" * 1000
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_a_link_that_leads_nowhere_is_there_already(tmp_path):
    free = tmp_path / "free"
    expect_free("--out", free)
    (tmp_path / "link").symlink_to(free)
    for out in (tmp_path / "link", tmp_path):
        with pytest.raises(InputError, match="--out: expected a file"):
            expect_free("--out", out)
    assert not free.exists()


@pytest.mark.parametrize("entry", LEDGER)
def test_a_budget_is_reached_at_it_and_not_before(entry):
    budget = Budget(**{"calls": None, entry: 10})
    ledger = np.zeros((3, len(LEDGER)))
    ledger[:, LEDGER.index(entry)] = 9, 10, 11
    assert budget.reached(ledger, np.zeros(len(LEDGER))).tolist() == [False, True, True]


def test_a_budget_on_the_cost_is_reached_but_for_rounding():
    budget, prices = Budget(calls=None, cost=0.3), np.eye(len(LEDGER))[0] * 0.1
    ledger = np.zeros((2, len(LEDGER)))
    ledger[:, 0] = 2, 3  # 3 x 0.1 > 0.3 > 3 x 0.1 (1 - 1e-12)
    assert budget.reached(ledger, prices).tolist() == [False, True]
    assert budget.reached(ledger, prices * (1 - 1e-13)).tolist() == [False, True]
    assert budget.reached(ledger, prices * (1 - 1e-11)).tolist() == [False, False]


@pytest.mark.parametrize(("k", "lam"), [(64, 8), (8, 64), (2, 10**6)])
def test_batches_hold_as_many_runs_as_memory_allows(k, lam):
    """A byte a block of a solution, and eight for each call of a generation."""
    cell = Cell(BlockOneMax(k, 1), Resample(0.5), AllBlocks(), OnePlusLambda(lam=lam))
    assert cell.batch_size(10**9) == max(1, min(BATCH_BLOCKS // k, BATCH_CALLS // lam))
    assert cell.batch_size(3) == 3


@pytest.mark.parametrize("workers", [1, 4, 9])
def test_batches_of_answers_that_return_one_by_one_hold_those_under_way_too(workers):
    """A byte a block of the current solution and of the W-1 calls that are under way."""
    runner = Asynchronous(workers=workers, latency=Latency(fixed=1.0))
    cell = Cell(BlockOneMax(1000, 1), Resample(0.5), AllBlocks(), runner)
    assert cell.batch_size(10**9) == BATCH_BLOCKS // (1000 * workers)


def test_the_machine_is_as_slow_as_its_quickest_try(monkeypatch):
    """What else a machine does only ever adds: of three tries of 5, 2 and 9 seconds the one of 2 counts."""
    clock = iter([0.0, 5.0, 10.0, 12.0, 20.0, 29.0])
    monkeypatch.setattr(speed, "simulate", lambda *arguments: None)
    monkeypatch.setattr(speed, "seconds_a_batch", lambda *arguments: 4.0)
    monkeypatch.setattr("experiments.running.speed.time.perf_counter", lambda: next(clock))
    assert speed.slowness("deap").offspring == 0.5


COPY = "batch 1 is a copy of batch 0"


@pytest.mark.parametrize(("size", "values", "fault"), [(19, 19, ""), (20, 20, COPY), (20, 2, ""), (20, 3, COPY)])
def test_from_twenty_runs_and_three_values_on_two_equal_batches_are_copies(size, values, fault):
    cell = Cell(BlockOneMax(2, 1), Resample(0.5), AllBlocks(), OnePlusLambda())
    hit = np.arange(size) % values + 1
    counts = batch_columns(cell, RunCounts(hit, hit, hit, hit))
    grid = Grid("copies", [cell], runs=2 * size, batch=size)
    rows = runs_table([(cell.sample, "blocks", batch, counts) for batch in (0, 1)])
    results = Results.of(grid_record(grid), cells_table(grid), rows)
    assert table_fault(results, cell.id, cell) == fault
