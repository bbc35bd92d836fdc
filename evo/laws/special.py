"""Call laws that depend on more than counts in a chunk: on the blocks, the run or the generation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.laws.counts import CallLaw
from evo.laws.mixtures import ComponentLaw
from evo.protocols import FloatArray, IntArray


@dataclass(frozen=True)
class SpillLaw:
    """The law of a call that breaks each correct block outside its chunk w.p. `rate`; counts in a chunk do not suffice.

    Attributes:
        inside: law of the chunk.
        rate: P(a correct block outside the chunk breaks).
    """

    inside: ComponentLaw
    rate: float


@dataclass(frozen=True)
class MisalignedLaw:
    """W.p. `rate` a call is made on the blocks `by` further on; counts in a chunk do not suffice.

    AllBlocks, and UniformChunk with g = 1, hand over the same blocks in law either way: there it is the law `inside`.

    Attributes:
        inside: law of the blocks that the call is made on.
        rate: P(a call misses).
        by: shift of a miss, in blocks.
    """

    inside: ComponentLaw
    rate: float
    by: int


@dataclass(frozen=True)
class PerBlockLaw:
    """Each block has a success probability of its own, fix = keep = p_j; counts in a chunk do not suffice."""

    p: tuple[float, ...]


@dataclass(frozen=True)
class BetaBlocksLaw:
    """p_j ~ Beta(a, b) independently for each block, fixed for the run; fix = keep = p_j."""

    a: float
    b: float


@dataclass(frozen=True)
class RunQualityLaw:
    """Quality q ~ Beta(a, b) drawn once a run: calls are not independent of each other."""

    a: float
    b: float


@dataclass(frozen=True)
class LearningLaw:
    """fix = keep = p(t) after t generations; no law of counts in a chunk, for calls are not alike.

    GLOBAL hits in generation t+1 w.p. 1 - (1 - p(t)^k)^lam whatever happened before, so that P(generations > t) is a
    product of (1 - p(s)^k)^lam over s < t.

    Attributes:
        start: p(0).
        end: p at infinity.
        halfway: generations that halve the rest of the way.
    """

    start: float
    end: float
    halfway: float

    def success(self, generation: IntArray | int) -> FloatArray:
        """p(t), float in the shape of `generation`."""
        return np.asarray(self.end - (self.end - self.start) * 2.0 ** (-np.asarray(generation) / self.halfway))


@dataclass(frozen=True)
class RepeatingLaw:
    """W.p. `rate` a call gives the answer of the last call on its blocks again: calls of a run depend on each other.

    Where the same answer is rejected again, and one that was accepted is there already, a repeat changes nothing, as a
    refusal (theory 17g).

    Attributes:
        inside: law of an answer that is no repeat.
        rate: P(a call repeats).
    """

    inside: CallLaw
    rate: float

    def hidden(self, rate: float, per_block: float = 0.0, answered: bool = True) -> HiddenRepeatsLaw:
        """The law where the search is shown none of the answer w.p. 1 - (1-rate)(1-per_block)^g; see there."""
        return HiddenRepeatsLaw(self.inside, self.rate).hidden(rate, per_block, answered)


@dataclass(frozen=True)
class HiddenRepeatsLaw:
    """Answers that may be repeats, of which a wrapper hides some: it refuses them, or spoils their form.

    The mutator inside remembers an answer that was hidden. Given again it is news: the search has not judged it.

    Attributes:
        inside: law of an answer that is no repeat.
        rate: P(a call repeats).
        hiding: of each wrapper, the rate at which a call is hidden whatever its length, and of each block that hides
            all of it.
        answered: whether a hidden answer is one, the blocks as they were (a refusal); malformed ones are not evaluated.
    """

    inside: CallLaw
    rate: float
    hiding: tuple[tuple[float, float], ...] = ()
    answered: bool = True

    def hidden(self, rate: float, per_block: float = 0.0, answered: bool = True) -> HiddenRepeatsLaw:
        """The law inside one more wrapper."""
        return HiddenRepeatsLaw(self.inside, self.rate, (*self.hiding, (rate, per_block)), self.answered and answered)

    def shown(self, g: int) -> float:
        """P(an answer on g blocks is shown): none of the wrappers hides it.

        >>> from evo.laws.counts import IndependentBlocks
        >>> law = RepeatingLaw(IndependentBlocks(0.5, 0.5), 0.3).hidden(0.1).hidden(0.0, 0.2)
        >>> round(law.shown(2), 9)
        0.576
        """
        found = 1.0
        for rate, per_block in self.hiding:
            found *= (1.0 - rate) * (1.0 - per_block) ** g
        return found
