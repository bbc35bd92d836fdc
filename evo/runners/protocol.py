"""The evolutionary algorithm: how many offspring a generation has, whom they come from, and who stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from numpy.random import Generator

from evo.protocols import AnyMutator, FloatArray, IntArray, Problem, Schedule

if TYPE_CHECKING:
    from evo.batch import Batch, RunCounts, Trace
    from evo.costs.ledger import Prompt
    from evo.search import Search


@dataclass(frozen=True)
class Pool:
    """The solutions that runs keep, as a runner sees them; a row a run, s places each.

    Attributes:
        seen: float [runs, s], seen fitness; -inf where a place is empty.
        born: int [runs, s], the number of the call that made the solution; 0 for an initial one.
        generation: generations made.
    """

    seen: FloatArray
    born: IntArray
    generation: int


@runtime_checkable
class Runner(Protocol):
    """The evolutionary algorithm: selection of parents and of survivors."""

    @property
    def lam(self) -> int:
        """Offspring a generation, one call each."""
        ...

    @property
    def founders(self) -> tuple[int, ...]:
        """For each of the s places the number of the initial solution that it holds at first, -1 if it is empty."""
        ...

    def parents(self, pool: Pool, rng: Generator) -> IntArray:
        """The place of each offspring's parent; int [runs, lam], no empty place."""
        ...

    def survivors(self, pool: Pool, offspring: FloatArray) -> IntArray:
        """Who is in each place after the generation.

        Args:
            pool: before it.
            offspring: float [runs, lam], seen fitness; -inf where the call was invalid, which must not displace anyone.

        Returns:
            int [runs, s]: a place 0..s-1, or s + j for offspring j.
        """
        ...


@runtime_checkable
class OwnGenerations(Protocol):
    """A runner whose generation is not lam offspring of chosen parents; it states the cost of its generations itself.

    `hit` counts the offspring that had returned when the optimum was found, that one included.
    """

    @property
    def lam(self) -> int:
        """Always 1; the number of calls of a generation varies and is given by `answers`."""
        ...

    @property
    def founders(self) -> tuple[int, ...]:
        """As for any `Runner`: (0,) for a single current solution."""
        ...

    @property
    def in_flight(self) -> int:
        """Number of answers paid for but not yet returned when the last counted offspring returns."""
        ...

    def fits(self, problem: Problem, mutator: AnyMutator, schedule: Schedule, prompt: Prompt) -> None:
        """Refuse the parts that this runner cannot run.

        Raises: InputError.
        """
        ...

    def answers(self, generations: IntArray, schedule: Schedule, k: int) -> tuple[IntArray, IntArray]:
        """Least and most answers paid for by runs of the given generations, int [runs] each."""
        ...


@runtime_checkable
class OwnLoop(OwnGenerations, Protocol):
    """A runner with its own main loop: it runs its batches itself, without an engine."""

    def run_batch(self, search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
        """Simulate one batch; arguments, returns and errors are those of `evo.engine.run_batch`."""
        ...
