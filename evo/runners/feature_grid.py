"""A runner that keeps the best solution of every cell of a feature grid (MAP-Elites, Mouret and Clune 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.chunks import count_correct
from evo.errors import InputError
from evo.parameters import choice, whole
from evo.protocols import BoolArray, FloatArray, IntArray, Problem
from evo.runners.archives import MOST_PLACES, as_they_are, drawn_among
from evo.runners.protocol import Pool


@dataclass(frozen=True)
class MapElites:
    """Keeps the best solution of each cell of a feature grid; each call varies one of them, drawn uniformly.

    An offspring enters if its cell is empty or it is seen fitter than who is there; otherwise it is lost, whatever the
    other cells hold. The feature of a solution is known without error; only its fitness may be seen through evaluators.
    With one cell it is the strict `OnePlusLambda`, draw for draw.

    Attributes:
        cells: cells of the grid, s.
        feature: "count", the number c of correct blocks among the first `blocks`, in cells of equal width: cell
            floor(c cells / (blocks + 1)); or "pattern", which of the first log2(cells) blocks are correct.
        blocks: blocks that a count looks at, at least cells - 1; None: all k.
        lam: offspring a generation, each with its own parent; they enter one after the other.

    >>> solutions = np.array([[True, False, True, True], [False, False, True, False]])
    >>> [MapElites(cells, feature).describe(solutions).tolist() for cells, feature in ((5, "count"), (4, "pattern"))]
    [[3, 1], [1, 0]]
    """

    cells: int
    feature: str = "count"
    blocks: int | None = None
    lam: int = 1

    def __post_init__(self) -> None:
        whole(self, "cells", least=1, most=MOST_PLACES)
        choice(self, "feature", ("count", "pattern"))
        whole(self, "lam", least=1, most=MOST_PLACES)
        if self.feature == "pattern":
            if self.blocks is not None:
                raise InputError(
                    f"MapElites: a pattern is of the first log2(cells) blocks, expected no blocks, got {self.blocks!r}"
                )
            if self.cells & (self.cells - 1):
                raise InputError(
                    f"MapElites: cells must be a power of 2 for patterns of correct blocks, got {self.cells}"
                )
        elif self.blocks is not None:
            whole(self, "blocks", least=max(1, self.cells - 1))

    @property
    def founders(self) -> tuple[int, ...]:
        """One initial solution; the other places are empty."""
        return (0, *(-1,) * (self.cells - 1))

    def fits(self, problem: Problem, *_: Any) -> None:
        """Refuse a feature of more blocks than there are, or cells that no solution could be in."""
        k, blocks = problem.k, self._looked_at(problem.k)
        if blocks > k:
            raise InputError(f"MapElites: expected a feature of at most k = {k} blocks, got one of {blocks}")
        if self.feature == "count" and self.cells > blocks + 1:
            raise InputError(
                f"MapElites: expected at most {blocks + 1} cells for a count of {blocks} blocks, got {self.cells}"
            )

    def cells_of_counts(self, k: int) -> IntArray | None:
        """The cell of 0..k correct blocks, int [k+1], if nothing but their number decides; else None."""
        if self.cells > 1 and (self.feature != "count" or self._looked_at(k) != k):
            return None
        return np.asarray(np.arange(k + 1) * self.cells // (k + 1), dtype=np.int64)

    def _looked_at(self, k: int) -> int:
        if self.feature == "pattern":
            return self.cells.bit_length() - 1
        return k if self.blocks is None else self.blocks

    def describe(self, correct: BoolArray) -> IntArray:
        """The cell of each solution, bool [..., k] -> int [...] from 0 to s-1."""
        blocks = self._looked_at(correct.shape[-1])
        first = correct[..., :blocks]
        if self.feature == "pattern":
            return np.asarray(first @ (1 << np.arange(first.shape[-1])), dtype=np.int64)
        return np.asarray(count_correct(first) * self.cells // (blocks + 1), dtype=np.int64)

    def parents(self, pool: Pool, rng: Generator) -> IntArray:
        """A uniform one of the filled cells for each offspring, int [runs, lam]."""
        return drawn_among(pool.seen > -np.inf, self.lam, rng)

    def survivors(self, pool: Pool, offspring: FloatArray) -> IntArray:
        """Who is in each place, int [runs, s]: places are filled in the order in which cells are first met."""
        assert pool.features is not None  # the engine describes what it shows to a runner that describes
        assert pool.arriving is not None
        runs, places = pool.seen.shape
        rows, stay = np.arange(runs), as_they_are(runs, places)
        seen, features = pool.seen, pool.features
        if offspring.shape[1] > 1:
            seen, features = seen.copy(), features.copy()
        for number, (fitness, cell) in enumerate(zip(offspring.T, pool.arriving.T, strict=True)):
            there = seen > -np.inf
            same = there & (features == cell[:, None])
            place = np.argmax(same, axis=1)
            unmet = np.flatnonzero(~same[rows, place])
            place[unmet] = np.argmin(there[unmet], axis=1)
            enters = np.flatnonzero(fitness > seen[rows, place])
            at = place[enters]
            stay[enters, at] = places + number
            if offspring.shape[1] > 1:
                seen[enters, at], features[enters, at] = fitness[enters], cell[enters]
        return stay
