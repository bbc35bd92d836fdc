"""Absorbing chains that may go round among solutions of the same fitness."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.laws.counts import FloatArray
from evo.protocols import BoolArray, IntArray
from evo.theory.chains.chain import AbsorbingChain
from evo.theory.chains.elimination import Elimination
from evo.theory.chains.moments import mixed


@dataclass(frozen=True, eq=False, repr=False)
class CyclicChain(AbsorbingChain):
    """A run as a chain on solutions and pointers: fitness never falls, but on one level everything may happen.

    Attributes:
        level: [n], incorrect blocks of each state; moves go to the same or a lower level.
    """

    level: NDArray[np.int64]

    def moments(self, calls: int) -> tuple[float, float]:
        """Mean and variance, level by level (theory 1f, with a linear system on each level).

        h_i = c_i + sum_j P_ij h_j, and by total variance V_i = sum_j P_ij (V_j + (u + h_j - h_i)^2) + ...
        """
        last, unit, finish = self.last_generation(calls), float(calls), self.finish
        mean = self._solve(unit * (1.0 - finish) + finish * last.mean, math.inf)
        sure = np.isfinite(mean)
        centre = np.where(sure, mean, 0.0)
        rows = self.rows
        owner = np.repeat(np.arange(len(finish)), np.diff(rows.indptr))
        gap = (unit + centre[rows.indices] - centre[owner]) ** 2
        moved = np.bincount(owner, rows.data * gap, len(finish))
        stayed = (1.0 - self.leave) * unit**2
        variance = self._solve(moved + stayed + finish * ((last.mean - centre) ** 2 + last.variance), math.inf)
        return mixed(self.start, self.start_done, mean, variance)

    def expected(self, reward: FloatArray) -> float:
        """Expectation of the sum of `reward` [n] over the generations of a run."""
        used = self.start > 0.0
        return float(self.start[used] @ self._solve(reward, math.inf)[used])

    @cached_property
    def escape(self) -> float:
        """Probability that the optimum is never generated; exactly 0 where nothing can trap."""
        if not self._trapping.any():
            return 0.0
        chance = self._solve(self.finish, 0.0)
        return float(self.start @ (1.0 - chance))

    @cached_property
    def _hopeful(self) -> BoolArray:
        """From which states the optimum can be reached."""
        return self._before(self.finish > 0.0)

    @cached_property
    def _trapping(self) -> BoolArray:
        """From which states one can be reached from which the optimum cannot."""
        return self._before(~self._hopeful)

    def _before(self, targets: BoolArray) -> BoolArray:
        """From which states one of `targets` can be reached, themselves included."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order

        n = len(targets)
        ends = np.flatnonzero(targets)
        back = self.rows.T.tocoo()
        rows, columns = np.append(back.row, np.full(len(ends), n)), np.append(back.col, ends)
        graph = csr_array((np.ones(len(rows)), (rows, columns)), shape=(n + 1, n + 1))
        found = np.zeros(n + 1, dtype=np.bool_)
        found[breadth_first_order(graph, n, return_predecessors=False)] = True
        return np.asarray(found[:n])

    @cached_property
    def _levels(self) -> list[tuple[IntArray, Any, Any]]:
        """States of each level from which the optimum can be reached, their rows, and how to solve for them."""
        return list(self._eliminated())

    def _eliminated(self) -> Iterator[tuple[IntArray, Any, Any]]:
        for level in np.unique(self.level[self._hopeful]):
            states = np.flatnonzero((self.level == level) & self._hopeful)
            inside = np.zeros(len(self.level), dtype=np.bool_)
            inside[states] = True
            down = self.rows[states].tocoo()
            among = inside[down.col]
            exits = self.finish[states] + np.bincount(down.row[~among], down.data[~among], len(states))
            if not among.any():
                yield states, self.rows[states], exits
                continue
            moves = np.zeros((len(states), len(states)))
            moves[down.row[among], np.searchsorted(states, down.col[among])] = down.data[among]
            yield states, self.rows[states], Elimination(moves, exits)

    def _solve(self, constant: FloatArray, hopeless: float) -> FloatArray:
        """Solve x_i = c_i + sum_j P_ij x_j for c = `constant`.

        `hopeless` 0: x = 0 where the optimum cannot be reached; infinite: x is infinite wherever it may be missed.
        """
        values = np.where(self._hopeful, 0.0, 0.0 if hopeless == 0.0 else math.inf)
        for states, rows, system in self._levels:
            values[states] = 0.0
            known = np.where(np.isfinite(values), values, 0.0)
            right = constant[states] + rows @ known
            values[states] = right / system if isinstance(system, np.ndarray) else system.solve(right)
        if hopeless != 0.0:
            values[self._trapping] = hopeless
        return values
