"""What the limits of a grid leave: which batch may be begun, so that limits hold to within a batch."""

from __future__ import annotations

import math

from experiments.grids.any_cell import AnyCell
from experiments.predictions.within_budget import mean_cost, mean_tokens, within_budget
from experiments.running.limits import ON_RUNS, Amounts, GridLimits, Spent
from experiments.running.tasks import Done, Job
from experiments.store.table import BatchKey


class Allowance:
    """What limits on runs leave.

    A batch is begun if what it is expected to come to is left beside all that is at work. One of which nothing is known
    (its expectation is none, or a bound alone, and no batch of its cell has come back) is begun alone.

    Attributes:
        limits: of the grid.
        spent: what the grid has come to: all rows that were run, also those of a last batch that the table cuts off.

    >>> allowance = Allowance(GridLimits(calls=1000), Spent(calls=400))
    >>> [allowance.fits({"calls": calls, "tokens": 0, "cost": 0}) for calls in (600, 601)]
    [True, False]
    """

    def __init__(self, limits: GridLimits, spent: Spent) -> None:
        self.limits, self.spent = limits, spent
        self._most = {name: most for name in ON_RUNS if (most := getattr(limits, name)) is not None}
        self._exact: dict[str, Amounts | None] = {}
        self._came: dict[str, tuple[int, Amounts]] = {}
        self._at_work: dict[BatchKey, Amounts | None] = {}

    @property
    def on_runs(self) -> bool:
        """Whether a limit is on what runs come to."""
        return bool(self._most)

    @property
    def reached(self) -> str:
        """Which limit is reached, in words; empty if none is."""
        return self.limits.reached(self.spent)

    def expected(self, cell: AnyCell, size: int) -> Amounts | None:
        """What a batch of a cell will come to: the prediction if it is exact, else the mean of those that came back."""
        if cell.sample not in self._exact:
            self._exact[cell.sample] = _predicted(cell, size)
        if self._exact[cell.sample] is None and cell.sample in self._came:
            number, total = self._came[cell.sample]
            return {name: total[name] / number for name in ON_RUNS}
        return self._exact[cell.sample]

    def share(self, amounts: Amounts | None) -> float:
        """Of the limit of which a batch takes most; infinite if nothing is known."""
        return math.inf if amounts is None else max(amounts[name] / most for name, most in self._most.items())

    def fits(self, amounts: Amounts | None) -> bool:
        """Whether a batch may be begun now."""
        at_work = [each for each in self._at_work.values() if each is not None]
        if self.reached or len(at_work) < len(self._at_work):
            return False
        if amounts is None:
            return not at_work
        return all(
            getattr(self.spent, name) + sum(each[name] for each in at_work) + amounts[name] <= most
            for name, most in self._most.items()
        )

    def begun(self, job: Job) -> None:
        """A batch was sent."""
        if self.on_runs:
            self._at_work[job.cell.sample, job.batch] = self.expected(job.cell, job.size)

    def back(self, job: Job, done: Done | None) -> None:
        """A batch has come back, or failed if it is None."""
        self._at_work.pop((job.cell.sample, job.batch), None)
        if done is not None and self.on_runs:
            number, total = self._came.get(job.cell.sample, (0, dict.fromkeys(ON_RUNS, 0.0)))
            came = self.spent.add(done.columns, job.cell.prices)
            self._came[job.cell.sample] = number + 1, {name: total[name] + came[name] for name in ON_RUNS}

    def too_much(self, amounts: Amounts | None) -> str:
        """In words, what the next batch would take more than is left; empty if that is not why nothing is begun."""
        for name, most in self._most.items():
            got = getattr(self.spent, name)
            if amounts is not None and got + amounts[name] > most:
                taken = f"{amounts[name]:,.0f}" if amounts[name] >= 100 else f"{amounts[name]:.3g}"
                return f"{name}: {got:,.10g} of at most {most:,.10g}, and the next batch is expected to take {taken}"
        return ""


def _predicted(cell: AnyCell, size: int) -> Amounts | None:
    """What the runs of a batch are expected to spend together; None if an entry is not known exactly."""
    within = within_budget(cell)
    if within.mean is None or within.at_most or math.isinf(within.calls):
        return None
    (read, written), cost = mean_tokens(cell, within), mean_cost(cell, within)
    if read is None or written is None or cost is None:
        return None
    return {"calls": size * within.calls, "tokens": size * (read + written), "cost": size * cost}
