"""The results folder: what is written, what is read back, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from evo.costs.budget import Budget
from evo.costs.ledger import LEDGER, Prompt
from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.errors import InputError, NoPrediction
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, RoundRobin
from experiments.cli.app import app
from experiments.grids.cell import Cell
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid, sweep
from experiments.predictions.predict import Prediction, predict
from experiments.running.launch import run_grid
from experiments.store.files import part_name, write_json, write_part
from experiments.store.launches.provenance import read_launches
from experiments.store.launches.status import status
from experiments.store.results import load
from experiments.store.store import Store, StoreError
from experiments.store.table import DTYPES
from experiments.store.verify.seals import to_json
from operators import FixKeep, Resample
from problems import BlockOneMax


def grid(*ks: int, **changes: Any) -> Grid:
    cells = sweep(
        problem=[BlockOneMax(k, l=4) for k in ks or (1, 2)],
        mutator=Resample(0.5),
        schedule=AllBlocks(),
        runner=OnePlusLambda(),
    )
    return Grid("tiny", cells, **({"runs": 20, "batch": 10} | changes))


def folder_of(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.fixture
def out(tmp_path) -> Path:
    """The results folder of `grid()`."""
    run_grid(grid(), tmp_path / "out", workers=1)
    return tmp_path / "out"


# ------------------------------------------------------------------------------------------- what is written


def test_what_is_read_back_is_what_was_run(out):
    made, read = run_grid(grid(), workers=1), load(out)
    pd.testing.assert_frame_equal(read.runs, made.runs, check_exact=True)
    pd.testing.assert_frame_equal(read.cells, made.cells, check_exact=True)
    assert read.grid == made.grid
    assert (read.path, made.path) == (out, None)
    assert [read.cell(name) for name in read.cells.index] == list(grid().cells)


def test_the_table_of_runs_has_the_columns_that_are_promised(out):
    runs = load(out).runs
    promised = {"cell": "str", **{name: kind for name, kind in DTYPES.items() if name != "sample"}, "cost": "float64"}
    assert list(runs.columns) == list(promised)
    assert {name: str(kind) for name, kind in runs.dtypes.items()} == promised
    table = load(out).table
    assert len(table) == 40
    assert {"arm", "problem.k", "mutator.p", "schedule", "runner.lam"} <= set(table.columns)
    assert list(table.groupby("problem.k").size()) == [20, 20]


def test_cost_is_the_ledger_times_the_weights():
    cells = sweep(
        problem=BlockOneMax(3, l=4),
        mutator=Resample(0.5),
        schedule=RoundRobin(g=2),
        runner=OnePlusLambda(lam=2),
        prompt=Prompt(head=10),
        cost=[LLMPrimitive(m=2), TokenPrices(prompt=1e-6, generated=3e-6, per_call=0.5)],
    )
    runs = run_grid(Grid("tiny", cells, runs=50, batch=50), workers=1).runs
    first, second = (part for _, part in runs.groupby("cell", sort=False))
    by_price = {cell.id: cell.cost for cell in cells}
    for part in (first, second):
        cost = by_price[part["cell"].iloc[0]]
        priced = part[list(LEDGER)].to_numpy(dtype=float) @ cost.weights
        assert part["cost"].to_numpy() == pytest.approx(priced, rel=1e-12)
    shared = ["batch", "run", "hit", "generations", *LEDGER]  # a price cannot touch the draws
    pd.testing.assert_frame_equal(first[shared].reset_index(drop=True), second[shared].reset_index(drop=True))


@dataclass(frozen=True)
class Mixed:
    """A mutator with a parameter of any type."""

    value: Any

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < 0.5


def test_parameters_of_several_types_and_none_stand_in_one_column(tmp_path):
    parts = {"schedule": AllBlocks(), "runner": OnePlusLambda()}
    cells = [Cell(BlockOneMax(2, 4), Mixed(value), **parts) for value in (1, "a", None, (1, 2), 2.5, True)]
    cells += [Cell(BlockOneMax(2, 4, incorrect=wrong), Resample(0.5), **parts) for wrong in (None, 1)]
    cells += [
        Cell(BlockOneMax(2, 4), Resample(0.5), **parts, budget=budget)
        for budget in (None, Budget(calls=9), Budget(calls=None, cost=9.0))
    ]
    made = Grid("tiny", cells, runs=3, batch=3)
    results = run_grid(made, tmp_path / "out", workers=1)
    pd.testing.assert_frame_equal(results.cells, cells_table(made), check_exact=True)
    values = results.cells["mutator.value"]
    assert list(values.dropna()) == ["1", "a", "(1, 2)", "2.5", "True"]
    assert list(results.cells["problem.incorrect"].dropna()) == [1.0]
    assert list(results.cells["budget.calls"].dropna().unique()) == [10_000_000, 9]
    assert list(results.cells["budget"].iloc[-3:]) == ["none", "Budget", "Budget"]


def test_provenance_tells_of_each_launch(out):
    run_grid(grid(runs=30), out, workers=1)
    launches = read_launches(out)
    assert [launch["batches to run"] for launch in launches] == [4, 2]
    assert [launch["runs"] for launch in launches] == [20, 30]
    assert {"started", "command", "python", "platform", "versions"} <= set(launches[0])
    assert launches[0]["versions"]["numpy"] == np.__version__


def test_nothing_but_what_is_promised_is_in_the_folder(out):
    names = {name if not name.startswith("runs/part-") else "runs/part" for name in folder_of(out)}
    assert names == {"grid.json", "provenance.json", "cells.parquet", "runs/part"}


# ------------------------------------------------------------------------------------------- folders taken up again


def test_a_larger_grid_of_the_same_name_goes_on_in_the_folder(out):
    before = load(out).runs
    results = run_grid(grid(1, 2, 3), out, workers=1)
    assert list(results.cells["problem.k"]) == [1, 2, 3]
    pd.testing.assert_frame_equal(results.runs.merge(before[["cell", "batch", "run"]]), before, check_exact=True)
    smaller = run_grid(grid(1, runs=5), out, workers=1)
    assert len(smaller.runs) == 5
    assert len(run_grid(grid(1, 2, 3), out, workers=1, watch=must_be_done).runs) == 60


def must_be_done(progress) -> None:
    assert progress.batches == progress.of_batches


@pytest.mark.parametrize(("key", "value", "held"), [("seed", 2, 1), ("batch", 5, 10), ("engine", "deap", "blocks")])
def test_a_folder_of_another_seed_batch_or_engine_is_left_alone(out, key, value, held):
    before = folder_of(out)
    with pytest.raises(
        InputError, match=f"holds a grid run with {key} = {held!r}, this one has {key} = {value!r}; choose"
    ):
        run_grid(grid(**{key: value}), out, workers=1)
    assert folder_of(out) == before


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years")
    before = folder_of(tmp_path)
    with pytest.raises(InputError, match=r"expected a results folder, .* got a folder without grid\.json"):
        run_grid(grid(), tmp_path, workers=1)
    assert folder_of(tmp_path) == before


def test_an_empty_folder_and_what_a_killed_launch_leaves_are_taken(tmp_path):
    (tmp_path / f".grid.json.{'0' * 32}.tmp").write_text("{")
    (tmp_path / "driver.lock").write_text("")
    assert len(run_grid(grid(), tmp_path, workers=1).runs) == 40
    (tmp_path / "runs" / f".part.{'1' * 32}.tmp").write_text("PAR1")
    for left in tmp_path.rglob("*.tmp"):
        os.utime(left, (0, 0))  # a young one may be another launch's
    assert len(run_grid(grid(), tmp_path, workers=1).runs) == 40
    assert not list(tmp_path.rglob("*.tmp"))


# ------------------------------------------------------------------------------------------- folders that are none


@pytest.mark.parametrize(
    ("name", "got"), [("nosuch", "got nothing of that name"), ("file", "got a file"), (".", "got a folder without")]
)
def test_a_results_folder_that_is_none(tmp_path, name, got):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=f"{tmp_path}.*: expected a results folder, as `llm-evo run` writes it, {got}"):
        load(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "expected JSON as the testbed writes it, got a syntax error"),
        (b"{", "expected JSON"),
        (b"\xff", "expected JSON"),
        (b"[" * 200_000, "expected JSON as the testbed writes it, got deeper nesting"),
        (b"[]", "truncated or altered: its checksum is not that of its bytes"),
        (to_json({}), "expected the keys batch, batches, cells, engine"),
    ],
)
def test_a_grid_json_that_is_none(out, text, expected):
    (out / "grid.json").write_bytes(text)
    for read in (lambda: load(out), lambda: run_grid(grid(), out, workers=1)):
        with pytest.raises(StoreError, match=rf"grid\.json: {expected}.*; bring this file back from a copy, or run"):
            read()


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("format", 3, "expected format 2, got 3; use the version that wrote it"),
        ("runs", "many", "runs must be a whole number from 1 to 1000000000, or a stopping rule such as .*, got 'many'"),
        ("batch", None, "batch must be a whole number >= 1, got None"),
    ],
)
def test_a_grid_json_with_a_value_that_is_none(out, key, value, expected):
    file = out / "grid.json"
    write_json(file, json.loads(file.read_text()) | {key: value})
    with pytest.raises(StoreError, match=rf"grid\.json: {expected}"):
        load(out)


def damages(whole: bytes) -> list[bytes]:
    return [
        b"",
        b"PAR1",
        whole[: len(whole) // 2],
        whole[:-1],
        whole[:-8] + b"\xff" * 4 + whole[-4:],
        b"x" * len(whole),
    ]


def test_a_part_that_is_no_table_is_named_and_set_aside(out):
    """Of a name that is its checksum; `test_store_safety` has those with another one."""
    original = next((out / "runs").iterdir())
    for damaged in damages(original.read_bytes()):
        part = original.with_name(part_name(hashlib.sha256(damaged).hexdigest()))
        part.write_bytes(damaged)
        with pytest.raises(StoreError, match=rf"{part.name}: cannot be read \(.*; run the grid again: it sets aside"):
            load(out)
        part.rename(original)
    part = original.rename(part)
    told: list[str] = []
    results = run_grid(grid(), out, workers=1, tell=told.append)
    assert len(told) == 1
    assert f"{part}: cannot be read" in told[0]
    assert (out / "damaged" / part.name).read_bytes() == damaged
    pd.testing.assert_frame_equal(results.runs, run_grid(grid(), workers=1).runs)


def test_a_table_that_is_no_table_of_runs_is_named(out):
    part = write_part(out / "runs", pd.DataFrame({"sample": ["x"], "hit": [1], "engine": ["x"]}))
    with pytest.raises(StoreError, match=rf"{part.name}: has no column batch, .*; run the grid again"):
        load(out)


def test_a_table_of_cells_that_is_damaged_or_gone_is_named_and_made_again(out):
    file = out / "cells.parquet"
    for damaged in damages(file.read_bytes()):
        file.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"cells\.parquet: truncated or altered: .*; run the grid again to write"):
            load(out)
    told: list[str] = []
    assert len(run_grid(grid(), out, workers=1, watch=must_be_done, tell=told.append).runs) == 40
    assert told == [f"{file}: truncated or altered: its checksum is not that of its bytes; written anew"]
    file.unlink()
    with pytest.raises(StoreError, match=r"out: planned, not begun: a launch was ended before it began to run"):
        load(out)
    assert len(run_grid(grid(), out, workers=1, watch=must_be_done).runs) == 40
    assert len(load(out).runs) == 40


def test_a_provenance_that_is_damaged_is_named_and_set_aside(out):
    for number, text in enumerate(("{", "3", to_json({"launches": [3]}).decode())):
        (out / "provenance.json").write_text(text)
        assert "provenance.json: " in dict(status(out).lines())["damaged"]
        told: list[str] = []
        run_grid(grid(), out, workers=1, tell=told.append)
        assert "provenance.json" in told[0]
        assert "launches are written down from here on" in told[0]
        assert [launch["how"] for launch in read_launches(out)] == ["finished"]
        assert len(list((out / "damaged").iterdir())) == number + 1


def test_a_cell_of_an_operator_that_is_not_loaded_is_named(out):
    results = load(out)
    text = results.cells["text"].iloc[0].replace("Resample", "somewhere.Else")
    other = results.with_cells(results.cells.assign(text=text))
    with pytest.raises(
        InputError, match=r"the part 'somewhere\.Else' is not imported, for no launch of yours has recorded it"
    ):
        other.cell(str(results.cells.index[0]))


# ------------------------------------------------------------------------------------------- writing


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"expected a results folder, .* got a file"):
        run_grid(grid(), tmp_path / "file", workers=1)
    with pytest.raises(StoreError, match=r"cannot write results \(.*Not a directory"):
        run_grid(grid(), tmp_path / "file" / "out", workers=1)


FULL = OSError(28, "No space left on device")


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, name: str, after: int) -> None:
    """Let every write of a kind fail after the first few, half of the file written."""
    written = 0
    kind = {"write_table": parquet, "write_bytes": Path}[name]
    original = getattr(kind, name)

    def write(self: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal written
        written += not isinstance(target, BytesIO)  # of cells, which are written as bytes
        if written <= after or isinstance(target, BytesIO):
            return original(self, target, *args, **kwargs)
        file = target if isinstance(target, Path) else self
        file.write_text("half")
        raise FULL

    monkeypatch.setattr(kind, name, write)


@pytest.mark.parametrize("name", ["write_bytes", "write_table"])
@pytest.mark.parametrize("after", [0, 1, 2, 3])  # grid.json twice, cells, provenance; a part a batch
def test_a_disk_that_is_full_loses_nothing_and_leaves_nothing_half_written(tmp_path, monkeypatch, name, after):
    monkeypatch.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)  # a part for each task
    monkeypatch.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
    with monkeypatch.context() as patched:
        fill_the_disk(patched, name, after)
        with pytest.raises(StoreError, match=r"out: cannot write results \(.*No space left.*run again to go on"):
            run_grid(grid(), tmp_path / "out", workers=1)
    assert not list(tmp_path.rglob("*.tmp"))
    parts = list((tmp_path / "out").glob("runs/*"))
    assert len(parts) == (after if name == "write_table" else 0)
    missing: list[int] = []
    results = run_grid(grid(), tmp_path / "out", workers=1, watch=lambda seen: missing.append(4 - seen.batches))
    assert missing[0] == 4 - len(parts)
    pd.testing.assert_frame_equal(results.runs, run_grid(grid(), workers=1).runs, check_exact=True)


def test_a_part_becomes_visible_only_when_it_is_whole(tmp_path, monkeypatch):
    opened = Store.open(tmp_path / "out", grid())
    seen: list[set[Any]] = []
    original = os.replace

    def replace_late(*paths: Any) -> None:
        seen.append(set(opened.batches(grid()).file))
        original(*paths)

    rows = run_grid(grid(), workers=1).runs.drop(columns="cost")
    monkeypatch.setattr(os, "replace", replace_late)
    opened.add(
        rows.rename(columns={"cell": "sample"}).replace({"sample": {cell.id: cell.sample for cell in grid().cells}})
    )
    assert seen == [set()]
    assert set(opened.batches(grid()).file) == {(cell.sample, batch) for cell in grid().cells for batch in (0, 1)}


def test_rows_that_are_there_twice_count_once(out):
    part = next((out / "runs").iterdir())
    before = load(out).runs
    write_part(out / "runs", pd.read_parquet(part).head(10))
    pd.testing.assert_frame_equal(load(out).runs, before, check_exact=True)


def test_every_price_survives_the_file(tmp_path):
    cells = [
        Cell(BlockOneMax(2, 4), FixKeep(0.5, 0.25), AllBlocks(), OnePlusLambda(), cost=TokenPrices(1e-300, 0.1, unit=1))
    ]
    run_grid(Grid("tiny", cells, runs=2), tmp_path / "out", workers=1)
    weights = load(tmp_path / "out").cells.filter(like="weight.").to_numpy()[0]
    assert list(weights) == list(cells[0].cost.weights)


def test_cells_are_parsed_and_predicted_once_a_results_object(out, monkeypatch):
    made: list[str] = []

    def counted(cell: Cell, quantity: str) -> Prediction:
        made.append(quantity)
        return predict(cell, quantity)

    monkeypatch.setattr("experiments.store.results.predict", counted)
    results = load(out)
    cell_id = str(results.cells.index[0])
    assert results.cell(cell_id) is results.cell(cell_id)
    others = results.with_runs(results.runs.iloc[:1])
    assert others.predict(cell_id, "hit") is results.predict(cell_id, "hit")
    assert results.predict(cell_id, "calls").mean == predict(results.cell(cell_id), "calls").mean
    assert made == ["hit", "calls"]


def test_a_folder_of_format_1_says_how_to_go_on(out):
    file = out / "grid.json"
    held = json.loads(file.read_text())
    file.write_text(json.dumps({name: held[name] for name in held if name != "checksum"} | {"format": 1}))
    before = folder_of(out)
    for read in (lambda: load(out), lambda: run_grid(grid(), out, workers=1), lambda: status(out)):
        with pytest.raises(
            StoreError, match=r"expected format 2, got format 1, .* another folder \(--out\), .* 0\.1\.0$"
        ):
            read()
    assert CliRunner().invoke(app, ["check", str(out)], prog_name="llm-evo").exit_code == 5
    assert folder_of(out) == before


@dataclass(frozen=True)
class Unlawful:
    """A mutator that declares no law."""

    def rewrite(self, correct, rng):
        return correct | (rng.random(correct.shape) < 0.5)


def test_a_refusal_to_predict_is_given_again():
    cell = Cell(BlockOneMax(k=3, l=2), Unlawful(), AllBlocks(), OnePlusLambda(), budget=Budget(calls=9))
    results = run_grid(Grid("refused", [cell], runs=2))
    refused = []
    for _ in range(2):
        with pytest.raises(NoPrediction) as raised:
            results.predict(cell.id, "cost")
        refused.append(str(raised.value))
    assert refused[0] == refused[1]
