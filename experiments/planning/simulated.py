"""Numbers of candidates that no formula tells: runs of the project's own engine, with their standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from evo.costs.budget import Budget
from evo.costs.ledger import LEDGER
from evo.protocols import BoolArray, FloatArray, IntArray
from experiments.grids.cell import Cell
from experiments.running.at_budget import fitness_at_budget
from experiments.running.simulation import simulate, simulate_traced

SEED = 1
PROBE, LEAST, MOST = 64, 256, 4000
"""Runs that tell how much runs differ; the fewest and the most that are then made afresh."""
MARGIN = 1.3
"""Times as many runs as the probe says: what it says of the variance is some 18 % off."""
RELATIVE, OF_A_CHANCE, OF_THE_BLOCKS = 0.01, 0.01, 0.001
"""The standard error that is aimed at: of a sum, of a chance, and of the fitness, as a share of k."""
A_RUN, A_CANDIDATE, A_PLAN = 20_000, 500_000, 20_000_000
"""The most calls of a run, of the runs of a candidate after the probe, and of all candidates of a plan."""


class NotSimulatedError(Exception):
    """Why runs do not tell a number."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One number of each simulated run.

    Attributes:
        values: float [runs].
    """

    values: FloatArray = field(repr=False)

    @property
    def mean(self) -> float:
        """Mean of the runs."""
        return float(self.values.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean, s / sqrt(runs)."""
        return float(self.values.std(ddof=1)) / math.sqrt(len(self.values))

    def quantile(self, u: float) -> float:
        """The least value that a share u of the runs does not exceed."""
        return float(np.sort(self.values)[max(0, math.ceil(u * len(self.values)) - 1)])

    def quantile_error(self, u: float) -> float:
        """Half of what lies between the ranks n u -+ sqrt(n u (1-u)): the standard error of the quantile."""
        n, ordered = len(self.values), np.sort(self.values)
        wide = math.sqrt(n * u * (1.0 - u))
        low, high = (min(n - 1, max(0, math.ceil(n * u + side * wide) - 1)) for side in (-1.0, 1.0))
        return float(ordered[high] - ordered[low]) / 2.0


@dataclass(frozen=True, eq=False)
class SpentToTarget:
    """What simulated runs spent until their target.

    Attributes:
        cell: whose runs.
        counts: int [runs, 3 + powers]: generations, calls, evaluations, and sums of shortfalls.
    """

    cell: Cell
    counts: IntArray = field(repr=False)

    @property
    def generations(self) -> Sample:
        """Generations of each run."""
        return Sample(self.counts[:, 0].astype(np.float64))

    @property
    def calls(self) -> Sample:
        """LLM calls of each run."""
        return Sample(self.ledger[:, 0])

    @property
    def short(self) -> FloatArray:
        """Calls of each run on the shorter last chunk, float [runs]."""
        return np.asarray(self.counts[:, 3:].sum(axis=1), dtype=np.float64)

    @property
    def ledger(self) -> FloatArray:
        """Float [runs, 8]."""
        short = self.counts[:, 3:] if self.cell.tokens.powers else None
        return self.cell.tokens.ledger(self.counts[:, 1], self.counts[:, 2], short)

    @property
    def tokens(self) -> Sample:
        """Tokens read and written."""
        return Sample(self.ledger[:, [LEDGER.index("prompt_tokens"), LEDGER.index("generated_tokens")]].sum(axis=1))

    @property
    def cost(self) -> Sample:
        """By the prices of the cell."""
        return Sample(self.ledger @ self.cell.weights)


@dataclass
class Simulator:
    """Simulates cells under a fixed seed, and stops when a plan has taken enough.

    A probe of 64 runs tells how many runs the standard error takes that is aimed at; these are made afresh, so that
    their number does not depend on what they come to. Nothing here looks at a clock: the same plan has the same
    numbers on every machine.

    Attributes:
        left: calls that the plan may still simulate.
        a_candidate: calls of the runs of a candidate after the probe, at the most.
    """

    left: int = field(default_factory=lambda: A_PLAN)
    a_candidate: int = A_CANDIDATE

    def until(self, cell: Cell, target: int | None) -> SpentToTarget:
        """What runs spend until their fitness is at least a target (None: the optimum).

        Raises: NotSimulatedError where some run is too long, or the plan has simulated enough.
        """
        limited = replace(cell, budget=Budget(calls=A_RUN))
        probe = SpentToTarget(cell, self._spent(limited, target, 0, PROBE))
        sums = probe.cost if cell.weights.any() else probe.calls
        wanted = (PROBE * sums.error**2 / (RELATIVE * sums.mean) ** 2) if sums.mean else 0.0
        runs = self._runs(wanted, probe.calls.mean)
        return SpentToTarget(
            cell, np.concatenate([self._spent(limited, target, *each) for each in _batches(cell, runs)])
        )

    def at_budget(self, cell: Cell, budget: Budget, most: float, target: int | None) -> Sample:
        """The fitness at a budget; a last generation that brings the cost above `most` does not count.

        Raises: NotSimulatedError if the plan has simulated enough.
        """
        k, limited = cell.problem.k, replace(cell, budget=budget)
        probe, calls = self._fitness(limited, most, 0, PROBE)
        reached = ((probe >= (k if target is None else target)).sum() + 1.0) / (PROBE + 2.0)  # not 0: it is not known
        wanted = (float(probe.std(ddof=1)) / (OF_THE_BLOCKS * k)) ** 2, reached * (1.0 - reached) / OF_A_CHANCE**2
        runs = self._runs(max(wanted), calls / PROBE)
        return Sample(np.concatenate([self._fitness(limited, most, *each)[0] for each in _batches(cell, runs)]))

    def _runs(self, wanted: float, calls: float) -> int:
        """Runs for the standard error, as far as so many calls a run allow them."""
        return max(2, min(max(LEAST, math.ceil(MARGIN * wanted)), MOST, int(self.a_candidate / max(calls, 1.0))))

    def _expect_some(self) -> None:
        if self.left <= 0:
            raise NotSimulatedError(
                f"not simulated: the candidates before it took {A_PLAN:,} simulated calls; give fewer candidates"
            )

    def _spent(self, cell: Cell, target: int | None, batch: int, size: int) -> IntArray:
        """Counts of the runs of a batch up to their target, int [size, columns]."""
        self._expect_some()
        if target is None:
            counts = simulate(cell, SEED, batch, size)
            ended = counts.hit >= 0
            columns = [counts.generations, counts.calls, counts.evaluations]
            spent = np.column_stack(columns if counts.shortfalls is None else [*columns, counts.shortfalls])
        else:
            counts, trace = simulate_traced(cell, SEED, batch, size)
            assert trace.spent is not None  # the engine `blocks` notes it
            there = np.flatnonzero(trace.fitness >= target)
            order = there[np.lexsort((trace.call[there], trace.run[there]))]
            _, first = np.unique(trace.run[order], return_index=True)
            ended = np.isin(np.arange(size), trace.run[order])
            spent = trace.spent[order[first]]
        self.left -= int(counts.calls.sum())
        _expect_ended(ended)
        return spent

    def _fitness(self, cell: Cell, most: float, batch: int, size: int) -> tuple[FloatArray, float]:
        """The last fitness of each run of a batch, float [size], and the calls of all."""
        self._expect_some()
        found = fitness_at_budget(cell, SEED, batch, size, most)
        self.left -= found.calls
        return found.fitness, float(found.calls)


def _batches(cell: Cell, runs: int) -> list[tuple[int, int]]:
    """Numbers and sizes of the batches of so many runs, after that of the probe."""
    size = cell.batch_size(1000)
    return [(1 + i, min(size, runs - i * size)) for i in range(math.ceil(runs / size))]


def _expect_ended(ended: BoolArray) -> None:
    """Refuse runs that have not ended: the mean of the others would be that of the short ones.

    Raises: NotSimulatedError.
    """
    if not ended.all():
        late = int((~ended).sum())
        raise NotSimulatedError(f"not simulated: {late:,} of {len(ended):,} runs had not ended after {A_RUN:,} calls")
