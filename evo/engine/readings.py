"""How solutions are seen, by exact evaluation or by evaluators that err; in slabs of solutions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from evo.engine.contracts import fitness_of, read_fitness
from evo.engine.kept import Kept
from evo.evaluation import NoisyProblem, Reading, is_noisy, truth_of
from evo.protocols import BoolArray, IntArray, Problem

AT_ONCE = 2**17
"""Blocks of offspring made, or evaluated, at once (one call, or one evaluation of one solution, may be of more).

Some 20 bytes each while a call rewrites it, 40 where evaluators judge it: 3 to 5 MB.
"""


class Readings:
    """Evaluates solutions: exactly, or as a `NoisyProblem` does, a slab at a time."""

    def __init__(self, problem: Problem, rng: Generator) -> None:
        self.noisy: NoisyProblem | None = problem if is_noisy(problem) else None
        self.truth, self.rng = truth_of(problem), rng
        self.once: IntArray = np.ones(0, dtype=np.int64)
        self.looked_at = self.truth.k * int(getattr(problem, "samples", 1))
        """Blocks that are looked at in one solution; better known when there are judgements."""

    def of(self, what: str, solutions: BoolArray, changed: BoolArray | None = None, judgements: Any = None) -> Reading:
        """How n solutions are seen; without an evaluator that errs their fitness, by one evaluation each."""
        if self.noisy is None:
            return Reading(fitness_of(self.truth, what, solutions), self._once(len(solutions)))
        pieces = [
            read_fitness(self.noisy, solutions[some], self.rng, _at(changed, some), _at(judgements, some))
            for some in self._slabs(len(solutions))
        ]
        reading = pieces[0] if len(pieces) == 1 else _one_below_the_other(pieces)
        if reading.judgements is not None and len(solutions):
            self.looked_at = max(self.truth.k, reading.judgements[0].size)
        return reading

    def _once(self, n: int) -> IntArray:
        """One evaluation each, int [n]; the same array for all generations."""
        if len(self.once) < n:
            self.once = np.ones(n, dtype=np.int64)
        return self.once[:n]

    def again(self, kept: Kept) -> IntArray | None:
        """Evaluate the kept solutions again if the problem asks for it; number of evaluations, int [runs]."""
        if self.noisy is None or not self.noisy.reevaluate:
            return None
        solutions, seen = kept.correct.reshape(-1, self.truth.k), kept.seen.reshape(-1)
        judgements: Any = None
        if kept.judgements is not None:
            judgements = kept.judgements.reshape(-1, *kept.judgements.shape[2:])
        spent = np.zeros(len(seen), dtype=np.int64)
        for some in self._slabs(len(seen)):
            reading = read_fitness(self.noisy, solutions[some], self.rng, None, _at(judgements, some))
            there = seen[some] > -np.inf
            seen[some] = np.where(there, reading.seen, -np.inf)
            spent[some] = np.where(there, reading.evaluations, 0)
            if judgements is not None:
                judgements[some] = reading.judgements
        return np.asarray(spent.reshape(kept.seen.shape).sum(axis=1))

    def _slabs(self, n: int) -> list[slice]:
        """Solutions that are evaluated together; of none one slab of none."""
        step = max(1, AT_ONCE // self.looked_at)
        return [slice(first, first + step) for first in range(0, max(n, 1), step)]


def _at(values: Any, some: slice) -> Any:
    return None if values is None else values[some]


def _one_below_the_other(pieces: list[Reading]) -> Reading:
    judgements = [piece.judgements for piece in pieces if piece.judgements is not None]
    return Reading(
        np.concatenate([piece.seen for piece in pieces]),
        np.concatenate([piece.evaluations for piece in pieces]),
        np.concatenate(judgements) if judgements else None,
    )
