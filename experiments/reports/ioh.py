"""IOHprofiler's format."""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from evo.errors import InputError
from evo.protocols import FloatArray, IntArray
from evo.text import canonical, type_name
from experiments.grids.cell import Cell
from experiments.grids.labels import labels
from experiments.grids.parts import PART_TYPES
from experiments.predictions.forecast import seconds_a_batch
from experiments.running.again import executed_again
from experiments.running.progress import Progress
from experiments.store.results import Results

if TYPE_CHECKING:
    pass


IOH_VERSION = "0.3.22"
"""Version of IOHexperimenter whose files were taken as the pattern."""


MOST_NUMBER = 2**16 - 1
"""Largest dimension, instance and number of a function that IOHinspector reads."""


FIRST_FOREIGN = 1000
"""Smallest number of a function that is not one of ours."""


WRITTEN = r"\d{3,}_\w{1,80}(/IOHprofiler_f\d+_\w{1,80}\.json|/data_f\d+_\w{1,80}(/IOHprofiler_f\d+_DIM\d+\.dat)?)?"
"""Pattern of the path of each file and folder below the export, in ASCII (`_write_ioh` gives them their names)."""


@dataclass(frozen=True)
class _Place:
    """A cell, and where its runs go."""

    cell_id: str
    cell: Cell
    algorithm: str
    function: str
    instance: int


@dataclass(frozen=True)
class _Run:
    """A run's block: evaluations and the best fitness so far at each; when it was best, and calls paid."""

    evaluations: IntArray
    best: FloatArray
    best_at: int
    calls: int


def _write_ioh(results: Results, folder: Path, watch: Callable[[Progress], None]) -> None:
    folder.mkdir()
    places = _places(results)
    numbers = _function_numbers({place.function for place in places})
    told = _Told(results, places, watch)
    grouped = groupby(places, key=lambda place: (place.algorithm, place.function))
    for number, ((algorithm, function), group) in enumerate(grouped, 1):
        name = f"f{numbers[function]}_{_plain(function)[:80]}"
        home = folder / f"{number:03d}_{_plain(algorithm)[:80]}"
        (home / f"data_{name}").mkdir(parents=True)
        with open(home / f"IOHprofiler_{name}.json", "w", encoding="utf-8", newline="\n") as meta:
            _write_meta(results, meta, home, name, numbers[function], list(group), told)


def _write_meta(
    results: Results, meta: TextIO, home: Path, name: str, number: int, places: list[_Place], told: _Told
) -> None:
    """The JSON file of an algorithm on a function, and its .dat files, run by run."""
    first = places[0]
    parts = ", ".join(canonical(part) for part in (first.cell.mutator, first.cell.schedule, first.cell.runner))
    head: dict[str, Any] = {
        "version": IOH_VERSION,
        "suite": "llm-evo-testbed",
        "function_id": number,
        "function_name": first.function,
        "maximization": True,
        "algorithm": {
            "name": first.algorithm,
            "info": f"{parts}; engine {results.grid['engine']}, seed {results.grid['seed']}",
        },
        "experiment_attributes": [{"lam": str(first.cell.runner.lam)}],
        "run_attributes": ["calls"],
        "attributes": ["evaluations", "raw_y"],
    }
    meta.write("{" + "".join(f"\n\t{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()))
    meta.write('\n\t"scenarios": [')
    for at, (k, group) in enumerate(groupby(places, key=lambda place: place.cell.problem.k)):
        path = f"data_{name}/IOHprofiler_f{number}_DIM{k}.dat"
        meta.write(f'{"," if at else ""}\n\t\t{{"dimension": {k},\n\t\t"path": {json.dumps(path)},\n\t\t"runs": [')
        begun = False
        with open(home / path, "w", encoding="utf-8", newline="\n") as data:
            for place in group:
                for run in _runs(results, place, told):
                    meta.write(f"{',' if begun else ''}\n\t\t\t{json.dumps(_described(run, place.instance))}")
                    data.write("evaluations raw_y\n")
                    rows = zip(run.evaluations.tolist(), run.best.tolist(), strict=True)
                    data.writelines(f"{evaluation} {best:.10f}\n" for evaluation, best in rows)
                    begun = True
        meta.write("\n\t\t]}")
    meta.write("\n\t]\n}\n")


def _described(run: _Run, instance: int) -> dict[str, Any]:
    best = {"evals": run.best_at, "y": float(run.best[-1]), "x": []}
    return {"instance": instance, "evals": int(run.evaluations[-1]), "best": best, "calls": float(run.calls)}


def _places(results: Results) -> list[_Place]:
    """The cells that have runs, ordered by series, function, k, instance.

    Raises: InputError for parts that are not loaded and numbers that do not fit.
    """
    cells = results.cells[results.cells.index.isin(list(results.by_cell))].copy()
    loaded: dict[str, Cell] = {}
    for cell_id in map(str, cells.index):
        found = results.cell(cell_id)
        if not isinstance(found, Cell):
            raise InputError(
                "--to ioh: expected cells that search, got a program of calls, which has no fitness; use --to csv or "
                "--to parquet"
            )
        loaded[cell_id] = found
    if int(cells["problem.k"].max()) > MOST_NUMBER:
        raise InputError(
            f"--to ioh: expected k to be at most {MOST_NUMBER:,}, which IOHprofiler's tools can read as a dimension, "
            f"got {cells['problem.k'].max():,}; use --to csv or --to parquet"
        )
    as_instance = bool(cells["problem.l"].max() <= MOST_NUMBER)
    for column in (name for name in cells.columns if re.fullmatch(r"problem(\.problem)+", name)):
        cells[column] = cells[column].str.replace(r"\b[kl]=\d+(, )?", "", regex=True)  # they have numbers of their own
    series = labels(cells.drop(columns="problem.l") if as_instance else cells)
    several = cells.groupby("arm")["runner.lam"].transform("nunique") > 1
    places, taken = [], set()
    for cell_id, cell in loaded.items():
        algorithm = series[cell_id] + (f", lam = {cell.runner.lam}" if several[cell_id] else "")
        place = _Place(cell_id, cell, algorithm, _function(cell.problem), cell.problem.l if as_instance else 1)
        if _rank(place) in taken:  # told apart by nothing but, say, the types of two values
            place = replace(place, algorithm=f"{algorithm}, cell = {cell_id}")
        taken.add(_rank(place))
        places.append(place)
    order = {algorithm: at for at, algorithm in enumerate(dict.fromkeys(place.algorithm for place in places))}
    return sorted(places, key=lambda place: (order[place.algorithm], *_rank(place)[1:]))


def _rank(place: _Place) -> tuple[str, str, int, int]:
    return place.algorithm, place.function, place.cell.problem.k, place.instance


def _function(problem: object) -> str:
    """The type of a problem, with that of a problem inside it: `Noisy(BlockOneMax)`."""
    inner = getattr(problem, "problem", None)
    return type_name(type(problem)) + (f"({_function(inner)})" if inner is not None else "")


def _function_numbers(functions: set[str]) -> dict[str, int]:
    """The number of each function: its place among our problems, else one that its name gives."""
    ours = {problem.__name__: at for at, problem in enumerate(PART_TYPES["problem"], 1)}
    numbers = {function: ours[function] for function in functions if function in ours}
    for function in sorted(functions - set(ours)):
        wanted = zlib.crc32(function.encode())
        while (number := FIRST_FOREIGN + wanted % (MOST_NUMBER + 1 - FIRST_FOREIGN)) in numbers.values():
            wanted += 1
        numbers[function] = number
    return numbers


def _plain(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "unnamed"


class _Told:
    """Tells how many batches were executed again, and what share of the expected time that is."""

    def __init__(self, results: Results, places: list[_Place], watch: Callable[[Progress], None]) -> None:
        batch, engine = results.grid["batch"], results.grid["engine"]
        batches = {cell_id: runs["batch"].nunique() for cell_id, runs in results.by_cell.items()}
        self.watch = watch
        self.each = {
            place.cell_id: seconds_a_batch(place.cell, place.cell.batch_size(batch), engine) for place in places
        }
        self.of_seconds = sum(seconds * batches[cell_id] for cell_id, seconds in self.each.items())
        self.of_batches, self.batches, self.seconds = sum(batches.values()), 0, 0.0
        self.begun = time.monotonic()
        watch(Progress(None, 0, self.of_batches))

    def add(self, place: _Place) -> None:
        self.batches, self.seconds = self.batches + 1, self.seconds + self.each[place.cell_id]
        left = (time.monotonic() - self.begun) * (self.of_seconds / self.seconds - 1)
        self.watch(Progress(place.cell, self.batches, self.of_batches, left=left))


def _runs(results: Results, place: _Place, told: _Told) -> Iterator[_Run]:
    """The stored runs of a cell, executed again a batch at a time."""
    for batch, rows in results.by_cell[place.cell_id].groupby("batch"):
        runs = rows["run"].to_numpy()
        counts, trace = executed_again(results, place.cell, int(str(batch)), rows, "; or use --to csv or --to parquet")
        order = np.lexsort((trace.call, trace.run))
        first, last = (np.searchsorted(trace.run[order], runs, side) for side in ("left", "right"))
        for run, begin, end in zip(runs.tolist(), first, last, strict=True):
            mine = order[begin:end]
            yield _run(trace.call[mine], trace.fitness[mine], int(counts.hit[run]), int(counts.calls[run]))
        told.add(place)


def _run(call: IntArray, fitness: FloatArray, hit: int, calls: int) -> _Run:
    """The block of a run from its trace, in the order of calls."""
    end = calls if hit < 0 else hit
    call, best = call[call <= end], np.maximum.accumulate(fitness[call <= end])
    last = np.append(call[1:] != call[:-1], True)  # of each call
    call, best = call[last], best[last]
    better = np.append(True, best[1:] > best[:-1])
    call, best = call[better], best[better]
    best_at = int(call[-1]) + 1
    if call[-1] < end:
        call, best = np.append(call, end), np.append(best, best[-1])
    return _Run(call + 1, best, best_at, calls)
