"""Runners that keep more than one solution: parent selection as an axis of a grid.

The paper's local mutation needs Theta(k) calls because every call starts from the best solution so far. Evolution
frameworks for LLMs keep archives and islands and explore; what that costs is seen by these runners beside
`OnePlusLambda`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from evo.chunks import count_correct
from evo.errors import InputError
from evo.parameters import choice, probability, whole
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.protocol import Pool

MOST_PLACES = 10_000
IN_CACHE = 2**13
"""Numbers sorted at once."""
AT_ONCE = 2**20
"""Comparisons made at once where places are drawn: a megabyte."""


@dataclass(frozen=True)
class Archive:
    """Keeps the best `size` solutions seen; each call varies one of them.

    The parent of each offspring is chosen by `parent`: "uniform" among those kept; "proportional" to their seen fitness
    (negative ones count as 0; uniform where all are 0); "last", the one that entered last. An offspring enters while
    there is room, and later if it is seen fitter than the worst; of equal ones the older stays. With size 1 it is the
    strict `OnePlusLambda`.

    Attributes:
        size: solutions kept, s.
        parent: "uniform", "proportional" or "last".
        lam: offspring a generation, each with its own parent.
    """

    size: int
    parent: str = "uniform"
    lam: int = 1

    in_parts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        whole(self, "size", least=1, most=MOST_PLACES)
        choice(self, "parent", ("uniform", "proportional", "last"))
        whole(self, "lam", least=1, most=MOST_PLACES)

    @property
    def founders(self) -> tuple[int, ...]:
        """One initial solution; the other places are empty."""
        return (0, *(-1,) * (self.size - 1))

    def parents(self, pool: Pool, rng: Generator) -> IntArray:
        """The place of each offspring's parent, int [runs, lam]."""
        if self.parent == "last":
            last = np.argmax(np.where(pool.seen > -np.inf, pool.born, -1), axis=1)
            return np.broadcast_to(last[:, None], (len(last), self.lam))
        there = pool.seen > -np.inf
        if self.parent == "uniform":
            return drawn_among(there, self.lam, rng)
        fitness = np.where(there, np.maximum(pool.seen, 0.0), 0.0)
        return drawn(np.where(fitness.sum(axis=1, keepdims=True) > 0.0, fitness, there), self.lam, rng)

    def survivors(self, pool: Pool, offspring: FloatArray) -> IntArray:
        """The best of old and new, int [runs, s]."""
        return fittest(pool, offspring)


@dataclass(frozen=True)
class MuPlusLambda:
    """The (mu+lambda)-EA: lam offspring of uniformly chosen parents, the best mu of mu + lam stay.

    It starts from mu initial solutions of their own. Of equally fit ones the older stays. With mu = 1 it is the strict
    `OnePlusLambda`.

    Attributes:
        mu: solutions kept.
        lam: offspring a generation, one call each.
    """

    mu: int
    lam: int = 1

    in_parts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        whole(self, "mu", least=1, most=MOST_PLACES)
        whole(self, "lam", least=1, most=MOST_PLACES)

    @property
    def founders(self) -> tuple[int, ...]:
        """Mu initial solutions."""
        return tuple(range(self.mu))

    def parents(self, pool: Pool, rng: Generator) -> IntArray:
        """Uniform places, int [runs, lam]."""
        return rng.integers(self.mu, size=(len(pool.seen), self.lam))

    def survivors(self, pool: Pool, offspring: FloatArray) -> IntArray:
        """The best mu of old and new, int [runs, mu]."""
        return fittest(pool, offspring)


@dataclass(frozen=True)
class Islands:
    """Islands with an archive of elites, as frameworks for LLM-driven evolution keep them; one call a generation.

    Calls go to the islands in turn, and an offspring stays on its island (on a full island it replaces the worst
    solution if observed fitter). The parent is drawn uniformly: w.p. `explore` from the island; w.p. `exploit` from the
    elites, the best `archive` solutions overall, of its own island if there are any, else all; otherwise from all
    solutions. After every `migrate` generations of an island its best solution is copied to the
    next one, in a ring. Every island starts from the same initial solution.

    The defaults are those of a widely used framework without its feature grid: a population of 1,000 in five islands.

    Attributes:
        count: islands.
        size: solutions an island keeps.
        archive: elites among all solutions.
        explore: P(the parent is any of the island).
        exploit: P(the parent is an elite).
        migrate: generations an island between migrations; 0 for none.
    """

    count: int = 5
    size: int = 200
    archive: int = 100
    explore: float = 0.2
    exploit: float = 0.7
    migrate: int = 50

    lam: ClassVar[int] = 1

    def __post_init__(self) -> None:
        whole(self, "count", least=1)
        whole(self, "size", least=1)
        if self.count * self.size > MOST_PLACES:
            raise InputError(f"Islands: count x size must be at most {MOST_PLACES:,}, got {self.count} x {self.size}")
        whole(self, "archive", least=1)
        probability(self, "explore", "exploit")
        if self.explore + self.exploit > 1.0 + 1e-12:
            raise InputError(f"Islands: explore + exploit must be at most 1, got {self.explore} + {self.exploit}")
        whole(self, "migrate", least=0)

    @property
    def founders(self) -> tuple[int, ...]:
        """The initial solution in the first place of each island."""
        return (0, *(-1,) * (self.size - 1)) * self.count

    def _island(self, generation: int) -> slice:
        first = generation % self.count * self.size
        return slice(first, first + self.size)

    def parents(self, pool: Pool, rng: Generator) -> IntArray:
        """The place of the parent, int [runs, 1]."""
        there = pool.seen > -np.inf
        used = np.flatnonzero(there.any(axis=0))  # islands fill up in order
        all_used = len(used) == there.shape[1]
        among = there if all_used else there[:, used]
        u = rng.random((len(among), 1))
        here = used // self.size == pool.generation % self.count
        exploit = np.flatnonzero((u >= self.explore) & (u < self.explore + self.exploit))
        for some in pieces(len(exploit), len(used)):
            rows = exploit[some]
            seen, born = pool.seen[rows], pool.born[rows]
            if not all_used:
                seen, born = seen[:, used], born[:, used]
            elites = best_of(seen, born, self.archive) & among[rows]
            at_home = elites & here
            among[rows] = np.where((count_correct(at_home) > 0)[:, None], at_home, elites)
        among &= here | (u >= self.explore)
        return np.asarray(used[drawn_among(among, 1, rng)])

    def survivors(self, pool: Pool, offspring: FloatArray) -> IntArray:
        """Who is in each place, int [runs, count size]."""
        runs, places = pool.seen.shape
        stay, newcomer = as_they_are(runs, places), np.full(runs, places)
        migrates = self.count > 1 and self.migrate and (pool.generation + 1) % (self.migrate * self.count) == 0
        seen = pool.seen.copy() if migrates else None
        self._enter(stay, pool.seen, self._island(pool.generation), offspring[:, 0], newcomer, seen)
        if seen is not None:
            rows = np.arange(runs)
            bests = [self._best_of(seen, each) for each in range(self.count)]
            leaving = [(stay[rows, best], seen[rows, best]) for best in bests]
            for each, (who, fitness) in enumerate(leaving):
                self._enter(stay, seen, self._island(each + 1), fitness, who, seen)
        return stay

    def _best_of(self, seen: FloatArray, island: int) -> IntArray:
        """The place of an island's best solution, int [runs]."""
        at = self._island(island)
        return np.asarray(at.start + np.argmax(seen[:, at], axis=1))

    @staticmethod
    def _enter(
        stay: IntArray, seen: FloatArray, island: slice, fitness: FloatArray, who: IntArray, after: FloatArray | None
    ) -> None:
        """Put a newcomer into the island's emptiest place: a free one, or its worst if that is seen less fit."""
        place = island.start + np.argmin(seen[:, island], axis=1)
        row = np.flatnonzero(fitness > seen[np.arange(len(place)), place])
        stay[row, place[row]] = who[row]
        if after is not None:
            after[row, place[row]] = fitness[row]


def drawn(weights: FloatArray, lam: int, rng: Generator) -> IntArray:
    """Places drawn with probabilities proportional to their weights, [runs, s] -> int [runs, lam]."""
    ends = np.cumsum(weights, axis=1)
    u = rng.random((len(weights), lam)) * ends[:, -1:]
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0.0, axis=1)  # rounding may carry u to the very end
    place = np.empty(u.shape, dtype=np.int64)
    step = max(1, AT_ONCE // weights.size)
    for first in range(0, lam, step):
        some = slice(first, first + step)
        place[:, some] = (u[:, some, None] >= ends[:, None, :]).sum(axis=2)
    return np.asarray(np.minimum(place, last[:, None]))


def drawn_among(some: BoolArray, lam: int, rng: Generator) -> IntArray:
    """Places drawn uniformly among some of those of each run, draw for draw as `drawn` by equal weights.

    bool [runs, s], at least one a run -> int [runs, lam].

    >>> among = np.array([[False, True, True], [True, False, False]])
    >>> drawn_among(among, 4, np.random.default_rng(1)).tolist()
    [[2, 2, 1, 2], [0, 0, 0, 0]]
    """
    places = some.shape[1]
    marked = np.flatnonzero(some)
    number = count_correct(some)[:, None]
    rank = (rng.random((len(some), lam)) * number).astype(np.int64)
    first = np.cumsum(number, axis=0) - number
    return np.asarray(marked[first + np.minimum(rank, number - 1)] % places)  # rounding may carry a rank to the end


def as_they_are(runs: int, places: int) -> IntArray:
    """Everybody stays in place, int [runs, places]."""
    stay = np.empty((runs, places), dtype=np.int64)
    stay[:] = np.arange(places)
    return stay


def fittest(pool: Pool, offspring: FloatArray) -> IntArray:
    """The s best of parents and offspring, the older first among equals; int [runs, s].

    Who stays stays in place; offspring take the places of those who go.
    """
    runs, places = pool.seen.shape
    stay = as_they_are(runs, places)
    worst = least_of_each(pool.seen)
    best = offspring[:, 0] if offspring.shape[1] == 1 else offspring.max(axis=1)
    row = np.flatnonzero(best > worst)  # in other runs all stay, for they are older
    if len(row) == 0:
        return stay
    if offspring.shape[1] == 1:
        last = _youngest(pool.seen.take(row, axis=0) == worst[row, None], pool.born.take(row, axis=0))
        stay[row, last] = places
        return stay
    newest = pool.born.max() + 1 + np.arange(offspring.shape[1])
    for some in pieces(len(row), places + len(newest)):
        rows = row[some]
        seen = np.concatenate((pool.seen[rows], offspring[rows]), axis=1)
        born = np.concatenate((pool.born[rows], np.broadcast_to(newest, (len(rows), len(newest)))), axis=1)
        kept, staying = best_of(seen, born, places), stay[rows]
        staying[~kept[:, :places]] = places + np.nonzero(kept[:, places:])[1]  # as many come as go, row by row
        stay[rows] = staying
    return stay


def least_of_each(values: FloatArray) -> FloatArray:
    """The least value of each row, [runs, s] -> [runs]; along a short last axis numpy takes several times as long.

    >>> least_of_each(np.array([[3.0, 1.0], [0.0, 2.0]])).tolist()
    [1.0, 0.0]
    """
    return np.asarray(np.ascontiguousarray(values.T).min(axis=0))


def pieces(rows: int, places: int) -> Iterator[slice]:
    """Rows that are sorted together: few enough for the processor's cache."""
    step = max(1, IN_CACHE // places)
    for first in range(0, rows, step):
        yield slice(first, first + step)


def _youngest(some: BoolArray, born: IntArray) -> IntArray:
    """The youngest of some places of each run, the last one among those of one age; int [runs]."""
    age = np.where(some, born, -1)[:, ::-1]
    return np.asarray(age.shape[1] - 1 - np.argmax(age, axis=1))


def best_of(seen: FloatArray, born: IntArray, number: int) -> BoolArray:
    """Which solutions are among the best `number` of each run; [runs, n] each.

    Among equals the older, of one age those in lower places.

    >>> best_of(np.array([[3.0, 1.0, 2.0, 2.0]]), np.array([[0, 0, 9, 4]]), 2).tolist()
    [[True, False, False, True]]
    """
    n = seen.shape[1]
    if number >= n:
        return np.ones(seen.shape, dtype=np.bool_)
    last = np.partition(seen, n - number, axis=1)[:, n - number, None]  # the worst fitness of those in
    best = seen > last
    equal = seen == last
    room = number - count_correct(best)
    found = best | equal
    ties = np.flatnonzero(count_correct(equal) > room)
    if len(ties):
        order = np.where(equal[ties], born[ties] * n + np.arange(n), np.iinfo(np.int64).max)
        youngest = np.sort(order, axis=1)[np.arange(len(ties)), room[ties] - 1, None]
        found[ties] = best[ties] | (order <= youngest) & equal[ties]
    return np.asarray(found)
