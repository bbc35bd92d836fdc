"""`MapElites` against a loop on lists and dicts, against exact values, and against the runner with one parent.

Statistical tests: fixed seed, false-fail rate 1e-6 each (|z| < 4.9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from evo import AllBlocks, Budget, InputError, MapElites, NoPrediction, OnePlusLambda, OperatorError, UniformChunk
from evo.batch import Batch
from evo.conformance import check_runner
from evo.costs.budget import Limit
from evo.engine import populations, run_batch
from evo.runners.protocol import Pool
from evo.search import Search
from evo.seeding import streams
from experiments.checks.check import check
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.predictions.predict import predict
from experiments.running.launch import run_grid
from operators import FixKeep, Malformed, PerBlock, Resample
from problems import BlockOneMax, Jump, Noisy

Z = 4.9
HALF = Resample(p=0.5)
UNEVEN = FixKeep(fix=0.5, keep=0.7)


def run(runner, problem=BlockOneMax(4, 1), mutator=HALF, schedule=UniformChunk(), runs=4000, limits=(), seed=1):  # noqa: B008
    search = Search(problem, mutator, schedule, runner)
    return populations.run_batch(search, Batch(streams(seed, "grid", 0), runs, limits))[0]


def naive(rng, k, cell_of, fix, keep, lam, chooses):
    """Calls until the optimum is made, of one run with a dict of cells: one random block a call."""
    kept, calls = {cell_of([False] * k): [False] * k}, 0
    while True:
        children = []
        for _ in range(lam):
            child = list(chooses(rng, kept))
            block = rng.integers(k)
            child[block] = bool(rng.random() < (keep if child[block] else fix))
            children.append(child)
        for number, child in enumerate(children, 1):
            if all(child):
                return calls + number
        calls += lam
        for child in children:
            if cell_of(child) not in kept or sum(child) > sum(kept[cell_of(child)]):
                kept[cell_of(child)] = child


def any_cell(rng, kept):
    return list(kept.values())[rng.integers(len(kept))]


def best_cell(rng, kept):
    """The twin: an elitist choice of the parent."""
    return max(kept.values(), key=sum)


FEATURES = {
    "counts": (MapElites(5), sum),
    "two cells of counts": (MapElites(2), lambda x: sum(x) * 2 // 5),
    "counts of a prefix": (MapElites(3, blocks=2), lambda x: sum(x[:2])),
    "patterns": (MapElites(4, "pattern"), lambda x: (x[0], x[1])),
    "counts, three offspring": (MapElites(5, lam=3), sum),
}


@pytest.mark.parametrize("name", FEATURES)
def test_hits_have_the_law_of_a_loop_on_dicts(name):
    runner, cell_of = FEATURES[name]
    rng, runs = np.random.default_rng(11), 1000
    found = run(runner, mutator=UNEVEN, runs=runs).hit
    for chooses, same in ((any_cell, True), (best_cell, False)):
        other = np.array([naive(rng, 4, cell_of, 0.5, 0.7, runner.lam, chooses) for _ in range(runs)])
        error = math.hypot(found.std(ddof=1), other.std(ddof=1)) / math.sqrt(runs)
        assert bool(abs(found.mean() - other.mean()) < Z * error) is same


@pytest.mark.some
@pytest.mark.parametrize("lam", [1, 3])
@pytest.mark.parametrize("one", [MapElites(1), MapElites(1, "pattern"), MapElites(1, blocks=2)], ids=repr)
def test_one_cell_is_the_elitist_runner_draw_for_draw(one, lam):
    for problem, mutator in ((BlockOneMax(4, 1), Malformed(UNEVEN, 0.2)), (Noisy(BlockOneMax(4, 1), 0.5), UNEVEN)):
        limits = [Limit(1.0, 0.0, 200)]
        same, single, two = (
            run(runner, problem, mutator, runs=200, limits=limits)
            for runner in (replace(one, lam=lam), OnePlusLambda(lam), MapElites(2, lam=lam))
        )
        for name in ("hit", "generations", "calls", "evaluations"):
            np.testing.assert_array_equal(getattr(same, name), getattr(single, name))
        assert (two.hit != single.hit).any()


def test_one_cell_has_the_prediction_of_the_elitist_runner():
    """Theory 2b: k H_k / fix; the whole law, and of a fitness with a valley, too."""
    for problem in (BlockOneMax(6, 4), BlockOneMax(6, 4, start=0.3), Jump(4, 1, 2, incorrect=1)):
        one, single, two = (
            predict(Cell(problem, UNEVEN, UniformChunk(), runner))
            for runner in (MapElites(1), OnePlusLambda(), MapElites(2))
        )
        np.testing.assert_allclose(one.cdf(np.arange(200)), single.cdf(np.arange(200)), rtol=1e-9, atol=1e-15)
        assert one.mean == pytest.approx(single.mean, rel=1e-9)
        assert two.mean > 1.1 * single.mean or problem == Jump(4, 1, 2, incorrect=1)


@pytest.mark.parametrize("k", [1, 4, 12])
def test_a_cell_for_each_count_makes_the_best_wait_for_its_turn(k):
    """From all incorrect, one random block a call: (k / fix) ((k + 1) H_k - k) calls, whatever `keep` is."""
    harmonic = sum(1 / i for i in range(1, k + 1))
    found = predict(Cell(BlockOneMax(k, 1), UNEVEN, UniformChunk(), MapElites(k + 1)))
    assert found.mean == pytest.approx(k / 0.5 * ((k + 1) * harmonic - k), rel=1e-9)


def test_a_grid_crosses_a_valley_that_stops_the_elitist():
    """A jump of 2: a solution of k - 1 correct blocks is worse, but has a cell of its own."""
    jump = Jump(4, 1, 2)
    assert math.isinf(predict(Cell(jump, HALF, UniformChunk(), MapElites(1))).mean)
    crosses = predict(Cell(jump, HALF, UniformChunk(), MapElites(5)))
    assert crosses.mean == pytest.approx(8 * (5 * 25 / 12 - 4))  # each count has its cell: fitness decides nothing
    assert abs(run(MapElites(5), jump).hit.mean() - crosses.mean) < Z * math.sqrt(crosses.variance / 4000)


@pytest.mark.slow
def test_cells_agree_with_their_predictions_and_a_false_law_differs():
    @dataclass(frozen=True)
    class Claims(FixKeep):
        """Says that it repairs more than it does."""

        @property
        def law(self):
            return FixKeep(self.fix + 0.1, self.keep).law

    def verdicts(mutator):
        cells = [
            Cell(problem, mutator, schedule, runner, budget=Budget(calls=10_000))
            for problem in (BlockOneMax(5, 4), Jump(5, 4, 2))
            for schedule, runner in ((UniformChunk(), MapElites(6)), (AllBlocks(), MapElites(3)))
        ]
        results = run_grid(Grid("grid", cells, runs=2000, batch=2000), workers=1)
        return {str(cell.verdict) for cell in check(results).cells}

    assert verdicts(UNEVEN) == {"AGREES"}
    assert verdicts(Claims(0.5, 0.7)) == {"DIFFERS"}


def test_what_is_refused_says_why():
    wanted = "which blocks of its parent are correct"
    for runner in (MapElites(3, blocks=2), MapElites(2, "pattern")):
        with pytest.raises(NoPrediction, match=wanted):
            predict(Cell(BlockOneMax(4, 1), UNEVEN, UniformChunk(), runner)).mean  # noqa: B018
    assert predict(Cell(BlockOneMax(4, 1), HALF, AllBlocks(), MapElites(2, "pattern"))).mean == pytest.approx(16.0)
    for cell, told in (
        (Cell(BlockOneMax(4, 1), UNEVEN, UniformChunk(), MapElites(2, lam=2)), "lam = 2"),
        (Cell(BlockOneMax(4, 1), PerBlock((0.5, 0.4, 0.3, 0.2)), UniformChunk(), MapElites(2)), "got MapElites"),
        (Cell(BlockOneMax(600, 1), UNEVEN, UniformChunk(), MapElites(601)), "at most 500 blocks"),
        (Cell(BlockOneMax(16, 1), UNEVEN, AllBlocks(), MapElites(17)), "more than 4096 states"),
    ):
        with pytest.raises(NoPrediction, match=told):
            predict(cell).mean  # noqa: B018


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MapElites(0), "cells must be a whole number from 1"),
        (lambda: MapElites(3, "pattern"), "cells must be a power of 2"),
        (lambda: MapElites(2, "pattern", blocks=1), "expected no blocks, got 1"),
        (lambda: MapElites(4, blocks=2), "blocks must be a whole number >= 3"),
        (lambda: MapElites(2, "length"), "feature must be 'count' or 'pattern'"),
        (lambda: Cell(BlockOneMax(4, 1), HALF, AllBlocks(), MapElites(6)), "at most 5 cells for a count of 4 blocks"),
        (lambda: Cell(BlockOneMax(4, 1), HALF, AllBlocks(), MapElites(2, blocks=5)), "at most k = 4 blocks, got one"),
        (lambda: Cell(BlockOneMax(2, 1), HALF, AllBlocks(), MapElites(8, "pattern")), "at most k = 2 blocks"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_an_offspring_of_a_filled_cell_enters_only_if_it_is_fitter():
    pool = Pool(np.array([[3.0, 1.0, -np.inf]]), np.array([[1, 2, 0]]), 1, np.array([[2, 0, 9]]))
    for fitness, cell, stay in ((9.0, 0, [0, 3, 2]), (1.0, 0, [0, 1, 2]), (0.5, 1, [0, 1, 3]), (-np.inf, 1, [0, 1, 2])):
        told = replace(pool, arriving=np.array([[cell]]))
        assert MapElites(3).survivors(told, np.array([[fitness]])).tolist() == [stay]


@pytest.mark.parametrize(
    ("describe", "message"),
    [
        (lambda self, correct: correct.sum(axis=-1) + 1, "expected numbers from 0 to 6"),
        (lambda self, correct: correct.sum(axis=-1) * 1.0, "got float64"),
        (lambda self, correct: np.random.randint(7, size=correct.shape[:-1]), "asked again"),  # noqa: NPY002
        (lambda self, correct: np.argsort(correct.sum(axis=-1), axis=0) % 7, "otherwise for a run alone"),
    ],
)
def test_features_that_break_one_thing_are_told_which(describe, message):
    kind = dataclass(frozen=True)(type("Broken", (MapElites,), {"describe": describe}))
    found = {each.name: each for each in check_runner(kind(7))}
    assert found["features"].passed is False
    assert message in found["features"].message


def test_features_of_an_own_runner_are_validated_in_a_run():
    kind = dataclass(frozen=True)(type("Broken", (MapElites,), {"describe": lambda self, x: x.sum(axis=-1) + 4}))
    with pytest.raises(OperatorError, match=r"Broken.describe: expected numbers from 0 to 4, got 4 to"):
        run_batch(Search(BlockOneMax(4, 1), HALF, AllBlocks(), kind(5)), Batch(streams(1, "x", 0), 50))
