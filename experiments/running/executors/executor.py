"""The protocol of executors, and the simplest one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from evo.errors import EvoError
from experiments.running.tasks import Job, JobOutcome, outcome_of, run_job


class WorkersLost(EvoError):
    """There is nobody left who could go on; what was finished before is stored."""


class Executor(Protocol):
    """Runs tasks, and gives back one outcome for each job of them, in the order in which they finish.

    A worker that dies costs no other job than the one it was at, and that only if it dies of it again. Use as a
    context manager: on leaving, whatever is still at work is ended at once.
    """

    @property
    def workers(self) -> int:
        """Number of jobs that it runs at the same time, by what is known now."""
        ...

    @property
    def free(self) -> int:
        """How many more tasks it could take without letting them wait for long."""
        ...

    @property
    def busy(self) -> int:
        """Tasks that are not finished."""
        ...

    def submit(self, task: Sequence[Job]) -> None:
        """Take a task."""
        ...

    def finished(self, patience: float) -> list[JobOutcome]:
        """Outcomes since the last call; waits for some, but not longer than `patience` seconds.

        Raises: WorkersLost.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Here:
    """Runs tasks in this process, when asked for outcomes; a part that hangs or ends the process takes all with it."""

    def __init__(self) -> None:
        self._tasks: deque[Sequence[Job]] = deque()

    @property
    def workers(self) -> int:
        """This process."""
        return 1

    @property
    def free(self) -> int:
        """One task at a time."""
        return 1 - len(self._tasks)

    @property
    def busy(self) -> int:
        """Tasks that are not finished."""
        return len(self._tasks)

    def submit(self, task: Sequence[Job]) -> None:
        """Take a task."""
        self._tasks.append(task)

    def finished(self, patience: float) -> list[JobOutcome]:
        """The outcomes of the next task, however long it takes."""
        if not self._tasks:
            return []
        task = self._tasks.popleft()
        return [outcome_of(job, run_job(job, passed_on=(KeyboardInterrupt,))) for job in task]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.clear()
