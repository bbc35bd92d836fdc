"""A worker process and its tasks: ends batches that hang, and tries what failed again alone, in a fresh process.

So the batch that a part makes impossible is told from those that were only near it: in the same task, behind it in the
same process, or in a process that the part has spoilt for others. The worker notes at the start of each job who it is,
which job it begins and when: so a job past its limit can be ended, and of a process that died it is known at which job.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evo.errors import InputError
from experiments.grids.extensions import look_up_in
from experiments.running.executors.executor import WorkersLost
from experiments.running.executors.messages import PackedJob, UnlikeDriver, unpacked
from experiments.running.executors.process import WorkerGone, WorkerProcess
from experiments.running.executors.worker_setup import WorkerSetup
from experiments.running.tasks import DIED, RAISED, TIMED_OUT, UNLIKE, JobAnswer, failed, one_line, run_job

AHEAD = 2
"""Tasks a process is given at once: the one at work, and one that waits, so that it need not wait for the driver."""
MOST_FALSE_STARTS = 10
SECONDS_TO_BEGIN = 120.0
"""After which a process that has not begun with its task is ended, unless the task's own limit is longer."""


@dataclass(frozen=True)
class _Task:
    """Some jobs; `alone` if it is one that failed and runs again in a fresh process."""

    jobs: tuple[PackedJob, ...]
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
    future: Future[list[JobAnswer]]

    def at(self) -> tuple[int, int, float] | None:
        """Pid of the worker, place of the job it is at, and since when; None if it has not begun."""
        try:
            pid, place, since = self.note.read_text().split()
            return int(pid), int(place), float(since)
        except (OSError, ValueError):
            return None


class IsolatedWorker:
    """One worker process at a time, and the tasks it holds.

    Attributes:
        futures: of the tasks that the process has been given.

    Args:
        setup: what the process must know.
        path: folders where it looks for third-party parts.
        notes: path without an ending, for the notes of the process.
        bad: ids of cells of which a batch failed alone in a fresh process; their failures are believed at once.
    """

    def __init__(self, setup: WorkerSetup, path: tuple[str, ...], notes: Path, bad: set[str]) -> None:
        self._setup, self._path, self._notes, self._bad = setup, path, notes, bad
        self._waiting: deque[_Task] = deque()
        self._sent: deque[_Sent] = deque()
        self._answers: list[tuple[int, JobAnswer]] = []
        self._overdue = False
        self._false_starts = self._count = 0
        self._first_since = 0.0
        self._process: WorkerProcess | None = None

    @property
    def held(self) -> int:
        """Tasks that are not finished, or whose answers were not fetched."""
        return len(self._waiting) + len(self._sent) + bool(self._answers)

    @property
    def futures(self) -> list[Future[list[JobAnswer]]]:
        """Of the tasks that the process has been given."""
        return [sent.future for sent in self._sent]

    def take(self, jobs: Sequence[PackedJob]) -> None:
        """Do some jobs after those that are held."""
        self._waiting.append(_Task(tuple(jobs)))
        self._pump()

    def finished(self) -> list[tuple[int, JobAnswer]]:
        """Keys of jobs with their answers, since the last call.

        Raises: WorkersLost if processes die before they begin with anything.
        """
        while self._sent and self._sent[0].future.done():
            sent, self._first_since = self._sent.popleft(), time.monotonic()
            self._settle(sent)
        self._pump()
        answers, self._answers = self._answers, []
        return answers

    def end_overdue(self) -> None:
        """End the process if the job it is at is past its limit, or it does not begin; see whether it has ended."""
        if not self._sent or self._process is None or self._sent[0].future.done():
            return
        self._process.look()
        at, jobs = self._sent[0].at(), self._sent[0].task.jobs
        if at is None:
            if time.monotonic() - self._first_since > max(SECONDS_TO_BEGIN, jobs[0].limit):
                self._process.kill()
        elif time.monotonic() - at[2] > jobs[at[1]].limit and not self._overdue:
            self._overdue = True
            self._process.kill()

    def stop(self) -> None:
        """End the process, in the middle of a task or not."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        self._overdue = False

    def _pump(self) -> None:
        """Give the process what it may have: behind a task that runs alone nothing.

        Before such a task, nothing either: who makes one has ended the process.
        """
        while self._waiting:
            if self._sent and (self._sent[0].task.alone or len(self._sent) >= AHEAD):
                return
            self._send(self._waiting.popleft())

    def _send(self, task: _Task) -> None:
        self._count += 1
        note = self._notes.with_name(f"{self._notes.name}-{self._count}")
        if self._process is None:
            self._process = self._begun()
        try:
            future = self._process.submit(_work, task.jobs, self._path, str(note))
        except WorkerGone:  # somebody has ended a process that had nothing to do
            self._began_in_vain()
            self.stop()
            self._waiting.appendleft(task)
        else:
            if not self._sent:
                self._first_since = time.monotonic()
            self._sent.append(_Sent(task, note, future))

    def _begun(self) -> WorkerProcess:
        try:
            return WorkerProcess(self._setup)
        except OSError as error:
            raise WorkersLost(
                f"no worker process can be started here ({error}): run again to go on, with fewer workers, or where "
                "more processes, open files or memory are allowed"
            ) from error

    def _settle(self, sent: _Sent) -> None:
        """Take what has come of a task."""
        error = sent.future.exception()
        if isinstance(error, WorkerGone):
            overdue = self._overdue
            self._restart()
            self._after_death(sent, overdue)
        elif error is not None:  # a part has spoilt the process, its clocks, its files, for what was to come next, too
            self._restart()
            self._unsound(sent.task, RAISED, str(error))
        else:
            self._false_starts = 0
            self._answered(sent.task, sent.future.result())
        with suppress(OSError):
            sent.note.unlink(missing_ok=True)

    def _answered(self, task: _Task, answers: list[JobAnswer]) -> None:
        """Take the answers of a task; a failure is believed if the job was alone, or the cell is known to be bad."""
        doubted = []
        for job, answer in zip(task.jobs, answers, strict=True):
            if answer.kind in ("", UNLIKE) or task.alone or job.cell in self._bad:
                self._believe(job, answer)
            else:
                doubted.append(_Task((job,), alone=True))
        if doubted or task.alone:
            self._restart()
        self._waiting.extendleft(reversed(doubted))

    def _believe(self, job: PackedJob, answer: JobAnswer) -> None:
        if answer.kind:
            self._bad.add(job.cell)
        self._answers.append((job.key, answer))

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
        place = at[1]
        job, rest = task.jobs[place], task.jobs[:place] + task.jobs[place + 1 :]
        kind, why = DIED, "its worker process died, and a fresh one that ran it alone, too"
        if overdue:
            kind, why = TIMED_OUT, f"ended after its limit of {job.limit:g} s"
        if rest:
            self._waiting.appendleft(_Task(rest))
        self._unsound(_Task((job,), task.alone), kind, why)

    def _unsound(self, task: _Task, kind: str, why: str) -> None:
        """A task of which nothing came: its jobs one by one, one job alone, and that is the failure."""
        if len(task.jobs) > 1:
            self._waiting.extendleft(_Task((job,)) for job in reversed(task.jobs))
        elif task.alone or kind == TIMED_OUT:
            self._believe(task.jobs[0], failed(kind, why))
        else:
            self._waiting.appendleft(_Task(task.jobs, alone=True))

    def _began_in_vain(self) -> None:
        self._false_starts += 1
        if self._false_starts >= MOST_FALSE_STARTS:
            raise WorkersLost(
                f"a worker process died {self._false_starts} times before it began with anything, perhaps for want of "
                "memory: run again to go on, with fewer workers or more memory for each"
            )


def _work(jobs: tuple[PackedJob, ...], path: tuple[str, ...], note: str) -> list[JobAnswer]:
    """A task in a worker process, which finds third-party parts where the driver found them."""
    try:
        noted = os.open(note, os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError:  # somebody has removed the folder: deaths and limits will not be told apart
        noted = None
    look_up_in(path)
    answers = []
    try:
        for place, job in enumerate(jobs):
            _write_note(noted, place)
            answers.append(_answer(job))
    finally:
        if noted is not None:
            os.close(noted)
    return answers


def _answer(packed: PackedJob) -> JobAnswer:
    """Read a job, run it, and give its answer; whatever its parts raise is told in the answer."""
    try:
        job = unpacked(packed)
    except UnlikeDriver as error:
        return failed(UNLIKE, str(error))
    except InputError as error:
        return failed(RAISED, str(error))
    except BaseException as error:
        return failed(RAISED, f"it cannot be read in a worker process: {one_line(error)}")
    return run_job(job)


def _write_note(opened: int | None, place: int) -> None:
    """Note which job the process is at. Lines are equally long, so that each covers the one before."""
    if opened is not None:
        os.lseek(opened, 0, os.SEEK_SET)
        os.write(opened, f"{os.getpid():10d} {place:10d} {time.monotonic():20.3f}".encode())
