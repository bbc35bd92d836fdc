"""What a launch counts, each by hand: cells that share runs, rows of a task, means of several batches, hosts, texts."""

import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from evo.costs.ledger import LEDGER
from evo.costs.prices import TokenPrices
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.running.again import executed_otherwise
from experiments.running.agenda import ROWS_A_TASK, Agenda
from experiments.running.allowance import Allowance
from experiments.running.driver import MOST_ROWS_HELD, Driver
from experiments.running.executors.cluster import Cluster
from experiments.running.executors.messages import different_versions, versions
from experiments.running.executors.processes import Processes
from experiments.running.launch import run_grid
from experiments.running.limits import GridLimits, Spent
from experiments.running.progress import Progress
from experiments.running.simulation import trace
from experiments.running.tasks import Done, Job
from experiments.store.failures import MOST_LISTED, FailedBatch, _shortened, explain, write_failure
from experiments.store.launches.provenance import ended
from experiments.store.launches.status import status
from operators import Resample
from problems import BlockOneMax


def cells(ks=(2, 3), prices=(1.0, 2.0)):
    """Cells of the same runs at several prices."""
    return [
        Cell(BlockOneMax(k, l=4), Resample(0.5), AllBlocks(), OnePlusLambda(), cost=TokenPrices(price, price, unit=1))
        for k in ks
        for price in prices
    ]


def come_back(plan, seconds=0.001):
    while task := plan.next_task():
        for job in task:
            plan.received(Done(job, {}, seconds, "here"))


@pytest.mark.parametrize("prices", [(1.0,), (1.0, 2.0, 3.0)])
def test_cells_that_share_their_runs_are_whole_together_and_their_runs_are_counted_once(prices):
    grid = Grid("shared", cells(prices=prices), runs=20, batch=10)
    assert len(grid.samples) == 2
    plan = Agenda(grid)
    assert (plan.of_batches, plan.of_runs, plan.cells) == (4, 40, 0)
    come_back(plan)
    assert (plan.batches, plan.cells, plan.runs) == (4, 2 * len(prices), 40)
    again = Agenda(grid, {(sample, batch) for sample in grid.samples for batch in (0, 1)})
    assert (again.batches, again.there, again.cells, again.runs) == (4, 2 * len(prices), 2 * len(prices), 40)


def test_the_status_of_a_folder_counts_cells_that_share_runs_as_the_launch_does(tmp_path):
    run_grid(Grid("shared", cells(prices=(1.0, 2.0, 3.0)), runs=25, batch=10), tmp_path / "out", workers=1)
    found = status(tmp_path / "out")
    assert (found.cells, found.batches, found.of_batches) == (6, 6, 6)
    assert (found.runs, found.of_runs, found.made) == (50, 50, 60)


def test_the_status_tells_the_newest_part_and_the_failures_that_were_not_made_good(tmp_path):
    """Of a batch that failed and is there now, and of one of no cell of this grid, nothing is to be run again."""
    out = tmp_path / "out"
    for runs in (10, 20):  # a part each
        grid = Grid("two", cells(prices=(1.0,)), runs=runs, batch=10)
        run_grid(grid, out, workers=1)
    files = [file for file in (out / "runs").rglob("*") if file.is_file()]
    for when, file in enumerate(files, start=1):
        os.utime(file, (1000.0 * when, 1000.0 * when))
    first, second = grid.samples
    for sample, batch in ((first, 0), (first, 7), (second, 9), (first[:-1] + ("0" if first[-1] != "0" else "1"), 0)):
        write_failure(out, replace(failed(0), sample=sample, batch=batch))
    found = status(out)
    assert len(files) > 1
    assert found.written == max(file.stat().st_mtime for file in files) == 1000.0 * len(files)
    assert found.failed == 2


@pytest.mark.parametrize("batch", [ROWS_A_TASK, ROWS_A_TASK // 4, ROWS_A_TASK // 2 + 1])
def test_a_task_has_so_many_rows_and_no_batch_more(batch):
    """Batches as quick as these would all go together."""
    plan = Agenda(Grid("rows", cells((2,), (1.0,)), runs=8 * batch, batch=batch))
    first = plan.next_task()
    for job in first:
        plan.received(Done(job, {}, 1e-6, "here"))
    sizes = [sum(job.size for job in task) for task in iter(plan.next_task, [])]
    assert max(sizes) == -(-ROWS_A_TASK // batch) * batch


def test_a_batch_is_ended_by_the_longer_of_what_was_foreseen_and_what_was_measured():
    """20 times 1,000 s of a batch that came back, though a forecast said next to nothing; an hour at first."""
    plan = Agenda(Grid("slow", cells((2,), (1.0,)), runs=20_000, batch=10))
    first, *_ = plan.next_task()
    assert first.limit == 3600.0
    plan.received(Done(first, {}, 1000.0, "here"))
    (job,) = plan.next_task()
    assert (job.seconds, job.limit) == (pytest.approx(1000.0), pytest.approx(20_000.0))


@pytest.mark.parametrize("workers", [1, 4])
def test_the_time_left_is_shared_by_workers(workers):
    plan = Agenda(Grid("left", cells((6,), (1.0,)), runs=1000, batch=10))
    back = 0
    while back < 50 and (task := plan.next_task()):
        for job in task[: 50 - back]:
            plan.received(Done(job, {}, 2.0, "here"))
            back += 1
    assert plan.seconds_left(workers) == pytest.approx((100 - back) * 2.0 / workers)


def test_what_a_batch_will_come_to_is_the_mean_of_those_that_came_back():
    """Of a cell of which nothing is predicted: 10 and 30 calls are 20, whatever was spent before."""
    cell = replace(cells((2,), (1.0,))[0], mutator=Lawless())
    allowance = Allowance(GridLimits(calls=1e9), Spent(calls=500))
    assert allowance.expected(cell, 10) is None
    for batch, calls in enumerate((1.0, 3.0)):
        job = Job(cell, batch, 10, 1, "blocks", 1.0, 1.0)
        columns = {name: np.full(10, calls * (2 if name == "generated_tokens" else 1)) for name in LEDGER}
        allowance.back(job, Done(job, columns, 0.1, "here"))
    assert allowance.expected(cell, 10) == {"calls": 20.0, "tokens": 60.0, "cost": pytest.approx(60.0)}
    assert allowance.spent.calls == 540.0


def test_a_batch_that_failed_is_at_work_no_more_and_counts_for_nothing():
    """One of which nothing is known stands alone, until it has come back, whatever came of it."""
    cell = replace(cells((2,), (1.0,))[0], mutator=Lawless())
    allowance = Allowance(GridLimits(calls=1000), Spent(calls=500))
    job = Job(cell, 0, 10, 1, "blocks", 1.0, 1.0)
    assert allowance.fits(None)
    allowance.begun(job)
    assert not allowance.fits(None)
    assert not allowance.fits({"calls": 1.0, "tokens": 0.0, "cost": 0.0})
    allowance.back(job, None)
    assert allowance.fits(None)
    assert (allowance.spent.calls, allowance.expected(cell, 10)) == (500, None)


@pytest.mark.parametrize(("held", "taken"), [((2, 0, 1), 1), ((1, 1, 0), 2), ((0, 3), 0), ((4, 2, 3), 1)])
def test_a_task_goes_to_the_process_that_holds_fewest(held, taken):
    """Or some would wait for one while others have nothing to do."""
    executor, given = Processes(len(held)), []
    executor._isolated = [
        SimpleNamespace(held=tasks, take=lambda jobs, at=at: given.append(at)) for at, tasks in enumerate(held)
    ]
    assert (executor.busy, executor.free) == (sum(held), 2 * len(held) - sum(held))
    executor.submit([Job(cells((2,), (1.0,))[0], 0, 10, 1, "blocks", 1.0, 1.0)])
    assert given == [taken]
    executor._away.unsent.append("jobs that could not be packed")  # are a task until they are told
    assert (executor.busy, executor.free) == (sum(held) + 1, 2 * len(held) - sum(held) - 1)


class Lawless(Resample):
    """A mutator that does not say its law."""

    def __init__(self):
        super().__init__(0.5)

    law = None


# ------------------------------------------------------------------------------------------------------ what is told


def failed(number):
    return FailedBatch("s" + 12 * "0" + "-" + 8 * "0", number, f"Cell({number})", "raised", "no", "", "")


@pytest.mark.parametrize("cells_failed", [MOST_LISTED - 1, MOST_LISTED, MOST_LISTED + 1, MOST_LISTED + 2])
def test_so_many_cells_are_listed_and_the_others_are_counted(cells_failed):
    title, *lines = explain([failed(number) for number in range(cells_failed)]).splitlines()
    assert title.startswith(f"{cells_failed} batches of {cells_failed} cells failed")
    listed = [f"Cell({number}): raised: no" for number in range(min(cells_failed, MOST_LISTED))]
    left = cells_failed - MOST_LISTED
    assert lines == listed + ([f"and {left} more cell{'' if left == 1 else 's'}"] if left > 0 else [])


def test_a_long_text_keeps_both_of_its_ends():
    assert _shortened("abcdefghij" + "x" * 90 + "klmnopqrst", 20) == "abcdefghij ... klmnopqrst"
    assert _shortened("x" * 20, 20) == "x" * 20
    assert _shortened(7, 1) == 7


def test_hosts_are_the_drivers_and_those_of_workers_each_once():
    launch = {"hosts": ["driver"], "ended": None, "how": None, "started": "then"}
    assert ended(launch, "finished")["hosts"] == ["driver"]
    made = ended(launch, "interrupted", ["b", "a", "driver", "b"])
    assert (made["hosts"], made["how"], made["started"]) == (["driver", "b", "a"], "interrupted", "then")
    assert launch["hosts"] == ["driver"]


@pytest.mark.parametrize(
    ("begun", "written", "now", "due"),
    [(0, 0, 1.9, False), (0, 0, 2.1, True), (0, 100, 101.9, False), (0, 397, 400, False), (0, 395.9, 400, True)],
)
def test_a_part_is_written_every_two_seconds_and_later_in_a_long_launch(begun, written, now, due, monkeypatch):
    """Two seconds, also of a launch that has just begun; of one that takes 400 seconds, four."""
    driver = object.__new__(Driver)
    driver._begun, driver._written, driver._sink = float(begun), float(written), SimpleNamespace(rows_held=0)
    monkeypatch.setattr("experiments.running.driver.time.monotonic", lambda: now)
    assert driver._due() is due


@pytest.mark.parametrize(("beyond", "due"), [(-1, False), (0, False), (1, True)])
def test_a_part_is_written_at_once_where_more_rows_are_held_than_may_be(beyond, due, monkeypatch):
    driver = object.__new__(Driver)
    driver._begun = driver._written = 0.0
    driver._sink = SimpleNamespace(rows_held=MOST_ROWS_HELD + beyond)
    monkeypatch.setattr("experiments.running.driver.time.monotonic", lambda: 0.5)
    assert driver._due() is due


@pytest.mark.parametrize(
    ("threads", "sent", "free"), [(0, 0, 1), (0, 1, 0), (3, 0, 6), (3, 4, 2), (3, 6, 0), (3, 8, -2)]
)
def test_a_cluster_has_room_for_two_tasks_a_thread_less_those_that_it_has(threads, sent, free):
    cluster = object.__new__(Cluster)  # without a scheduler
    cluster._threads, cluster._sent = threads, dict.fromkeys(range(sent))
    cluster._away = SimpleNamespace(unsent=[])
    assert cluster.free == free
    cluster._away.unsent.append("jobs that could not be packed")
    assert cluster.free == free - 1


def test_batches_beyond_those_that_are_asked_for_are_no_runs_of_the_grid():
    """A folder that holds batches 0 to 3 of a cell, of which a grid of 15 runs needs two, the second half."""
    grid = Grid("less", cells(ks=(2,), prices=(1.0,)), runs=15, batch=10)
    (sample,) = grid.samples
    plan = Agenda(grid, {(sample, batch) for batch in range(4)})
    assert (plan.batches, plan.of_batches, plan.runs, plan.of_runs, plan.cells) == (2, 2, 15, 15, 1)


def test_the_time_left_is_that_of_all_batches_over_the_workers():
    """Of those that are foreseen, at their pace, and of those that are not, at theirs: one after the other."""
    plan = Agenda(Grid("two", cells(ks=(2,), prices=(1.0,)), runs=20, batch=10))
    plan._forecast, plan._foreseen, plan._unforeseen = 1.0, SimpleNamespace(left=30.0), SimpleNamespace(left=12.0)
    assert [plan.seconds_left(workers) for workers in (1, 2)] == [42.0, 21.0]
    plan._foreseen.left = None
    assert plan.seconds_left(1) is None


def test_what_is_left_is_told_for_the_workers_that_there_are():
    driver = object.__new__(Driver)
    driver._plan = SimpleNamespace(
        batches=1, of_batches=2, cells=3, runs=5, of_runs=6, needs=lambda key: True, seconds_left=lambda n: 60.0 / n
    )
    driver._grid, driver._last, driver._doubted, driver.failures = SimpleNamespace(cells=[0] * 4), None, {}, []
    told = driver._progress(SimpleNamespace(workers=3), 7)
    assert told == Progress(
        cell=None, batches=1, of_batches=2, cells=3, of_cells=4, runs=5, of_runs=6, failures=0, left=20.0, there=7
    )
    assert driver._progress(SimpleNamespace(workers=0)).left == 60.0


def test_the_status_counts_batches_of_no_cell_and_tells_the_last_write(tmp_path):
    """Of a grid of three cells, two batches each, one cell is left: four batches are of none. Parts are of two days."""
    whole = cells(ks=(2, 3, 4), prices=(1.0,))
    run_grid(Grid("less", whole, runs=20, batch=10), tmp_path, workers=1)
    run_grid(Grid("less", [whole[0]], runs=30, batch=10), tmp_path, workers=1)
    parts = sorted((tmp_path / "runs").iterdir())
    assert len(parts) == 2
    for day, part in enumerate(parts, start=1):
        os.utime(part, (86_400.0 * day, 86_400.0 * day))
    found = status(tmp_path)
    assert (found.strays, found.batches, found.runs) == (4, 3, 30)
    assert found.written == 2 * 86_400.0


def test_a_cell_is_run_instead_of_another_as_often_and_at_its_own_price():
    """As a grid of that cell alone has it: other tokens, other prices, and 25 runs, of which batches have 10."""
    cell, other = (
        Cell(
            BlockOneMax(3, l=tokens),
            Resample(0.5),
            AllBlocks(),
            OnePlusLambda(lam),
            cost=TokenPrices(1.0, tokens, unit=1),
        )
        for tokens, lam in ((4, 1), (5, 2))
    )
    stored, alone = (run_grid(Grid("tiny", [each], runs=25, batch=10, seed=3), workers=1) for each in (cell, other))
    found = executed_otherwise(stored, cell, other)
    assert found["hit"].tolist() == alone.runs["hit"].tolist()
    assert found["cost"].tolist() == pytest.approx(alone.runs["cost"].tolist(), rel=1e-12)
    assert len(found) == 25


def test_the_trace_of_runs_is_in_order_of_runs_and_calls():
    table = trace(cells()[0], runs=50)
    assert table[["run", "call"]].apply(tuple, axis=1).is_monotonic_increasing
    assert table["run"].unique().tolist() == list(range(50))
    assert (table.groupby("run")["call"].first() == 0).all()
    assert table.index.tolist() == list(range(len(table)))


def test_of_versions_that_differ_those_here_come_first():
    mine = versions()
    assert different_versions({"numpy": "1.0", "scipy": mine["scipy"], "python": "3.1"}) == (
        f"has numpy {mine['numpy']}, not 1.0; python {mine['python']}, not 3.1 as the driver: install the same, "
        "results must not differ"
    )
