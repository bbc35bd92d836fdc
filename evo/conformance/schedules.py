"""The checks of a schedule."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.chunks import draws_subsets
from evo.conformance.choosing import CANDIDATES, chunks_of, code, parents, pick, served
from evo.conformance.determinism import (
    changed,
    drawn_checks,
    guarded,
    once,
    overhead_check,
)
from evo.conformance.lookahead import batch_as_loop, does_not_look, looks_ahead
from evo.conformance.parts import part_checks
from evo.conformance.results import FALSE_FAIL_RATE, CheckResult, NotChecked, NotConforming, PartCheck, results
from evo.conformance.schedule_laws import run_law_holds, same_as_holds
from evo.errors import InputError
from evo.protocols import IntArray, Schedule

LAMS = (1, 3, 8)
RUNS = 64
MANY = 50_000
MOST_STEPS = 4000


def check_schedule(schedule: Schedule) -> tuple[CheckResult, ...]:
    """Run all checks of a schedule."""
    return results(schedule_checks(schedule))


def schedule_checks(schedule: Schedule) -> list[PartCheck]:
    """The checks of a schedule, to be run one by one."""
    name = f"{type(schedule).__name__}.choose"
    rate = FALSE_FAIL_RATE / 6

    def chunks(rng: Generator) -> tuple[IntArray, ...]:
        return tuple(pick(schedule, k, 200, 1, rng) for k in served(schedule))

    def rows(n: int, rng: Generator) -> IntArray:
        k = served(schedule)[0]
        return code(schedule, k, pick(schedule, k, n, 1, rng, lam=1))[:, 0, 0]

    def same() -> str:
        return same_as_holds(schedule, rate)

    def law() -> str:
        return run_law_holds(schedule, rate)

    sizes, chunked = once(lambda: _chunk_size(schedule)), once(lambda: _chunks(schedule))
    cut = guarded(sizes, "chunk size", "chunk_size does not answer as it must")
    chosen = guarded(chunked, "chunks", "choose does not answer as it must")
    pointer = once(lambda: _pointer(schedule))
    pointed = guarded(pointer, "pointer", "advance does not answer as it must")
    drawn = drawn_checks(name, chunks, lambda: batch_as_loop(schedule, rate), rows, rate)
    return [
        *part_checks(schedule),
        PartCheck("oblivious declared", schedule, lambda: _declared(schedule)),
        PartCheck("chunk size", schedule, sizes),
        PartCheck("chunks", schedule, cut(chunked)),
        PartCheck("pointer", schedule, cut(chosen(pointer))),
        PartCheck("every chunk", schedule, cut(chosen(pointed(lambda: _every_chunk(schedule))))),
        PartCheck("input unchanged", schedule, cut(chosen(lambda: _input_unchanged(schedule)))),
        *(PartCheck(what, schedule, cut(chosen(check))) for what, check in drawn.items()),
        PartCheck("oblivious", schedule, cut(chosen(pointed(lambda: does_not_look(schedule))))),
        PartCheck("look ahead", schedule, cut(chosen(pointed(lambda: looks_ahead(schedule, rate))))),
        *([PartCheck("same as", schedule, cut(chosen(pointed(same))))] if hasattr(schedule, "same_as") else []),
        *([PartCheck("law of a run", schedule, cut(chosen(pointed(law))))] if hasattr(schedule, "run_law") else []),
        *overhead_check(schedule),
    ]


def _declared(schedule: Schedule) -> str:
    oblivious = getattr(schedule, "oblivious", None)
    if not isinstance(oblivious, bool):
        raise NotConforming(
            f"{type(schedule).__name__} must say `oblivious: ClassVar[bool] = False` (or True, if its chunks never "
            f"depend on what calls did), got {oblivious!r}"
        )
    if getattr(schedule, "invalid", "ignore") not in ("ignore", "down"):
        raise NotConforming(
            f"{type(schedule).__name__}.invalid must be 'ignore' or 'down', got {schedule.invalid!r}"  # type: ignore[attr-defined]  # optional
        )
    return f"oblivious = {oblivious}"


def _chunk_size(schedule: Schedule) -> str:
    name = type(schedule).__name__
    shown = []
    for k in CANDIDATES:
        rule = f"{name}.chunk_size({k}) must be a whole number from 1 to {k}, or raise InputError"
        try:
            sizes: list[Any] = [schedule.chunk_size(k) for _ in range(3)]
        except InputError:
            continue
        except Exception as error:
            raise NotConforming(f"{rule}; it raised {type(error).__name__}: {error}") from None
        g = sizes[0]
        if isinstance(g, bool) or not isinstance(g, Integral) or not 1 <= int(g) <= k:
            raise NotConforming(f"{rule}, got {g!r}")
        if sizes != [g] * 3:
            raise NotConforming(f"{name}.chunk_size({k}) must be the same whenever it is asked for, got {sizes}")
        if k in served(schedule):
            shown.append(f"g = {g} of k = {k}")
    served(schedule)
    return ", ".join(shown)


def _chunks(schedule: Schedule) -> str:
    for k in served(schedule):
        for lam in LAMS:
            for runs in (1, 200):
                for ahead in (1, 5) if schedule.oblivious else (1,):
                    pick(schedule, k, runs, ahead, np.random.default_rng(1), lam=lam)
    pick(schedule, served(schedule)[0], MANY, 1, np.random.default_rng(1))  # for what is rare
    what = "blocks" if draws_subsets(schedule) else "chunks"
    return f"{what} of k = {', '.join(map(str, served(schedule)))} for lam = {', '.join(map(str, LAMS))}"


def _pointer(schedule: Schedule) -> str:
    for k in served(schedule):
        m = chunks_of(schedule, k)
        runs = 2 * m
        pointer, moved = np.arange(runs) % m, np.arange(runs) < m
        after: Any = schedule.advance(pointer, moved, m, np.ones(runs, dtype=np.int64))
        if not isinstance(after, np.ndarray) or after.shape != (runs,) or not np.issubdtype(after.dtype, np.integer):
            raise NotConforming(
                f"{type(schedule).__name__}.advance: expected whole numbers of shape ({runs},), one pointer a run, got "
                f"{getattr(after, 'dtype', type(after).__name__)} of shape {getattr(after, 'shape', '?')}"
            )
        for step in range(3 * m):  # what the pointer comes to must be understood by `choose`
            moves = np.full(runs, step % 3 < 2)
            after = schedule.advance(after, moves, m, np.ones(runs, dtype=np.int64))
            pick(schedule, k, runs, 1, np.random.default_rng(1), after)
    return "one whole number a run, understood by choose"


def _every_chunk(schedule: Schedule) -> str:
    """Blocks that are never handed over are never repaired: RUNS runs of random parents and moves."""
    for k in served(schedule):
        m = k if draws_subsets(schedule) else chunks_of(schedule, k)
        never, latest = _never(schedule, k, set(range(m)))
        if not never:
            continue
        what = "blocks" if draws_subsets(schedule) else "chunks"
        shown = ", ".join(map(str, sorted(never)[:5])) + (", ..." if len(never) > 5 else "")
        if latest > MOST_STEPS // 4:
            raise NotChecked(f"cannot tell: {MOST_STEPS:,} generations are too few to reach the {what} {shown}")
        raise NotConforming(
            f"{type(schedule).__name__}.choose never chose the {what} {shown} of 0 to {m - 1} (k = {k}) in "
            f"{MOST_STEPS:,} generations of {RUNS} runs; blocks in them are never rewritten"
        )
    return f"every block is handed over sometimes, for k = {', '.join(map(str, served(schedule)))}"


def _never(schedule: Schedule, k: int, wanted: set[int]) -> tuple[set[int], int]:
    """Those of `wanted` that were never chosen, and the last generation with a first choice."""
    m, latest = chunks_of(schedule, k), 0
    rng = np.random.default_rng(9)
    ones = np.ones(RUNS, dtype=np.int64)
    for lam, steps in ((m, 10), (1, MOST_STEPS)):  # each offspring may have a chunk of its own
        pointer = np.zeros(RUNS, dtype=np.int64)
        for step in range(steps):
            chosen = pick(schedule, k, RUNS, 1, rng, pointer, lam, parents(RUNS, k, rng))
            found = wanted & set(np.unique(chosen).tolist())
            latest = step if found else latest
            wanted = wanted - found
            if not wanted:
                return wanted, latest
            pointer = schedule.advance(pointer, rng.random(RUNS) < 0.5, m, ones)
    return wanted, latest


def _input_unchanged(schedule: Schedule) -> str:
    k = served(schedule)[0]
    m = chunks_of(schedule, k)
    rng = np.random.default_rng(1)
    handed: list[Any] = [np.arange(50) % m, parents(50, k, rng), rng.random(50) < 0.5, np.ones(50, np.int64)]
    before = [array.copy() for array in handed]
    schedule.choose(handed[0], handed[1], m, 1, 3, rng)
    if changed(before, handed):
        raise NotConforming(f"{type(schedule).__name__}.choose changes the arrays that it is handed; copy them first")
    schedule.advance(handed[0], handed[2], m, handed[3])
    if changed(before, handed):
        raise NotConforming(
            f"{type(schedule).__name__}.advance changes the arrays that it is handed; return new ones, "
            "`pointer + moved` and not `pointer += moved`"
        )
    return "pointer, correct, moved and generations left as handed over"
