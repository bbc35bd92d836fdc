"""A fitness judged on a sample of the blocks, as minibatches of tests do (theory 17i)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.evaluation import Reading
from evo.parameters import whole
from evo.protocols import BoolArray, Problem
from problems.seen import Seen


@dataclass(frozen=True)
class Minibatch(Seen):
    """Parent and offspring are both judged on the same `size` of the k blocks, drawn anew each generation.

    One block a call: only a repaired block inside the sample is accepted, calls x k/size, and as many blocks are
    evaluated as with size = k. Whole rewrites: losses outside the sample slip in (theory 17i). An evaluation is one of
    `size` blocks.

    Attributes:
        problem: the inner problem, whose fitness is the number of correct blocks.
        size: blocks that are judged, s.

    >>> from problems import BlockOneMax
    >>> half = Minibatch(BlockOneMax(k=2, l=16), size=1)
    >>> half.evaluate(np.array([[True, True], [False, False]]), np.random.default_rng(1)).seen.tolist()
    [1.0, 0.0]
    """

    problem: Problem
    size: int
    reevaluate: ClassVar[bool] = True
    evaluations_each: ClassVar[tuple[float, float]] = (1, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, "size", least=1, most=self.problem.k)

    def evaluate(
        self,
        correct: BoolArray,
        rng: Generator,
        changed: BoolArray | None = None,
        judgements: NDArray[np.generic] | None = None,
    ) -> Reading:
        """Judge n solutions, bool [n, k]; judgements are the samples, bool [n, k]; offspring get their parents'."""
        if changed is not None and judgements is not None:
            sample = np.asarray(judgements, dtype=np.bool_).copy()
        else:
            order = np.argsort(rng.random(correct.shape), axis=1)
            sample = np.zeros(correct.shape, dtype=np.bool_)
            np.put_along_axis(sample, order[:, : self.size], True, axis=1)
        seen = (correct & sample).sum(axis=1).astype(np.float64)
        return Reading(seen, np.ones(len(correct), dtype=np.int64), sample)
