"""The elitist (1+lambda)-EA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.parameters import choice, finite, whole
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.protocol import Pool


@dataclass(frozen=True)
class OnePlusLambda:
    """The elitist (1+lambda)-EA: lam offspring a generation, one call each; the best replaces the parent.

    It does so if it is fitter (`accept="strict"`, the paper's) or not worse (`"weak"`); among equally good
    offspring the first wins. With `"always"` there is no evaluator: each valid answer replaces its parent (theory 17c).

    Attributes:
        lam: offspring a generation; 1 for "always".
        accept: "strict", "weak" or "always".
        threshold: c, the gain in seen fitness that an offspring must exceed (weak: reach) to be accepted (theory 17h);
            below 0 it accepts some that are seen worse.
    """

    lam: int = 1
    accept: str = "strict"
    threshold: float = 0.0
    founders: ClassVar[tuple[int, ...]] = (0,)
    in_parts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        whole(self, "lam", least=1)
        choice(self, "accept", ("strict", "weak", "always"))
        finite(self, "threshold")
        if self.accept == "always" and (self.lam > 1 or self.threshold):
            raise InputError(
                'OnePlusLambda: accept = "always" has no evaluator that could choose: expected lam = 1 and no '
                f"threshold, got lam = {self.lam}, threshold = {self.threshold:g}"
            )

    def accepts(self, offspring: FloatArray, parent: FloatArray | float) -> BoolArray:
        """Whether offspring of some seen fitness replace their parents; -inf for those without a valid one."""
        if self.accept == "always":
            return np.asarray(offspring > -np.inf)
        least = parent + self.threshold
        return np.asarray(
            offspring > least if self.accept == "strict" else (offspring >= least) & (offspring > -np.inf)
        )

    def parents(self, pool: Pool, rng: Generator) -> IntArray:
        """The only solution kept, int [runs, lam] of zeros."""
        return np.zeros((len(pool.seen), self.lam), dtype=np.int64)

    def survivors(self, pool: Pool, offspring: FloatArray) -> IntArray:
        """The best offspring if it is seen fitter (weak: not worse) than the parent, int [runs, 1]."""
        best = np.argmax(offspring, axis=1)
        fitness, old = offspring[np.arange(len(best)), best], pool.seen[:, 0]
        return np.where(self.accepts(fitness, old), 1 + best, 0)[:, None]
