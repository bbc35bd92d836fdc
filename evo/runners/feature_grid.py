"""A runner that keeps the best solution of every cell of a feature grid (MAP-Elites, Mouret and Clune 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

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

    in_parts: ClassVar[bool] = True

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
        stay, there = as_they_are(runs, places), pool.seen > -np.inf
        if offspring.shape[1] == 1:
            cell = pool.arriving
            same = there & (pool.features == cell)
            place = np.argmax(same, axis=1)
            unmet = np.flatnonzero(~same[np.arange(runs), place])
            place[unmet] = np.argmin(there[unmet], axis=1)
            row = np.flatnonzero(offspring[:, 0] > pool.seen[np.arange(runs), place])
            stay[row, place[row]] = places
            return stay
        run, number, met_first = _best_of_each_cell(offspring, pool.arriving, places)
        place = _place_of_each_cell(there, pool.features)[run, pool.arriving[run, number]]
        unmet = np.flatnonzero(place < 0)
        unmet = unmet[np.argsort(met_first[unmet])]  # run by run
        rank = np.arange(len(unmet)) - np.searchsorted(run[unmet], run[unmet])
        place[unmet] = np.argsort(there, axis=1, kind="stable")[run[unmet], rank]  # free places first
        enters = offspring[run, number] > pool.seen[run, place]
        stay[run[enters], place[enters]] = places + number[enters]
        return stay


def _place_of_each_cell(there: BoolArray, features: IntArray) -> IntArray:
    """The place of the solution of each cell, int [runs, s], -1 where the cell is empty."""
    place = np.full(there.shape, -1, dtype=np.int64)
    run, filled = np.nonzero(there)
    place[run, features[run, filled]] = filled
    return place


def _best_of_each_cell(offspring: FloatArray, cell: IntArray, cells: int) -> tuple[IntArray, IntArray, IntArray]:
    """The best valid offspring of each cell of each run, the first of equals; [runs, lam] each.

    Returns:
        Its run, its number, and the first valid offspring of its cell (counted through all runs); int [n] each.
    """
    fitness, lam = offspring.reshape(-1), offspring.shape[1]
    valid = np.flatnonzero(fitness > -np.inf)
    key = valid // lam * cells + cell.reshape(-1)[valid]
    order = np.lexsort((valid, -fitness[valid], key))
    leads = np.flatnonzero(np.diff(key[order], prepend=-1))
    best = valid[order[leads]]
    met_first = np.minimum.reduceat(valid[order], leads) if len(leads) else best
    return best // lam, best % lam, met_first
