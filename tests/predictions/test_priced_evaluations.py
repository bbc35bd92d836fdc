"""Evaluations with a price where some answers are malformed: their mean number by Wald's identity."""

import math

import numpy as np
import pytest

from evo import AllBlocks, Merged, MuPlusLambda, OnePlusLambda, OnlyIncorrect, RoundRobin, TokenPrices, UniformChunk
from evo.errors import NoPrediction
from experiments import Cell, Grid, check, predict, run_grid
from experiments.predictions.counts import evaluations_of
from operators import FixKeep, Malformed, Refuse, Vote
from problems import BlockOneMax, Noisy

PRICES = TokenPrices(prompt=0.001, generated=0.002, evaluation=0.5)
MALFORMED = Malformed(Refuse(FixKeep(0.4, 0.9), 0.05), 0.2)


def cell(schedule, runner=None, mutator=MALFORMED, k=6):
    return Cell(BlockOneMax(k=k, l=10), mutator, schedule, runner or OnePlusLambda(), cost=PRICES)


CELLS = {
    "one by one": cell(OnlyIncorrect()),
    "several offspring": cell(UniformChunk(g=2), OnePlusLambda(lam=3)),
    "a shorter last chunk": cell(RoundRobin(g=4)),
    "merged": cell(RoundRobin(), Merged(workers=3)),
    "whole": cell(AllBlocks(), k=3),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_bill_by_hand(name):
    """80 % of the answers are evaluated, refusals included."""
    of = CELLS[name]
    unpriced = TokenPrices(prompt=0.001, generated=0.002)
    tokens = predict(Cell(of.problem, of.mutator, of.schedule, of.runner, cost=unpriced), "cost").mean
    assert predict(of, "cost").mean == pytest.approx(tokens + 0.5 * 0.8 * predict(of, "calls").mean, rel=1e-12)
    with pytest.raises(NoPrediction, match="some answers have none"):
        predict(of, "cost").quantile(0.5)


@pytest.mark.statistical
def test_runs_cost_as_much():
    """1,500 runs a cell, each mean within 5.3 standard errors (1e-7); that all were evaluated would be found."""
    results = run_grid(Grid("priced", list(CELLS.values()), runs=1500, seed=3), workers=1)
    assert str(check(results, alpha=1e-6).verdict) == "AGREES"
    for of in CELLS.values():
        costs = results.by_cell[of.id]["cost"]
        error = costs.std() / math.sqrt(len(costs))
        expected = predict(of, "cost").mean
        assert abs(costs.mean() - expected) < 5.3 * error
        assert abs(costs.mean() - expected - 0.5 * 0.2 * predict(of, "calls").mean) > 5.3 * error


def test_what_has_no_mean_number_of_evaluations_is_refused():
    voted = cell(OnlyIncorrect(), mutator=Vote(MALFORMED, ahead=2))
    assert predict(voted, "cost").mean == pytest.approx(  # votes decide until an answer is valid
        predict(voted, "calls").mean * 0.03 + predict(voted, "generations").mean * 0.5, rel=1e-12
    )
    noisy = Cell(Noisy(BlockOneMax(4, 10), 1.0), MALFORMED, UniformChunk(), OnePlusLambda(), cost=PRICES)
    with pytest.raises(NoPrediction, match="their number is not known"):
        predict(noisy, "cost")


@pytest.mark.parametrize(
    ("again", "fewest", "most"), [(True, [20.0, 40.0], [25.0, 50.0]), (False, [15.0, 30.0], [15.0, 30.0])]
)
def test_at_the_most_each_of_several_parents_is_evaluated_again(again, fewest, most):
    """Five samples a solution, three offspring a generation, of one generation and two; of two parents one at least."""
    problem = Noisy(BlockOneMax(4, 1), 1.0, samples=5, reevaluate=again)
    of = Cell(problem, FixKeep(0.4, 0.9), AllBlocks(), MuPlusLambda(2, 3))
    n = np.array([1, 2])
    found = evaluations_of(of, n, (3 * n, 3 * n))
    assert [each.tolist() for each in found] == [fewest, most]
