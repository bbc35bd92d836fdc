"""Noisy evaluation: the engine knows the true fitness of a solution, runner and schedule the observed one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol, TypeGuard

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.declarations import holds
from evo.protocols import BoolArray, FloatArray, IntArray, Problem


@dataclass(frozen=True)
class Reading:
    """The noisy readings of n solutions.

    Attributes:
        seen: float [n], the fitness that runner and schedule see.
        evaluations: int [n], evaluations paid for.
        judgements: [n, ...], what else was found of each solution, handed back when its offspring are evaluated; None
            for nothing.
    """

    seen: FloatArray
    evaluations: IntArray
    judgements: NDArray[np.generic] | None = None

    @property
    def verdicts(self) -> NDArray[np.generic] | None:
        """The former name of `judgements`."""
        warnings.warn("Reading.verdicts is now Reading.judgements", DeprecationWarning, stacklevel=2)
        return self.judgements


class NoisyProblem(Problem, Protocol):
    """A problem with noisy evaluation: the engine knows the true fitness, the runner only the observed one."""

    @property
    def problem(self) -> Problem:
        """What is optimised, and the true fitness."""
        ...

    @property
    def reevaluate(self) -> bool:
        """Whether the solutions that are kept are evaluated again each generation."""
        ...

    @property
    def evaluations_each(self) -> tuple[float, float]:
        """The fewest and the most evaluations that one solution takes."""
        ...

    def evaluate(
        self,
        correct: BoolArray,
        rng: Generator,
        changed: BoolArray | None = None,
        judgements: NDArray[np.generic] | None = None,
    ) -> Reading:
        """Evaluate n solutions.

        Args:
            correct: bool [n, k].
            rng: the evaluation's stream.
            changed: bool [n, k], the blocks that differ from the parent; None if the solutions are not offspring.
            judgements: [n, ...], earlier ones of the parents of offspring, or of these solutions; None at the start.
        """
        ...


def is_noisy(problem: object) -> TypeGuard[NoisyProblem]:
    """Whether the evaluation of a problem is noisy."""
    return hasattr(problem, "evaluate")


def truth_of(problem: Problem) -> Problem:
    """The problem whose fitness is the true one: what a noisy evaluation is of, or the problem itself."""
    return problem.problem if is_noisy(problem) else problem


def offers_change(problem: object) -> bool:
    """Whether a problem offers `change` and no subclass has redefined `fitness` since."""
    return getattr(problem, "change", None) is not None and (
        not hasattr(type(problem), "change") or holds(type(problem), "change")
    )
