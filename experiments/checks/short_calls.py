"""The test of the calls on a shorter last chunk, by which the cost of a cell goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo import statistics
from evo.costs.ledger import LEDGER
from evo.errors import NoPrediction
from evo.theory import TimeLaw
from evo.theory.times.at_times import LawAtTimes
from experiments.grids.cell import Cell
from experiments.predictions.predict import mean_calls_on_last_chunk, takes_several_calls
from experiments.store.by_cell import RunArrays


@dataclass(frozen=True)
class ShortCalls:
    """Calls on the shorter last chunk: the predicted mean of a run, and how many all runs made."""

    predicted: float
    total: float

    def p_value(self, runs: int, calls: TimeLaw | None) -> float | None:
        """Bound on the p-value of the total; None where the law of all calls, which bounds them, is not known."""
        if calls is None or isinstance(calls, LawAtTimes):
            return None
        try:
            return statistics.bounded_mean_p_value(self.total, runs, self.predicted, calls)
        except NoPrediction:
            return None

    def found(self, runs: int) -> str:
        """What was found, in words."""
        measured = f"mean calls on the short last chunk {self.total / runs:.5g}, predicted {self.predicted:.5g}"
        return f"{measured}, by which the cost goes"


def short_calls(cell: Cell, runs: RunArrays) -> ShortCalls | None:
    """Calls on the shorter last chunk, from the tokens that all calls wrote; None where that does not tell them."""
    if cell.chunks.short == 0 or cell.search.lengths.blocks is not None or takes_several_calls(cell):
        return None
    try:
        predicted = mean_calls_on_last_chunk(cell)
    except NoPrediction:
        return None
    price, fewer = cell.tokens.prices(np.eye(len(LEDGER))[LEDGER.index("generated_tokens")])[:2]
    written = float(runs["generated_tokens"].sum()) - price * float(runs["calls"].sum())
    return ShortCalls(predicted, written / fewer)
