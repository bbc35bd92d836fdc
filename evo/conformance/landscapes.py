"""Checks of a problem's declared landscape and initial law, and of its `change`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from evo.conformance.determinism import changed
from evo.conformance.results import DoesNotApply, NotChecked, NotConforming
from evo.declarations import declared
from evo.engine.contracts import fitness_change, fitness_of, initial_solutions
from evo.evaluation import offers_change
from evo.landscapes import Landscape, Leading, OfCounts, Weighted, landscape_of
from evo.protocols import BoolArray, FloatArray, Problem
from evo.statistics import binomial_p_value
from evo.theory import Start

ROWS = 500
ALL_UP_TO = 8


def change_is_of_fitness(problem: Problem) -> str:
    """Check `change(before, after)` for chunks of 1 to 8 and of all k blocks, in solutions good and bad."""
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
    expected = values_of(problem, after) - values_of(problem, before)
    handed = [before[:, chunk].copy(), after[:, chunk].copy()]
    writeable: Any = [array.copy() for array in handed]
    problem.change(*writeable)  # type: ignore[attr-defined]  # offered
    if changed(handed, writeable):
        raise NotConforming(f"{name}.change changes the blocks that it is handed; copy them first")
    got = fitness_change(problem, *handed)
    off = np.abs(got - expected)
    if off.max() > 1e-9 * max(1.0, float(np.abs(expected).max())):
        row = int(off.argmax())
        raise NotConforming(
            f"{name}.change says {got[row]:g} where fitness changes by {expected[row]:g} (g = {handed[0].shape[1]}); "
            "offer it only where the fitness is a sum over blocks"
        )


def values_of(problem: Problem, solutions: BoolArray) -> Any:
    """The fitness of solutions, bool [..., k], held against the contract."""
    return fitness_of(problem, "a solution", solutions)


# ---------------------------------------------------------------------------------------------------------- landscapes

INITIAL, INITIAL_BLOCKS = 20_000, 2**22
"""Number of initial solutions compared with their law, and largest number of blocks in all."""


def landscape_holds(problem: Problem, solutions: BoolArray) -> str:
    """Check that the fitness of these solutions is what the declared landscape says."""
    found = landscape_of(problem)
    name = type(problem).__name__
    if found is None:
        raise NotChecked(f"{name} inherits its landscape, which is no claim of a subclass: declare it in the class")
    k = problem.k
    prefixes = np.arange(k) < np.linspace(0, k, min(k, 2000) + 1).astype(int)[:, None]
    behind = prefixes.copy()
    behind[:, -1] = True  # a correct block behind the first incorrect one
    solutions = np.concatenate([solutions, prefixes, behind, ~behind])
    values = np.asarray(values_of(problem, solutions), dtype=np.float64)
    expected = _expected(found, solutions)
    if expected is None:
        return "all that is declared is that all correct is the only best solution, see the check `optimum`"
    _expect_order(f"{name}.landscape is {type(found).__name__}", solutions, values, expected)
    if not isinstance(found, Leading):
        shift = values[-len(behind)] - expected[-len(behind)] if isinstance(found, Weighted) else 0.0
        off = np.abs(values - expected - shift)
        if off.max() > 1e-9 * max(1.0, float(np.abs(expected).max())):
            row = int(off.argmax())
            raise NotConforming(
                f"{name}.landscape is {type(found).__name__} and says {expected[row] + shift:g} of "
                f"{_shown(solutions[row])}, whose fitness is {values[row]:g}; mend one of them, or say OnlyOptimum()"
            )
    return f"{type(found).__name__} holds for {len(solutions):,} solutions"


def _expected(found: Landscape, solutions: BoolArray) -> FloatArray | None:
    """Values whose order the fitness must have, float [n]; None for any."""
    if isinstance(found, OfCounts):
        by_count: FloatArray = np.asarray(found.by_count, dtype=np.float64)
        return np.asarray(by_count[solutions.sum(axis=1)])
    if isinstance(found, Weighted):
        return np.asarray(solutions @ np.asarray(found.weights, dtype=np.float64), dtype=np.float64)
    if isinstance(found, Leading):
        return np.asarray(np.cumprod(solutions, axis=1).sum(axis=1), dtype=np.float64)
    return None


def _expect_order(says: str, solutions: BoolArray, values: FloatArray, expected: FloatArray) -> None:
    """Ranks and ties must be those of the landscape: runs depend on nothing else."""
    order = np.lexsort((values, expected))
    steps, said = np.diff(values[order]), np.diff(expected[order])
    equal = said <= 1e-12 * max(1.0, float(np.abs(expected).max()))  # sums of weights in another order
    same = np.abs(steps) <= 1e-9 * max(1.0, float(np.abs(values).max()))
    wrong = np.flatnonzero(np.where(equal, ~same, steps <= 0))
    if len(wrong):
        one, other = order[wrong[0]], order[wrong[0] + 1]
        must = "as good as" if equal[wrong[0]] else "better than"
        raise NotConforming(
            f"{says}, so that {_shown(solutions[other])} must be {must} {_shown(solutions[one])}; their fitness is "
            f"{values[other]:g} and {values[one]:g}; mend `fitness` or `landscape`, or declare OnlyOptimum()"
        )


def _shown(solution: BoolArray) -> str:
    return "".join("1" if right else "0" for right in solution[:40]) + ("..." if len(solution) > 40 else "")


def initial_law_holds(problem: Problem, alpha: float) -> str:
    """Check initial solutions against the declared law: counts, each block, and each two neighbours, by exact tests."""
    name, k = type(problem).__name__, problem.k
    law = declared(problem, "initial_law")
    if law is None:
        raise NotChecked(
            f"{name} redefines `initial` below the class that declares its law: runs are fitted, not predicted; "
            "declare initial_law, such as evo.theory.Start(self.k)"
        )
    if not isinstance(law, Start) or law.k != k:
        raise NotConforming(f"{name}.initial_law must be an evo.theory.Start(k={k}, ..), got {law!r:.100}")
    n = max(200, min(INITIAL, INITIAL_BLOCKS // k))
    wrong = ~initial_solutions(problem, n, Generator(np.random.PCG64(11)))
    one, two = _rates(law)
    beside = wrong[:, 1:] & wrong[:, :-1]
    seen = [(f"P({j} of {k} blocks are incorrect)", np.sum(wrong.sum(axis=1) == j), p) for j, p in _counts(law, wrong)]
    seen += [(f"P(block {j} is incorrect)", at, one) for j, at in enumerate(wrong.sum(axis=0))]
    seen += [(f"P(blocks {j} and {j + 1} are incorrect)", at, two) for j, at in enumerate(beside.sum(axis=0))]
    for event, times, p in seen:
        if binomial_p_value(int(times), n, min(1.0, p)) < alpha / len(seen):
            raise NotConforming(
                f"{event} is {p:.4f} by initial_law = {law!r:.100} and {times / n:.4f} in {n:,} initial solutions; "
                "mend `initial` or `initial_law`"
            )
    return f"{n:,} initial solutions have the law {law!r:.100}"


def _counts(law: Start, wrong: BoolArray) -> list[tuple[int, float]]:
    """Numbers of incorrect blocks that were seen or are likely, and the probability of each."""
    probabilities = law.law()
    some = sorted({*np.unique(wrong.sum(axis=1)).tolist(), *np.argsort(probabilities)[-20:].tolist()})
    return [(j, float(probabilities[j])) for j in some]


def _rates(law: Start) -> tuple[float, float]:
    """P(a block is incorrect), P(two given blocks are)."""
    one = 1.0 - law.correct_rate
    if law.incorrect is None or law.k == 1:
        return one, one**2
    return one, law.incorrect * (law.incorrect - 1) / (law.k * (law.k - 1))
