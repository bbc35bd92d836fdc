"""Chunks that a schedule chooses in checks, for parents of all kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from evo.chunks import draws_subsets
from evo.conformance.results import NotChecked
from evo.conformance.serving import CANDIDATES as ALL
from evo.conformance.serving import CANDIDATES_SHOWN
from evo.engine.contracts import chosen_chunks
from evo.errors import InputError
from evo.protocols import BoolArray, IntArray, Schedule

KS: tuple[int, ...] = (12, 7, 3, 1, 16, 64)
CANDIDATES: tuple[int, ...] = (*KS, *sorted({*ALL} - {*KS}))
LAM = 3


def served(schedule: Schedule) -> tuple[int, ...]:
    """Values of k that the schedule serves: those in KS, or else the smallest.

    Raises: NotChecked if the schedule refuses every k tried.
    """
    refusal, found = "", list[int]()
    for k in CANDIDATES:
        if found and k not in KS:
            break
        try:
            schedule.chunk_size(k)
            found.append(k)
        except InputError as error:
            refusal = str(error)
    if not found:
        raise NotChecked(
            f"{type(schedule).__name__}.chunk_size refuses {CANDIDATES_SHOWN}: {refusal}; nothing can be tested"
        )
    return tuple(found)


def chunks_of(schedule: Schedule, k: int) -> int:
    """Number of chunks m."""
    g: int = schedule.chunk_size(k)
    return -(-k // g)


def parents(runs: int, k: int, rng: Generator) -> BoolArray:
    """Parents, bool [runs, k]: half random, half with one incorrect block, none optimal."""
    correct = rng.random((runs, k)) < rng.random((runs, 1))
    nearly = np.arange(runs) % 2 == 1
    correct[nearly] = True
    correct[np.arange(runs), rng.integers(k, size=runs)] = False
    return correct


def pick(
    schedule: Schedule,
    k: int,
    runs: int,
    ahead: int,
    rng: Generator,
    pointer: Any = None,
    lam: int = LAM,
    correct: BoolArray | None = None,
) -> IntArray:
    """The chunks chosen for parents of all kinds (or these), from the first chunk (or these pointers) on."""
    correct = parents(runs, k, np.random.default_rng(3)) if correct is None else correct
    start = np.zeros(runs, dtype=np.int64) if pointer is None else pointer
    return chosen_chunks(schedule, start, correct, ahead, lam, rng)


def code(schedule: Schedule, k: int, chunk: IntArray) -> IntArray:
    """A number below k for each choice, int [runs, ahead, lam]: the chunk, or a hash of the set of blocks."""
    if not draws_subsets(schedule):
        return chunk
    return np.asarray((chunk * np.arange(1, chunk.shape[-1] + 1)).sum(axis=-1) % k)
