"""What a grid will take before anything runs: calls, tokens, cost, censored runs and time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.evaluation import is_noisy
from evo.runner import OnePlusLambda
from evo.theory import TimeLaw
from experiments.cell import Cell
from experiments.grid import Grid
from experiments.predictions import predict, predicted_mean
from experiments.series import labels
from experiments.table import cells_table

if TYPE_CHECKING:
    import pandas as pd

# Measured on one core of a small machine (tests/bench_engines.py); they order tasks and show the time left.
SECONDS_A_BLOCK = 2.5e-9
SECONDS_AN_OFFSPRING = 6e-8
SECONDS_A_ROUND = 1.5e-4
SECONDS_A_DEAP_CALL = 6e-5
OFFSPRING_A_ROUND = 4096

TERM_BY_TERM, POINTS_AN_OCTAVE = 256, 32
NEGLIGIBLE = 1e-4
"""Of a mean: a budget that cuts less is not seen."""


def check_budgets(grid: Grid) -> None:
    """Refuse cells that may never end.

    Raises: InputError naming the first cell without a budget whose mean is infinite, or not known. A budget on cost
    where calls cost nothing is none.
    """
    for cell in grid.cells:
        if any(limit.per_call > 0 and limit.per_short_call > 0 for limit in cell.limits):
            continue
        none = "budget=None" if cell.budget is None else f"{cell.budget} where calls cost nothing"
        try:
            mean = predict(cell, "calls").mean
        except NoPrediction as error:
            raise InputError(
                f"{none} needs a predicted finite mean, got none for {cell.text}; give a Budget(calls=...). {error}"
            ) from None
        if math.isinf(mean):
            raise InputError(
                f"{none} needs a predicted finite mean, got an infinite one for {cell.text}; give a Budget(calls=...)"
            )


def expected_calls(cell: Cell) -> float:
    """Expected calls of a run within its budget on calls, E[min(calls, budget)]; infinite if neither is known.

    Without a budget on calls the mean; where only that is known, the lesser of both.
    """
    mean = predicted_mean(cell, "calls")
    if cell.budget is None or cell.budget.calls is None:
        return math.inf if mean is None else mean
    a_generation = cell.runner.lam * cell.tokens.calls
    most = math.ceil(cell.budget.calls / a_generation)  # a generation that was begun is paid whole
    least = min(math.inf if mean is None else mean, float(most * a_generation))
    if mean is None or hasattr(cell.mutator, "mean_calls"):
        return least
    law = predict(cell, "generations").law
    try:
        return least if law is None else min(least, a_generation * mean_within(law, most))
    except NoPrediction:
        return least


def mean_within(law: TimeLaw, most: int) -> float:
    """E[min(T, most)] = sum of P(T > t) over t < most, to 1e-4 where the tail is smooth.

    Term by term below 256; beyond, 32 points an octave joined by straight lines, at most 1.1 % off whatever the tail
    is, since it only falls. The mean itself where the variance says that the cut takes less than 1e-4 of it.

    Args:
        law: of T; its cdf must be known.
        most: where T is cut.

    >>> from evo.theory import Geometric
    >>> mean_within(Geometric(0.5), 3)
    1.75
    """
    if most > law.mean and law.variance < 4 * (most - law.mean) * NEGLIGIBLE * law.mean:
        return law.mean  # E[max(T - most, 0)] is at most variance / (4 (most - mean)), by Cauchy and Schwarz
    each = np.arange(min(TERM_BY_TERM, most))
    total = float(law.tail(each).sum())
    if most <= TERM_BY_TERM:
        return total
    points = 1 + math.ceil(POINTS_AN_OCTAVE * math.log2(most / TERM_BY_TERM))
    times = np.unique(np.geomspace(TERM_BY_TERM, most, points).round())
    tails = law.tail(times)
    # A trapezoid over whole times counts half of both ends; the sum goes from the first to before the last.
    return total + float((np.diff(times) * (tails[1:] + tails[:-1]) / 2).sum() + (tails[0] - tails[-1]) / 2)


def seconds_a_batch(cell: Cell, size: int, engine: str) -> float:
    """Rough single-core time of one batch, for order and progress; 1 s where no expectation is known."""
    mean = predicted_mean(cell, "calls")
    if mean is None:
        return 1.0
    offspring = size * expected_calls(cell)
    if engine == "deap":
        return offspring * SECONDS_A_DEAP_CALL
    ahead = cell.schedule.oblivious and cell.runner == OnePlusLambda(cell.runner.lam) and not is_noisy(cell.problem)
    lockstep = offspring / size / cell.runner.lam
    rounds = min(lockstep, offspring / OFFSPRING_A_ROUND + cell.problem.k) if ahead else lockstep
    return offspring * (SECONDS_AN_OFFSPRING + cell.chunks.g * SECONDS_A_BLOCK) + rounds * SECONDS_A_ROUND


def forecast(grid: Grid) -> pd.DataFrame:
    """A row a cell: mean hit, calls, calls within the budget, cost and P(censored) of a run, seconds of all runs.

    `series` is the arm with all that varies within it beside k and lam. Where there is no prediction the numbers are
    null and `note` says why; `note` also tells of infinite means.
    """
    import pandas as pd

    arms, series = grid.labels, labels(cells_table(grid))
    return pd.DataFrame([_row(grid, cell, arms[cell.id], series[cell.id]) for cell in grid.cells])


def _row(grid: Grid, cell: Cell, arm: str, series: str) -> dict[str, Any]:
    size = cell.batch_size(grid.batch)
    row: dict[str, Any] = {
        "cell": cell.id,
        "arm": arm,
        "series": series,
        "k": cell.problem.k,
        "lam": cell.runner.lam,
        "hit": predicted_mean(cell, "hit"),
        "calls": predicted_mean(cell, "calls"),
        "spent": expected_calls(cell),
        "cost": predicted_mean(cell, "cost"),
        "censored": _censored(cell),
        "seconds": seconds_a_batch(cell, size, grid.engine) * math.ceil(grid.runs / size),
        "source": "",
        "note": "",
    }
    try:
        row["source"] = predict(cell).source
    except NoPrediction as error:
        row["note"] = str(error)
    if row["calls"] == math.inf:
        row["note"] = f"the mean is infinite: {_ended(row['censored'])} at the budget"
    return row


def _ended(share: float | None) -> str:
    """How many runs a budget ends, in words."""
    if share is None:
        return "some runs end"
    if share == 1.0:
        return "all runs end"
    return f"a share {share:.3g} of the runs ends" if share < 0.9995 else "more than 0.999 of the runs end"


def _censored(cell: Cell) -> float | None:
    """P(a run does not hit within its budget on calls), where the law is known."""
    if cell.budget is None or cell.budget.calls is None:
        return 0.0 if cell.budget is None else None
    lam = cell.runner.lam
    if hasattr(cell.mutator, "mean_calls"):
        return None  # how many answers the budget buys is random
    paid = math.ceil(cell.budget.calls / (lam * cell.tokens.calls)) * lam
    try:
        return float(1 - predict(cell, "hit").cdf(paid))
    except NoPrediction:
        return None
