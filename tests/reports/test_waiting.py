"""Waiting time read off the table: against naive loops, closed forms, and what must not change."""

import heapq
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from evo import (
    Asynchronous,
    Budget,
    InputError,
    Latency,
    Merged,
    OnePlusLambda,
    OnlyIncorrect,
    Prompt,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.schedules import EachChunk
from evo.seeding import streams
from evo.text import canonical
from experiments import Grid, predict, run_grid
from experiments.cli.app import app
from experiments.grids.cell import Cell
from experiments.grids.toml import load_grid
from experiments.reports.terminal import show_waiting
from experiments.reports.waiting import barriers as timing
from experiments.reports.waiting import list_schedule, timed, waiting
from experiments.store.files import write_part
from experiments.store.results import load
from operators import Malformed, Resample, Vote
from problems import BlockOneMax, Noisy

HALF = Resample(0.5)
HEAVY = Latency(fixed=1.0, per_prompt_token=0.1, per_generated_token=0.2, tail=1.2)
EVALUATED = replace(HEAVY, evaluation=3.5)


def cell(k=5, schedule=None, runner=None, budget=200, mutator=HALF, **more):
    runner = runner or OnePlusLambda()
    return Cell(BlockOneMax(k, 4), mutator, schedule or RoundRobin(), runner, budget=Budget(calls=budget), **more)


def results_of(*cells, runs=25, batch=10, out=None):
    return run_grid(Grid("timed", list(cells), runs=runs, batch=batch), out, workers=1)


def naive_makespan(seconds, workers):
    """List scheduling with a queue of workers."""
    free = [0.0] * (workers or len(seconds))
    done = 0.0
    for one in seconds:
        end = heapq.heappop(free) + one
        heapq.heappush(free, end)
        done = max(done, end)
    return done


@pytest.mark.parametrize("workers", [1, 2, 3, None])
def test_list_scheduling(workers):
    seconds = np.random.default_rng(1).exponential(size=(50, 7))
    expected = [naive_makespan(row, workers) for row in seconds]
    np.testing.assert_allclose(list_schedule(seconds, workers), expected, rtol=1e-12)


def naive_times(one, rows, batch, workers, latency, is_short):
    """Rounds and makespan run by run, generation by generation, call by call."""
    rng = streams(7, f"timed {one.text}", batch).latency
    k, l, g, last = one.problem.k, one.problem.l, one.chunks.g, one.chunks.last
    lam = one.runner.width(one.schedule, k) if isinstance(one.runner, Merged) else one.runner.lam
    for _, row in rows.iterrows():
        rounds = makespan = 0.0
        for generation in range(row["generations"]):
            seconds = []
            for j in range(lam):
                tokens = (last if is_short(row, generation, j, lam) else g) * l
                mean = 1.0 + 0.1 * (one.prompt.head + tokens) + 0.2 * tokens
                call = mean * np.exp(latency.tail * rng.standard_normal() - latency.tail**2 / 2)
                seconds.append(call + latency.evaluation)
            rounds += -(-lam // (workers or lam))
            makespan += naive_makespan(seconds, workers)
        yield rounds, makespan


def short_of(row):
    """Calls on the last chunk of one block, the others have two, of 4 tokens each."""
    return row["calls"] * 2 - row["generated_tokens"] // 4


CASES = [
    (cell(runner=OnePlusLambda(3)), lambda *a: False),
    (cell(schedule=UniformChunk(), prompt=Prompt(head=5)), lambda *a: False),
    (
        cell(schedule=UntilResolved(2), runner=OnePlusLambda(4), budget=60),
        lambda row, generation, j, lam: generation >= row["generations"] - short_of(row) // lam,
    ),
    (cell(schedule=EachChunk(2), runner=OnePlusLambda(6)), lambda row, generation, j, lam: j % 3 == 2),
    (cell(schedule=RoundRobin(2), runner=Merged(2)), lambda row, generation, j, lam: (generation * lam + j) % 3 == 2),
]


@pytest.mark.some("workers", "latency", "one", at_least=10)
@pytest.mark.parametrize("workers", [1, 2, None])
@pytest.mark.parametrize(("one", "is_short"), CASES, ids=[type(one.schedule).__name__ for one, _ in CASES])
@pytest.mark.parametrize("latency", [HEAVY, EVALUATED], ids=["calls", "evaluations, too"])
def test_against_a_naive_loop(one, is_short, workers, latency, monkeypatch):
    results = results_of(one)
    found = timed(results, workers, latency, seed=7)
    expected = [
        pair
        for batch, rows in results.runs.groupby("batch")
        for pair in naive_times(one, rows, batch, workers, latency, is_short)
    ]
    np.testing.assert_allclose(found[["rounds", "makespan"]].to_numpy(), expected, rtol=1e-10)
    monkeypatch.setattr(timing, "SLAB_CALLS", 7)
    np.testing.assert_allclose(timed(results, workers, latency, seed=7)["makespan"], found["makespan"], rtol=1e-12)


@pytest.mark.parametrize("tail", [0.0, 0.7])
def test_seconds_of_evaluations(tail):
    """Four answers on three workers: two turns, each of a call and its evaluation, also of answers not applied."""
    results = results_of(cell(runner=OnePlusLambda(4), mutator=Malformed(HALF, 0.3)))
    assert (results.runs["evaluations"] < results.runs["calls"]).any()
    without, found = (timed(results, 3, Latency(fixed=1.0, tail=tail, evaluation=each)) for each in (0.0, 2.0))
    more = (found["makespan"] - without["makespan"]) / results.runs["generations"]
    if tail:  # a worker that was quick may evaluate, and call again, while another waits for its answer
        assert more.between(2.0, 6.0).all()
        one = [timed(results, 1, Latency(fixed=1.0, tail=tail, evaluation=each))["makespan"] for each in (0.0, 2.0)]
        np.testing.assert_allclose(one[1] - one[0], 2.0 * results.runs["calls"])
    else:
        np.testing.assert_allclose(more, 4.0)
    with pytest.raises(AssertionError):  # the twin: seconds of valid answers only
        np.testing.assert_allclose(more, 4.0 * results.runs["evaluations"] / results.runs["calls"])


def test_evaluators_that_err_take_every_evaluation_of_the_ledger():
    seen = Noisy(BlockOneMax(4, 4), sigma=0.3)
    alone, several = (Cell(seen, HALF, RoundRobin(), OnePlusLambda(lam), budget=Budget(calls=50)) for lam in (1, 3))
    results = results_of(alone)
    runs = results.runs
    found = timed(results, 8, Latency(fixed=1.0, evaluation=2.0))["makespan"]
    np.testing.assert_array_equal(found, runs["calls"] + 2.0 * runs["evaluations"])
    assert (runs["evaluations"] > runs["calls"]).all()  # parents are evaluated again
    results = results_of(several)
    one = timed(results, 1, Latency(fixed=1.0, evaluation=2.0))["makespan"]
    np.testing.assert_array_equal(one, results.runs["calls"] + 2.0 * results.runs["evaluations"])
    with pytest.raises(InputError, match=r"one call at a time where evaluators err .*; take 1 worker, or evaluation=0"):
        timed(results, 2, Latency(fixed=1.0, evaluation=2.0))


@pytest.mark.parametrize("one", [each for each, _ in CASES], ids=[type(each.schedule).__name__ for each, _ in CASES])
def test_memory_is_bounded(one, monkeypatch):
    results = results_of(one)
    monkeypatch.setattr(timing, "SLAB_CALLS", 12)
    for batch, rows in results.runs.groupby("batch"):
        slabs = list(timing._generations(results, one, batch, rows))
        assert len(slabs) > 1
        assert max(slab.short.size for slab in slabs) <= 12
        assert sum(slab.calls.sum() for slab in slabs) == rows["calls"].sum()


def test_constant_latency_is_exact():
    results = results_of(cell(runner=OnePlusLambda(5)), cell(schedule=RoundRobin(2), runner=OnePlusLambda(5)))
    runs = results.runs
    found = timed(results, 2, Latency(fixed=0.5))
    np.testing.assert_array_equal(found["rounds"], 3 * runs["generations"])
    np.testing.assert_array_equal(found["makespan"], 1.5 * runs["generations"])
    by_token = timed(results, 5, Latency(per_generated_token=1.0))["makespan"]
    np.testing.assert_array_equal(by_token, runs["generated_tokens"] / 5)


def test_one_worker_takes_the_sum():
    """With constant latency the rounds of Merged under OnlyIncorrect, run again, come to its calls."""
    three = cell(7, OnlyIncorrect(), Merged(3))
    results = results_of(three, cell(7, OnlyIncorrect(2), Merged()), cell(7, OnlyIncorrect(), Merged(), 9))
    found = timed(results, 1, Latency(fixed=2.0))
    np.testing.assert_array_equal(found["rounds"], found["calls"])
    np.testing.assert_array_equal(found["makespan"], 2.0 * found["calls"])
    by_token = timed(results, 1, Latency(per_generated_token=1.0))
    np.testing.assert_array_equal(by_token["makespan"], found["generated_tokens"])
    for workers in (3, None):
        first = timed(results, workers, Latency(fixed=2.0)).query("cell == @three.id")
        np.testing.assert_array_equal(first["rounds"], first["generations"])
        np.testing.assert_array_equal(first["makespan"], 2.0 * first["generations"])


@pytest.mark.parametrize("runner", [OnePlusLambda(4), Merged(3)], ids=str)
def test_more_runs_leave_the_times_of_the_others(runner):
    few, many = (results_of(cell(schedule=OnlyIncorrect(), runner=runner), runs=runs) for runs in (13, 20))
    times = [timed(results, 2, HEAVY)["makespan"].to_numpy() for results in (few, many)]
    np.testing.assert_array_equal(times[0], times[1][:13])
    assert not np.array_equal(times[0], timed(few, 2, HEAVY, seed=2)["makespan"])


def test_timing_touches_nothing():
    results = results_of(cell())
    before = results.runs.copy()
    found = timed(results, 2, HEAVY)
    assert results.runs.equals(before)
    assert found[before.columns].equals(before)
    assert results_of(cell()).runs.equals(before)


def test_an_asynchronous_run_brings_its_own_time():
    results = results_of(cell(runner=Asynchronous(2, HEAVY)))
    for workers in (2, None):
        found = timed(results, workers, HEAVY)
        np.testing.assert_array_equal(found["makespan"], found["seconds"])
        assert found["rounds"].isna().all()


@pytest.mark.parametrize(
    ("workers", "latency"),
    [(5, HEAVY), (None, Latency(fixed=1.0)), (2, replace(HEAVY, fixed=0.5)), (None, replace(HEAVY, tail=0.0))],
)
def test_an_asynchronous_run_is_simulated_again_with_another_latency(workers, latency):
    """One latency for all rows: those of a grid that was run with it, marked; single runs of the table have none."""
    results = results_of(cell(runner=Asynchronous(2, HEAVY)), cell())
    found = timed(results, workers, latency).groupby("cell", sort=False)["makespan"].mean()
    assert math.isnan(found.iloc[0])
    assert found.iloc[1] > 0
    again, waits = waiting(results, workers, latency).to_dict("records")
    other = Asynchronous(workers or 2, latency)
    runs = results_of(cell(runner=other)).runs
    assert (again["makespan"], again["cost"]) == (runs["seconds"].mean(), runs["cost"].mean())
    assert again["makespan_90"] == np.quantile(runs["seconds"], 0.9, method="inverted_cdf")
    error = runs["seconds"].std() / math.sqrt(len(runs))
    told = f"simulated: {len(runs)} other runs, with {canonical(latency)} on {other.workers} workers; standard error"
    assert again["note"].startswith(told)
    assert f"{error:.3g} s" in again["note"]
    assert waits["note"] == ""
    own = waiting(results, 2, HEAVY).iloc[0]  # the twin: as they were run
    assert own["note"] == ""
    assert own["makespan"] == results.runs["seconds"].iloc[: len(runs)].mean() != again["makespan"]


def test_cells_without_all_runs_are_named():
    results = results_of(cell(k=2), cell(k=3), cell(k=4))
    gone, some = (results.cells.index[place] for place in (1, 2))
    runs = results.runs
    left = results.with_runs(
        runs[(runs["cell"] != gone) & ((runs["cell"] != some) | (runs["run"] > 3))].reset_index(drop=True)
    )
    made = waiting(left, 2, Latency(fixed=1.0))
    whole, missing, part = made.to_dict("records")
    assert whole["note"] == ""
    assert (missing["note"], part["note"]) == (
        "no runs yet; run the grid again to go on",
        "12 of 25 runs are missing; run the grid again to go on",
    )
    assert math.isnan(missing["makespan"])
    console = Console(width=200, record=True, file=io.StringIO())
    show_waiting(made, 2, console)
    text = " ".join(console.export_text().split())
    assert all(f"{row['series']}, k = {row['k']}, lam = {row['lam']}: {row['note']}" in text for row in (missing, part))


def test_what_the_table_does_not_tell_is_refused():
    with pytest.raises(InputError, match="one length"):
        timed(results_of(cell(schedule=UniformChunk(2), runner=OnePlusLambda(3))), 2, HEAVY)
    with pytest.raises(InputError, match="one call an answer"):
        timed(results_of(cell(mutator=Vote(HALF, 2))), 2, HEAVY)
    with pytest.raises(InputError, match="workers a whole number >= 1"):
        timed(results_of(cell()), 0, HEAVY)
    fixed = Latency(fixed=1.0, tail=1.0)  # then lengths do not matter
    assert timed(results_of(cell(schedule=UniformChunk(2), runner=OnePlusLambda(3))), 2, fixed)["makespan"].gt(0).all()


def test_results_of_earlier_versions_have_no_seconds(tmp_path):
    import pandas as pd

    made = results_of(cell(), out=tmp_path / "out")
    for part in (tmp_path / "out" / "runs").glob("part-*.parquet"):
        write_part(part.parent, pd.read_parquet(part).drop(columns="seconds"))
        part.unlink()  # its name is its checksum
    read = load(tmp_path / "out")
    pd.testing.assert_frame_equal(read.runs, made.runs)
    assert read.runs["seconds"].isna().all()


def test_single_runs_and_the_exact_mean_stand_beside_the_mean_where_there_is_room():
    known, blind = cell(k=4, runner=OnePlusLambda(2), budget=10**6), cell(k=4, budget=6)
    results = results_of(known, blind, runs=200, batch=200)
    latency = Latency(fixed=1.0, tail=0.5, evaluation=2.0)
    made = waiting(results, None, latency)
    seconds = timed(results, None, latency)
    first, second = made.to_dict("records")
    ordered = sorted(seconds[seconds["cell"] == known.id]["makespan"])
    assert [first[f"makespan_{level}"] for level in (10, 50, 90)] == [ordered[19], ordered[99], ordered[179]]
    assert first["makespan_predicted"] == predict(known, "seconds", latency=latency).mean
    assert (second["censored"], second["makespan_90"]) == (pytest.approx(0.9, abs=0.1), math.inf)
    shown = {}
    for width in (40, 80, 160):
        console = Console(width=width, record=True, file=io.StringIO())
        show_waiting(made, None, console)
        shown[width] = console.export_text()
        assert "…" not in shown[width]
    line = f"{ordered[19]:.4g} / {ordered[99]:.4g} / {ordered[179]:.4g}"
    assert (line in shown[160], "exact" in shown[160], "exact" in shown[40]) == (True, True, False)
    narrow = " ".join(shown[40].split())
    assert ("a wider terminal shows single runs, too" in shown[160], line in shown[40]) == (False, False)
    assert "a wider terminal shows single runs, too" in narrow


def test_a_cell_that_cannot_be_timed_leaves_the_others():
    results = results_of(cell(mutator=Vote(HALF, 2)), cell())
    votes, plain = waiting(results, 2, HEAVY).to_dict("records")
    assert math.isnan(votes["makespan"])
    assert votes["note"].startswith("timed: expected one call an answer")
    assert plain["makespan"] == timed(results_of(cell()), 2, HEAVY)["makespan"].mean()


GRID = """
name = "times"
runs = 5
[[arm]]
label = "workers"
problem = {type = "BlockOneMax", k = 4, l = 16}
mutator = {type = "Resample", p = 0.5}
schedule = {type = "RoundRobin"}
"""


def test_latency_and_prompt_are_tables_of_their_own_kind(tmp_path):
    file = tmp_path / "grid.toml"
    runner = 'type = "Asynchronous", workers = [2, 4], latency = [{fixed = 1.0}, {fixed = 1.0, tail = [0.5, 1]}]'
    file.write_text(GRID + f'runner = {{{runner}, prompt = {{type = "Prompt", head = 3}}}}')
    runners = [one.runner for one in load_grid(file).cells]
    latencies = (Latency(1.0), Latency(1.0, tail=0.5), Latency(1.0, tail=1.0))
    assert runners == [Asynchronous(w, latency, Prompt(head=3)) for w in (2, 4) for latency in latencies]
    results = run_grid(load_grid(file), tmp_path / "out", workers=1)
    assert [load(tmp_path / "out").cell(name).runner for name in results.cells.index] == runners


@pytest.mark.parametrize(
    ("latency", "words"),
    [
        ("{fixd = 1.0}", "runner.latency: Latency has no parameter 'fixd'; did you mean 'fixed'"),
        ('{type = "Latancy"}', "unknown latency 'Latancy'; did you mean 'Latency'"),
        ("3.0", "latency must be a Latency"),
        ('{type = "Prompt"}', "unknown latency 'Prompt'"),
    ],
)
def test_a_wrong_latency_is_named(tmp_path, latency, words):
    file = tmp_path / "grid.toml"
    file.write_text(GRID + f'runner = {{type = "Asynchronous", workers = 2, latency = {latency}}}')
    with pytest.raises(InputError, match=words):
        load_grid(file)


def test_merged_from_a_file(tmp_path):
    file = tmp_path / "grid.toml"
    file.write_text(GRID + 'runner = {type = "Merged", workers = [1, 2]}')
    assert [one.runner for one in load_grid(file).cells] == [Merged(1), Merged(2)]


def test_the_waiting_time_of_each_cell_stands_beside_its_cost(tmp_path):
    cells = [Cell(BlockOneMax(4, 4), HALF, UniformChunk(), OnePlusLambda(lam)) for lam in (1, 8)]
    results = run_grid(Grid("waiting", cells, runs=50, batch=50), tmp_path, workers=1)
    table = waiting(results, 2, Latency(fixed=0.5))
    assert table["lam"].tolist() == [1, 8]
    for row, cell in zip(table.to_dict("records"), cells, strict=True):
        runs = results.runs[results.runs["cell"] == cell.id]
        turns = -(-cell.runner.lam // 2)
        assert row["rounds"] == pytest.approx(turns * runs["generations"].mean())
        assert row["makespan"] == pytest.approx(0.5 * turns * runs["generations"].mean())
        assert row["cost"] == pytest.approx(runs["cost"].mean())
    shown = CliRunner().invoke(app, ["time", str(tmp_path), "--workers", "2", "--fixed", "0.5"])
    assert shown.exit_code == 0
    assert "Waiting time beside cost, 2 workers" in shown.output
    assert CliRunner().invoke(app, ["time", str(tmp_path), "--tail", "-1"]).exit_code == 2
    evaluated = CliRunner().invoke(
        app, ["time", str(tmp_path), "--workers", "2", "--fixed", "0", "--evaluation", "0.5"]
    )
    assert evaluated.output == shown.output  # what a call took, its evaluation takes now


@pytest.mark.parametrize(("workers", "rounds", "seconds"), [
    (1, [4, 3], [11 + 11 + 2 + 2 + 4 * 0.5, 2 + 11 + 2 + 3 * 0.5]),
    (2, [3, 2], [11 + 0.5 + 11 + 0.5, 11 + 0.5]),  # 2 + 2 in a row are over before the 11 are
    (None, [2, 1], [11 + 0.5 + 11 + 0.5, 11 + 0.5]),
])  # fmt: skip
def test_generations_of_different_widths_wait_for_their_own_calls_alone(workers, rounds, seconds):
    """Calls of 11 or, on the short chunk, 2 seconds and of half a second of evaluation; the last ones are not there."""
    slabs = [
        timing.Barriers(np.array([0, 0]), np.array([1, 3]), np.array([[0, 1, 1], [0, 1, 1]], dtype=bool)),
        timing.Barriers(np.array([1]), np.array([3]), np.array([[1, 0, 1]], dtype=bool)),
    ]
    told = timing.waited(slabs, 2, (11.0, 2.0), workers, Latency(1.0, evaluation=0.5), np.random.default_rng(1))
    assert told[0].tolist() == rounds
    assert told[1].tolist() == seconds
