"""The solutions that runs keep, and the offspring that may take their places; a row a run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.engine.contracts import fitness_of
from evo.engine.optimum import Optimum
from evo.protocols import BoolArray, FloatArray, IntArray


@dataclass
class Made:
    """Offspring of a generation; arrays [runs, n, ...].

    Attributes:
        solutions: bool [runs, n, k].
        seen: float [runs, n], seen fitness; -inf where an offspring must displace nobody.
        number: int [n], their numbers in the generation, from 0, ascending.
        features: int [runs, n], what a runner that describes solutions says of them; None for other runners.
        judgements: [runs, n, ...], what evaluators keep of them; None for nothing.
    """

    solutions: BoolArray
    seen: FloatArray
    number: IntArray
    features: IntArray | None = None
    judgements: NDArray[Any] | None = None

    def joined(self, later: Made) -> Made:
        """These and later ones of the same generation."""

        def both(name: str) -> Any:
            old, new = getattr(self, name), getattr(later, name)
            return None if old is None else np.concatenate((old, new), axis=0 if name == "number" else 1)

        return Made(*(both(each.name) for each in fields(Made)))

    def only(self, some: IntArray) -> Made:
        """Some of them, by their column."""

        def taken(name: str) -> Any:
            values = getattr(self, name)
            return None if values is None else values.take(some, axis=0 if name == "number" else 1)

        return Made(*(taken(each.name) for each in fields(Made)))


@dataclass
class Kept:
    """The solutions in the s places of each active run; arrays [n, s, ...].

    Attributes:
        correct: bool [n, s, k].
        seen: float [n, s], seen fitness; -inf where a place is empty.
        born: int [n, s], the call that made the solution; 0 for an initial one.
        optimal: bool [n, s].
        fitness: float [n, s], the true one; None where it is what is seen.
        features: int [n, s], what a runner that describes solutions says of them; None for other runners.
        judgements: [n, s, ...], what evaluators keep of them; None for nothing.
    """

    correct: BoolArray
    seen: FloatArray
    born: IntArray
    optimal: BoolArray
    fitness: FloatArray | None = None
    features: IntArray | None = None
    judgements: NDArray[Any] | None = None

    def of(self, rows: slice | IntArray) -> Kept:
        """The places of some runs; of a slice the same memory."""
        values: Any = vars(self).values()
        if isinstance(rows, slice):
            values = (None if each is None else each[rows] for each in values)
        else:
            values = (None if each is None else each.take(rows, axis=0) for each in values)
        return Kept(*values)

    def parents(self, place: IntArray) -> BoolArray:
        """The solutions in some places, counted through all runs; int [...] -> bool [..., k]."""
        return self.correct.reshape(-1, self.correct.shape[2]).take(place, axis=0)

    def current(self) -> IntArray:
        """The place of the solution with the best seen fitness, the oldest among equals; int [n]."""
        best = self.seen == self.seen.max(axis=1, keepdims=True)
        return np.asarray(np.argmin(np.where(best, self.born, np.iinfo(np.int64).max), axis=1))

    def identity(self) -> IntArray:
        """The call that made the current solution, int [n]."""
        return np.asarray(self.born[np.arange(len(self.born)), self.current()])

    def enter(self, stay: IntArray, made: Made, calls_before: IntArray, optimum: Optimum) -> None:
        """Put the survivors of a generation into their places.

        Args:
            stay: int [n, s], see `evo.runners.protocol.Runner.survivors`, of these offspring.
            made: the offspring.
            calls_before: int [n], calls before the generation.
            optimum: which nobody who enters may rival.

        Raises: OperatorError.
        """
        places, columns = self.seen.shape[1], made.seen.shape[1]
        at = np.flatnonzero(stay != np.arange(places))  # places counted through all runs
        if not len(at):
            return
        row, who = at // places, stay.reshape(-1).take(at)
        column = who - places
        copied = np.flatnonzero(column < 0)
        column[copied] = 0
        source = row if columns == 1 else row * columns + column

        def enter(old: Any, values: Any) -> Any:
            old = _flat(old)
            if len(copied) > 0:
                values[copied] = old[row[copied] * places + who[copied]]
            old[at] = values
            return values

        entered = enter(self.correct, _flat(made.solutions).take(source, axis=0))
        true = enter(self.seen, made.seen.reshape(-1).take(source))
        enter(self.born, calls_before[row] + 1 + made.number.take(column))
        for name in ("features", "judgements"):
            if getattr(self, name) is not None:
                enter(getattr(self, name), _flat(getattr(made, name)).take(source, axis=0))
        if self.fitness is not None:
            true = fitness_of(optimum.problem, "a solution", entered)
            self.fitness.reshape(-1)[at] = true
        near = true[true.argmax()] >= optimum.near  # else none of them is the optimum
        self.optimal.reshape(-1)[at] = entered.all(axis=1) if near else False
        optimum.refuse_rivals(entered, true)


def _flat(values: Any) -> Any:
    """Runs and places as one flat axis."""
    return values.reshape(-1, *values.shape[2:])
