"""The checks of a schedule."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.conformance.common import (
    LOOP_CALLS,
    changed,
    global_state_untouched,
    overhead_check,
    part_checks,
    same_for_a_seed,
    same_law,
)
from evo.conformance.results import FALSE_FAIL_RATE, Check, CheckResult, DoesNotApply, NotConforming, results
from evo.contracts import chosen_chunks
from evo.errors import InputError
from evo.protocols import IntArray, Schedule

KS: tuple[int, ...] = (12, 7, 3, 1)
LAM = 3
AHEAD = 5


def check_schedule(schedule: Schedule) -> tuple[CheckResult, ...]:
    """Run all checks of a schedule."""
    return results(schedule_checks(schedule))


def schedule_checks(schedule: Schedule) -> list[Check]:
    """The checks of a schedule, to be run one by one."""
    name = f"{type(schedule).__name__}.choose"

    def chunks(rng: Generator) -> IntArray:
        return _choose(schedule, 200, 1, rng)

    return [
        *part_checks(schedule),
        Check("oblivious declared", schedule, lambda: _declared(schedule)),
        Check("chunk size", schedule, lambda: _chunk_size(schedule)),
        Check("chunks", schedule, lambda: _chunks(schedule)),
        Check("pointer", schedule, lambda: _pointer(schedule)),
        Check("input unchanged", schedule, lambda: _input_unchanged(schedule)),
        Check("same for a seed", schedule, lambda: same_for_a_seed(name, chunks)),
        Check("global generators", schedule, lambda: global_state_untouched(name, chunks)),
        Check("batch as loop", schedule, lambda: _batch_as_loop(schedule)),
        Check("oblivious", schedule, lambda: _oblivious(schedule)),
        Check("look ahead", schedule, lambda: _look_ahead(schedule)),
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


def _k(schedule: Schedule) -> int:
    """A number of blocks that the schedule serves."""
    refusal = ""
    candidates: list[int] = [*KS, *range(1, 65)]
    for k in candidates:
        try:
            schedule.chunk_size(k)
            return k
        except InputError as error:
            refusal = str(error)
    raise NotConforming(f"{type(schedule).__name__}.chunk_size refuses all k up to 64: {refusal}")


def _m(schedule: Schedule, k: int) -> int:
    g: int = schedule.chunk_size(k)
    return -(-k // g)


def _choose(schedule: Schedule, runs: int, ahead: int, rng: Generator, pointer: Any = None) -> IntArray:
    k = _k(schedule)
    m = _m(schedule, k)
    correct = np.random.default_rng(3).random((runs, k)) < 0.5
    correct[:, -1] = False  # a run is over once all blocks are correct
    start = np.zeros(runs, dtype=np.int64) if pointer is None else pointer
    return chosen_chunks(schedule, start, correct, m, ahead, LAM, rng)


def _chunk_size(schedule: Schedule) -> str:
    served = []
    for k in KS:
        try:
            g: Any = schedule.chunk_size(k)
        except InputError:
            continue
        if isinstance(g, bool) or not isinstance(g, Integral) or not 1 <= int(g) <= k:
            raise NotConforming(
                f"{type(schedule).__name__}.chunk_size({k}) must be a whole number from 1 to {k}, or raise InputError, "
                f"got {g!r}"
            )
        served.append(f"g = {g} of k = {k}")
    return ", ".join(served) or f"serves k = {_k(schedule)}"


def _chunks(schedule: Schedule) -> str:
    for runs in (1, 200):
        for ahead in (1, AHEAD) if schedule.oblivious else (1,):
            _choose(schedule, runs, ahead, np.random.default_rng(1))
    return f"whole numbers from 0 to {_m(schedule, _k(schedule)) - 1}, int [runs, ahead, 1 or lam]"


def _pointer(schedule: Schedule) -> str:
    m = _m(schedule, _k(schedule))
    runs = 2 * m
    pointer = np.arange(runs) % m
    moved = np.arange(runs) < m
    after: Any = schedule.advance(pointer, moved, m, np.ones(runs, dtype=np.int64))
    if not isinstance(after, np.ndarray) or after.shape != (runs,) or not np.issubdtype(after.dtype, np.integer):
        raise NotConforming(
            f"{type(schedule).__name__}.advance: expected whole numbers of shape ({runs},), one pointer a run, got "
            f"{getattr(after, 'dtype', type(after).__name__)} of shape {getattr(after, 'shape', '?')}"
        )
    for _ in range(3 * m):  # what the pointer comes to must be understood by `choose`
        after = schedule.advance(after, np.ones(runs, dtype=np.bool_), m, np.ones(runs, dtype=np.int64))
        _choose(schedule, runs, 1, np.random.default_rng(1), after)
    return "one whole number a run, understood by choose"


def _input_unchanged(schedule: Schedule) -> str:
    k = _k(schedule)
    m = _m(schedule, k)
    rng = np.random.default_rng(1)
    handed: list[Any] = [np.arange(50) % m, rng.random((50, k)) < 0.5, rng.random(50) < 0.5, np.ones(50, np.int64)]
    handed[1][:, -1] = False
    before = [array.copy() for array in handed]
    schedule.choose(handed[0], handed[1], m, 1, LAM, rng)
    if changed(before, handed):
        raise NotConforming(f"{type(schedule).__name__}.choose changes the arrays that it is handed; copy them first")
    schedule.advance(handed[0], handed[2], m, handed[3])
    if changed(before, handed):
        raise NotConforming(
            f"{type(schedule).__name__}.advance changes the arrays that it is handed; return new ones, "
            "`pointer + moved` and not `pointer += moved`"
        )
    return "pointer, correct, moved and generations left as handed over"


def _batch_as_loop(schedule: Schedule) -> str:
    k = _k(schedule)
    m = _m(schedule, k)
    correct = np.zeros((LOOP_CALLS, k), dtype=np.bool_)
    pointer = np.zeros(LOOP_CALLS, dtype=np.int64)
    rng = np.random.default_rng(1)
    batch = chosen_chunks(schedule, pointer, correct, m, 1, 1, rng)
    loop = [chosen_chunks(schedule, pointer[:1], correct[:1], m, 1, 1, rng) for _ in range(LOOP_CALLS)]
    return same_law("chunk", batch.reshape(-1), np.concatenate(loop).reshape(-1), m, FALSE_FAIL_RATE / 2)


def _oblivious(schedule: Schedule) -> str:
    _needs_oblivious(schedule)
    k = _k(schedule)
    m = _m(schedule, k)
    pointer = np.arange(50) % m
    ones = np.ones(50, dtype=np.int64)
    wrong, half = np.zeros((50, k), dtype=np.bool_), np.tile(np.arange(k) < k // 2, (50, 1))
    chosen = [
        chosen_chunks(schedule, pointer, correct, m, 1, LAM, np.random.default_rng(1)) for correct in (wrong, half)
    ]
    if changed([chosen[0]], [chosen[1]]):
        raise NotConforming(
            f"{type(schedule).__name__} says oblivious = True and chooses by the correctness of the parents; say False"
        )
    moved = [schedule.advance(pointer.copy(), np.full(50, moved), m, ones) for moved in (False, True)]
    if changed([moved[0]], [moved[1]]):
        raise NotConforming(
            f"{type(schedule).__name__} says oblivious = True and its pointer depends on whether the fitness moved; "
            "say False"
        )
    return "chunks do not depend on what calls did"


def _look_ahead(schedule: Schedule) -> str:
    """Generation j of a look ahead has the law of the chunk that is chosen after j generations."""
    _needs_oblivious(schedule)
    m = _m(schedule, _k(schedule))
    n = LOOP_CALLS
    ahead = _choose(schedule, n, AHEAD, np.random.default_rng(1))
    for j in range(1, AHEAD):
        pointer = schedule.advance(np.zeros(n, np.int64), np.zeros(n, np.bool_), m, np.full(n, j))
        later = _choose(schedule, n, 1, np.random.default_rng(1 + j), pointer)
        try:
            same_law("chunk", ahead[:, j, 0], later[:, 0, 0], m, FALSE_FAIL_RATE / (2 * AHEAD))
        except NotConforming:
            raise NotConforming(
                f"{type(schedule).__name__}.choose with ahead = {AHEAD} gives other chunks for generation {j + 1} than "
                f"advance by {j} and choose with ahead = 1"
            ) from None
    return f"{AHEAD} generations ahead are as {AHEAD} generations one by one"


def _needs_oblivious(schedule: Schedule) -> None:
    if getattr(schedule, "oblivious", None) is not True:
        raise DoesNotApply("the schedule is not oblivious: the engine does not look ahead")
