"""Runs of a real model beside its calibration: right ones agree, wrong ones differ, loose ones cannot tell."""

from dataclasses import replace

import pytest

from evo import AllBlocks, Budget, InputError, OnePlusLambda, RoundRobin
from experiments import Cell, Grid, run_grid
from experiments.cli.showing.checked import tell_own_laws
from experiments.grids.cells_table import cells_table
from experiments.grids.measured.file import Intervals, OperatorValues
from experiments.predictions.verdict import Verdict
from experiments.reports.printing import PlainConsole
from experiments.serving.real.own_law import own_laws
from experiments.store.grid_json import grid_record
from experiments.store.results import Results
from operators import LLM, Measured
from problems import Exact, TextProblem

K, RUNS = 3, 400
TRUTH = Measured(fix={1: 0.5, K: 0.4}, keep={1: 0.9, K: 0.95}, rho_fix=0.8)


def as_if_real(schedule, calls=10_000):
    """Runs of the truth, as if a model had made them: a run a batch."""
    parts = TextProblem(("a",) * K, Exact(("b",) * K), l=1), schedule, OnePlusLambda()
    made, real = (Cell(parts[0], mutator, *parts[1:], budget=Budget(calls)) for mutator in (TRUTH, LLM("m")))
    rows = run_grid(Grid("own", [made], runs=RUNS, batch=1), workers=1).runs
    grid = Grid("own", [real], runs=RUNS)
    return Results.of(grid_record(grid), cells_table(grid), rows.assign(sample=real.sample))


@pytest.fixture(scope="module")
def whole():
    return as_if_real(AllBlocks())


def measured(fix=0.4, ends=(0.37, 0.43), rho=0.8):
    interval = Intervals(fix=((K, ends),), keep=((K, (0.94, 0.96)),))
    return OperatorValues(fix=((1, 0.5), (K, fix)), keep=((1, 0.9), (K, 0.95)), rho_fix=rho, interval=interval)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operator", "verdict"),
    [
        (measured(), Verdict.AGREES),
        (measured(0.46, (0.3, 0.62)), Verdict.CANNOT_TELL),  # the truth is in its interval, which leaves too much
        (measured(0.6, (0.57, 0.63)), Verdict.DIFFERS),
        (measured(rho=0.0), Verdict.DIFFERS),  # independent blocks
    ],
    ids=["the truth", "a loose one", "another one", "independent blocks"],
)
def test_runs_are_told_from_calibrations_that_are_wrong(whole, operator, verdict):
    (own,) = own_laws(whole, operator)
    assert own.verdict is verdict, own
    assert (own.runs, own.censored) == (RUNS, 0)
    assert own.least < own.predicted < own.most


@pytest.mark.slow
def test_runs_that_ended_at_their_budget_are_told_by_their_law():
    found = as_if_real(RoundRobin(), 6)
    (own,) = own_laws(found, measured())
    assert own.verdict is not Verdict.DIFFERS
    assert own.measured is None
    assert own.censored > 0
    (own,) = own_laws(found, replace(measured(), fix=((1, 0.9), (K, 0.4))))
    assert own.verdict is Verdict.DIFFERS


@pytest.mark.slow
def test_what_is_shown_fits_the_terminal_and_has_the_worst_verdict(whole, tmp_path, capsys):
    (tmp_path / "mine.toml").write_text("[operator]\nfix = { 3 = 0.6 }\nkeep = { 3 = 0.95 }\n")
    console = PlainConsole(width=80, highlight=False)
    assert tell_own_laws(whole, tmp_path / "mine.toml", 1e-3, console) is Verdict.DIFFERS
    said = capsys.readouterr().out
    assert "DIFFERS" in said
    assert max(map(len, said.splitlines())) <= 80


def test_a_calibration_without_the_sizes_of_the_calls_says_so():
    cell = Cell(TextProblem(("a",) * K, Exact(("b",) * K), l=1), LLM("m"), AllBlocks(), OnePlusLambda())
    one = replace(cell, mutator=TRUTH)
    rows = run_grid(Grid("own", [one], runs=2, batch=1), workers=1).runs
    grid = Grid("own", [cell], runs=2)
    found = Results.of(grid_record(grid), cells_table(grid), rows.assign(sample=cell.sample))
    (own,) = own_laws(found, OperatorValues(fix=((1, 0.5),), keep=((1, 0.9),)))
    assert (own.verdict, own.predicted) == (Verdict.CANNOT_TELL, None)
    assert "g = 3" in own.reason
    with pytest.raises(InputError, match="compared with cells of real calls"):
        own_laws(run_grid(Grid("own", [one], runs=2, batch=1), workers=1), measured())
