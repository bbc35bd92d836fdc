"""Calls for checks: chunks in given states, handed over as the engine hands them over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.conformance.results import NotConforming
from evo.contracts import drawn_traits, rewritten
from evo.errors import InputError
from evo.protocols import AnyMutator, BoolArray, Chunk, IntArray, Rewritten

K = 12
MOST_K = 64


def sizes(mutator: AnyMutator) -> tuple[int, tuple[int, ...]]:
    """A number of blocks k, and up to four chunk lengths g of it that the mutator serves.

    Raises: NotConforming if its `fits` refuses all.
    """
    fits: Callable[[int, int], None] | None = getattr(mutator, "fits", None)
    if fits is None:
        return K, (1, 2, 5, K)
    refusal = ""
    for k in (K, *range(1, MOST_K + 1)):
        served = []
        for g in range(1, k + 1):
            try:
                fits(k, g)
            except InputError as error:
                refusal = str(error)
            else:
                served.append(g)
        if served:
            wanted = {served[0], served[-1], *(g for g in (2, 5) if g in served)}
            return k, tuple(sorted(wanted))
    raise NotConforming(f"{type(mutator).__name__}.fits refuses all chunks of up to {MOST_K} blocks: {refusal}")


def state(k: int, g: int, i: int, late: bool) -> tuple[BoolArray, int]:
    """A solution, bool [k], and where its chunk of g blocks starts; i blocks of it are incorrect.

    They come first in the first chunk of a solution that is otherwise incorrect, or (`late`) last in the last chunk
    of one that is otherwise correct: a law of counts must hold for both.
    """
    solution = np.full(k, late)
    start = k - g if late else 0
    chunk = np.ones(g, dtype=np.bool_)
    chunk[g - i if late else 0 : g if late else i] = False
    solution[start : start + g] = chunk
    return solution, start


def calls(mutator: AnyMutator, solutions: BoolArray, start: int, g: int, late: bool, traits: Any) -> BoolArray | Chunk:
    """What the engine would hand over: n chunks of the solutions, bool [n, k], from the block `start` on."""
    correct = solutions[:, start : start + g].copy()
    sees = getattr(mutator, "sees", "chunk")
    if sees == "chunk" and not hasattr(mutator, "draw"):
        return correct
    blocks = np.tile(np.arange(start, start + g), (len(solutions), 1))
    generation: IntArray = np.full(len(solutions), 1000 if late else 0)
    return Chunk(correct, blocks, generation, solutions.copy() if sees == "solution" else None, traits)


def ask(
    mutator: AnyMutator, at: tuple[BoolArray, int], g: int, n: int, rng: Generator, late: bool = False, runs: int = 0
) -> tuple[BoolArray | Chunk, Rewritten]:
    """N calls in the same state, and the answer; each of a run of its own, or of `runs` runs in turn.

    Raises: OperatorError if the answer breaks the contract.
    """
    solution, start = at
    traits = drawn_traits(mutator, runs or n, len(solution), rng)
    if traits is not None and runs:
        traits = traits[np.arange(n) % runs]
    given = calls(mutator, np.tile(solution, (n, 1)), start, g, late, traits)
    return given, rewritten(mutator, given, rng)


def arrays(given: BoolArray | Chunk) -> dict[str, Any]:
    """The arrays handed over, by name."""
    if not isinstance(given, Chunk):
        return {"correct": given}
    names = ("correct", "blocks", "generation", "solution", "traits")
    return {f"chunk.{name}": getattr(given, name) for name in names if getattr(given, name) is not None}


def counts(answer: Rewritten) -> IntArray:
    """Correct blocks of each answer, int [n]; -1 where it is invalid."""
    found: IntArray = answer.correct.sum(axis=1, dtype=np.int64)
    return found if answer.valid is None else np.where(answer.valid, found, -1)
