"""Blocks that differ in length: what engines count of it, the sums of T, T^2 and T^3 over the calls of a run.

T is the number of tokens of a call's chunk. Every entry of the ledger is a polynomial of degree 3 in T
(`evo.costs.ledger.UnequalTokens`), so these three sums, beside the number of calls, give the ledger of any prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from evo.chunks import Chunks
from evo.errors import InputError
from evo.evaluation import is_noisy
from evo.parameters import shown
from evo.protocols import FloatArray, IntArray, Problem

POWERS = 3
EXACT = 2**53
"""Sums of a generation are made in floats, which are exact up to here."""


def block_lengths(problem: Problem) -> tuple[int, ...] | None:
    """Tokens of each block, of the problem inside where evaluators look at one; None if all have `problem.l`.

    Raises: InputError if `lengths` are not k whole numbers >= 1.
    """
    inside = problem.problem if is_noisy(problem) else problem
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
class ChunkTokens:
    """Tokens of the chunks of a solution.

    Attributes:
        lengths: float [k], tokens of each block.
        per_chunk: float [m], tokens of each chunk of consecutive blocks.
    """

    lengths: FloatArray
    per_chunk: FloatArray

    @classmethod
    def of(cls, problem: Problem, chunks: Chunks, lam: int) -> ChunkTokens | None:
        """The tokens of a problem's chunks; None if all its blocks have `l` tokens.

        Raises: InputError if lam calls on the longest chunk of g blocks come to 2^53 or more in T^3.
        """
        known = block_lengths(problem)
        if known is None:
            return None
        longest = sum(sorted(known)[-chunks.g :])
        if lam * longest**POWERS >= EXACT:
            raise InputError(
                f"{type(problem).__name__}: expected lam calls whose T^3 add up to less than 2^53, to be counted "
                f"exactly, got lam = {lam:,} and chunks of up to T = {longest:,} tokens; lower lengths, lam or g"
            )
        lengths = np.array(known, dtype=np.float64)
        return cls(lengths, np.add.reduceat(lengths, np.arange(0, problem.k, chunks.g)))

    def sums(self, each: IntArray, calls: IntArray | None, shape: tuple[int, int, int]) -> FloatArray:
        """Sums of T, T^2, T^3 over the calls of each generation, float [runs, ahead, 3], whole numbers.

        Args:
            each: int [n], the chunk of each offspring, or the positions of its blocks [n, g].
            calls: int [n], LLM calls behind each; None: one.
            shape: (runs, ahead, lam), n in all.
        """
        tokens = self.per_chunk[each] if each.ndim == 1 else self.lengths[each].sum(axis=1)
        powers = np.stack((tokens, tokens**2, tokens**3), axis=1)
        if calls is not None:
            powers *= calls[:, None]
        return np.asarray(powers.reshape(*shape, POWERS).sum(axis=2))


def whole_sums(sums: FloatArray) -> IntArray:
    """Sums of generations as whole numbers.

    Raises: InputError if they were too large to be exact.
    """
    if sums.size and sums.max() >= EXACT:
        raise _too_large("a generation", "2^53")
    return sums.astype(np.int64)


def expect_countable(sums: IntArray) -> None:
    """Check sums over generations, none of which adds more than 2^53: beyond 64 bits they show as negative.

    Raises: InputError.
    """
    if sums.size and sums.min() < 0:
        raise _too_large("a run", "2^63")


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= 1


def _too_large(what: str, most: str) -> InputError:
    return InputError(
        f"{what} came to {most} or more in the sum of T^3 over its calls on T tokens, which cannot be counted exactly; "
        "lower the problem's lengths, the schedule's g or the budget"
    )
