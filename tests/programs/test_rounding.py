"""Expectations are probabilities and counts also where sums round, and refusals where numbers leave their range."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo import AllBlocks, Budget, InputError, OnePlusLambda, UniformChunk
from evo.programs import ENTRIES, Calls, Expected, Model, Role, expected_ledger
from evo.programs.execute import ProgramCounts
from evo.schedules import Decomposed
from evo.theory.calls.acceptance import majority_error
from evo.theory.quality.law import whole_times
from experiments import Cell, ProgramCell, measured_fitness
from experiments.predictions.quality.budgets import _prices, generations_at
from experiments.store.table import program_columns
from operators import FixKeep
from problems import BlockOneMax
from problems.systems import FocusedDebugging, Generalist, NaiveDebugging, Routing

CERTAIN = {"k": 1, "l": 1, "b": 0, "alarm": 0.2, "votes": 3}


@pytest.mark.parametrize("program", [FocusedDebugging(**CERTAIN, tries=4), NaiveDebugging(**CERTAIN, rounds=4)])
def test_code_without_bugs_stays_right(program):
    assert program.expected().done == 1.0


def test_sums_that_round_below_zero_are_none():
    found = FocusedDebugging(k=1, l=1, b=1, miss=0.055, fix=0.9, head=10, cache=True).expected()
    assert found.ledger[0, ENTRIES.index("calls")] == pytest.approx(1.0, abs=1e-12)


def test_a_majority_errs_at_most_always():
    assert majority_error(0.99, 23) == 1.0
    assert Generalist(k=1, n=1, right=0.01, votes=23).expected().done == 0.0
    assert Routing(k=3, n=1, h=1, wrong=0.99, votes_d=23).expected().done == 0.0


@pytest.mark.parametrize("times", [math.inf, math.nan, np.float64(math.inf)])
def test_counts_that_are_not_finite_are_refused(times):
    roles = (Role("writer", Model()),)
    with pytest.raises(InputError, match="times of calls of role 'writer'"):
        expected_ledger(roles, [Calls("writer", 1, 1, times=times)])
    with pytest.raises(InputError, match="evaluations of role 'writer'"):
        expected_ledger(roles, [], {"writer": times})
    with pytest.raises(InputError, match="for calls of the role in row 0"):
        Expected(np.array([[float(times)] + [0.0] * 7]), False)


@pytest.mark.parametrize("done", [1.0 + 1e-9, -1e-9, math.nan])
def test_what_is_no_rounding_is_refused(done):
    with pytest.raises(InputError, match="probability"):
        Expected(np.zeros((1, len(ENTRIES)), dtype=np.int64), True, done)


def test_an_accepted_loss_reaches_the_trace():
    """FixKeep(0, 0) repairs no block: fitness stays 1 only if the broken one is drawn 100 times in a row, 2^-100."""
    found = measured_fitness(
        Cell(
            BlockOneMax(k=2, l=1, incorrect=1),
            FixKeep(0, 0),
            UniformChunk(),
            OnePlusLambda(threshold=-1.5),
            budget=Budget(calls=100),
        ),
        calls=100,
    )
    assert found.mean == 0.0


def test_money_is_divided_in_answers():
    cell = Cell(BlockOneMax(k=3, l=4), FixKeep(0.5, 1.0), Decomposed(AllBlocks(), writes=3), OnePlusLambda())
    price, less = _prices(cell)
    assert less == 0.0
    assert [generations_at(cell, cost=n * price, starts=2) for n in (2, 3, 4)] == [1, 1, 2]


def test_one_attempt_is_the_same_in_every_run():
    assert Routing(k=2, n=1, h=1, wrong=0.3, seen=0.5).expected().exact_every_run
    assert not Routing(k=2, n=1, h=1, wrong=0.3, seen=0.5, attempts=2).expected().exact_every_run


def test_exactness_does_not_hang_on_rounding():
    found = NaiveDebugging(k=4, l=1, b=4, fix=0.7).expected()  # four bugs, at most one less a round: four rounds
    assert found.exact_every_run
    assert found.ledger[:, 0].tolist() == [4, 4]
    assert not NaiveDebugging(k=4, l=1, b=4, fix=0.7, rounds=5).expected().exact_every_run


def test_numbers_out_of_range_are_refused():
    with pytest.raises(InputError, match="lower k"):
        NaiveDebugging(k=1_000_000, l=50, b=5).expected()
    for make in (lambda: Model(size=1e308), lambda: Generalist(k=2, n=1, x=1e9).roles):
        with pytest.raises(InputError, match="at most 1e\\+15"):
            make()
    with pytest.raises(InputError, match="2\\^63"):
        whole_times([10**30])


@pytest.mark.parametrize(("run", "entry"), [(0, 0), (1, 1), (2, 2)])
def test_a_sum_over_roles_of_any_run_must_fit_into_64_bits(run, entry):
    """Two roles that fit, each alone; of one run in three, and of one entry."""
    cell, ledger = ProgramCell(Routing(k=4, n=10, h=2)), np.ones((3, 2, len(ENTRIES)), dtype=np.int64)
    counts = ProgramCounts(np.ones(3, dtype=np.int64), np.ones(3, dtype=np.int64), ledger)
    ledger[run, :, entry] = 2**61
    assert program_columns(cell, counts)["hit"].tolist() == [1, 1, 1]
    ledger[run, :, entry] = 2**62
    with pytest.raises(InputError, match=r"a run came to 9.22e\+18 tokens, more than the table's 64-bit numbers hold"):
        program_columns(cell, counts)
