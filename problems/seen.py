"""Common base of noisy problems, which observe an inner problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.errors import InputError
from evo.evaluation import is_noisy
from evo.parameters import shown
from evo.protocols import BoolArray, Problem


@dataclass(frozen=True)
class Seen:
    """Takes k, l, start and true fitness from the inner problem.

    Attributes:
        problem: the inner problem.
    """

    problem: Problem

    def __post_init__(self) -> None:
        inside, name = self.problem, type(self).__name__
        if isinstance(inside, type) or not all(hasattr(inside, each) for each in ("k", "l", "initial", "fitness")):
            raise InputError(
                f"{name}: expected a problem to look at, such as BlockOneMax(k=4, l=16), got {shown(inside)}"
            )
        if is_noisy(inside):
            raise InputError(
                f"{name}: expected a problem whose fitness is exact, got {type(inside).__name__}, which errs "
                "itself; one kind of error at a time"
            )

    @property
    def k(self) -> int:
        """Blocks in a solution."""
        return self.problem.k

    @property
    def l(self) -> int:
        """Tokens in a block."""
        return self.problem.l

    def initial(self, runs: int, rng: Generator) -> BoolArray:
        """Initial solutions of the problem inside, bool [runs, k]."""
        return self.problem.initial(runs, rng)

    def fitness(self, correct: BoolArray) -> NDArray[np.generic]:
        """True fitness; bool [..., k] -> [...]."""
        return self.problem.fitness(correct)
