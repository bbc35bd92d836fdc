"""How many runs a stopping rule will ask for, from the exact predictions of the cell."""

from __future__ import annotations

import math

from evo.errors import NoPrediction
from evo.statistics import normal_quantile
from experiments.grids.any_cell import AnyCell
from experiments.grids.stopping import Runs, StoppingRule, UntilPrecise, UntilSuccesses
from experiments.predictions.predict import predict


def expected_runs(runs: Runs, cell: AnyCell, size: int, censored: float | None) -> int:
    """About how many runs a cell will have; the cap where the rule's question has no predicted answer.

    * `UntilPrecise`: n = (z sd / (relative mean))^2 runs; with q = P(censored) a run is among them w.p. 1 - (1-q)^n,
      and the cell goes to its cap.
    * `UntilSuccesses`: successes / (1 - q).

    Both in whole batches.

    Args:
        runs: a number, which is the answer, or a rule.
        cell: the cell.
        size: runs a batch.
        censored: P(a run is censored); None if it is not known.

    >>> from experiments import Cell
    >>> from evo import AllBlocks, OnePlusLambda
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda())
    >>> expected_runs(UntilPrecise(0.05, most=20000), cell, 500, 0.0)  # (1.96 / 0.05)^2 (1 - 1/16) = 1440.5
    1500
    """
    if isinstance(runs, int):
        return runs
    return min(runs.most, max(1, math.ceil(_expected(runs, cell, size, censored))))


def _expected(rule: StoppingRule, cell: AnyCell, size: int, censored: float | None) -> float:
    if censored is None or censored == 1.0:
        return rule.most
    if isinstance(rule, UntilSuccesses):
        return math.ceil(rule.successes / (1 - censored) / size) * size
    if not isinstance(rule, UntilPrecise):
        return rule.most
    try:
        hit = predict(cell, "hit")
        spread = hit.variance / hit.mean**2 if hit.mean else 0.0
    except NoPrediction:
        return rule.most
    if not math.isfinite(spread):
        return rule.most
    needed = (normal_quantile(0.5 + rule.CONFIDENCE / 2) / rule.relative) ** 2 * spread
    precise = math.ceil(max(rule.LEAST, needed) / size) * size
    return rule.most if precise >= rule.most else rule.most + (precise - rule.most) * (1 - censored) ** precise
