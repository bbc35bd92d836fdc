"""Checks of a schedule's information: only the run's own row, and no outcome of calls if it is oblivious."""

from __future__ import annotations

import numpy as np

from evo.conformance.choosing import chunks_of, code, parents, pick, served
from evo.conformance.determinism import LOOP_CALLS, changed, same_law
from evo.conformance.results import DoesNotApply, NotConforming
from evo.protocols import IntArray, Schedule

AHEAD = 5


def batch_as_loop(schedule: Schedule, alpha: float) -> str:
    """Check that a batch is as many single ones: the same wrong parents in all rows, and parents of all kinds."""
    k = served(schedule)[0]
    said = ""
    for correct in (np.zeros((LOOP_CALLS, k), dtype=np.bool_), parents(LOOP_CALLS, k, np.random.default_rng(8))):
        rng = np.random.default_rng(1)
        batch = pick(schedule, k, LOOP_CALLS, 1, rng, lam=1, correct=correct)
        loop = [pick(schedule, k, 1, 1, rng, lam=1, correct=correct[row : row + 1]) for row in range(LOOP_CALLS)]
        together, alone = (code(schedule, k, chunk)[:, 0, 0] for chunk in (batch, np.concatenate(loop)))
        said = same_law("chunk", together, alone, k, alpha / 2)
    return said


def does_not_look(schedule: Schedule) -> str:
    """Check that an oblivious schedule chooses the same for any parents, and whether the fitness moved or not."""
    _needs_oblivious(schedule)
    name = type(schedule).__name__
    for k in served(schedule):
        m = chunks_of(schedule, k)
        runs = max(50, 4 * k)
        pointer, ones = np.arange(runs) % m, np.ones(runs, dtype=np.int64)
        half = np.tile(np.arange(k) < k // 2, (runs, 1))
        kinds = (np.zeros((runs, k), dtype=np.bool_), half, parents(runs, k, np.random.default_rng(3)))
        for ahead in (1, AHEAD):
            chosen = [pick(schedule, k, runs, ahead, np.random.default_rng(1), pointer, correct=each) for each in kinds]
            if any(changed([chosen[0]], [other]) for other in chosen[1:]):
                raise NotConforming(
                    f"{name} says oblivious = True and chooses by the correctness of the parents; say False"
                )
        moved = [schedule.advance(pointer.copy(), np.full(runs, moved), m, ones) for moved in (False, True)]
        if changed([moved[0]], [moved[1]]):
            raise NotConforming(
                f"{name} says oblivious = True and its pointer depends on whether the fitness moved; say False"
            )
    return "chunks do not depend on what calls did"


def looks_ahead(schedule: Schedule, alpha: float) -> str:
    """Check generation j of a look ahead against the chunk that is chosen after j generations.

    Compared: the law of the chunk, and of its distance from the previous generation's chunk.
    """
    _needs_oblivious(schedule)
    name = type(schedule).__name__
    some = served(schedule)[:3]
    alpha_each = alpha / (2 * AHEAD * len(some))
    for k in some:
        n, m = LOOP_CALLS, chunks_of(schedule, k)
        ahead = code(schedule, k, pick(schedule, k, n, AHEAD, np.random.default_rng(1)))[:, :, 0]
        later = _one_by_one(schedule, k, n)
        for j in range(1, AHEAD):
            try:
                same_law("chunk", ahead[:, j], later[:, j], k, alpha_each)
            except NotConforming:
                raise NotConforming(
                    f"{name}.choose with ahead = {AHEAD} gives other chunks for generation {j + 1} than advance by {j} "
                    "and choose with ahead = 1"
                ) from None
            steps = [(each[:, j] - each[:, j - 1]) % max(k, m) for each in (ahead, later)]
            try:
                same_law("step", steps[0], steps[1], k, alpha_each)
            except NotConforming:
                raise NotConforming(
                    f"{name}.choose with ahead = {AHEAD} goes on from generation {j} to {j + 1} in other steps than "
                    "one generation after the other; generations of a look ahead must be as independent as those"
                ) from None
    return f"{AHEAD} generations ahead are as {AHEAD} generations one by one, for k = {', '.join(map(str, some))}"


def _one_by_one(schedule: Schedule, k: int, n: int) -> IntArray:
    """The first chunk of each generation, advanced to by the number of generations at once; int [n, AHEAD]."""
    m = chunks_of(schedule, k)
    rows = []
    for j in range(AHEAD):
        pointer = np.zeros(n, dtype=np.int64)
        if j:
            pointer = schedule.advance(pointer, np.zeros(n, np.bool_), m, np.full(n, j))
        rows.append(code(schedule, k, pick(schedule, k, n, 1, np.random.default_rng(1 + j), pointer))[:, 0, 0])
    return np.column_stack(rows)


def _needs_oblivious(schedule: Schedule) -> None:
    if getattr(schedule, "oblivious", None) is not True:
        raise DoesNotApply("the schedule is not oblivious: the engine does not look ahead")
