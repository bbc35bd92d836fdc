"""Which batches run, in which tasks and order; and when a grid has come to enough."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from evo.costs.budget import Budget
from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.cli.app import app
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid, sweep
from experiments.grids.stopping import UntilPrecise, UntilSuccesses, kept_batches
from experiments.predictions.forecast import seconds_a_batch
from experiments.running.agenda import SECONDS_A_TASK, UNKNOWN, Agenda
from experiments.running.allowance import Allowance
from experiments.running.launch import LimitReached, run_grid
from experiments.running.limits import GridLimits, Spent
from experiments.running.progress import Progress
from experiments.running.queues import RuledQueue
from experiments.running.tasks import RAISED, Done, Failure, Job
from experiments.store.results import load
from operators import Resample
from problems import BlockOneMax


def grid(ks: tuple[int, ...] = (2, 10, 6), runs: int = 100, batch: int = 10) -> Grid:
    parts: dict[str, Any] = {"mutator": Resample(0.5), "schedule": AllBlocks(), "runner": OnePlusLambda()}
    return Grid("tiny", sweep(problem=[BlockOneMax(k, l=4) for k in ks], **parts), runs=runs, batch=batch)


def all_tasks(plan: Agenda, seconds: float | None = None) -> list[list[Job]]:
    """The tasks of a plan; if `seconds` is given, each batch comes back after so many."""
    tasks = []
    while task := plan.next_task():
        tasks.append(task)
        for job in task if seconds is not None else ():
            plan.received(Done(job, {}, seconds or 0.0, "here"))
    return tasks


def keys(tasks: list[list[Job]]) -> list[tuple[int, int]]:
    return [(job.cell.problem.k, job.batch) for task in tasks for job in task]


# ------------------------------------------------------------------------------------------- the plan


def test_each_missing_batch_runs_once_the_longest_cells_first():
    made = grid()
    finished = {(made.cells[1].sample, batch) for batch in range(3)}
    plan = Agenda(made, finished)
    assert (plan.batches, plan.of_batches, plan.runs, plan.of_runs, plan.there) == (3, 30, 30, 300, 0)
    found = keys(all_tasks(plan))
    assert found == [(k, batch) for k in (10, 6, 2) for batch in range(3 if k == 10 else 0, 10)]


def test_a_short_last_batch_is_whole_and_its_kept_runs_are_counted():
    plan = Agenda(grid(ks=(2,), runs=25))
    (task,) = all_tasks(plan)
    assert [job.size for job in task] == [10, 10, 10]
    for job in task:
        plan.received(Done(job, {}, 0.001, "here"))
    assert (plan.batches, plan.cells, plan.runs) == (3, 1, 25)


def test_cheap_batches_share_a_task_and_long_ones_have_their_own():
    made = grid(ks=(2,), runs=10_000)
    (first, *_) = tasks = all_tasks(Agenda(made))
    assert len(first) > 20
    assert max(sum(job.seconds for job in task) for task in tasks) <= 2 * SECONDS_A_TASK
    slow = all_tasks(Agenda(made), seconds=2.0)
    assert {len(task) for task in slow[1:]} == {1}  # as soon as the first has told how long they take


def test_tasks_follow_what_batches_really_take():
    """Forecasts are rough: ten times cheaper batches than foreseen come in larger tasks, of the same length."""
    made = grid(ks=(10,), runs=50_000)
    plan = Agenda(made)
    first = plan.next_task()
    cheap = first[0].seconds / 10
    for job in first:
        plan.received(Done(job, {}, cheap, "here"))
    second = plan.next_task()
    assert SECONDS_A_TASK <= len(second) * cheap <= SECONDS_A_TASK + cheap
    assert len(second) > 5 * len(first)


def test_what_failed_is_left_out_or_is_all_that_runs():
    made = grid(ks=(2, 6))
    failed = {(made.cells[0].sample, 3), (made.cells[1].sample, 0)}
    others = keys(all_tasks(Agenda(made, leave_out=failed)))
    assert len(others) == 18
    assert {(2, 3), (6, 0)}.isdisjoint(others)
    assert keys(all_tasks(Agenda(made, only=failed))) == [(6, 0), (2, 3)]
    assert all_tasks(Agenda(made, only=())) == []


def test_a_failed_batch_is_no_run_and_its_cell_is_not_whole():
    plan = Agenda(grid(ks=(2,), runs=20))
    (task,) = all_tasks(plan)
    plan.failed(Failure(task[0], RAISED, "no"))
    plan.received(Done(task[1], {}, 0.1, "here"))
    assert (plan.batches, plan.runs, plan.cells) == (2, 10, 0)


def test_a_batch_is_ended_after_an_hour_or_much_more_than_foreseen_or_as_told():
    made = grid(ks=(2, 24), runs=10)
    long, short = (task[0] for task in all_tasks(Agenda(made)))
    assert short.limit == 3600.0
    assert long.limit == pytest.approx(max(3600.0, 20 * long.seconds))
    assert {job.limit for task in all_tasks(Agenda(made, time_limit=7.0)) for job in task} == {7.0}


def test_the_time_left_follows_the_pace():
    plan = Agenda(grid(ks=(6,)))
    assert plan.seconds_left(1) is None
    assert Agenda(grid(ks=(6,)), only=()).seconds_left(1) is None  # nothing came: not that nothing is left
    (task,) = all_tasks(plan)
    told = []
    for job in task[:5]:
        plan.received(Done(job, {}, 3.0, "here"))
        told.append(plan.seconds_left(1))
    assert told[:2] == [None, None]
    assert told[2:] == pytest.approx([21.0, 18.0, 15.0])
    assert plan.seconds_left(3) == pytest.approx(5.0)


def test_quick_batches_whose_time_was_not_foreseen_say_nothing_of_the_others():
    class Lawless(Resample):
        """Inherits no law."""

    parts = {"schedule": AllBlocks(), "runner": OnePlusLambda(), "budget": Budget(calls=100)}
    cells = [Cell(BlockOneMax(k, l=4), mutator, **parts) for k in (2, 6) for mutator in (Lawless(0.5), Resample(0.5))]
    plan = Agenda(Grid("mixed", cells, runs=40, batch=10))
    assert {seconds_a_batch(cell, 10, "blocks") == UNKNOWN for cell in cells[::2]} == {True}
    jobs = [job for task in all_tasks(plan) for job in task]
    for job in jobs:
        if isinstance(job.cell.mutator, Lawless):
            plan.received(Done(job, {}, 0.001, "here"))
    assert plan.batches == 8
    assert plan.seconds_left(1) is None  # and not nothing at all
    known = [job for job in jobs if not isinstance(job.cell.mutator, Lawless)]
    for job in known[:3]:
        plan.received(Done(job, {}, 30 * seconds_a_batch(job.cell, 10, "blocks"), "here"))
    rest = sum(30 * seconds_a_batch(job.cell, 10, "blocks") for job in known[3:])
    assert plan.seconds_left(1) == pytest.approx(rest)
    for job in known[3:]:
        plan.failed(Failure(job, RAISED, "no"))
    assert plan.seconds_left(1) == 0.0


# ------------------------------------------------------------------------------------------- limits of a grid


def sums(rows: pd.DataFrame) -> dict[str, float]:
    tokens = rows["prompt_tokens"] + rows["generated_tokens"]
    return {"calls": rows["calls"].sum(), "tokens": tokens.sum(), "cost": rows["cost"].sum()}


@pytest.mark.parametrize("name", ["calls", "tokens", "cost"])
def test_a_grid_stops_at_the_first_batch_that_reaches_its_limit_and_goes_on_from_there(tmp_path, monkeypatch, name):
    monkeypatch.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
    made, whole = grid(), run_grid(grid(), workers=1)
    for share in (0.3, 0.7):
        most = share * sums(whole.runs)[name]
        with pytest.raises(LimitReached, match=rf"the grid's limit is reached \({name}: .* of at most") as caught:
            run_grid(made, tmp_path / "out", workers=1, limits=GridLimits(**{name: most}))
        found = load(tmp_path / "out").runs
        pd.testing.assert_frame_equal(caught.value.results.runs, found)
        spent = sums(found)[name]
        worst = max(sums(rows)[name] for _, rows in whole.runs.groupby(["cell", "batch"]))
        assert abs(spent - most) < worst  # a batch that is expected to take more than is left is not begun
    results = run_grid(made, tmp_path / "out", workers=1, limits=GridLimits(**{name: 1e15}))
    pd.testing.assert_frame_equal(results.runs, whole.runs, check_exact=True)


def test_what_earlier_launches_came_to_counts(tmp_path):
    run_grid(grid(), tmp_path / "out", workers=1)
    seen: list[Progress] = []
    with pytest.raises(LimitReached, match=r"calls: [\d,]+ of at most 1\)"):
        run_grid(grid(runs=200), tmp_path / "out", workers=1, watch=seen.append, limits=GridLimits(calls=1))
    assert len(seen) == 1


def test_wall_time_is_that_of_this_launch(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
    monkeypatch.setattr(Spent, "seconds", property(lambda spent: 100.0 * len(seen)))
    seen: list[Progress] = []
    with pytest.raises(LimitReached, match="seconds: 300 of at most 250"):
        run_grid(grid(), tmp_path / "out", workers=1, limits=GridLimits(seconds=250), watch=seen.append)
    assert seen[-1].batches == 2


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), "3", True])
def test_a_limit_that_is_none_is_refused(value):
    with pytest.raises(InputError, match=re.escape(f"GridLimits: cost must be a number > 0 or None, got {value!r}")):
        GridLimits(cost=value)


def test_what_is_spent_adds_up():
    spent = Spent(calls=5.0)
    ledger = ("calls", "evaluations", "prompt_tokens", "generated_tokens", "pass_tokens", "pass_tokens_squared")
    columns = {name: np.array([1, 2]) * 10**place for place, name in enumerate(ledger)}
    spent.add(columns, {"evaluations": 1.0, "pass_tokens": 0.5})
    assert (spent.calls, spent.tokens, spent.cost) == (8.0, 3300.0, 15030.0)


@pytest.mark.usefixtures("no_figures")
def test_the_command_stops_at_a_limit_with_an_exit_code_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.toml").write_text(
        'name = "mine"\nruns = 20\n[[arm]]\nlabel = "a"\nproblem = {type = "BlockOneMax", k = [1, 2, 9], l = 4}\n'
        'mutator = {type = "Resample", p = 0.5}\nschedule = {type = "AllBlocks"}\n'
    )
    run = ["run", "grid.toml", "--workers", "1", "--quiet"]
    done = CliRunner().invoke(app, [*run, "--max-calls", "10"])
    assert done.exit_code == 4
    assert "the grid's limit is reached (calls: " in done.stderr
    assert CliRunner().invoke(app, run).exit_code == 0
    assert CliRunner().invoke(app, [*run, "--max-calls", "-3"]).exit_code == 2


# ------------------------------------------------------------------------------------------- stopping rules

SIZE = 10


def batch_of(hits: list[int]) -> dict[str, Any]:
    return {"hit": np.array(hits, dtype=np.int64)}


def ruled(rule: Any, there: dict[int, Any] | None = None, leave_out: tuple[int, ...] = (), ahead: int = 3) -> Any:
    cell = grid(ks=(2,)).cells[0]
    return RuledQueue(cell, SIZE, 1.0, rule, there or {}, leave_out, ahead)


def drawn(batches: int) -> list[list[int]]:
    """Three of ten runs hit."""
    rng = np.random.default_rng(1)
    return [list(rng.permutation([1, 2, 3] + [-1] * 7)) for _ in range(batches)]


def play(course: Any, hits: list[list[int]], order: np.random.Generator) -> list[int]:
    """The batches that are kept when they come back in a random order."""
    away: list[int] = []
    kept: list[int] = []
    while True:
        while course.has_next:
            away.append(course.next())
        if not away:
            return kept
        batch = away.pop(int(order.integers(len(away))))
        job = Job(course.cell, batch, SIZE, 1, "blocks", 1.0, 1.0)
        kept += [done.job.batch for done in course.received(Done(job, batch_of(hits[batch]), 1.0, "here"))]


@pytest.mark.parametrize("seed", range(20))
def test_a_rule_keeps_the_same_batches_in_whatever_order_they_come_back(seed):
    hits = drawn(12)
    rule = UntilSuccesses(successes=13, most=120)
    course = ruled(rule)
    assert play(course, hits, np.random.default_rng(seed)) == [0, 1, 2, 3, 4]  # 3, 6, 9, 12, 15 hits
    assert course.whole
    assert course.left == 0
    assert kept_batches(rule, [np.array(each) for each in hits], SIZE) == 5


def test_no_more_batches_are_on_their_way_than_said():
    course = ruled(UntilSuccesses(successes=100, most=1000), ahead=3)
    assert [course.next() for _ in range(3)] == [0, 1, 2]
    assert not course.has_next
    course.received(Done(Job(course.cell, 1, SIZE, 1, "blocks", 1.0, 1.0), batch_of([-1] * SIZE), 1.0, "here"))
    assert not course.has_next  # the rule waits for batch 0
    course.received(Done(Job(course.cell, 0, SIZE, 1, "blocks", 1.0, 1.0), batch_of([-1] * SIZE), 1.0, "here"))
    assert course.has_next
    assert course.runs == 20


def test_a_rule_is_asked_about_what_is_there_and_stops_at_its_cap():
    hits = [np.array(each) for each in drawn(12)]
    assert ruled(UntilSuccesses(13, most=120), dict(enumerate(hits))).whole
    gap = ruled(UntilSuccesses(13, most=120), {0: hits[0], 2: hits[2], 3: hits[3]})
    assert play(gap, drawn(12), np.random.default_rng(1)) == [1, 4]
    short = ruled(UntilSuccesses(25, most=25))
    assert play(short, drawn(12), np.random.default_rng(1)) == [0, 1, 2]
    assert short.runs == 25


def test_a_batch_that_failed_ends_what_a_rule_can_say():
    course = ruled(UntilSuccesses(13, most=120), leave_out=(2,))
    assert play(course, drawn(12), np.random.default_rng(1)) == [0, 1]
    assert (course.whole, course.left) == (False, 0)


@pytest.mark.parametrize(
    "rule",
    [pytest.param(UntilSuccesses(150, most=400), marks=pytest.mark.slow), UntilPrecise(0.15, most=400)],
    ids=lambda rule: rule.words,
)
def test_a_ruled_grid_is_the_same_for_any_workers_and_after_an_interruption(tmp_path, monkeypatch, rule):
    monkeypatch.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
    monkeypatch.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)
    made = Grid("tiny", grid().cells, runs=rule, batch=20)
    whole = run_grid(made, tmp_path / "whole", workers=1).runs
    assert whole.groupby("cell").size().nunique() > 1 or isinstance(rule, UntilSuccesses)
    assert len(whole) < 3 * 400

    def stop(progress: Progress) -> None:
        if progress.batches > 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_grid(made, tmp_path / "out", workers=2, watch=stop)
    assert 0 < len(load(tmp_path / "out").runs) < len(whole)
    results = run_grid(made, tmp_path / "out", workers=1)
    pd.testing.assert_frame_equal(results.runs, whole, check_exact=True)
    stored = [pd.read_parquet(tmp_path / name / "runs") for name in ("whole", "out")]
    assert len(stored[0]) == len(stored[1])  # nothing that was sent ahead in vain


def test_a_failure_beyond_what_a_rule_needs_is_none():
    """Batch 6 was sent ahead and failed before the rule had enough with batch 4."""
    cell = grid(ks=(2,)).cells[0]
    plan = Agenda(Grid("tiny", [cell], runs=UntilSuccesses(13, most=120), batch=SIZE), ahead=8)
    jobs = {job.batch: job for task in iter(plan.next_task, []) for job in task}
    plan.failed(Failure(jobs[6], RAISED, "no"))
    assert plan.needs((cell.sample, 6))
    hits = drawn(12)
    for batch in (5, 3, 4, 0, 1, 2):
        plan.received(Done(jobs[batch], batch_of(hits[batch]), 1.0, "here"))
    assert [plan.needs((cell.sample, batch)) for batch in (4, 5, 6)] == [True, False, False]
    assert not plan.needs(("another", 0))
    assert (plan.cells, plan.batches) == (1, plan.of_batches)


@pytest.mark.parametrize("limits", [None, GridLimits(calls=1e15)], ids=["no limit", "a limit"])
@pytest.mark.parametrize("ahead", [1, 2])
def test_cells_that_wait_for_their_rule_go_on_when_a_batch_has_come_back(limits, ahead):
    """No more than so many a cell are away; with the last batch that a rule needs nothing is left."""
    rule = UntilSuccesses(3 * SIZE, most=40 * SIZE)
    made = Grid("tiny", grid(ks=(2, 3)).cells, runs=rule, batch=SIZE)
    plan = Agenda(made, ahead=ahead, allowance=limits and Allowance(limits, Spent()))
    away: list[Job] = []
    done: list[tuple[int, int]] = []
    while True:
        while task := plan.next_task():
            away += task
        if not away:
            break
        assert len(away) <= 2 * ahead
        assert plan.has_more == (len(done) < 6)  # or only what was sent ahead in vain is away
        job = away.pop(0)
        done += [(each.job.cell.k, each.job.batch) for each in plan.received(Done(job, batch_of([1] * SIZE), 0.1, "h"))]
    assert sorted(done) == [(k, batch) for k in (2, 3) for batch in range(3)]
    assert (plan.cells, plan.batches, plan.has_more) == (2, plan.of_batches, False)


def test_what_is_refused_is_the_cheapest_batch_that_could_be_sent_and_not_one_that_waits_for_its_rule():
    """A batch of k = 2 takes 40 calls and is away; one of k = 10 would take 10,240."""
    made = Grid("tiny", grid(ks=(2, 10)).cells, runs=UntilSuccesses(100, most=1000), batch=SIZE)
    plan = Agenda(made, ahead=1, allowance=Allowance(GridLimits(calls=5000), Spent()))
    assert plan.refused == ""
    assert keys([plan.next_task()]) == [(2, 0)]
    assert plan.next_task() == []
    assert plan.refused == "calls: 0 of at most 5,000, and the next batch is expected to take 10,240"
