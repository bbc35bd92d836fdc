"""Twins of the comparison with the chain on whole solutions: formulas that are nearly right must be found."""

import dataclasses

import numpy as np
import pytest
from random_cells import ROWS
from test_every_row import compare

from evo import OnePlusLambda, RoundRobin, UniformChunk, UntilResolved
from evo.theory import RunLaw, round_robin
from evo.theory.problems.on_counts import first_run_of_successes
from experiments import Cell
from experiments.predictions.rules import RULES
from experiments.predictions.setting import Setting, run_law
from operators import FixKeep, Malformed
from problems import BlockOneMax, Needle

BY_NAME = {row.name: row for row in RULES}


def said(name, cell):
    return run_law(BY_NAME[name].formula, Setting(cell.search))


def one(problem, mutator, schedule, lam=1, accept="strict"):
    return Cell(problem, mutator, schedule, OnePlusLambda(lam, accept), budget=None)


def test_a_formula_for_fix_and_keep_alike_is_found():
    """Theory 10a, as it was once used for every mutator: k = 2, fix = 0.3 and keep = 0.1 take 16 calls, not 14.44."""
    cell = one(Needle(2, 1), FixKeep(0.3, 0.1), RoundRobin(), accept="weak")
    wrong = first_run_of_successes(cell.mutator.law, 2)
    assert wrong.hit.mean == pytest.approx(14.444444444)
    with pytest.raises(AssertionError):
        compare(BY_NAME["a needle, in turn"], cell, wrong)
    listed = BY_NAME["all solutions, one by one"]
    compare(listed, cell)
    assert run_law(listed.formula, Setting(cell.search)).hit.mean == pytest.approx(16)


PLANTED = {
    "the hit counts whole generations": lambda run: dataclasses.replace(run, hit=run.calls),
    "generations count calls": lambda run: dataclasses.replace(run, generations=run.calls),
    "no call is short": lambda run: dataclasses.replace(run, last_chunk=lambda: 0.0),
    "every call is short": lambda run: dataclasses.replace(run, last_chunk=lambda: run.calls.mean),
    "lam is forgotten": lambda run: dataclasses.replace(run, lam=1),
}


@pytest.mark.parametrize("change", PLANTED.values(), ids=PLANTED)
def test_a_wrong_field_is_found(change):
    cell = one(BlockOneMax(3, 1), FixKeep(0.4, 0.7), RoundRobin(2), lam=2)
    right = said("chunks in turn", cell)
    compare(BY_NAME["chunks in turn"], cell, right)
    with pytest.raises(AssertionError):
        compare(BY_NAME["chunks in turn"], cell, change(right))


OTHERS = {
    "another fix": one(BlockOneMax(3, 1), FixKeep(0.4001, 0.7), RoundRobin(2), lam=2),
    "another keep": one(BlockOneMax(3, 1), FixKeep(0.4, 0.7001), RoundRobin(2), lam=2),
    "another start": one(BlockOneMax(3, 1, start=1e-4), FixKeep(0.4, 0.7), RoundRobin(2), lam=2),
    "another lam": one(BlockOneMax(3, 1), FixKeep(0.4, 0.7), RoundRobin(2), lam=3),
    "other chunks": one(BlockOneMax(3, 1), FixKeep(0.4, 0.7), RoundRobin(1), lam=2),
    "some malformed": one(BlockOneMax(3, 1), Malformed(FixKeep(0.4, 0.7), 1e-4), RoundRobin(2), lam=2),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_the_law_of_a_cell_nearby_is_found(other):
    cell = one(BlockOneMax(3, 1), FixKeep(0.4, 0.7), RoundRobin(2), lam=2)
    with pytest.raises(AssertionError):
        compare(BY_NAME["chunks in turn"], cell, said("chunks in turn", other))


def test_another_schedule_and_a_wrong_tail_are_found():
    cell = one(BlockOneMax(3, 1, start=0.3), FixKeep(0.4, 0.7), UniformChunk())
    for name in ("one block a call until resolved", "chunks in turn", "only incorrect chunks"):
        with pytest.raises(AssertionError):
            compare(BY_NAME["random chunks"], cell, said(name, dataclasses.replace(cell, schedule=UntilResolved())))

    class Off:
        """Right but for P(T <= 7), by 1e-6."""

        def __init__(self, law):
            self.law, self.mean, self.variance, self.quantile = law, law.mean, law.variance, law.quantile

        def cdf(self, t):
            return self.law.cdf(t) + 1e-6 * (np.asarray(t) == 7)

        def tail(self, t):
            return 1 - self.cdf(t)

    right = said("random chunks", cell)
    compare(BY_NAME["random chunks"], cell, right)
    with pytest.raises(AssertionError):
        compare(BY_NAME["random chunks"], cell, RunLaw(right.hit, Off(right.hit), right.last_chunk, right.source))


def test_a_row_without_cells_is_found():
    row = dataclasses.replace(RULES[0], name="a row that nobody thought of")
    assert row.name not in ROWS
    assert round_robin is BY_NAME["chunks in turn"].formula
