"""Chances of moving between the states of a chain, as lists: scipy.sparse takes longer to load than most runs take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evo.protocols import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Moves:
    """What a generation does between n states: the chances above 0, row by row, in each by rising columns.

    Attributes:
        starts: where the moves out of each state begin, and the last ones end, int [n+1].
        to: the state that each leads to, int [moves].
        chance: its probability, float [moves].

    >>> moves = Moves.of(np.array([[0.0, 0.0, 0.0], [0.25, 0.0, 0.5], [0.0, 0.0, 0.0]]))
    >>> moves.starts.tolist(), moves.to.tolist(), moves.chance.tolist(), moves.sums.tolist()
    ([0, 0, 2, 2], [0, 2], [0.25, 0.5], [0.0, 0.75, 0.0])
    """

    starts: IntArray
    to: IntArray
    chance: FloatArray

    @classmethod
    def of(cls, step: Any) -> Moves:
        """The moves that a matrix has, from row to column: an array, or a sparse one; [n, n]."""
        if isinstance(step, Moves):
            return step
        if isinstance(step, np.ndarray):
            there = step != 0.0
            starts = np.append(0, np.count_nonzero(there, axis=1).cumsum())
            return cls(starts, np.ascontiguousarray(np.nonzero(there)[1]), step[there])
        from scipy.sparse import csr_array

        rows = csr_array(step)
        rows.eliminate_zeros()
        rows.sort_indices()
        return cls(rows.indptr.astype(np.int64), rows.indices.astype(np.int64), rows.data)

    @classmethod
    def listed(cls, states: int, rows: IntArray, columns: IntArray, chance: FloatArray) -> Moves:
        """The moves from rows to columns, each of which is listed once; in any order.

        >>> Moves.listed(2, np.array([1, 0]), np.array([0, 1]), np.array([0.5, 0.25])).chance.tolist()
        [0.25, 0.5]
        """
        order = np.lexsort((columns, rows))
        order = order[chance[order] != 0.0]
        starts = np.append(0, np.bincount(rows[order], minlength=states).cumsum())
        return cls(starts, columns[order], chance[order])

    @property
    def states(self) -> int:
        """The number n of states."""
        return len(self.starts) - 1

    @cached_property
    def owner(self) -> IntArray:
        """The state that each move leaves, int [moves]."""
        return np.repeat(np.arange(self.states), np.diff(self.starts))

    @cached_property
    def sums(self) -> FloatArray:
        """The chance of any move, float [n]."""
        sums, some = np.zeros(self.states), np.diff(self.starts) > 0
        sums[some] = np.add.reduceat(self.chance, self.starts[:-1][some]) if some.any() else 0.0
        return sums

    def ordered(self, order: IntArray) -> Moves:
        """The same with the states in another order, int [n]: state order[0] first.

        >>> Moves.of(np.array([[0.0, 0.5], [0.0, 0.0]])).ordered(np.array([1, 0])).dense.tolist()
        [[0.0, 0.0], [0.5, 0.0]]
        """
        if (order[:-1] < order[1:]).all():
            return self
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return Moves.listed(len(order), place[self.owner], place[self.to], self.chance)

    @property
    def dense(self) -> FloatArray:
        """As an array from row to column, float [n, n]."""
        matrix = np.zeros((self.states, self.states))
        matrix[self.owner, self.to] = self.chance
        return matrix

    @cached_property
    def sparse(self) -> Any:
        """As sparse rows of scipy, [n, n], where their algebra is needed."""
        from scipy.sparse import csr_array

        return csr_array((self.chance, self.to, self.starts), shape=(self.states, self.states))
