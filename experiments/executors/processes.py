"""Worker processes of this machine (loky), each in a lane of its own: one that ends takes no other with it.

A worker notes at the start of each job who it is, which job it begins and when. So the driver can end one that is past
the job's limit, and knows of one that died which job it was at: that job runs again alone in a fresh process, and is a
failure if it ends that one too; the others of its task run again.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from evo.errors import InputError
from experiments.executors.executor import WorkersLost
from experiments.executors.guard import Guard, guarded
from experiments.extensions import look_up_in
from experiments.interrupts import interrupts_held
from experiments.tasks import DIED, RAISED, TIMED_OUT, Answer, Failure, Job, Outcome, outcome_of, run_jobs

AHEAD = 2
"""Tasks a lane holds: the one at work, and one that waits, so that no worker waits for the driver."""
SECONDS_BETWEEN_LOOKS = 0.25
"""How often the driver looks for jobs past their limit."""
MOST_FALSE_STARTS = 3
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


@dataclass(frozen=True)
class _Sent:
    """A task that a lane holds.

    Attributes:
        jobs: what it consists of.
        note: the file where the worker notes what it is at.
        future: of its answers.
        again: whether its only job ended a process before.
    """

    jobs: tuple[Job, ...]
    note: Path
    future: Future[list[Answer]]
    again: bool

    def at(self) -> tuple[int, int, float] | None:
        """Pid of the worker, number of the job it is at, and since when; None if it has not begun."""
        try:
            pid, number, since = self.note.read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid), int(number), float(since)


class _Lane:
    """One worker process at a time, and the tasks it holds."""

    def __init__(self, guard: Guard, notes: Path, number: int) -> None:
        self.guard, self.notes, self.number = guard, notes, number
        self.sent: deque[_Sent] = deque()
        self.overdue = False
        self.false_starts = 0
        self._count = 0
        self._pool: Any = None

    def send(self, jobs: Sequence[Job], again: bool = False) -> None:
        """Let the process do some jobs after those it has; a new one if there is none."""
        from joblib.externals.loky.backend.reduction import dumps

        try:
            task = bytes(dumps(tuple(jobs)))
        except Exception as error:
            raise InputError(f"{jobs[0].cell.text}: cannot be sent to a worker process: {error}") from error
        self._count += 1
        note = self.notes / f"{self.number}-{self._count}"
        with interrupts_held():
            future = self._started().submit(_work, task, tuple(sys.path), str(note))
        self.sent.append(_Sent(tuple(jobs), note, future, again))

    def _started(self) -> Any:
        from joblib.externals.loky.backend.context import get_context
        from joblib.externals.loky.process_executor import ProcessPoolExecutor

        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1,
                context=get_context("loky"),
                initializer=guarded,
                initargs=(self.guard,),
                env={name: os.environ.get(name, value) for name, value in ONE_THREAD.items()},
            )
        return self._pool

    def end_overdue(self) -> None:
        """End the process if its job is past its limit."""
        if not self.sent or self.overdue or self.sent[0].future.done():
            return
        at = self.sent[0].at()
        if at is not None and time.monotonic() - at[2] > self.sent[0].jobs[at[1]].limit:
            self.overdue = True
            _kill(at[0])

    def finished(self) -> list[Outcome]:
        """Outcomes of the tasks that are done, in their order; the jobs of a process that died run again."""
        outcomes: list[Outcome] = []
        while self.sent and self.sent[0].future.done():
            sent = self.sent[0]
            error = sent.future.exception()
            if error is not None and _is_broken(error):
                outcomes += self._after_death()
                break
            self.sent.popleft()
            sent.note.unlink(missing_ok=True)
            if error is not None:  # the task could not be read, or its answers not sent
                message = f"{type(error).__name__}: {error}"
                outcomes += [Failure(job, RAISED, message) for job in sent.jobs]
            else:
                self.false_starts = 0
                outcomes += [outcome_of(job, each) for job, each in zip(sent.jobs, sent.future.result(), strict=True)]
        return outcomes

    def _after_death(self) -> list[Outcome]:
        """Send what the dead process held to a new one, the job it was at alone; a failure if that is known."""
        first, *others = self.sent
        at, overdue = first.at(), self.overdue
        self.sent.clear()
        self.stop()
        outcomes: list[Outcome] = []
        if at is None:
            self._expect_some_begin()
            self.send(first.jobs, first.again)
        else:
            job, rest = first.jobs[at[1]], first.jobs[: at[1]] + first.jobs[at[1] + 1 :]
            if overdue:
                outcomes.append(Failure(job, TIMED_OUT, f"ended after its limit of {job.limit:g} s"))
            elif first.again:
                outcomes.append(Failure(job, DIED, "its worker process died, and a fresh one that ran it alone, too"))
            else:
                self.send((job,), again=True)
            if rest:
                self.send(rest)
        for sent in others:
            self.send(sent.jobs, sent.again)
        return outcomes

    def _expect_some_begin(self) -> None:
        self.false_starts += 1
        if self.false_starts >= MOST_FALSE_STARTS:
            raise WorkersLost(
                f"a worker process died {self.false_starts} times before it began with anything, perhaps for want of "
                "memory: run again to go on, with fewer workers or more memory for each"
            )

    def stop(self) -> None:
        """End the process, in the middle of a task or not."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None
        self.overdue = False


class Processes:
    """Runs tasks in worker processes of this machine; an executor.

    Args:
        workers: how many.
        memory: bytes that each may take; None: as the system allows.
    """

    def __init__(self, workers: int, memory: int | None = None) -> None:
        self._workers, self._guard = workers, Guard(os.getpid(), memory)
        self._lanes: list[_Lane] = []
        self._left = ExitStack()

    @property
    def workers(self) -> int:
        """Processes."""
        return self._workers

    @property
    def free(self) -> int:
        """Tasks that the lanes could still take."""
        return AHEAD * len(self._lanes) - self.busy

    @property
    def busy(self) -> int:
        """Tasks that are not finished."""
        return sum(len(lane.sent) for lane in self._lanes)

    def submit(self, task: Sequence[Job]) -> None:
        """Take a task.

        Raises: InputError if it cannot be sent to another process.
        """
        min(self._lanes, key=lambda lane: len(lane.sent)).send(task)

    def finished(self, patience: float) -> list[Outcome]:
        """Outcomes since the last call; waits for some, but not longer than `patience` seconds.

        Raises: WorkersLost.
        """
        deadline = time.monotonic() + patience
        while True:
            futures = [sent.future for lane in self._lanes for sent in lane.sent]
            if not futures:
                return []
            left = deadline - time.monotonic()
            wait(futures, timeout=max(0.0, min(left, SECONDS_BETWEEN_LOOKS)), return_when=FIRST_COMPLETED)
            outcomes = [outcome for lane in self._lanes for outcome in lane.finished()]
            for lane in self._lanes:
                lane.end_overdue()
            if outcomes or left <= 0:
                return outcomes

    def __enter__(self) -> Self:
        notes = Path(self._left.enter_context(TemporaryDirectory(prefix="llm-evo-")))
        self._lanes = [_Lane(self._guard, notes, number) for number in range(self._workers)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        hook = threading.excepthook
        threading.excepthook = lambda args: None  # a pool's own thread may stumble over tasks that are cancelled
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                stopping = [threading.Thread(target=lane.stop) for lane in self._lanes]
                for thread in stopping:
                    thread.start()
                for thread in stopping:
                    thread.join()
        finally:
            threading.excepthook = hook
            self._left.close()


def _work(task: bytes, path: tuple[str, ...], note: str) -> list[Answer]:
    """A task in a worker process, which finds parts of others where the driver found them."""
    look_up_in(path)  # before the task is unpickled, which imports their modules
    jobs = pickle.loads(task)
    noted = os.open(note, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        return run_jobs(
            jobs, lambda number: _write_note(noted, f"{os.getpid():10d} {number:10d} {time.monotonic():20.3f}")
        )
    finally:
        os.close(noted)


def _write_note(opened: int, line: str) -> None:
    """Lines are equally long, so that each covers the one before."""
    os.lseek(opened, 0, os.SEEK_SET)
    os.write(opened, line.encode())


def _is_broken(error: BaseException) -> bool:
    from concurrent.futures.process import BrokenProcessPool

    return isinstance(error, BrokenProcessPool)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
