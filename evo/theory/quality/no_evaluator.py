"""Runs without an evaluator: every answer is accepted, and the optimum is left again (theory 17c)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo.chunks import Chunks
from evo.errors import InputError, NoPrediction
from evo.laws.counts import CallLaw
from evo.protocols import FloatArray, IntArray
from evo.theory.calls.gains import check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import check_states
from evo.theory.quality.in_turn import InTurn
from evo.theory.quality.law import Whens, whole_times


def level(fix: float, keep: float) -> float:
    """Where a block ends up without an evaluator, U = fix/(1 - keep + fix): P(it is correct) after many calls (17c).

    Raises: InputError for a call that changes nothing, fix = 0 and keep = 1.

    >>> round(level(fix=0.4, keep=0.9), 12)
    0.8
    """
    if fix + 1.0 - keep <= 0.0:
        raise InputError("level: a call with fix = 0 and keep = 1 changes nothing, and has no level of its own")
    return fix / (1.0 - keep + fix)


def block_after(fix: float, keep: float, x0: float, calls: int) -> float:
    """P(a block is correct) after calls on it that were all accepted, x_t = U - (keep - fix)^t (U - x_0) (17c).

    Iterating helps iff fix/(1 - keep) > x_0/(1 - x_0).

    >>> round(block_after(fix=0.02, keep=0.98, x0=0.912, calls=4), 2)
    0.85
    """
    if fix + 1.0 - keep <= 0.0:
        return x0
    return level(fix, keep) - (keep - fix) ** calls * (level(fix, keep) - x0)


@dataclass(frozen=True, eq=False)
class CountsForEver:
    """The number of incorrect blocks of a run that nothing ends.

    Attributes:
        moves: P(j incorrect blocks after a call | i before it), float [k+1, k+1]; rows sum to 1.
        begin: the initial law, float [k+1].
        values: of the fitness by incorrect blocks, float [k+1].
        source: labels of the formulas.
    """

    moves: FloatArray
    begin: FloatArray
    values: FloatArray
    source: str = "theory 17c"

    def after(self, generations: Whens) -> FloatArray:
        """P(each number of incorrect blocks), float [n, k+1]."""
        times, back = np.unique(whole_times(generations), return_inverse=True)
        found, state, now = [], self.begin, 0
        for time in times.tolist():
            state, now = self._advanced(state, time - now), time
            found.append(state)
        return np.stack(found)[back]

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}), float [n]."""
        rises = (self.moves * (self.values[None, :] > self.values[:, None])).sum(axis=1)
        return np.asarray(self.after(whole_times(generations) - 1) @ rises)

    def _advanced(self, state: FloatArray, calls: int) -> FloatArray:
        """The distribution a number of calls later, by squares of the matrix: all terms are non-negative."""
        bit = 0
        while calls >> bit:
            if calls >> bit & 1:
                state = state @ self._power(bit)
            bit += 1
        return state

    def _power(self, bit: int) -> FloatArray:
        while len(self._powers) <= bit:
            square = self._powers[-1] @ self._powers[-1]
            self._powers.append(square / square.sum(axis=1, keepdims=True))
        return self._powers[bit]

    @cached_property
    def _powers(self) -> list[FloatArray]:
        return [self.moves]


def accepted_whatever(offspring: FloatArray, values: FloatArray, start: Start) -> CountsForEver:
    """The run that accepts every valid answer, where the number of incorrect blocks is a chain.

    AllBlocks from any start: E[f_t] = k x_t.

    Args:
        offspring: float [k+1, k+1], of `evo.theory.calls.offspring_counts`; what a row lacks to 1 is invalid.
        values: of the fitness by incorrect blocks, float [k+1].
        start: the initial law.

    Raises: NoPrediction if there are too many states.

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.theory.calls.offspring_counts import whole_offspring
    >>> law = accepted_whatever(whole_offspring(IndependentBlocks(0.4, 0.9), 10), 10 - np.arange(11.0), Start(10))
    >>> [round(float(row @ law.values), 9) for row in law.after([1, 2, 100])]
    [4.0, 6.0, 8.0]
    """
    check_states(start.k, f"the counts of k={start.k} blocks")
    return CountsForEver(_completed(offspring), start.law(), np.asarray(values, dtype=np.float64))


def accepted_in_turn(law: CallLaw, k: int, g: int, start: Start) -> InTurn:
    """The same where chunks are called in turn: each is a chain of its own.

    Raises: NoPrediction for exactly j incorrect blocks.
    """
    check_run(k, start, 1)
    if not start.independent:
        raise NoPrediction("chunks in turn without an evaluator need blocks independent at the start")
    chunks = Chunks.cut(k, g)
    kinds = {size: FreeChunk(law, size) for size in (g, chunks.short) if size}
    return InTurn(k - np.arange(k + 1.0), kinds, chunks, start, "theory 17c")


class FreeChunk:
    """The incorrect blocks of one chunk after calls of its own that were all accepted.

    >>> from evo.laws.counts import IndependentBlocks
    >>> FreeChunk(IndependentBlocks(0.5, 0.75), 1).after(1).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """

    def __init__(self, law: CallLaw, g: int) -> None:
        self.most = g
        offspring = np.array([np.asarray(law.pmf(g, i), dtype=np.float64)[::-1] for i in range(g + 1)])
        self._moves = _completed(offspring)
        self._known: dict[int, FloatArray] = {}

    def after(self, generations: int) -> FloatArray:
        """P(i incorrect blocks | j at first), row j, float [g+1, g+1]."""
        if generations not in self._known:
            self._known[generations] = np.linalg.matrix_power(self._moves, generations)
        return self._known[generations]

    def improves(self, begin: FloatArray, generations: int) -> float:
        """P(the next call improves the chunk) after so many, from the law at first, float [g+1]."""
        return float(begin @ self.after(generations) @ np.tril(self._moves, -1).sum(axis=1))


def _completed(offspring: FloatArray) -> FloatArray:
    """With invalid answers, which leave the solution as it is, on the diagonal."""
    moves = np.array(offspring, dtype=np.float64)
    lacking: FloatArray = np.maximum(1.0 - moves.sum(axis=1), 0.0)
    places: IntArray = np.arange(len(moves))
    moves[places, places] += lacking
    return moves
