"""What is just not too far to be run, drawn, or known precisely, and what is."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from evo import AllBlocks, Budget, OnePlusLambda
from evo.errors import InputError
from experiments import Cell, UntilPrecise
from experiments.grids.programs.cell import ProgramCell
from experiments.predictions import forecast as forecasts
from experiments.predictions.engine_law import drawn
from experiments.predictions.forecast import expect_an_end
from experiments.predictions.within_budget import Within
from operators import Resample
from problems import BlockOneMax
from problems.systems import FocusedDebugging


def two_blocks(budget=None):
    """It takes 4 calls."""
    return Cell(BlockOneMax(2, 1), Resample(0.5), AllBlocks(), OnePlusLambda(), budget=budget)


@pytest.mark.parametrize(("budget", "calls"), [(None, "4"), (Budget(calls=3), "2.31")])
def test_a_cell_of_just_so_many_calls_is_run(monkeypatch, budget, calls):
    """Within three calls it takes 1 + 3/4 + 9/16."""
    cell = two_blocks(budget)
    reached = 4.0 if budget is None else 37 / 16
    monkeypatch.setattr(forecasts, "MOST_CALLS", reached)
    expect_an_end(cell, 10, "blocks")
    monkeypatch.setattr(forecasts, "MOST_CALLS", np.nextafter(reached, 0.0))
    with pytest.raises(InputError, match=f"expected {calls} calls a run within its budget, more than"):
        expect_an_end(cell, 10, "blocks")
    expect_an_end(cell, 10, "law")


def test_a_cell_that_is_not_started_is_told():
    for calls, told in (
        (1e10, ""), (1.1e10, "mean 1.1e+10 calls, 1.1e+10 within the budget, over 1e+10: it is not started"),
    ):  # fmt: skip
        within = Within(mean=calls, calls=calls, last=math.inf, censored=0.0)
        assert forecasts._note(within, "blocks", two_blocks()) == told
        assert forecasts._note(within, "law", two_blocks()) == ""


@pytest.mark.parametrize(("done", "least", "fine"), [
    (1.0, 100, True), (0.0, 100, False), (math.nan, 100, True), (0.5, 1, True), (0.499, 1, False),
    (0.9931, 100, True), (0.9930, 100, False),
])  # fmt: skip
def test_a_program_is_known_precisely_if_all_of_its_runs_may_well_be_right(monkeypatch, done, least, fine):
    """0.5^(1/100) = 0.99309; nothing is refused where the chance is not known."""
    monkeypatch.setattr(forecasts, "known_done", lambda cell: done)
    monkeypatch.setattr(UntilPrecise, "LEAST", least)
    cell, rule = ProgramCell(FocusedDebugging(k=4, l=4, b=2)), UntilPrecise(0.1, most=1000)
    if fine:
        expect_an_end(cell, rule, "blocks")
        return
    with pytest.raises(InputError, match=f"UntilPrecise asks for the mean of hit, .* with probability {done:.4g}: the"):
        expect_an_end(cell, rule, "blocks")
    expect_an_end(cell, 1000, "blocks")


def test_hits_are_drawn_up_to_the_end_of_the_budget_where_a_table_can_hold_it(monkeypatch):
    """Nothing hits within the budget of 4 calls."""
    never = SimpleNamespace()
    monkeypatch.setattr(drawn, "law_of_hit", lambda cell: never)
    monkeypatch.setattr(drawn, "quantiles", lambda law, levels, within: np.full(len(levels), within + 1))
    monkeypatch.setattr(drawn, "MOST", 4)
    counts = drawn._by_hit(two_blocks(Budget(calls=4)), 1, 0, 3)
    assert (counts.hit.tolist(), counts.calls.tolist()) == ([-1] * 3, [4] * 3)
    with pytest.raises(InputError, match=r"a run came to more than 2\^62 calls, which tables cannot hold"):
        drawn._by_hit(two_blocks(Budget(calls=5)), 1, 0, 3)
