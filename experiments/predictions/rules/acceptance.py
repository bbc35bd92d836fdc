"""How likely an offspring is accepted that evaluators who err look at, from the counts of a cell (theory 8a, 8c)."""

from __future__ import annotations

import numpy as np

from evo.protocols import FloatArray
from evo.theory.calls.acceptance import (
    ahead_error,
    gaussian_acceptance,
    judged_acceptance,
    judged_block_acceptance,
    majority_error,
)
from experiments.grids.cell import Cell
from experiments.predictions.conditions import accepts_weakly, truth
from problems import Judged, Noisy


def acceptance(cell: Cell) -> FloatArray:
    """P(an offspring with j incorrect blocks replaces a parent with i), both judged afresh; float [k+1, k+1]."""
    problem, k = cell.problem, cell.problem.k
    weak = accepts_weakly(cell)
    if isinstance(problem, Noisy):
        return gaussian_acceptance(count_fitness(cell), problem.sigma, problem.samples, weak)
    assert isinstance(problem, Judged)  # the rules' condition
    fp, fn = verdict_errors(problem)
    one_block = problem.blocks == "changed" and cell.chunks.g < k
    return (judged_block_acceptance if one_block else judged_acceptance)(k, fp, fn, problem.samples, weak)


def verdict_errors(problem: Judged) -> tuple[float, float]:
    """Error rates of a verdict after the votes on it (theory 9a)."""
    if problem.ahead is not None:
        return ahead_error(problem.fp, problem.ahead), ahead_error(problem.fn, problem.ahead)
    return majority_error(problem.fp, problem.votes), majority_error(problem.fn, problem.votes)


def count_fitness(cell: Cell) -> FloatArray:
    """True fitness by the number of incorrect blocks, float [k+1], of a problem for which only that counts."""
    k = cell.problem.k
    solutions = np.arange(k) >= np.arange(k + 1)[:, None]
    return np.asarray(truth(cell).fitness(solutions), dtype=np.float64)
