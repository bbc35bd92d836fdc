"""Success that rises with use, at a cost of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from evo.costs.overhead import Overhead
from evo.laws.special import LearningLaw
from evo.parameters import positive, probability, whole
from evo.protocols import BoolArray, Chunk


@dataclass(frozen=True)
class Learning:
    """A block is correct after a call w.p. p(t) = end - (end-start) 2^(-t/halfway) in generation t+1 (Section 5.5).

    fix = keep = p(t): it rises from `start` to `end`, halfway after `halfway` generations (or falls, if end < start).
    Learning has a cost: with each call the model reads the chunk's l g tokens once more and writes `training` tokens
    of memory, training (l g) + training (training-1)/2 additional pass tokens in the ledger.

    Attributes:
        start: p of the first generation.
        end: p in the long run.
        halfway: generations until p is halfway from `start` to `end`.
        training: tokens written for memory with each call.

    >>> Learning(start=0.1, end=0.9, halfway=10).law.success(20).round(9).tolist()
    0.7
    """

    start: float
    end: float
    halfway: float
    training: int = 0
    sees: ClassVar[str] = "positions"

    def __post_init__(self) -> None:
        probability(self, "start", "end")
        positive(self, "halfway")
        whole(self, "training", least=0)

    @property
    def overhead(self) -> tuple[Overhead, ...]:
        """The memory written with each call, in the same call."""
        return (Overhead(reads="chunk", writes=self.training),) if self.training else ()

    def rewrite(self, chunk: Chunk, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [n, g]."""
        return np.asarray(rng.random(chunk.correct.shape) < self.law.success(chunk.generation)[:, None])

    @property
    def law(self) -> LearningLaw:
        """p(t) of each generation."""
        return LearningLaw(self.start, self.end, self.halfway)
