"""Waiting time of programs of calls, read off the table of runs where that tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo.costs.latency import Latency
from evo.protocols import FloatArray
from experiments.grids.programs.cell import ProgramCell
from experiments.predictions.seconds import second_prices

if TYPE_CHECKING:
    import pandas as pd

NOT_KEPT = (
    "no seconds of single runs of a program: the table keeps its steps, not which calls of which lengths each step "
    "waits for; --workers 1 without a tail, one call after the other, is known"
)


def seconds_of_runs(cell: ProgramCell, runs: pd.DataFrame, workers: int | None, latency: Latency) -> FloatArray:
    """Seconds of each run, NaN where the table does not tell them: float [runs].

    Where calls follow each other (one worker, or as many steps as calls) and tail = 0, they are priced as money is.
    """
    in_turn = runs["calls"].to_numpy(dtype=float) == runs["generations"].to_numpy(dtype=float)
    known = (in_turn | (workers == 1)) & (latency.tail == 0.0)
    seconds = np.zeros(len(runs))
    for column, price in second_prices(cell, latency).items():
        if price:
            seconds += price * runs[column].to_numpy(dtype=float)
    return np.where(known, seconds, np.nan)
