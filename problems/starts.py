"""The start of runs, for all problems: each block correct w.p. `start`, or exactly `incorrect` blocks incorrect."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.parameters import probability, whole
from evo.protocols import BoolArray
from evo.theory.calls.starts import Start

DRAWN_AT_ONCE = 2**17
"""Random numbers, eight bytes each."""


class _Started(Protocol):
    """What the start of a run depends on."""

    @property
    def k(self) -> int: ...

    @property
    def start(self) -> float: ...

    @property
    def incorrect(self) -> int | None: ...


class Starts:
    """For problems with k, l, `start` and `incorrect`: the checks of these four, and the initial solutions.

    Each problem declares the fields itself, in any order; a problem whose k or l are properties calls `check_start`
    instead of this class's `__post_init__`.

    >>> from problems.needle import Needle
    >>> Needle(k=4, l=16, incorrect=4).initial(1, np.random.default_rng(1)).tolist()
    [[False, False, False, False]]
    """

    def __post_init__(self) -> None:
        _expect_fields(self)
        whole(self, "k", least=1)
        whole(self, "l", least=1)
        check_start(self)  # type: ignore[arg-type]  # the fields are those of the problem

    def initial(self: _Started, runs: int, rng: Generator) -> BoolArray:
        """Initial solutions, bool [runs, k]."""
        _expect_fields(self)
        if self.incorrect is None:
            correct = np.empty((runs, self.k), dtype=np.bool_)
            for first in range(0, runs, step := max(1, DRAWN_AT_ONCE // self.k)):
                some = correct[first : first + step]
                np.less(rng.random(some.shape), self.start, out=some)
            return correct
        ordered = np.arange(self.k) >= self.incorrect
        return rng.permuted(np.broadcast_to(ordered, (runs, self.k)), axis=1)

    @property
    def initial_law(self: _Started) -> Start:
        """The law of `initial`, from which predictions are made."""
        _expect_fields(self)
        return Start(self.k, self.start, self.incorrect)


FIELDS = {"k": "int", "l": "int", "start": "float = 0.0", "incorrect": "int | None = None"}


def _expect_fields(problem: object) -> None:
    """Check that a problem has the fields that `Starts` works on.

    Raises: InputError naming those that it lacks.
    """
    lacking = [f"{name}: {written}" for name, written in FIELDS.items() if not hasattr(problem, name)]
    if lacking:
        raise InputError(
            f"{type(problem).__name__}: a problem on `Starts` needs the fields {', '.join(FIELDS)}; write: "
            + "; ".join(lacking)
        )


def check_start(problem: _Started) -> None:
    """Check `start` and `incorrect`.

    Raises: InputError if they are no fields of the problem, out of range, or both given.
    """
    _expect_fields(problem)
    probability(problem, "start")
    if problem.incorrect is None:
        return
    whole(problem, "incorrect", least=0, most=problem.k)
    if problem.start != 0.0:
        raise InputError(
            f"{type(problem).__name__}: expected start or incorrect, got both (start={problem.start}, "
            f"incorrect={problem.incorrect}); leave one out"
        )
