"""What a program of calls is: roles, an execution at a desk, and what can be expected of it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from numpy.random import Generator

from evo.programs.desk import Desk
from evo.programs.expected import Expected
from evo.programs.roles import Role
from evo.protocols import BoolArray


@runtime_checkable
class Program(Protocol):
    """A language-based algorithm (Definition 2.1): a frozen dataclass whose parameters have the paper's letters.

    An oracle decomposition (Definition 2.4) is whatever a program does without a call. Optional: `expected()`, which
    returns an `Expected` or raises NoPrediction where nothing is exact (`Predictable`); `done`, a property, the
    probability that the task is done right, where that is exact though the ledger is not; and `calls_between`, a
    property, bounds of the mean number of calls where no more is known of it, (low, high), else None.
    """

    @property
    def roles(self) -> tuple[Role, ...]:
        """Who makes calls, in the order of the table's columns."""
        ...

    def execute(self, desk: Desk, rng: Generator, /) -> BoolArray:
        """Make the calls of all runs of a batch at once.

        Args:
            desk: where calls are made and counted; `desk.runs` is the number of runs.
            rng: the batch's stream; draw for all runs, whatever becomes of them.

        Returns:
            bool [runs], whether the task was done right.
        """
        ...


@runtime_checkable
class Predictable(Program, Protocol):
    """A program that knows what to expect."""

    def expected(self) -> Expected:
        """The expected ledger; raises NoPrediction where it is not exact."""
        ...
