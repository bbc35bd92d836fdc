"""Results as other tools read them, by a path pattern and nothing else: the same rows, also while a grid is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from experiments.grids.strings import string_type, strings_inferred
from experiments.grids.toml import load_grid
from experiments.running.launch import run_grid
from experiments.store.results import load
from experiments.store.table import DTYPES, KEY

GRID = """
    name = "small"
    runs = 45
    batch = 10

    [[arm]]
    label = "a"
    problem = {type = "BlockOneMax", k = [1, 2, 3, 4], l = 4}
    mutator = {type = "Resample", p = 0.5}
    schedule = {type = "AllBlocks"}
    budget = {type = "Budget", calls = 6}
"""
SIZES = {"str": "string", "Int64": "int64"}


def by_pandas(out: Path) -> pa.Table:
    return pa.Table.from_pandas(pd.read_parquet(out / "runs"), preserve_index=False)


def by_polars(out: Path) -> pa.Table:
    polars = pytest.importorskip("polars")
    return polars.scan_parquet(out / "runs" / "*.parquet").collect().to_arrow()


def by_duckdb(out: Path) -> pa.Table:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as base:
        return base.sql(f"select * from read_parquet('{out}/runs/*.parquet')").to_arrow_table()


READERS: dict[str, Callable[[Path], pa.Table]] = {"pandas": by_pandas, "polars": by_polars, "duckdb": by_duckdb}
readers = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


@pytest.fixture
def toml(tmp_path) -> Path:
    file = tmp_path / "grid.toml"
    file.write_text(textwrap.dedent(GRID))
    return file


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A results folder with a part for each batch, made once and then copied."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "grid.toml").write_text(textwrap.dedent(GRID))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
        patched.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)
        run_grid(load_grid(str(folder / "grid.toml")), folder / "out", workers=1)
    return folder / "out"


@pytest.fixture
def out(tmp_path, made) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def ours(table: pa.Table) -> pd.DataFrame:
    """What a reader found, as our table: whole batches, so more runs than the grid keeps."""
    frame: pd.DataFrame = table.to_pandas().astype(DTYPES | dict.fromkeys(("sample", "engine"), string_type()))
    return frame.sort_values(KEY, ignore_index=True)


@readers
def test_the_same_rows_and_types(out, read):
    found = read(out)
    assert len(list(out.glob("runs/*.parquet"))) == 20
    for name, kind in DTYPES.items():
        type_ = str(found.schema.field(name).type)
        assert type_.removeprefix("large_").replace("string_view", "string").replace("double", "float64") == SIZES.get(
            kind, kind
        )
    assert found.column_names == [*DTYPES, "number"]
    assert str(found.schema.field("number").type) == "int64"
    assert found["seconds"].null_count == len(found) == 200  # null, and not NaN
    assert 0 < found["hit"].null_count < 200
    assert sum(found[name].null_count for name in DTYPES if name not in ("hit", "seconds")) == 0
    rows = ours(found)
    kept = rows[rows["number"] < 45].reset_index(drop=True)
    assert kept.equals(rows[rows["batch"] * 10 + rows["run"] < 45].reset_index(drop=True))  # of parts without a number
    results = load(out)
    kept["cell"] = kept.pop("sample").map({sample: cell for cell, sample in results.cells["sample"].items()})
    kept["cell"] = kept["cell"].astype(results.runs["cell"].dtype)  # pandas 2 and 3 have words of two types
    kept = kept.sort_values(["cell", "batch", "run"], ignore_index=True)
    runs = results.runs.drop(columns="cost")
    pd.testing.assert_frame_equal(kept[list(runs)], runs, check_exact=True)


def test_pandas_gives_the_types_of_our_table(out):
    with strings_inferred():
        assert dict(pd.read_parquet(out / "runs").dtypes.astype(str)) == DTYPES | {"number": "int64"}


def test_joined_with_the_cells(out):
    expected = load(out).table.groupby("problem.k")["hit"].sum().to_dict()
    cells = pd.read_parquet(out / "cells.parquet")
    runs = pd.read_parquet(out / "runs").query("batch * 10 + run < 45")
    assert runs.merge(cells, on="sample").groupby("problem.k")["hit"].sum().to_dict() == expected
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    joined = (
        polars.scan_parquet(out / "runs" / "*.parquet")
        .filter(polars.col("batch") * 10 + polars.col("run") < 45)
        .join(polars.scan_parquet(out / "cells.parquet"), on="sample")
    )
    assert dict(joined.group_by("problem.k").agg(polars.col("hit").sum()).collect().iter_rows()) == expected
    with duckdb.connect() as base:
        rows = base.execute(
            f"select \"problem.k\", sum(hit) from read_parquet('{out}/runs/*.parquet') "
            f"join '{out}/cells.parquet' using (sample) where batch * 10 + run < 45 group by 1"
        ).fetchall()
    assert {k: int(hits) for k, hits in rows} == expected


@readers
def test_what_is_half_written_is_not_read_and_would_be_found_out(out, read):
    half = next(out.glob("runs/*.parquet")).read_bytes()[:1000]
    before = ours(read(out))
    (out / "runs" / ".part.0123.tmp").write_bytes(half)  # as `whole_files` names them
    pd.testing.assert_frame_equal(ours(read(out)), before)
    (out / "runs" / "part.parquet").write_bytes(half)
    with pytest.raises(Exception, match=r"(?i)parquet"):
        read(out)


LAUNCH = """
    import sys, time
    from experiments.grids.toml import load_grid
    from experiments.running import agenda, driver, launch, tasks

    agenda.SECONDS_A_TASK, driver.SECONDS_BETWEEN_WRITES = 0.0, -1.0
    simulate = tasks.simulate

    def slow(*arguments):
        time.sleep(0.1)
        return simulate(*arguments)

    tasks.simulate = slow
    launch.run_grid(load_grid(sys.argv[1]), sys.argv[2], workers=1)
"""


@pytest.mark.slow
def test_while_a_grid_is_run(tmp_path, toml):
    """Each reader in turn, again and again, until the launch is over: whole batches only, never fewer than before."""
    for name in ("polars", "duckdb"):
        pytest.importorskip(name)
    out = tmp_path / "out"
    launch = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LAUNCH), str(toml), str(out)], env=os.environ, stderr=subprocess.PIPE
    )
    seen: list[int] = []
    rows: Any = None
    try:
        while launch.poll() is None:
            for read in READERS.values():
                if list(out.glob("runs/*.parquet")):
                    rows = ours(read(out))
                    assert (rows.groupby(["sample", "batch"]).size() == 10).all()
                    assert not rows.duplicated(KEY).any()
                    seen.append(len(rows))
    finally:
        launch.kill()
        _, told = launch.communicate()
    assert launch.returncode == 0, told.decode()
    assert seen == sorted(seen)
    assert len({count for count in seen if count < 200}) >= 2  # it was read in the middle, more than once
    for read in READERS.values():
        whole = ours(read(out))
        assert len(whole) == 200
        pd.testing.assert_frame_equal(whole.merge(rows[KEY]), rows, check_exact=True)
