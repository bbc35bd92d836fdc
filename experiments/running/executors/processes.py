"""Worker processes of this machine, isolated from each other: one that ends takes no other with it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from experiments.running.executors.isolated import AHEAD, IsolatedWorker
from experiments.running.executors.messages import JobsAway
from experiments.running.executors.notes import notes_folder
from experiments.running.executors.threads import begin_thread
from experiments.running.executors.worker_setup import WorkerSetup
from experiments.running.tasks import Job, JobOutcome

SECONDS_BETWEEN_LOOKS = 0.25
"""How often the driver looks for jobs past their limit."""


class Processes:
    """Runs tasks in worker processes of this machine; an executor.

    Args:
        workers: how many.
        memory: bytes that each may take; None: as the system allows.
    """

    def __init__(self, workers: int, memory: int | None = None) -> None:
        self._workers, self._setup = workers, WorkerSetup(os.getpid(), memory)
        self._isolated: list[IsolatedWorker] = []
        self._away = JobsAway(elsewhere=False)
        self._left = ExitStack()

    @property
    def workers(self) -> int:
        """Processes."""
        return self._workers

    @property
    def free(self) -> int:
        """Tasks that the processes could still take."""
        return AHEAD * len(self._isolated) - self.busy

    @property
    def busy(self) -> int:
        """Tasks that are not finished."""
        return sum(worker.held for worker in self._isolated) + bool(self._away.unsent)

    def submit(self, task: Sequence[Job]) -> None:
        """Take a task."""
        if jobs := self._away.pack(task):
            min(self._isolated, key=lambda worker: worker.held).take(jobs)

    def finished(self, patience: float) -> list[JobOutcome]:
        """Outcomes since the last call; waits for some, but not longer than `patience` seconds.

        Raises: WorkersLost.
        """
        deadline = time.monotonic() + patience
        while True:
            outcomes, self._away.unsent = self._away.unsent, []
            for worker in self._isolated:
                outcomes += [self._away.back(key, answer) for key, answer in worker.finished()]
            left = deadline - time.monotonic()
            if outcomes or left <= 0 or not self.busy:
                return outcomes
            futures = [future for worker in self._isolated for future in worker.futures]
            wait(futures, timeout=min(left, SECONDS_BETWEEN_LOOKS), return_when=FIRST_COMPLETED)
            for worker in self._isolated:
                worker.end_overdue()

    def __enter__(self) -> Self:
        notes = self._left.enter_context(notes_folder())
        bad: set[str] = set()
        path = tuple(sys.path)
        self._isolated = [
            IsolatedWorker(self._setup, path, notes / str(number), bad) for number in range(self._workers)
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopping = []
        try:
            for worker in self._isolated:
                try:
                    stopping.append(begin_thread(worker.stop, "llm-evo stop"))
                except OSError:
                    worker.stop()
            for thread in stopping:
                thread.join()
        finally:
            self._left.close()
