"""Checks of noisy evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.conformance.determinism import (
    LOOP_CALLS,
    batch_as_loop,
    drawn_checks,
    guarded,
    once,
)
from evo.conformance.results import NotConforming, PartCheck
from evo.engine.contracts import read_fitness
from evo.evaluation import Reading, is_noisy
from evo.protocols import BoolArray

ROWS = 200


def evaluation_checks(problem: Any, alpha: float) -> list[PartCheck]:
    """The checks of `evaluate`, of a problem that has it."""
    if not is_noisy(problem):
        return []
    name = f"{type(problem).__name__}.evaluate"

    def seen(rng: Generator) -> Any:
        return tuple((reading.seen, reading.evaluations) for _, _, reading in _history(problem, rng))

    def rows(n: int, rng: Generator) -> Any:
        return read_fitness(problem, np.repeat(_parents(problem, 1), n, axis=0), rng).seen

    readings = once(lambda: _readings(problem))
    sound = guarded(readings, "evaluation", "evaluate does not answer as it must")
    checks = drawn_checks(name, seen, lambda: _batch_as_loop(rows, alpha / 2), rows, alpha / 2)
    return [
        PartCheck("evaluation", problem, readings),
        *(PartCheck(f"evaluation: {what}", problem, sound(check)) for what, check in checks.items()),
    ]


def _parents(problem: Any, n: int) -> BoolArray:
    return np.random.default_rng(6).random((n, problem.k)) < 0.5


def _history(problem: Any, rng: Generator) -> list[tuple[str, BoolArray, Reading]]:
    """Readings in the engine's order: parents, their offspring, the parents again."""
    parents = _parents(problem, ROWS)
    rewritten = np.random.default_rng(7).random(parents.shape) < 0.3
    first = read_fitness(problem, parents, rng)
    children = parents ^ rewritten
    second = read_fitness(problem, children, rng, rewritten, first.judgements)
    again = read_fitness(problem, parents, rng, None, first.judgements)
    return [
        ("solutions", parents, first),
        ("offspring", children, second),
        ("the same solutions again", parents, again),
    ]


def _readings(problem: Any) -> str:
    name = type(problem).__name__
    fewest, most = problem.evaluations_each
    if not 0 <= fewest <= most or math.isnan(most):
        raise NotConforming(
            f"{name}.evaluations_each must be the fewest and the most evaluations of a solution, got {(fewest, most)}"
        )
    for n in (1, 7):
        read_fitness(problem, _parents(problem, n), np.random.default_rng(1))
    for what, _, reading in _history(problem, np.random.default_rng(1)):
        taken = reading.evaluations
        # A reading of known solutions may reuse earlier judgements.
        least = fewest if what == "solutions" else 0
        if taken.min() < least or taken.max() > most:
            raise NotConforming(
                f"{name}.evaluations_each says {fewest:g} to {most:g} evaluations a solution, and {what} took "
                f"{taken.min()} to {taken.max()}"
            )
        judgements: Any = reading.judgements
        if judgements is not None and (not isinstance(judgements, np.ndarray) or len(judgements) != ROWS):
            raise NotConforming(f"{name}.evaluate: judgements must be an array with one row a solution, or None")
    return "a Reading of n solutions, of offspring, and of the same again"


def _batch_as_loop(rows: Callable[[int, Generator], Any], alpha: float) -> str:
    """The categories compared are the ranks of the seen fitness among its eight octiles."""
    # From a sample of its own, so that the categories are fixed before the two are compared.
    edges = np.quantile(rows(LOOP_CALLS, np.random.default_rng(3)), np.arange(1, 8) / 8)
    return batch_as_loop("eighth of the seen fitness", lambda n, rng: np.searchsorted(edges, rows(n, rng)), 8, alpha)
