"""Calls that return their chunk unchanged and are paid for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.laws.changes import refused
from evo.laws.counts import CallLaw
from evo.laws.declared import declared_law
from evo.laws.special import HiddenRepeatsLaw, RepeatingLaw
from evo.parameters import probability
from evo.protocols import AnyMutator, BoolArray, Chunk, Rewritten
from operators.wrapper import Wrapper, answer_of, handed_over, validity


@dataclass(frozen=True)
class Refuse(Wrapper):
    """W.p. `rate` the model declines and the text comes back as it was: E[calls] is divided by 1 - rate (theory 4a).

    (Not under RoundRobin, where the other chunks use the time.)

    Attributes:
        inner: what happens otherwise.
        rate: probability of a refusal, a call.

    >>> from operators import Resample
    >>> Refuse(Resample(p=0.5), rate=0.1).law.pmf(1, 1).tolist()
    [0.55, 0.45]
    """

    inner: AnyMutator
    rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        probability(self, "rate")

    def rewrite(self, given: BoolArray | Chunk, rng: Generator) -> Rewritten:
        """The answer of the inner mutator, or the unchanged chunk."""
        before, answer = handed_over(given), answer_of(self.inner, given, rng)
        refuses = rng.random(before.shape[:-1]) < self.rate
        solution = answer.solution
        if solution is not None and isinstance(given, Chunk) and given.solution is not None:
            solution = np.where(refuses[:, None], given.solution, solution)
        correct = np.where(refuses[..., None], before, answer.correct)
        return Rewritten(correct, validity(answer) | refuses, solution, answer.calls)

    @property
    def law(self) -> CallLaw | HiddenRepeatsLaw | None:
        """Mixture of the no-op and the law of the inner mutator; None if wrappers cannot map that."""
        law = declared_law(self.inner)
        return law.hidden(self.rate) if isinstance(law, RepeatingLaw | HiddenRepeatsLaw) else refused(law, self.rate)
