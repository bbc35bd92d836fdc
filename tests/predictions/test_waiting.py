"""Which searches are said to wait for ever under UntilResolved: those of which some runs of many do."""

import pytest

from evo import Budget, OnePlusLambda, RoundRobin, UntilResolved
from evo.errors import InputError
from experiments import Cell, Grid, forecast, run_grid
from experiments.predictions.forecast import check_budgets
from experiments.predictions.waiting import AT_CORRECT, STAYS, waits_for_ever
from operators import FixKeep, Malformed, PerBlock, Refuse, Resample, Sparse
from problems import BlockOneMax, LeadingBlocks

SAFE = FixKeep(fix=0.4, keep=1.0)
ALL, SOME = BlockOneMax(k=4, l=1), BlockOneMax(k=4, l=1, start=0.5)
WAIT = [
    (SOME, SAFE, UntilResolved()),
    (SOME, Sparse(SAFE, rate=0.5), UntilResolved()),
    (SOME, Malformed(SAFE, rate=0.2), UntilResolved()),
    (SOME, Refuse(SAFE, rate=0.2), UntilResolved(invalid="down")),
    (BlockOneMax(k=4, l=1, incorrect=2), SAFE, UntilResolved()),
    (SOME, PerBlock((0.3, 1.0, 0.3, 0.3)), UntilResolved()),
    (ALL, SAFE, UntilResolved(g=2)),
    (ALL, PerBlock((0.3, 0.3, 0.3, 1.0)), UntilResolved(g=3)),
    (LeadingBlocks(k=4, l=1), Resample(0.4), UntilResolved(g=2)),
]
END = [
    (ALL, SAFE, UntilResolved()),
    (BlockOneMax(k=4, l=1, incorrect=0), SAFE, UntilResolved()),
    (SOME, SAFE, UntilResolved(g=4)),
    (SOME, Malformed(SAFE, rate=0.2), UntilResolved(invalid="down")),
    (SOME, FixKeep(0.4, 0.9), UntilResolved()),
    (SOME, PerBlock((0.3, 0.3, 0.3, 1.0)), UntilResolved()),
    (BlockOneMax(k=5, l=1, incorrect=4), FixKeep(1.0, 1.0), UntilResolved(g=2)),
    (SOME, SAFE, RoundRobin()),
]


def test_those_that_may_wait_are_told_from_those_that_end():
    for parts in WAIT:
        assert waits_for_ever(Cell(*parts, OnePlusLambda())), parts
    for parts in END:
        assert not waits_for_ever(Cell(*parts, OnePlusLambda())), parts


@pytest.mark.slow
@pytest.mark.parametrize("waiting", [True, False])
def test_of_those_some_runs_never_end_and_of_the_others_all_do(waiting):
    """At least one run of 8 waits, so that of 64 none does w.p. (7/8)^64, 2e-4; 2,000 calls end all others."""
    cells = [Cell(*parts, OnePlusLambda(), budget=Budget(calls=2000)) for parts in (WAIT if waiting else END)]
    runs = run_grid(Grid("waiting", cells, runs=64, batch=64), workers=1).runs
    assert set(runs["hit"].isna().groupby(runs["cell"]).any()) == {waiting}


def test_a_forecast_and_a_refusal_say_so():
    cell = Cell(SOME, SAFE, UntilResolved(), OnePlusLambda())
    unknown = Cell(SOME, SAFE, UntilResolved(g=2), OnePlusLambda())
    notes = list(forecast(Grid("waiting", [cell, unknown]))["note"])
    assert notes[0] == f"{AT_CORRECT}; the mean is infinite: a share 0.688 of the runs ends at the budget"
    assert notes[1].startswith(f"{AT_CORRECT}; no exact prediction")
    for parts, told in (((SOME, SAFE, UntilResolved()), "an infinite one"), ((SOME, SAFE, UntilResolved(2)), "none")):
        with pytest.raises(InputError, match=f"got {told} for .*{STAYS}where"):
            check_budgets(Grid("waiting", [Cell(*parts, OnePlusLambda(), budget=None)]))
