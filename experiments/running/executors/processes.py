"""Worker processes of this machine (loky), each in a lane of its own: one that ends takes no other with it.

A worker notes at the start of each job who it is, which job it begins and when. So the driver can end one that is past
the job's limit, and knows of one that died which job it was at; see `experiments.running.executors.lane`.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from experiments.running.executors.guard import Guard
from experiments.running.executors.lane import AHEAD, Lane
from experiments.running.tasks import Job, Outcome

SECONDS_BETWEEN_LOOKS = 0.25
"""How often the driver looks for jobs past their limit."""


class Processes:
    """Runs tasks in worker processes of this machine; an executor.

    Args:
        workers: how many.
        memory: bytes that each may take; None: as the system allows.
    """

    def __init__(self, workers: int, memory: int | None = None) -> None:
        self._workers, self._guard = workers, Guard(os.getpid(), memory)
        self._lanes: list[Lane] = []
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
        return sum(lane.held for lane in self._lanes)

    def submit(self, task: Sequence[Job]) -> None:
        """Take a task."""
        min(self._lanes, key=lambda lane: lane.held).take(task)

    def finished(self, patience: float) -> list[Outcome]:
        """Outcomes since the last call; waits for some, but not longer than `patience` seconds.

        Raises: WorkersLost.
        """
        deadline = time.monotonic() + patience
        while True:
            outcomes = [outcome for lane in self._lanes for outcome in lane.finished()]
            left = deadline - time.monotonic()
            if outcomes or left <= 0 or not self.busy:
                return outcomes
            futures = [future for lane in self._lanes for future in lane.futures]
            wait(futures, timeout=min(left, SECONDS_BETWEEN_LOOKS), return_when=FIRST_COMPLETED)
            for lane in self._lanes:
                lane.end_overdue()

    def __enter__(self) -> Self:
        notes = Path(self._left.enter_context(TemporaryDirectory(prefix="llm-evo-", ignore_cleanup_errors=True)))
        bad: set[str] = set()
        self._lanes = [Lane(self._guard, notes, number, bad) for number in range(self._workers)]
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
