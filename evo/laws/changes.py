"""Laws of how many blocks a call repairs and breaks, which blocks being drawn evenly: the wrappers map these, too.

Where no mixture of independent blocks is known (`evo.laws.mixtures`), as of calls drawn from a log, this is enough for
a refusal, a malformed answer and blocks that are left as they were.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from evo.foreign import is_foreign
from evo.laws.counts import CallLaw, IndependentBlocks, binomial_pmf
from evo.laws.mixtures import ComponentLaw, Mixture
from evo.protocols import FloatArray


@runtime_checkable
class ChangesLaw(Protocol):
    """A call law that tells repairs and breaks apart."""

    always_valid: bool
    """Whether every answer is valid."""

    @abstractmethod
    def changes(self, g: int, i: int) -> FloatArray:
        """P(x of i incorrect blocks repaired, y of g - i correct ones broken); float [i+1, g-i+1].

        Sums to P(valid). Raises: NoPrediction where nothing is known of such calls.
        """
        ...

    @abstractmethod
    def invalid(self, g: int) -> float:
        """P(an answer on g blocks is invalid)."""
        ...

    def pmf(self, g: int, i: int) -> FloatArray:
        """Correct blocks afterwards, g - i + x - y; float [g+1]."""
        found, changes = np.zeros(g + 1), self.changes(g, i)
        for x, row in enumerate(changes):
            found[x : x + g - i + 1] += row[::-1]  # y = g - i, ..., 0
        return found


@dataclass(frozen=True)
class RefusedChanges(ChangesLaw):
    """W.p. `rate` nothing changes, else the law (theory 4a).

    Attributes:
        rate: probability of a refusal.
        law: of the other calls.
    """

    rate: float
    law: ChangesLaw

    @property
    def always_valid(self) -> bool:  # type: ignore[override]  # read only
        """Whether the other calls are."""
        return self.law.always_valid

    def changes(self, g: int, i: int) -> FloatArray:
        """Rate [x = y = 0] + (1 - rate) law."""
        found = (1.0 - self.rate) * self.law.changes(g, i)
        found[0, 0] += self.rate
        return found

    def invalid(self, g: int) -> float:
        """That of the other calls, times 1 - rate."""
        return (1.0 - self.rate) * self.law.invalid(g)


@dataclass(frozen=True)
class InvalidChanges(ChangesLaw):
    """The law times P(the answer is well formed), (1-rate)(1-per_block)^g (theory 4b).

    Attributes:
        rate: probability that a call is malformed, whatever its length.
        law: of the others.
        per_block: probability that a block spoils the answer.
    """

    rate: float
    law: ChangesLaw
    per_block: float = 0.0

    @property
    def always_valid(self) -> bool:  # type: ignore[override]  # read only
        """Whether nothing spoils an answer."""
        return self.rate == 0.0 and self.per_block == 0.0 and self.law.always_valid

    def changes(self, g: int, i: int) -> FloatArray:
        """The law times P(well formed)."""
        return np.asarray((1.0 - self.rate) * (1.0 - self.per_block) ** g * self.law.changes(g, i))

    def invalid(self, g: int) -> float:
        """1 - P(well formed) P(the answer inside is valid)."""
        spoilt = self.rate + (1.0 - self.rate) * (1.0 - (1.0 - self.per_block) ** g)
        return spoilt + (1.0 - spoilt) * self.law.invalid(g)


@dataclass(frozen=True)
class SparseChanges(ChangesLaw):
    """Each block is rewritten only w.p. `rate`: Bin(x, rate) of x repairs are left, Bin(y, rate) of y breaks (7a).

    Attributes:
        rate: probability that a block is rewritten.
        law: of the rewriting.
    """

    rate: float
    law: ChangesLaw

    @property
    def always_valid(self) -> bool:  # type: ignore[override]  # read only
        """That of the law."""
        return self.law.always_valid

    def changes(self, g: int, i: int) -> FloatArray:
        """The law, thinned on both sides."""
        return np.asarray(_thinning(i, self.rate).T @ self.law.changes(g, i) @ _thinning(g - i, self.rate))

    def invalid(self, g: int) -> float:
        """That of the law."""
        return self.law.invalid(g)


def _thinning(most: int, rate: float) -> FloatArray:
    """P(y of x are left), row x; float [most+1, most+1]."""
    found = np.zeros((most + 1, most + 1))
    for x in range(most + 1):
        found[x, : x + 1] = binomial_pmf(x, rate)
    return found


def tells_changes(law: object) -> bool:
    """Whether a law is one of changes that wrappers may map: of ours, for nobody has checked those of others."""
    return isinstance(law, ChangesLaw) and not is_foreign(type(law))


def refused(law: object, rate: float) -> CallLaw | None:
    """The law of calls that leave their blocks as they are w.p. `rate`; None of a law that cannot be mapped.

    >>> refused(IndependentBlocks(0.5, 0.5), 0.1).pmf(1, 1).tolist()
    [0.55, 0.45]
    """
    if isinstance(law, ComponentLaw):
        return Mixture((rate, 1 - rate), (IndependentBlocks(0, 1), law))
    return RefusedChanges(rate, law) if isinstance(law, ChangesLaw) and tells_changes(law) else None
