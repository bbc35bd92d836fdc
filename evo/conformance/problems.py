"""The checks of a problem."""

from __future__ import annotations

from itertools import product
from numbers import Integral
from typing import Any

import numpy as np

from evo.conformance.determinism import (
    batch_as_loop,
    drawn_checks,
    global_state_untouched,
    guarded,
    once,
)
from evo.conformance.evaluations import evaluation_checks
from evo.conformance.landscapes import change_is_of_fitness, initial_law_holds, landscape_holds, values_of
from evo.conformance.parts import part_checks
from evo.conformance.results import FALSE_FAIL_RATE, CheckResult, DoesNotApply, NotConforming, PartCheck, results
from evo.engine.contracts import initial_solutions
from evo.evaluation import truth_of
from evo.protocols import BoolArray, Problem

ALL_SOLUTIONS_UP_TO = 12


def check_problem(problem: Problem) -> tuple[CheckResult, ...]:
    """Run all checks of a problem."""
    return results(problem_checks(problem))


def problem_checks(problem: Problem) -> list[PartCheck]:
    """The checks of a problem, to be run one by one."""
    name = f"{type(problem).__name__}.initial"

    def start(rng: np.random.Generator) -> BoolArray:
        return initial_solutions(problem, 200, rng)

    def counts(n: int, rng: np.random.Generator) -> Any:
        return initial_solutions(problem, n, rng).sum(axis=1)

    def batch() -> str:
        return batch_as_loop("number of correct blocks", counts, problem.k + 1, rate)

    def landscape() -> str:
        return landscape_holds(inside, _solutions(problem))

    def law() -> str:
        return initial_law_holds(inside, rate)

    rate, inside = FALSE_FAIL_RATE / 5, truth_of(problem)
    sizes, initial = once(lambda: _sizes(problem)), once(lambda: _initial(problem))
    values = once(lambda: _fitness(problem))
    sized = guarded(sizes, "sizes", "there is no solution of such a size")
    started = guarded(initial, "initial solutions", "there is nothing to start from")
    drawn = drawn_checks(name, start, batch, counts, rate)
    judged = guarded(values, "fitness", "there is no fitness to go by")

    return [
        *part_checks(problem),
        PartCheck("sizes", problem, sizes),
        PartCheck("initial solutions", problem, sized(initial)),
        *(PartCheck(what, problem, sized(started(check))) for what, check in drawn.items()),
        PartCheck("fitness", problem, sized(values)),
        PartCheck("fitness draws nothing", problem, sized(lambda: _draws_nothing(problem))),
        PartCheck("optimum", problem, sized(judged(lambda: _optimum(problem)))),
        PartCheck("change", problem, sized(judged(lambda: change_is_of_fitness(problem)))),
        *([PartCheck("landscape", problem, sized(judged(landscape)))] if hasattr(inside, "landscape") else []),
        *([PartCheck("initial law", problem, sized(started(law)))] if hasattr(inside, "initial_law") else []),
        *evaluation_checks(problem, rate),
    ]


def _sizes(problem: Problem) -> str:
    for name in ("k", "l"):
        size = getattr(problem, name)
        if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
            raise NotConforming(f"{type(problem).__name__}.{name} must be a whole number >= 1, got {size!r}")
    return f"k = {problem.k} blocks of l = {problem.l} tokens"


def _initial(problem: Problem) -> str:
    for runs in (1, 7, 200):
        initial_solutions(problem, runs, np.random.default_rng(1))
    return f"bool [runs, {problem.k}]"


def _draws_nothing(problem: Problem) -> str:
    name, solutions = f"{type(problem).__name__}.fitness", _solutions(problem)
    try:
        return global_state_untouched(
            name, lambda _: values_of(problem, solutions), "it is a number for each solution; draw nothing"
        )
    except NotConforming:
        raise
    except Exception:
        raise DoesNotApply("there is no fitness to go by, see the check `fitness`") from None


def _solutions(problem: Problem) -> BoolArray:
    """All solutions, or where they are many some thousand random ones and the neighbours of the optimum."""
    k = problem.k
    if k <= ALL_SOLUTIONS_UP_TO:
        return np.array(list(product((False, True), repeat=k)))
    rng = np.random.default_rng(1)
    shares = rng.random((2000, 1))
    near = ~np.eye(k, dtype=np.bool_)[:2000]
    return np.concatenate([rng.random((2000, k)) < shares, near, np.ones((1, k), dtype=np.bool_)])


def _fitness(problem: Problem) -> str:
    name = type(problem).__name__
    solutions = _solutions(problem)
    values = values_of(problem, solutions)
    if not np.array_equal(values, values_of(problem, solutions)):
        raise NotConforming(
            f"{name}.fitness gives the same solutions other values when asked again; it must depend on the solution "
            "alone (for a fitness that is seen with errors see problems.Noisy)"
        )
    some = np.linspace(0, len(solutions) - 1, min(50, len(solutions)), dtype=int)
    for row in some:
        alone = float(values_of(problem, solutions[row : row + 1])[0])
        if alone != values[row]:
            raise NotConforming(
                f"{name}.fitness gives a solution {values[row]:g} among others and {alone:g} alone; the last axis "
                "holds the blocks, each row is a solution of its own"
            )
    back = some[::-1]
    cube = np.stack([solutions[some], solutions[back]])
    if not np.array_equal(values_of(problem, cube), np.stack([values[some], values[back]])):
        raise NotConforming(f"{name}.fitness gives other values for [2, n, k] than for [n, k]; use the last axis")
    return "one finite number a solution, whatever stands beside it"


def _optimum(problem: Problem) -> str:
    solutions = _solutions(problem)
    values = values_of(problem, solutions)
    best = values_of(problem, np.ones((1, problem.k), dtype=np.bool_))[0]
    others = ~solutions.all(axis=1)
    if others.any() and values[others].max() >= best:
        row = int(np.flatnonzero(others)[values[others].argmax()])
        raise NotConforming(
            f"the solution with all blocks correct must be the only best one; it has fitness {best:g}, and one with "
            f"{int(solutions[row].sum())} of {problem.k} correct has {values[row]:g}"
        )
    looked_at = "all" if problem.k <= ALL_SOLUTIONS_UP_TO else f"{len(solutions):,}"
    return f"all blocks correct is the only best one of {looked_at} solutions"
