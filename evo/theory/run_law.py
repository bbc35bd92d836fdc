"""What the theory says about one run: its time in generations and in calls, and its calls on the last chunk."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evo.theory.times.closed import ALREADY_OPTIMAL
from evo.theory.times.derived import Scaled
from evo.theory.times.law import TimeLaw

if TYPE_CHECKING:
    from evo.theory.chains.chain import AbsorbingChain


@dataclass(frozen=True, eq=False)
class Process:
    """The states that a run passes through, and their chain: from it follows where a run is after a budget.

    Attributes:
        states: one for each row of the chain; what a state means is its process's own.
        chain: the chain on them.
    """

    states: tuple[Any, ...]
    chain: AbsorbingChain


@dataclass(frozen=True)
class RunLaw:
    """Law of one run under a schedule.

    Attributes:
        hit: the number of the call that first generates the optimum (0 if the start is optimal).
        generations: generations until then; the last one is counted whole.
        last_chunk: computes `calls_on_last_chunk` when asked.
        source: labels of the formulas.
        lam: calls a generation.
        process: the states of the run, if it is a chain on states; laws in closed form and sweeps have none.
    """

    hit: TimeLaw
    generations: TimeLaw
    last_chunk: Callable[[], float]
    source: str
    lam: int = 1
    process: Process | None = field(default=None, repr=False, compare=False)

    @property
    def calls(self) -> TimeLaw:
        """Calls paid for: lam x generations."""
        return self.generations if self.lam == 1 else Scaled(self.generations, self.lam)

    @property
    def calls_on_last_chunk(self) -> float:
        """Expected number of the calls that go to the last chunk where it is shorter, 0 if g divides k.

        Raises: NoPrediction if it is not known.
        """
        return self.last_chunk()

    @property
    def short_calls(self) -> float:
        """The former name of `calls_on_last_chunk`."""
        warnings.warn("RunLaw.short_calls is now RunLaw.calls_on_last_chunk", DeprecationWarning, stacklevel=2)
        return self.calls_on_last_chunk

    @property
    def short(self) -> Callable[[], float]:
        """The former name of `last_chunk`."""
        warnings.warn("RunLaw.short is now RunLaw.last_chunk", DeprecationWarning, stacklevel=2)
        return self.last_chunk


def no_short_chunk() -> float:
    """All chunks have the same length."""
    return 0.0


def finished(lam: int) -> RunLaw:
    """The run that starts at the optimum."""
    return RunLaw(ALREADY_OPTIMAL, ALREADY_OPTIMAL, no_short_chunk, "start is optimal", lam)
