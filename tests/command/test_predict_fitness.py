"""`llm-evo predict GRID`: quantiles of single runs, and with `--calls N` the fitness, are what `predict` says."""

from __future__ import annotations

import io
import math

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from experiments import Cell, fitness_table, load_grid, predict
from experiments.cli.app import app
from experiments.cli.predicting.fitness import _short, show_fitness
from operators import FixKeep

ARM = """
[[arm]]
label = "{label}"
problem  = {{type = "BlockOneMax", k = [4, 12], l = 2}}
mutator  = {{type = {mutator}}}
schedule = {{type = "UniformChunk"}}
runner   = {{type = "OnePlusLambda", lam = [1, 8]}}
"""
GRID = (
    'name = "small"\nruns = 10\n'
    + ARM.format(label="random", mutator='"FixKeep", fix = 0.3, keep = 0.9')
    + ARM.format(label="a quality drawn for each block", mutator='"BetaBlocks", a = 2.0, b = 1.0')
)


@pytest.fixture
def grid(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(GRID, encoding="utf-8")
    return path


def shown(path, *options):
    return CliRunner().invoke(app, ["predict", str(path), *options], env={"COLUMNS": "80", "TERM": "dumb"})


def test_the_table_is_read_back(grid, rows_of):
    result = shown(grid, "--calls", "60")
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80
    rows = [
        [row[name] for name in ("k", "lam", "mean", "10-50-90 %", "optimal", "improves")]
        for row in rows_of(result.output, "mean", "optimal")
    ]
    cells = [cell for cell in load_grid(grid).cells if isinstance(cell.mutator, FixKeep) or cell.lam == 1]
    cells.sort(
        key=lambda cell: (not isinstance(cell.mutator, FixKeep), cell.lam, cell.k)
    )  # those of one curve together
    assert len(rows) == len(cells) == 6
    for (k, lam, mean, band, optimal, improves), cell in zip(rows, cells, strict=True):
        assert isinstance(cell, Cell)
        exact = predict(cell, "fitness", calls=60)
        assert (int(k), int(lam)) == (cell.problem.k, cell.runner.lam)
        assert float(mean) == pytest.approx(exact.mean, rel=1e-3)
        assert [float(value) for value in band.split("-")] == [exact.quantile(u) for u in (0.1, 0.5, 0.9)]
        assert float(optimal) == pytest.approx(exact.solved, rel=0.05)
        assert float(improves) == pytest.approx(exact.improve, rel=0.05)
    assert "2 cells without an exact fitness at a budget" in result.output
    assert "got UniformChunk" in " ".join(result.output.split())
    assert "exact, from theory 3a, 3b, 17a" in result.output or "exact, from theory 1f" in result.output


def test_the_table_in_python(grid):
    table = fitness_table(load_grid(grid), calls=60)
    told = table[table.note == ""]
    assert len(told) == 6
    assert table[table.note != ""]["mean"].isna().all()
    assert told["generations"].tolist() == [60, 8, 60, 8, 60, 60]
    assert told["best"].tolist() == [4, 4, 12, 12, 4, 12]
    one = predict(load_grid(grid).cells[0], "fitness", calls=60)
    assert told.iloc[0]["gain"] == pytest.approx(one.gain_of_a_call)


def told_of(calls, most, *rows):
    """What is shown of made-up cells: of each what is unlike an ordinary one."""
    plain = {"series": "a", "k": 4, "lam": 2, "mean": 2.5, "low": 1.0, "median": 2.0, "high": 3.0, "solved": 0.125,
             "improve": 0.0625, "note": "", "source": "theory 3a"}  # fmt: skip
    console = Console(width=200, file=io.StringIO(), record=True)
    show_fitness(pd.DataFrame([plain | row for row in rows]), calls, console, most)
    return console.export_text()


@pytest.mark.parametrize(
    ("share", "short"),
    [("0.125", "0.125"), ("0.00006", "0.00006"), ("0.000061", "6.1e-05"), ("0.0001234", "1.2e-04"), ("-", "-")],
)
def test_a_share_is_short_enough_for_eighty_columns(share, short):
    assert _short(share) == short


def test_rows_beyond_those_that_are_shown_are_counted_and_cells_without_a_number_apart():
    """Each source once; notes as they are, whatever brackets they have."""
    unknown = {"mean": math.nan, "source": None, "note": "got a [bold]law[/]"}
    rows = [{"k": k, "lam": 2} for k in (4, 5, 6)]
    shown = told_of(1, 2, *rows, {"k": 7, "source": "theory 3b; theory 3a"}, unknown)
    assert "after 1 call\n" in shown
    assert "and 2 more" in shown
    assert "1 cell without an exact fitness at a budget" in shown
    assert "exact, from theory 3a; theory 3b" in shown
    assert "got a [bold]law[/]" in shown
    none = told_of(1200, 2, unknown, unknown)
    assert "Fitness of the current solution" not in none
    assert "2 cells without an exact fitness at a budget" in none
    assert "after 1,200 calls\n" in told_of(1200, 2, {})


def test_a_budget_below_one_call(grid):
    result = shown(grid, "--calls", "0")
    assert result.exit_code == 2
    assert "calls must be a whole number >= 1, got 0" in " ".join(result.output.split())


SINGLES = """
name = "small"
runs = 10
[[arm]]
label = "random"
problem  = {type = "BlockOneMax", k = [4, 12], l = 2}
mutator  = {type = "FixKeep", fix = 0.3, keep = 0.9}
schedule = {type = "UniformChunk"}
runner   = {type = "OnePlusLambda", lam = [1, 8]}
[[arm]]
label = "the last chunk is shorter"
problem  = {type = "BlockOneMax", k = 5, l = 2}
mutator  = {type = "FixKeep", fix = 0.3, keep = 0.9}
schedule = {type = "RoundRobin", g = 2}
"""


def numbers(words):
    return [float(word.replace(",", "")) for word in words.split("/")]


@pytest.mark.parametrize("columns", [60, 80])
def test_quantiles_of_single_runs_are_read_back(tmp_path, columns, rows_of):
    path = tmp_path / "small.toml"
    path.write_text(SINGLES, encoding="utf-8")
    env = {"COLUMNS": str(columns), "TERM": "dumb"}
    result = CliRunner().invoke(app, ["predict", str(path)], env=env)
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= columns
    told = rows_of(result.output.split("What one run may take")[1], "k", "calls")
    rows = [[row["k"], row["lam"], *(each for name, each in row.items() if name.startswith("c"))] for row in told]
    cells = sorted(load_grid(path).cells, key=lambda cell: (cell.k == 5, cell.lam, cell.k))  # curve by curve
    assert len(rows) == len(cells) == 5
    for (k, lam, *rest), cell in zip(rows, cells, strict=True):
        assert (int(k), int(lam)) == (cell.k, cell.lam)
        calls, cost = rest if columns == 60 else (rest[1], rest[3])
        exact = predict(cell, "calls")
        assert numbers(calls) == pytest.approx([exact.quantile(u) for u in (0.1, 0.5, 0.9)], rel=5e-3)
        if columns == 80:
            assert float(rest[0]) == pytest.approx(exact.mean, rel=1e-3)
        if cell.k == 5:
            assert cost == "-"
        else:
            assert numbers(cost) == pytest.approx(
                [predict(cell, "cost").quantile(u) for u in (0.1, 0.5, 0.9)], rel=5e-3
            )
    assert "-: calls differ in price, and only the mean is known" in " ".join(result.output.split())


def test_each_source_is_named_once_whatever_cells_have_it():
    row = dict(series="s", k=4, lam=1, mean=2.0, low=1.0, median=2.0, high=3.0, solved=0.5, improve=0.25, note="")
    table = pd.DataFrame([row | {"source": "Eq. 1; 2h"}, row | {"source": "2h; 5a"}, row | {"source": "Eq. 1"}])
    console = Console(file=io.StringIO(), width=80)
    show_fitness(table, 7, console)
    assert "exact, from Eq. 1; 2h; 5a\n" in console.file.getvalue()
