"""Which batches of a grid are still to run, and in which tasks: long ones first, cheap ones together."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from evo.protocols import IntArray
from experiments.grids.grid import Grid
from experiments.grids.stopping import most_batches, most_runs
from experiments.predictions.forecast import seconds_a_batch
from experiments.running.allowance import Allowance
from experiments.running.queues import CellQueue, FixedQueue, RuledQueue
from experiments.running.tasks import Done, Failure, Job
from experiments.store.table import BatchKey

SECONDS_A_TASK = 0.3
"""What a task of several batches takes about, so that neither the driver nor the last worker is waited for."""
ROWS_A_TASK = 50_000
"""About so many rows, and no more, come from a task: the driver's memory must not grow with the runs."""
UNKNOWN = 1.0
"""What `seconds_a_batch` gives where no expectation is known."""
FEWEST_OF_A_PACE = 3
"""Batches that came back from which a pace is told."""
LEAST_LIMIT, TIMES_EXPECTED = 3600.0, 20.0
"""A batch is ended after an hour, or after so many times what it is expected to take."""

Hits = Mapping[str, Mapping[int, IntArray]]
"""By sample and number, `hit` of the batches that are there, -1 where a run is censored."""


@dataclass
class _Pace:
    """Batches whose times are foreseen equally well: those to come, and those that came back.

    Attributes:
        to_come: how many.
        expected: seconds that these are expected to take.
        back: how many came back.
        forecast: seconds that these were expected to take.
        measured: seconds that they took.
    """

    to_come: int = 0
    expected: float = 0.0
    back: int = 0
    forecast: float = 0.0
    measured: float = 0.0

    def add(self, batches: int, seconds: float) -> None:
        """More batches to come, of so many expected seconds each; fewer if it is negative."""
        self.to_come += batches
        self.expected += batches * seconds

    def received(self, forecast: float, measured: float) -> None:
        """One came back."""
        self.back, self.forecast, self.measured = self.back + 1, self.forecast + forecast, self.measured + measured

    @property
    def left(self) -> float | None:
        """Seconds that those to come will take; None while too few came back."""
        if self.to_come == 0:
            return 0.0
        return None if self.back < FEWEST_OF_A_PACE else max(0.0, self.expected) * self.measured / self.forecast


class Agenda:
    """What is to run of a grid.

    Attributes:
        of_batches: batches of the whole grid, at the most.
        batches: those that are there, or failed, or are not needed.
        there: cells that were whole before.
        cells: cells that are whole.
        runs, of_runs: runs that are there, and that there will be at the most; those that cells share count once.

    Args:
        grid: the grid.
        finished: the batches that are there.
        hits: of these, for the grid's stopping rule; of no matter if there is none.
        leave_out: batches that are not to run, since they failed before.
        only: the only batches to run; None for all that are missing.
        time_limit: seconds after which a batch is ended; None: an hour, or 20 times what it is expected to take.
        ahead: batches of a cell that may be on their way before its stopping rule has said that they are needed.
        allowance: what limits on runs leave: then the cheapest batches come first, one a task, and none that is
            expected to take more than is left; None if there is no such limit.
    """

    def __init__(
        self,
        grid: Grid,
        finished: Collection[BatchKey] = (),
        hits: Hits = MappingProxyType({}),
        leave_out: Collection[BatchKey] = (),
        only: Collection[BatchKey] | None = None,
        time_limit: float | None = None,
        ahead: int = 1,
        allowance: Allowance | None = None,
    ) -> None:
        self._allowance = allowance if allowance is not None and allowance.on_runs else None
        self._grid, self._time_limit, self._ahead = grid, time_limit, ahead
        self.of_batches = self.batches = self.there = self.runs = 0
        self.of_runs = most_runs(grid.runs) * len(grid.samples)
        self._queues: dict[str, CellQueue] = {}
        self._needed: dict[str, int] = {}
        self._with_runs: set[str] = set()
        self._measured = self._forecast = 0.0
        self._foreseen, self._unforeseen = _Pace(), _Pace()
        there, left_out, chosen = (
            _by_sample(finished),
            _by_sample(leave_out),
            None if only is None else _by_sample(only),
        )
        for sample in grid.samples:
            wanted = None if chosen is None else chosen.get(sample, set())
            seen = hits.get(sample, {})
            self._add(sample, there.get(sample, set()), seen, left_out.get(sample, set()), wanted)
        self.cells = self.there
        self._open = deque(sorted(self._queues.values(), key=self._turn))
        self._waiting: dict[str, CellQueue] = {}

    def _add(
        self,
        sample: str,
        finished: set[int],
        hits: Mapping[int, IntArray],
        left_out: set[int],
        wanted: set[int] | None,
    ) -> None:
        """Plan the runs of cells that share them, of which only the `wanted` batches are to run, if that is given."""
        grid, (cell, *_) = self._grid, self._grid.samples[sample]
        size = cell.batch_size(grid.batch)
        cap = most_batches(grid.runs, size)
        expected = seconds_a_batch(cell, size, grid.engine) if len(finished) < cap else 0.0
        queue: CellQueue
        if isinstance(grid.runs, int):
            missing = [batch for batch in range(cap) if batch not in finished]
            to_run = [batch for batch in missing if batch not in left_out and (wanted is None or batch in wanted)]
            queue = FixedQueue(cell, size, expected, to_run, len(missing), cap)
        else:
            none = wanted is not None and not wanted
            queue = RuledQueue(
                cell, size, expected, grid.runs, hits, set(range(cap)) if none else left_out, self._ahead
            )
        self.of_batches += cap
        self.batches += cap - queue.left
        self.there += queue.whole * len(grid.samples[sample])
        self.runs += sum(self._kept(batch, size) for batch in finished if batch < cap)
        self._needed[sample] = queue.needed
        if finished:
            self._with_runs.add(sample)
        if queue.left:
            self._pace_of(queue).add(queue.left, expected)
            self._queues[sample] = queue

    def _kept(self, batch: int, size: int) -> int:
        """Rows of a batch that belong to the table."""
        return min(size, most_runs(self._grid.runs) - batch * size)

    def next_task(self) -> list[Job]:
        """The next jobs, some SECONDS_A_TASK of them together; none if nothing can be sent now."""
        if self._allowance is not None:
            return self._next_that_fits(self._allowance)
        task: list[Job] = []
        seconds, rows = 0.0, 0
        while self._open and (not task or (seconds < SECONDS_A_TASK and rows < ROWS_A_TASK)):
            queue = self._open[0]
            if not queue.has_next:
                self._waiting[queue.cell.sample] = self._open.popleft()
                continue
            each = self._seconds(queue)
            if task and seconds + each > 2 * SECONDS_A_TASK:
                break  # a long one is a task of its own
            task.append(self._job(queue, each))
            seconds, rows = seconds + each, rows + queue.size
        return task

    def _turn(self, queue: CellQueue) -> float:
        """The key by which queues are sorted: long batches first; cheap ones first where runs are limited."""
        if self._allowance is None:
            return -queue.expected
        return self._allowance.share(self._allowance.expected(queue.cell, queue.size))

    def _next_that_fits(self, allowance: Allowance) -> list[Job]:
        """A task of the cheapest batch that the limits leave room for; no job while none may begin."""
        for queue in list(self._open):
            if not queue.has_next:
                self._open.remove(queue)
                self._waiting[queue.cell.sample] = queue
            elif allowance.fits(allowance.expected(queue.cell, queue.size)):
                return [self._job(queue, self._seconds(queue))]
        return []

    @property
    def refused(self) -> str:
        """Why the cheapest batch that is left may not be begun, in words; empty if nothing stands against it."""
        if self._allowance is None or not self._open:
            return ""
        queue = self._open[0]
        return self._allowance.too_much(self._allowance.expected(queue.cell, queue.size))

    def _seconds(self, queue: CellQueue) -> float:
        """Seconds that a batch of a cell will take, by what its batches, or those of others, took so far."""
        return queue.expected * self._pace if queue.measured is None else queue.measured

    @property
    def _pace(self) -> float:
        """Measured seconds for each second that was expected, over all batches that came back."""
        return self._measured / self._forecast if self._forecast > 0 else 1.0

    def _job(self, queue: CellQueue, seconds: float) -> Job:
        limit = max(LEAST_LIMIT, TIMES_EXPECTED * max(seconds, queue.expected))
        return Job(
            cell=queue.cell,
            batch=queue.next(),
            size=queue.size,
            seed=self._grid.seed,
            engine=self._grid.engine,
            seconds=seconds,
            limit=limit if self._time_limit is None else self._time_limit,
        )

    def received(self, done: Done) -> list[Done]:
        """What belongs to the table, now that a batch has come back."""
        queue = self._queues[done.job.cell.sample]
        self._with_runs.add(queue.cell.sample)
        self._measured += done.seconds
        self._forecast += queue.expected
        self._pace_of(queue).received(queue.expected, done.seconds)
        was_whole, left = queue.whole, queue.left
        kept = queue.received(done)
        self.cells += (queue.whole - was_whole) * len(self._grid.samples[queue.cell.sample])
        self.runs += sum(self._kept(each.job.batch, queue.size) for each in kept)
        self._after(queue, left)
        return kept

    def failed(self, failure: Failure) -> None:
        """A batch will not come back."""
        queue = self._queues[failure.job.cell.sample]
        left = queue.left
        queue.failed(failure.job.batch)
        self._after(queue, left)

    def _after(self, queue: CellQueue, left: int) -> None:
        """Count the batches that are no longer awaited; a queue that has more to send by now is opened again."""
        self._needed[queue.cell.sample] = queue.needed
        self.batches += left - queue.left
        self._pace_of(queue).add(queue.left - left, queue.expected)
        if queue.has_next and self._waiting.pop(queue.cell.sample, None) is not None:
            if self._allowance is None:
                self._open.appendleft(queue)
            else:
                self._open = deque(sorted([*self._open, queue], key=self._turn))

    @property
    def has_more(self) -> bool:
        """Whether batches are left that were neither sent nor failed."""
        return bool(self._open or self._waiting) and any(queue.left for queue in (*self._open, *self._waiting.values()))

    def needs(self, key: BatchKey) -> bool:
        """Whether the table is known to need a batch: a stopping rule may not need one that failed."""
        sample, batch = key
        return batch < self._needed.get(sample, 0)

    def has_runs(self, sample: str) -> bool:
        """Whether some batch of a cell was run, in this launch or before."""
        return sample in self._with_runs

    @property
    def foreseen(self) -> float | None:
        """Seconds of one core that all batches to come are expected to take; None where some are not foreseen."""
        return None if self._unforeseen.to_come else max(0.0, self._foreseen.expected)

    def seconds_left(self, workers: int) -> float | None:
        """What the rest will take so many workers at the most, at the pace so far; None while that is not known well.

        Batches whose times could not be foreseen say nothing of the others.
        """
        if self._forecast == 0:
            return None
        foreseen, unforeseen = self._foreseen.left, self._unforeseen.left
        return None if foreseen is None or unforeseen is None else (foreseen + unforeseen) / workers

    def _pace_of(self, queue: CellQueue) -> _Pace:
        return self._unforeseen if queue.expected == UNKNOWN else self._foreseen


def _by_sample(keys: Iterable[BatchKey]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for sample, batch in keys:
        found[sample].add(batch)
    return found
