"""Memory of every loop: a hundredfold of k, lam, solutions kept, workers or runs takes no more than was said."""

from __future__ import annotations

import importlib
import pkgutil
import tracemalloc
from dataclasses import dataclass, is_dataclass
from typing import ClassVar

import numpy as np
import pytest

import evo.runners
from evo import AllBlocks, Latency, Merged, OnePlusLambda, RoundRobin, UniformChunk
from evo.batch import Batch
from evo.costs.budget import Budget, Limit
from evo.engine import populations, readings
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.parallel import Asynchronous
from evo.search import Search
from evo.seeding import streams
from experiments.grids.cell import Cell
from experiments.running.simulation import simulate
from operators import FixKeep, Malformed
from problems import BlockOneMax, Judged, Noisy

BUFFERS = 6e6
"""Bytes beside what runs keep, which is twice k + 25 bytes a place while a batch begins."""
SMALL = {"k": 64, "lam": 1, "s": 4, "runs": 4}
LARGE = {"k": 6400, "lam": 10_000, "s": 400, "runs": 400}
TOGETHER = {"k": 640, "lam": 1000, "s": 40, "runs": 400}
"""All of them larger at once."""


def exact(k):
    return BlockOneMax(k, l=4)


def judged(k):
    return Judged(BlockOneMax(k, l=4), 0.1, 0.1, blocks="changed")


RUNNERS = {
    OnePlusLambda: (lambda lam, s: OnePlusLambda(lam), UniformChunk(), "k lam runs"),
    MuPlusLambda: (lambda lam, s: MuPlusLambda(s, lam), UniformChunk(), "k lam s runs"),
    Archive: (lambda lam, s: Archive(s, "proportional", lam), UniformChunk(), "k lam s runs"),
    MapElites: (lambda lam, s: MapElites(s, lam=lam, blocks=s - 1), UniformChunk(), "k lam s runs"),
    Islands: (lambda lam, s: Islands(2, s // 2, archive=s // 2), UniformChunk(), "k s runs"),
    Merged: (lambda lam, s: Merged(s), RoundRobin(), "k s runs"),
    Asynchronous: (lambda lam, s: Asynchronous(s, Latency(fixed=1.0)), RoundRobin(), "k s runs"),
}
"""Every runner: with lam offspring and s solutions kept, or workers; a schedule; and what can grow."""


def runners_there_are():
    modules = [
        importlib.import_module(f"evo.runners.{each.name}") for each in pkgutil.iter_modules(evo.runners.__path__)
    ]
    classes = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    return {one for one in classes if is_dataclass(one) and hasattr(one, "founders")}


def test_no_runner_is_missing():
    assert runners_there_are() == set(RUNNERS)


def peak(problem, runner, schedule, runs):
    """Bytes at the most of a generation (or a call of each worker) of a batch of a grid, and what its runs keep."""
    calls = max(runner.lam, getattr(runner, "workers", 1))
    mutator = Malformed(FixKeep(0.4, 0.9), 0.1)  # which does not run on words
    cell = Cell(problem, mutator, schedule, runner, budget=Budget(calls=calls))
    size = cell.batch_size(runs)
    tracemalloc.start()
    simulate(cell, 1, 0, size)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most, 2 * size * len(runner.founders) * (problem.k + 25)


@pytest.mark.parametrize("of", RUNNERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("problem", [exact, judged], ids=["exact", "judged"])
@pytest.mark.parametrize("grows", [*SMALL, "together"])
def test_a_hundredfold_takes_no_more_than_was_said(of, problem, grows):
    make, schedule, axes = RUNNERS[of]
    if grows not in [*axes.split(), "together"] or (problem is judged and of not in (OnePlusLambda, MuPlusLambda)):
        return  # nothing that could grow, or nothing that others have not
    sizes = TOGETHER if grows == "together" else SMALL | {grows: LARGE[grows]}
    if grows == "s":
        sizes["k"] = 2 * LARGE["s"]
    most, kept = peak(problem(sizes["k"]), make(sizes["lam"], sizes["s"]), schedule, sizes["runs"])
    assert most < BUFFERS + kept


def test_without_slabs_it_would_be_more(monkeypatch):
    """The twin that must fail: all offspring of a generation at once."""
    for module in (populations, readings):
        monkeypatch.setattr(module, "AT_ONCE", 2**40)
    most, kept = peak(judged(64), MuPlusLambda(4, 10_000), AllBlocks(), 4)
    assert most > BUFFERS + kept


# ------------------------------------------------------------------------------------------- slabs change nothing


@dataclass(frozen=True)
class Own(MuPlusLambda):
    """Says nothing of parts: its generations stay whole."""

    def survivors(self, pool, offspring):
        assert offspring.shape[1] == self.lam
        return super().survivors(pool, offspring)


@dataclass(frozen=True)
class Doubling(OnePlusLambda):
    """Twice the offspring after a generation without progress, half as many after one with it."""

    in_parts: ClassVar = True
    initial_state: ClassVar = 1.0

    def offspring(self, state):
        return state.astype(np.int64)

    def adjust(self, state, pool, offspring):
        progress = offspring.max(axis=1) > pool.seen[:, 0]
        assert offspring.shape[1] == self.lam  # all of them, however they were made
        return np.clip(np.where(progress, state / 2, state * 2), 1, self.lam)


ONCE = [
    BlockOneMax(6, 1),
    Noisy(BlockOneMax(6, 1), 1.0, reevaluate=False),
    Judged(BlockOneMax(6, 1), 0.1, 0.1, blocks="changed", reevaluate=False),
]
"""Problems whose solutions are evaluated once: else parents and offspring draw in turn, slab by slab."""


@pytest.mark.some(at_least=10)
@pytest.mark.parametrize(
    "runner",
    [
        OnePlusLambda(7),
        OnePlusLambda(7, "weak"),
        OnePlusLambda(7, threshold=0.5),
        MuPlusLambda(3, 7),
        Own(3, 7),
        Archive(4, lam=7),
        Archive(4, "proportional", 7),
        Archive(4, "last", 7),
        MapElites(1, lam=7),
        Doubling(7),
    ],
    ids=str,
)
@pytest.mark.parametrize("problem", ONCE, ids=["exact", "noisy", "judged"])
def test_slabs_of_one_call_make_the_same_runs(runner, problem, monkeypatch):
    """Where each part draws number by number, nothing depends on how many are drawn at once; ties included."""

    def made():
        search = Search(problem, FixKeep(0.3, 0.9), AllBlocks(), runner)
        batch = Batch(streams(1, "test", 0), 8, [Limit(1.0, 0.0, 100)], trace=True)
        counts, trace = populations.run_batch(search, batch)
        numbers = counts.hit, counts.generations, counts.calls, counts.evaluations, trace.call, trace.fitness
        return [each.tolist() for each in numbers]

    whole = made()
    for module in (populations, readings):
        monkeypatch.setattr(module, "AT_ONCE", 1)
    assert made() == whole
    assert len(set(whole[0])) > 3
