"""What a run consumed: a vector of counts, from which any price can be read off later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.costs.overhead import Overhead
from evo.errors import InputError, NoPrediction
from evo.parameters import choice, whole
from evo.protocols import FloatArray, IntArray

LEDGER = (
    "calls",
    "evaluations",
    "prompt_tokens",
    "generated_tokens",
    "pass_tokens",  # sum of c over forward passes: the paper's cost for m = 1
    "pass_tokens_squared",  # sum of c^2 over forward passes
)


@dataclass(frozen=True)
class Prompt:
    """What a call reads before it writes: a head of instructions, then the chunk or the whole solution.

    The paper's Eq. 13 needs calls that see only their own chunk (`shows="chunk"`); with `shows="solution"` a
    local call reads all k l tokens and Eq. 14 drops from 2^k k to 2^k (theory 12e, 13.4).

    Attributes:
        head: tokens of instructions before the text.
        shows: "chunk" or "solution".
    """

    head: int = 0
    shows: str = "chunk"

    def __post_init__(self) -> None:
        whole(self, "head", least=0)
        choice(self, "shows", ("chunk", "solution"))

    def tokens(self, g: int, k: int, l: int) -> int:
        """Prompt tokens of a call on g of k blocks of l tokens."""
        return self.head + (g if self.shows == "chunk" else k) * l


def call_entries(prompt_tokens: int, generated_tokens: int) -> tuple[int, int, int, int]:
    """Ledger entries of one call, after `calls` and `evaluations`: exact whole numbers.

    Writing o tokens after a prompt of c takes o passes over c, c+1, .., c+o-1 tokens (Definition 2.2, theory 12a,
    12d): sum c = c o + o(o-1)/2 and sum c^2 = o c^2 + c o(o-1) + (o-1) o (2o-1)/6.

    >>> call_entries(200, 200)
    (200, 200, 59900, 18606700)
    """
    c, o = prompt_tokens, generated_tokens
    linear = c * o + o * (o - 1) // 2
    squared = o * c * c + c * o * (o - 1) + (o - 1) * o * (2 * o - 1) // 6
    return c, o, linear, squared


def overheads(*parts: object) -> tuple[Overhead, ...]:
    """The LLM work that parts declare beside each call, in a property `overhead`; none if they declare none.

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


def entries_with_overhead(
    prompt: Prompt, g: int, k: int, l: int, overhead: tuple[Overhead, ...]
) -> tuple[int, int, int, int]:
    """Ledger entries, as of `call_entries`, of a call on g of k blocks of l tokens and of the LLM work beside it."""
    works = [(prompt.tokens(g, k, l), g * l)]
    works += [(work.prompt_tokens(g, k, l), work.writes) for work in overhead]
    a, b, c, d = (sum(column) for column in zip(*(call_entries(*work) for work in works), strict=True))
    return a, b, c, d


@dataclass(frozen=True)
class CallTokens:
    """Ledger entries of one call on a full chunk and of one on the shorter last chunk, overhead included.

    Attributes:
        full: prompt tokens, generated tokens, sum of c, sum of c^2 of a call on g blocks.
        short: the same for the last chunk; equal to `full` where g divides k.
        calls: LLM calls that each call stands for: 1, and those of its overhead.
    """

    full: tuple[int, int, int, int]
    short: tuple[int, int, int, int]
    calls: int = 1

    @classmethod
    def of(cls, prompt: Prompt, k: int, l: int, g: int, overhead: tuple[Overhead, ...] = ()) -> CallTokens:
        """The entries for chunks of g of k blocks of l tokens, with the LLM work beside each call.

        A decomposition that reads k l = 12 tokens and writes 5 (60 + 10 pass tokens) before a call on 4 (16 + 6):

        >>> CallTokens.of(Prompt(), 3, 4, 1, (Overhead(reads="solution", writes=5, calls=1),)).full[:3]
        (16, 9, 92)
        """
        full, short = (entries_with_overhead(prompt, size, k, l, overhead) for size in (g, k % g or g))
        return cls(full, short, 1 + sum(work.calls for work in overhead))

    def prices(self, weights: FloatArray) -> tuple[float, float]:
        """Price of a call on a full chunk and of one on the last, all but evaluations.

        Args:
            weights: a cost model's, float [6].
        """
        full, short = (
            float(weights[0] * self.calls + np.dot(weights[2:], entries)) for entries in (self.full, self.short)
        )
        return full, short

    def ledger(
        self, calls: IntArray, short_calls: IntArray, evaluations: IntArray, lengths: IntArray | None = None
    ) -> FloatArray:
        """The ledger of runs, float [runs, 6] in the order of `LEDGER`, all entries whole numbers.

        Float because the sum of squares leaves 64-bit integers at ten million calls of some 7,000 tokens; whole
        numbers are exact up to 2^53 = 9e15.

        Args:
            calls: int [runs], all calls that the engine counted.
            short_calls: int [runs], those among them on the shorter last chunk.
            evaluations: int [runs], valid offspring.
            lengths: None; where blocks differ in length it is `UnequalTokens` that knows the entries.
        """
        full = np.asarray(self.full, dtype=np.float64)
        short = np.asarray(self.short, dtype=np.float64)
        tokens = np.multiply.outer(calls - short_calls, full) + np.multiply.outer(short_calls, short)
        return np.column_stack((self.calls * calls, evaluations, tokens))


@dataclass(frozen=True)
class UnequalTokens:
    """Ledger entries of one call on a chunk of T tokens, where blocks differ in length; overhead included.

    With a prompt of c = head + T (or head + n) tokens and o = T written, c o + o(o-1)/2 and the sum of c^2 (theory
    12a, 12d) are polynomials in T of degree 2 and 3: sum_p a_p T^p, 6 a_p whole numbers.

    Attributes:
        sixths: 6 a_0, .., 6 a_3 of prompt tokens, generated tokens, sum of c, sum of c^2.
        calls: LLM calls that each call stands for: 1, and those of its overhead.
    """

    sixths: tuple[tuple[int, int, int, int], ...]
    calls: int = 1

    @classmethod
    def of(cls, prompt: Prompt, lengths: tuple[int, ...], overhead: tuple[Overhead, ...] = ()) -> UnequalTokens:
        """The entries for blocks of these lengths, with the LLM work beside each call.

        T^2 + T(T-1)/2 = (3/2) T^2 - T/2 pass tokens, theory 3c:

        >>> UnequalTokens.of(Prompt(), (1, 2)).sixths[2]
        (0, -3, 9, 0)
        """
        # A block of T tokens costs what T blocks of one token cost.
        at = [entries_with_overhead(prompt, tokens, sum(lengths), 1, overhead) for tokens in range(4)]
        return cls(
            tuple(_sixths(*values) for values in zip(*at, strict=True)), 1 + sum(work.calls for work in overhead)
        )

    def prices(self, weights: FloatArray) -> tuple[float, float]:
        """Calls have no price of their own here.

        Raises: NoPrediction.
        """
        raise NoPrediction("blocks differ in length, so calls differ in price, and how many of each is not known")

    def power_prices(self, weights: FloatArray) -> tuple[float, float, float, float]:
        """What T^0, .., T^3 of a call's T tokens cost, all but evaluations.

        Args:
            weights: a cost model's, float [6].
        """
        fixed, *others = (float(price) for price in np.asarray(weights[2:]) @ np.array(self.sixths, dtype=float) / 6)
        return float(weights[0] * self.calls) + fixed, others[0], others[1], others[2]

    def ledger(
        self, calls: IntArray, short_calls: IntArray, evaluations: IntArray, lengths: IntArray | None = None
    ) -> FloatArray:
        """The ledger of runs, float [runs, 6] in the order of `LEDGER`: exact whole numbers, rounded once.

        Args:
            calls: int [runs], all calls that the engine counted.
            short_calls: int [runs], those among them on the shorter last chunk; of no matter here.
            evaluations: int [runs], valid offspring.
            lengths: int [runs, 3], sums of T, T^2, T^3 over these calls.

        Raises: InputError without `lengths`.
        """
        if lengths is None:
            raise InputError("blocks differ in length: expected the sums of T, T^2, T^3 over calls, got None")
        sums = np.column_stack((calls, lengths)).astype(object)  # whole numbers of any size
        sixfold = sums @ np.array(self.sixths, dtype=object).T
        return np.column_stack((self.calls * calls, evaluations, (sixfold // 6).astype(np.float64)))


def _sixths(f0: int, f1: int, f2: int, f3: int) -> tuple[int, int, int, int]:
    """6 a_0, .., 6 a_3 of the polynomial of degree 3 with these values at 0, 1, 2, 3 (Newton's differences).

    >>> _sixths(0, 1, 8, 27)
    (0, 0, 0, 6)
    """
    d1, d2, d3 = f1 - f0, f2 - 2 * f1 + f0, f3 - 3 * f2 + 3 * f1 - f0
    return 6 * f0, 6 * d1 - 3 * d2 + 2 * d3, 3 * d2 - 3 * d3, d3
