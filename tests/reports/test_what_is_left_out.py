"""Every table of the terminal that is cut says how many of its own rows are left out: not of others, not too many.

A table that calls `more` and is not tried here is an error.
"""

import io
import math
import re
from pathlib import Path

import pytest
from rich.console import Console

from evo import AllBlocks, Budget, OnePlusLambda
from experiments import Cell, Grid, fitness_table, forecast, plan
from experiments.cli.planned import listed, show_plan
from experiments.cli.predicting.fitness import show_fitness
from experiments.cli.predicting.forecast import show_forecast
from experiments.cli.predicting.singles import show_singles
from experiments.predictions.singles import OF, PER_CENT
from experiments.reports.quality import shown as budgets
from operators import Resample
from problems import BlockOneMax

ROOT = Path(__file__).parents[2]
FORECAST = "experiments/cli/predicting/forecast.py"
"""It has a table of searches and one of programs."""
CELLS = [
    Cell(BlockOneMax(k=k, l=1), Resample(p=0.5), AllBlocks(), OnePlusLambda(), budget=Budget(calls=9))
    for k in range(1, 7)
]
GRID = Grid("cut", {"arm": CELLS}, runs=2)


def told_by(show):
    console = Console(width=200, record=True, file=io.StringIO())
    show(console)
    return " ".join(console.export_text().split())


def known(table, columns, rows=4):
    """The table with these numbers in its first rows alone."""
    made = table.copy()
    made.loc[made.index[rows:], columns] = math.nan
    return made


@pytest.fixture(scope="module")
def tables():
    made, of = forecast(GRID), fitness_table(GRID, calls=9)
    numbers = [f"{name}_{level}" for name in OF for level in PER_CENT]
    summary = of.assign(fitness=1.5, fitness_predicted=1.25, fitness_10=0.5, fitness_50=1.5, fitness_90=2.0,
                        fitness_from=["exact"] * 4 + [None] * 2)  # fmt: skip
    return {
        "experiments/cli/predicting/fitness.py": (known(of, ["mean"]), 4, lambda t, c: show_fitness(t, 9, c, 3)),
        "experiments/cli/predicting/singles.py": (known(made, numbers), 4, lambda t, c: show_singles(t, c, 3)),
        FORECAST: (
            known(made, numbers, 0), 6, lambda t, c: show_forecast(t, 2, 1, c, 3)
        ),
        "experiments/reports/quality/shown.py": (
            summary, 4, lambda t, c: budgets.show_budgets(t, c)
        ),
    }  # fmt: skip


def test_rows_that_are_left_out_are_counted_in_every_table(tables, monkeypatch):
    monkeypatch.setattr(budgets, "MOST_LISTED", 3)
    for name, (table, rows, show) in tables.items():
        told = re.findall(r"and (\d+) more row", told_by(lambda console, show=show, table=table: show(table, console)))
        assert told == [str(rows - 3)], name
    files = {str(file.relative_to(ROOT)): file.read_text("utf-8") for file in ROOT.glob("experiments/*/**/*.py")}
    calling = {name: len(re.findall(r"^ +more\(", source, re.M)) for name, source in files.items()}
    assert {name: calls for name, calls in calling.items() if calls} == dict.fromkeys(tables, 1) | {FORECAST: 2}
    searches, _, show = tables[FORECAST]
    programs = searches.assign(lam=math.nan)
    assert "and 3 more rows" in told_by(lambda console: show(programs, console))


@pytest.mark.parametrize("variants", [False, True])
def test_a_plan_says_with_how_many_rows_all_are_listed(variants):
    values = {"operator.fix": {1: 0.35}, "operator.keep": {1: 0.97}, "prices.call": 1.0}
    found = plan(k=3, values=values, g=(1,), lam=(1, 2), schedules=("UntilResolved", "RoundRobin", "UniformChunk"),
                 runners=("OnePlusLambda",))  # fmt: skip
    there = len(listed(found, 99, variants))
    assert there > 2
    said = told_by(lambda console: show_plan(found, console, 2, hangs=False, variants=variants))
    assert f"{there - 2} more candidate" in said
    assert re.findall(r"--rows (\d+) lists all", said) == [str(there)]
    assert "lists all" not in told_by(lambda console: show_plan(found, console, there, hangs=False, variants=variants))
    every, firsts = (len(listed(found, 99, each)) for each in (True, False))
    assert (f"{every - firsts} variants more: --all" in said) is not variants
