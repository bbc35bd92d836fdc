"""The contract of the optimum: no other solution is as fit as the one whose blocks are all correct.

`hit` counts correct blocks, runners compare fitness. With a rival of the optimum the two part: a run that stands at the
rival never takes the optimum, and an engine that looks only at fitter offspring never sees it. So a run that meets a
rival is refused, whether the rival is fitter or as fit, and whether it is so by the problem or by rounding: a sum of
floats may be that of a solution whose lightest blocks are incorrect. The engine `law` asks for no
fitness: it takes what the problem declares for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.engine.contracts import fitness_of, initial_solutions
from evo.errors import OperatorError
from evo.evaluation import truth_of
from evo.protocols import BoolArray, FloatArray, Problem

ROUNDING = 1e-9
"""Relative: by how much changes of fitness that were added up may miss the fitness of the solution."""
SHOWN = 10
AT_ONCE = 2**18
"""Blocks of first solutions whose fitness is computed at once."""


@dataclass(frozen=True)
class Optimum:
    """The solution whose blocks are all correct, against which the solutions of runs are held.

    Attributes:
        problem: whose fitness is the true one.
        fitness: of all blocks correct.
        near: the least fitness at which a solution is looked at.
    """

    problem: Problem
    fitness: float
    near: float

    @classmethod
    def of(cls, problem: Problem) -> Optimum:
        """That of a problem; of a noisy one that of the problem inside.

        Raises: OperatorError if its fitness is no finite number.
        """
        truth = truth_of(problem)
        best = float(fitness_of(truth, "the optimum", np.ones((1, truth.k), dtype=np.bool_))[0])
        return cls(truth, best, best - ROUNDING * max(1.0, abs(best)))

    def refuse_rivals(self, correct: BoolArray, fitness: FloatArray) -> None:
        """Refuse solutions as fit as the optimum.

        Args:
            correct: bool [n, k].
            fitness: float [n], their true fitness; it may be a sum of changes, for those near the optimum are asked
                for their fitness again.

        Raises: OperatorError.

        >>> from problems import WeightedBlocks
        >>> from problems.needle import Needle
        >>> some = np.array([[True, False]])
        >>> Optimum.of(WeightedBlocks((1, 2), l=1)).refuse_rivals(some, np.array([1.0]))
        >>> class Flat(Needle):
        ...     def fitness(self, correct):
        ...         return np.ones(len(correct))
        >>> Optimum.of(Flat(2, l=1)).refuse_rivals(some, np.array([1.0]))
        Traceback (most recent call last):
            ...
        evo.errors.OperatorError: Flat: expected all blocks correct to be the only best solution, got fitness 1 for it \
and 1 for one with 1 of 2 correct (all but block 1); turn the sign of the fitness, or add to it where all are correct; \
where sums of floats round, take whole numbers that add up to at most 2^53
        """
        if len(fitness) and fitness[fitness.argmax()] >= self.near:  # faster than max() and any()
            self._look_at(correct[fitness >= self.near])

    def _look_at(self, near: BoolArray) -> None:
        if near.all():
            return  # the optimum itself
        others = near[~near.all(axis=1)]
        fitness = fitness_of(self.problem, "a solution", others)
        as_fit = np.flatnonzero(fitness >= self.fitness)
        if len(as_fit):
            one = others[as_fit[0]]
            raise OperatorError(
                f"{type(self.problem).__name__}: expected all blocks correct to be the only best solution, got fitness "
                f"{_shown(self.fitness)} for it and {_shown(float(fitness[as_fit[0]]))} for one with {one.sum()} of "
                f"{len(one)} correct{_incorrect(one)}; turn the sign of the fitness, or add to it where all are "
                "correct; where sums of floats round, take whole numbers that add up to at most 2^53"
            )


def first_solutions(problem: Problem, runs: int, rng: Generator) -> tuple[BoolArray, FloatArray, Optimum]:
    """The solutions that runs begin with, bool [runs, k], their true fitness, float [runs], copies; and the optimum.

    Raises: OperatorError as `initial_solutions` and `fitness_of`, or if one of them is a rival of the optimum.
    """
    correct, truth = initial_solutions(problem, runs, rng), truth_of(problem)
    fitness, step = np.empty(runs), max(1, AT_ONCE // truth.k)
    for first in range(0, runs, step):
        fitness[first : first + step] = fitness_of(truth, "an initial solution", correct[first : first + step])
    optimum = Optimum.of(problem)
    optimum.refuse_rivals(correct, fitness)
    return correct, fitness, optimum


def _shown(fitness: float) -> str:
    """All digits that tell one fitness from another."""
    return repr(fitness).removesuffix(".0")


def _incorrect(solution: BoolArray) -> str:
    blocks = np.flatnonzero(~solution).tolist()
    if len(blocks) == len(solution):
        return ""
    named = ", ".join(map(str, blocks[:SHOWN])) + (", .." if len(blocks) > SHOWN else "")
    return f" (all but block{'s' if len(blocks) > 1 else ''} {named})"
