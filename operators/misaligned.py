"""Imperfect decomposition: calls that rewrite other blocks than the chunk."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.laws.special import MisalignedLaw
from evo.parameters import probability, whole
from evo.protocols import AnyMutator, Chunk, Rewritten
from operators.wrapper import Wrapper, answer_of, component_law


@dataclass(frozen=True)
class Misaligned(Wrapper):
    """W.p. `rate` the boundaries of a chunk are off by `by` blocks: those further on are rewritten (Section 5.3).

    Positions go round, block k-1 is followed by block 0. Blocks of the chunk that are missed stay as they are. All k
    incorrect at first, OnlyIncorrect(g=1), by = 1, fix = a, rate r: E[calls] = f(k) with f(0) = 0, f(1) = 1/(a(1-r))
    and f(j) = 1/a + (1-r) f(j-1) + r (f(1) + f(j-2)); k = 2, a = r = 1/2: 6 calls instead of 4.

    Attributes:
        inner: mutator of the rewritten blocks.
        rate: P(a call misses).
        by: by how many blocks.

    >>> from operators import FixKeep
    >>> wrong = np.zeros((1, 3), dtype=bool)
    >>> chunk = Chunk(wrong[:, 1:2], np.array([[1]]), np.array([0]), solution=wrong)
    >>> Misaligned(FixKeep(fix=1, keep=1), rate=1).rewrite(chunk, np.random.default_rng(1)).solution.tolist()
    [[False, False, True]]
    """

    inner: AnyMutator
    rate: float
    by: int = 1
    changes_outside = True

    def __post_init__(self) -> None:
        super().__post_init__()
        probability(self, "rate")
        whole(self, "by", least=1)

    @property
    def sees(self) -> str:
        """The whole solution: blocks outside the chunk change."""
        return "solution"

    def fits(self, k: int, g: int) -> None:
        """Check that other blocks are hit.

        Raises: InputError.
        """
        super().fits(k, g)
        if k > 1 and self.by % k == 0:
            raise InputError(f"Misaligned: by = {self.by} leads round the k = {k} blocks to the same ones; take by < k")

    def rewrite(self, chunk: Chunk, rng: Generator) -> Rewritten:
        """The answer of the inner mutator on the chunk, or w.p. `rate` on the blocks `by` further on."""
        assert chunk.solution is not None  # asked for by `sees`
        rows, k = np.arange(len(chunk.blocks))[:, None], chunk.solution.shape[1]
        misses = rng.random(len(rows)) < self.rate
        blocks = (chunk.blocks + self.by % k * misses[:, None]) % k
        answer = answer_of(self.inner, replace(chunk, correct=chunk.solution[rows, blocks], blocks=blocks), rng)
        solution = (chunk.solution if answer.solution is None else answer.solution).copy()
        solution[rows, blocks] = answer.correct
        return replace(answer, correct=solution[rows, chunk.blocks], solution=solution)

    @property
    def law(self) -> MisalignedLaw | None:
        """The law of the inner mutator with rate and shift of misses; None without such a component law."""
        inner = component_law(self.inner)
        return None if inner is None else MisalignedLaw(inner, self.rate, self.by)
