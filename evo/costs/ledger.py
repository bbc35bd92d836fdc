"""The ledger of a run: a vector of counts, which any cost model can price afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np

from evo.chunks import Chunks, count_correct, draws_subsets
from evo.costs.overhead import Overhead
from evo.errors import InputError
from evo.evaluation import truth_of
from evo.parameters import choice, shown, whole
from evo.protocols import BoolArray, FloatArray, IntArray, Problem, Schedule

EXACT = 2**53
"""Sums of a generation are made in floats, which are exact up to here."""

LEDGER = (
    "calls",
    "evaluations",
    "prompt_tokens",
    "generated_tokens",
    "pass_tokens",  # sum of c over forward passes: the paper's cost for m = 1
    "pass_tokens_squared",  # sum of c^2 over forward passes
    "cached_tokens",  # those of the prompt tokens that the provider had read before
    "reasoning_tokens",  # those of the generated tokens that are not part of the answer
)
PART_OF = {"cached_tokens": "prompt_tokens", "reasoning_tokens": "generated_tokens"}
"""Entries that are parts of others: their prices are differences to the price of the whole."""
EARLIER = 6
"""Entries that cost models of earlier versions have prices for, the first of them."""


@dataclass(frozen=True)
class Prompt:
    """What a call reads before it writes: a head of instructions, then the chunk or the whole solution.

    The paper's Eq. 13 needs calls that see only their own chunk (`shows="chunk"`); with `shows="solution"` a
    local call reads all k l tokens and Eq. 14 drops from 2^k k to 2^k (theory 12e, 13.4).

    Attributes:
        head: tokens of instructions before the text.
        shows: "chunk" or "solution".
        cached: tokens of the head that the provider has cached in every call (other calls have warmed it).
        reasoning: tokens that each call generates besides its answer.
    """

    head: int = 0
    shows: str = "chunk"
    cached: int = 0
    reasoning: int = 0

    def __post_init__(self) -> None:
        for name in ("head", "cached", "reasoning"):
            whole(self, name, least=0)
        choice(self, "shows", ("chunk", "solution"))
        if self.cached > self.head:
            raise InputError(
                f"Prompt: cached must be at most head = {self.head}, of which it is a part, got {self.cached}"
            )

    def tokens(self, g: int, k: int, l: int) -> int:
        """Prompt tokens of a call on g of k blocks of l tokens."""
        return self.head + (g if self.shows == "chunk" else k) * l


def call_entries(
    prompt_tokens: int, generated_tokens: int, cached: int = 0, reasoning: int = 0
) -> tuple[int, int, int, int, int, int]:
    """Ledger entries of one call, after `calls` and `evaluations`: exact whole numbers.

    Writing o tokens after a prompt of c takes o passes over c, c+1, .., c+o-1 tokens (Definition 2.2, theory 12a,
    12d): sum c = c o + o(o-1)/2 and sum c^2 = o c^2 + c o(o-1) + (o-1) o (2o-1)/6. Cached and reasoning tokens are
    parts of c and o, and cost their passes.

    >>> call_entries(200, 200)
    (200, 200, 59900, 18606700, 0, 0)
    """
    c, o = prompt_tokens, generated_tokens
    linear = c * o + o * (o - 1) // 2
    squared = o * c * c + c * o * (o - 1) + (o - 1) * o * (2 * o - 1) // 6
    return c, o, linear, squared, cached, reasoning


def overheads(*parts: object) -> tuple[Overhead, ...]:
    """The overhead of each call that parts declare in a property `overhead`; empty by default.

    Raises: InputError if a part declares something else than a tuple of `Overhead`.
    """
    declared: list[Overhead] = []
    for part in parts:
        works = getattr(part, "overhead", ())
        if not isinstance(works, tuple) or not all(isinstance(work, Overhead) for work in works):
            raise InputError(
                f"{type(part).__name__}: overhead must be a tuple of Overhead, such as (Overhead(writes=10),), got "
                f"{works!r}"
            )
        declared.extend(works)
    return tuple(declared)


def entries_with_overhead(prompt: Prompt, tokens: int, total: int, overhead: tuple[Overhead, ...]) -> tuple[int, ...]:
    """Ledger entries, as of `call_entries`, of a call on a chunk of that many tokens, overhead included."""
    read, written = prompt.tokens(tokens, total, 1), tokens + prompt.reasoning
    works = [call_entries(read, written, prompt.cached, prompt.reasoning)]
    works += [call_entries(work.prompt_tokens(tokens, total, 1), work.writes) for work in overhead]
    return tuple(sum(column) for column in zip(*works, strict=True))


def block_lengths(problem: Problem) -> tuple[int, ...] | None:
    """Tokens of each block (of the inner problem if evaluation is noisy); None if all blocks have `problem.l`.

    Raises: InputError if `lengths` are not k whole numbers >= 1.
    """
    inside = truth_of(problem)
    lengths: Any = getattr(inside, "lengths", None)
    if lengths is None:
        return None
    if len(lengths) != problem.k or not all(_is_whole(each) for each in lengths):
        raise InputError(
            f"{type(inside).__name__}: lengths must be k = {problem.k} whole numbers >= 1, the tokens of each block, "
            f"got {shown(lengths)}"
        )
    return tuple(int(each) for each in lengths)


@dataclass(frozen=True)
class ChunkLengths:
    """Lengths of chunks in tokens, and the sums over calls that replace a count of calls where lengths differ.

    A chunk of T tokens falls short of the longest one by s = (longest - T)/unit, a whole number; 1 for the shorter last
    chunk of equal blocks. Every entry of the ledger is a polynomial in T of degree 3 (theory 12a, 12d), and so in s:
    the sums of s, s^2, s^3 over the calls of a run, beside their number, give the ledger of any prompt. They are small
    where sums of T^3 leave 64 bits. Where s is 0 or 1 the three are one; where all chunks are equally long, none.

    Attributes:
        chunks: how the solution is cut.
        total: tokens of the solution.
        longest: tokens of the longest chunk.
        unit: greatest common divisor of all differences, in tokens; 0 if there are none.
        most: the largest s.
        powers: number of sums that are counted: 0, 1 or 3.
        blocks: tokens of each block; None where blocks are equally long.
        subsets: whether a chunk is any g blocks.

    >>> from evo import RoundRobin
    >>> from problems import BlockOneMax, UnequalBlocks
    >>> equal = ChunkLengths.of(BlockOneMax(k=7, l=100), RoundRobin(g=3))
    >>> equal.longest, equal.unit, equal.powers
    (300, 200, 1)
    >>> ChunkLengths.of(UnequalBlocks((8, 2, 6, 4)), RoundRobin()).possible
    (0, 1, 2, 3)
    """

    chunks: Chunks
    total: int
    longest: int
    unit: int
    most: int
    powers: int
    blocks: tuple[int, ...] | None = None
    subsets: bool = False

    @classmethod
    def equal(cls, k: int, l: int, chunks: Chunks) -> ChunkLengths:
        """The lengths for k blocks of l tokens each."""
        short = chunks.last < chunks.g
        return cls(chunks, k * l, chunks.g * l, (chunks.g - chunks.last) * l, int(short), int(short))

    @classmethod
    def of(cls, problem: Problem, schedule: Schedule, lam: int = 1) -> ChunkLengths:
        """The lengths of a problem's chunks under a schedule.

        Raises: InputError if lam calls on the shortest chunk come to 2^53 or more in s^3.
        """
        chunks, known = Chunks.of(schedule, problem.k), block_lengths(problem)
        if known is None:
            return cls.equal(problem.k, problem.l, chunks)
        subsets = draws_subsets(schedule)
        if subsets:
            ascending = sorted(known)
            longest, shortest = sum(ascending[-chunks.g :]), sum(ascending[: chunks.g])
            unit = int(np.gcd.reduce(np.array(ascending) - ascending[0])) if chunks.g < problem.k else 0
        else:
            tokens = np.add.reduceat(np.array(known), np.arange(0, problem.k, chunks.g))
            longest, shortest = int(tokens.max()), int(tokens.min())
            unit = int(np.gcd.reduce(longest - tokens))
        most = (longest - shortest) // unit if unit else 0
        if lam * most**3 >= EXACT:
            raise InputError(
                f"{type(problem).__name__}: expected chunks whose lengths differ by less, to be counted exactly (lam "
                f"s^3 below 2^53, where s is by how many times {unit} tokens the shortest chunk falls short of the "
                f"longest), got lam = {lam:,} and s = {most:,}; lower lengths, lam or g"
            )
        return cls(chunks, sum(known), longest, unit, most, min(most, 1) if most < 2 else 3, known, subsets)

    @cached_property
    def _of_blocks(self) -> IntArray:
        assert self.blocks is not None  # else chunks are known by their number
        return np.array(self.blocks, dtype=np.int64)

    @cached_property
    def _of_chunks(self) -> IntArray:
        tokens = np.add.reduceat(self._of_blocks, np.arange(0, len(self._of_blocks), self.chunks.g))
        return (self.longest - tokens) // max(self.unit, 1)

    @property
    def possible(self) -> tuple[int, ...]:
        """Values of s, ascending; of subsets the least and the largest."""
        if self.powers < 3 or self.subsets:
            return tuple(sorted({0, self.most}))
        return tuple(int(s) for s in np.unique(self._of_chunks))

    def tokens(self, s: int) -> int:
        """T of a chunk that falls short by s."""
        return self.longest - self.unit * s

    def short(self, each: IntArray) -> IntArray | BoolArray:
        """How much the chunks of some calls fall short.

        Args:
            each: int [n], the chunk of each call; or [n, g], the positions of its blocks.
        """
        if self.blocks is None:
            return np.asarray(each == self.chunks.m - 1) if self.powers else np.zeros(len(each), dtype=np.bool_)
        if each.ndim == 2:
            return np.asarray((self.longest - self._of_blocks[each].sum(axis=1)) // max(self.unit, 1))
        return np.asarray(self._of_chunks[each])

    def sums(self, each: IntArray, calls: IntArray | None, shape: tuple[int, int, int]) -> IntArray:
        """Sums of s, s^2, s^3 over the calls of each generation, int [runs, ahead, powers].

        Args:
            each: int [n], the chunk of each offspring; or [n, g], the positions of its blocks.
            calls: int [n], LLM calls behind each; None: one.
            shape: (runs, ahead, lam), n in all.

        Raises: InputError if a generation comes to 2^53 or more.
        """
        if self.powers == 0:
            return np.zeros((*shape[:2], 0), dtype=np.int64)
        short = self.short(each).reshape(shape)
        if self.powers == 1:
            of_all = (
                count_correct(short.astype(np.bool_, copy=False))
                if calls is None
                else (short * calls.reshape(shape)).sum(axis=2)
            )
            return np.asarray(of_all[..., None])
        one = short.astype(np.float64)
        powers = np.stack((one, one**2, one**3), axis=3)
        if calls is not None:
            powers *= calls.reshape(*shape, 1)
        sums = powers.sum(axis=2)
        if sums.size and sums.max() >= EXACT:
            raise _too_large("a generation", "2^53")
        return np.asarray(sums.astype(np.int64))


def expect_countable(sums: IntArray) -> None:
    """Check sums over generations, none of which adds more than 2^53: beyond 64 bits overflow shows as a negative.

    Raises: InputError.
    """
    if sums.size and sums.min() < 0:
        raise _too_large("a run", "2^63")


@dataclass(frozen=True)
class CallTokens:
    """Ledger entries of one call, overhead included, as polynomials in the shortfall s of its chunk.

    Attributes:
        coefficients: of prompt tokens and all entries after them: those of s^0, s^1, .., each times `denominator`;
            exact whole numbers.
        denominator: 6 where the degree is 3, else 1.
        calls: LLM calls that each call stands for: 1, and those of its overhead.
    """

    coefficients: tuple[tuple[int, ...], ...]
    denominator: int = 1
    calls: int = 1

    @classmethod
    def equal(cls, prompt: Prompt, k: int, l: int, g: int, overhead: tuple[Overhead, ...] = ()) -> CallTokens:
        """The entries for chunks of g of k blocks of l tokens, overhead included.

        A decomposition that reads k l = 12 tokens and writes 5 (60 + 10 pass tokens) before a call on 4 (16 + 6):

        >>> CallTokens.equal(Prompt(), 3, 4, 1, (Overhead(reads="solution", writes=5, calls=1),)).entries()[:3]
        (16, 9, 92)
        """
        return cls.of(prompt, ChunkLengths.equal(k, l, Chunks.cut(k, g)), overhead)

    @classmethod
    def of(cls, prompt: Prompt, lengths: ChunkLengths, overhead: tuple[Overhead, ...] = ()) -> CallTokens:
        """The entries for chunks of these lengths, overhead included.

        T^2 + T(T-1)/2 = (3/2) T^2 - T/2 pass tokens, theory 3c, for T = 4, 3, 2, 1:

        >>> from evo import RoundRobin
        >>> from problems import UnequalBlocks
        >>> known = CallTokens.of(Prompt(), ChunkLengths.of(UnequalBlocks((1, 2, 3, 4)), RoundRobin()))
        >>> [known.entries(s)[2] for s in range(4)]
        [22, 12, 5, 1]
        """
        at = [
            entries_with_overhead(prompt, lengths.tokens(s), lengths.total, overhead) for s in range(lengths.powers + 1)
        ]
        coefficients = tuple(_coefficients(*values) for values in zip(*at, strict=True))
        return cls(coefficients, 6 if lengths.powers == 3 else 1, 1 + sum(work.calls for work in overhead))

    @property
    def powers(self) -> int:
        """Sums of powers of s that the ledger depends on."""
        return len(self.coefficients[0]) - 1

    def entries(self, s: int = 0) -> tuple[int, ...]:
        """Prompt tokens and all entries after them, of a call that falls short by s."""
        return tuple(sum(a * s**i for i, a in enumerate(row)) // self.denominator for row in self.coefficients)

    def prices(self, weights: FloatArray) -> tuple[float, ...]:
        """What s^0, s^1, .. of a call cost, all but evaluations.

        Args:
            weights: a cost model's, float [8].
        """
        columns = (np.array(column, dtype=float) for column in zip(*self.coefficients, strict=True))
        last = len(weights) - 2  # cost models of earlier versions have no prices for the last entries
        fixed, *others = (float(np.dot(weights[2:], column[:last])) / self.denominator for column in columns)
        return float(weights[0] * self.calls) + fixed, *others

    def ledger(self, calls: IntArray, evaluations: IntArray, shortfalls: IntArray | None = None) -> FloatArray:
        """The ledger of runs, float [runs, 8] in the order of `LEDGER`, all entries whole numbers.

        Float because the sum of squares leaves 64-bit integers at ten million calls of some 7,000 tokens; whole
        numbers are exact up to 2^53 = 9e15.

        Args:
            calls: int [runs], all calls that the engine counted.
            evaluations: int [runs], valid offspring.
            shortfalls: int [runs, powers], sums of s, s^2, s^3 over these calls; None where there are none.

        Raises: InputError if they are missing.
        """
        if shortfalls is None:
            if self.powers:
                raise InputError("chunks differ in length: expected the sums of s, s^2, s^3 over calls, got None")
            shortfalls = np.zeros((len(calls), 0), dtype=np.int64)
        kind = object if self.denominator > 1 else np.float64  # whole numbers of any size, rounded once
        ledger = np.empty((2 + len(self.coefficients), len(calls)))  # an entry a row: tables take entry by entry
        ledger[0], ledger[1] = self.calls * calls, evaluations
        sums = np.vstack((calls, shortfalls.T)).astype(kind, copy=False)
        tokens = np.array(self.coefficients, dtype=kind) @ sums
        ledger[2:] = tokens // self.denominator if self.denominator > 1 else tokens
        return ledger.T

    def shorter(self, calls: IntArray, generated: IntArray) -> IntArray:
        """Calls on the shorter of two chunk lengths, derived from the ledger; int [runs].

        Args:
            calls: int [runs], of the ledger.
            generated: int [runs], generated tokens of the ledger.
        """
        longest, *more = self.coefficients[1]
        return (generated - calls // self.calls * longest) // more[0] if more else np.zeros_like(calls)


def _coefficients(*values: int) -> tuple[int, ...]:
    """Coefficients of the polynomial through the values at 0, 1, ..; times 6 for degree 3."""
    return _sixths(*values) if len(values) == 4 else (values[0], *(value - values[0] for value in values[1:]))


def _sixths(f0: int, f1: int, f2: int, f3: int) -> tuple[int, int, int, int]:
    """6 a_0, .., 6 a_3 of the polynomial of degree 3 with these values at 0, 1, 2, 3 (Newton's differences).

    >>> _sixths(0, 1, 8, 27)
    (0, 0, 0, 6)
    """
    d1, d2, d3 = f1 - f0, f2 - 2 * f1 + f0, f3 - 3 * f2 + 3 * f1 - f0
    return 6 * f0, 6 * d1 - 3 * d2 + 2 * d3, 3 * d2 - 3 * d3, d3


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= 1


def _too_large(what: str, most: str) -> InputError:
    return InputError(
        f"{what} came to {most} or more in the sum over its calls of s^3, s how much a chunk falls short of the "
        "longest, which cannot be counted exactly; lower the problem's lengths, the schedule's g or the budget"
    )
