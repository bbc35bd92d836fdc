"""`--json` of every command: valid, nothing else on standard output, and the numbers of the Python objects."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from evo import Latency
from experiments import check, fit, forecast, load, load_grid, run_grid, summarise, waiting
from experiments.cli.app import app
from experiments.cli.as_json.values import answer, plain, record, records
from experiments.fits.crossovers import crossovers
from experiments.predictions.quality.table import fitness_table
from experiments.running.speed import slowness

GRID = """
name = "mine"
runs = 60

[[arm]]
label    = "local"
problem  = {type = "BlockOneMax", k = [2, 4, 8, 16], l = 16}
mutator  = {type = "Resample", p = 0.5}
schedule = {type = "UntilResolved"}
runner   = {type = "OnePlusLambda"}
cost     = {type = "TokenPrices", prompt = 3, generated = 15, unit = 1e6, currency = "$"}

[[arm]]
label    = "heavy"
problem  = {type = "BlockOneMax", k = [2, 4, 8, 16], l = 16}
mutator  = {type = "BetaBlocks", a = 0.9, b = 1}
schedule = {type = "OnlyIncorrect"}
runner   = {type = "OnePlusLambda"}
cost     = {type = "TokenPrices", prompt = 3, generated = 15, unit = 1e6, currency = "$"}
budget   = {type = "Budget", calls = 200}
"""


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    folder = tmp_path_factory.mktemp("json")
    (folder / "grid.toml").write_text(GRID)
    run_grid(load_grid(folder / "grid.toml"), folder / "results", workers=1)
    return folder


@pytest.fixture(autouse=True)
def here(there, monkeypatch):
    monkeypatch.chdir(there)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def told(*words, code=0):
    """The object that a command prints; every null number in it has its reason."""
    done = CliRunner().invoke(app, [*words, "--json"], prog_name="llm-evo")
    assert done.exit_code == code, done.output
    found = json.loads(done.stdout, parse_constant=pytest.fail)
    assert (found["command"], found["format"]) == (words[0], 1)
    assert isinstance(found["units"], dict)
    return found


def same(record, row, names=None):
    """A record beside a row of a table, number by number; where one is null the other is not finite."""
    for name in names or [str(each) for each in row.index if each != "text"]:
        value = row[name]
        if isinstance(value, float | np.floating) or value is None:
            if value is None or not math.isfinite(value):
                assert record[name] is None, name
                assert record["null_because"][name]
            else:
                assert record[name] == pytest.approx(value, rel=1e-12), name
        elif not isinstance(value, str):
            assert record[name] == value, name


def test_predict(there):
    found = told("predict", "grid.toml")
    grid = load_grid("grid.toml")
    table = forecast(grid, slowness(grid.engine)).drop(columns=["seconds", "longest"])
    assert len(found["cells"]) == len(table) == 8
    for each, (_, row) in zip(found["cells"], table.iterrows(), strict=True):
        same(each, row)
    assert found["units"]["cost"] == "$, a run"
    assert found["cells"][4]["hit"] is None
    assert found["cells"][4]["null_because"]["hit"] == "infinite"
    assert found["grid"] == {"name": "mine", "cells": 8, "runs": 60, "seed": 1, "engine": "blocks"}
    assert any(line.startswith("8 cells, ") for line in found["totals"])


def test_predict_the_fitness():
    found = told("predict", "grid.toml", "--calls", "9")
    for each, (_, row) in zip(found["cells"], fitness_table(load_grid("grid.toml"), calls=9).iterrows(), strict=True):
        same(each, row)
    assert found["calls"] == 9


def test_check():
    found, checked = told("check", "results"), check(load("results"))
    assert found["verdict"] == str(checked.verdict)
    assert sum(found["counts"].values()) == 8
    assert found["alpha_each"] == checked.alpha_each
    for each, cell in zip(found["cells"], checked.cells, strict=True):
        assert (each["label"], each["verdict"], each["reason"]) == (cell.label, str(cell.verdict), cell.reason)
        assert [test["p_value"] for test in each["tests"]] == [outcome.p_value for outcome in cell.outcomes]


def test_a_check_that_differs_has_its_exit_code(there, monkeypatch):
    from experiments.checks import check as module

    whole = module.check

    def differing(*args):
        made = whole(*args)
        first = replace(made.cells[0], verdict=module.Verdict.DIFFERS)
        return replace(made, cells=(first, *made.cells[1:]))

    monkeypatch.setattr(module, "check", differing)
    assert told("check", "results", code=1)["counts"]["DIFFERS"] == 1


def test_fit():
    found, fits = told("fit", "results", "--quantity", "cost", "--at", "100"), fit(load("results"), "k", "cost")
    assert found["units"] == {"cost": "$"}
    assert [(each["series"], each["told"]) for each in found["series"]] == [
        (growth.series, str(growth.told)) for growth in fits.growths
    ]
    for each, growth in zip(found["series"], fits.growths, strict=True):
        for law, kept in zip(each["left"], growth.left, strict=True):
            assert [one["value"] for one in law["constants"]] == [one.value for one in kept.estimates]
            assert law["at"]["value"] == kept.at(100).value
            assert law["at"]["extrapolated"]
        assert {law["family"] for law in each["dropped"]} == {
            law.form.name for law in fits.laws if law.series == growth.series and law.dropped
        }


def test_fit_exact_means_a_form_a_crossover_and_a_surface():
    found = told("fit", "grid.toml", "--predicted")
    fits = fit(load_grid("grid.toml"))
    assert [each["exact_means"] for each in found["series"]] == [each.means.tolist() for each in fits.growths]
    assert len(found["refused"]) == len(fits.refused)
    (form, *_) = told("fit", "results", "--form", "linear", "--A", "2")["form"]
    assert form["series"] == "local"
    assert form["verdict"] in ("AGREES", "CANNOT_TELL")
    (crossed,) = told("fit", "results", "--against", "heavy,local")["crossovers"]
    (kept,) = crossovers(load("results"), "heavy", "local")
    assert crossed["value"] is None or crossed["value"] == kept.value
    assert crossed["null_because"]["value"] == kept.reason


@pytest.mark.usefixtures("no_figures")
def test_report():
    found = told("report", "results")
    results = load("results")
    table = summarise(results, check(results))
    for each, (_, row) in zip(found["cells"], table.iterrows(), strict=True):
        same(each, row)
    assert found["check"]["verdict"] == str(check(results).verdict)
    assert {"summary.csv", "checks.csv", "report.txt"} <= set(found["files"])
    assert found["units"]["ert_cost"] == "$, a run"
    assert {each["series"] for each in found["series"]} <= {"local", "heavy"}


def test_time():
    found = told("time", "results", "--workers", "2", "--fixed", "3")
    table = waiting(load("results"), 2, Latency(fixed=3.0))
    for each, (_, row) in zip(found["cells"], table.iterrows(), strict=True):
        same(each, row)
    assert found["latency"]["fixed"] == 3
    assert found["units"]["makespan_90"] == "seconds a run"


def test_status():
    found = told("status", "results")
    assert (found["state"], found["cells"], found["of_cells"]) == ("status", 8, 8)
    assert found["runs"] == 480
    assert found["lines"]["cells done"] == "8 of 8"
    assert found["launch"] is None


def test_what_is_refused_prints_nothing():
    done = CliRunner().invoke(app, ["fit", "results", "--along", "nothing", "--json"], prog_name="llm-evo")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")


# ----------------------------------------------------------------------------------------------- values


def test_every_kind_of_number_is_valid():
    value = {
        "a": np.float64("nan"), "b": np.int64(3), "c": np.array([1.0, np.inf]), "d": pd.NA, "e": None, "f": True,
        "g": -math.inf, "h": "text </script>\x1b", "i": {"j": float("nan")},
    }  # fmt: skip
    found = json.loads(answer("test", {}, value), parse_constant=pytest.fail)
    assert found["null_because"] == {"a": "not known", "d": "not known", "g": "minus infinite"}
    assert (found["b"], found["c"], found["e"], found["f"]) == (3, [1.0, None], None, True)
    assert found["i"]["null_because"] == {"j": "not known"}
    assert found["h"] == "text </script>\x1b"


def test_the_reason_of_a_null_is_that_of_its_row():
    table = pd.DataFrame({"hit": [1.0, math.nan, math.inf], "note": ["", "no rule fits", ""]})
    one, two, three = records(table, reasons={"hit": "of its column"})
    assert "null_because" not in one
    assert two["null_because"] == {"hit": "no rule fits"}
    assert three["null_because"] == {"hit": "infinite"}
    assert record({"x": None}) == {"x": None}
    assert plain((1, {"a": math.inf})) == [1, {"a": None, "null_because": {"a": "infinite"}}]
