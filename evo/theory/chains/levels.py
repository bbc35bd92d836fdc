"""Linear systems over all states of a chain, one strongly connected component after the other."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from evo.protocols import FloatArray, IntArray
from evo.theory.chains.elimination import Elimination
from evo.theory.chains.moves import Moves


class Levels:
    """Solves x_i = c_i + sum_j P_ij x_j, c >= 0, without a subtraction.

    States that lead to each other form a level (a strongly connected component). A level leads to lower levels only:
    a single state by x_i = (c_i + sum_j P_ij x_j)/(P(leaving i)), several by `Elimination`.

    >>> Levels(Moves.of(np.array([[0.0, 0.0], [0.25, 0.0]])), np.array([0.5, 0.0])).solve(np.ones(2)).tolist()
    [2.0, 6.0]
    """

    def __init__(self, moves: Moves, finish: FloatArray) -> None:
        """Find the levels.

        Args:
            moves: between different states.
            finish: [n], probabilities of absorption.
        """
        self._order, self._bounds = np.arange(len(finish)), np.arange(len(finish) + 1)
        if (moves.to > moves.owner).all():
            self._order = self._order[::-1]
        elif not (moves.to < moves.owner).all():
            self._order, self._bounds = _components(moves)
        self._moves, self._finish = moves.ordered(self._order), finish[self._order]

    def solve(self, constant: FloatArray, closed: float | None = None) -> FloatArray:
        """The solution x, float [n].

        Args:
            constant: c, float [n].
            closed: x of the levels that are never left; None: their sum of c for ever, 0 or infinite.
        """
        right, x = constant[self._order], np.zeros(len(constant))
        starts, to, chance = self._moves.starts, self._moves.to, self._moves.chance
        with np.errstate(over="ignore"):
            for low, high, out, several in self._systems:
                if out == 0.0:
                    x[low:high] = closed if closed is not None else np.inf if right[low:high].any() else 0.0
                elif several is None:
                    ahead = slice(starts[low], starts[high])
                    x[low] = (right[low] + chance[ahead] @ x[to[ahead]]) / out
                else:
                    system, below = several
                    known = right[low:high] + below @ x[:low]
                    x[low:high] = system.solve(known) if np.isfinite(known).all() else np.inf
        answer = np.empty(len(x))
        answer[self._order] = x
        return answer

    @cached_property
    def _systems(self) -> list[tuple[int, int, float, tuple[Elimination, Any] | None]]:
        """For each level: its states, P(leaving it), and for several states their system and what leads below."""
        starts, chance, bounds = self._moves.starts, self._moves.chance, self._bounds.tolist()
        systems: list[tuple[int, int, float, tuple[Elimination, Any] | None]] = []
        for low, high in pairwise(bounds):
            if high == low + 1:
                out = float(chance[starts[low] : starts[high]].sum() + self._finish[low])
                systems.append((low, high, out, None))
            else:
                rows = self._moves.sparse[low:high]
                among, below = rows[:, low:high].toarray(), rows[:, :low]
                exits = self._finish[low:high] + below.sum(axis=1)
                systems.append(
                    (low, high, float(exits.sum()), (Elimination(among, exits), below) if exits.any() else None)
                )
        return systems


def _components(moves: Moves) -> tuple[IntArray, IntArray]:
    """The states sorted by level (states that reach each other), the lowest first, and where each level begins."""
    from scipy.sparse.csgraph import connected_components

    levels, level = connected_components(moves.sparse, connection="strong")
    if (level[moves.to] > level[moves.owner]).any():
        raise AssertionError("scipy's strongly connected components are not numbered from the sinks on")
    return np.argsort(level, kind="stable"), np.searchsorted(np.sort(level), np.arange(levels + 1))
