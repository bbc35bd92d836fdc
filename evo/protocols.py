"""The five things a user can supply, and what passes between them and the engine: read this page first.

Every part is a small frozen dataclass. Shapes are written `[runs, k]`; `...` stands for any leading axes. The
simulation works on correctness: a solution is a bool array over its k blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Chunk:
    """What an informed mutator is handed: n calls at once, one row a call.

    Attributes:
        correct: bool [n, g], the blocks handed over.
        blocks: int [n, g], their positions 0..k-1 in the solution.
        solution: bool [n, k], the whole parent; None unless the mutator says `sees = "solution"`.
        traits: [n, ...], the row of `draw`'s array that belongs to each call's run; None without `draw`.
    """

    correct: BoolArray
    blocks: IntArray
    solution: BoolArray | None = None
    traits: NDArray[np.generic] | None = None


@dataclass(frozen=True)
class Rewritten:
    """The answer of a mutator whose calls can fail as a whole.

    Attributes:
        correct: bool, the shape of the blocks handed over: their correctness after the call.
        valid: bool, one axis less: False for malformed output. An invalid offspring is paid for, is not
            evaluated, is rejected, and tells the schedule nothing.
    """

    correct: BoolArray
    valid: BoolArray


class Mutator(Protocol):
    """A stochastic model of one LLM call on a chunk of g blocks.

    Optional: a property `law` (a `CallLaw`, or None) from which exact predictions are made.
    """

    def rewrite(self, correct: BoolArray, rng: Generator, /) -> BoolArray | Rewritten:
        """Correctness after the call; bool [..., g] in and out, the input left as it is."""
        ...


class InformedMutator(Protocol):
    """A mutator that needs more than its chunk: it sets `sees = "solution"`, or has `draw(runs, k, rng)`.

    `draw` returns an array [runs, ...] of what is fixed for a run (block difficulties, a run-wide quality).
    """

    def rewrite(self, chunk: Chunk, rng: Generator, /) -> BoolArray | Rewritten:
        """Correctness of `chunk.correct` after the call; bool [n, g]."""
        ...


AnyMutator = Mutator | InformedMutator


@runtime_checkable
class Problem(Protocol):
    """What is optimised: k blocks of l tokens; the optimum is the solution whose blocks are all correct.

    Optional: `change(before, after)`, the change of fitness when a chunk `before` [..., g] becomes `after`
    [..., g]; offer it where the fitness is a sum over blocks, so that the engine need not look at whole solutions.
    """

    @property
    def k(self) -> int:
        """Blocks in a solution."""
        ...

    @property
    def l(self) -> int:
        """Tokens in a block."""
        ...

    def initial(self, runs: int, rng: Generator) -> BoolArray:
        """Initial solutions, bool [runs, k]."""
        ...

    def fitness(self, correct: BoolArray) -> NDArray[np.generic]:
        """Fitness, to be maximised, of solutions bool [..., k]; a number each, [...]."""
        ...


@runtime_checkable
class Schedule(Protocol):
    """Which chunk each call gets: the oracle decomposition (Definition 2.4) at work, for all runs at once.

    The solution is cut into m = ceil(k/g) chunks of g consecutive blocks, the last may be shorter. What a
    schedule remembers of a run is one whole number, its pointer.

    Attributes:
        oblivious: True if the chunks of later generations do not depend on what earlier calls did; the engine
            may then ask for several generations ahead.
    """

    oblivious: ClassVar[bool]

    def chunk_size(self, k: int) -> int:
        """The number g of blocks a call gets of a solution of k blocks."""
        ...

    def choose(self, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator) -> IntArray:
        """Chunk of each call of the next `ahead` generations.

        Args:
            pointer: int [runs].
            correct: bool [runs, k], the parents.
            m: number of chunks.
            ahead: generations asked for; 1 unless `oblivious`.
            lam: offspring a generation.
            rng: the schedule's stream.

        Returns:
            int [runs, ahead, 1], where all offspring of a generation get the same chunk, or [runs, ahead, lam].
        """
        ...

    def advance(self, pointer: IntArray, moved: BoolArray, m: int, generations: IntArray) -> IntArray:
        """The pointer after `generations` more generations, int [runs].

        Args:
            pointer: int [runs].
            moved: bool [runs], whether some valid offspring of the last generation had another seen fitness
                than its parent.
            m: number of chunks.
            generations: int [runs], how many generations were made since the pointer was given out.
        """
        ...


@runtime_checkable
class CostModel(Protocol):
    """Prices: one weight for each entry of the ledger, so that cost = ledger @ weights."""

    @property
    def weights(self) -> FloatArray:
        """Float [6], in the order of `evo.ledger.LEDGER`."""
        ...
