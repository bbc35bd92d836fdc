"""An executor whose batches wait for an endpoint: one event loop in this process, many requests at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from evo.forms.texts import asks_a_model
from experiments.grids.cell import Cell
from experiments.running.executors.executor import WorkersLost
from experiments.running.real import SpendingEnded
from experiments.running.tasks import HOST, RAISED, Job, JobAnswer, JobOutcome, failed, in_words, outcome_of, run_job
from experiments.serving.real.desk import Desk
from experiments.serving.real.runs import BatchOfRuns
from experiments.store.files import StoreError


class RealExecutor:
    """Runs batches of cells whose mutator is a real model; simulated ones among them as they come.

    Args:
        opened: gives the desk that calls go over; used when work begins.
        at_once: requests at the same time.
    """

    def __init__(self, opened: Callable[[], Desk], at_once: int) -> None:
        self._opened, self._at_once = opened, at_once
        self._waiting: deque[Job] = deque()
        self._work: dict[asyncio.Task[JobAnswer | None], Job] = {}
        self._given_up = 0

    @property
    def workers(self) -> int:
        """Requests at the same time."""
        return self._at_once

    @property
    def free(self) -> int:
        """One more batch, as long as fewer are at work than requests may be under way."""
        return int(self._desk.ended is None and len(self._work) + len(self._waiting) < self._at_once)

    @property
    def busy(self) -> int:
        """Batches that are not finished."""
        return len(self._work) + len(self._waiting) + self._given_up

    def submit(self, task: Sequence[Job]) -> None:
        """Take a task."""
        self._waiting.extend(task)

    def finished(self, patience: float) -> list[JobOutcome]:
        """Outcomes since the last call.

        Raises: SpendingEnded, EndpointLost, after what was under way came back.
        """
        if self._desk.ended is not None:
            self._given_up += len(self._waiting)
            self._waiting.clear()
        while self._waiting and len(self._work) < self._at_once:
            job = self._waiting.popleft()
            self._work[self._loop.create_task(self._answer(job))] = job
        if self._work:
            waiting = asyncio.wait(self._work, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            self._loop.run_until_complete(waiting)
        found = []
        for task in [task for task in self._work if task.done()]:
            job, answer = self._work.pop(task), task.result()
            if answer is None:
                self._given_up += 1
            else:
                found.append(outcome_of(job, answer))
        if not found and not self._work and not self._waiting and self._given_up:
            self._given_up = 0
            assert self._desk.ended is not None  # else no batch is given up
            raise self._desk.ended
        return found

    async def _answer(self, job: Job) -> JobAnswer | None:
        """The rows of a batch, or why it failed; None if the launch ends before it is done."""
        if not isinstance(job.cell, Cell) or not asks_a_model(job.cell.mutator):
            return run_job(job, passed_on=(KeyboardInterrupt,))
        begun = time.perf_counter()
        try:
            columns = await BatchOfRuns(job.cell, self._desk, self._judges).columns(job.seed, job.batch, job.size)
        except (SpendingEnded, WorkersLost):
            return None
        except StoreError:
            raise  # the log cannot be written: nothing may be sent that is not written before
        except Exception as error:
            return failed(RAISED, in_words(error, job.cell))
        return JobAnswer(columns, "", time.perf_counter() - begun, HOST)

    def __enter__(self) -> Self:
        self._desk = self._opened()
        self._loop = asyncio.new_event_loop()
        self._judges = ThreadPoolExecutor(1, thread_name_prefix="checker")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            if left:
                self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._desk.close())
        finally:
            self._loop.close()
            self._judges.shutdown(wait=False, cancel_futures=True)
