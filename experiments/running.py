"""Running a grid: batches as tasks for worker processes, finished ones into the store as they come."""

from __future__ import annotations

import os
import pickle
import platform
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from evo.blocks import RunCounts
from evo.deap_engine import run_batch_deap
from evo.engine import run_blocks
from evo.errors import EvoError, InputError, OperatorError
from evo.faults import told
from evo.seeding import streams
from experiments.cell import Cell
from experiments.extensions import look_up_in
from experiments.forecasts import check_budgets, seconds_a_batch
from experiments.grid import Grid
from experiments.store import Results, Store, describe, load
from experiments.table import cells_table, no_runs, runs_table

if TYPE_CHECKING:
    import pandas as pd

SECONDS_A_TASK = 0.5
SECONDS_BETWEEN_WRITES = 2.0


@dataclass(frozen=True)
class Job:
    """One batch of one cell."""

    cell: Cell
    batch: int
    seconds: float


@dataclass(frozen=True)
class Failure:
    """A batch that a part of the cell made impossible."""

    cell: Cell
    batch: int
    message: str


@dataclass(frozen=True)
class Progress:
    """How far a grid is.

    Attributes:
        cell: the cell that last had a batch finished; None at the start.
        batches: finished batches, those of earlier launches included.
        of_batches: all batches.
        seconds: expected single-core seconds of the finished batches of this launch.
        of_seconds: the same of all batches of this launch.
        there: cells of which all batches were there before this launch.
    """

    cell: Cell | None
    batches: int
    of_batches: int
    seconds: float
    of_seconds: float
    there: int = 0


class GridFailure(EvoError):
    """Some cells of a grid could not be run; all others were.

    Attributes:
        results: what was run, stored or not.
    """

    def __init__(self, message: str, results: Results) -> None:
        super().__init__(message)
        self.results = results


class WorkerDied(EvoError):
    """A worker process was killed, or a part ended it; what was finished before is stored."""


def run_grid(
    grid: Grid,
    out: Path | str | None = None,
    workers: int | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
    accept_changed_code: bool = False,
    tell: Callable[[str], None] = lambda message: warnings.warn(message, UserWarning, stacklevel=3),
) -> Results:
    """Run a grid; the same table for any number of workers and any interruption.

    Args:
        grid: what to run.
        out: the results folder; what is there already is not run again. None: nothing is written.
        workers: processes; None: one for each core.
        watch: called with the progress at the start and after each task.
        accept_changed_code: whether to add to runs of a part of others whose source has changed since.
        tell: called with what the user should know of the folder, such as damaged parts that were set aside.

    Raises: InputError for a cell without a budget whose mean is not known to be finite, or for changed code;
    GridFailure if parts of some cells broke, after all others are done; StoreError if the folder cannot be written
    or another launch is at work in it; WorkerDied if a process was killed; KeyboardInterrupt. What is
    finished by then is stored.
    """
    check_budgets(grid)
    if workers is not None and workers < 1:
        raise InputError(f"run_grid: workers must be at least 1, got {workers}")
    with ExitStack() as stack:
        store = None if out is None else stack.enter_context(Store.open(Path(out), grid, accept_changed_code))
        jobs = _jobs(grid, set() if store is None else store.finished())
        if store is not None:
            store.note(_launch(grid, jobs, store.accepted, store.told))
            for message in store.told:
                tell(message)
        rows, failures = _run_jobs(grid, jobs, store, workers or os.cpu_count() or 1, watch)
        results = Results.of(describe(grid), cells_table(grid), rows) if store is None else load(store.path)
    results = replace(results, known={cell.id: cell for cell in grid.cells})
    if failures:
        raise GridFailure(_explain(failures), results)
    return results


def simulate(cell: Cell, seed: int, batch: int, size: int, engine: str = "blocks") -> RunCounts:
    """One batch of runs of a cell.

    Raises: OperatorError if a part breaks its contract.
    """
    run = run_blocks if engine == "blocks" else run_batch_deap
    named = streams(seed, cell.identity, batch)
    counts, _ = run(cell.problem, cell.mutator, cell.schedule, cell.runner, named, size, cell.limits)
    return counts


def trace(cell: Cell, seed: int = 1, runs: int = 500, engine: str = "blocks") -> pd.DataFrame:
    """Every improvement of the first batch of a cell: run, call (0 for the initial solution), fitness from there on.

    Where evaluators err or several solutions are kept: every change of the current solution, its true fitness and the
    `seen` one.

    The runs are those of a grid with the same seed and batch = runs.

    Raises: OperatorError if a part breaks its contract.
    """
    import pandas as pd

    run = run_blocks if engine == "blocks" else run_batch_deap
    named = streams(seed, cell.identity, 0)
    size = cell.batch_size(runs)
    _, found = run(cell.problem, cell.mutator, cell.schedule, cell.runner, named, size, cell.limits, trace=True)
    assert found is not None  # asked for
    table = pd.DataFrame({"run": found.run, "call": found.call, "fitness": found.fitness})
    if found.seen is not None:
        table["seen"] = found.seen
    return table.sort_values(["run", "call"], ignore_index=True)


def _jobs(grid: Grid, finished: set[tuple[str, int]]) -> list[Job]:
    """The batches that are still to run, the longest first."""
    jobs = []
    for cell in grid.cells:
        size = cell.batch_size(grid.batch)
        todo = [batch for batch in range(-(-grid.runs // size)) if (cell.id, batch) not in finished]
        if todo:
            seconds = seconds_a_batch(cell, size, grid.engine)
            jobs += [Job(cell, batch, seconds) for batch in todo]
    return sorted(jobs, key=lambda job: -job.seconds)


def _tasks(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Jobs put together so that a task takes half a second or more."""
    task: list[Job] = []
    for job in jobs:
        task.append(job)
        if sum(each.seconds for each in task) >= SECONDS_A_TASK:
            yield task
            task = []
    if task:
        yield task


def _run_jobs(
    grid: Grid, jobs: list[Job], store: Store | None, workers: int, watch: Callable[[Progress], None]
) -> tuple[pd.DataFrame, list[Failure]]:
    import pandas as pd

    of_batches = sum(-(-grid.runs // cell.batch_size(grid.batch)) for cell in grid.cells)
    of_seconds = sum(job.seconds for job in jobs)
    done, seconds = of_batches - len(jobs), 0.0
    there = len(grid.cells) - len({job.cell.id for job in jobs})
    watch(Progress(None, done, of_batches, 0.0, of_seconds, there))
    waiting: list[pd.DataFrame] = []
    kept: list[pd.DataFrame] = [no_runs()]
    failures: list[Failure] = []
    written = time.monotonic()
    try:
        for task, outcomes in _execute(grid, list(_tasks(jobs)), workers):
            for job, outcome in zip(task, outcomes, strict=True):
                if isinstance(outcome, Failure):
                    failures.append(outcome)
                else:
                    waiting.append(runs_table(job.cell, grid.engine, job.batch, outcome))
            done, seconds = done + len(task), seconds + sum(job.seconds for job in task)
            watch(Progress(task[-1].cell, done, of_batches, seconds, of_seconds))
            if store is not None and time.monotonic() - written > SECONDS_BETWEEN_WRITES:
                waiting, written = _write(store, waiting), time.monotonic()
    finally:
        if store is not None:
            waiting = _write(store, waiting)
        kept += waiting
    return pd.concat(kept, ignore_index=True), failures


def _write(store: Store, tables: list[pd.DataFrame]) -> list[pd.DataFrame]:
    import pandas as pd

    if tables:
        store.add(pd.concat(tables, ignore_index=True))
    return []


def _execute(grid: Grid, tasks: list[list[Job]], workers: int) -> Iterator[tuple[list[Job], list[RunCounts | Failure]]]:
    """The tasks with their outcomes, in the order in which they finish."""
    from joblib import Parallel, delayed
    from joblib.externals.loky import BrokenProcessPool
    from joblib.externals.loky.backend.reduction import dumps

    workers = min(workers, len(tasks))
    if workers <= 1:
        for task in tasks:
            yield task, _run_task(grid.seed, grid.batch, grid.engine, task)
        return
    numbered = (
        delayed(_run_numbered)(
            number, grid.seed, grid.batch, grid.engine, bytes(dumps(task)), tuple(sys.path), os.getpid()
        )
        for number, task in enumerate(tasks)
    )
    pool = Parallel(n_jobs=workers, batch_size=1, return_as="generator_unordered")
    try:
        with ExitStack() as stack:
            with _interrupts_held():
                finished = cast("Generator[tuple[int, list[RunCounts | Failure]]]", pool(numbered))
                stack.callback(_stop_workers, finished)
            for number, outcomes in finished:
                yield tasks[number], outcomes
    except BrokenProcessPool as error:
        raise WorkerDied(
            f"a worker process died, perhaps for want of memory; run again to go on, with fewer workers: {error}"
        ) from None


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the block is left; processes started in it never get any: it is the driver's.

    Otherwise workers that are still importing, or not told yet what to do, would fill the terminal with tracebacks.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    ensure_running()  # a helper process of the pool, whose start would let Ctrl-C through again
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))  # for other threads get it, too
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what new processes inherit
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if held:
        signal.raise_signal(signal.SIGINT)


def _run_numbered(
    number: int, seed: int, batch: int, engine: str, task: bytes, path: tuple[str, ...], driver: int
) -> tuple[int, list[RunCounts | Failure]]:
    """A task in a worker process, which leaves Ctrl-C to the driver and finds parts of others where that found them."""
    if os.getpid() != driver:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    look_up_in(path)  # before the task is unpickled, which imports their modules
    return number, _run_task(seed, batch, engine, pickle.loads(task))


def _run_task(seed: int, batch: int, engine: str, task: list[Job]) -> list[RunCounts | Failure]:
    """Outcomes of the jobs of a task; errors come back as values, so that they cost their own batch only."""
    outcomes: list[RunCounts | Failure] = []
    for job in task:
        try:
            outcomes.append(simulate(job.cell, seed, job.batch, job.cell.batch_size(batch), engine))
        except (OperatorError, InputError) as error:
            outcomes.append(Failure(job.cell, job.batch, str(error)))
        except (Exception, SystemExit) as error:
            shown = f"{told(error, job.cell)}\n{traceback.format_exc(limit=-4)}"
            outcomes.append(Failure(job.cell, job.batch, shown))
    return outcomes


def _stop_workers(finished: Generator[object]) -> None:
    """End the worker processes, in the middle of a task or not: later ones must not know operators of old."""
    from joblib.externals.loky import get_reusable_executor

    hook = threading.excepthook
    threading.excepthook = lambda args: None  # the pool's own thread may stumble over tasks that are cancelled
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # joblib's advice on tasks that are cancelled
            finished.close()
        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
    finally:
        threading.excepthook = hook


def _explain(failures: Iterable[Failure]) -> str:
    """The first failure of each cell."""
    first: dict[str, Failure] = {}
    for failure in failures:
        first.setdefault(failure.cell.text, failure)
    listed = "\n".join(f"{text}:\n  {failure.message.strip()}" for text, failure in first.items())
    return f"{len(first)} cell{'s' if len(first) > 1 else ''} could not be run; all others are done.\n{listed}"


def _launch(grid: Grid, jobs: list[Job], accepted: list[str], told: list[str]) -> dict[str, Any]:
    """What to write down of a launch."""
    names = ("llm-evo-testbed", "numpy", "scipy", "pandas", "joblib", "deap")
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "runs": grid.runs,
        "batches to run": len(jobs),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: version(name) for name in names},
        **({"accepted changed code": accepted} if accepted else {}),
        **({"told": told} if told else {}),
    }
