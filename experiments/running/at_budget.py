"""The fitness of simulated runs at a budget: what their last generation that counts left them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from evo.batch import Trace
from evo.protocols import FloatArray, IntArray
from experiments.grids.cell import Cell
from experiments.running.simulation import simulate_traced


@dataclass(frozen=True, eq=False)
class AtBudget:
    """Runs that a budget ended.

    Attributes:
        fitness: of each run, after the generations that count, float [runs].
        generations: that count, int [runs].
        calls: LLM calls that were simulated, of all runs together.
    """

    fitness: FloatArray = field(repr=False)
    generations: IntArray = field(repr=False)
    calls: int


def fitness_at_budget(cell: Cell, seed: int, batch: int, size: int, most: float = math.inf) -> AtBudget:
    """The fitness that the cell's own budget leaves to each run of a batch.

    Args:
        cell: with a budget that ends its runs; of one whose generations the trace counts.
        seed: of the streams.
        batch: number of the batch.
        size: runs.
        most: what a run may cost: a last generation that brings it above does not count, for a budget of money ends
            with the generation that reaches it.
    """
    counts, trace = simulate_traced(cell, seed, batch, size)
    assert trace.spent is not None  # the engine `blocks` notes it
    cost = cell.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls) @ cell.weights
    made = counts.generations - (cost > most)
    return AtBudget(_last(trace, trace.spent[:, 0], [made], size)[0], made, int(counts.calls.sum()))


def fitness_after(trace: Trace, answers: Sequence[int | IntArray], size: int) -> FloatArray:
    """The fitness of each run of a batch after so many answers: that of its last change until then, float [n, size].

    Args:
        trace: of the batch.
        answers: of all runs, or of each, int [size].
        size: runs of the batch.
    """
    return _last(trace, trace.call, answers, size)


def _last(trace: Trace, clock: IntArray, times: Sequence[int | IntArray], size: int) -> FloatArray:
    """The fitness of the last change of each run up to some times of a clock, which each change has."""
    order = np.lexsort((trace.call, trace.run))
    run, when, value = trace.run[order], clock[order], trace.fitness[order]
    fitness = np.empty((len(times), size))
    for row, most in zip(fitness, times, strict=True):
        early = np.flatnonzero(when <= np.broadcast_to(most, size)[run])
        latest = early[np.append(run[early][1:] != run[early][:-1], True)]
        row[run[latest]] = value[latest]
    return fitness
