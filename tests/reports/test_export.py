"""Exports: read back equal, IOHprofiler's format by a parser of its own and by IOHinspector, and what is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from evo.batch import Trace
from evo.costs.budget import Budget
from evo.costs.latency import Latency
from evo.costs.prices import LLMPrimitive
from evo.errors import InputError
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Asynchronous, Merged
from evo.schedules import AllBlocks, RoundRobin, UntilResolved
from experiments.cli.app import app
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid, sweep
from experiments.grids.labels import labels
from experiments.grids.strings import string_type, strings_inferred
from experiments.reports import export as export_module
from experiments.reports import ioh
from experiments.reports.export import export_results
from experiments.running import again as again_module
from experiments.running.launch import run_grid
from experiments.running.progress import Progress
from experiments.running.simulation import trace
from experiments.store.held import locked
from experiments.store.results import Results, load
from experiments.store.store import StoreError
from operators import FixKeep, Resample
from problems import BlockOneMax, Judged, LeadingBlocks, Noisy, WeightedBlocks


def results_of(cells: list[Cell] | tuple[Cell, ...], out: Path | None = None, **changes: Any) -> Results:
    return run_grid(Grid("tiny", tuple(cells), **({"runs": 25, "batch": 10} | changes)), out, workers=1)


def varied() -> list[Cell]:
    """Several k, l, p and lam; some runs are censored, some optimal from the start."""
    local = sweep(
        problem=[BlockOneMax(k, l, start=0.5) for k in (1, 2, 5) for l in (4, 16)],
        mutator=Resample(0.5),
        schedule=UntilResolved(),
        runner=[OnePlusLambda(), OnePlusLambda(lam=3)],
        budget=Budget(calls=7),
    )
    broad = sweep(
        problem=[LeadingBlocks(3, 4), WeightedBlocks((1, 3), 4)],
        mutator=[FixKeep(0.5, 0.9), FixKeep(0.25, 0.9)],
        schedule=AllBlocks(),
        runner=OnePlusLambda(),
        budget=Budget(calls=20),
    )
    return [*local, *broad]


# ------------------------------------------------------------------------------------------- CSV and Parquet


@pytest.fixture(params=[30, 100_000], ids=["rows 30", "rows 100000"])
def rows(request, monkeypatch) -> None:
    """Parts of a few rows, and all at once."""
    monkeypatch.setattr(export_module, "ROWS", request.param)


@pytest.mark.usefixtures("rows")
def test_csv_files_read_back_as_the_tables_they_are_of(tmp_path):
    results = results_of(varied(), tmp_path / "out")
    assert export_results(results, "csv", tmp_path / "deep" / "csv") == tmp_path / "deep" / "csv"
    assert sorted(file.name for file in (tmp_path / "deep").rglob("*")) == ["cells.csv", "csv", "runs.csv"]

    types = dict(results.runs.dtypes) | {"series": string_type()}
    runs = pd.read_csv(tmp_path / "deep" / "csv" / "runs.csv", dtype=types)
    assert list(runs.columns) == ["series", "k", "lam", *results.runs.columns]
    pd.testing.assert_frame_equal(runs[list(results.runs.columns)], results.runs, check_exact=True)
    assert runs["hit"].isna().sum() == results.runs["hit"].isna().sum() > 0
    for name, column in (("k", "problem.k"), ("lam", "runner.lam")):
        assert (runs[name] == runs["cell"].map(results.cells[column])).all()
    assert (runs["series"] == runs["cell"].map(labels(results.cells))).all()

    types = dict(results.cells.dtypes)
    cells = pd.read_csv(tmp_path / "deep" / "csv" / "cells.csv", dtype=types | {"cell": string_type()}).set_index(
        "cell"
    )
    assert list(cells.columns) == ["series", *results.cells.columns]
    pd.testing.assert_frame_equal(
        cells[list(results.cells.columns)], results.cells, check_exact=True, check_column_type=False
    )


@pytest.mark.usefixtures("rows")
def test_the_parquet_file_reads_back_as_the_tidy_table(tmp_path):
    results = results_of(varied())
    export_results(results, "parquet", tmp_path / "runs.parquet")
    with strings_inferred():
        read = pd.read_parquet(tmp_path / "runs.parquet")
    assert list(read.columns[:3]) == ["series", "k", "lam"]
    expected = results.table
    pd.testing.assert_frame_equal(read[list(expected.columns)], expected, check_exact=True, check_column_type=False)
    assert (read["k"] == read["problem.k"]).all()
    assert (read["lam"] == read["runner.lam"]).all()
    assert read["series"].nunique() == len(set(labels(results.cells).values()))


# ------------------------------------------------------------------------------------------- IOHprofiler's format


def blocks(data: Path) -> list[list[tuple[int, float]]]:
    """The runs in a .dat file: evaluation and best fitness of each row."""
    found: list[list[tuple[int, float]]] = []
    for line in data.read_text(encoding="ascii").splitlines():
        if line == "evaluations raw_y":
            found.append([])
        else:
            evaluation, best = line.split(" ")
            found[-1].append((int(evaluation), float(best)))
    return found


def parsed(folder: Path) -> list[dict[str, Any]]:
    """A row a run of an export: what its JSON file says, and the rows of its block."""
    found = []
    files = sorted(folder.rglob("*.json"))
    assert len(files) == len(list(folder.iterdir())) > 0
    listed = set()
    for file in files:
        meta = json.loads(file.read_text(encoding="ascii"))
        number, function = meta["function_id"], meta["function_name"]
        assert (meta["version"], meta["maximization"]) == ("0.3.22", True)
        assert meta["attributes"] == ["evaluations", "raw_y"]
        assert 1 <= number < 2**16
        assert file.name.startswith(f"IOHprofiler_f{number}_")
        dimensions = [scenario["dimension"] for scenario in meta["scenarios"]]
        assert dimensions == sorted(set(dimensions))
        for scenario in meta["scenarios"]:
            data = file.parent / scenario["path"]
            listed.add(data)
            assert data.name == f"IOHprofiler_f{number}_DIM{scenario['dimension']}.dat"
            traces = blocks(data)
            assert len(traces) == len(scenario["runs"]) > 0
            for run, rows in zip(scenario["runs"], traces, strict=True):
                assert rows[0][0] == 1
                assert all(before[0] < after[0] for before, after in pairwise(rows))
                assert all(before[1] <= after[1] for before, after in pairwise(rows))
                assert rows[-1][0] == run["evals"]
                assert run["best"] == {"evals": min(e for e, y in rows if y == rows[-1][1]), "y": rows[-1][1], "x": []}
                algorithm = meta["algorithm"]["name"]
                named = {"algorithm": algorithm, "function": function, "k": scenario["dimension"], "rows": rows}
                found.append({**named, "lam": int(meta["experiment_attributes"][0]["lam"]), **run})
    assert listed == set(folder.rglob("*.dat"))
    assert {file.suffix for file in folder.rglob("*") if file.is_file()} == {
        ".json",
        ".dat",
    }  # others confuse IOHanalyzer
    return found


def hit_of(run: dict[str, Any], optimum: float) -> int | None:
    """Hitting time of a parsed run, as this project counts: the initial solution, evaluation 1, is call 0."""
    return next((evaluation - 1 for evaluation, best in run["rows"] if best > optimum - 0.5), None)


def optimum(cell: Cell) -> float:
    return float(cell.problem.fitness(np.ones(cell.problem.k, dtype=np.bool_)))


def stored_hits(results: Results, cell_ids: list[str]) -> Counter[int | None]:
    hits = results.runs.loc[results.runs["cell"].isin(cell_ids), "hit"]
    return Counter(None if pd.isna(hit) else int(hit) for hit in hits)


def test_every_run_of_every_cell_has_a_block_with_its_hit_and_calls(tmp_path):
    results = results_of(varied())
    export_results(results, "ioh", tmp_path / "ioh")
    runs = parsed(tmp_path / "ioh")
    assert len(runs) == len(results.runs) == 25 * len(varied())
    for cell in varied():
        mine = [
            run
            for run in runs
            if (run["function"], run["k"], run["instance"], run["lam"])
            == (type(cell.problem).__name__, cell.problem.k, cell.problem.l, cell.runner.lam)
            and ("p = " not in run["algorithm"] or f"= {getattr(cell.mutator, 'fix', 0.5)}" in run["algorithm"])
            and ("fix = " not in run["algorithm"] or f"fix = {getattr(cell.mutator, 'fix', None)}" in run["algorithm"])
        ]
        stored = results.runs[results.runs["cell"] == cell.id]
        assert len(mine) == len(stored) == 25
        assert [hit_of(run, optimum(cell)) for run in mine] == [None if pd.isna(h) else int(h) for h in stored["hit"]]
        assert [run["calls"] for run in mine] == list(stored["calls"])
        ends = [calls if pd.isna(hit) else hit for hit, calls in zip(stored["hit"], stored["calls"], strict=True)]
        assert [run["evals"] for run in mine] == [end + 1 for end in ends]
    hits = results.runs["hit"]
    assert (hits == 0).any()
    assert hits.isna().any()
    assert (results.runs["calls"] > hits.fillna(10**6)).any()


def test_blocks_are_the_traces_that_python_gives():
    cell = varied()[-1]
    results = results_of([cell], runs=10)
    told = trace(cell, seed=1, runs=10)
    place = ioh._places(results)[0]
    for number, run in enumerate(ioh._runs(results, place, ioh._Told(results, [place], lambda progress: None))):
        mine = told[told["run"] == number]
        kept = run.evaluations <= mine["call"].max() + 1
        assert run.evaluations[kept].tolist() == (mine["call"] + 1).tolist()
        assert run.best[kept].tolist() == mine["fitness"].tolist()


def test_one_algorithm_a_series_one_function_a_type_and_l_as_instance(tmp_path):
    export_results(results_of(varied()), "ioh", tmp_path / "ioh")
    runs = parsed(tmp_path / "ioh")
    names = {(run["algorithm"].split(",")[0], run["lam"], run["function"]) for run in runs}
    assert len({run["algorithm"] for run in runs}) <= 8
    assert not any("l = " in run["algorithm"].replace("lam", "") for run in runs)
    assert {function for _, _, function in names} == {"BlockOneMax", "LeadingBlocks", "WeightedBlocks"}
    assert {run["instance"] for run in runs} == {4, 16}
    numbers = {
        json.loads(file.read_text())["function_name"]: json.loads(file.read_text())["function_id"]
        for file in (tmp_path / "ioh").rglob("*.json")
    }
    assert numbers == {"BlockOneMax": 1, "WeightedBlocks": 2, "LeadingBlocks": 3}


def test_numbers_that_do_not_fit_16_bits(tmp_path):
    cells = [Cell(BlockOneMax(1, l), Resample(0.5), AllBlocks(), OnePlusLambda()) for l in (16, 2**16)]
    export_results(results_of(cells), "ioh", tmp_path / "ioh")
    runs = parsed(tmp_path / "ioh")
    assert {run["instance"] for run in runs} == {1}
    assert sorted(Counter(run["algorithm"] for run in runs).values()) == [25, 25]
    results = results_of(cells[:1])
    wide = results.with_cells(results.cells.assign(**{"problem.k": 2**16}))
    with pytest.raises(InputError, match=r"--to ioh: expected k to be at most 65,535.*got 65,536; use --to csv"):
        export_results(wide, "ioh", tmp_path / "wide")
    assert not (tmp_path / "wide").exists()


@dataclass(frozen=True)
class Own(BlockOneMax):
    """A problem of somebody else."""


def test_a_problem_of_others_has_a_number_of_its_own_that_stays(tmp_path):
    cell = Cell(Own(2, 4), Resample(0.5), AllBlocks(), OnePlusLambda())
    numbers = []
    for name, cells in (("one", [cell]), ("two", [*varied(), cell])):
        export_results(results_of(cells), "ioh", tmp_path / name)
        metas = [json.loads(file.read_text()) for file in (tmp_path / name).rglob("*.json")]
        numbers += [meta["function_id"] for meta in metas if meta["function_name"].endswith(".Own")]
    assert len(numbers) == 2
    assert numbers[0] == numbers[1] >= 1000
    many = ioh._function_numbers({f"f{number}" for number in range(1000)})
    assert len(set(many.values())) == 1000
    assert max(many.values()) < 2**16


RUNNERS = [
    OnePlusLambda(lam=3, accept="weak"),
    MuPlusLambda(mu=3, lam=2),
    Archive(size=3),
    Islands(count=2, size=2, archive=2),
    MapElites(cells=2),
    Merged(),
    Asynchronous(2, Latency(fixed=1.0, tail=1.0)),
]


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: type(runner).__name__)
def test_hits_of_every_runner_are_in_its_traces(tmp_path, runner):
    cells = [Cell(BlockOneMax(k, 4, start=0.3), Resample(0.5), RoundRobin(), runner, budget=Budget(30)) for k in (2, 4)]
    results = results_of(cells)
    export_results(results, "ioh", tmp_path / "ioh")
    runs = parsed(tmp_path / "ioh")
    for cell in cells:
        found = Counter(hit_of(run, cell.problem.k) for run in runs if run["k"] == cell.problem.k)
        assert found == stored_hits(results, [cell.id])


def test_noisy_runs_are_traced_by_their_true_fitness(tmp_path):
    problems = [Noisy(BlockOneMax(k, 4), 0.7) for k in (2, 4)] + [Judged(BlockOneMax(k, 4), 0.2, 0.2) for k in (2, 4)]
    cells = [Cell(problem, Resample(0.5), RoundRobin(), OnePlusLambda(), budget=Budget(20)) for problem in problems]
    results = results_of(cells)
    export_results(results, "ioh", tmp_path / "ioh")
    runs = parsed(tmp_path / "ioh")
    assert {run["function"] for run in runs} == {"Noisy(BlockOneMax)", "Judged(BlockOneMax)"}
    by_function = {(run["function"], run["algorithm"]) for run in runs}
    assert len(by_function) == 2  # all k of a problem in one series
    for cell in cells:
        name = f"{type(cell.problem).__name__}(BlockOneMax)"
        mine = [run for run in runs if (run["function"], run["k"]) == (name, cell.problem.k)]
        assert Counter(hit_of(run, cell.problem.k) for run in mine) == stored_hits(results, [cell.id])
    assert results.runs["hit"].isna().any()


def test_the_engine_deap_is_traced_too(tmp_path):
    cell = Cell(BlockOneMax(3, 4), Resample(0.5), AllBlocks(), OnePlusLambda(), budget=Budget(10))
    results = results_of([cell], engine="deap")
    export_results(results, "ioh", tmp_path / "ioh")
    assert Counter(hit_of(run, 3) for run in parsed(tmp_path / "ioh")) == stored_hits(results, [cell.id])


def test_names_that_would_break_a_file_do_not(tmp_path):
    parts = {"mutator": Resample(0.5), "schedule": AllBlocks(), "runner": OnePlusLambda()}
    labelled = {'a "b"\\/: é.dat': BlockOneMax(1, 4), "../..": BlockOneMax(2, 4)}
    cells = tuple(Cell(problem, **parts) for problem in labelled.values())
    results = results_of(cells)
    results = results.with_cells(results.cells.assign(arm=list(labelled)))
    export_results(results, "ioh", tmp_path / "ioh")
    assert {run["algorithm"] for run in parsed(tmp_path / "ioh")} == set(labelled)
    assert [path.name for path in tmp_path.iterdir()] == ["ioh"]


def test_cells_that_share_a_name_are_told_apart(tmp_path):
    cells = [
        Cell(BlockOneMax(1, 4), Resample(p), AllBlocks(), OnePlusLambda(), cost=LLMPrimitive(m))
        for p, m in ((0.5, 1), (0.25, 1))
    ]
    results = results_of(cells)
    results = results.with_cells(results.cells.assign(**{"mutator.p": "same"}))
    export_results(results, "ioh", tmp_path / "ioh")
    assert len({run["algorithm"] for run in parsed(tmp_path / "ioh")}) == 2


def test_what_is_not_run_yet_is_left_out(tmp_path):
    cells = varied()[:4]
    results = results_of(cells)
    runs = results.runs
    there = (runs["cell"] != cells[0].id) & ((runs["cell"] != cells[1].id) | (runs["batch"] == 1))
    export_results(results.with_runs(runs[there].reset_index(drop=True)), "ioh", tmp_path / "ioh")
    found = parsed(tmp_path / "ioh")
    assert len(found) == 10 + 25 + 25
    assert Counter(hit_of(run, run["k"]) for run in found) == Counter(
        None if pd.isna(hit) else int(hit) for hit in runs.loc[there, "hit"]
    )


def test_progress_counts_the_batches_that_are_executed_again(tmp_path):
    seen: list[Progress] = []
    results = results_of(varied())
    export_results(results, "ioh", tmp_path / "ioh", seen.append)
    batches = 3 * len(varied())
    assert [progress.batches for progress in seen] == list(range(batches + 1))
    assert {progress.of_batches for progress in seen} == {batches}
    assert seen[-1].left == pytest.approx(0.0, abs=1e-9)


def test_only_one_batch_is_held_at_a_time(tmp_path, monkeypatch):
    """The blocks of a batch are on their way to the file before the next batch is made."""
    held: list[int] = []
    anew = again_module.simulate_traced

    def watched(*batch: Any) -> Any:
        counts, found = anew(*batch)
        held.append(len(found.run))
        return counts, found

    monkeypatch.setattr(again_module, "simulate_traced", watched)
    cell = varied()[0]
    results = results_of([cell], runs=25)
    place = ioh._places(results)[0]
    runs = ioh._runs(results, place, ioh._Told(results, [place], lambda progress: None))
    for number, _ in enumerate(runs):
        assert len(held) == number // 10 + 1


# ------------------------------------------------------------------------------------------- a foreign reader


@pytest.fixture
def inspector():
    """IOHinspector, where it is installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("iohinspector")


@pytest.mark.filterwarnings("ignore")  # what it and its libraries warn of is theirs
def test_iohinspector_reads_our_runs_hits_and_ert(tmp_path, inspector):
    """Offset: the initial solution is evaluation 1, so hit + 1, and ERT + runs / hits; `eval_max` is the budget + 1."""
    budget = 12
    cells = sweep(
        problem=[BlockOneMax(k, 16, start=0.2) for k in (2, 5, 9)],
        mutator=Resample(0.5),
        schedule=[AllBlocks(), UntilResolved()],
        runner=OnePlusLambda(),
        budget=Budget(calls=budget),
    )
    results = results_of(cells, runs=120, batch=50)
    export_results(results, "ioh", tmp_path / "ioh")
    manager = inspector.DataManager()
    manager.add_folder(str(tmp_path / "ioh"))
    assert manager.n_runs == len(results.runs) == 120 * len(cells)
    assert {function.maximization for function in manager.functions} == {True}
    assert sorted(manager.dimensions) == [2, 5, 9]
    assert set(manager.instances) == {16}
    data = manager.load(monotonic=False, include_meta_data=True)
    frame = data.to_pandas()
    assert frame["data_id"].nunique() == len(results.runs)
    runs = results.runs.merge(results.cells[["problem.k", "schedule"]], left_on="cell", right_index=True)
    assert len(manager.algorithms) == 2
    for algorithm in {each.name for each in manager.algorithms}:
        for k in (2, 5, 9):
            mine = frame[(frame["algorithm_name"] == algorithm) & (frame["dimension"] == k)]
            schedule = next(name for name in ("AllBlocks", "UntilResolved") if name in algorithm)
            stored = runs[(runs["problem.k"] == k) & (runs["schedule"] == schedule)]
            assert len(stored) == mine["data_id"].nunique() == 120
            reached = mine[mine["raw_y"] >= k - 0.5].groupby("run_id")["evaluations"].min()
            hit = stored["hit"].reset_index(drop=True)
            assert reached.index.tolist() == (np.flatnonzero(hit.notna()) + 1).tolist()
            assert reached.tolist() == (hit.dropna() + 1).tolist()
            assert mine.groupby("run_id")["evals"].first().tolist() == (stored["calls"] + 1).tolist()

            hits, charged = int(hit.notna().sum()), hit.fillna(budget).sum()
            table = inspector.metrics.aggregate_running_time(
                data.filter((data["algorithm_name"] == algorithm) & (data["dimension"] == k)),
                f_min=k - 0.5,
                f_max=k,
                scale_f_log=False,
                eval_max=budget + 1,
                maximization=True,
            )
            target = table[table["raw_y"] == k - 0.5].iloc[0]
            assert target["success_count"] == hits > 0
            assert target["ERT"] == pytest.approx((charged + 120) / hits, rel=1e-12)
    assert results.runs["hit"].isna().any()
    assert (results.runs["hit"] == 0).any()


# ------------------------------------------------------------------------------------------- what is refused


def test_an_unknown_format_and_results_without_runs_are_refused(tmp_path):
    results = results_of(varied()[:1])
    with pytest.raises(InputError, match=r"--to: expected csv, parquet, ioh, got 'cvs'; did you mean 'csv'\?"):
        export_results(results, "cvs", tmp_path / "x")
    for to in ("csv", "parquet", "ioh"):
        with pytest.raises(InputError, match=r"results: expected results with runs, got none; run the grid first"):
            export_results(results.with_runs(results.runs.head(0)), to, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_export_left_goes_with_the_next_to_the_same_place(tmp_path):
    """Nothing else: of a running one, of another target, of another form, a link, what links lead to."""
    results = results_of(varied()[:1])
    left, held, other = (tmp_path / f".{name}.{digit * 32}.tmp" for name, digit in (("x", "0"), ("x", "1"), ("y", "0")))
    mine, link = tmp_path / ".x.mine.tmp", tmp_path / f".x.{'2' * 32}.tmp"
    for folder in (left, held, other, mine):
        folder.mkdir()
        (folder / "x").write_text("half")
    link.symlink_to(mine)
    lock = locked(held)
    assert lock is not None
    for to, name in (("parquet", "x"), ("csv", "x.csv")):
        export_results(results, to, tmp_path / name)
    os.close(lock)
    assert sorted(tmp_path.iterdir()) == sorted([held, other, mine, link, tmp_path / "x", tmp_path / "x.csv"])
    assert (mine / "x").read_text() == "half"


def left_by_a_killed_export(results: Results, to: str, target: Path) -> Path:
    """The folder that it leaves beside its target, with all of the export in it."""
    folder = target.with_name(f".{target.name}.{'0' * 32}.tmp")
    folder.mkdir(parents=True)
    export_results(results, to, folder / target.name)
    return folder


@pytest.mark.parametrize("to", ["csv", "parquet", "ioh"])
def test_all_that_an_export_writes_is_removed_if_it_was_killed(tmp_path, to):
    """By the next one, of whatever format."""
    results = results_of(varied()[:2])
    left = left_by_a_killed_export(results, to, tmp_path / "my (export)")
    export_results(results, "parquet", tmp_path / "my (export)")
    assert not left.exists()


@pytest.mark.parametrize(("to", "name"), [("parquet", "mine.txt"), ("csv", "x/mine.csv"), ("ioh", "x/001_/mine.json")])
def test_a_folder_of_the_form_of_exports_with_a_file_of_a_user_stays_whole(tmp_path, to, name):
    results = results_of(varied()[:1])
    left = left_by_a_killed_export(results, to, tmp_path / "x")
    (left / name).parent.mkdir(exist_ok=True)
    (left / name).write_text("mine")
    before = sorted(left.rglob("*"))
    export_results(results, "parquet", tmp_path / "x")
    assert sorted(left.rglob("*")) == before


def test_an_export_goes_into_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    def but_for_this_one(listed: Callable[..., Any]) -> Callable[..., Any]:
        def listed_or_refused(path: Any = ".") -> Any:
            if str(path) == str(tmp_path):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return listed(path)

        return listed_or_refused

    results = results_of(varied()[:1])
    with monkeypatch.context() as forbidden:
        for name in ("listdir", "scandir"):
            forbidden.setattr(os, name, but_for_this_one(getattr(os, name)))
        export_results(results, "csv", tmp_path / "x")
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("to", ["csv", "parquet", "ioh"])
def test_what_is_there_is_not_overwritten(tmp_path, to):
    results = results_of(varied()[:1])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"full: expected a path that is free, got a folder that is not empty; remove"):
        export_results(results, to, tmp_path / "full")
    with pytest.raises(InputError, match=r"file: expected a path that is free, got a file"):
        export_results(results, to, tmp_path / "file")
    with pytest.raises(StoreError, match=r"cannot write the export"):
        export_results(results, to, tmp_path / "file" / "below")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "mine.txt"]
    assert (tmp_path / "file").read_text() == "mine"


def test_an_empty_folder_is_taken_for_a_folder_only(tmp_path):
    results = results_of(varied()[:1])
    for to in ("csv", "ioh"):
        (tmp_path / to).mkdir()
        export_results(results, to, tmp_path / to)
        assert any((tmp_path / to).iterdir())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: expected a path that is free, got a folder;"):
        export_results(results, "parquet", tmp_path / "empty")


def test_a_part_that_is_not_loaded_is_named_before_anything_is_run(tmp_path, monkeypatch):
    results = results_of(varied()[:2])
    text = results.cells["text"].str.replace("Resample", "gone_module.Gone", regex=False)
    foreign = replace(results.with_cells(results.cells.assign(text=text)), known={})
    monkeypatch.setattr(again_module, "simulate_traced", lambda *_: pytest.fail("nothing is to be run"))
    with pytest.raises(InputError, match=r"the part 'gone_module\.Gone' is not imported, for no launch of yours"):
        export_results(foreign, "ioh", tmp_path / "ioh")
    assert list(tmp_path.iterdir()) == []
    export_results(foreign, "csv", tmp_path / "csv")  # tables need no parts


@pytest.mark.parametrize("change", [{"seed": 2}, {"batch": 20}, {"batch": 4}])
def test_runs_that_come_out_otherwise_are_refused(tmp_path, change):
    results = results_of(varied())
    other = replace(results, grid=results.grid | change)
    with pytest.raises(InputError, match=r"seed or batch in grid\.json are not those of the runs") as told:
        export_results(other, "ioh", tmp_path / "ioh")
    assert "Cell(problem=" in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_single_hit_or_count_that_differs_is_refused(tmp_path):
    results = results_of(varied()[:1])
    for column in ("hit", "generations"):
        runs = results.runs.copy()
        runs.loc[17, column] = 10**6
        with pytest.raises(InputError, match=rf"batch 1: 1 of 10 runs come out otherwise .*run 7: .*{column} 1000000"):
            export_results(results.with_runs(runs), "ioh", tmp_path / "ioh")


def test_an_export_that_is_broken_off_leaves_nothing(tmp_path, monkeypatch):
    def broken(*_: object) -> tuple[object, Trace]:
        raise KeyboardInterrupt

    monkeypatch.setattr(again_module, "simulate_traced", broken)
    with pytest.raises(KeyboardInterrupt):
        export_results(results_of(varied()[:1]), "ioh", tmp_path / "ioh")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------- the command


def llm_evo(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="llm-evo")


@pytest.mark.parametrize("to", ["csv", pytest.param("parquet", marks=pytest.mark.slow), "ioh"])
def test_the_command_exports_a_results_folder(tmp_path, to):
    results_of(varied(), tmp_path / "out")
    done = llm_evo("export", str(tmp_path / "out"), "--to", to, "--out", str(tmp_path / "ex"))
    assert done.exit_code == 0, done.output
    assert done.stdout == f"Written to {tmp_path / 'ex'}\n"
    export_results(load(tmp_path / "out"), to, tmp_path / "again")
    first, second = (
        {file.relative_to(root): file.read_bytes() for file in root.rglob("*") if file.is_file()}
        if root.is_dir()
        else root.read_bytes()
        for root in (tmp_path / "ex", tmp_path / "again")
    )
    assert first == second
    done = llm_evo("export", str(tmp_path / "out"), "--to", to, "--out", str(tmp_path / "ex"))
    assert done.exit_code == 2
    assert "expected a path that is free" in done.stderr
    assert "Traceback" not in done.output


def test_the_command_refuses_in_words_and_says_what_it_does(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    results_of(varied()[:1], tmp_path / "out")
    for words, said in (
        (("--to", "xls", "--out", "x"), "expected csv, parquet, ioh, got 'xls'"),
        (("--to", "csv", "--out", " "), "--out: expected a path, got ' '"),
    ):
        done = llm_evo("export", str(tmp_path / "out"), *words)
        assert done.exit_code == 2
        assert said in done.stderr
    shutil.rmtree(tmp_path / "out")
    done = llm_evo("export", str(tmp_path / "out"), "--to", "csv", "--out", str(tmp_path / "ex"))
    assert done.exit_code == 2
    assert "expected a results folder" in done.stderr
    shown = " ".join(llm_evo("export", "--help").stdout.split())
    assert "Example: llm-evo export results/paper --to csv" in shown


def test_the_command_needs_nothing_heavy_to_show_its_help():
    code = "import sys; from experiments.cli.app import app\ntry: app(['export', '--help'])\nexcept SystemExit: pass\n"
    code += "sys.exit(any(name in sys.modules for name in ('pandas', 'pyarrow', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
