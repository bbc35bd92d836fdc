"""Stopping rules: when runs are enough, what of a table is kept, and that p-values hold wherever a rule stops."""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

from evo import AllBlocks, Budget, InputError, OnePlusLambda, OnlyIncorrect, RoundRobin, UntilResolved
from evo.batch import RunCounts
from evo.costs.latency import Latency
from evo.statistics import dkw_p_value, law_distance, mean_p_value
from evo.theory import Geometric
from experiments import (
    Cell,
    Grid,
    Results,
    UntilPrecise,
    UntilSuccesses,
    Verdict,
    check,
    export_results,
    fit,
    forecast,
    load,
    load_grid,
    run_grid,
    speedup,
    summarise,
    sweep,
    timed,
)
from experiments.cli.app import app
from experiments.fits.evidence.reading import FEWEST_RUNS
from experiments.grids.cells_table import cells_table
from experiments.grids.stopping import MOST_RUNS, as_runs, every_stop, in_words, kept_batches, kept_rows, written
from experiments.predictions.expected_runs import expected_runs
from experiments.reports.files import write
from experiments.reports.report import report
from experiments.store.files import StoreError, write_json
from experiments.store.grid_json import grid_record
from experiments.store.launches.status import status
from experiments.store.table import batch_columns, runs_table
from operators import BetaBlocks, FixKeep, Resample
from problems import BlockOneMax

PRECISE, SUCCESSES = UntilPrecise(0.1, most=20_000), UntilSuccesses(100, most=20_000)


def cells(*ks: int, **changes: Any) -> list[Cell]:
    parts: dict[str, Any] = {"mutator": Resample(0.5), "schedule": AllBlocks(), "runner": OnePlusLambda()}
    return sweep(problem=[BlockOneMax(k, l=4) for k in ks], **(parts | changes))


def int64(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


# ------------------------------------------------------------------------------------------- when runs are enough


def naively_enough(rule, hits) -> bool:
    """By the definitions, on the runs so far alone."""
    if isinstance(rule, UntilSuccesses):
        return sum(hit >= 0 for hit in hits) >= rule.successes
    if len(hits) < 100 or min(hits) < 0:
        return False
    half = 1.959963984540054 * math.sqrt(np.var([float(hit) for hit in hits], ddof=1) / len(hits))
    return half <= rule.relative * np.mean(hits)


@pytest.mark.parametrize("rule", [UntilPrecise(0.15, 10**6), UntilPrecise(0.025, 10**6), UntilSuccesses(150, 10**6)])
@pytest.mark.parametrize("censored", [0.0, 0.002, 0.3])
def test_runs_are_enough_as_the_definition_says_after_each_of_them(rule, censored):
    rng = np.random.default_rng(5)
    hits = np.where(rng.random(600) < censored, -1, rng.geometric(0.3, 600) + 7)
    ends = np.arange(1, 601)
    expected = [naively_enough(rule, hits[:end]) for end in ends]
    assert rule.enough_at(hits, ends).tolist() == expected
    assert [rule.enough(hits[:end]) for end in ends] == expected
    assert not rule.enough(hits[:0])
    if censored == 0.0:
        assert expected[-1]  # some are


def test_large_times_do_not_cancel():
    """Standard deviation over mean is 1e-9: squares of the times themselves have no digit left for it."""
    hits = 10**15 + np.random.default_rng(1).integers(-(10**6), 10**6, 5000)
    spread = float(np.std(hits - hits[0], ddof=1)) / 1e15
    for factor, expected in ((1.01, True), (0.99, False)):
        relative = factor * 1.959963984540054 * spread / math.sqrt(5000)
        assert UntilPrecise(relative, 10**6).enough(hits) is expected


def test_a_few_runs_that_are_alike_are_not_precise():
    assert UntilPrecise.LEAST == FEWEST_RUNS
    assert not PRECISE.enough(np.full(99, 7))
    assert PRECISE.enough(np.full(100, 7))
    assert PRECISE.enough(np.zeros(100, dtype=np.int64))  # each starts at the optimum


def test_a_censored_run_is_never_precise():
    assert not PRECISE.enough(np.append(np.full(10_000, 7), -1))
    assert not PRECISE.enough(np.append(-1, np.full(10_000, 7)))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: UntilPrecise(0, 10), "UntilPrecise: relative must be a finite number > 0, got 0"),
        (lambda: UntilPrecise(1.0, 10), r"UntilPrecise: relative must be a number in \(0, 1\), got 1.0"),
        (lambda: UntilPrecise(math.nan, 10), "relative must be a finite number > 0, got nan"),
        (lambda: UntilPrecise("0.1", 10), "relative must be a finite number > 0, got '0.1'"),
        (lambda: UntilPrecise(0.1, 0), "UntilPrecise: most must be a whole number from 1 to 1000000000, got 0"),
        (lambda: UntilPrecise(0.1, MOST_RUNS + 1), "most must be a whole number from 1 to 1000000000"),
        (lambda: UntilSuccesses(0, 10), "UntilSuccesses: successes must be a whole number from 1 to 10, got 0"),
        (lambda: UntilSuccesses(11, 10), "UntilSuccesses: successes must be a whole number from 1 to 10, got 11"),
        (lambda: UntilSuccesses(2.5, 10), "successes must be a whole number from 1 to 10, got 2.5"),
        (lambda: UntilSuccesses(1, 1.5), "most must be a whole number"),
    ],
)
def test_a_rule_that_is_none(make, expected):
    with pytest.raises(InputError, match=expected):
        make()


def test_rules_have_words_and_a_text_that_reads_back():
    assert in_words(1000) == "1,000 runs"
    assert in_words(UntilPrecise(0.05, 20_000)) == "up to 20,000 runs (until the mean of hit is known to 5 %)"
    assert in_words(SUCCESSES) == "up to 20,000 runs (until 100 hit)"
    assert written(UntilPrecise(np.float64(0.05), 2e4)) == "UntilPrecise(relative=0.05, most=20000)"
    for runs in (1, 1000, PRECISE, SUCCESSES, UntilPrecise(1 / 3, 7)):
        assert as_runs(written(runs)) == runs


# ------------------------------------------------------------------------------------------- what is kept


@dataclass(frozen=True)
class AfterSum:
    """Enough when the times add up to so much: any rule will do."""

    total: int
    most: int
    words: str = "until they add up"

    def enough(self, hits):
        return int(hits.sum()) >= self.total

    def enough_at(self, hits, ends):
        return np.array([self.enough(hits[:end]) for end in ends])


RULES = st.one_of(
    st.builds(AfterSum, st.integers(0, 60), st.integers(1, 40)),
    st.integers(1, 40).flatmap(lambda most: st.builds(UntilSuccesses, st.integers(1, most), st.just(most))),
    st.integers(1, 40),
)
HITS = st.lists(st.integers(-1, 5), min_size=48, max_size=48)


def naively_kept(runs, hits, size) -> int:
    """Batches kept of endless ones, one after the other."""
    most = runs if isinstance(runs, int) else runs.most
    for batches in itertools.count(1):
        if batches * size >= most or (not isinstance(runs, int) and runs.enough(hits[: batches * size])):
            return batches
    raise AssertionError


@settings(max_examples=60, deadline=None)
@given(RULES, HITS, st.integers(1, 8), st.randoms(use_true_random=False))
def test_kept_batches_depend_on_no_order_of_finishing(runs, hits, size, random):
    """However batches finish, the first decision is the one of all runs in number order; before it there is none."""
    hits = np.array(hits, dtype=np.int64)
    batches = [hits[low : low + size] for low in range(0, 48 - 48 % size, size)]
    expected = naively_kept(runs, hits, size)
    assert kept_batches(runs, batches, size) == expected
    there: list[Any] = [None] * len(batches)
    for batch in random.sample(range(len(batches)), len(batches)):
        there[batch] = batches[batch]
        found = kept_batches(runs, there, size)
        needed = isinstance(runs, int) or all(each is not None for each in there[:expected])
        assert found == (expected if needed else None)


def test_batches_in_the_order_of_finishing_would_decide_otherwise():
    """The twin of the test above: the same batches, taken as they come."""
    quick, slow = int64(1, 1), int64(9, -1)
    rule = UntilSuccesses(3, most=100)
    assert kept_batches(rule, [slow, quick, quick], 2) == 2
    assert kept_batches(rule, [quick, quick, slow], 2) == 2
    assert kept_batches(rule, [slow, slow, quick], 2) == 3
    assert kept_batches(rule, [None, quick, quick], 2) is None  # by its own runs it has enough


@settings(max_examples=60, deadline=None)
@given(RULES, st.lists(HITS, min_size=1, max_size=4), st.integers(1, 8))
def test_kept_rows_are_those_of_the_kept_batches(runs, found, size):
    """Of several cells in one table, some with more batches than are asked for."""
    table = [
        (cell, number // size, hit, number < min(naively_kept(runs, np.array(hits), size) * size, most_of(runs)))
        for cell, hits in enumerate(found)
        for number, hit in enumerate(hits[: 48 - 48 % size])
    ]
    cell, batch, hit, expected = (np.array(column) for column in zip(*table, strict=True))
    assert kept_rows(runs, cell, batch, hit).tolist() == expected.tolist()


def most_of(runs) -> int:
    return runs if isinstance(runs, int) else runs.most


def test_no_rows_are_kept_of_none():
    for runs in (5, PRECISE):
        assert kept_rows(runs, int64(), int64(), int64()).tolist() == []


def test_of_a_cell_that_is_not_decided_the_batches_before_a_gap_are_kept():
    rule = UntilSuccesses(5, most=100)
    hit = int64(1, -1, 2, -1, 3, 3, 4, 4)
    assert kept_rows(rule, int64(*[0] * 8), int64(0, 0, 1, 1, 3, 3, 4, 4), hit).tolist() == [True] * 4 + [False] * 4
    assert kept_rows(rule, int64(*[0] * 8), int64(1, 1, 2, 2, 3, 3, 4, 4), hit).tolist() == [False] * 8
    # a row was taken out of batch 1: it is not whole, so nothing is decided by it
    assert kept_rows(rule, int64(*[0] * 5), int64(0, 0, 1, 2, 2), hit[:5]).tolist() == [True] * 2 + [False] * 3


# ------------------------------------------------------------------------------------------- grids and files

GRID = """
name = "adaptive"
{runs}
batch = 20

[[arm]]
label    = "cells"
problem  = {{type = "BlockOneMax", k = [1, 3], l = 4}}
mutator  = {{type = "Resample", p = 0.5}}
schedule = {{type = "AllBlocks"}}
"""


def toml(path, runs: str):
    file = path / "grid.toml"
    file.write_text(GRID.format(runs=runs))
    return file


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('runs = {type = "UntilPrecise", relative = 0.05, most = 20000}', UntilPrecise(0.05, 20_000)),
        ('runs = {type = "UntilSuccesses", successes = 100, most = 20_000}', SUCCESSES),
        ("runs = 700", 700),
    ],
)
def test_toml_and_python_say_the_same(tmp_path, text, rule):
    grid = load_grid(toml(tmp_path, text))
    assert grid == Grid("adaptive", cells(1, 3), runs=rule, batch=20)
    assert grid_record(grid)["runs"] == written(rule)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ('{type = "UntilPrecize", relative = 0.1, most = 9}', "runs: unknown stopping rule 'UntilPrecize'; did you "
         "mean 'UntilPrecise'?; known: UntilPrecise, UntilSuccesses"),
        ('{type = "Resample", p = 0.1}', "runs: unknown stopping rule 'Resample'"),
        ('{type = "module:Mine", most = 9}', "runs: unknown stopping rule 'module:Mine'"),
        ('{type = "UntilPrecise", relative = 0.1}', "runs: UntilPrecise needs the parameter 'most', got none; allowed: "
         "relative, most"),
        ('{type = "UntilPrecise", precision = 0.1, most = 9}', "runs: UntilPrecise has no parameter 'precision'"),
        ('{type = "UntilPrecise", relative = 5, most = 9}', "runs: UntilPrecise: relative must be a number in (0, 1), "
         "got 5.0"),
        ('{type = "UntilPrecise", relative = [0.1, 0.2], most = 9}', "runs: expected one stopping rule for the whole "
         "grid, got a list of 2 values"),
        ("{type = 3}", 'runs: expected a table with a type, such as {type = "UntilPrecise"}, got type = 3'),
        ("{relative = 0.1, most = 9}", "Grid: runs must be a whole number from 1 to 1000000000, or a stopping rule"),
        ('"UntilPrecise(relative=0.1, most=9)"', "Grid: runs must be a whole number from 1 to"),
        ("[100, 200]", "Grid: runs must be a whole number from 1 to 1000000000, or a stopping rule"),
    ],
)  # fmt: skip
def test_a_stopping_rule_in_a_file_that_is_none(tmp_path, runs, expected):
    file = toml(tmp_path, f"runs = {runs}")
    with pytest.raises(InputError) as caught:
        load_grid(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert expected in str(caught.value)


@pytest.mark.parametrize("runs", [AfterSum(3, 9), UntilPrecise, "UntilPrecise", None, (1, 2)])
def test_only_our_own_rules_are_accepted(runs):
    with pytest.raises(InputError, match="Grid: runs must be a whole number from 1 to 1000000000, or a stopping rule"):
        Grid("mine", cells(1), runs=runs)


NO_RULES = (
    ["many", "", "UntilPrecise", "UntilPrecise(", "UntilPrecise(0.1, 9)", "UntilPrecise(relative=0.1)",
     "Resample(p=0.5)", "UntilPrecise(relative=2, most=9)", "UntilSuccesses(successes=10, most=9)", "open(file='x')",
     "7", "None", "UntilPrecise(relative=0.1, most=9, least=3)", "(" * 500, 0, -3, 1.5, True, None, [1], MOST_RUNS + 1]
)  # fmt: skip


def test_a_value_in_grid_json_that_is_no_rule(tmp_path):
    out = tmp_path / "out"
    run_grid(Grid("tiny", cells(1), runs=10, batch=10), out, workers=1)
    file = out / "grid.json"
    for value in NO_RULES:
        write_json(file, json.loads(file.read_text()) | {"runs": value})
        with pytest.raises(StoreError) as caught:
            load(out)
        assert str(caught.value).startswith(f"{file}: runs must be a whole number from 1 to 1000000000, or a stopping ")
        assert f"got {value!r:.200}; bring this file back from a copy" in str(caught.value)


# ------------------------------------------------------------------------------------------- running, store, extending


@pytest.fixture(scope="module")
def all_runs() -> Results:
    """600 runs of each of the cells that the grids below stop."""
    return run_grid(stopped(600), workers=1)


def stopped(runs, **changes) -> Grid:
    some = [*cells(1, 4), *cells(3, mutator=FixKeep(0.4, 0.9), schedule=UntilResolved(), budget=Budget(calls=12))]
    return Grid("stopped", some, runs=runs, batch=50, **changes)


def expected_of(rule, everything: Results) -> pd.DataFrame:
    """The rows that a rule keeps of a large table, by the definition."""
    parts = []
    for cell in everything.cells.index:
        rows = everything.runs[everything.runs["cell"] == cell]
        hits = rows["hit"].fillna(-1).to_numpy(dtype=np.int64)
        parts.append(rows.head(min(naively_kept(rule, hits, 50) * 50, rule.most)))
    return pd.concat(parts).sort_values(["cell", "batch", "run"], ignore_index=True)


GIVEN = [UntilPrecise(0.1, most=590), UntilPrecise(0.2, most=310), UntilSuccesses(100, most=600), UntilSuccesses(5, 50)]


@pytest.mark.parametrize("rule", GIVEN, ids=str)
def test_a_grid_holds_the_batches_up_to_the_first_that_is_enough(all_runs, tmp_path, rule):
    expected = expected_of(rule, all_runs)
    in_memory, stored = run_grid(stopped(rule), workers=1), run_grid(stopped(rule), tmp_path / "out", workers=1)
    pd.testing.assert_frame_equal(in_memory.runs, expected, check_exact=True)
    pd.testing.assert_frame_equal(stored.runs, expected, check_exact=True)
    assert load(tmp_path / "out").asked == stored.asked == rule
    assert expected.groupby("cell").size().nunique() > 1 or rule.most == 50
    found = status(tmp_path / "out")
    assert (found.cells, found.runs, found.of_runs) == (3, len(expected), len(expected))
    assert dict(found.lines())["batches done"] == f"{found.batches} of {found.batches}"


def test_two_workers_give_the_same_table(all_runs):
    rule = UntilPrecise(0.2, most=300)
    pd.testing.assert_frame_equal(
        run_grid(stopped(rule), workers=2).runs, expected_of(rule, all_runs), check_exact=True
    )


def test_another_rule_or_a_number_reuses_all_batches(all_runs, tmp_path):
    """A batch is stored once, whatever asked for it; no file that is there is written again."""
    out = tmp_path / "out"
    before: dict[Any, bytes] = {}
    steps = [100, UntilPrecise(0.2, 300), UntilPrecise(0.2, 410), UntilPrecise(0.1, 410), 120,
             UntilSuccesses(200, 600)]  # fmt: skip
    wanted: set[tuple[str, int]] = set()
    for runs in steps:
        results = run_grid(stopped(runs), out, workers=1)
        expected = all_runs.runs[all_runs.runs.groupby("cell").cumcount() < runs] if isinstance(runs, int) else None
        expected = expected_of(runs, all_runs) if expected is None else expected.reset_index(drop=True)
        pd.testing.assert_frame_equal(results.runs, expected, check_exact=True)
        wanted |= set(zip(expected["cell"].map(results.cells["sample"]), expected["batch"], strict=True))
        parts = {file: file.read_bytes() for file in (out / "runs").iterdir()}
        assert before.items() <= parts.items()
        assert runs != 120 or before == parts  # nothing was missing
        before = parts
    held = pd.read_parquet(out / "runs")
    assert len(held) == 50 * len(wanted)  # nothing twice, nothing that no step asked for


def test_an_interrupted_grid_counts_as_unfinished_and_goes_on(all_runs, tmp_path):
    rule, out = UntilPrecise(0.1, most=590), tmp_path / "out"
    seen = []

    def stop(progress: Any) -> None:
        seen.append(progress)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_grid(stopped(rule), out, workers=1, watch=stop)
    early = load(out)
    expected = expected_of(rule, all_runs)
    assert 0 < len(early.runs) < len(expected)
    for cell, rows in early.runs.groupby("cell"):  # its first runs, none that the finished table will not hold
        whole = expected[expected["cell"] == cell].head(len(rows)).reset_index(drop=True)
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), whole, check_exact=True)
    checked = check(early)
    unfinished = [each for each in checked.cells if "the rule asks for more" in each.reason]
    assert {each.verdict for each in unfinished} == {Verdict.CANNOT_TELL}
    assert re.search(r"after \d+ runs the rule asks for more \(until the mean of hit is known to 10 %\)", str(checked))
    assert set(summarise(early, checked)["stopped"]) == {"unfinished"}
    found = status(out)
    assert found.cells == 0
    assert dict(found.lines())["batches done"] == f"{found.batches} of up to 36"
    assert dict(found.lines())["runs"] == f"{len(early.runs)} of up to 1,770"
    pd.testing.assert_frame_equal(run_grid(stopped(rule), out, workers=1).runs, expected, check_exact=True)
    table = summarise(load(out), check(load(out)))
    assert dict(zip(table["k"], table["stopped"], strict=True)) == {1: "rule", 4: "rule", 3: "cap"}


def test_what_reads_tables_reads_cells_of_unequal_numbers_of_runs(tmp_path, all_runs):
    rule = UntilSuccesses(100, most=600)
    results = run_grid(stopped(rule), tmp_path / "out", workers=1)
    expected = expected_of(rule, all_runs)
    for to in ("csv", "ioh"):
        assert export_results(results, to, tmp_path / to).is_dir()
    assert len(pd.read_csv(tmp_path / "csv" / "runs.csv")) == len(expected)
    found = timed(results, None, Latency(1.0))
    whole = timed(all_runs, None, Latency(1.0, tail=0.5))
    assert found["rounds"].tolist() == expected["generations"].tolist()
    drawn = timed(results, None, Latency(1.0, tail=0.5)).merge(
        whole, on=["cell", "batch", "run"], suffixes=("", "_all")
    )
    assert (drawn["makespan"] == drawn["makespan_all"]).all()
    files = write(report(results), tmp_path / "out")
    assert {"summary.csv", "checks.csv", "report.txt"} <= {file.name for file in files}
    outcomes = pd.read_csv(tmp_path / "out" / "checks.csv")
    batches = results.runs.groupby("cell")["batch"].nunique()
    assert (outcomes["looks"] == outcomes["cell"].map(batches)).all()
    assert "3 cells stopped by a rule: p-values hold at every stop" in (tmp_path / "out" / "report.txt").read_text()


# ------------------------------------------------------------------------------------------- the command


def llm_evo(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], terminal_width=200)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


@pytest.mark.usefixtures("no_figures")
def test_the_command_says_what_a_rule_asks_for(tmp_path):
    file = toml(tmp_path, 'runs = {type = "UntilSuccesses", successes = 100, most = 2000}')
    told = llm_evo("predict", file)
    assert "(up to 2,000 runs (until 100 hit) a cell)" in told
    told = llm_evo("run", file, "--out", tmp_path / "out", "--workers", 1)
    assert "adaptive: 2 cells, up to 2,000 runs each (until 100 hit), into" in told
    assert "2 cells stopped by a rule: p-values hold at every stop" in told
    told = llm_evo("run", file, "--out", tmp_path / "out", "--workers", 1, "--runs", 40)
    assert "adaptive: 2 cells, 40 runs each, into" in told
    assert "stopped by a rule" not in told
    assert len(load(tmp_path / "out").runs) == 80
    assert "UntilPrecise(relative, most)" in llm_evo("show")


# ------------------------------------------------------------------------------------------- forecasts


@pytest.mark.statistical
def test_forecasts_of_runs_are_near_what_a_rule_keeps():
    """Of 100 cells in batches of 20: within a batch, and five standard errors (false-fail rate 1e-6)."""
    times = np.random.default_rng(3).geometric(1 / 8, (100, 5000))
    for rule, budget in ((UntilPrecise(0.1, 5000), 1000), (UntilSuccesses(60, 5000), 4), (UntilSuccesses(300, 300), 4)):
        grid = Grid("forecast", cells(3, budget=Budget(calls=budget)), runs=rule, batch=20)
        expected = int(forecast(grid)["runs"][0])
        batches = [kept_batches(rule, row.reshape(-1, 20), 20) for row in np.where(times > budget, -1, times)]
        found = np.minimum(20 * np.array(batches), rule.most)
        assert abs(found.mean() - expected) <= 20 + 5 * found.std() / 10
        assert 0 < expected < 1000


def test_where_the_question_has_no_predicted_answer_the_cap_is_forecast():
    heavy = cells(10, mutator=BetaBlocks(1.0, 1.0), schedule=OnlyIncorrect())[0]
    assert expected_runs(PRECISE, heavy, 500, 0.1) == 20_000
    one = cells(4)[0]
    for rule in (PRECISE, SUCCESSES):
        assert expected_runs(rule, one, 500, None) == 20_000
        assert expected_runs(rule, one, 500, 1.0) == 20_000
    assert expected_runs(PRECISE, one, 500, 0.5) == 20_000  # some run of 500 is censored, surely
    assert expected_runs(SUCCESSES, one, 10, 0.5) == 200
    assert expected_runs(SUCCESSES, one, 300, 0.5) == 300  # whole batches
    assert expected_runs(700, one, 500, None) == 700
    assert expected_runs(UntilPrecise(0.5, 10), one, 500, 0.0) == 10
    assert expected_runs(PRECISE, cells(4, mutator=Resample(1.0))[0], 10, 0.0) == 100  # no spread, but 100 at the least


# ------------------------------------------------------------------------------------------- checks hold at every stop

ALPHA, LOOKS, SIZE, EXPERIMENTS = 0.05, 60, 50, 2000
LAW = Geometric(0.25)
TOO_MANY = stats.binom.isf(1e-6, EXPERIMENTS, ALPHA)
"""A test at level alpha has more false alarms w.p. 1e-6."""


def p_values_of_means(times: np.ndarray) -> np.ndarray:
    """After each look at times [experiments, looks, size]; as `mean_p_value`, which does one at a time."""
    totals = times.sum(axis=2).cumsum(axis=1)
    p_values = np.empty(totals.shape)
    for look in range(LOOKS):
        law = LAW.total((look + 1) * SIZE)
        assert law is not None
        p_values[:, look] = np.minimum(1, 2 * np.minimum(law.cdf(totals[:, look]), law.tail(totals[:, look] - 1)))
    for at in ((0, 0), (7, 31), (1999, 59)):
        assert p_values[at] == pytest.approx(mean_p_value(totals[at], (at[1] + 1) * SIZE, LAW)[0])
    return p_values


def p_values_of_laws(times: np.ndarray) -> np.ndarray:
    """As `law_distance` and `dkw_p_value`: the cdfs at all whole times."""
    points = np.arange(times.max() + 1)
    exact = LAW.cdf(points)
    p_values = np.empty(times.shape[:2])
    seen = np.zeros((len(times), len(points)))
    for look in range(LOOKS):
        n = (look + 1) * SIZE
        for run in range(SIZE):
            seen[np.arange(len(times)), times[:, look, run]] += 1
        distance = np.abs(seen.cumsum(axis=1) / n - exact).max(axis=1)
        p_values[:, look] = np.minimum(1, 2 * np.exp(-2 * n * distance**2))
    hits = times[3].reshape(-1).astype(float)
    assert p_values[3, -1] == pytest.approx(dkw_p_value(len(hits), law_distance(hits, len(hits), LAW)))
    return p_values


@pytest.mark.statistical
@pytest.mark.parametrize("p_values_of", [p_values_of_means, p_values_of_laws])
def test_p_values_hold_though_a_rule_stops_as_soon_as_they_are_small(p_values_of, request):
    """2,000 cells whose law is as predicted, stopped at the first of 60 looks at which a naive test at 0.05 rejects.

    Naive p-values reject far more often than they say; those for every stop do so at most at 0.05. False-fail rate
    1e-6; a test that errs at 0.1 instead of 0.05 is found w.p. 0.999.
    """
    rng = np.random.default_rng(None if request.config.getoption("--vary-seed") else 11)
    p_values = p_values_of(rng.geometric(0.25, (EXPERIMENTS, LOOKS, SIZE)))
    factors = np.array([every_stop(look) for look in range(1, LOOKS + 1)])
    small = p_values < ALPHA
    naive = small.any(axis=1)  # a rule that stops there has found a difference
    assert naive.sum() > 1.9 * TOO_MANY if p_values_of is p_values_of_means else naive.sum() > 1.2 * TOO_MANY
    first = np.where(naive, small.argmax(axis=1), LOOKS - 1)
    at_the_stop = (p_values * factors)[np.arange(EXPERIMENTS), first] < ALPHA
    anywhere = (p_values * factors < ALPHA).any(axis=1)  # the worst rule for them: it stops as soon as they are small
    assert at_the_stop.sum() <= anywhere.sum() <= TOO_MANY
    assert anywhere.sum() > 0  # they are alive
    assert small[:, -1].sum() <= TOO_MANY  # the naive test is sound where nobody looks before the end
    assert stats.binom.cdf(TOO_MANY, EXPERIMENTS, 0.1) < 1e-3


def by_hand(cell: Cell, hits: np.ndarray, runs, size: int) -> Results:
    """The results of one cell, lam = 1, whose runs hit after so many calls."""
    rows = []
    for batch, low in enumerate(range(0, len(hits), size)):
        hit = hits[low : low + size]
        columns = batch_columns(cell, RunCounts(hit, hit, hit, hit))
        rows.append(runs_table([(cell.sample, "blocks", batch, columns)]))
    grid = Grid("hand", [cell], runs=runs, batch=size)
    return Results.of(grid_record(grid), cells_table(grid), pd.concat(rows, ignore_index=True))


def test_check_does_not_fall_for_a_rule_that_stops_when_it_likes_what_it_sees():
    """Honest times that drift off for a while: with their number given they DIFFER, stopped by a rule they do not."""
    cell = cells(2)[0]
    alpha = 4 * ALPHA  # four tests
    times = np.random.default_rng(11).geometric(0.25, (EXPERIMENTS, LOOKS, SIZE))
    small = p_values_of_means(times) < ALPHA
    late = np.flatnonzero(small.any(axis=1) & (small.argmax(axis=1) > 10))
    assert len(late) > 100
    for one in late[:5]:
        looks = int(small[one].argmax()) + 1
        hits = times[one, :looks].reshape(-1)
        fixed = check(by_hand(cell, hits, looks * SIZE, SIZE), alpha)
        peeking = UntilSuccesses(looks * SIZE, most=LOOKS * SIZE)  # it stops where the other looked
        adaptive = check(by_hand(cell, hits, peeking, SIZE), alpha)
        assert fixed.cells[0].verdict is Verdict.DIFFERS
        assert adaptive.cells[0].verdict is not Verdict.DIFFERS
        assert (fixed.cells[0].looks, adaptive.cells[0].looks) == (0, looks)
        assert (fixed.note, adaptive.note) == ("", "1 cell stopped by a rule: p-values hold at every stop")
        assert adaptive.note in str(adaptive)
        for naive, held in zip(fixed.cells[0].outcomes, adaptive.cells[0].outcomes, strict=True):
            factor = 1 if naive.test == "ledger" else looks * (looks + 1)
            assert held.p_value == pytest.approx(min(1.0, naive.p_value * factor))
            assert naive.found in held.found


def test_a_wrong_prediction_still_differs_after_many_looks():
    cell = cells(2)[0]
    hits = np.random.default_rng(2).geometric(0.2, 3000)
    found = check(by_hand(cell, hits, UntilSuccesses(3000, 3000), 50))
    assert found.cells[0].looks == 60
    assert found.verdict is Verdict.DIFFERS
    broken = by_hand(cell, hits, UntilSuccesses(3000, 3000), 50)
    broken.runs.loc[3, "prompt_tokens"] += 1
    assert check(broken, alpha=1e-300).verdict is Verdict.DIFFERS  # an identity is broken at any level


def test_the_runs_needed_count_the_looks():
    """A number of runs that is enough to AGREE is not, if a rule looked at them after every 20."""
    cell = cells(2)[0]
    hits = np.random.default_rng(4).geometric(0.25, 1000)

    def needed(runs) -> int:
        return int(
            re.search(r"\((\d+) in all\)", check(by_hand(cell, hits[: most_of(runs)], runs, 20)).cells[0].reason)[1]
        )

    fixed, adaptive = needed(100), needed(UntilSuccesses(100, 100))
    assert fixed < adaptive < 1000
    for runs, verdict in ((fixed, Verdict.AGREES), (fixed - 1, Verdict.CANNOT_TELL)):
        assert check(by_hand(cell, hits[:runs], runs, 20)).verdict is verdict
    for runs, verdict in (
        (adaptive, Verdict.AGREES),
        (adaptive - 1, Verdict.CANNOT_TELL),
        (fixed, Verdict.CANNOT_TELL),
    ):
        assert check(by_hand(cell, hits[:runs], UntilSuccesses(runs, runs), 20)).verdict is verdict


# ------------------------------------------------------------------------------------------- speed-ups and fits


def arms(runs, batch=500) -> Grid:
    pair = {"slow": cells(2, 3, 4), "fast": cells(2, 3, 4, schedule=RoundRobin())}
    return Grid("arms", pair, runs=runs, batch=batch)


def test_intervals_of_speedups_hold_at_every_stop():
    """Two batches a cell: an error rate divided by 2 x 3 for both of its cells."""
    number, rule = (
        speedup(run_grid(arms(runs), workers=1), "slow", "fast") for runs in (1000, UntilSuccesses(600, 1000))
    )
    assert number["speedup"].tolist() == rule["speedup"].tolist()
    width = np.log(rule["high"] / rule["low"]) / np.log(number["high"] / number["low"])
    expected = stats.norm.isf(1e-3 / (2 * 3 * 36)) / stats.norm.isf(1e-3 / (2 * 3))
    assert width.to_numpy() == pytest.approx(expected)


def test_laws_of_means_are_refused_where_a_rule_stopped_early():
    grid = Grid("laws", cells(4, 8, 16, 32, schedule=UntilResolved()), runs=UntilPrecise(0.2, 1000), batch=50)
    fits = fit(run_grid(grid, workers=1))
    assert not fits.laws
    assert fits.refused[0].reason == "a law of means needs runs = UntilPrecise(0.1 or less) or a number, got 0.2"
    assert fit(run_grid(replace(grid, runs=UntilPrecise(0.05, 1000)), workers=1)).laws
    memoryless = replace(grid, arms=cells(1, 2, 3, 4))
    assert fit(run_grid(memoryless, workers=1)).laws
