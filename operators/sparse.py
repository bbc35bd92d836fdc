"""Calls that leave most blocks unchanged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.random import Generator

from evo.forms.words import BITS, Words, sparse_places
from evo.laws.changes import ChangesLaw, SparseChanges
from evo.laws.mixtures import ComponentLaw, SparseLaw
from evo.laws.special import SpillLaw
from evo.parameters import probability
from evo.protocols import AnyMutator, BoolArray, Chunk, Rewritten
from operators.spill import mapped_law
from operators.wrapper import Wrapper, answer_of, handed_over


@dataclass(frozen=True)
class Sparse(Wrapper):
    """Rewrites each block only w.p. `rate`: fix -> rate fix, keep -> 1 - rate (1-keep) (theory 4a, 7a).

    Around FixKeep(1, 0) with rate c/k it is classic standard bit mutation, and AllBlocks with it the (1+1) EA: the
    exponential of Eq. 12 comes from rewriting all blocks, not from showing the model the whole solution.

    Attributes:
        inner: mutator of the rewritten blocks.
        rate: probability that a block is rewritten.

    >>> from operators import FixKeep
    >>> Sparse(FixKeep(fix=1, keep=0), rate=0.25).law.pmf(1, 1).tolist()
    [0.75, 0.25]
    """

    inner: AnyMutator
    rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        probability(self, "rate")

    def rewrite(self, given: BoolArray | Chunk, rng: Generator) -> Rewritten:
        """The answer of the mutator inside, on those blocks that are rewritten."""
        before, answer = handed_over(given), answer_of(self.inner, given, rng)
        rewrites = rng.random(before.shape) < self.rate
        correct, solution = before ^ (rewrites & (answer.correct ^ before)), answer.solution
        if solution is not None and isinstance(given, Chunk) and given.solution is not None:
            solution = np.where(rng.random(solution.shape) < self.rate, solution, given.solution)
        return replace(answer, correct=correct, solution=solution)

    def rewrite_words(self, words: Words, rng: Generator) -> Words:
        """The same of 64 blocks a word (`evo.forms.words`), uint64 [..., w].

        The mutator inside rewrites chosen blocks alone. It is asked as it stands, for chunks of one block, so that it
        may not depend on others.
        """
        after = np.array(words).reshape(-1)
        places = sparse_places(self.rate, words.size * BITS, rng)
        word, bit = places // BITS, (places % BITS).astype(np.uint64)
        before = (after[word] >> bit & np.uint64(1)).astype(np.bool_)
        answer = answer_of(self.inner, before[:, None], rng)
        turned = answer.correct[:, 0] != before
        np.bitwise_xor.at(after, word[turned], np.uint64(1) << bit[turned])
        return after.reshape(words.shape)

    @property
    def law(self) -> ComponentLaw | ChangesLaw | SpillLaw | None:
        """The thinned law of the inner mutator, spill included; None if the inner mutator has no such law."""
        return mapped_law(self.inner, partial(SparseLaw, self.rate), partial(SparseChanges, self.rate), self.rate)
