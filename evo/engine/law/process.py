"""What the engine `law` can draw: the protocol of its processes, and what they draw of runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator

from evo.protocols import FloatArray, IntArray
from evo.seeding import Streams
from evo.theory.calls.starts import Start


@dataclass(frozen=True)
class RunSteps:
    """Improvements of runs, flat arrays, in no order.

    Attributes:
        run: int, which of the runs.
        generation: float, in which.
        place: float, number 1..lam of the offspring; of the last one of a run see `Drawn.place`.
        gain: int, by how many blocks.
    """

    run: IntArray
    generation: FloatArray
    place: FloatArray
    gain: IntArray


@dataclass(frozen=True)
class Drawn:
    """Runs to the optimum, whatever the budget.

    Attributes:
        incorrect: blocks at the start, int [runs].
        generations: until the optimum, float [runs]; 0 if the start is optimal, infinite for never.
        place: number of the optimal offspring in the last of them, float [runs].
        steps: all improvements; None unless asked for.
        short_from: generations before the first on the shorter last chunk, float [runs], where they tell how many
            follow; None otherwise.
    """

    incorrect: IntArray
    generations: FloatArray
    place: FloatArray
    steps: RunSteps | None = None
    short_from: FloatArray | None = field(default=None, repr=False)


class Jumps(Protocol):
    """A process that jumps from improvement to improvement."""

    @property
    def lam(self) -> int:
        """Offspring a generation."""
        ...

    @property
    def floats(self) -> int:
        """Numbers in its tables."""
        ...

    @property
    def ends(self) -> bool:
        """Whether it is known that the mean number of generations is finite."""
        ...

    def draw(self, runs: int, streams: Streams, steps: bool, end: float) -> Drawn:
        """Some runs.

        Args:
            runs: how many.
            streams: of the batch.
            steps: whether to give all improvements; the runs are the same.
            end: the generation at which the budget ends all runs, where it is one; what is drawn until then does not
                depend on it.
        """
        ...

    def on_last_chunk(self, drawn: Drawn, generations: FloatArray) -> FloatArray:
        """How many of the first generations of each run call the last chunk, where it is shorter; float [runs]."""
        ...


def begin(start: Start, sizes: IntArray, runs: int, rng: Generator) -> IntArray:
    """Incorrect blocks of each chunk at the start, int [runs, chunks].

    Args:
        start: the law of initial solutions.
        sizes: blocks of each chunk, int [chunks].
        runs: how many.
        rng: the stream of starts.

    >>> begin(Start(5, incorrect=5), np.array([3, 2]), 2, np.random.default_rng(1)).tolist()
    [[3, 2], [3, 2]]
    >>> begin(Start(5, incorrect=3), np.array([5]), 2, np.random.default_rng(1)).tolist()
    [[3], [3]]
    """
    if start.independent:
        rate = 1.0 - start.correct_rate
        if rate in (0.0, 1.0):
            return np.broadcast_to(sizes * int(rate), (runs, len(sizes)))
        return np.asarray(rng.binomial(sizes, rate, (runs, len(sizes))))
    if len(sizes) == 1:
        return np.full((runs, 1), start.incorrect)
    drawn: Any = rng.multivariate_hypergeometric(sizes, start.most, runs, method="marginals")
    return np.asarray(drawn)
