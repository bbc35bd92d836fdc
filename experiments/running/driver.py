"""The loop of a launch: sends tasks, takes what comes back, writes it, and tells those who watch."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from evo.foreign import foreign
from evo.text import type_name
from experiments.grids.grid import Grid
from experiments.running.agenda import Agenda
from experiments.running.allowance import Allowance
from experiments.running.executors.executor import Executor
from experiments.running.interrupts import Interrupt, interrupts_wait
from experiments.running.progress import Progress
from experiments.running.sink import Sink
from experiments.running.tasks import DIED, Done, Failure, Job, JobOutcome
from experiments.store.failures import FailedBatch
from experiments.store.table import BatchKey

SECONDS_BETWEEN_WRITES, PER_SECONDS = 2.0, 200.0
"""A part is written every two seconds, from there on for every 200 seconds of the launch: so parts stay few."""
MOST_ROWS_HELD = 100_000
PATIENCE = 0.5
"""Seconds of waiting after which the loop looks whether somebody wants it to stop."""


class Driver:
    """One launch of a grid.

    Attributes:
        failures: what failed in it.
        hosts: machines that worked for it.
        stopped: which limit of the grid was reached; empty if none was.
        drew: by the names of a cell's third-party parts, the global generators that one of them draws from.
    """

    def __init__(
        self,
        grid: Grid,
        plan: Agenda,
        sink: Sink,
        allowance: Allowance,
        watch: Callable[[Progress], None],
    ) -> None:
        self._grid, self._plan, self._sink, self._watch = grid, plan, sink, watch
        self._allowance = allowance
        self.failures: list[FailedBatch] = []
        self.hosts: set[str] = set()
        self.stopped = ""
        self.drew: dict[str, str] = {}
        self._last: Done | None = None
        self._doubted: dict[BatchKey, Failure] = {}
        self._tried_again: set[BatchKey] = set()
        self._begun = self._written = time.monotonic()

    def run(self, executor: Executor, interrupt: Interrupt) -> None:
        """Run until everything is there, or somebody or a limit says that it is enough; what came back is written.

        Raises: KeyboardInterrupt after the tasks at work, if that was asked for; WorkersLost; StoreError.
        """
        self._watch(self._progress(executor, self._plan.there))
        try:
            with executor:
                while self._send(executor, interrupt):
                    for outcome in executor.finished(PATIENCE):
                        self._take(outcome)
                        if self._due():
                            self._write()
                        self._watch(self._progress(executor))
        finally:
            with interrupts_wait():
                for failure in list(self._doubted.values()):
                    self._give_up(failure)
                self._write()
        if not self._plan.has_more:
            return  # whatever was asked for meanwhile
        self.stopped = self._allowance.reached or self._plan.refused
        if interrupt.asked:
            self._watch(self._progress(executor))
            raise KeyboardInterrupt

    def _send(self, executor: Executor, interrupt: Interrupt) -> bool:
        """Send tasks to the executor as long as it has room; whether any task is at work afterwards."""
        while self._may_send(executor) and not interrupt.asked and not self._enough():
            task = self._plan.next_task() or self._once_more(executor)
            if not task:
                break
            for job in task:
                self._allowance.begun(job)
            executor.submit(task)
        return executor.busy > 0

    def _may_send(self, executor: Executor) -> bool:
        """Whether the executor has room for a task; where runs are limited, also a worker that begins it at once."""
        return executor.free > 0 and not (self._allowance.on_runs and executor.busy >= executor.workers)

    def _enough(self) -> bool:
        return bool(self._allowance.reached)

    def _take(self, outcome: JobOutcome) -> None:
        if outcome.host:
            self.hosts.add(outcome.host)
        self._allowance.back(outcome.job, outcome if isinstance(outcome, Done) else None)
        if isinstance(outcome, Done):
            self._last = outcome
            if outcome.drew:
                names = dict.fromkeys(type_name(kind) for kind in foreign(outcome.job.cell))
                self.drew[" or ".join(names)] = outcome.drew
            for done in self._plan.received(outcome):
                self._sink.add(done)
            self._doubted.pop(_key(outcome.job), None)
        elif outcome.kind == DIED and _key(outcome.job) not in self._tried_again:
            self._doubted[_key(outcome.job)] = outcome
        else:
            self._give_up(outcome)

    def _once_more(self, executor: Executor) -> list[Job]:
        """Send a batch once more whose worker died, if others of its cell succeeded; only when nothing else is left.

        An outside killer cannot be told from a part that ends its process: the part would do so in most batches.
        """
        while self._doubted and not executor.busy:
            key, failure = next(iter(self._doubted.items()))
            if key not in self._tried_again and self._plan.has_runs(key[0]):
                self._tried_again.add(key)
                return [failure.job]
            self._give_up(failure)
        return []

    def _give_up(self, failure: Failure) -> None:
        """Count a batch as failed, and remember why."""
        self._doubted.pop(_key(failure.job), None)
        self._plan.failed(failure)
        failed = _remembered(failure)
        self.failures.append(failed)
        self._sink.failed(failed)

    def _due(self) -> bool:
        now = time.monotonic()
        pause = SECONDS_BETWEEN_WRITES * max(1.0, (now - self._begun) / PER_SECONDS)
        return now - self._written > pause or self._sink.rows_held > MOST_ROWS_HELD

    def _write(self) -> None:
        self._sink.write()
        self._written = time.monotonic()

    def _progress(self, executor: Executor, there: int = 0) -> Progress:
        plan = self._plan
        return Progress(
            cell=None if self._last is None else self._last.job.cell,
            batches=plan.batches,
            of_batches=plan.of_batches,
            cells=plan.cells,
            of_cells=len(self._grid.cells),
            runs=plan.runs,
            of_runs=plan.of_runs,
            failures=sum(map(plan.needs, [*self._doubted, *(failed.key for failed in self.failures)])),
            left=plan.seconds_left(max(1, executor.workers)),
            there=there,
        )


def _key(job: Job) -> BatchKey:
    return job.cell.sample, job.batch


def _remembered(failure: Failure) -> FailedBatch:
    """What the results folder keeps of a failure."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    cell = failure.job.cell
    return FailedBatch(cell.sample, failure.job.batch, cell.text, failure.kind, failure.message, failure.host, now)
