"""What cells are called: two that differ are never called the same, and what follows from the size is not said."""

from itertools import product

import pandas as pd
import pytest

from evo import AllBlocks, OnePlusLambda, RoundRobin
from evo.errors import InputError
from experiments.grids.axes import MOST_COMBINATIONS, limited
from experiments.grids.cell import Cell
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid
from experiments.grids.labels import follows, labels, tied_to
from operators import FixKeep, Resample
from problems import BlockOneMax, WeightedBlocks

MOVES = {
    "one to one": ([2, 4, 8], [0.5, 0.25, 0.125], True),
    "two values at one size": ([2, 2, 4, 4], [0.1, 0.2, 0.3, 0.4], False),
    "one value at two sizes": ([2, 4, 6, 8], [0.1, 0.1, 0.2, 0.2], False),
    "steps that rise": ([2, 4, 6, 8, 10], [1, 2, 2, 3, 3], True),
    "steps that fall": ([2, 4, 6, 8], [0.3, 0.2, 0.2, 0.1], True),
    "steps up and down": ([2, 4, 6, 8], [1, 2, 2, 1], False),
    "steps that are series": ([2, 4, 6, 8, 10, 12, 14, 16, 18], [1, 1, 1, 2, 2, 2, 3, 3, 3], False),
    "the same at all": ([2, 4, 8], [0.5, 0.5, 0.5], False),
    "null at one size": ([2, 4, 8], [0.5, 0.25, None], True),
}


@pytest.mark.parametrize("how", MOVES)
def test_a_parameter_follows_another_where_it_is_a_function_of_it(how):
    k, p, moves = MOVES[how]
    cells = pd.DataFrame({"arm": "a", "problem": "P", "mutator": "M", "problem.k": k, "mutator.p": p})
    assert follows(cells, "mutator.p", "problem.k").eq(moves).all()
    two = pd.concat([cells, cells.assign(arm="b", **{"mutator.p": 0.9}), cells.assign(mutator="N")], ignore_index=True)
    assert follows(two, "mutator.p", "problem.k").eq(moves & (two["arm"] == "a")).all()


@pytest.mark.parametrize(
    ("p", "told"),
    [
        ([1 / 2, 1 / 4, 1 / 8], "1/k"),
        ([1.5 / 2, 1.5 / 4, 1.5 / 8], "1.5/k"),
        ([1 - 0.5 / 2, 1 - 0.5 / 4, 1 - 0.5 / 8], "1 - 0.5/k"),
        ([1, 2, 4], "k/2"),
        ([2, 4, 8], "k"),
        ([0.3 * k for k in (2, 4, 8)], "0.3 k"),
        ([3, 6, 9], "3 .. 9 with k"),
        ([0.5, 0.25, 1 / 9], "0.5 .. 0.111 with k"),
        ([1024, 64, 12345], "1024 .. 12345 with k"),
        ([4, 4, 4], "4"),
        (["a", "b", "c"], "another at each k"),
    ],
)
def test_how_a_parameter_follows_is_a_formula_where_one_is_short(p, told):
    assert tied_to(pd.DataFrame({"problem.k": [2, 4, 8], "mutator.p": p}), "mutator.p", "problem.k") == told


def at(k, p, g=1, weights=None):
    problem = BlockOneMax(k, l=2) if weights is None else WeightedBlocks(weights, l=2)
    return Cell(problem, Resample(p), RoundRobin(g=g), OnePlusLambda())


ARMS = {
    "p by size": [at(k, p) for k, ps in ((2, (0.1, 0.2)), (4, (0.3, 0.4))) for p in ps],
    "p and g": [at(k, p, g) for k, p, g in product((2, 4), (0.1, 0.2), (1, 2))],
    "p of two sizes": [at(k, p) for k, p in ((2, 0.1), (4, 0.1), (6, 0.2), (8, 0.2))],
    "other types": [
        Cell(BlockOneMax(4, 2), mutator, schedule, OnePlusLambda(lam))
        for mutator, schedule, lam in product(
            (Resample(0.5), FixKeep(0.5, 0.5)), (AllBlocks(), RoundRobin(g=2)), (1, 2)
        )
    ],
}


@pytest.mark.parametrize("arm", ARMS)
def test_cells_that_differ_are_called_differently_beside_their_size_and_lam(arm):
    cells = cells_table(Grid("named", {arm: ARMS[arm], "beside": [at(3, 0.7)]}, runs=1))
    named = labels(cells)
    places = {(named[cell], row["problem.k"], row["runner.lam"]) for cell, row in cells.iterrows()}
    assert len(places) == len(cells) == len(ARMS[arm]) + 1


def test_what_follows_from_the_size_is_not_in_the_name():
    weights = cells_table(Grid("w", {"a": [at(k, 0.5, 1, tuple(range(1, k + 1))) for k in (2, 3, 4)]}, runs=1))
    assert set(labels(weights).values()) == {"a"}
    one_to_one = cells_table(Grid("p", {"a": [at(k, 1 / k) for k in (2, 4, 8)]}, runs=1))
    assert set(labels(one_to_one).values()) == {"a"}


def test_combinations_are_counted_with_those_before():
    assert limited([10, 100], MOST_COMBINATIONS - 1000) == MOST_COMBINATIONS
    assert limited([MOST_COMBINATIONS]) == MOST_COMBINATIONS
    for lengths, before in (([10, 100], MOST_COMBINATIONS - 999), ([MOST_COMBINATIONS + 1], 0)):
        with pytest.raises(InputError, match=r"expected at most 1,000,000 combinations in an arm, got 1,000,001"):
            limited(lengths, before)
