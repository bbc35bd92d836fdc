"""What a grid will take before anything runs: calls, tokens, cost, censored runs and time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from evo.errors import InputError, NoPrediction
from evo.evaluation import is_noisy
from evo.runner import OnePlusLambda
from experiments.cell import Cell
from experiments.grid import Grid
from experiments.predictions import predict, predicted_mean

if TYPE_CHECKING:
    import pandas as pd

# Measured on one core of a small machine (tests/bench_engines.py); they order tasks and show the time left.
SECONDS_A_BLOCK = 2.5e-9
SECONDS_AN_OFFSPRING = 6e-8
SECONDS_A_ROUND = 1.5e-4
SECONDS_A_DEAP_CALL = 6e-5
OFFSPRING_A_ROUND = 4096


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
    """Expected calls of a run, cut at a budget on calls; infinite if neither is known."""
    mean = predicted_mean(cell, "calls")
    lam = cell.runner.lam
    most = math.inf
    if cell.budget is not None and cell.budget.calls is not None:
        most = math.ceil(cell.budget.calls / lam) * lam  # a generation that was begun is paid whole
    return min(math.inf if mean is None else mean, most)


def seconds_a_batch(cell: Cell, size: int, engine: str) -> float:
    """Rough single-core time of one batch, for order and progress; 1 s where no expectation is known."""
    mean = predicted_mean(cell, "calls")
    if mean is None:
        return 1.0
    offspring = size * min(mean, expected_calls(cell))
    if engine == "deap":
        return offspring * SECONDS_A_DEAP_CALL
    ahead = cell.schedule.oblivious and cell.runner == OnePlusLambda(cell.runner.lam) and not is_noisy(cell.problem)
    lockstep = offspring / size / cell.runner.lam
    rounds = min(lockstep, offspring / OFFSPRING_A_ROUND + cell.problem.k) if ahead else lockstep
    return offspring * (SECONDS_AN_OFFSPRING + cell.chunks.g * SECONDS_A_BLOCK) + rounds * SECONDS_A_ROUND


def forecast(grid: Grid) -> pd.DataFrame:
    """A row a cell: mean hit, calls, calls within the budget, cost and P(censored) of a run, seconds of all runs.

    Where there is no prediction the numbers are null and `note` says why; `note` also tells of infinite means.
    """
    import pandas as pd

    labels = grid.labels
    return pd.DataFrame([_row(grid, cell, labels[cell.id]) for cell in grid.cells])


def _row(grid: Grid, cell: Cell, label: str) -> dict[str, Any]:
    size = cell.batch_size(grid.batch)
    row: dict[str, Any] = {
        "cell": cell.id,
        "arm": label,
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
        row["note"] = "the mean is infinite: some runs never reach the optimum, all of them end at the budget"
    return row


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
