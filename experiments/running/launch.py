"""Running a grid: an executor runs its missing batches, into a results folder or into memory."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from evo.errors import EvoError, InputError
from evo.foreign import foreign
from evo.parameters import shown
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import a_path, expect_a, expect_whole
from experiments.grids.grid import Grid
from experiments.predictions.forecast import check_budgets
from experiments.running.agenda import Agenda
from experiments.running.allowance import Allowance
from experiments.running.driver import Driver
from experiments.running.executors.executor import Executor, Here
from experiments.running.interrupts import first_is_a_wish
from experiments.running.limits import COUNTED, GridLimits, Spent
from experiments.running.progress import Progress
from experiments.running.real import RealExecution, SpendingEnded, expect_real
from experiments.running.sink import IntoMemory, IntoStore, Sink
from experiments.store.batches import Batches
from experiments.store.failures import FailedBatch, explain
from experiments.store.launches.provenance import begin, ended
from experiments.store.results import Results
from experiments.store.store import Store
from experiments.store.table import BatchKey


class GridFailure(EvoError):
    """Some batches of a grid could not be run; all others were.

    Attributes:
        results: what was run, stored or not.
        failures: the batches that failed, in this launch or an earlier one.
    """

    def __init__(self, message: str, results: Results, failures: list[FailedBatch]) -> None:
        super().__init__(message)
        self.results = results
        self.failures = failures


class LimitReached(EvoError):
    """A limit of the whole grid was reached; what was at work then is finished.

    Attributes:
        results: what was run, stored or not; None if the limit was reached before anything ran.
    """

    def __init__(self, message: str, results: Results | None) -> None:
        super().__init__(message)
        self.results = results


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)


def run_grid(
    grid: Grid,
    out: Path | str | None = None,
    workers: int | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
    accept_changed_code: bool = False,
    tell: Callable[[str], None] = _warn,
    *,
    limits: GridLimits = GridLimits(),
    time_limit: float | None = None,
    memory: float | None = None,
    isolated: bool = False,
    retry_failed: bool = False,
    scheduler: str | None = None,
    predicting: Callable[[AnyCell, int, int], None] = lambda cell, done, of: None,
    real: RealExecution | None = None,
) -> Results:
    """Run a grid; the same table for any number of workers, any executor and any interruption.

    Ctrl-C once finishes what is at work, twice stops at once; either way what is finished is stored, and the same call
    goes on from there.

    Args:
        grid: what to run.
        out: the results folder; what is there already is not run again. None: nothing is written.
        workers: processes; None: one for each core, or a single one for so little work that starting others would take
            longer. A single one is this process, in which a part that hangs, or ends
            the process, takes the launch with it, unless `isolated`.
        watch: called with the progress at the start and after each task.
        accept_changed_code: whether to add to runs of a third-party part whose source has changed since.
        tell: called with what the user should know, such as damaged parts that were set aside.
        limits: when to send nothing more.
        time_limit: seconds after which a batch is ended, as a failure; None: an hour, or 20 times what it is expected
            to take. Not in this process.
        memory: GiB of data that a worker process may have; None: its share of 90 % of the machine's.
        isolated: whether a single worker is a process of its own, too.
        retry_failed: whether to run only what failed before, instead of all else that is missing.
        scheduler: address of a dask scheduler, tcp://HOST:PORT, whose workers run the tasks instead; the folders of
            third-party parts must exist there. Neither `workers` nor `memory` is for them.

        predicting: called with each cell that is predicted before anything runs, how many were before it, of how many.
        real: how the calls of cells whose mutator is a real model are made, such as `experiments.RealCalls`.

    Raises: InputError for a cell without a budget whose mean is not known to be finite, or for changed code;
    GridFailure if some batches failed, after all others are done; LimitReached; StoreError if the folder cannot be
    written or another launch is at work in it; WorkersLost if nobody is left to go on; KeyboardInterrupt. What is
    finished by then is stored.
    """
    expect_a(Grid, "run_grid", grid, "a Grid")
    allowance = Allowance(limits, spent := Spent())  # now, since planning takes time, too
    check_budgets(grid)
    _expect_numbers(workers, time_limit, memory)
    others = any(given is not None for given in (workers, time_limit, memory, scheduler))
    expect_real(grid.cells, real, out, others)
    if scheduler is not None:
        _expect_their_own(workers, memory)
    if retry_failed and out is None:
        raise InputError("run_grid: retry_failed needs a results folder (out), got None")
    with ExitStack() as stack:
        path = None if out is None else a_path("run_grid: out", out)
        watched = _in_time(predicting, limits, spent)
        store = None if path is None else stack.enter_context(Store.open(path, grid, accept_changed_code, watched))
        ahead = AHEAD_ON_A_CLUSTER if scheduler is not None else workers or os.cpu_count() or 1
        ahead = 1 if limits.on_runs or real is not None else ahead  # none is run in vain
        plan, reused = _plan(grid, store, retry_failed, allowance, time_limit=time_limit, ahead=ahead)
        strange = any(True for cell in grid.cells for _ in foreign(cell))
        workers = _workers(workers, plan, strange)
        alone = workers == 1 and not isolated and time_limit is None and memory is None
        if real is not None and path is not None:
            executor = real.executor(path, tell)
        else:
            executor = _executor(workers, memory, alone, scheduler)
        sink: Sink = IntoMemory() if store is None else IntoStore(store)
        driver = Driver(grid, plan, sink, allowance, watch)
        wish = stack.enter_context(first_is_a_wish(lambda: tell(FINISHING)))
        with _noted(store, grid, plan, driver, reused):
            for message in () if store is None else store.told:
                tell(message)
            try:
                driver.run(executor, wish)
            except SpendingEnded as error:
                driver.stopped = str(error)
        for name, drew in driver.drew.items():
            tell(
                f"{name} draws from {drew}, which the seed of the grid does not name: another launch gives another "
                "table; draw from the rng that is passed"
            )
        failed = driver.failures if store is None else list(store.failures().values())
        failures = [each for each in failed if plan.needs(each.key)]
        results = sink.results(grid)
    if failures:
        raise GridFailure(_told(failures, store), results, failures)
    if driver.stopped:
        raise LimitReached(
            f"the grid's limit is reached ({driver.stopped}): what was at work is finished and kept; the same command "
            "with a larger limit goes on from there",
            results,
        )
    return results


def _plan(
    grid: Grid, store: Store | None, retry_failed: bool, allowance: Allowance, **options: Any
) -> tuple[Agenda, int]:
    """What is to run, and how many batches of other budgets could be taken over; what is there counts as spent."""
    if store is None:
        return Agenda(grid, allowance=allowance, **options), 0
    found = store.batches(grid)
    reused = store.take_over(grid, found)
    if allowance.on_runs:
        _count(grid, found, allowance.spent)
    failed = store.failures()
    store.forget_failures(failed.keys() & found.file.keys())  # a launch was killed before it could
    left_out, only = ((), failed) if retry_failed else (failed, None)
    return Agenda(grid, found.file, found.hits or {}, left_out, only, allowance=allowance, **options), reused


@contextmanager
def _noted(store: Store | None, grid: Grid, plan: Agenda, driver: Driver, reused: int) -> Iterator[None]:
    """Write down that a launch has begun, and how it ended."""
    if store is None:
        yield
        return
    more = {"batches taken over": reused} if reused else {}
    launch = begin(grid, plan.of_batches - plan.batches, None, store.accepted, store.told, **more)
    store.note(launch)
    how = "failed"
    try:
        yield
        how = "stopped at a limit" if driver.stopped else "finished"
        if any(plan.needs(each.key) for each in driver.failures):
            how = "failed"
    except KeyboardInterrupt:
        how = "interrupted"
        raise
    finally:
        store.note(ended(launch, how, sorted(driver.hosts)), launch)


SECONDS_TO_START = 2.0
"""Of a core: what two worker processes take until they have loaded what they need."""
AHEAD_ON_A_CLUSTER = 16
"""Batches of a cell on their way before its stopping rule needs them, where there may be hundreds of workers."""
FINISHING = "finishing what is at work; Ctrl-C again stops at once"


def _expect_numbers(workers: int | None, time_limit: float | None, memory: float | None) -> None:
    if workers is not None:
        expect_whole("run_grid: workers", workers, 1)
    for name, value in (("time_limit", time_limit), ("memory", memory)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
            raise InputError(f"run_grid: {name} must be a number > 0 or None, got {shown(value)}")


def _expect_their_own(workers: int | None, memory: float | None) -> None:
    """Refuse a number or memory of workers beside a scheduler: its workers have those that they were started with."""
    for name, value, option in (("workers", workers, "--nworkers"), ("memory", memory, "--memory-limit")):
        if value is not None:
            raise InputError(f"run_grid: {name} is not for a scheduler's workers, got {value!r}; use dask's {option}")


def _workers(workers: int | None, plan: Agenda, strange: bool = False) -> int:
    """How many workers to start: as many as asked for, or cores, but no more than batches are missing.

    Unless it is asked for, none is started for less work than starting it takes, if no third-party part could take
    this process with it (`strange`).
    """
    if workers is None and not strange and plan.foreseen is not None and plan.foreseen < SECONDS_TO_START:
        return 1
    return max(1, min(workers or os.cpu_count() or 1, plan.of_batches - plan.batches))


def _expect_children() -> None:
    """Refuse to start workers from a daemon of multiprocessing, such as a worker of its pools: it may start no process.

    Raises: InputError.
    """
    import multiprocessing

    if multiprocessing.current_process().daemon:
        raise InputError(
            "run_grid: a worker process of multiprocessing (a daemon) may start no others, got one of these; give "
            "workers=1 there, without isolated, time_limit and memory, or call run_grid from a process that is none"
        )


def _executor(workers: int, memory: float | None, alone: bool, scheduler: str | None) -> Executor:
    if scheduler is not None:
        from experiments.running.executors.cluster import Cluster

        return Cluster(scheduler)
    if alone:
        return Here()
    _expect_children()
    from experiments.running.executors.processes import Processes
    from experiments.running.executors.worker_setup import memory_share

    return Processes(workers, memory_share(workers) if memory is None else int(memory * 2**30))


def _count(grid: Grid, found: Batches, spent: Spent) -> None:
    """Count calls and cost of earlier launches as spent: of all rows of the batches of this grid."""
    wanted: dict[Path, set[BatchKey]] = defaultdict(set)
    for key, file in found.file.items():
        if key[0] in grid.samples:
            wanted[file].add(key)
    for file, keys in wanted.items():
        for sample, rows in found.rows(file, keys).groupby("sample", sort=True):
            prices = grid.samples[str(sample)][0].prices
            spent.add({name: rows[name].to_numpy() for name in {*COUNTED, *prices}}, prices)


def _in_time(
    predicting: Callable[[AnyCell, int, int], None], limits: GridLimits, spent: Spent
) -> Callable[[AnyCell, int, int], None]:
    """`predicting`, which ends the launch where planning alone reaches the limit on seconds."""

    def watched(cell: AnyCell, done: int, of: int) -> None:
        predicting(cell, done, of)
        if reached := limits.reached(spent):
            raise LimitReached(
                f"the grid's limit is reached ({reached}) while its cells were predicted, {done:,} of {of:,}: nothing "
                "has run yet, and nothing of that is kept; give a larger limit, or fewer cells",
                None,
            )

    return watched


def _told(failures: list[FailedBatch], store: Store | None) -> str:
    again = "" if store is None else "\nThey are not tried again until you say so: --retry-failed (retry_failed=True)"
    return explain(failures, None if store is None else store.path) + again
