"""Every row of the table of fitness at a budget against the chain on whole solutions (theory 17a).

Random cells, ends and all, fix and keep apart, seeds fixed: a few a row here, 200 a row in the slow part. Exact up to
rounding, so that any difference is a failure.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fitness_of import fitness_laws
from random_cells import (
    ROWS,
    Case,
    Draw,
    beta_blocks,
    beta_quality,
    counted,
    fresh,
    on_counts,
    rounds,
    special,
    trusting,
)
from runs_of import Gridded, Kept, OneParent, Rounds, Stored

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.errors import InputError, NoPrediction
from experiments import Cell, predict
from experiments.predictions.printed import predicts
from experiments.predictions.quality.fitness import laws_at
from experiments.predictions.quality.rules import QUALITY_RULES
from experiments.predictions.setting import Setting, run_law
from operators import BetaQuality, FixKeep, Malformed, Refuse, Resample
from problems import BlockOneMax

LAST = 14
NEAR = {"rtol": 1e-9, "atol": 1e-12}
NAMED = pytest.mark.parametrize("row", QUALITY_RULES, ids=lambda row: row.name)


def forgets(draw, k):
    p = draw.share()
    return draw.one(Resample(p), Resample(1.0), Malformed(Resample(p), 0.2), BetaQuality(1.2, 0.7),
                    Refuse(Malformed(Resample(p), 0.3), 0.0))  # fmt: skip


CASES = {
    "best of all samples": (Case(special(AllBlocks, forgets)), Case(fresh, Kept)),
    "the number of correct blocks": (Case(on_counts("counts")), Case(on_counts("onemax"))),
    "merged rounds, only incorrect blocks": (Case(rounds(OnlyIncorrect), Rounds),),
    "no evaluator, chunks in turn": (Case(counted(RoundRobin, runner=trusting)),),
    "one block a call until resolved": (Case(counted(UntilResolved)),),
    "quality of a run, in turn": (Case(special(RoundRobin, beta_quality, any_g=True)),),
    "quality of a run, random blocks": (Case(special(UniformChunk, beta_quality, any_g=True)),),
    "quality of a run, only incorrect blocks": (Case(special(OnlyIncorrect, beta_quality, any_g=True)),),
    "quality of a run, one block a call until resolved": (Case(special(UntilResolved, beta_quality)),),
    "difficulties drawn, only incorrect blocks": (Case(special(OnlyIncorrect, beta_blocks)),),
    "difficulties drawn, one block a call until resolved": (Case(special(UntilResolved, beta_blocks)),),
    "blocks that differ, whole solutions": (ROWS["blocks that differ, whole solutions"],),
}


def cases_of(row):
    return CASES.get(row.name) or (ROWS[row.name],)


def cells_of(row, many, most_k, seed):
    """So many random cells that the row tells of, each with its chain; what a run draws is a grid over its blocks."""
    most_k = 2 if "drawn" in row.name else most_k
    draw, found, cases = Draw(np.random.default_rng([seed, *row.name.encode()]), most_k), [], cases_of(row)
    for n in range(90 * many):
        case = cases[n % len(cases)]
        try:
            cell = case.cell(draw)
        except InputError:  # parts that do not fit
            continue
        if predicts(row, cell):
            found.append((cell, case.chain))
        if len(found) == many:
            return found
    raise AssertionError(f"only {len(found)} of {90 * many} cells are told of")


def compare(law, chain, kind, cell):
    """Law, moments and P(improve) of a fitness against those of the chain."""
    expected, rises = chain
    times = [LAST, *range(LAST)]  # in any order
    values, chances = laws_at(law, times, 1)
    near = {"rtol": 1e-4, "atol": 1e-5} if kind is Stored else NEAR  # densities on a grid
    for t, told in zip(times, chances, strict=True):
        assert set(expected[t]) <= set(values.tolist())
        np.testing.assert_allclose(told, [expected[t].get(v, 0.0) for v in values.tolist()], **near)
    try:
        improves = law.improves(range(1, LAST + 1))
    except NoPrediction:
        assert kind is Rounds
        assert cell.problem.incorrect is not None
        return
    np.testing.assert_allclose(improves, rises, **near)


class Later:
    """A law that is one generation ahead, or behind: the twin."""

    def __init__(self, law, by):
        self.law, self.by, self.values, self.source = law, by, law.values, law.source

    def after(self, generations):
        return self.law.after([max(0, t + self.by) for t in generations])

    def improves(self, generations):
        return self.law.improves([max(1, t + self.by) for t in generations])


@NAMED
def test_rows_say_what_a_chain_on_whole_solutions_says_and_one_off_by_a_generation_is_found(row):
    moving = 0
    for cell, kind in cells_of(row, 1 if row.name.startswith("quality") else 3, 3, 1):
        law, chain = run_law(row.formula, Setting(cell.search)), fitness_laws(kind, cell, LAST)
        compare(law, chain, kind, cell)
        if np.abs(np.diff(law.after(range(4)), axis=0)).max() > 1e-6:
            moving += 1
            for by in (1, -1):
                with pytest.raises(AssertionError):
                    compare(Later(law, by), chain, kind, cell)
    assert moving


@pytest.mark.slow
@NAMED
def test_rows_say_what_a_chain_on_whole_solutions_says_of_many_cells(row):
    long = row.name.startswith(("difficulties", "quality", "success", "the parent keeps"))
    for cell, kind in cells_of(
        row, 12 if long else 200, 3 if cases_of(row)[0].chain in (Gridded, Kept, Rounds) else 4, 2
    ):
        compare(run_law(row.formula, Setting(cell.search)), fitness_laws(kind, cell, LAST), kind, cell)


SCHEDULES = {kind.__name__: kind for kind in (AllBlocks, UntilResolved, RoundRobin, UniformChunk, OnlyIncorrect)}


@pytest.mark.parametrize("kind", SCHEDULES.values(), ids=SCHEDULES)
def test_what_predict_tells_of_schedules(kind):
    """Whatever row tells: every schedule, lam 1 to 5, strict and weak, g from 1 to k, all starts."""
    draw, told = Draw(np.random.default_rng([3, *kind.__name__.encode()]), 3), 0
    while told < 15:
        cell = counted(kind)(draw)
        try:
            found = predict(cell, "fitness", generations=6)
        except NoPrediction:
            continue
        told += 1
        laws, rises = fitness_laws(OneParent, cell, 6)
        moments = [sum(p * v**n for v, p in laws[6].items()) for n in (1, 2)]
        assert found.mean == pytest.approx(moments[0], rel=1e-9, abs=1e-12)
        assert found.variance == pytest.approx(moments[1] - moments[0] ** 2, rel=1e-7, abs=1e-9)
        assert found.improve == pytest.approx(rises[5], rel=1e-9, abs=1e-12)
        for v in {*laws[6], 1.5}:
            below = sum(p for f, p in laws[6].items() if f <= v)
            equal = laws[6].get(v, 0.0)
            assert float(found.cdf(v)) == pytest.approx(below, abs=1e-12)
            assert float(found.at_least(v)) == pytest.approx(1 - below + equal, abs=1e-12)
        for u in (0.1, 0.5, 0.9):
            ordered = sorted((v, p) for v, p in laws[6].items() if p > 0)
            sums = np.cumsum([p for _, p in ordered])
            if min(abs(sums - u)) > 1e-9:
                assert found.quantile(u) == ordered[int(np.searchsorted(sums, u))][0]
        gain = predict(cell, "fitness", generations=7).mean - found.mean
        assert found.gain == pytest.approx(gain, abs=1e-12)
        if not hasattr(cell.mutator, "mean_calls"):
            assert found.gain_of_a_call == pytest.approx(gain / (cell.runner.lam * cell.tokens.calls), abs=1e-12)


RISING_OR_NOT = [  # at starts that few cells draw; what a state leaves open may fall where its chunk is finished
    (BlockOneMax(3, 2, incorrect=2), UntilResolved(1)),
    (BlockOneMax(4, 2, incorrect=3), UntilResolved(1)),
    (BlockOneMax(4, 2, incorrect=2), RoundRobin(2)),
    (BlockOneMax(5, 2, start=0.8), OnlyIncorrect(3)),
    (BlockOneMax(6, 2, start=0.9), OnlyIncorrect(3)),
]


@pytest.mark.parametrize(("problem", "schedule"), RISING_OR_NOT, ids=repr)
def test_a_start_with_some_blocks_correct_is_that_of_the_chain(problem, schedule):
    cell = Cell(problem, FixKeep(0.4, 0.7), schedule, OnePlusLambda(2), budget=None)
    compare(predict(cell, "fitness", generations=3).law, fitness_laws(OneParent, cell, LAST), OneParent, cell)


JUDGED = [row for row in QUALITY_RULES if not row.name.startswith("no evaluator")]  # else the optimum is left again


@pytest.mark.parametrize("row", JUDGED, ids=lambda row: row.name)
def test_a_start_at_the_optimum_stays_there(row):
    """Of each row, whose formula may have a branch of its own for it."""
    cell = cells_of(row, 1, 2, 5)[0][0]
    law = run_law(row.formula, Setting(dataclasses.replace(cell, problem=whole_at_first(cell.problem)).search))
    optimal = [float(value == max(law.values)) for value in law.values]
    np.testing.assert_allclose(law.after([0, 1, 5]), [optimal] * 3, **NEAR)
    np.testing.assert_allclose(law.improves([1, 4]), 0.0, **NEAR)


def whole_at_first(problem):
    """The same with no block incorrect, within an evaluator, too."""
    if hasattr(problem, "incorrect"):
        return dataclasses.replace(problem, start=0.0, incorrect=0)
    return dataclasses.replace(problem, problem=whole_at_first(problem.problem))


OTHERS = {
    "mutator": {"fix": 0.4001},
    "keep": {"keep": 0.7001},
}


@pytest.mark.parametrize("kind", [RoundRobin, UniformChunk, OnlyIncorrect])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_the_fitness_of_a_cell_nearby_is_found(kind, other):
    cell = Cell(BlockOneMax(4, 2, start=0.3), FixKeep(0.4, 0.7), kind(2), OnePlusLambda(2))
    near = dataclasses.replace(cell, mutator=dataclasses.replace(cell.mutator, **other))
    chain = fitness_laws(OneParent, cell, LAST)
    compare(predict(cell, "fitness", generations=3).law, chain, OneParent, cell)
    with pytest.raises(AssertionError):
        compare(predict(near, "fitness", generations=3).law, chain, OneParent, cell)
