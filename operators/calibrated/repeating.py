"""A mutator that says the same again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.errors import InputError
from evo.laws.changes import refused
from evo.laws.declared import declared_law, nest, one_that_changes_outside
from evo.laws.special import RepeatingLaw
from evo.parameters import probability
from evo.protocols import AnyMutator, BoolArray, Chunk, IntArray, Rewritten
from operators.wrapper import Wrapper, answer_of, validity

_UNWRITTEN, _MALFORMED = 2, 3
"""What is remembered of a block beside 0 and 1: that it was never written, and that its answer was malformed."""


@dataclass(frozen=True, eq=False)
class _Memory:
    """The last answers of a batch of runs, int8 [runs, k], block by block."""

    answers: NDArray[np.int8]


@dataclass(frozen=True)
class Repeating(Wrapper):
    """W.p. `rate` a call gives its blocks as it wrote them last in this run (as they are, if it never did; theory 17g).

    A rejected answer is rejected again, and one that was accepted is what is there: where a rejected answer says
    nothing of the next (exact evaluation of counts, chunks that nothing else changes) runs take as long as under
    refusals (4a), waiting times over 1 - rate, and are predicted so. Elsewhere it is not so, and nothing is predicted:
    an evaluation that errs judges it anew, what was no gain may have become one (LeadingBlocks, a gain of another chunk
    that a better one beat under UniformChunk with lam > 1), and UntilResolved takes a repeated loss for news. Calls of
    a run are not independent (1a fails). Offspring of one generation do not know of each other: they repeat an earlier
    one. An answer that `Refuse` or `Malformed` outside hides is remembered in here, and is news when it comes again:
    with one call a generation there are 1/(1 - rate) + (1-s)/s calls from one answer that a search judges to the next,
    s = P(shown).

    Attributes:
        inner: what happens otherwise.
        rate: probability that a call repeats.
    """

    inner: AnyMutator
    rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        probability(self, "rate")
        outside = one_that_changes_outside(self.inner)
        drawing = next((each for each in nest(self.inner) if hasattr(type(each), "draw")), None)
        if outside is not None or drawing is not None:
            why = "changes blocks outside its chunk" if outside is not None else "has a state of its own for each run"
            raise InputError(
                f"Repeating: cannot wrap {type(outside or drawing).__name__}, which {why}; take a mutator whose calls "
                "depend on their chunk alone"
            )

    def draw(self, runs: int, k: int, rng: Generator) -> NDArray[np.object_]:
        """The memory that the runs share, and each run's row of it; object [runs, 2]."""
        traits = np.empty((runs, 2), dtype=object)
        traits[:, 0] = _Memory(np.full((runs, k), _UNWRITTEN, dtype=np.int8))
        traits[:, 1] = np.arange(runs)
        return traits

    def rewrite(self, chunk: Chunk, rng: Generator) -> Rewritten:
        """The answer of the inner mutator, or the last one again."""
        answer, traits = answer_of(self.inner, chunk, rng), chunk.traits
        repeats = rng.random(len(chunk.correct)) < self.rate
        if traits is None or not len(repeats):
            return answer
        memory, rows = _memory(traits)
        last = memory[rows[:, None], chunk.blocks]
        again: BoolArray = np.where(last == _UNWRITTEN, chunk.correct, last == 1)
        valid = validity(answer)
        fresh = ~repeats
        written = np.where(valid[:, None], answer.correct, _MALFORMED).astype(np.int8)
        memory[rows[fresh, None], chunk.blocks[fresh]] = written[fresh]
        correct = np.where(repeats[:, None], again, answer.correct)
        return Rewritten(correct, np.where(repeats, (last != _MALFORMED).all(axis=1), valid), calls=answer.calls)

    @property
    def law(self) -> RepeatingLaw | None:
        """The law of the inner mutator, repeated; None of a law that a refusal could not map either."""
        inside = declared_law(self.inner)
        return None if refused(inside, self.rate) is None else RepeatingLaw(inside, self.rate)


def _memory(traits: NDArray[Any]) -> tuple[NDArray[np.int8], IntArray]:
    """The answers of all runs, and the row of each call's run."""
    memory: _Memory = traits[0, 0]
    return memory.answers, traits[:, 1].astype(np.int64)
