"""Calls that damage blocks outside their chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from numpy.random import Generator

from evo.laws.changes import ChangesLaw, tells_changes
from evo.laws.declared import declared_law
from evo.laws.mixtures import ComponentLaw
from evo.laws.special import SpillLaw
from evo.parameters import probability
from evo.protocols import AnyMutator, Chunk, Rewritten
from operators.wrapper import Wrapper, answer_of


@dataclass(frozen=True)
class Spill(Wrapper):
    """Breaks each correct block outside its chunk w.p. `rate`: costs grow like e^(rate k) (theory 4c).

    Under elitism an improvement leaves them all intact. All incorrect at first, one block a call, only incorrect ones:
    E[calls] = ((1-s)^-k - 1)(1-s)/(a s); k = 50, a = 1/2: s = .01: 129.3, .05: 455.9, .1: 3474.6, against 100.

    Attributes:
        inner: mutator of the chunk.
        rate: P(a correct block outside the chunk breaks).

    >>> from operators import Resample
    >>> Spill(Spill(Resample(p=0.5), rate=0.5), rate=0.5).law
    SpillLaw(inside=IndependentBlocks(fix=0.5, keep=0.5), rate=0.75)
    """

    inner: AnyMutator
    rate: float
    changes_outside = True

    def __post_init__(self) -> None:
        super().__post_init__()
        probability(self, "rate")

    @property
    def sees(self) -> str:
        """The whole solution: blocks outside the chunk change."""
        return "solution"

    def rewrite(self, chunk: Chunk, rng: Generator) -> Rewritten:
        """The answer of the mutator inside, with damage outside the chunk."""
        answer = answer_of(self.inner, chunk, rng)
        whole = chunk.solution if answer.solution is None else answer.solution
        assert whole is not None  # asked for by `sees`
        return replace(answer, solution=whole & (rng.random(whole.shape) >= self.rate))

    @property
    def law(self) -> SpillLaw | None:
        """Effect inside and outside the chunk; None if the inner mutator has no such law."""
        law = declared_law(self.inner)
        if isinstance(law, SpillLaw):
            return SpillLaw(law.inside, law.rate + self.rate - law.rate * self.rate)
        return SpillLaw(law, self.rate) if isinstance(law, ComponentLaw) else None


def mapped_law(
    inner: AnyMutator,
    inside: Callable[[ComponentLaw], ComponentLaw],
    changes: Callable[[ChangesLaw], ChangesLaw],
    outside: float = 1.0,
) -> ComponentLaw | ChangesLaw | SpillLaw | None:
    """Law of a wrapper: `inside` or `changes` maps the law of the chunk, the spill rate is multiplied by `outside`."""
    law = declared_law(inner)
    if isinstance(law, SpillLaw):
        return SpillLaw(inside(law.inside), outside * law.rate)
    if isinstance(law, ComponentLaw):
        return inside(law)
    return changes(law) if tells_changes(law) else None
