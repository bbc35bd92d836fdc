"""The numbers of a candidate: exact ones are `predict`'s of its cell."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from evo.costs.budget import ROUNDING
from evo.errors import NoPrediction
from experiments.grids.cell import Cell
from experiments.planning.candidates import TOKENS, Candidate
from experiments.planning.seconds import seconds_of
from experiments.planning.target import time_to
from experiments.predictions.predict import predict
from experiments.predictions.quality.budgets import calls_of_a_generation

LEVELS = (0.1, 0.5, 0.9)
NONE = math.nan
HOUR = 3600.0
NO_CALL = "the budget is below the price of one call"


@dataclass(frozen=True)
class Aim:
    """What is to be reached, and with what.

    Attributes:
        target: the fitness, in blocks; None for the optimum.
        money: that a run may cost.
        calls: that a run may make.
        workers: calls at the same time.
    """

    target: int | None = None
    money: float | None = None
    calls: int | None = None
    workers: int = 1

    @property
    def limited(self) -> bool:
        """Whether there is a budget."""
        return self.money is not None or self.calls is not None


@dataclass(frozen=True)
class Numbers:
    """What a candidate comes to; NaN where it is not known.

    Attributes:
        calls: expected calls of a run until the target, whatever the budget.
        tokens: expected tokens, read and written.
        money: expected money.
        hours: expected hours.
        low, median, high: 10, 50 and 90 % of the money of single runs.
        hours_low, hours_median, hours_high: the same of their hours.
        fitness: expected fitness at the budget.
        reached: P(the target is reached at the budget).
        kind: "exact"; "simulated" if a mean is, see `errors`; "none" if nothing is known.
        hours_kind: "exact", "at most", "simulated"; empty without hours.
        note: why a number is missing, or simulated.
        runs: simulated, the fewest that a number rests on; 0 if none is simulated.
        errors: pairs of a number that is simulated and its standard error.
    """

    calls: float = NONE
    tokens: float = NONE
    money: float = NONE
    hours: float = NONE
    low: float = NONE
    median: float = NONE
    high: float = NONE
    hours_low: float = NONE
    hours_median: float = NONE
    hours_high: float = NONE
    fitness: float = NONE
    reached: float = NONE
    kind: str = "exact"
    hours_kind: str = ""
    note: str = ""
    runs: int = 0
    errors: tuple[tuple[str, float], ...] = ()

    def error(self, name: str) -> float:
        """The standard error of a number that is simulated, NaN of one that is not."""
        return dict(self.errors).get(name, NONE)


NAMES = tuple(each.name for each in fields(Numbers) if each.name != "errors")


def exact_numbers(candidate: Candidate, aim: Aim) -> Numbers:
    """All numbers that a formula tells, but the band of single runs."""
    try:
        found = _means(candidate) if aim.target is None else _to_target(candidate, aim.target)
        found = _timed(candidate, aim, found)
    except NoPrediction as error:
        found = Numbers(note=str(error))
    found = _at_budget(candidate, aim, found) if aim.limited else found
    return replace(found, kind="none") if math.isnan(found.calls) and math.isnan(found.fitness) else found


def number_of(candidate: Candidate, aim: Aim, by: str) -> float:
    """One of the numbers that a formula tells, without the others where that is quicker."""
    try:
        if by in ("fitness", "reached"):
            found = _at_budget(candidate, aim, Numbers())
        elif aim.target is None and by in ("money", "calls"):
            return predict(candidate.cell, "cost" if by == "money" else by).mean
        else:
            found = exact_numbers(candidate, aim)
    except NoPrediction:
        return NONE
    return float(getattr(found, by))


def _means(candidate: Candidate) -> Numbers:
    """Expected calls, tokens and money until the optimum."""
    cell, model = candidate.cell, candidate.model
    calls = predict(cell, "calls").mean
    tokens = predict(replace(cell, cost=TOKENS), "cost").mean if model.counted else NONE
    money = predict(cell, "cost").mean if model.priced else NONE
    return Numbers(calls, tokens, money)


def _to_target(candidate: Candidate, target: int) -> Numbers:
    """The same until another fitness, where all generations cost the same."""
    cell, model = candidate.cell, candidate.model
    each = calls_of_a_generation(cell)
    if cell.tokens.powers:
        raise NoPrediction("calls differ in price, and how many of each are made until the target is not known")
    calls = each * time_to(cell, target).mean
    read, written, *_ = cell.tokens.entries()
    tokens = calls * (read + written) if model.counted else NONE
    return Numbers(calls, tokens, calls * _price(candidate) if model.priced else NONE)


def _price(candidate: Candidate) -> float:
    """Of a call, where all cost the same."""
    return predict(candidate.cell, "cost").unit


def _timed(candidate: Candidate, aim: Aim, found: Numbers) -> Numbers:
    """The same with hours; until another target than the optimum they are as many times fewer as calls are."""
    if not candidate.model.timed:
        return found
    try:
        seconds, kind = seconds_of(candidate.cell, candidate.model.latency, aim.workers)
    except NoPrediction as error:
        return replace(found, note=str(error))
    if aim.target is not None:
        seconds *= found.calls / predict(candidate.cell, "calls").mean
    return replace(found, hours=seconds / HOUR, hours_kind=kind)


def _at_budget(candidate: Candidate, aim: Aim, found: Numbers) -> Numbers:
    """The same with the fitness at the budget."""
    cell, goal = candidate.cell, candidate.model.k if aim.target is None else aim.target
    if aim.money is not None and dearest_call(cell) > aim.money * (1.0 + ROUNDING):
        law = candidate.model.problem.initial_law.law()[::-1]  # of the number of correct blocks
        return replace(found, fitness=float(law @ range(len(law))), reached=float(law[goal:].sum()), note=NO_CALL)
    try:
        quality = predict(cell, "fitness", calls=aim.calls, cost=aim.money)
    except NoPrediction as error:
        return replace(found, note=str(error))
    return replace(found, fitness=quality.mean, reached=float(quality.at_least(goal)))


def dearest_call(cell: Cell) -> float:
    """The price of a call on a full chunk, and of its evaluation."""
    return float(cell.tokens.prices(cell.weights)[0] + cell.weights[1])


def with_band(candidate: Candidate, aim: Aim, numbers: Numbers) -> Numbers:
    """The same with 10, 50 and 90 % of single runs, by a formula: of their money, or of their calls without prices."""
    if numbers.kind != "exact":
        return numbers
    priced, cell = candidate.model.priced, candidate.cell
    try:
        if aim.target is None:
            known = predict(cell, "cost" if priced else "calls")
            low, median, high = (known.quantile(u) for u in LEVELS)
        else:
            unit = calls_of_a_generation(cell) * (_price(candidate) if priced else 1.0)
            time = time_to(cell, aim.target)
            low, median, high = (unit * time.quantile(u) for u in LEVELS)
    except NoPrediction as error:
        return replace(numbers, note=str(error))
    return replace(numbers, low=low, median=median, high=high)
