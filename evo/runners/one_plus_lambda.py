"""The elitist (1+lambda)-EA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from evo.parameters import choice, whole
from evo.protocols import FloatArray, IntArray
from evo.runners.protocol import Pool


@dataclass(frozen=True)
class OnePlusLambda:
    """The elitist (1+lambda)-EA: lam offspring a generation, one call each; the best replaces the parent.

    It does so if it is fitter (`accept="strict"`, the paper's) or not worse (`"weak"`); among equally good
    offspring the first wins.

    Attributes:
        lam: offspring a generation.
        accept: "strict" or "weak".
    """

    lam: int = 1
    accept: str = "strict"
    founders: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        whole(self, "lam", least=1)
        choice(self, "accept", ("strict", "weak"))

    def parents(self, pool: Pool, rng: Generator) -> IntArray:
        """The only solution kept, int [runs, lam] of zeros."""
        return np.zeros((len(pool.seen), self.lam), dtype=np.int64)

    def survivors(self, pool: Pool, offspring: FloatArray) -> IntArray:
        """The best offspring if it is seen fitter (weak: not worse) than the parent, int [runs, 1]."""
        best = np.argmax(offspring, axis=1)
        fitness, old = offspring[np.arange(len(best)), best], pool.seen[:, 0]
        takes = fitness > old if self.accept == "strict" else (fitness >= old) & (fitness > -np.inf)
        return np.where(takes, 1 + best, 0)[:, None]
