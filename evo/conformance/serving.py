"""Calls made by checks: chunks in given states, as the engine hands them over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.conformance.results import NotChecked, NotConforming
from evo.engine.contracts import drawn_traits, rewritten
from evo.errors import InputError
from evo.protocols import AnyMutator, BoolArray, Chunk, IntArray, Rewritten, is_informed

K = 12
LENGTHS = (1, 2, 3, 5, 8)
LONGEST_CHUNK = 128
"""Longest chunk that is tested, unless only longer ones are served."""
CANDIDATES: tuple[int, ...] = (K, *range(1, LONGEST_CHUNK + 1), 200, 256, 500, 512, 1000, 1024, 2048, 4096)
"""Numbers of blocks k that are tried, until one is served."""
CANDIDATES_SHOWN = f"1 to {LONGEST_CHUNK}, 200, 256, 500, 512, 1000, 1024, 2048 and 4096 blocks"
GENERATIONS: tuple[int, ...] = (0, 1, 2, 5, 10, 100, 499, 1001)


def sizes(mutator: AnyMutator) -> tuple[int, tuple[int, ...]]:
    """A number of blocks k, and up to six chunk lengths g of it that the mutator serves.

    Raises: NotChecked if `fits` refuses every k tried, NotConforming if `fits` breaks its contract.
    """
    fits: Callable[[int, int], None] | None = getattr(mutator, "fits", None)
    if fits is None:
        return K, (*LENGTHS, K)
    name, refusal = type(mutator).__name__, ""
    for k in CANDIDATES:
        served = []
        for g in range(1, k + 1):
            refused = _refusal(name, fits, k, g)
            if refused is None:
                served.append(g)
            refusal = refused or refusal
        if served:
            short = [g for g in served if g <= LONGEST_CHUNK] or served[:1]
            return k, tuple(sorted({short[0], short[-1], *(g for g in LENGTHS if g in short)}))
    raise NotChecked(f"{name}.fits refuses all chunks of {CANDIDATES_SHOWN}: {refusal}; nothing can be tested")


def _refusal(name: str, fits: Callable[[int, int], Any], k: int, g: int) -> str | None:
    how = f"{name}.fits(k, g) must raise InputError for chunks of g of k blocks that cannot be served, and else return"
    try:
        answer = fits(k, g)
    except InputError as error:
        return str(error)
    except Exception as error:
        raise NotConforming(f"{how} nothing; fits({k}, {g}) raised {type(error).__name__}: {error}") from None
    if answer is not None:
        raise NotConforming(f"{how} nothing; fits({k}, {g}) returned {answer!r}")
    return None


@dataclass(frozen=True)
class CallState:
    """CallState of a call: a chunk of g of k blocks, i incorrect, in one of three places (see `words`)."""

    k: int
    g: int
    i: int
    place: str = "first"

    @property
    def start(self) -> int:
        """The first block of the chunk."""
        return {"first": 0, "last": self.k - self.g, "middle": self.k // self.g // 2 * self.g}[self.place]

    def solutions(self, n: int) -> BoolArray:
        """N parents, bool [n, k]."""
        rng = np.random.default_rng(5)
        last = self.place == "last"
        solutions = rng.random((n, self.k)) < 0.5 if self.place == "middle" else np.full((n, self.k), last)
        chunk = np.ones(self.g, dtype=np.bool_)
        chunk[self.g - self.i if last else 0 : self.g if last else self.i] = False
        rows = np.tile(chunk, (n, 1))
        mixed = self.place == "middle" and 0 < self.i < self.g
        solutions[:, self.start : self.start + self.g] = rng.permuted(rows, axis=1) if mixed else rows
        return solutions

    def generation(self, n: int) -> IntArray:
        """The generation of each of n calls, int [n]."""
        if self.place == "middle":
            return np.asarray(GENERATIONS)[np.arange(n) % len(GENERATIONS)]
        return np.full(n, 1000 if self.place == "last" else 0)

    @property
    def words(self) -> str:
        """The place, for messages."""
        return {
            "first": "incorrect ones first, in the first chunk, all else incorrect, generation 0",
            "last": "incorrect ones last, in the last chunk, all else correct, generation 1,000",
            "middle": "incorrect ones anywhere, in a middle chunk, all else random, generations 0 to 1,001",
        }[self.place]


def calls(mutator: AnyMutator, solutions: BoolArray, start: int, g: int, generation: IntArray, traits: Any) -> Any:
    """The input of n calls as the engine makes it: chunks of solutions, bool [n, k], from block `start` on."""
    correct = solutions[:, start : start + g].copy()
    if not is_informed(mutator):
        return correct
    blocks = np.tile(np.arange(start, start + g), (len(solutions), 1))
    seen = solutions.copy() if getattr(mutator, "sees", "chunk") == "solution" else None
    return Chunk(correct, blocks, generation, seen, traits)


def make_calls(
    mutator: AnyMutator, at: CallState, n: int, rng: Generator, runs: int = 0
) -> tuple[BoolArray | Chunk, Rewritten]:
    """Calls in one state, n of them, and the answer; each call from its own run, or from `runs` runs in turn.

    Raises: OperatorError if the answer breaks the contract.
    """
    traits = drawn_traits(mutator, runs or n, at.k, rng)
    if traits is not None and runs:
        traits = traits[np.arange(n) % runs]
    given = calls(mutator, at.solutions(n), at.start, at.g, at.generation(n), traits)
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
