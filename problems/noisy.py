"""A fitness observed with Gaussian noise (theory 8a, 8b, 8d)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.errors import InputError
from evo.evaluation import Reading
from evo.parameters import flag, non_negative, shown, whole
from evo.protocols import BoolArray, FloatArray, Problem
from problems.seen import Seen

MOST_SAMPLES, MOST_SIGMA = 10**6, 1e100


@dataclass(frozen=True)
class Noisy(Seen):
    """Each evaluation has an error N(0, sigma^2); each solution is judged by the mean of `samples` evaluations.

    A true step D is accepted w.p. Phi(D sqrt(samples)/(sigma sqrt 2)) if parent and offspring are both evaluated
    afresh (theory 8a); RANDOM local search stays polynomial iff samples >= 4 sigma^2 ln k (theory 8b). Without
    re-evaluation the parent keeps the lucky value that it was accepted with (theory 8d).

    Attributes:
        problem: the inner problem.
        sigma: standard deviation of one evaluation, in units of fitness.
        samples: evaluations a solution, averaged; all paid for.
        reevaluate: whether the parent is evaluated again each generation.

    >>> from problems import BlockOneMax
    >>> noisy = Noisy(BlockOneMax(k=2, l=16), sigma=0.0, samples=3)
    >>> noisy.evaluate(np.array([[True, False]]), np.random.default_rng(1))
    Reading(seen=array([1.]), evaluations=array([3]), judgements=None)
    """

    problem: Problem
    sigma: float
    samples: int = 1
    reevaluate: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        non_negative(self, "sigma")
        whole(self, "samples", least=1, most=MOST_SAMPLES)
        if self.sigma > MOST_SIGMA:
            raise InputError(f"Noisy: sigma must be at most {MOST_SIGMA:g}, got {shown(self.sigma)}")
        flag(self, "reevaluate")

    @property
    def evaluations_each(self) -> tuple[float, float]:
        """`samples` evaluations a solution."""
        return self.samples, self.samples

    def evaluate(
        self,
        correct: BoolArray,
        rng: Generator,
        changed: BoolArray | None = None,
        judgements: NDArray[np.generic] | None = None,
    ) -> Reading:
        """The mean of `samples` evaluations of each solution; bool [n, k] -> float [n]."""
        n = len(correct)
        noise: FloatArray = rng.normal(0.0, self.sigma / np.sqrt(self.samples), n)
        return Reading(np.asarray(self.problem.fitness(correct), dtype=np.float64) + noise, np.full(n, self.samples))
