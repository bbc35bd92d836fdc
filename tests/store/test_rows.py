"""The table of runs from its parts: the same, bit for bit, as plain pandas makes it; read late, once, and no more."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from evo.batch import RunCounts
from evo.costs.ledger import LEDGER
from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import RoundRobin
from experiments.checks.check import check
from experiments.grids.cell import Cell
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid, sweep
from experiments.grids.strings import strings_inferred
from experiments.running.launch import GridFailure, run_grid
from experiments.running.limits import GridLimits
from experiments.store.batches import Batches
from experiments.store.by_cell import RowsByCell, RunArrays
from experiments.store.files import write_json, write_part
from experiments.store.grid_json import grid_record
from experiments.store.launches.status import status
from experiments.store.parts import WORD_COLUMNS, Parts
from experiments.store.results import Results, load
from experiments.store.rows import RunTable, _key, within
from experiments.store.store import StoreError
from experiments.store.table import DTYPES, KEY, batch_columns, no_runs, runs_table
from operators import Resample
from problems import BlockOneMax


def grid(runs: int = 45) -> Grid:
    """Batches of 10; two prices, a budget that censors, calls on a shorter last chunk."""
    cells = sweep(
        problem=[BlockOneMax(k, l=3) for k in (3, 5)],
        mutator=Resample(0.5),
        schedule=RoundRobin(2),
        runner=OnePlusLambda(),
        cost=[LLMPrimitive(m=3), TokenPrices(prompt=1e-6, generated=3e-6, per_call=0.1)],
    )
    return Grid("small", cells, runs=runs, batch=10)


def plain(folder: Path, results: Results) -> pd.DataFrame:
    """The table by pandas alone, as straight as it gets."""
    with strings_inferred():
        parts = [pd.read_parquet(file) for file in sorted(folder.glob("runs/*.parquet"))]
    rows = pd.concat([no_runs(), *parts], ignore_index=True)
    rows = rows.sort_values("seconds", kind="stable").drop_duplicates(KEY)
    rows = results.cells["sample"].reset_index().merge(rows, on="sample").drop(columns="sample")
    rows = rows.sort_values(["cell", "batch", "run"], ignore_index=True)
    rows = rows[rows.groupby("cell").cumcount() < results.grid["runs"]].reset_index(drop=True)
    weights = results.cells.loc[rows["cell"], [f"weight.{entry}" for entry in LEDGER]].to_numpy(dtype=float)
    return rows.assign(cost=(rows[list(LEDGER)].to_numpy(dtype=float) * weights).sum(axis=1))


SAMPLES, BATCHES = 2, 10
"""Of four cells: two prices each."""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with a part a batch."""
    folder: Path = tmp_path_factory.mktemp("made") / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
        patched.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)
        run_grid(grid(), folder, workers=1)
    return folder


@pytest.fixture
def out(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def parts(out: Path) -> list[Path]:
    return sorted(out.glob("runs/*.parquet"))


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_column_type=False)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8))])
def test_the_table_is_that_of_plain_pandas_bit_for_bit(out, seed):
    """Parts of many batches in any order, batches that are there twice, with times or not, and some that are not."""
    draw = random.Random(seed)
    batches = [pd.read_parquet(file)[list(DTYPES)] for file in parts(out)]
    for file in parts(out):
        file.unlink()
    draw.shuffle(batches)
    batches = batches[: draw.choice([len(batches), len(batches) - 4])]
    timed = [rows.assign(seconds=0.5 * rows["run"]) for rows in draw.sample(batches, 3)]
    pieces = batches + draw.sample(batches, 5) + timed
    draw.shuffle(pieces)
    for first in range(0, len(pieces), 6):
        rows = pd.concat(pieces[first : first + 6], ignore_index=True)
        write_part(out / "runs", rows)
    for runs in (45, 23, 10, 1):
        results = run_grid_without_running(out, runs)
        if len(batches) == BATCHES:
            same(results.runs, plain(out, results))
        else:  # batches that are missing are no reason to take later ones
            rows = plain(out, run_grid_without_running(out, 10**6))
            same(results.runs, rows[rows["batch"] * 10 + rows["run"] < runs].reset_index(drop=True))
        kinds = {"cell": "str", **{name: kind for name, kind in DTYPES.items() if name != "sample"}, "cost": "float64"}
        assert {name: str(kind) for name, kind in results.runs.dtypes.items()} == kinds
        from_memory = Results.of(results.grid, results.cells, as_stored(results))
        same(from_memory.runs, results.runs)


@pytest.mark.parametrize("far", [False, True], ids=["whole", "floats"])
def test_batches_in_memory_become_the_table_that_their_rows_give(far):
    """In any order, some censored, of cells that share runs, and of one that nobody asks for."""
    asked, stranger = grid(23), Cell(BlockOneMax(7, l=3), Resample(0.5), RoundRobin(2), OnePlusLambda())
    batches = []
    for number, (cell, batch) in enumerate([(c, b) for c in (*asked.cells[::2], stranger) for b in (2, 0, 1)]):
        calls = np.arange(10) + 10 * number + (1e19 if far and number == 4 else 0)
        counts = RunCounts(np.where(calls % 3 == 0, -1, calls), calls, calls, calls, shortfalls=np.ones((10, 1), int))
        batches.append((cell.sample, "blocks", batch, batch_columns(cell, counts)))
    with_roles = [(*named, columns | {"qa.calls": columns["hit"]}) for *named, columns in batches[:1]]
    for each in (batches, with_roles + batches[1:], batches[:0]):
        expected = Results.of(grid_record(asked), cells_table(asked), runs_table(each))
        found = Results.of_batches(asked, each)
        same(found.runs, expected.runs)
        assert found.rows.strays == expected.rows.strays == (30 if each else 0)
        same(found.cells, expected.cells)
        assert len(found.runs) == (23 * 4 if each else 0)


def as_stored(results: Results) -> pd.DataFrame:
    """The rows as they lie in the parts: each sample once."""
    rows = results.runs.assign(sample=results.runs["cell"].map(results.cells["sample"])).drop_duplicates(KEY)
    return rows[list(DTYPES)].astype(DTYPES)


def run_grid_without_running(out: Path, runs: int) -> Results:
    results = load(out)
    wanted = dict(results.grid) | {"runs": runs}
    rows = pd.concat([pd.read_parquet(file) for file in parts(out)], ignore_index=True).sort_values(
        "seconds", kind="stable"
    )
    made = Results.of(wanted, results.cells, rows)
    file = out / "grid.json"
    text = file.read_text()
    write_json(file, wanted)
    try:
        read = load(out)
    finally:
        file.write_text(text)
    assert read.grid["runs"] == runs
    same(read.runs, made.runs)
    return read


def test_rows_of_samples_that_are_not_in_the_grid_are_left_out_but_compared(out):
    rows = pd.read_parquet(parts(out)[0])
    other = rows.assign(sample=f"s{'0' * 12}-{'0' * 8}")
    write_part(out / "runs", other)
    before = load(out)
    same(before.runs, run_grid(grid(), workers=1).runs)
    assert before.rows.strays == len(rows)
    assert "10 rows are of no cell of this grid, and not counted" in str(check(before))
    assert dict(status(out).lines())["not counted"] == "1 batches of no cell of this grid"
    write_part(out / "runs", other.assign(calls=rows["calls"] + 1))
    for read in (lambda: load(out), lambda: run_grid(grid(), out, workers=1)):
        with pytest.raises(StoreError, match=r"part-\S+ and part-\S+ differ in calls of sample s0{12}-0{8}"):
            read()


@pytest.mark.some("dtype", at_least=5)
@pytest.mark.parametrize(("column", "dtype"), [(name, DTYPES[name]) for name in DTYPES if name not in KEY])
def test_a_difference_in_any_column_is_named(out, column, dtype):
    rows = pd.read_parquet(parts(out)[0])
    other: Any = {"engine": "deap", "hit": None, "seconds": 2.0}.get(column, 10**6)
    write_part(out / "runs", rows.assign(seconds=1.0))
    load(out)
    changed = rows[column].where(rows["run"] != 4, other)
    again = write_part(out / "runs", rows.assign(**{column: changed.astype(dtype)}))
    for read in (lambda: load(out), lambda: run_grid(grid(), out, workers=1)):
        with pytest.raises(StoreError, match=rf"{again.name}.* differ in {column} of sample [\w-]+, .*run 4, "):
            read()
    assert f"differ in {column}" in status(out).contradiction


def test_nulls_where_none_may_be_are_damage(out):
    part = parts(out)[0]
    rows = pd.read_parquet(part)
    part.unlink()
    for column in (name for name in DTYPES if name not in ("hit", "seconds")):
        with_null = rows.astype({column: "object"})
        with_null.loc[3, column] = None
        with_null[column] = with_null[column].astype(
            "str" if column in WORD_COLUMNS else rows[column].dtype.name.title()
        )
        file = write_part(out / "runs", with_null)
        with pytest.raises(StoreError, match=rf"{file.name}: .*{column}"):
            load(out)
        file.unlink()


# ------------------------------------------------------------------------------------------- order and number


def test_a_key_orders_as_the_columns_do():
    rng = np.random.default_rng(1)
    small = rng.integers(0, [5, 7, 3], (500, 3))
    large = rng.choice(np.array([-(2**31), -1, 0, 3, 2**31 - 1]), (500, 3))
    large[:, 0] = rng.integers(0, 10**6, 500)
    for columns in (small, large, large[:1], large[:0]):
        cell, batch, run = columns.T.astype(np.int32)
        key = _key(cell, batch, run)
        rows = np.lexsort((run, batch, cell))
        assert key.dtype == np.int64
        same_row = (np.diff(columns[rows], axis=0) == 0).all(axis=1)
        np.testing.assert_array_equal(np.diff(key[rows]) == 0, same_row)
        assert (np.diff(key[rows]) >= 0).all()


def test_runs_are_counted_over_all_batches():
    cell = np.repeat([0, 1, 1], [6, 4, 4])
    batch = np.repeat([0, 1, 0, 2], [3, 3, 4, 4])
    run = np.concatenate([np.arange(n) for n in (3, 3, 4, 4)])
    for runs in range(15):
        number = batch * np.where(cell == 0, 3, 4) + run
        np.testing.assert_array_equal(within(cell, batch, run, runs), number < runs)


# ------------------------------------------------------------------------------------------- read late, once, no more


@pytest.fixture
def columns_read(monkeypatch) -> Iterator[list[tuple[str, ...]]]:
    """The columns of each part that was read."""
    seen: list[tuple[str, ...]] = []
    original = Parts.read_one

    def read(self: Parts, file: Path, columns: Any = tuple(DTYPES)) -> Any:
        part = original(self, file, columns)
        seen.append(tuple(part.column_names))
        return part

    monkeypatch.setattr(Parts, "read_one", read)
    return seen


def test_a_part_is_hashed_once_a_launch(out, tmp_path, monkeypatch):
    hashed: list[int] = []
    original = hashlib.sha256

    def counted(content: bytes = b"") -> Any:
        hashed.append(len(content))
        return original(content)

    sizes = sorted(file.stat().st_size for file in parts(out))
    monkeypatch.setattr("experiments.store.parts.hashlib.sha256", counted)
    limits = GridLimits(calls=1e9)
    results = run_grid(grid(), out, workers=1, limits=limits)
    assert len(results.runs) == 4 * 45
    assert sorted(size for size in hashed if size in sizes) == sizes
    hashed.clear()
    made = run_grid(grid(), tmp_path / "new", workers=1, limits=limits)  # hashed while it is written
    assert len(made.runs) == 4 * 45
    written = [file.stat().st_size for file in parts(tmp_path / "new")]
    assert sorted(size for size in hashed if size in written) == sorted(written)


def test_a_grid_is_run_without_its_table_being_read(out, columns_read):
    results = run_grid(grid(45), out, workers=1)
    assert columns_read == [("sample", "batch")] * BATCHES
    columns_read.clear()
    status(out)
    assert columns_read == [("sample", "batch")] * BATCHES
    columns_read.clear()
    runs = results.runs
    assert columns_read == [tuple(DTYPES)] * BATCHES
    assert results.runs is runs
    assert results.by_cell is results.by_cell
    assert len(columns_read) == BATCHES


def test_of_a_part_whose_bytes_are_checked_only_the_columns_asked_for_are_decoded(out, monkeypatch):
    seen: list[list[str]] = []
    original = parquet.ParquetFile.read

    def read(self: Any, columns: Any = None, **more: Any) -> Any:
        seen.append(columns)
        return original(self, columns, **more)

    monkeypatch.setattr(parquet.ParquetFile, "read", read)
    found = Batches.read(Parts(out))
    assert seen == [list(DTYPES)] * BATCHES  # all once, to know that they are sound
    seen.clear()
    assert Batches.read(found.parts).file == found.file
    assert seen == [["sample", "batch"]] * BATCHES
    assert set(found.file) == {(cell.sample, batch) for cell in grid().cells for batch in range(5)}
    assert set(found.size.values()) == {10}
    found.expect_no_contradiction()
    assert len(seen) == BATCHES  # nothing is there twice, so nothing is compared
    write_part(out / "runs", pd.read_parquet(parts(out)[0]).assign(seconds=1.0))
    seen.clear()
    again = Batches.read(Parts(out))
    again.expect_no_contradiction()
    assert len(seen) == BATCHES + 3  # the copy and its original


def test_what_went_wrong_with_a_part_since_is_told_when_it_is_read(out):
    results = run_grid(grid(), out, workers=1)
    part = parts(out)[0]
    part.write_bytes(b"")
    with pytest.raises(StoreError, match=f"{part}: truncated or altered"):
        _ = results.runs


def test_a_whole_folder_that_is_there_twice_counts_once(out):
    before = load(out).runs
    for part in parts(out):
        write_part(out / "runs", pd.read_parquet(part).assign(seconds=1.0))
    same(load(out).runs.assign(seconds=np.nan), before)
    same(run_grid(grid(), out, workers=1).runs.assign(seconds=np.nan), before)
    assert (status(out).batches, status(out).runs) == (BATCHES, SAMPLES * 45)


# ------------------------------------------------------------------------------------------- the rows of each cell


def test_the_rows_of_a_cell_are_a_slice_of_the_table(out):
    results = load(out)
    assert list(results.by_cell) == sorted(results.cells.index)
    assert len(results.by_cell) == 2 * SAMPLES
    for cell, rows in results.by_cell.items():
        same(rows, results.runs[results.runs["cell"] == cell])
        assert np.shares_memory(rows["calls"].to_numpy(), results.runs["calls"].to_numpy())
    assert results.by_cell.get("nosuch") is None


def test_the_rows_of_a_cell_of_a_table_in_any_order(out):
    runs = load(out).runs
    mixed = runs.sample(frac=1, random_state=1)
    for cell, rows in RowsByCell(mixed).items():
        same(rows, mixed[mixed["cell"] == cell])
    assert dict(RowsByCell(runs.iloc[:0])) == {}
    fewer = load(out).with_runs(mixed[mixed["batch"] == 1])
    assert {len(rows) for rows in fewer.by_cell.values()} == {10}
    assert fewer.runs.index.equals(pd.RangeIndex(len(fewer.runs)))


# ------------------------------------------------------------------------------------------- batches into a table


def of_full_chunks(cell, calls):
    """The shortfalls of calls on full chunks."""
    return np.zeros((len(calls), cell.tokens.powers), dtype=np.int64)


def test_a_table_of_batches_is_that_of_each_one_after_the_other():
    cells, rng = grid().cells, np.random.default_rng(3)
    batches = []
    for number, cell in enumerate(cells):
        calls = rng.integers(1, 100, 4 + number)
        hit = np.where(calls > 60, -1, calls)
        seconds = None if number % 2 else calls / 3
        counts = RunCounts(hit, calls, calls, calls, seconds, of_full_chunks(cell, calls))
        columns = batch_columns(cell, counts)
        assert {name: str(values.dtype) for name, values in columns.items()} == {
            name: kind.lower() for name, kind in DTYPES.items() if name not in (*KEY, "engine")
        }
        assert columns["hit"].tolist() == hit.tolist()
        batches.append((cell.sample, "deap", number, columns))
    whole = runs_table(batches)
    assert dict(whole.dtypes.astype(str)) == DTYPES
    assert list(whole.columns) == list(DTYPES)
    same(whole, pd.concat([runs_table([batch]) for batch in batches], ignore_index=True))
    assert whole["hit"].fillna(-1).tolist() == np.concatenate([columns["hit"] for *_, columns in batches]).tolist()
    assert whole["run"].tolist() == [run for n in range(4, 8) for run in range(n)]
    assert whole["seconds"].isna().sum() == 5 + 7
    same(runs_table([]), no_runs())


def test_numbers_beyond_64_bits_are_a_failure_of_their_batch(monkeypatch):
    cell, other = grid().cells[0], grid().cells[2]

    def simulate(of: Cell, *more: Any) -> RunCounts:
        calls = np.full(10, 2**60 if of is cell else 1)
        return RunCounts(calls, calls, calls, calls, shortfalls=of_full_chunks(of, calls))

    with pytest.raises(InputError, match=r"a run came to .* tokens, more than the table's 64-bit numbers hold"):
        batch_columns(cell, simulate(cell))
    monkeypatch.setattr("experiments.running.tasks.simulate", simulate)
    with pytest.raises(GridFailure, match=r"1 batch of 1 cell failed.*\n.*more than the table's 64-bit") as failed:
        run_grid(Grid("long", [cell, other], runs=10, batch=10), workers=1)
    assert set(failed.value.results.runs["cell"]) == {other.id}


# ------------------------------------------------------------------------------------------- ten million rows

LAUNCH = """
    import resource, sys

    from evo import AllBlocks, OnePlusLambda
    from experiments import Cell, Grid, run_grid
    from operators import Resample
    from problems import BlockOneMax

    rows = int(sys.argv[1])
    cells = [Cell(BlockOneMax(1, l), Resample(0.5), AllBlocks(), OnePlusLambda()) for l in range(1, 21)]
    results = run_grid(Grid("many", cells, runs=rows // 20, batch=1000), sys.argv[2], workers=1)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    if len(sys.argv) > 3:
        results.runs
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
MOST = 100 * 1024
"""Kilobytes that the driver of a hundred times as many runs may take more: a part of 100,000 rows, thrice."""


def peaks(folder: Path, rows: int, *more: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LAUNCH), str(rows), str(folder), *more],
        capture_output=True, text=True, check=True, env=os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"},
    )  # fmt: skip
    return [int(line) for line in done.stdout.split()]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kilobytes on Linux")
def test_the_memory_of_the_driver_does_not_grow_with_the_number_of_runs(tmp_path):
    """10^5 and 10^7 rows, as numbers about 10 MB and 1 GB; and the twin: the table that is asked for shows."""
    (few,) = peaks(tmp_path / "few", 10**5)
    many, read = peaks(tmp_path / "many", 10**7, "and read them")
    assert many - few < MOST
    assert read - few > 10 * MOST
    assert sum(parquet.read_metadata(part).num_rows for part in parts(tmp_path / "many")) == 10**7


def test_runs_by_cell_are_named_and_not_listed():
    table = pd.DataFrame({"cell": ["a", "a", "b"], "batch": 0, "run": [0, 1, 0]})
    assert repr(RunTable.of(table).by_cell) == "<3 runs by the id of their cell; cells: 2>"


def test_numbers_of_a_cell_are_its_rows_with_nan_where_a_run_is_censored():
    table = pd.DataFrame(
        {"cell": ["a", "a", "b"], "hit": pd.array([3, None, 5], dtype="Int64"), "calls": [3, 9, 5], "cost": [1.0, 2, 3]}
    )
    rows = RowsByCell(table)
    first, other, none = (rows.numbers(cell) for cell in ("a", "b", "nosuch"))
    assert (len(first), first.hits, len(other), other.hits, len(none), none.hits) == (2, 1, 1, 1, 0, 0)
    assert np.array_equal(first["hit"], [3.0, np.nan], equal_nan=True)
    assert first["calls"].tolist() == [3, 9]
    assert first["calls"].dtype.kind == "i"
    assert first.floats("calls").dtype == np.float64
    assert "cost" in first
    assert "nosuch" not in first
    assert np.array_equal(RunArrays.of(table)["calls"], table["calls"])
    assert RunArrays.of(first) is first


def test_the_parts_that_differ_are_named_from_their_first_row_on(out):
    """A first row of a part is not the last of the one before."""
    first = parts(out)[0]
    rows = pd.read_parquet(first)
    changed = rows.assign(calls=rows["calls"] + (rows.index == 0))
    again = write_part(out / "runs", changed)
    with pytest.raises(StoreError) as error:
        load(out)
    assert set(re.findall(r"part-[^ ]+", str(error.value))) == {first.name, again.name}
