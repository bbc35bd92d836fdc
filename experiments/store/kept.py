"""Which stored runs of a cell its table holds, under a stopping rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evo.protocols import BoolArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
from experiments.grids.stopping import Runs, StoppingRule, most_batches


def kept_batches(runs: Runs, hits_of_batches: Sequence[IntArray | None], size: int) -> int | None:
    """How many batches of a cell its table holds; None while more are needed to decide it.

    Args:
        runs: a number, which needs ceil(runs / size) batches whatever is in them, or a rule.
        hits_of_batches: `hit` of the batches 0, 1, .. as far as they are there: int64 [size] each, -1 where a run is
            censored. None where a batch is not there yet: what comes after it is not looked at.
        size: runs a batch.

    >>> kept_batches(UntilSuccesses(2, most=9), [np.array([5, -1, -1]), np.array([-1, 2, 4]), np.array([1, 1, 1])], 3)
    2
    """
    cap = most_batches(runs, size)
    if isinstance(runs, int):
        return cap
    there = _before_a_gap(hits_of_batches[:cap])
    if there:
        enough = runs.enough_at(np.concatenate(there), np.cumsum([len(hits) for hits in there]))
        if enough.any():
            return int(np.argmax(enough)) + 1
    return cap if len(there) == cap else None


def _before_a_gap(hits_of_batches: Sequence[IntArray | None]) -> list[IntArray]:
    """Those before the first that is not there."""
    there: list[IntArray] = []
    for hits in hits_of_batches:
        if hits is None:
            break
        there.append(hits)
    return there


@dataclass(frozen=True)
class Kept:
    """What of the stored runs of one cell its table holds.

    Attributes:
        runs: how many, from the first on.
        batches: of how many batches.
        decided: whether that is all that the rule asks for.
        by_rule: whether the rule had enough; False where the cap cut the runs, or nothing is decided.
    """

    runs: int
    batches: int
    decided: bool
    by_rule: bool


def kept(rule: StoppingRule, batch: IntArray, hit: IntArray) -> Kept:
    """What a rule keeps of the stored runs of a cell; while it is not decided, the batches before the first gap.

    Args:
        rule: the rule.
        batch: number of each run's batch, in rising order.
        hit: int64 [runs], -1 where a run is censored, in number order.
    """
    numbers, first, sizes = np.unique(batch, return_index=True, return_counts=True)
    if len(numbers) == 0:
        return Kept(0, 0, decided=False, by_rule=False)
    size, places = int(sizes.max()), np.arange(len(numbers))
    whole_ones = (numbers == places) & (
        sizes >= np.minimum(size, rule.most - places * size)
    )  # the cap may cut the last
    before = int(np.argmin(whole_ones)) if not whole_ones.all() else len(numbers)
    hits: list[IntArray | None] = [hit[low : low + runs] for low, runs in zip(first, sizes, strict=True)]
    batches = kept_batches(rule, hits[:before], size)
    if batches is None:
        return Kept(int(sizes[:before].sum()), before, decided=False, by_rule=False)
    runs = min(int(sizes[:batches].sum()), rule.most)
    return Kept(runs, batches, decided=True, by_rule=rule.enough(hit[:runs]))


def kept_of(rule: StoppingRule, rows: pd.DataFrame) -> Kept:
    """What a rule keeps of the rows of one cell, which are in order of batch and run."""
    return kept(rule, rows["batch"].to_numpy(), hits_of(rows))


def hits_of(rows: pd.DataFrame) -> IntArray:
    """The column `hit`, -1 where a run is censored; int64 [runs]."""
    return np.asarray(rows["hit"].to_numpy(dtype=np.int64, na_value=-1))


def kept_rows(runs: Runs, cell: IntArray, batch: IntArray, hit: IntArray) -> BoolArray:
    """Which rows the tables of their cells hold, bool [rows].

    Args:
        runs: a number: the first so many of each cell; or a rule.
        cell: numbers that tell cells apart; all rows of a cell stand together.
        batch: number of each run's batch; rows of a cell are in order of batch and run.
        hit: int64 [rows], -1 where a run is censored.
    """
    begins = np.flatnonzero(np.append(True, cell[1:] != cell[:-1])) if len(cell) else np.empty(0, dtype=np.int64)
    lengths = np.diff(np.append(begins, len(cell)))
    number = np.arange(len(cell)) - np.repeat(begins, lengths)
    if isinstance(runs, int):
        return np.asarray(number < runs)
    spans = [slice(begin, begin + length) for begin, length in zip(begins, lengths, strict=True)]
    return np.asarray(number < np.repeat([kept(runs, batch[span], hit[span]).runs for span in spans], lengths))
