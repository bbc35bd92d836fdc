"""A search: the four parts that determine a run and its random streams."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from evo.chunks import Chunks
from evo.costs.ledger import ChunkLengths
from evo.protocols import AnyMutator, AnyRunner, Problem, Schedule
from evo.text import canonical


@dataclass(frozen=True)
class Search:
    """A problem, the mutator that varies its solutions, the schedule of its calls, and the runner.

    All that is random of a run depends on these four alone: prompt, prices and budget are read off its counts.

    Attributes:
        problem: the problem to optimise.
        mutator: the simulated LLM call.
        schedule: which chunk each call gets.
        runner: the (1+lambda)-EA, or another way to choose parents and survivors.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> Search(BlockOneMax(k=4, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda()).text
    'BlockOneMax(k=4, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda()'
    """

    problem: Problem
    mutator: AnyMutator
    schedule: Schedule
    runner: AnyRunner

    @cached_property
    def text(self) -> str:
        """The canonical texts of the four parts, which name the random streams (`evo.seeding`)."""
        return ", ".join(canonical(part) for part in (self.problem, self.mutator, self.schedule, self.runner))

    @cached_property
    def chunks(self) -> Chunks:
        """How the schedule cuts the solution.

        Raises: InputError if the schedule's chunks do not fit k blocks.
        """
        return Chunks.of(self.schedule, self.problem.k)

    @cached_property
    def lengths(self) -> ChunkLengths:
        """How many tokens the chunks have.

        Raises: InputError if the lengths differ too much for exact integer counts.
        """
        return ChunkLengths.of(self.problem, self.schedule, self.runner.lam)
