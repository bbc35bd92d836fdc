"""What a worker does: a task is some batches, cheap ones together; errors come back as values.

So an operator that errs costs its own batch only, and the driver needs no more of a worker than its answers.
"""

from __future__ import annotations

import random
import socket
import time
import traceback
from dataclasses import dataclass, field
from functools import singledispatch

import numpy as np

from evo.errors import InputError, OperatorError
from evo.foreign import describe_error, foreign
from evo.programs.execute import run_program
from evo.seeding import streams
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.programs.cell import ProgramCell
from experiments.running.simulation import simulate
from experiments.store.table import Columns, batch_columns, program_columns

HOST = socket.gethostname()
"""Of this process."""
RAISED, TIMED_OUT, DIED = "raised", "timed out", "died"
"""The kinds of failures."""
UNLIKE = "unlike"
"""The kind of an answer of a machine that would not run the job as the driver would; nothing was run."""


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

    cell: AnyCell
    batch: int
    size: int
    seed: int
    engine: str
    seconds: float
    limit: float


@dataclass(frozen=True)
class JobAnswer:
    """What a worker says of one job.

    Attributes:
        columns: the rows of the batch; None if it failed.
        error: why it failed, with the traceback.
        seconds: what it took.
        host: where it was run.
        kind: of the failure; empty if there is none.
        drew: which global generators of random numbers a third-party part has drawn from; empty if from none.
    """

    columns: Columns | None
    error: str
    seconds: float
    host: str
    kind: str = ""
    drew: str = ""


def failed(kind: str, why: str) -> JobAnswer:
    """The answer of a job that gave no rows.

    Args:
        kind: "raised", "timed out", "died" or "unlike".
        why: in words.
    """
    return JobAnswer(None, why, 0.0, HOST, kind)


@dataclass(frozen=True)
class Done:
    """A batch that was run; `drew` as of its answer."""

    job: Job
    columns: Columns = field(repr=False)
    seconds: float
    host: str
    drew: str = ""


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


JobOutcome = Done | Failure


def run_job(job: Job, passed_on: tuple[type[BaseException], ...] = ()) -> JobAnswer:
    """Run a job; whatever a part raises is its answer.

    Args:
        job: the job.
        passed_on: exceptions that are not caught: KeyboardInterrupt where the user's Ctrl-C comes here.
    """
    begun, columns, error, kind = time.perf_counter(), None, "", ""
    before = _global_generators()
    try:
        columns = rows_of_batch(job.cell, job)
    except passed_on:
        raise
    except BaseException as broken:  # KeyboardInterrupt, CancelledError and the like too, if a part raises them
        error, kind = in_words(broken, job.cell), RAISED
    after = _global_generators() if next(foreign(job.cell), None) is not None else before
    drew = " and ".join(name for name, state in before.items() if after[name] != state)
    return JobAnswer(columns, error, time.perf_counter() - begun, HOST, kind, drew)


@singledispatch
def rows_of_batch(cell: AnyCell, job: Job) -> Columns:
    """What the table of runs tells of a batch of a cell."""
    raise NotImplementedError(type(cell).__name__)


@rows_of_batch.register
def _(cell: Cell, job: Job) -> Columns:
    return batch_columns(cell, simulate(cell, job.seed, job.batch, job.size, job.engine))


@rows_of_batch.register
def _(cell: ProgramCell, job: Job) -> Columns:
    rng = streams(job.seed, cell.identity, job.batch).mutator
    return program_columns(cell, run_program(cell.program, job.size, rng))


def _global_generators() -> dict[str, tuple[object, ...]]:
    """The states of the generators of random numbers that everybody shares, which no seed of ours names."""
    kind, key, *rest = np.random.get_state()  # noqa: NPY002  # looked at, not drawn from
    return {"np.random": (kind, np.asarray(key).tobytes(), *rest), "random": random.getstate()}


def outcome_of(job: Job, answer: JobAnswer) -> JobOutcome:
    """The outcome of a job that a worker answered."""
    if answer.columns is None:
        return Failure(job, answer.kind, answer.error, answer.host)
    return Done(job, answer.columns, answer.seconds, answer.host, answer.drew)


def in_words(error: BaseException, cell: AnyCell) -> str:
    """What a part has raised, with the traceback; whatever the error's own code does."""
    try:
        if isinstance(error, OperatorError | InputError):
            return str(error)
        if isinstance(error, MemoryError):
            said = f"not enough memory for this batch; allow more, or lower {cell.largest} or batch"
        else:
            said = describe_error(error, cell)
        return f"{said}\n{''.join(traceback.format_exception(error, limit=-4))}"
    except Exception:
        return one_line(error)


def one_line(error: BaseException) -> str:
    """An error in words, whatever the error's own code does.

    >>> one_line(ValueError("no"))
    'ValueError: no'
    """
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, which cannot be shown"
