"""A decomposition that is not free: an LLM call that says what the next call gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from evo.costs.overhead import Overhead
from evo.errors import InputError
from evo.parameters import shown, whole
from evo.protocols import BoolArray, IntArray, Schedule


@dataclass(frozen=True)
class Decomposed:
    """A schedule whose every choice is an LLM call of its own: it reads the whole solution and writes `writes` tokens.

    The chunks are those of the schedule inside, so hit follows the same law; beside each call the ledger has another
    one over head + k l tokens: writes (head + k l) + writes (writes-1)/2 pass tokens. The oracle decomposition of
    Definition 2.4 is free; automatic decomposition is not (Section 5.3). With it a local call costs Theta(k l) instead
    of Theta(l^2), and LOCAL is Theta(k^2) instead of Theta(k).

    Attributes:
        schedule: which chunk each call gets.
        writes: tokens that the decomposing call writes.
        head: tokens of instructions that it reads before the solution.

    >>> from evo.costs.ledger import CallTokens, Prompt
    >>> from evo.schedules import UntilResolved
    >>> decomposed = Decomposed(UntilResolved(), writes=5)
    >>> tokens = CallTokens.of(Prompt(), k=3, l=4, g=1, overhead=decomposed.overhead)
    >>> tokens.calls, tokens.full[2] == (4 * 4 + 6) + (5 * 12 + 10)
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
        """The decomposing call beside each call, and what the schedule inside declares."""
        own = Overhead(head=self.head, reads="solution", writes=self.writes, calls=1)
        return (own, *getattr(self.schedule, "overhead", ()))

    @property
    def oblivious(self) -> bool:
        """As the schedule inside."""
        return self.schedule.oblivious

    @property
    def subsets(self) -> bool:
        """As the schedule inside."""
        return bool(getattr(self.schedule, "subsets", False))

    @property
    def invalid(self) -> str:
        """What the schedule inside concludes from a malformed answer."""
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
    """The schedule that says which chunk each call gets, without what it costs to say so; types matched exactly.

    >>> from evo.schedules import RoundRobin
    >>> inner_schedule(Decomposed(RoundRobin(g=2), writes=5))
    RoundRobin(g=2)
    """
    inside: Any = schedule
    while type(inside) is Decomposed:
        inside = inside.schedule
    found: Schedule = inside
    return found
