"""What wrappers share: an error mode around any mutator, the outermost acting last on the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from evo.costs.ledger import overheads
from evo.costs.overhead import Overhead
from evo.errors import InputError
from evo.laws.declared import declared_law
from evo.laws.mixtures import ComponentLaw
from evo.parameters import shown
from evo.protocols import AnyMutator, BoolArray, Chunk, Rewritten, is_informed


class Wrapper:
    """A mutator around an inner one, with the inner mutator's `sees` and `draw`.

    Attributes:
        inner: the mutator inside.
    """

    inner: AnyMutator
    changes_outside = False
    """Whether the wrapper itself changes blocks outside its chunk."""

    def __post_init__(self) -> None:
        wanted = f"{type(self).__name__}: expected a mutator to wrap, such as Resample(p=0.5), got"
        if isinstance(self.inner, type):
            raise InputError(f"{wanted} the class {self.inner.__name__}; write it with its parameters in parentheses")
        if not callable(getattr(self.inner, "rewrite", None)):
            raise InputError(f"{wanted} {shown(self.inner)}")

    @property
    def sees(self) -> str:
        """What the mutator inside asks for."""
        return getattr(self.inner, "sees", "chunk")

    @property
    def overhead(self) -> tuple[Overhead, ...]:
        """The LLM work that the mutator inside declares beside each call."""
        return overheads(self.inner)

    def fits(self, k: int, g: int) -> None:
        """Refuse chunks that the mutator inside refuses.

        Raises: InputError.
        """
        if hasattr(self.inner, "fits"):
            self.inner.fits(k, g)

    def __getattr__(self, name: str) -> Any:
        # What only some mutators have, a wrapper has just if the mutator inside has it.
        if name in ("draw", "mean_calls") and "inner" in self.__dict__:
            return getattr(self.inner, name)
        raise AttributeError(f"{shown(type(self).__name__)} object has no attribute {shown(name)}")


def handed_over(given: BoolArray | Chunk) -> BoolArray:
    """The blocks of a call, whether it was given a chunk or bare correctness; bool [..., g]."""
    return given.correct if isinstance(given, Chunk) else given


def answer_of(inner: AnyMutator, given: BoolArray | Chunk, rng: Generator) -> Rewritten:
    """The answer of the inner mutator, handed what it asks for."""
    answer = inner.rewrite(given if is_informed(inner) else handed_over(given), rng)  # type: ignore[arg-type]  # what it asks for
    return answer if isinstance(answer, Rewritten) else Rewritten(answer)


def validity(answer: Rewritten) -> BoolArray:
    """Which calls are valid, bool [...]."""
    return np.ones(answer.correct.shape[:-1], dtype=np.bool_) if answer.valid is None else answer.valid


def component_law(inner: AnyMutator) -> ComponentLaw | None:
    """The law of the inner mutator if it is a component law, else None.

    Raises: OperatorError if the declared law is invalid.
    """
    law = declared_law(inner)
    return law if isinstance(law, ComponentLaw) else None
