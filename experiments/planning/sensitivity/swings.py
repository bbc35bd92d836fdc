"""What the bill of the choice hangs on: how far its numbers move as each uncertain input goes through its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.planning.inputs import Hang, changed, uncertain
from experiments.planning.numbers import number_of

if TYPE_CHECKING:
    from experiments.planning.plan import Plan


@dataclass(frozen=True)
class Swing:
    """One number of the choice as one input goes through its interval, the others as they are said to be.

    Attributes:
        input: which one, and between which values it lies.
        by: which number, "money" for instance.
        value: the number as it is told.
        at_low, at_high: the number at the ends of the interval of the input.
    """

    input: Hang
    by: str
    value: float
    at_low: float
    at_high: float

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the most."""
        return min(self.at_low, self.at_high), max(self.at_low, self.at_high)

    @property
    def width(self) -> float:
        """From the least to the most, as a share of the number."""
        least, most = self.ends
        return (most - least) / abs(self.value) if self.value else math.inf

    @property
    def elasticity(self) -> float:
        """Per cent by which the number grows where the input grows by one, over the interval; NaN from or to 0."""
        given, found = (self.input.low, self.input.high), (self.at_low, self.at_high)
        if min(*given, *found) <= 0.0 or given[0] == given[1] or math.isinf(max(found)):
            return math.nan
        return math.log(found[1] / found[0]) / math.log(given[1] / given[0])


def swings_of(plan: Plan) -> tuple[Swing, ...]:
    """The inputs that move what the choice is ranked by, and its money, the widest first.

    Nothing is told of a number that is simulated: runs at two values of an input differ by chance, too.
    """
    best = plan.best.candidate
    found = [
        swing
        for by in dict.fromkeys(("money", plan.by) if best.model.priced and not plan.aim.limited else (plan.by,))
        if math.isfinite(here := number_of(best, plan.aim, by))
        for each in uncertain(best.model, by, plan.odds)
        if (swing := _swing(plan, each, by, here)) is not None
    ]
    return tuple(sorted(found, key=lambda swing: (swing.by != plan.by, -swing.width)))


def _swing(plan: Plan, hang: Hang, by: str, here: float) -> Swing | None:
    """What an input does to a number; None if nothing is known at an end, or nothing moves."""
    best = plan.best.candidate
    ends = [number_of(changed(best, hang, value), plan.aim, by) for value in (hang.low, hang.high)]
    if any(math.isnan(end) for end in ends) or ends[0] == ends[1]:
        return None
    return Swing(hang, by, here, *ends)
