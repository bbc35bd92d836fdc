"""Rows of a batch are runs of their own: they have the law of single ones, and know nothing of each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.conformance.results import NotConforming
from evo.statistics import binomial_p_value

BATCHES = 640
ROWS = 600


def same_law(what: str, batch: NDArray[np.int64], loop: NDArray[np.int64], most: int, alpha: float) -> str:
    """Check that two samples of categories, one a call, have the same law and the same law of neighbours.

    |P_n(x) - P'_n(x)| <= sqrt(ln(2 c/alpha)/n) for all c categories, `most` of them, w.p. 1 - alpha (Hoeffding).
    Neighbours: P(a call gives what the call before it gave), from disjoint pairs.

    Raises: NotConforming.
    """
    pairs = len(batch) // 2
    log = math.log(2 * (most + 1) / alpha)
    compared = []
    for x in np.union1d(batch, loop):
        shares = (float(np.mean(batch == x)), float(np.mean(loop == x)))
        compared.append((*shares, math.sqrt(log / len(batch)), f"P({what} = {x})"))
    in_pairs = [float(np.mean(sample[0 : 2 * pairs : 2] == sample[1 : 2 * pairs : 2])) for sample in (batch, loop)]
    compared.append((in_pairs[0], in_pairs[1], math.sqrt(log / pairs), f"P(two neighbours have the same {what})"))
    in_batch, alone, width, event = max(compared, key=lambda each: abs(each[0] - each[1]) / each[2])
    if abs(in_batch - alone) > width:
        raise NotConforming(
            f"{event} is {in_batch:.3f} in a batch of {len(batch):,} and {alone:.3f} when asked one by one; each row "
            "of a batch is a run of its own: draw random numbers in the shape of what is handed over"
        )
    return f"a batch is as many single ones; {2 * compared[0][2]:.2g} in any probability would have been found"


def rows_independent(what: str, batch: Callable[[int, Generator], Any], alpha: float) -> str:
    """Check that the rows of a batch are independent: sums over one half of them say nothing of the other half.

    Of two batches, the one with the larger sum over one half has the larger sum over the other half w.p. 1/2, if
    neither is equal: an exact sign test, whatever the law of a row. Halves: first and second, even and odd, pairs.

    Args:
        what: whose rows they are.
        batch: gives a number for each of n rows, all in the same state.
        alpha: false-alarm rate.

    Raises: NotConforming.
    """
    rng = np.random.default_rng(7)
    rows = np.array([batch(ROWS, rng) for _ in range(BATCHES)])
    place = np.arange(ROWS)
    halves = {
        "the first half": place < ROWS // 2,
        "every second one": place % 2 == 0,
        "every second pair": place % 4 < 2,
    }
    for name, half in halves.items():
        one, other = (np.sign(np.diff(rows[:, part].sum(axis=1))[::2]) for part in (half, ~half))
        together = int(np.sum(one * other > 0))
        all_ = int(np.sum(one * other != 0))
        if all_ and binomial_p_value(together, all_, 0.5) < alpha / len(halves):
            raise NotConforming(
                f"the rows of a batch of {what} depend on each other: in {together} of {all_} pairs of batches, "
                f"each of {ROWS} rows, {name} of the rows says which batch has more in the other rows (half of them if "
                "rows are independent); draw random numbers in the shape of what is handed over"
            )
    return f"rows of {BATCHES} batches of {ROWS} know nothing of each other"
