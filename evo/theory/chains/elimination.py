"""Linear systems of Markov chains without a subtraction (Grassmann, Taksar and Heyman 1985)."""

from __future__ import annotations

import numpy as np

from evo.protocols import FloatArray


class Elimination:
    """Solves x_i = c_i + sum_j P_ij x_j for a group of states that are left w.p. 1, c >= 0.

    Eliminating the last state n, s = exit_n + sum_{j<n} P_nj is what 1 - P_nn stands for: every number is a sum of
    non-negative ones, so that a group which is left once in 10^15 generations costs no digits.

    >>> Elimination(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1e-16, 0.0])).solve(np.ones(2)).tolist()
    [2e+16, 2e+16]
    """

    def __init__(self, moves: FloatArray, exits: FloatArray) -> None:
        """Factor the system.

        Args:
            moves: [n, n], probabilities of moving between states of the group; the diagonal is not used.
            exits: [n], probabilities of leaving the group.
        """
        self._moves = np.array(moves, dtype=np.float64)
        self._left = np.zeros(len(exits))
        out = np.array(exits, dtype=np.float64)
        matrix = self._moves
        for n in range(len(out) - 1, -1, -1):
            row = matrix[n, :n]
            self._left[n] = out[n] + row.sum()
            matrix[:n, n] /= self._left[n]
            using = np.flatnonzero(matrix[:n, n])
            if len(using):
                weight = matrix[using, n]
                matrix[using, :n] += np.outer(weight, row)
                out[using] += weight * out[n]

    def solve(self, constant: FloatArray) -> FloatArray:
        """The solution for c = `constant` [n]."""
        rest, solution = np.array(constant, dtype=np.float64), np.zeros(len(constant))
        for n in range(len(rest) - 1, 0, -1):
            rest[:n] += self._moves[:n, n] * rest[n]
        for n in range(len(rest)):
            solution[n] = (rest[n] + self._moves[n, :n] @ solution[:n]) / self._left[n]
        return solution
