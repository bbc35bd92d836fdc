"""Calls as they were measured: repairs and keeps by chunk length, correlated within a call or not."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from evo.errors import InputError
from evo.laws.qualities import QualitiesLaw, Quality
from evo.parameters import probability
from evo.protocols import BoolArray
from operators.calibrated.rates import Table, keep_table, outside, rate


@dataclass(frozen=True)
class MeasuredLaw(QualitiesLaw):
    """Beta-binomial repairs and keeps, whose means depend on the length of the chunk (theory 17f).

    Attributes:
        fix, keep: pairs of g and probability, g rising.
        rho_fix, rho_keep: correlation of two blocks of a call.
    """

    fix: Table
    keep: Table
    rho_fix: float = 0.0
    rho_keep: float = 0.0

    def qualities(self, g: int) -> tuple[Quality, Quality]:
        """Those of calls on g blocks.

        Raises: InputError where the tables say nothing of g.
        """
        try:
            fix, keep = rate(self.fix, g, "fix"), rate(self.keep, g, "keep")
        except InputError as error:
            raise InputError(f"Measured: {error}") from None
        return Quality(*fix, self.rho_fix), Quality(*keep, self.rho_keep)


@dataclass(frozen=True)
class Measured:
    """A call as measured: of g blocks each incorrect one is repaired w.p. fix(g), each correct one kept w.p. keep(g).

    Two blocks that a call repairs correlate by rho_fix, two that it keeps by rho_keep, repairs and keeps of a call are
    independent (theory 17f): P(all i repaired) = prod over j < i of (a+j)/(a+b+j), a = fix (1/rho - 1),
    b = (1-fix) (1/rho - 1); rho = 0: fix^i. Between measured g logit fix and logit keep are linear in log g; beyond
    them the nearest is taken, and every number that rests on this says so. A table of one g serves no other g.

    Attributes:
        fix: P(wrong -> right) by the blocks g of a call.
        keep: P(right -> right) by the blocks g of a call.
        rho_fix: correlation of two repairs of a call, 0..1; 1: all or none.
        rho_keep: correlation of two keeps of a call, 0..1.

    >>> part = Measured(fix={5: 0.2, 1: 0.35}, keep={1: 0.97, 5: 0.96}, rho_fix=0.2)
    >>> part.fix, round(float(part.law.pmf(5, 5)[5]), 9)                     # .2 uncorrelated: .00032
    (((1, 0.35), (5, 0.2)), 0.010944)
    """

    fix: Table
    keep: Table
    rho_fix: float = 0.0
    rho_keep: float = 0.0

    def __post_init__(self) -> None:
        keep_table(self, "fix")
        keep_table(self, "keep")
        probability(self, "rho_fix", "rho_keep")

    def fits(self, k: int, g: int) -> None:
        """Check that the tables say something of calls on g blocks.

        Raises: InputError.
        """
        self.law.qualities(g)

    def doubt(self, g: int) -> str:
        """What numbers about calls on g blocks rest on beside measurements, in words; empty for nothing."""
        found = (outside(self.fix, g, "fix"), outside(self.keep, g, "keep"))
        return "; ".join(each for each in found if each)

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [..., g]."""
        return self.law.rewritten(correct, rng)

    @property
    def law(self) -> MeasuredLaw:
        """The convolution of two beta-binomial laws (theory 17f)."""
        return MeasuredLaw(self.fix, self.keep, self.rho_fix, self.rho_keep)
