"""The blocks of calls by how many a call was handed: which calls are one granularity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.protocols import BoolArray, FloatArray
from experiments.calibration.blocks import FEWEST_CLUSTERS, Counts
from experiments.logs.calls import Calls, Words

MOST_SIZES = 12
"""Different g that are estimated one by one; more are put together where they are within a factor of two."""


@dataclass(frozen=True, eq=False)
class Granularity:
    """Calls that were handed about the same number of blocks.

    Attributes:
        g: blocks a call, the median.
        calls: these calls.
        words: how g is said.
    """

    g: int
    calls: Calls
    words: str

    def counts(self, name: str) -> Counts | None:
        """The blocks that could be fixed, or kept; None if there are none."""
        n, y = blocks(self.calls, name)
        there = (n > 0) & ~np.isnan(y)
        return Counts(n[there], y[there]) if there.any() else None

    def items(self, name: str) -> Words | None:
        """What each of these calls worked on; None if it is not told."""
        n, y = blocks(self.calls, name)
        return self.calls.word("item")[(n > 0) & ~np.isnan(y)] if "item" in self.calls else None

    def clusters(self, name: str) -> Words | None:
        """The cluster of each of these calls."""
        n, y = blocks(self.calls, name)
        words = clusters(self.calls)
        return words if words is None else words[(n > 0) & ~np.isnan(y)]


def blocks(calls: Calls, name: str) -> tuple[FloatArray, FloatArray]:
    """Of each call: blocks that were incorrect and those repaired (fix), or correct and those kept (keep)."""
    if name == "fix":
        return calls.number("incorrect"), calls.number("repaired")
    return calls.correct, calls.kept


def clusters(calls: Calls) -> Words | None:
    """The words of calls that may be alike, items or runs, whichever are fewer; None if none are told."""
    found = []
    for name in ("item", "run"):
        words = calls.word(name)
        number = len(set(words.tolist()))
        if name in calls and FEWEST_CLUSTERS <= number < len(calls):
            found.append((number, words))
    return min(found, key=lambda each: each[0])[1] if found else None


def counted(calls: Calls) -> Calls:
    """The calls whose answers were applied and whose blocks were counted."""
    there: BoolArray = ~np.isnan(calls.number("g")) & ~np.isnan(calls.number("incorrect"))
    return calls.where(there & np.isin(calls.classes.astype(str), ["", "applied"]))


def are_whole_tasks(calls: Calls) -> bool:
    """Whether each call was handed all blocks of its task, so that g is the size of the task."""
    known = ~np.isnan(calls.number("k"))
    return bool(known.any()) and bool((calls.number("g") == calls.number("k"))[known].all())


def granularities(calls: Calls) -> list[Granularity]:
    """The calls by g; those on whole tasks are one granularity, whatever the tasks' sizes."""
    calls = calls.where(~np.isnan(calls.number("g")))
    g = calls.number("g")
    sizes = np.unique(g)
    if not len(sizes):
        return []
    if len(sizes) > 1 and are_whole_tasks(calls):
        return [Granularity(int(np.median(g)), calls, f"whole tasks, {sizes[0]:.0f} to {sizes[-1]:.0f} blocks")]
    if len(sizes) <= MOST_SIZES:
        return [Granularity(int(size), calls.where(g == size), f"{size:.0f}") for size in sizes]
    octaves = np.floor(np.log2(g))
    made = []
    for octave in np.unique(octaves):
        part = calls.where(octaves == octave)
        least, most = part.number("g").min(), part.number("g").max()
        words = f"{least:.0f}" if least == most else f"{least:.0f}-{most:.0f}"
        made.append(Granularity(int(np.median(part.number("g"))), part, words))
    return made
