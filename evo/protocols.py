"""The five things a user can supply, and what passes between them and the engine: read this page first.

Every part is a small frozen dataclass. Shapes are written `[runs, k]`; `...` stands for any leading axes. The
simulation works on correctness: a solution is a bool array over its k blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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
        generation: int [n], generations that the call's run has made before.
        solution: bool [n, k], the whole parent; None unless the mutator says `sees = "solution"`.
        traits: [n, ...], the row of `draw`'s array that belongs to each call's run; None without `draw`.
    """

    correct: BoolArray
    blocks: IntArray
    generation: IntArray
    solution: BoolArray | None = None
    traits: NDArray[np.generic] | None = None


@dataclass(frozen=True)
class Rewritten:
    """The answer of a mutator that returns more than the correctness of its chunk.

    Attributes:
        correct: bool, the shape of the blocks handed over: their correctness after the call.
        valid: bool, one axis less: False for malformed output. An invalid offspring is paid for, is not evaluated
            and is rejected, and tells the schedule nothing (unless it says otherwise). None: all valid.
        solution: bool [n, k], the whole offspring, if the call changed blocks outside its chunk (for which the mutator
            must say `sees = "solution"`); its blocks in the chunk are those of `correct`. None: nothing else changed.
        calls: int, one axis less: LLM calls behind this answer, at least 1 each (votes). None: one each.
    """

    correct: BoolArray
    valid: BoolArray | None = None
    solution: BoolArray | None = None
    calls: IntArray | None = None


class Mutator(Protocol):
    """A stochastic model of one LLM call on a chunk of g blocks.

    Optional: a property `law` (a `CallLaw`, or None) from which exact predictions are made; a method `fits(k, g)` that
    raises InputError for chunks of g of k blocks that it cannot serve; `overhead`, LLM work beside each call (see
    `evo.costs.overhead`, for schedules too); `mean_calls(i)`, expected calls of an answer where it takes several;
    `doubt(g)`, words that every number about calls on g blocks is told with (extrapolation), empty for none.
    """

    def rewrite(self, correct: BoolArray, rng: Generator, /) -> BoolArray | Rewritten:
        """Correctness after the call; bool [..., g] in and out, the input left as it is."""
        ...


class InformedMutator(Protocol):
    """A mutator that needs more than its chunk: it sets `sees`, or has `draw(runs, k, rng)`.

    `sees = "solution"` asks for the whole parent, `sees = "positions"` for the rest of `Chunk` only. `draw` returns an
    array [runs, ...] of what is fixed for a run (block difficulties, a run-wide quality).
    """

    def rewrite(self, chunk: Chunk, rng: Generator, /) -> BoolArray | Rewritten:
        """Correctness of `chunk.correct` after the call; bool [n, g]."""
        ...


AnyMutator = Mutator | InformedMutator


def is_informed(mutator: object) -> bool:
    """Whether a mutator is handed a `Chunk` instead of bare correctness: it sets `sees`, or has `draw`."""
    return getattr(mutator, "sees", "chunk") != "chunk" or hasattr(mutator, "draw")


@runtime_checkable
class Problem(Protocol):
    """What is optimised: k blocks of l tokens; the optimum is the solution whose blocks are all correct.

    No other solution is as fit: a run that meets one, of the problem or of its rounding, is refused.

    Optional: `change(before, after)`, the change of fitness when a chunk `before` [..., g] becomes `after`
    [..., g]; offer it where the fitness is a sum over blocks, so that the engine need not look at whole solutions.
    `lengths`, k whole numbers, the tokens of each block where they differ; `l` is then the largest of them.

    For exact predictions a problem declares two things: `landscape`, what its fitness is (`evo.landscapes`), and
    `initial_law`, an `evo.theory.Start`, the law of `initial` (which `problems.Starts` brings).
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

    `oblivious` is True if the chunks of later generations do not depend on what earlier calls did.

    Optional: `invalid`, "ignore" or "down": whether the schedule ignores an invalid offspring (the default) or treats
    it as a fall of the fitness. For exact predictions: `same_as`, a schedule of `evo.schedules` whose chunks have the
    same law, or a method `run_law` that returns an `evo.theory.RunLaw` for `OnePlusLambda` on problems whose fitness
    rises with the number of correct blocks. Its parameters are those of `law, k, g, start, lam, weak` that it supports.
    """

    @property
    def oblivious(self) -> bool:
        """Whether the engine may ask for several generations ahead."""
        ...

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
                than its parent (or was invalid, if the schedule says `invalid = "down"`).
            m: number of chunks.
            generations: int [runs], how many generations were made since the pointer was given out.
        """
        ...


class AnyRunner(Protocol):
    """The evolutionary algorithm; what else a runner has depends on its kind, see `evo.runners.protocol`."""

    @property
    def lam(self) -> int:
        """Offspring a generation, one call each."""
        ...

    @property
    def founders(self) -> tuple[int, ...]:
        """For each of the s places the number of the initial solution that it holds at first, -1 if it is empty."""
        ...


@runtime_checkable
class CostModel(Protocol):
    """Prices: one weight for each entry of the ledger, so that cost = ledger @ weights."""

    @property
    def weights(self) -> FloatArray:
        """Float [8], in the order of `evo.costs.ledger.LEDGER`; or its first 6."""
        ...
