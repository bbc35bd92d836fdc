"""The law of an offspring's number of incorrect blocks in a cell where that depends on its parent's number alone."""

from __future__ import annotations

from evo.protocols import FloatArray
from evo.schedules import OnlyIncorrect
from evo.theory.calls.offspring_counts import subset_offspring, whole_offspring, wrong_block_offspring
from experiments.grids.cell import Cell
from experiments.predictions.conditions import law_of, schedule_of


def offspring_counts(cell: Cell) -> FloatArray:
    """P(a valid offspring has j incorrect blocks | its parent has i), float [k+1, k+1]."""
    law, k, g = law_of(cell), cell.problem.k, cell.chunks.g
    if g == k:
        return whole_offspring(law, k)
    if isinstance(schedule_of(cell), OnlyIncorrect):
        return wrong_block_offspring(law, k)
    return subset_offspring(law, k, g)
