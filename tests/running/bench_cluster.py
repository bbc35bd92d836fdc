"""What a scheduler of many machines and the driver cost a task, a batch and a cell.

    python tests/running/bench_cluster.py

Costs are processor time, so that they hold on a machine that does other things, too; rates are of the clock, over TCP
on this machine. `docs/beyond-one-machine.md` quotes them.
"""

import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from evo import AllBlocks, OnePlusLambda, RoundRobin, UntilResolved
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid, sweep
from experiments.predictions.forecast import check_budgets
from experiments.running.agenda import Agenda
from experiments.running.allowance import Allowance
from experiments.running.driver import Driver
from experiments.running.executors.cluster import Cluster
from experiments.running.executors.executor import Here
from experiments.running.executors.messages import JobsAway, RemoteCall, TaskMessage, own_path, versions
from experiments.running.interrupts import Interrupt
from experiments.running.launch import run_grid
from experiments.running.limits import GridLimits, Spent
from experiments.running.sink import IntoStore
from experiments.running.tasks import Job, outcome_of, run_job
from experiments.store.results import load
from experiments.store.store import Store
from operators import FixKeep, Resample
from problems import BlockOneMax

TASKS, PENDING = 1000, 2000
CELLS = 5000
ROWS = 1000


def grid(cells, runs, batch=ROWS):
    """A grid of about so many cells: 100 k x 2 schedules x mutators."""
    problems = [BlockOneMax(k, l=4) for k in range(1, 101)]
    mutators = [FixKeep(fix=round(0.2 + 0.6 * i * 200 / cells, 6), keep=0.99) for i in range(max(1, cells // 200))]
    schedules = [UntilResolved(), RoundRobin()]
    return Grid("bench", list(sweep(problem=problems, mutator=mutators, schedule=schedules, runner=OnePlusLambda())),
                runs=runs, batch=batch)  # fmt: skip


def tiny_jobs():
    """One batch of one run each, of one cell."""
    (cell,) = sweep(problem=BlockOneMax(1, l=4), mutator=Resample(0.5), schedule=AllBlocks(), runner=OnePlusLambda())
    return (Job(cell, number, 1, 1, "blocks", 0.001, 3600.0) for number in range(10**9))


@contextmanager
def machines(workers):
    """A scheduler with worker processes of one thread each, as commands start them."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:

        def start(command, *arguments):
            line = [sys.executable, "-m", f"distributed.cli.{command}", *arguments, "--no-dashboard"]
            process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
            stack.callback(process.wait)
            stack.callback(process.kill)

        file = Path(folder) / "scheduler.json"
        start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        while not file.exists():
            time.sleep(0.1)
        for _ in range(workers):
            start("dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny")
        yield json.loads(file.read_text())["address"]


def at_scheduler(cluster):
    """Processor seconds and bytes of the scheduler's process."""

    def look():
        import time as clock
        from pathlib import Path as File

        return clock.process_time(), int(File("/proc/self/statm").read_text().split()[1]) * 4096

    return cluster._client.run_on_scheduler(look)


def through(cluster, jobs, tasks, in_flight):
    """Seconds by the clock, of the driver's and the scheduler's processor, for some tasks of one tiny batch."""
    clock, driver, (scheduler, _) = time.perf_counter(), time.process_time(), at_scheduler(cluster)
    sent = done = 0
    while done < tasks:
        while sent < tasks and cluster.busy < in_flight:
            cluster.submit([next(jobs)])
            sent += 1
        done += len(cluster.finished(5.0))
    return time.perf_counter() - clock, time.process_time() - driver, at_scheduler(cluster)[0] - scheduler


def tasks_a_second():
    job = next(tiny_jobs())
    message = TaskMessage(JobsAway(elsewhere=True).pack((job,)), own_path(), versions(), "x" * 40)
    print(f"bytes a task up {len(pickle.dumps(RemoteCall(int, message)))}, down {len(pickle.dumps(run_job(job)))}")
    for workers in (1, 2):
        with machines(workers) as address, Cluster(address) as cluster:
            jobs = tiny_jobs()
            while cluster.workers < workers:
                cluster.submit([next(jobs)])
                cluster.finished(1.5)
            while cluster.busy:
                cluster.finished(1.0)
            through(cluster, jobs, TASKS // 10, cluster.free)
            for in_flight in (1, cluster.free, 100):
                clock, driver, scheduler = through(cluster, jobs, TASKS, in_flight)
                print(
                    f"{workers} worker threads, {in_flight} tasks in flight: {TASKS / clock:.0f} tasks a second, "
                    f"{clock / TASKS * 1e3:.1f} ms each; processor: driver {driver / TASKS * 1e3:.2f} ms, "
                    f"scheduler {scheduler / TASKS * 1e3:.2f} ms a task"
                )
    with machines(0) as address, Cluster(address) as cluster:
        jobs = tiny_jobs()
        before, own = at_scheduler(cluster)[1], resident()
        for _ in range(PENDING):
            cluster.submit([next(jobs)])
        time.sleep(3.0)
        print(
            f"memory a pending task: scheduler {(at_scheduler(cluster)[1] - before) / PENDING / 1e3:.1f} kB, "
            f"driver {(resident() - own) / PENDING / 1e3:.1f} kB"
        )


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Instant(Here):
    """An executor whose workers take no time: each batch is answered with the columns of one that was run before."""

    def __init__(self):
        super().__init__()
        self._answers = {}

    def finished(self, patience):
        task = self._tasks.popleft()
        for job in task:
            if job.size not in self._answers:
                self._answers[job.size] = run_job(job)
        return [outcome_of(job, self._answers[job.size]) for job in task]


def driver_alone():
    for batch in (1, 100, 1000):
        few = grid(200, runs=batch * 20, batch=batch)
        with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "r", few, False) as store:
            plan, limits = Agenda(few, {}), GridLimits()
            driver = Driver(few, plan, IntoStore(store), Allowance(limits, Spent()), lambda progress: None)
            clock, begun = time.perf_counter(), time.process_time()
            driver.run(Instant(), Interrupt())
            spent = time.process_time() - begun
            batches = plan.of_batches
            print(
                f"driver alone, {batch} runs a batch: {batches / spent:,.0f} batches and "
                f"{batches * batch / spent:,.0f} rows a second of processor time "
                f"({time.perf_counter() - clock:.1f} s by the clock)"
            )
    real = grid(200, runs=1000)
    with tempfile.TemporaryDirectory() as folder:
        run_grid(real, Path(folder) / "r")
        size = sum(file.stat().st_size for file in (Path(folder) / "r").rglob("*") if file.is_file())
        rows = len(load(Path(folder) / "r").runs)
        print(f"store: {size / rows:.1f} bytes a run ({rows:,} runs of {len(real.cells)} cells)")


def of_cells():
    def took(what, function):
        begun = time.process_time()
        value = function()
        print(f"{what}: {(time.process_time() - begun) / len(many.cells) * 1e3:.3f} ms a cell")
        return value

    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    many = grid(CELLS, runs=1000)
    for cell in many.cells:
        assert cell.id  # made when it is asked for
    print(
        f"grid of {len(many.cells):,} cells: {(tracemalloc.get_traced_memory()[0] - before) / CELLS:.0f} bytes a cell"
    )
    before = tracemalloc.get_traced_memory()[0]
    plan = Agenda(many, {})
    print(f"plan: {(tracemalloc.get_traced_memory()[0] - before) / CELLS:.0f} bytes a cell")
    del plan
    tracemalloc.stop()
    took("made and named", lambda: [cell.id for cell in grid(CELLS, runs=1000).cells])
    took("budgets checked", lambda: check_budgets(grid(CELLS, runs=1000)))
    took("planned", lambda: Agenda(grid(CELLS, runs=1000), {}))
    took("table of cells", lambda: cells_table(many))
    with tempfile.TemporaryDirectory() as folder:

        def opened():
            with Store.open(Path(folder) / "r", many, False):
                pass

        took("folder made", opened)
        took("folder opened again", opened)
    print(f"most memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {sys.version.split()[0]}, numpy {np.__version__}"
    )
    of_cells()
    driver_alone()
    tasks_a_second()
