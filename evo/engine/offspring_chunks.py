"""The chunks of the offspring of one generation that have parents of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from evo.engine.contracts import chosen_chunks
from evo.protocols import BoolArray, IntArray, Schedule
from evo.schedules import (
    AllBlocks,
    EachChunk,
    OnlyIncorrect,
    RoundRobin,
    UniformChunk,
    UniformSubset,
    UntilResolved,
    inner_schedule,
)

LOOK_AT_NO_PARENT = (AllBlocks, RoundRobin, UntilResolved, EachChunk)
"""Schedules that name the same chunks whatever the parents are, and draw nothing; types matched exactly."""
DRAW_FOR_EACH = (UniformChunk, UniformSubset)
"""Schedules that draw the chunk of each offspring, whatever the parents are; types matched exactly."""


def chunks_of_offspring(
    schedule: Schedule,
    pointer: IntArray,
    parents: Callable[[int | slice], BoolArray],
    lam: int,
    same: bool,
    rng: Generator,
    once: bool = False,
) -> IntArray:
    """The chunk of each offspring of one generation, int [runs, lam] (or positions [runs, lam, g]).

    Args:
        schedule: the schedule.
        pointer: int [runs].
        parents: the parents of offspring j, bool [runs, k]; of a slice of them bool [runs, n, k].
        lam: offspring of a run.
        same: whether all offspring of a run have one parent, so that the schedule is asked once.
        rng: the schedule's stream.
        once: whether a schedule that draws and looks at no parent is asked once too, which draws less, and others.
    """
    runs, kind = len(pointer), type(inner_schedule(schedule))

    def chosen(told: IntArray, shown: BoolArray, lam: int) -> IntArray:
        shown = shown.view()
        shown.flags.writeable = False  # a schedule only looks
        return chosen_chunks(schedule, told, shown, 1, lam, rng)[:, 0]

    if same or lam == 1 or kind in LOOK_AT_NO_PARENT or (once and kind in DRAW_FOR_EACH):
        chunk = chosen(pointer, parents(0), lam)
        return chunk if chunk.shape[1] == lam else np.broadcast_to(chunk, (runs, lam, *chunk.shape[2:]))
    if kind is OnlyIncorrect:  # draws nothing, so that all parents may be shown at once
        flat = parents(slice(None))
        return chosen(np.repeat(pointer, lam), flat.reshape(runs * lam, -1), 1).reshape(runs, lam)
    each = []
    for j in range(lam):
        every = chosen(pointer, parents(j), lam)
        each.append(every[:, min(j, every.shape[1] - 1)].copy())  # or all of `every` stayed in memory
    return np.stack(each, axis=1)


def same_in_parts(schedule: Schedule) -> bool:
    """Whether the offspring of a generation may ask for their chunks part by part, as if each part were all."""
    kind = type(inner_schedule(schedule))
    return kind in DRAW_FOR_EACH or kind is OnlyIncorrect or (kind in LOOK_AT_NO_PARENT and kind is not EachChunk)
