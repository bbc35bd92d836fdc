"""The change of fitness that a problem offers, against its fitness."""

from __future__ import annotations

from typing import Any

import numpy as np

from evo.conformance.results import DoesNotApply, NotConforming
from evo.engine.contracts import fitness_change, fitness_values
from evo.evaluation import offers_change
from evo.protocols import BoolArray, Problem

ROWS = 500
ALL_UP_TO = 8


def change_is_of_fitness(problem: Problem) -> str:
    """Check `change(before, after)` for chunks of 1 to 8 and of all k blocks, in solutions good and bad.

    Raises: NotConforming.
    """
    if not offers_change(problem):
        why = "no change(before, after) is offered"
        if getattr(problem, "change", None) is not None:
            why = "`fitness` is redefined below the class that offers `change`, which is not used"
        raise DoesNotApply(f"{why}: the engine looks at whole solutions")
    k = problem.k
    lengths = sorted({*range(1, min(ALL_UP_TO, k) + 1), k})
    for g in lengths:
        for start in sorted({0, (k - g) // 2, k - g}):
            before, after = _pairs(k, g, start, np.random.default_rng(1))
            _compare(problem, before, after, slice(start, start + g))
    return f"change(before, after) is what the fitness changes by, for g = {', '.join(map(str, lengths))} of k = {k}"


def _pairs(k: int, g: int, start: int, rng: np.random.Generator) -> tuple[BoolArray, BoolArray]:
    """Solutions and their offspring: with any share of correct blocks, and at or near the optimum."""
    shares = rng.random((ROWS, 1))
    shares[: ROWS // 2] **= 1 / k  # a few blocks are incorrect
    before = rng.random((ROWS, k)) < shares
    near = np.ones((k, k), dtype=np.bool_) ^ np.eye(k, dtype=np.bool_)
    near = ~np.eye(k, dtype=np.bool_)[:ROWS]
    last_step = np.ones((ROWS, k), dtype=np.bool_)
    chunk = slice(start, start + g)
    last_step[:, chunk] = rng.random((ROWS, g)) < 0.5
    before = np.concatenate([before, near, last_step])
    after = before.copy()
    after[:, chunk] = rng.random((len(after), g)) < rng.random((len(after), 1))
    after[-ROWS:] = True
    return before, after


def _compare(problem: Problem, before: BoolArray, after: BoolArray, chunk: slice) -> None:
    name = type(problem).__name__
    expected = _values(problem, after) - _values(problem, before)
    handed = [before[:, chunk].copy(), after[:, chunk].copy()]
    _expect_untouched(problem, *(array.copy() for array in handed))
    got = fitness_change(problem, *handed)
    off = np.abs(got - expected)
    if off.max() > 1e-9 * max(1.0, float(np.abs(expected).max())):
        row = int(off.argmax())
        raise NotConforming(
            f"{name}.change says {got[row]:g} where fitness changes by {expected[row]:g} (g = {handed[0].shape[1]}); "
            "offer it only where the fitness is a sum over blocks"
        )


def _expect_untouched(problem: Any, before: BoolArray, after: BoolArray) -> None:
    """Arrays that may be written into, and are compared."""
    handed = [before.copy(), after.copy()]
    problem.change(*handed)
    if not (np.array_equal(handed[0], before) and np.array_equal(handed[1], after)):
        raise NotConforming(f"{type(problem).__name__}.change changes the blocks that it is handed; copy them first")


def _values(problem: Problem, solutions: BoolArray) -> Any:
    return fitness_values(problem, "a solution", problem.fitness(solutions), solutions.shape[:-1])
