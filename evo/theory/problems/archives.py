"""Runs that keep several solutions, as chains on the incorrect blocks of each solution (theory 1f, 2b).

Exact where an offspring's count depends on its parent's count alone (`evo.theory.calls.offspring_counts`), one call a
generation: the state is the sorted tuple of counts, and the count of the solution that entered last where that matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb, factorial, prod

import numpy as np

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES
from evo.theory.chains.explore import Event, explored
from evo.theory.run_law import RunLaw

FAR_TOO_MANY = 16 * MAX_STATES
"""Number of states up to which the chain is built without a search for the reachable ones."""
Counts = tuple[int, ...]
State = tuple[Counts, int]  # incorrect blocks of those kept, ascending; of the last one, or -1 where it does not matter


@dataclass(frozen=True)
class Keeper:
    """How a runner keeps and chooses.

    Attributes:
        size: solutions kept, s.
        parent: "uniform", "proportional" (to the number of correct blocks) or "last".
        founders: initial solutions.
    """

    size: int
    parent: str = "uniform"
    founders: int = 1

    def chances(self, state: State, k: int) -> FloatArray:
        """P(each of those kept is the parent)."""
        counts, last = state
        if self.parent == "last":
            chosen = np.zeros(len(counts))
            chosen[counts.index(last)] = 1.0
            return chosen
        correct = k - np.array(counts, dtype=np.float64)
        if self.parent == "uniform" or correct.sum() == 0.0:
            return np.full(len(counts), 1.0 / len(counts))
        return np.asarray(correct / correct.sum())

    def after(self, state: State, wrong: int) -> State:
        """The archive after an offspring with the given number of incorrect blocks."""
        counts, _ = state
        if len(counts) == self.size:
            if wrong >= counts[-1]:
                return state
            counts = counts[:-1]
        return tuple(sorted((*counts, wrong))), wrong if self.parent == "last" else -1


def archive_run(keeper: Keeper, offspring: FloatArray, start: Start) -> RunLaw:
    """Law of a run with one call a generation.

    A full archive takes an offspring that is fitter than its worst.

    Args:
        keeper: how solutions are kept and chosen.
        offspring: float [k+1, k+1], P(an offspring has j incorrect blocks | its parent has i).
        start: law of each initial solution.

    Raises: NoPrediction if there are more than MAX_STATES states.

    One place is the (1+1)-EA, k H_k / fix:

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.theory.calls.offspring_counts import subset_offspring
    >>> single = subset_offspring(IndependentBlocks(0.5, 0.5), 4, 1)
    >>> [round(archive_run(Keeper(s), single, Start(4)).hit.mean, 9) for s in (1, 2)]
    [16.666666667, 19.425685426]
    """
    k, size = start.k, keeper.size
    if comb(k + size, k) > FAR_TOO_MANY:
        raise NoPrediction(f"the chain of {size} solutions of k={k} blocks has more than {MAX_STATES} states")

    def events(state: State) -> Iterator[Event]:
        made = keeper.chances(state, k) @ offspring[list(state[0])]
        for wrong in np.flatnonzero(made).tolist():
            yield 1, keeper.after(state, wrong) if wrong else None, float(made[wrong])

    return explored(_begin(keeper, start), events, source="chain on the counts of those kept")


def _begin(keeper: Keeper, start: Start) -> dict[State | None, float]:
    """The initial states with their probabilities; None stands for a start that holds an optimal solution."""
    law, founders = start.law(), keeper.founders
    possible = [wrong for wrong in range(1, start.k + 1) if law[wrong] > 0.0]
    if comb(len(possible) + founders - 1, founders) > MAX_STATES:
        raise NoPrediction(f"{founders} initial solutions can have more than {MAX_STATES} different counts")
    begin: dict[State | None, float] = {None: float(1.0 - (1.0 - law[0]) ** founders)}
    for counts in combinations_with_replacement(possible, founders):
        ways = factorial(founders) / prod(factorial(counts.count(wrong)) for wrong in set(counts))
        begin[counts, counts[0] if keeper.parent == "last" else -1] = ways * prod(float(law[w]) for w in counts)
    return begin
