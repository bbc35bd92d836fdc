"""Stored predictions: what stands in the table of cells, and checks against it without the parts.

Statistical assertions have fixed seeds; an honest cell fails at alpha = 1e-3 over its grid, as `check` says, and the
twins are off by more than is found with probability 0.95.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evo import statistics
from evo.costs.budget import Budget
from evo.costs.prices import TokenPrices
from evo.errors import NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from experiments.checks.cell_tests import made_tests
from experiments.checks.check import check
from experiments.checks.ledger import stored_ledger_fault
from experiments.grids.cell import Cell
from experiments.grids.cell_text import foreign_in, identity_in
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid
from experiments.grids.toml import load_grid
from experiments.predictions.predict import predict
from experiments.predictions.verdict import Verdict
from experiments.reports.report import report
from experiments.running.launch import run_grid
from experiments.store.files import write_parquet
from experiments.store.grid_json import grid_record
from experiments.store.predictions import (
    LISTS,
    POINTS,
    PREFIXES,
    StoredPrediction,
    _spread,
    columns_of,
    predictions_table,
)
from experiments.store.results import Results, load
from experiments.store.table import no_runs
from operators import BetaBlocks, BetaRunQuality, FixKeep, Resample, Vote
from problems import BlockOneMax, UnequalBlocks

ROOT = Path(__file__).parents[2]
CAREFUL = (ROOT / "tests" / "mine" / "careful.py").read_text()
GRID = (ROOT / "tests" / "mine" / "grid.toml").read_text().replace("runs = 600", "runs = 3500")
LYING = CAREFUL.replace("rng.random(correct.shape) < self.p", "rng.random(correct.shape) < self.p + 0.1", 1)


def cell(k, mutator, schedule, lam=1, **parts):
    return Cell(BlockOneMax(k, 4), mutator, schedule, OnePlusLambda(lam), **parts)


PREDICTED = {
    "geometric": cell(3, Resample(0.5), AllBlocks()),
    "negative binomial": cell(512, Resample(0.5), UntilResolved()),
    "chain": cell(64, Resample(0.5), UniformChunk(), lam=8),
    "round robin": cell(32, FixKeep(0.5, 0.75), RoundRobin(g=5)),
    "heavy tail": cell(10, BetaBlocks(1, 1), OnlyIncorrect(), budget=Budget(16384)),
    "beyond the budget": cell(64, Resample(0.5), AllBlocks(), budget=Budget(1000)),
    "budget on cost": cell(
        3, Resample(0.5), AllBlocks(), cost=TokenPrices(0.1, 1, unit=1), budget=Budget(None, cost=50.0)
    ),
    "start at the optimum": Cell(BlockOneMax(2, 4, incorrect=0), Resample(0.5), AllBlocks(), OnePlusLambda()),
}


def stored(of: Cell) -> StoredPrediction:
    row = {str(name): value for name, value in predictions_table([of]).iloc[0].items()}
    return StoredPrediction.of(row, of.runner.lam)


# ------------------------------------------------------------------------------------------------ predicted once

SMALL = [each for each in PREDICTED.values() if each.budget is not None and each.problem.k <= 32]


def test_what_this_version_has_predicted_is_not_predicted_again(tmp_path, monkeypatch):
    grid, seen = Grid("kept", SMALL[:2], runs=2), []

    def launch(of: Grid) -> list[str]:
        seen.clear()
        run_grid(of, tmp_path / "out", workers=1, predicting=lambda cell, *place: seen.append((cell.text, *place)))
        return [text for text, *_ in seen]

    assert launch(grid) == [each.text for each in grid.cells]
    assert [place for _, *place in seen] == [[0, 2], [1, 2]]
    written = pd.read_parquet(tmp_path / "out" / "cells.parquet")
    assert launch(grid) == []
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "cells.parquet"), written, check_exact=True)
    more = replace(grid, arms=SMALL[:3])
    assert launch(more) == [SMALL[2].text]
    fresh = cells_table(more).join(predictions_table(more.cells)).reset_index()
    fresh.to_parquet(tmp_path / "fresh.parquet")
    kept = pd.read_parquet(tmp_path / "out" / "cells.parquet")
    pd.testing.assert_frame_equal(kept, pd.read_parquet(tmp_path / "fresh.parquet"), check_exact=True)
    monkeypatch.setattr("experiments.store.predictions.theory_version", lambda: "another")
    assert launch(more) == [each.text for each in more.cells]


def test_cells_with_parts_of_others_are_predicted_at_each_launch(tmp_path):
    seen: list[str] = []
    grid = Grid("mine", [cell(3, Mine(0.5), AllBlocks())], runs=2)
    for _ in range(2):
        run_grid(grid, tmp_path / "out", workers=1, predicting=lambda of, done, all_: seen.append(of.text))
    assert seen == [grid.cells[0].text] * 2


@dataclass(frozen=True)
class Mine(Resample):
    """A third-party part."""


# ------------------------------------------------------------------------------------------------ what is written


@pytest.mark.parametrize("of", PREDICTED.values(), ids=PREDICTED)
def test_what_is_stored_is_what_is_predicted(of):
    found, hit = stored(of), predict(of)
    assert found.means == {name: predict(of, name).mean for name in ("hit", "calls", "cost")}
    assert found.variances["hit"] == hit.variance
    assert (found.source, found.refused) == (hit.source, "")
    times, cdf = found.law.times, found.law.values
    assert len(times) <= POINTS + 2
    assert np.array_equal(times[:-1], np.unique(np.floor(times[:-1])))
    assert times[-1] == math.inf
    assert np.array_equal(cdf, np.sort(cdf))
    assert 0 <= cdf[0] <= cdf[-1] <= 1
    np.testing.assert_allclose(cdf, hit.cdf(times), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["negative binomial", "heavy tail", "beyond the budget"])
def test_a_stored_prediction_says_all_that_the_prediction_said(name):
    found, of = stored(PREDICTED[name]), PREDICTED[name]
    for quantity in ("hit", "calls", "cost"):
        told, known = found.predict(quantity), predict(of, quantity)
        for name in ("quantity", "mean", "source", "checked", "trusted", "kind", "doubts"):
            assert getattr(told, name) == getattr(known, name), name
        assert (told.law is not None, told.unit) == (quantity == "hit", 1.0)  # the law of hit alone is stored
    assert found.predict().quantity == "hit"
    assert found.predict().variance == predict(of).variance


def test_results_made_of_tables_have_the_predictions_that_stand_in_them(tmp_path):
    grid = Grid("made", SMALL[:2], runs=2)
    table = cells_table(grid).join(predictions_table(grid.cells))
    made = Results.of(grid_record(grid), table, no_runs(), tmp_path)
    assert made.path == tmp_path
    assert [name for name in made.cells if name.startswith(PREFIXES)] == []
    for each in grid.cells:
        assert made.prediction(each.id).means == stored(each).means
    assert Results.of(grid_record(grid), cells_table(grid), no_runs()).prediction(grid.cells[0].id) is None


@pytest.mark.parametrize("of", PREDICTED.values(), ids=PREDICTED)
def test_the_times_are_spread_over_the_law_within_the_budget(of):
    found, hit = stored(of), predict(of)
    last = found.law.times[-2]
    enough = 1 - 1 / 128
    most = of.budget.calls or 50 / columns_of(of)["predicted.cost.mean"] * hit.mean
    assert float(hit.cdf(last)) >= enough or last >= most
    assert last <= most + of.runner.lam
    assert found.law.gap(last) < 0.07


def test_known_numbers_and_columns():
    row = columns_of(cell(4, Resample(0.5), RoundRobin(g=3), lam=2))
    assert {name for name in row if not name.startswith(PREFIXES)} == set()
    # chunks of 3 and 1 blocks of 4 tokens after a prompt that shows the chunk: c o + o (o - 1) / 2
    assert (row["call.calls"], row["call.a_generation"]) == (1, 2)
    assert (row["call.pass_tokens"], row["short_call.pass_tokens"]) == (12 * 12 + 66, 4 * 4 + 6)
    assert "independently from call to call" in row["prediction.trusted"]
    assert row["prediction.checked"]
    assert columns_of(cell(2, Vote(Resample(0.8), ahead=2), OnlyIncorrect()))["call.a_generation"] is None
    unequal = Cell(UnequalBlocks((3, 5)), Resample(0.5), RoundRobin(), OnePlusLambda())
    assert columns_of(unequal)["call.pass_tokens"] is None


def test_a_cell_without_a_prediction_says_why():
    row = columns_of(cell(3, FixKeep(0.5, 0.9), UntilResolved(g=2)))
    with pytest.raises(NoPrediction):
        predict(cell(3, FixKeep(0.5, 0.9), UntilResolved(g=2)))
    assert 0 < len(row["prediction.refused"]) <= 300
    assert row["predicted.hit.mean"] is None
    assert len(row["predicted.hit.times"]) == 0


@pytest.mark.parametrize(
    "of", [PREDICTED["chain"], cell(3, FixKeep(0.5, 0.9), UntilResolved(g=2))], ids=["law", "none"]
)
def test_the_file_has_the_same_types_whatever_is_known(tmp_path, of):
    from pyarrow import parquet

    grid = Grid("tiny", [of], runs=2, batch=2)
    made = run_grid(grid, tmp_path / "out", workers=1)
    schema = parquet.read_schema(tmp_path / "out" / "cells.parquet")
    types = {field.name: str(field.type) for field in schema if field.name.startswith(PREFIXES)}
    assert set(types) == set(columns_of(of))
    assert {types[name] for name in LISTS} == {"list<element: double>"}
    assert {
        types[f"predicted.{name}.{what}"] for name in ("hit", "calls", "cost") for what in ("mean", "variance")
    } == {"double"}
    pd.testing.assert_frame_equal(made.cells, cells_table(grid))  # parameters only: predictions stand apart
    assert set(made.predictions.columns) == set(types)
    assert not [name for name in made.table.columns if name.startswith(PREFIXES)]


def test_an_infinite_variance_stays_infinite_and_an_unknown_one_null(tmp_path):
    cells = [PREDICTED["heavy tail"], cell(4, Resample(0.5), RoundRobin(g=3))]
    run_grid(Grid("tiny", cells, runs=2, batch=2), tmp_path / "out", workers=1)
    table = load(tmp_path / "out").predictions
    assert table["predicted.hit.mean"].iloc[0] == math.inf
    assert math.isnan(table["predicted.cost.variance"].iloc[1])  # calls differ in price: only the mean is known
    assert table["predicted.cost.mean"].iloc[1] == predict(cells[1], "cost").mean


def test_a_folder_of_an_earlier_version_has_none(tmp_path):
    run_grid(Grid("tiny", [PREDICTED["geometric"]], runs=2, batch=2), tmp_path / "out", workers=1)
    file = tmp_path / "out" / "cells.parquet"
    table = pd.read_parquet(file)
    write_parquet(file, table.drop(columns=[name for name in table if name.startswith(PREFIXES)]))
    read = load(tmp_path / "out")
    assert read.prediction(PREDICTED["geometric"].id) is None
    assert check(read).cells[0].stored == ""


# ------------------------------------------------------------------------------------------------ the text of a cell


def test_the_text_tells_identity_and_parts_of_others():
    for of in PREDICTED.values():
        assert identity_in(of.text) == of.identity
        assert foreign_in(of.text) == []
    text = (
        "Cell(problem=P(k=2), mutator=Refuse(inner=a.b.M(x='c.D(1)'), rate=0.1), schedule=S(), runner=R(), cost=c.C())"
    )
    assert foreign_in(text) == ["c.C", "a.b.M"]


# ------------------------------------------------------------------------------------------------ third-party parts


@pytest.fixture
def module(request, monkeypatch) -> str:
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = "stored_" + "".join(c if c.isalnum() else "_" for c in request.node.name)[:50]
    yield name
    sys.modules.pop(name, None)


def run_and_forget(folder: Path, module: str, source: str = CAREFUL, **changes: str) -> Results:
    """A stored grid of an operator beside its file, in a process that has not loaded it any more."""
    (folder / f"{module}.py").write_text(source)
    text = GRID.replace("MODULE", module)
    for old, new in changes.values():
        text = text.replace(old, new)
    (folder / "grid.toml").write_text(text)
    run_grid(load_grid(folder / "grid.toml"), folder / "out", workers=1)
    del sys.modules[module]
    return load(folder / "out")


def gone(folder: Path, module: str) -> Results:
    (folder / f"{module}.py").unlink()
    return load(folder / "out")


def verdicts(results: Results, **arguments: float) -> set[str]:
    return {str(each.verdict) for each in check(results, **arguments).cells}


def test_an_operator_that_is_deleted_agrees_by_its_stored_prediction(tmp_path, module):
    run_and_forget(tmp_path, module)
    results = gone(tmp_path, module)
    found = check(results)
    assert {str(each.verdict) for each in found.cells} == {"AGREES"}
    assert [outcome.test for outcome in found.cells[1].outcomes] == ["ledger", "law"]
    assert found.cells[0].reason == (
        "times longer or shorter by 25% would have been found (checked against the prediction stored when it was run: "
        f"the part '{module}.Careful' ('{module}:Careful' in the grid) is not found: no module '{module}' in "
        f"{tmp_path} or on the path)"
    )
    assert found.cells[0].label.endswith("k = 2, lam = 1")
    assert module not in sys.modules


def test_an_operator_that_does_not_follow_its_law_differs(tmp_path, module):
    """The twin: it samples p + 0.1, and declares p."""
    run_and_forget(tmp_path, module, LYING)
    found = check(gone(tmp_path, module))
    assert {str(each.verdict) for each in found.cells} == {"DIFFERS"}
    assert "off its stored cdf" in found.cells[2].reason


def test_a_wrong_stored_prediction_differs(tmp_path, module):
    run_and_forget(tmp_path, module)
    file = tmp_path / "out" / "cells.parquet"
    table = pd.read_parquet(file)
    assert verdicts(gone(tmp_path, module)) == {"AGREES"}
    for column, alter in {
        "predicted.hit.cdf": lambda cdf: np.asarray(cdf) ** 2,
        "predicted.hit.times": lambda times: np.floor(np.asarray(times) * 1.5),
        "call.pass_tokens": lambda tokens: tokens + 1,
        "call.prompt_tokens": lambda tokens: tokens - 1,
        "call.a_generation": lambda calls: calls + 1,
    }.items():
        write_parquet(file, table.assign(**{column: table[column].map(alter)}))
        assert verdicts(load(tmp_path / "out")) == {"DIFFERS"}, column


def test_an_altered_run_is_found(tmp_path, module):
    results = run_and_forget(tmp_path, module)
    (tmp_path / f"{module}.py").unlink()
    honest = results.runs.copy()
    assert check(results.with_runs(honest)).verdict is Verdict.AGREES
    for entry in ("hit", "calls", "generated_tokens", "pass_tokens_squared", "cost"):
        altered = honest.copy()
        altered.loc[0, entry] += 1
        assert check(results.with_runs(altered)).verdict is Verdict.DIFFERS, entry


def test_a_source_that_has_changed_is_not_imported_and_the_stored_prediction_is_used(tmp_path, module):
    run_and_forget(tmp_path, module)
    (tmp_path / f"{module}.py").write_text(CAREFUL + "\n# a comment\n")
    found = check(load(tmp_path / "out"))
    assert {str(each.verdict) for each in found.cells} == {"AGREES"}
    assert "has changed since these results were made" in found.cells[0].stored
    assert module not in sys.modules


def test_nothing_is_imported_if_it_is_not_to_be(tmp_path, module):
    results = run_and_forget(tmp_path, module)
    unwanted = load(tmp_path / "out", imports=False)
    found = check(unwanted)
    assert {str(each.verdict) for each in found.cells} == {"AGREES"}
    assert found.cells[0].stored == f"not imported, as asked for: {module}.Careful"
    assert module not in sys.modules
    assert {each.stored for each in check(results).cells} == {""}  # the twin: it is there, so it is imported
    assert module in sys.modules
    assert [each.stored != "" for each in check(unwanted).cells] == [True] * 3  # though it is loaded now


def test_the_command_imports_nothing_and_says_so(tmp_path, module, command):
    run_and_forget(tmp_path, module, CAREFUL + "\nprint('it is imported')\n")
    done = command("check", "out", "--stored", cwd=tmp_path, COLUMNS="200")
    said = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stderr
    assert "3 AGREES" in said
    assert "3 cells checked against the prediction stored when it was run: not imported, as asked for" in said
    assert "it is imported" not in said


def test_the_report_has_the_stored_predictions(tmp_path, module):
    run_and_forget(tmp_path, module)
    made, again = (report(load(tmp_path / "out", imports=imports)).summary for imports in (False, True))
    names = ["cell", "hit_predicted", "cost_predicted", "source", "verdict"]
    pd.testing.assert_frame_equal(made[names], again[names], check_exact=True)
    assert made["hit_predicted"].notna().all()


def test_without_its_law_nothing_is_told(tmp_path, module):
    run_and_forget(tmp_path, module, law=("Careful", "Lawless"))
    found = check(gone(tmp_path, module))
    assert {str(each.verdict) for each in found.cells} == {"CANNOT_TELL"}
    assert [outcome.test for outcome in found.cells[0].outcomes] == ["ledger"]


def test_too_few_runs_cannot_tell_and_say_how_many_would(tmp_path, module):
    run_and_forget(tmp_path, module, runs=("runs = 3500", "runs = 60"))
    found = check(gone(tmp_path, module))
    assert {str(each.verdict) for each in found.cells} == {"CANNOT_TELL"}
    assert all("more runs would tell times longer or shorter by 25% (" in each.reason for each in found.cells)


# ------------------------------------------------------------------------------------------------ what the tests find


def compared(of: Cell, known: StoredPrediction, runs: pd.DataFrame, alpha: float):
    """P-values and words of the tests against what is stored, what is missing for AGREES, and what would be found."""
    fault = stored_ledger_fault(known, cells_table(Grid("tiny", [of])).iloc[0], runs)
    found, missing, told = made_tests(
        known.predict, fault, of.runner.lam, "offspring", None, runs, lambda runs: alpha, 0.25
    )
    return [(each.test, each.p_value, each.found) for each in found], missing, told


def found_of(of: Cell, runs: int, simulated: Cell | None = None):
    table = run_grid(Grid("tiny", [simulated or of], runs=runs, batch=runs), workers=1).runs
    return compared(of, stored(of), table, 2.5e-4)


def test_censored_runs_are_compared_within_the_budget():
    of = cell(4, Resample(0.5), AllBlocks(), budget=Budget(30))
    found, missing, told = found_of(of, 3000)
    assert [test for test, _, _ in found] == ["ledger", "law"]  # the mean of the others alone would be too small
    assert all(p_value > 1e-6 for _, p_value, _ in found)
    assert (missing, told) == ("", "times longer or shorter by 25%")
    wrong, _, _ = found_of(of, 3000, cell(4, Resample(0.52), AllBlocks(), budget=Budget(30)))
    assert wrong[1][1] < 2.5e-4


@pytest.mark.parametrize("entry", ["evaluations", "generated_tokens"])
def test_runs_that_end_at_a_budget_on_another_entry_are_no_fault(entry):
    most = {"evaluations": 30, "generated_tokens": 30 * 16}[entry]
    of = cell(4, Resample(0.5), AllBlocks(), budget=Budget(None, **{entry: most}))
    found, _, _ = found_of(of, 3000)
    assert dict((test, p_value) for test, p_value, _ in found)["ledger"] == 1.0
    early = cell(4, Resample(0.5), AllBlocks(), budget=Budget(None, **{entry: most // 2}))
    cut, _, _ = found_of(of, 3000, early)  # the twin: runs that ended before this budget
    assert ("ledger", 0.0, "a run without a hit ended before its budget") in cut


def test_an_infinite_mean_is_compared_within_the_budget():
    of = cell(10, BetaBlocks(1, 1), OnlyIncorrect(), budget=Budget(1024))
    found, missing, told = found_of(of, 2000)
    assert [test for test, _, _ in found] == ["ledger", "law"]
    assert found[1][1] > 1e-6
    assert missing == ""
    assert told.startswith("the mean is infinite; a cdf off by 0.1 within the first ")
    assert "more runs would tell a cdf off by 0.1" in found_of(of, 1000)[1]
    wrong, _, _ = found_of(of, 2000, cell(10, BetaBlocks(1.5, 1.5), OnlyIncorrect(), budget=Budget(1024)))
    assert wrong[1][1] < 2.5e-4


def test_a_run_given_up_before_its_budget_is_found():
    of = cell(4, Resample(0.5), AllBlocks(), budget=Budget(30))
    found, _, _ = found_of(of, 100, cell(4, Resample(0.5), AllBlocks(), budget=Budget(29)))
    assert found[0][:2] == ("ledger", 0.0)
    assert found[0][2] == "a run without a hit ended before its budget"


@pytest.mark.parametrize("share", [0.25, -0.25])
@pytest.mark.parametrize("name", ["geometric", "negative binomial", "chain", "round robin", "heavy tail"])
def test_the_distance_of_a_stretched_law_is_never_overstated(name, share):
    found, hit = stored(PREDICTED[name]), predict(PREDICTED[name])
    times = np.unique(np.rint(np.geomspace(1, found.law.times[-2], 3000)))
    back = times / (1 + share)
    whole = np.floor(back)
    linear = hit.cdf(whole) + (back - whole) * (hit.cdf(whole + 1) - hit.cdf(whole))
    exact = float(np.max(np.abs(hit.cdf(times) - linear)))
    stated = found.law.distance_if_stretched(found.law.times[-2], share)
    assert 0.6 * exact < stated <= exact + 1e-9


def test_the_gap_bounds_what_is_missed_between_the_times():
    """A law that is 0.1 off in the middle of the largest gap is at least 0.1 - gap off at one of the times."""
    found, hit = stored(PREDICTED["chain"]), predict(PREDICTED["chain"])
    times = found.law.within(found.law.times[-2])
    cdf = found.law.cdf(times)
    gap = found.law.gap(found.law.times[-2])
    all_times = np.arange(times[-1] + 1)
    exact = hit.cdf(all_times)
    for at in (times[:-1] + np.diff(times) // 2).astype(int):
        other = np.where(all_times >= at, np.maximum(exact, min(exact[at] + 0.1, 1.0)), exact)
        off = other[at] - exact[at]
        assert np.max(np.abs(other[times.astype(int)] - cdf)) >= off - gap - 1e-12


@pytest.mark.parametrize("budget", [20, 60])
def test_verdicts_are_those_of_the_law_on_the_same_runs(budget):
    """With the part and without it: no verdict is given where most runs are censored."""
    of = cell(6, Resample(0.5), AllBlocks(), budget=Budget(budget))
    results = run_grid(Grid("tiny", [of], runs=4000, batch=4000), workers=1)
    fresh = check(results).cells[0]
    open_ = compared(of, stored(of), results.runs, 2.5e-4)[1]
    assert (fresh.verdict is Verdict.AGREES) == (open_ == "") == (budget == 60)
    if budget == 20:
        assert open_ == fresh.reason == f"{fresh.censored} of 4000 runs are censored; give a larger budget"


@pytest.mark.statistical
@pytest.mark.parametrize("tables", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_honest_tails_of_finite_variance_raise_no_more_alarms_than_stated(tables):
    """P(hit > t) ~ t^-2.2, 200 runs a table at 1e-3: false-fail rate 1e-8 of both halves.

    The twin: a gamma law of the exact mean and variance errs several times too often.
    """
    of = Cell(BlockOneMax(1, 4), BetaRunQuality(2.2, 1.0), OnlyIncorrect(), OnePlusLambda(), budget=Budget(10**9))
    rng, level = np.random.default_rng(4), 1e-3
    runs = run_grid(Grid("tiny", [of], runs=200, batch=200), workers=1).runs
    known, alarms = stored(of), 0
    for _ in range(tables):
        hit = rng.geometric(rng.beta(2.2, 1, 200))
        table = runs.assign(hit=hit, calls=hit, generations=hit)
        tests = {test: p_value for test, p_value, _ in compared(of, known, table, level)[0]}
        assert set(tests) == {"ledger", "law"}
        alarms += tests["law"] < level
    assert alarms <= stats.binom.isf(1e-8, tables, level)
    totals = rng.geometric(rng.beta(2.2, 1, (20_000, 200))).sum(axis=1)
    mean, variance = 200 * known.means["hit"], 200 * known.variances["hit"]
    gamma = stats.gamma(mean**2 / variance, scale=variance / mean)
    off = 2 * np.minimum(gamma.cdf(totals), gamma.sf(totals)) < level
    assert off.sum() > stats.binom.isf(1e-8, len(totals), level)


@pytest.mark.slow
def test_the_law_at_some_times_is_never_further_off_than_anywhere():
    of = PREDICTED["chain"]
    runs = run_grid(Grid("tiny", [of], runs=500, batch=500), workers=1).runs
    hits = np.sort(runs["hit"].to_numpy(dtype=float))
    everywhere = statistics.law_distance(hits, 500, predict(of).law)
    p_value = next(p for test, p, _ in found_of(of, 500)[0] if test == "law")
    assert p_value >= statistics.dkw_p_value(500, everywhere)


def test_the_law_of_a_part_is_read_from_the_part():
    """So that the twins above tell of stored numbers, not of a formula that does not look at the law."""
    assert columns_of(cell(2, Resample(0.5), AllBlocks()))["predicted.hit.mean"] == 4
    assert Resample(0.5).law == IndependentBlocks(0.5, 0.5)


DOUBT = """
    def doubt(self, g):
        return f"p at g = {g} is a guess"
"""


def test_what_stands_against_a_prediction_is_stored(tmp_path, module):
    """A mutator that doubts its rates: told live, and from the folder without the part; a twin that does not."""
    run_and_forget(tmp_path, module, CAREFUL.replace("    def rewrite", DOUBT + "\n    def rewrite", 1))
    unwanted = load(tmp_path / "out", imports=False)
    note = "predicted with p at g = 2 is a guess"
    assert note in check(unwanted).note
    assert check(unwanted).doubts == check(load(tmp_path / "out", imports=True)).doubts
    stored = unwanted.prediction(str(unwanted.cells.index[0]))
    assert stored is not None
    assert stored.predict().warning == stored.doubts[0] == "p at g = 2 is a guess"


def test_what_nothing_stands_against_has_no_doubts(tmp_path, module):
    run_and_forget(tmp_path, module)
    unwanted = load(tmp_path / "out", imports=False)
    assert check(unwanted).doubts == ()
    stored = unwanted.prediction(str(unwanted.cells.index[0]))
    assert stored is not None
    assert stored.doubts == ()


def test_times_of_a_stored_law_stand_in_the_middle_of_equal_shares():
    """Of a cdf that rises evenly over 6,300 the levels are (i + 1/2)/63: times 50, 150, .., with both ends."""
    found = _spread(np.array([0.0, 6300.0]), np.array([0.0, 1.0]))
    assert POINTS == 64
    assert found.tolist() == [0.0, *range(50, 6300, 100), 6300.0]
