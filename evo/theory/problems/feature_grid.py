"""Runs that keep the best of each cell of a feature grid, as chains on the blocks that are incorrect (theory 1f)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.calls.starts import Start
from evo.theory.chains.explore import Event, explored
from evo.theory.run_law import RunLaw

MOST_BLOCKS = 500
"""Blocks up to which the chain takes seconds: of each state a row of k probabilities is summed over those kept."""
State = tuple[int, ...]  # incorrect blocks of those kept, ascending; no two of them of one cell


def feature_grid_run(offspring: FloatArray, cells: Sequence[int], by_count: FloatArray, start: Start) -> RunLaw:
    """Law of a run with one call a generation, whose parent is uniform among the filled cells.

    Args:
        offspring: float [k+1, k+1], P(an offspring has j incorrect blocks | its parent has i).
        cells: the cell of 0..k incorrect blocks, k+1 numbers.
        by_count: the fitness of 0..k incorrect blocks, float [k+1].
        start: law of the initial solution.

    Raises: NoPrediction if there are too many states.

    One cell is the (1+1)-EA, k H_k / fix. Where each count has its cell and one block is called, all counts from the
    first to the best are kept, and a repair of the best waits for its turn: (k / fix) ((k + 1) H_k - k) from all
    incorrect, Theta(k^2 ln k); 51.333.. = 8 (5 25/12 - 4) for k = 4:

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.theory.calls.offspring_counts import subset_offspring
    >>> single, counts = subset_offspring(IndependentBlocks(0.5, 0.5), 4, 1), -np.arange(5.0)
    >>> [round(feature_grid_run(single, cells, counts, Start(4)).hit.mean, 9) for cells in ([0] * 5, [4, 3, 2, 1, 0])]
    [16.666666667, 51.333333333]
    """
    k = start.k
    if k > MOST_BLOCKS:
        raise NoPrediction(f"the chain of a feature grid is made for at most {MOST_BLOCKS} blocks, got k = {k}")

    def events(state: State) -> Iterator[Event]:
        made = offspring[list(state)].mean(axis=0)
        held = {cells[wrong]: wrong for wrong in state}
        for wrong in np.flatnonzero(made).tolist():
            if not wrong:
                yield 1, None, float(made[0])
                continue
            old = held.get(cells[wrong])
            if old is None or by_count[wrong] > by_count[old]:
                kept = (each for each in state if each != old)
                yield 1, tuple(sorted((*kept, wrong))), float(made[wrong])

    law = start.law()
    begin: dict[State | None, float] = {None: float(law[0])}
    begin |= {(wrong,): float(law[wrong]) for wrong in range(1, k + 1) if law[wrong] > 0.0}
    return explored(begin, events, source="chain on the counts of the cells that are filled")
