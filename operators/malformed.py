"""A call whose output cannot be used."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from evo.laws.changes import ChangesLaw, InvalidChanges
from evo.laws.declared import declared_law
from evo.laws.mixtures import ComponentLaw, Invalid
from evo.laws.special import HiddenRepeatsLaw, RepeatingLaw, SpillLaw
from evo.parameters import probability
from evo.protocols import AnyMutator, BoolArray, Chunk, Rewritten
from operators.spill import mapped_law
from operators.wrapper import Wrapper, answer_of, validity


@dataclass(frozen=True)
class Malformed(Wrapper):
    """W.p. e(g) = 1 - (1-rate)(1-per_block)^g the output is malformed: paid for, not evaluated, rejected (theory 4b).

    E[calls] is divided by 1 - e as for a refusal, unless the schedule takes it for a fall of the fitness
    (`UntilResolved(invalid="down")`): then k = 4, p = 1/2, e = 0.1 takes 11.08 calls instead of 8.89.

    Attributes:
        inner: what happens otherwise.
        rate: probability that a call is malformed, whatever its length.
        per_block: probability that a block spoils the whole output.

    >>> from operators import Resample
    >>> Malformed(Resample(p=0.5), rate=0.1).law.pmf(1, 1).tolist()
    [0.45, 0.45]
    """

    inner: AnyMutator
    rate: float = 0.0
    per_block: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        probability(self, "rate", "per_block")

    def rewrite(self, given: BoolArray | Chunk, rng: Generator) -> Rewritten:
        """The answer of the inner mutator, with some calls invalid."""
        answer = answer_of(self.inner, given, rng)
        g = answer.correct.shape[-1]
        well_formed = rng.random(answer.correct.shape[:-1]) < (1 - self.rate) * (1 - self.per_block) ** g
        return replace(answer, valid=validity(answer) & well_formed)

    @property
    def law(self) -> ComponentLaw | ChangesLaw | SpillLaw | HiddenRepeatsLaw | None:
        """The law of the inner mutator times P(valid); None if the inner mutator has no component law."""
        law = declared_law(self.inner)
        if isinstance(law, RepeatingLaw | HiddenRepeatsLaw):
            return law.hidden(self.rate, self.per_block, answered=False)
        return mapped_law(
            self.inner,
            lambda law: Invalid(self.rate, law, self.per_block),
            lambda law: InvalidChanges(self.rate, law, self.per_block),
        )
