"""One worker process at a time, and the tasks it holds; what fails in it is tried again alone, in a fresh one.

So the batch that a part makes impossible is told from those that were only near it: in the same task, behind it in the
same process, or in a process that the part has spoilt for others.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.grids.extensions import look_up_in
from experiments.running.executors.executor import WorkersLost, in_short
from experiments.running.executors.guard import Guard, guarded
from experiments.running.interrupts import interrupts_held
from experiments.running.tasks import (
    DIED,
    RAISED,
    TIMED_OUT,
    Answer,
    Done,
    Failure,
    Job,
    Outcome,
    outcome_of,
    run_jobs,
)

AHEAD = 2
"""Tasks a process is given at once: the one at work, and one that waits, so that it need not wait for the driver."""
MOST_FALSE_STARTS = 10
READING = -1
"""Stands for the number of the job while the task is still being read."""
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


@dataclass(frozen=True)
class _Task:
    """Some jobs; `alone` if it is one that failed and runs again in a fresh process."""

    jobs: tuple[Job, ...]
    alone: bool = False


@dataclass(frozen=True)
class _Sent:
    """A task that the process has been given.

    Attributes:
        task: the task.
        note: the file where the worker notes what it is at.
        future: of its answers.
    """

    task: _Task
    note: Path
    future: Future[list[Answer]]

    def at(self) -> tuple[int, int, float] | None:
        """Pid of the worker, number of the job it is at (or READING), and since when; None if it has not begun."""
        try:
            pid, number, since = self.note.read_text().split()
            return int(pid), int(number), float(since)
        except (OSError, ValueError):
            return None

    def limit(self, number: int) -> float:
        """Seconds that the worker may be at a job, or at reading the task."""
        return self.task.jobs[max(number, 0)].limit


class Lane:
    """One worker process at a time, and the tasks it holds.

    Attributes:
        futures: of the tasks that the process has been given.

    Args:
        guard: what the process must know.
        notes: folder of the notes.
        number: of the lane.
        bad: ids of cells of which a batch failed alone in a fresh process; their failures are believed at once.
    """

    def __init__(self, guard: Guard, notes: Path, number: int, bad: set[str]) -> None:
        self._guard, self._notes, self._number, self._bad = guard, notes, number, bad
        self._waiting: deque[_Task] = deque()
        self._sent: deque[_Sent] = deque()
        self._outcomes: list[Outcome] = []
        self._overdue = False
        self._false_starts = self._count = 0
        self._pool: Any = None

    @property
    def held(self) -> int:
        """Tasks that are not finished, or whose outcomes were not fetched."""
        return len(self._waiting) + len(self._sent) + bool(self._outcomes)

    @property
    def futures(self) -> list[Future[list[Answer]]]:
        """Of the tasks that the process has been given."""
        return [sent.future for sent in self._sent]

    def take(self, jobs: Sequence[Job]) -> None:
        """Do some jobs after those that are held."""
        self._waiting.append(_Task(tuple(jobs)))
        self._pump()

    def finished(self) -> list[Outcome]:
        """Outcomes since the last call."""
        while self._sent and self._sent[0].future.done():
            self._settle(self._sent.popleft())
        self._pump()
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def end_overdue(self) -> None:
        """End the process if the job it is at is past its limit."""
        if not self._sent or self._overdue or self._sent[0].future.done():
            return
        at = self._sent[0].at()
        if at is not None and time.monotonic() - at[2] > self._sent[0].limit(at[1]):
            self._overdue = True
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(at[0], getattr(signal, "SIGKILL", signal.SIGTERM))

    def stop(self) -> None:
        """End the process, in the middle of a task or not."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None
        self._overdue = False

    def _pump(self) -> None:
        """Give the process what it may have: a task that runs alone neither before nor behind others."""
        while self._waiting:
            task = self._waiting[0]
            if self._sent and (task.alone or self._sent[0].task.alone or len(self._sent) >= AHEAD):
                return
            self._waiting.popleft()
            if task.alone:
                self.stop()
            self._send(task)

    def _send(self, task: _Task) -> None:
        from joblib.externals.loky.backend.reduction import dumps

        try:
            content = bytes(dumps(task.jobs))
        except Exception as error:
            self._unsound(task, RAISED, f"it cannot be sent to a worker process: {in_short(error)}")
            return
        self._count += 1
        note = self._notes / f"{self._number}-{self._count}"
        try:
            with interrupts_held():
                future = self._started().submit(_work, content, tuple(sys.path), str(note))
        except BrokenProcessPool:  # somebody has ended a process that had nothing to do
            self._began_in_vain()
            self.stop()
            self._waiting.appendleft(task)
        else:
            self._sent.append(_Sent(task, note, future))

    def _started(self) -> Any:
        from joblib.externals.loky.backend.context import get_context
        from joblib.externals.loky.process_executor import ProcessPoolExecutor

        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1,
                context=get_context("loky"),
                initializer=guarded,
                initargs=(self._guard,),
                env={name: os.environ.get(name, value) for name, value in ONE_THREAD.items()},
            )
        return self._pool

    def _settle(self, sent: _Sent) -> None:
        """Take what has come of a task."""
        error = sent.future.exception()
        if isinstance(error, BrokenProcessPool):
            overdue = self._overdue
            self._restart()
            self._after_death(sent, overdue)
        elif error is not None:  # the task could not be read, or its answers not be sent
            self._unsound(sent.task, RAISED, in_short(error))
        else:
            self._false_starts = 0
            self._answered(sent.task, sent.future.result())
        with suppress(OSError):
            sent.note.unlink(missing_ok=True)

    def _answered(self, task: _Task, answers: list[Answer]) -> None:
        """Take the answers of a task; a failure is believed if the job was alone, or the cell is known to be bad."""
        doubted = []
        for job, answer in zip(task.jobs, answers, strict=True):
            outcome = outcome_of(job, answer)
            if isinstance(outcome, Done) or task.alone or job.cell.id in self._bad:
                self._believe(outcome)
            else:
                doubted.append(_Task((job,), alone=True))
        if doubted or task.alone:
            self._restart()
        self._waiting.extendleft(reversed(doubted))

    def _believe(self, outcome: Outcome) -> None:
        if isinstance(outcome, Failure):
            self._bad.add(outcome.job.cell.id)
        self._outcomes.append(outcome)

    def _restart(self) -> None:
        """Let the next task have a fresh process, and those that this one was given as well."""
        self._waiting.extendleft(reversed([sent.task for sent in self._sent]))
        self._sent.clear()
        self.stop()

    def _after_death(self, sent: _Sent, overdue: bool) -> None:
        """The process has ended: the job it was at runs alone, or is the failure if it did, or was past its limit."""
        at = sent.at()
        task = sent.task
        if at is None:
            self._began_in_vain()
            self._waiting.appendleft(task)
            return
        number = at[1]
        kind, why = DIED, "its worker process died, and a fresh one that ran it alone, too"
        if overdue:
            kind, why = TIMED_OUT, f"ended after its limit of {sent.limit(number):g} s"
        if number == READING:
            self._unsound(task, kind, why)
            return
        job, rest = task.jobs[number], task.jobs[:number] + task.jobs[number + 1 :]
        if rest:
            self._waiting.appendleft(_Task(rest))
        self._unsound(_Task((job,), task.alone), kind, why)

    def _unsound(self, task: _Task, kind: str, why: str) -> None:
        """A task of which nothing came: its jobs one by one, one job alone, and that is the failure."""
        if len(task.jobs) > 1:
            self._waiting.extendleft(_Task((job,)) for job in reversed(task.jobs))
        elif task.alone or kind == TIMED_OUT:
            self._believe(Failure(task.jobs[0], kind, why))
        else:
            self._waiting.appendleft(_Task(task.jobs, alone=True))

    def _began_in_vain(self) -> None:
        self._false_starts += 1
        if self._false_starts >= MOST_FALSE_STARTS:
            raise WorkersLost(
                f"a worker process died {self._false_starts} times before it began with anything, perhaps for want of "
                "memory: run again to go on, with fewer workers or more memory for each"
            )


def _work(content: bytes, path: tuple[str, ...], note: str) -> list[Answer]:
    """A task in a worker process, which finds parts of others where the driver found them."""
    try:
        noted = os.open(note, os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError:  # somebody has removed the folder: deaths and limits will not be told apart
        noted = None
    try:
        _write_note(noted, READING)
        look_up_in(path)  # before the task is unpickled, which imports their modules
        return run_jobs(pickle.loads(content), lambda number: _write_note(noted, number))
    finally:
        if noted is not None:
            os.close(noted)


def _write_note(opened: int | None, number: int) -> None:
    """Lines are equally long, so that each covers the one before."""
    if opened is not None:
        os.lseek(opened, 0, os.SEEK_SET)
        os.write(opened, f"{os.getpid():10d} {number:10d} {time.monotonic():20.3f}".encode())
