"""Questions that results cannot answer: an error that says what there is, UNDECIDED or CANNOT TELL, never a number."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from evo import Budget, Latency, LLMPrimitive, OnePlusLambda, UntilResolved
from evo.errors import InputError
from experiments import Grid, check, fit, run_grid, sweep, waiting
from experiments.cli.app import app
from experiments.fits.crossovers import crossovers
from experiments.fits.laws import Told
from experiments.fits.speedups import speedup
from experiments.fits.surfaces import fit_surface
from experiments.predictions.verdict import Verdict
from experiments.reports.report import report
from operators import FixKeep, Resample
from problems import BlockOneMax

HALF = Resample(0.5)


def grid(ks=(4, 8, 16), runs=120, calls=None, mutator=HALF):
    cells = sweep(problem=[BlockOneMax(k, 16) for k in ks], mutator=mutator, schedule=UntilResolved(),
                  runner=OnePlusLambda(), budget=Budget(calls=calls or 10**6))  # fmt: skip
    return Grid("asked", {"a": cells}, runs=runs)


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked")
    return {
        "three": run_grid(grid(), folder / "three", workers=1),
        "one k": run_grid(grid(ks=(8,)), workers=1),
        "no hit": run_grid(grid(ks=(16, 32, 64), calls=2), folder / "nohit", workers=1),
        "two arms in one": run_grid(grid(ks=(4, 8), mutator=[FixKeep(p, 0.9) for p in (0.3, 0.5, 0.7)]), workers=1),
        "one run": run_grid(grid(runs=1), workers=1),
        "folder": folder,
    }


VARIES = "what varies: problem.k"
ONE_LAM = f"lam has one value in this grid, 1; name a parameter that varies; {VARIES}"
LATENCY = Latency(fixed=1.0)


@pytest.mark.parametrize(
    ("which", "ask", "told"),
    [
        ("three", lambda r: fit(r, "nothing"), VARIES),
        ("three", lambda r: fit(r, "mutator"), VARIES),
        ("three", lambda r: fit(r, "lam"), ONE_LAM),
        ("three", lambda r: fit(r, None), "expected the name of a parameter, got None"),
        ("one k", lambda r: fit(r), "k has one value in this grid, 8"),
        ("three", lambda r: fit(grid(), "lam"), ONE_LAM),
        ("three", lambda r: fit(grid(ks=(8,))), "k has one value in this grid, 8"),
        ("three", lambda r: fit([]), "expected at least one cell, got none"),
        ("three", lambda r: fit(None), "expected results of run_grid or load, got None"),
        ("three", lambda r: fit(r, "k", "foo"), "expected the quantity hit, calls or cost"),
        ("three", lambda r: fit(r, "k", None), "expected the quantity hit, calls or cost"),
        ("three", lambda r: fit(r, "k", "seconds"), "the quantity seconds was not recorded in these runs"),
        ("three", lambda r: fit(r, "k", "hit", 9, 5), "expected a range of the parameter, got from 9.0 to 5.0"),
        ("three", lambda r: fit(r, confidence=2), "confidence must be between 0 and 1, got 2.0"),
        ("three", lambda r: check(r, alpha=0), "expected 0 < alpha < 1"),
        ("three", lambda r: check(r, alpha="x"), "alpha must be a number, got 'x'"),
        ("three", lambda r: waiting(r, 0, LATENCY), "a whole number >= 1 or None, got 0"),
        ("three", lambda r: waiting(r, 1.5, LATENCY), "a whole number >= 1 or None, got 1.5"),
        ("three", lambda r: waiting(r, 2, None), "expected a Latency of calls, got None"),
        ("one k", lambda r: r.plot(), "k has one value in this grid, 8"),
        ("three", lambda r: r.with_runs(r.runs.iloc[:0]).plot(), "expected results with runs, got none"),
        ("three", lambda r: r.plot(3), "expected the name of a parameter, got 3"),
        ("three", lambda r: r.plot(quantity=None), "expected the quantity cost, hit, calls, got None"),
        ("three", lambda r: speedup(r, "a", "b"), "expected an arm of the grid, got 'b'; known: a"),
        ("three", lambda r: crossovers(r, "b", "a"), "expected an arm of the grid, got 'b'; known: a"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_an_error_that_says_what_is(there, which, ask, told):
    with pytest.raises(InputError, match=re.escape(told)):
        ask(there[which])


@pytest.mark.parametrize(
    ("which", "ask", "told"),
    [
        ("no hit", lambda r: fit(r), "only 0 cells have a hit"),
        ("no hit", lambda r: fit(r, "k", "ERT"), "no run hit at 16"),
        ("no hit", lambda r: fit(r, "k", "median cost"), "only 0 cells have a hit"),
        ("one run", lambda r: fit(r), "at least 2 runs a cell"),
        ("two arms in one", lambda r: fit(r), "mutator.fix varies within the arm"),
        ("two arms in one", lambda r: fit(r), "fix it or name the arms"),
        ("three", lambda r: fit(r, "k", "hit", 100, 500), "at least 3 cells, got 0"),
        ("three", lambda r: fit(r.with_runs(r.runs.iloc[:0])), "at least 3 cells, got 0"),
        ("three", lambda r: fit(grid()), "at 4 values of the parameter at least"),
        ("three", lambda r: fit(grid(ks=(2, 4, 8, 16)), "k", "seconds"), "seconds take latency="),
    ],
)
def test_what_cannot_be_told_is_no_number(there, which, ask, told):
    found = ask(there[which])
    assert not [growth for growth in found.growths if growth.told is Told.LAW]
    assert all(told in each.reason for each in found.refused)
    assert found.refused


def test_checks_and_reports_of_nothing_are_open(there):
    for results in (there["no hit"], there["one run"], there["three"].with_runs(there["three"].runs.iloc[:0])):
        assert {cell.verdict for cell in check(results).cells} == {Verdict.CANNOT_TELL}
        summary = report(results).summary
        assert summary["hit"].notna().any() == (results is there["one run"])
    told = report(there["no hit"]).summary
    assert told[["hit", "cost", "median"]].isna().all(axis=None)
    assert (told["ert"] == float("inf")).all()
    times = waiting(there["no hit"], None, LATENCY)
    assert (times["censored"] == 1).all()
    assert (times["makespan_50"] == float("inf")).all()


def test_a_surface_of_one_axis_is_refused(there):
    (refusal,) = fit_surface(there["three"], ("k", "l"))
    assert "a surface needs 3 values of the first parameter, 2 of the second" in refusal.reason


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fit", "three", "--along", "nothing"), VARIES),
        (("fit", "three", "--along", "lam"), VARIES),
        (("fit", "three", "--quantity", "seconds"), "was not recorded"),
        (("fit", "three", "--confidence", "2"), "between 0 and 1"),
        (("fit", "three", "--A", "2"), "a constant of which form?"),
        (("fit", "three", "--form", "zigzag"), "expected a form of growth, got 'zigzag'"),
        (("fit", "three", "--against", "a"), "expected two arms, as A,B, got 'a'"),
        (("fit", "three", "--at", "-3"), "a positive value"),
        (("check", "three", "--alpha", "0"), "expected 0 < alpha < 1"),
        (("time", "three", "--workers", "0"), "a whole number >= 1"),
        (("time", "three", "--fixed", "-1"), "fixed"),
        (("report", "nowhere"), "expected a results folder"),
    ],
)
def test_the_command_says_the_same(there, monkeypatch, words, told):
    monkeypatch.chdir(there["folder"])
    done = CliRunner().invoke(app, list(words), prog_name="llm-evo")
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("error: ")
    assert told in " ".join(done.stderr.split())


@pytest.mark.parametrize(("price", "refused"), [(1e-320, 1), (1e-250, 1), (1e-100, 0), (1e100, 0), (1e200, 1)])
def test_costs_whose_squares_leave_floats_have_no_law(price, refused):
    cells = sweep(problem=[BlockOneMax(k, 16) for k in (4, 8, 16, 32)], mutator=HALF, schedule=UntilResolved(),
                  runner=OnePlusLambda(), cost=LLMPrimitive(m=price))  # fmt: skip
    found = fit(run_grid(Grid("priced", cells, runs=120), workers=1), quantity="cost")
    assert [("whose squares are floats" in each.reason) for each in found.refused] == [True] * refused
    assert len(found.growths) == 1 - refused
    assert len(fit(cells, quantity="cost").refused) == refused  # of exact means, too
