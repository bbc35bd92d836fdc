"""The evolutionary algorithm: how many offspring a generation has, whom they come from, and who stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from numpy.random import Generator

from evo.protocols import AnyMutator, BoolArray, FloatArray, IntArray, Problem, Schedule

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
        features: int [runs, s], what a runner that describes solutions (`Describing`) says of those kept; anything
            where a place is empty. None for other runners.
        arriving: int [runs, lam], the same of the offspring, where survivors are chosen.
    """

    seen: FloatArray
    born: IntArray
    generation: int
    features: IntArray | None = None
    arriving: IntArray | None = None


@runtime_checkable
class Runner(Protocol):
    """The evolutionary algorithm: selection of parents and of survivors.

    Optional: `in_parts = True`, by which it says that the offspring who survive are among those who survive when
    `survivors` is told of some of them alone: of a generation that does not fit into memory the engine then asks part
    by part, and last of all for those who were named (`check_runner` tries it). Without it all lam offspring of a run
    are held at once.
    """

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
            offspring: float [runs, lam], seen fitness; -inf where the call was invalid (or not made, see `Adjusting`),
                which must not displace anyone.

        Returns:
            int [runs, s]: a place 0..s-1, or s + j for offspring j.
        """
        ...


@runtime_checkable
class Adjusting(Runner, Protocol):
    """A runner whose number of offspring a generation follows from a state of each run; `lam` is the most of them.

    Twice as many after a generation without progress, half as many after one with it, lam at the most:

    >>> import numpy as np
    >>> from evo import OnePlusLambda, RoundRobin, Search
    >>> from evo.batch import Batch
    >>> from evo.engine import run_batch
    >>> from evo.seeding import streams
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> @dataclass(frozen=True)
    ... class Doubling(OnePlusLambda):
    ...     initial_state = 1.0
    ...     def offspring(self, state):
    ...         return state.astype(np.int64)
    ...     def adjust(self, state, pool, offspring):
    ...         progress = offspring.max(axis=1) > pool.seen[:, 0]
    ...         return np.clip(np.where(progress, state / 2, state * 2), 1, self.lam)
    >>> search = Search(BlockOneMax(k=20, l=16), Resample(p=0.5), RoundRobin(), Doubling(lam=8))
    >>> counts = run_batch(search, Batch(streams(1, search.text, 0), runs=500))[0]
    >>> round(float(counts.calls.mean()), 1), round(float(counts.generations.mean()), 1)
    (152.3, 41.8)
    """

    @property
    def initial_state(self) -> float:
        """The state of a run before its first generation."""
        ...

    def offspring(self, state: FloatArray) -> IntArray:
        """How many offspring each run has in the next generation, int [runs] from 1 to lam, by its state [runs].

        These are the first of those that `parents` names.
        """
        ...

    def adjust(self, state: FloatArray, pool: Pool, offspring: FloatArray) -> FloatArray:
        """The state after the generation, float [runs]; `pool` and `offspring` are those that `survivors` is given."""
        ...


@runtime_checkable
class Describing(Runner, Protocol):
    """A runner that looks at solutions, not at their fitness alone: it is shown the feature of each (`Pool.features`).

    `MapElites` is one.
    """

    def fits(self, problem: Problem, mutator: AnyMutator, schedule: Schedule, prompt: Prompt) -> None:
        """Refuse the parts that this runner cannot run.

        Raises: InputError.
        """
        ...

    def describe(self, correct: BoolArray) -> IntArray:
        """The feature of each solution, bool [..., k] -> int [...] from 0 to s-1."""
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


def varies(runner: object) -> bool:
    """Whether the number of offspring may differ from generation to generation."""
    return isinstance(runner, OwnGenerations | Adjusting)


@runtime_checkable
class OwnLoop(OwnGenerations, Protocol):
    """A runner with its own main loop: it runs its batches itself, without an engine."""

    def run_batch(self, search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
        """Simulate one batch; arguments, returns and errors are those of `evo.engine.run_batch`."""
        ...
