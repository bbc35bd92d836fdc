"""Calls that are drawn from a log of real ones, by the blocks handed over and how many of them were incorrect."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator

from evo.errors import InputError, NoPrediction
from evo.laws.changes import ChangesLaw
from evo.protocols import BoolArray, FloatArray, IntArray
from operators.calibrated.log_rows import Log, Rows, expect_rows

_Outcomes = tuple[FloatArray, IntArray, IntArray]
"""Shares of the calls, and blocks that such a call repairs and breaks; [outcomes] each."""


@dataclass(frozen=True)
class FromLogLaw(ChangesLaw):
    """The empirical law of the correct blocks, for each g and i that was logged.

    Attributes:
        log: rows of g, incorrect, repaired, broken and number of calls.
    """

    log: Rows
    always_valid = True
    """Calls of which nothing could be applied are not in it."""

    def outcomes(self, g: int, i: int) -> _Outcomes | str:
        """What calls on g blocks, i of them incorrect, did; or that there were none, in words."""
        known_outcomes = _outcomes(self.log)
        if (g, i) in known_outcomes:
            return known_outcomes[g, i]
        logged = sorted(other for length, other in known_outcomes if length == g)
        known = f"logged with g = {g}: {', '.join(map(str, logged))} incorrect" if logged else f"none with g = {g}"
        return f"no call on g = {g} blocks with {i} of them incorrect was logged ({known})"

    def pmf(self, g: int, i: int) -> FloatArray:
        """Shares of calls after which 0..g blocks were correct: g - i + repaired - broken; float [g+1].

        Raises: NoPrediction if no such call was logged.
        """
        shares, repaired, broken = self._logged(g, i)
        correct = np.bincount(g - i + repaired - broken, weights=shares, minlength=g + 1)
        return np.asarray(correct, dtype=np.float64)

    def changes(self, g: int, i: int) -> FloatArray:
        """Shares of calls that repaired x and broke y blocks; float [i+1, g-i+1].

        Raises: NoPrediction if no such call was logged.
        """
        shares, repaired, broken = self._logged(g, i)
        found = np.zeros((i + 1, g - i + 1))
        np.add.at(found, (repaired, broken), shares)
        return found

    def invalid(self, g: int) -> float:
        """None is."""
        return 0.0

    def _logged(self, g: int, i: int) -> _Outcomes:
        found = self.outcomes(g, i)
        if isinstance(found, str):
            raise NoPrediction(f"FromLog: {found}")
        return found


@dataclass(frozen=True)
class FromLog:
    """A call does what a call of a log did that had as many blocks g and as many incorrect ones i, drawn at random.

    Which blocks it repairs and breaks is drawn evenly among the incorrect and the correct ones. The log becomes part of
    the text: the same calls are the same part, wherever they were read from.

    Attributes:
        log: path of a CSV file with the columns g, incorrect, repaired, and broken or kept; or such columns, by name;
            or rows of g, incorrect, repaired, broken and, if not 1, the number of such calls.

    >>> part = FromLog(log=[(2, 2, 0, 0, 3), (2, 2, 2, 0), (2, 1, 1, 0), (2, 1, 1, 1)])
    >>> part.law.pmf(2, 2).tolist(), part.law.pmf(2, 1).tolist()
    ([0.75, 0.0, 0.25], [0.0, 0.5, 0.5])
    """

    log: Log

    def __post_init__(self) -> None:
        object.__setattr__(self, "log", expect_rows(self.log))

    @property
    def law(self) -> FromLogLaw:
        """The empirical law by g and i."""
        return FromLogLaw(self.log)  # type: ignore[arg-type]  # rows by now

    def fits(self, k: int, g: int) -> None:
        """Check that calls on g blocks were logged.

        Raises: InputError.
        """
        lengths = sorted({row[0] for row in self.law.log})
        if g not in lengths:
            raise InputError(
                f"FromLog: no call on g = {g} blocks was logged, only g = {', '.join(map(str, lengths))}; choose "
                "another g (and a k that it divides), or a law that says what lies between, such as Measured"
            )

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [..., g].

        Raises: InputError naming g and the number of incorrect blocks if no such call was logged.
        """
        law, g = self.law, correct.shape[-1]
        before = correct.reshape(-1, g)
        incorrect = g - before.sum(axis=1)
        repaired, broken = np.zeros((2, len(before), 1), dtype=np.int64)
        for i in np.unique(incorrect).tolist():
            found = law.outcomes(g, i)
            if isinstance(found, str):
                raise InputError(f"FromLog: {found}; log such calls, or start and schedule runs so that there are none")
            rows = np.flatnonzero(incorrect == i)
            drawn = rng.choice(len(found[0]), size=len(rows), p=found[0])
            repaired[rows, 0], broken[rows, 0] = found[1][drawn], found[2][drawn]
        scores = rng.random(before.shape)
        repairs, breaks = _first(scores, ~before, repaired), _first(scores, before, broken)
        return np.asarray(((before & ~breaks) | repairs).reshape(correct.shape))


@lru_cache(maxsize=16)
def _outcomes(log: Rows) -> dict[tuple[int, int], _Outcomes]:
    """What calls did, by g and i; asked in every generation of every batch."""
    rows = np.asarray(log, dtype=np.int64)
    found = {}
    for g, i in np.unique(rows[:, :2], axis=0).tolist():
        _, _, repaired, broken, calls = rows[(rows[:, 0] == g) & (rows[:, 1] == i)].T
        found[g, i] = calls / calls.sum(), repaired, broken
    return found


def _first(scores: FloatArray, among: BoolArray, many: IntArray) -> BoolArray:
    """In each row so many of the blocks among which they are: those of the lowest scores."""
    ranks = np.argsort(np.argsort(np.where(among, scores, 2.0), axis=1), axis=1)
    return among & (ranks < many)
