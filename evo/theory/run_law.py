"""What the theory says about one run: its time in generations and in calls, and its calls on the short chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evo.theory.times.closed import ALREADY_OPTIMAL
from evo.theory.times.derived import Scaled
from evo.theory.times.law import TimeLaw


@dataclass(frozen=True)
class RunLaw:
    """Law of one run under a schedule.

    Attributes:
        hit: the number of the call that first generates the optimum (0 if the start is optimal).
        generations: generations until then; the last one is counted whole.
        short: computes `short_calls` when asked.
        source: labels of the formulas.
        lam: calls a generation.
    """

    hit: TimeLaw
    generations: TimeLaw
    short: Callable[[], float]
    source: str
    lam: int = 1

    @property
    def calls(self) -> TimeLaw:
        """Calls paid for: lam x generations."""
        return self.generations if self.lam == 1 else Scaled(self.generations, self.lam)

    @property
    def short_calls(self) -> float:
        """Expected number of the calls that go to the shorter last chunk, 0 if g divides k.

        Raises: NoPrediction if it is not known.
        """
        return self.short()


def no_short_chunk() -> float:
    """All chunks have the same length."""
    return 0.0


def finished(lam: int) -> RunLaw:
    """The run that starts at the optimum."""
    return RunLaw(ALREADY_OPTIMAL, ALREADY_OPTIMAL, no_short_chunk, "start is optimal", lam)
