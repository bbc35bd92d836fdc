"""Ends a job that runs in a thread of a worker: one past its limit, or one that nobody waits for any more."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from experiments.running.tasks import Answer, Ended, Job, run_jobs

SECONDS_BETWEEN_LOOKS = 0.25
GRACE = 2.0
"""Seconds that a job has to end after it was told; Python code does at once, code that waits in C does not."""


class Watchdog:
    """Watches the jobs of the thread that makes it, from another one; use as a context manager.

    Args:
        wanted: whether anybody still waits for the task.
        last_resort: called with the number of a job that is past its limit and did not end; ends the process.
    """

    def __init__(self, wanted: Callable[[], bool], last_resort: Callable[[int], None]) -> None:
        self._wanted, self._last_resort = wanted, last_resort
        self._thread = threading.get_ident()
        self._lock, self._left = threading.Lock(), threading.Event()
        self._at: tuple[int, float] | None = None  # number of the job, and when it has to end
        self._told: float | None = None

    def run(self, number: int, job: Job) -> Answer | None:
        """Run a job; None if it was ended.

        Args:
            number: of the job in its task.
            job: the job.
        """
        answer = None
        try:
            self._at = (number, time.monotonic() + job.limit)
            (answer,) = run_jobs((job,))
            self._stand_down()
        except Ended:
            self._stand_down()
        return answer

    def _stand_down(self) -> None:
        with self._lock:
            self._at = self._told = None
            _raise_in(self._thread, None)  # one that was not raised yet would hit other code

    def _watch(self) -> None:
        while not self._left.wait(SECONDS_BETWEEN_LOOKS):
            with self._lock:
                if self._at is None:
                    continue
                now, (number, end) = time.monotonic(), self._at
                if self._told is None and (now > end or not self._wanted()):
                    self._told = now
                    _raise_in(self._thread, Ended)
                hangs = self._told is not None and now > max(end, self._told) + GRACE
            if hangs:
                self._last_resort(number)

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, daemon=True, name="llm-evo watchdog").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    """Raise an exception in another thread as soon as it runs Python code; None takes back one not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), None if kind is None else ctypes.py_object(kind))
