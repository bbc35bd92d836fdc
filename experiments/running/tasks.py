"""What a worker does: a task is some batches, cheap ones together; errors come back as values.

So that an operator that errs costs its own batch only, and the driver needs no more of a worker than its answers.
"""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from evo.errors import InputError, OperatorError
from evo.foreign import told
from experiments.grids.cell import Cell
from experiments.running.simulation import simulate
from experiments.store.table import Columns, batch_columns

HOST = socket.gethostname()
"""Of this process."""
RAISED, TIMED_OUT, DIED = "raised", "timed out", "died"
"""The kinds of failures."""


@dataclass(frozen=True)
class Job:
    """One batch of one cell.

    Attributes:
        cell: the cell.
        batch: number of the batch.
        size: its runs.
        seed: of the grid.
        engine: of the grid.
        seconds: what it is expected to take.
        limit: seconds after which it is ended.
    """

    cell: Cell
    batch: int
    size: int
    seed: int
    engine: str
    seconds: float
    limit: float


@dataclass(frozen=True)
class Answer:
    """What a worker says of one job.

    Attributes:
        columns: the rows of the batch; None if it failed.
        error: why it failed, with the traceback.
        seconds: what it took.
        host: where it was run.
    """

    columns: Columns | None
    error: str
    seconds: float
    host: str


@dataclass(frozen=True)
class Done:
    """A batch that was run."""

    job: Job
    columns: Columns = field(repr=False)
    seconds: float
    host: str


@dataclass(frozen=True)
class Failure:
    """A batch that a part of the cell made impossible.

    Attributes:
        job: the batch.
        kind: "raised", "timed out" or "died".
        message: what happened, with the traceback if there is one.
        host: where; empty if not known.
    """

    job: Job
    kind: str
    message: str
    host: str = ""


Outcome = Done | Failure


class Ended(BaseException):
    """Raised in the thread of a job that has to end; it is no error of the job's own."""


def run_jobs(
    jobs: Iterable[Job], begins: Callable[[int], None] = lambda number: None, users: type[BaseException] = Ended
) -> list[Answer]:
    """Run some jobs, one after the other; whatever a part raises is the answer of its own job.

    Args:
        jobs: the jobs.
        begins: called with the number of each job when it begins.
        users: raised by whoever waits for the jobs, and not caught: KeyboardInterrupt where Ctrl-C comes here.
    """
    answers = []
    for number, job in enumerate(jobs):
        begins(number)
        answers.append(_run_job(job, users))
    return answers


def outcome_of(job: Job, answer: Answer) -> Outcome:
    """The outcome of a job that a worker answered."""
    if answer.columns is None:
        return Failure(job, RAISED, answer.error, answer.host)
    return Done(job, answer.columns, answer.seconds, answer.host)


def _run_job(job: Job, users: type[BaseException]) -> Answer:
    begun, columns, error = time.perf_counter(), None, ""
    try:
        columns = batch_columns(job.cell, simulate(job.cell, job.seed, job.batch, job.size, job.engine))
    except BaseException as broken:  # KeyboardInterrupt, CancelledError and the like too, if a part raises them
        if isinstance(broken, users | Ended):
            raise
        error = _in_words(broken, job.cell)
    return Answer(columns, error, time.perf_counter() - begun, HOST)


def _in_words(error: BaseException, cell: Cell) -> str:
    """What a part has raised, with the traceback; whatever the error's own code does."""
    try:
        if isinstance(error, OperatorError | InputError):
            return str(error)
        if isinstance(error, MemoryError):
            said = "not enough memory for this batch; allow more, or lower k, l, lam or batch"
        else:
            said = told(error, cell)
        return f"{said}\n{''.join(traceback.format_exception(error, limit=-4))}"
    except Exception:
        return f"{type(error).__name__}, which cannot be shown"
