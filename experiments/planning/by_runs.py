"""What no formula tells of a candidate, from simulated runs of its cell, each number with its standard error."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from evo.costs.budget import ROUNDING, Budget
from evo.errors import NoPrediction
from experiments.grids.cell import Cell
from experiments.planning.candidates import Candidate
from experiments.planning.numbers import HOUR, LEVELS, Aim, Numbers, dearest_call
from experiments.planning.seconds import seconds_of_runs
from experiments.planning.simulated import A_RUN, NotSimulatedError, Simulator, SpentToTarget
from experiments.predictions.seconds import width_of

BAND = ("low", "median", "high")


def with_runs(candidate: Candidate, aim: Aim, found: Numbers, simulator: Simulator) -> Numbers:
    """The same with the means that no formula tells, simulated."""
    model = candidate.model
    asked = {"calls": True, "tokens": model.counted, "money": model.priced, "hours": model.timed}
    missing = [name for name, there in asked.items() if there and math.isnan(getattr(found, name))]
    try:
        if missing:
            spent = simulator.until(candidate.cell, aim.target)
            found = _with_sums(candidate, aim, found, spent, missing)
        if aim.limited and math.isnan(found.fitness):
            found = _at_budget(candidate, aim, found, simulator)
    except NotSimulatedError as error:
        return replace(found, note="; ".join(filter(None, (str(error), found.note))))
    return found


def with_simulated_band(candidate: Candidate, aim: Aim, found: Numbers, simulator: Simulator) -> Numbers:
    """The same with 10, 50 and 90 % of single runs, simulated if no formula tells them."""
    if not math.isnan(found.low) or not found.calls < A_RUN / 2.0:
        return found
    try:
        return _with_band(candidate, found, simulator.until(candidate.cell, aim.target))
    except NotSimulatedError as error:
        return replace(found, note=str(error))


def _with_sums(candidate: Candidate, aim: Aim, found: Numbers, spent: SpentToTarget, missing: list[str]) -> Numbers:
    """The same with what is missing, and the band if calls were not known either."""
    samples = {"calls": spent.calls, "tokens": spent.tokens, "money": spent.cost}
    told = {name: (sample.mean, sample.error) for name, sample in samples.items() if name in missing}
    if "hours" in missing:
        try:
            seconds, error, kind = seconds_of_runs(spent, candidate.model.latency, aim.workers)
            told["hours"], found = (seconds / HOUR, error / HOUR), replace(found, hours_kind=kind)
        except NoPrediction as error:
            found = replace(found, note=str(error))
    found = _simulated(found, told, len(spent.counts))
    return _with_band(candidate, found, spent) if "calls" in missing else found


def _with_band(candidate: Candidate, found: Numbers, spent: SpentToTarget) -> Numbers:
    sample = spent.cost if candidate.model.priced else spent.calls
    told = {name: (sample.quantile(u), sample.quantile_error(u)) for name, u in zip(BAND, LEVELS, strict=True)}
    return replace(_simulated(found, told, len(spent.counts)), kind=found.kind)


def _at_budget(candidate: Candidate, aim: Aim, found: Numbers, simulator: Simulator) -> Numbers:
    """The same with the fitness at the budget."""
    cell, goal = candidate.cell, candidate.model.k if aim.target is None else aim.target
    sample = simulator.at_budget(cell, *_budget(cell, aim), aim.target)
    runs, there = len(sample.values), int((sample.values >= goal).sum())
    near = (there + 1.0) / (runs + 2.0)  # that n runs are alike does not say that all are: two more, and one is not
    spread = replace(sample, values=np.append(sample.values, (sample.mean - 1.0, sample.mean + 1.0)))
    told = {"fitness": (sample.mean, spread.error), "reached": (there / runs, math.sqrt(near * (1.0 - near) / runs))}
    return _simulated(found, told, runs)


def _budget(cell: Cell, aim: Aim) -> tuple[Budget, float]:
    """As `predict` takes a budget, and the money that no run may overrun.

    One call a generation is made if what is left pays it: the engine stops once the budget is reached, and a last call
    beyond it does not count. Of several a generation is begun while what is left pays one on a full chunk, and paid
    whole: it is the engine's budget that leaves less than the price of one.
    """
    if aim.money is None:
        return Budget(calls=aim.calls), math.inf
    if width_of(cell) == 1:
        return Budget(cost=aim.money), aim.money * (1.0 + ROUNDING)
    call = dearest_call(cell)
    return Budget(cost=max(aim.money - call, 0.0) + 1e-9 * call), math.inf


def _simulated(found: Numbers, told: dict[str, tuple[float, float]], runs: int) -> Numbers:
    """The same with some numbers and their standard errors."""
    values: dict[str, Any] = {name: value for name, (value, _) in told.items()}
    errors = (*found.errors, *((name, error) for name, (_, error) in told.items()))
    fewest = min(runs, found.runs or runs)
    return replace(found, **values, errors=errors, runs=fewest, kind="simulated")
