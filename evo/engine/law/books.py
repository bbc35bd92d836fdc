"""Counts and traces of drawn runs: what a budget leaves of them, and what they have spent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.costs.budget import Limit, any_reached
from evo.engine.law.process import Drawn, Jumps
from evo.errors import InputError
from evo.protocols import FloatArray, IntArray

WHOLE = 2.0**62
"""Counts below this are 64-bit integers."""


def run_batch(process: Jumps, fitness: FloatArray, powers: int, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """One batch of runs of a process: the draws do not depend on the budget, so a larger one prolongs the same runs.

    Counts are int64 where all are below 2^62. Else they are float64 with a relative error of 2^-53 a wait.

    Args:
        process: what is drawn.
        fitness: by the number of incorrect blocks, float [k+1].
        powers: sums of `evo.costs.ledger.ChunkLengths` that are counted, 0 or 1.
        batch: streams, number of runs, limits, and whether to trace.

    Raises: InputError if a run comes to more calls than floats hold.
    """
    lam, alike = process.lam, not any(limit.per_shortfall for limit in batch.limits)
    end: FloatArray | float = same_end(batch.limits, lam) if alike else math.inf
    drawn = process.draw(batch.runs, batch.streams, batch.trace, float(end))

    def short(generations: FloatArray) -> FloatArray:
        """Sums of the shortfalls of calls, float [runs, powers]."""
        return (lam * process.on_last_chunk(drawn, generations))[:, None][:, :powers]

    if not alike:
        end = end_of_budget(batch.limits, lam, batch.runs, short)
    late = drawn.generations > end
    paid = np.where(late, end, drawn.generations)
    if not np.isfinite(paid).all():
        raise InputError(
            "a run came to more than 1.8e308 calls, which floats cannot hold; lower k, or give a Budget(calls=...)"
        )
    hit = np.where(late, -1.0, np.maximum(lam * (drawn.generations - 1.0), 0.0) + drawn.place)
    calls = lam * paid
    sums = short(paid)
    largest = max(calls.max(initial=0.0), sums.max(initial=0.0))
    kind: type = np.int64 if largest < WHOLE else np.float64
    calls = calls.astype(kind)
    short_calls: Any = sums.astype(kind) if powers else None
    counts = RunCounts(hit.astype(kind), paid.astype(kind), calls, calls.copy(), shortfalls=short_calls)
    return counts, _trace(process, drawn, paid, fitness, powers, kind) if batch.trace else None


def in_floats(counts: RunCounts) -> RunCounts:
    """Counts as floats: so their tokens may leave 64-bit integers."""
    names = ("hit", "generations", "calls", "evaluations", "shortfalls")
    values: dict[str, Any] = {name: getattr(counts, name) for name in names}
    return replace(counts, **{name: each.astype(np.float64) for name, each in values.items() if each is not None})


def same_end(limits: Sequence[Limit], lam: int) -> float:
    """The first generation that reaches a limit where all calls have one price; infinite where none does.

    Args:
        limits: of the budget, without prices of shortfalls.
        lam: calls, and evaluations, a generation.

    >>> same_end([Limit(1.0, 0.0, 20.0)], 8), same_end([], 8)
    (3.0, inf)
    """
    ends = [math.inf]
    for limit in limits:
        price = lam * (limit.per_call + limit.per_evaluation)
        if price <= 0.0:  # the first generation reaches what is reached at all
            ends += [1.0] if price >= limit.most else []
            continue
        near = math.floor(limit.most * (1.0 - limit.rounding) / price)
        at = np.maximum(near + np.arange(-2.0, 4.0), 1.0)  # as `Limit.reached` rounds
        reached = limit.reached(lam * at, lam * at)
        ends.append(float(at[np.argmax(reached)]) if reached.any() else float(near))
    return min(ends)


def end_of_budget(
    limits: Sequence[Limit], lam: int, runs: int, short: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """The first generation that reaches a limit, float [runs]; infinite where none does.

    Args:
        limits: of the budget.
        lam: calls, and evaluations, a generation.
        runs: how many.
        short: sums of shortfalls after so many generations of each run.

    >>> from evo.costs.budget import Limit
    >>> end_of_budget([Limit(1.0, 0.0, 20.0)], 8, 2, lambda generations: np.zeros((2, 0))).tolist()
    [3.0, 3.0]
    """

    def reached(generations: FloatArray) -> np.ndarray:
        calls = lam * generations
        return any_reached(limits, calls, calls, short(generations))  # type: ignore[arg-type]  # floats are as good

    low, high = np.zeros(runs), np.ones(runs)
    if not limits:
        return np.full(runs, np.inf)
    while (open_ := ~reached(high) & (high < 1e300)).any():
        low, high = np.where(open_, high, low), np.where(open_, 2.0 * high, high)
    never = high >= 1e300
    while True:
        middle = np.floor((low + high) / 2.0)
        inside = (middle > low) & (middle < high) & ~never
        if not inside.any():
            return np.where(never, np.inf, high)
        there = reached(middle)
        high, low = np.where(inside & there, middle, high), np.where(inside & ~there, middle, low)


def _trace(process: Jumps, drawn: Drawn, paid: FloatArray, fitness: FloatArray, powers: int, kind: type) -> Trace:
    """Every improvement within what was paid for, run by run, with the initial solutions."""
    assert drawn.steps is not None  # asked for
    lam, runs = process.lam, np.arange(len(paid))
    steps = drawn.steps
    order = np.lexsort((steps.generation, steps.run))
    run, generation, place, gain = (getattr(steps, name)[order] for name in ("run", "generation", "place", "gain"))
    place = np.where(generation == drawn.generations[run], drawn.place[run], place)
    gained = np.cumsum(gain)
    before = np.append(0, np.bincount(run, gain, len(runs)).cumsum())[:-1].astype(np.int64)
    incorrect = drawn.incorrect[run] - (gained - before[run])
    values = fitness[incorrect]
    changed = values != fitness[incorrect + gain]  # some moves of the number of incorrect blocks change no fitness
    within = (generation <= paid[run]) & changed
    run, generation, place, incorrect = (each[within] for each in (run, generation, place, incorrect))
    spent = np.column_stack([generation, lam * generation, lam * generation, *_short(process, drawn, run, generation)])
    nothing = np.zeros((len(runs), 3 + powers))
    together = np.argsort(np.concatenate((runs, run)), kind="stable")
    call = np.concatenate((np.zeros(len(runs)), lam * (generation - 1.0) + place))[together]
    values = fitness[np.concatenate((drawn.incorrect, incorrect))][together]
    spent = np.concatenate((nothing, spent[:, : 3 + powers]))[together]
    return Trace(np.concatenate((runs, run))[together], call.astype(kind), values, spent=spent.astype(kind))


def _short(process: Jumps, drawn: Drawn, run: IntArray, generation: FloatArray) -> list[FloatArray]:
    """Calls on the shorter last chunk up to generations of runs."""
    start = None if drawn.short_from is None else drawn.short_from[run]
    at = Drawn(drawn.incorrect[run], generation, generation, short_from=start)
    return [process.lam * process.on_last_chunk(at, generation)]
