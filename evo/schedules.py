"""Schedules: which chunk each call gets. Never say "local mutation" without naming one.

At p = 1/2, k = 64, all blocks incorrect, lam = 1, g = 1 they need on average 128 (UntilResolved, OnlyIncorrect), 442
(RoundRobin) and 607 (UniformChunk) calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from evo.costs.overhead import Overhead
from evo.declarations import is_oblivious
from evo.errors import InputError
from evo.parameters import choice, shown, whole
from evo.protocols import BoolArray, IntArray, Schedule

SUBSET_KEYS = 2**20
"""Random keys drawn at once for subsets: 8 MB."""


@dataclass(frozen=True)
class AllBlocks:
    """Every call gets the whole solution: GLOBAL mutation (Section 3.3.1), g = k."""

    oblivious: ClassVar[bool] = True

    def chunk_size(self, k: int) -> int:
        """All k blocks."""
        return k

    def choose(self, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator) -> IntArray:
        """The only chunk, int [runs, ahead, 1]."""
        return np.zeros((len(pointer), ahead, 1), dtype=np.int64)

    def advance(self, pointer: IntArray, moved: BoolArray, m: int, generations: IntArray) -> IntArray:
        """The pointer stays at the only chunk."""
        return pointer


@dataclass(frozen=True)
class _Chunked:
    """Chunks of g consecutive blocks, the last may be shorter.

    Attributes:
        g: blocks a call gets, 1 <= g <= k.
    """

    g: int = 1
    oblivious: ClassVar[bool] = False

    def __post_init__(self) -> None:
        whole(self, "g", least=1)

    def chunk_size(self, k: int) -> int:
        """The g of the schedule.

        Raises: InputError if g > k.
        """
        if self.g > k:
            raise InputError(f"{type(self).__name__}: chunk size g must be at most k = {k}, got g = {self.g}")
        return self.g

    def choose(self, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator) -> IntArray:
        """The chunk pointed at, for all offspring of a generation, int [runs, 1, 1]."""
        return pointer[:, None, None]

    def advance(self, pointer: IntArray, moved: BoolArray, m: int, generations: IntArray) -> IntArray:
        """The pointer stays."""
        return pointer


@dataclass(frozen=True)
class UntilResolved(_Chunked):
    """Stays at a chunk until the fitness moves, up or down, then goes on; after the last chunk to the first.

    It goes on when some valid offspring's seen fitness differs from the parent's: with g = 1 the block was wrong
    and is repaired, or was right and the damaged offspring was rejected. Theta(k) calls (Eq. 13, theory 2h), if
    fitness is exact and keep < 1: at keep = 1 it waits for ever at a correct block.

    Attributes:
        g: blocks a call gets, 1 <= g <= k.
        invalid: treatment of a malformed answer: "ignore", or "down" (as if the fitness had fallen), the trap of
            theory 4b: an incorrect block is then left unrepaired.
    """

    invalid: str = "ignore"

    def __post_init__(self) -> None:
        super().__post_init__()
        choice(self, "invalid", ("ignore", "down"))

    def advance(self, pointer: IntArray, moved: BoolArray, m: int, generations: IntArray) -> IntArray:
        """On by one chunk where the fitness moved, int [runs]."""
        return (pointer + moved) % m


@dataclass(frozen=True)
class RoundRobin(_Chunked):
    """The next chunk each generation, block 1 first: Theta(k log k) calls (theory 2e)."""

    oblivious: ClassVar[bool] = True

    def choose(self, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator) -> IntArray:
        """The chunks from the pointer on, one a generation, int [runs, ahead, 1]."""
        return (pointer[:, None, None] + np.arange(ahead)[None, :, None]) % m

    def advance(self, pointer: IntArray, moved: BoolArray, m: int, generations: IntArray) -> IntArray:
        """On by one chunk a generation, int [runs]."""
        return (pointer + generations) % m


@dataclass(frozen=True)
class UniformChunk(_Chunked):
    """A chunk drawn uniformly for each offspring: E = (k/fix) H_k calls for g = 1 (theory 2b)."""

    oblivious: ClassVar[bool] = True

    def choose(self, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator) -> IntArray:
        """Independent uniform chunks, int [runs, ahead, lam]."""
        return rng.integers(m, size=(len(pointer), ahead, lam))


@dataclass(frozen=True)
class UniformSubset(_Chunked):
    """Any g blocks, each set of g as likely, drawn for each offspring: what repairs Jump_m, g >= m (theory 10).

    Attributes:
        g: blocks a call gets, 1 <= g <= k; g = 1 is UniformChunk().
    """

    oblivious: ClassVar[bool] = True
    subsets: ClassVar[bool] = True

    def choose(self, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator) -> IntArray:
        """Positions of independent uniform sets, ascending; int [runs, ahead, lam, g]."""
        k, calls = correct.shape[1], len(pointer) * ahead * lam
        drawn = np.empty((calls, self.g), dtype=np.int64)
        rows = max(1, SUBSET_KEYS // k)
        for first in range(0, calls, rows):
            part = drawn[first : first + rows]
            keys = rng.random((len(part), k))
            part[:] = np.argpartition(keys, self.g - 1, axis=1)[:, : self.g]
        return np.sort(drawn, axis=1).reshape(len(pointer), ahead, lam, self.g)


@dataclass(frozen=True)
class EachChunk(_Chunked):
    """Offspring j of a generation gets chunk j mod m: with lam = m the true (1+m)-EA of theory 11b, one winner.

    For g = 1 and lam = k a generation with i incorrect blocks repairs one w.p. 1-(1-fix)^i:
    E[generations] = sum_{i=1..k} 1/(1-(1-fix)^i), k + 1.6067 at fix = 1/2.

    Attributes:
        g: blocks a call gets, 1 <= g <= k.
    """

    oblivious: ClassVar[bool] = True

    def choose(self, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator) -> IntArray:
        """The chunks in order, one an offspring; int [runs, ahead, lam]."""
        return np.broadcast_to(np.arange(lam) % m, (len(pointer), ahead, lam))


@dataclass(frozen=True)
class OnlyIncorrect(_Chunked):
    """The lowest chunk that holds an incorrect block: an oracle of correctness, E = k/fix calls (theory 2a)."""

    def choose(self, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator) -> IntArray:
        """The chunk of the first incorrect block of each parent, int [runs, 1, 1]."""
        return np.asarray(np.argmin(correct, axis=1) // self.g)[:, None, None]


@dataclass(frozen=True)
class Decomposed:
    """A schedule that pays one LLM call for each choice, reading the whole solution and writing `writes` tokens.

    The inner schedule chooses the chunks, so hit follows the same law; each call adds to the ledger another call
    over head + k l tokens: writes (head + k l) + writes (writes-1)/2 pass tokens. The oracle decomposition of
    Definition 2.4 is free; automatic decomposition is not (Section 5.3). With it a local call costs Theta(k l) instead
    of Theta(l^2), and LOCAL is Theta(k^2) instead of Theta(k).

    Attributes:
        schedule: the inner schedule.
        writes: tokens that the decomposing call writes.
        head: tokens of instructions that it reads before the solution.

    >>> from evo.costs.ledger import CallTokens, Prompt
    >>> decomposed = Decomposed(UntilResolved(), writes=5)
    >>> tokens = CallTokens.equal(Prompt(), k=3, l=4, g=1, overhead=decomposed.overhead)
    >>> tokens.calls, tokens.entries()[2] == (4 * 4 + 6) + (5 * 12 + 10)
    (2, True)
    """

    schedule: Schedule
    writes: int
    head: int = 0

    def __post_init__(self) -> None:
        inside = self.schedule
        if isinstance(inside, type) or not all(hasattr(inside, name) for name in ("chunk_size", "choose", "advance")):
            raise InputError(f"Decomposed: expected a schedule to wrap, such as UntilResolved(), got {shown(inside)}")
        whole(self, "writes", least=0)
        whole(self, "head", least=0)

    @property
    def overhead(self) -> tuple[Overhead, ...]:
        """The decomposing call beside each call, and the overhead of the inner schedule."""
        own = Overhead(head=self.head, reads="solution", writes=self.writes, calls=1)
        return (own, *getattr(self.schedule, "overhead", ()))

    @property
    def oblivious(self) -> bool:
        """As the schedule inside."""
        return is_oblivious(self.schedule)

    @property
    def subsets(self) -> bool:
        """As the schedule inside."""
        return bool(getattr(self.schedule, "subsets", False))

    @property
    def invalid(self) -> str:
        """How the schedule inside treats an invalid offspring."""
        return getattr(self.schedule, "invalid", "ignore")

    def chunk_size(self, k: int) -> int:
        """That of the schedule inside."""
        return self.schedule.chunk_size(k)

    def choose(self, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator) -> IntArray:
        """The chunks that the schedule inside chooses."""
        return self.schedule.choose(pointer, correct, m, ahead, lam, rng)

    def advance(self, pointer: IntArray, moved: BoolArray, m: int, generations: IntArray) -> IntArray:
        """The pointer of the schedule inside."""
        return self.schedule.advance(pointer, moved, m, generations)


def inner_schedule(schedule: Schedule) -> Schedule:
    """The schedule inside `Decomposed`, which chooses the chunks; types matched exactly.

    >>> inner_schedule(Decomposed(RoundRobin(g=2), writes=5))
    RoundRobin(g=2)
    """
    inside: Any = schedule
    while type(inside) is Decomposed:
        inside = inside.schedule
    found: Schedule = inside
    return found


def invalid_is_down(schedule: Schedule) -> bool:
    """Whether the schedule treats an invalid offspring as a fall of the fitness."""
    return getattr(schedule, "invalid", "ignore") == "down"
