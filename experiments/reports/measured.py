"""What was measured of a cell, beside what is predicted: means, medians, shares, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, singledispatch
from typing import Any

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from evo.runners.protocol import Adjusting
from evo.statistics import binomial_interval, median_interval, normal_quantile
from experiments.checks.check import Check
from experiments.fits.tails import Tail, tail_declared, tail_of_prediction
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.programs.cell import ProgramCell
from experiments.predictions.predict import Prediction, predict
from experiments.predictions.programs import known_done
from experiments.predictions.verdict import CONFIDENCE, Verdict
from experiments.store.results import Results
from experiments.store.table import is_of_a_role


@dataclass(frozen=True)
class Value:
    """A measured value with its 95 % interval.

    Attributes:
        value: the value.
        low, high: the interval; a lower bound (of runs that were censored, or of an infinite mean) has high = infinity;
            NaN where there is none (of a mean whose variance is infinite).
    """

    value: float
    low: float
    high: float

    @property
    def bound(self) -> bool:
        """Whether it is a lower bound only."""
        return math.isinf(self.high)

    def times(self, factor: float) -> Value:
        """The value in another unit."""
        return Value(self.value * factor, self.low * factor, self.high * factor)

    def __str__(self) -> str:
        return f"> {number(self.value)}" if self.bound else number(self.value)


@dataclass(frozen=True, eq=False)
class Measured:
    """The runs of one cell.

    Attributes:
        process: the cell, a `Cell` or a `ProgramCell`; `cell` and `program` where a study knows which it has.
        verdict: of its check.
        hit: number of the offspring that was the first optimum, NaN where the run was censored; float [runs].
        calls: calls of each run.
        generations: generations of each run.
        cost: cost of each run.
        seconds: of each run of a runner that keeps the time (`Asynchronous`), else NaN.
        roles: of a program the ledger of each role, by the name of its column, such as "qa.pass_tokens".
        predictions: by their quantity, the predictions that the results keep of the cell; None to compute them.
    """

    process: AnyCell
    verdict: Verdict
    hit: FloatArray
    calls: FloatArray
    generations: FloatArray
    cost: FloatArray
    seconds: FloatArray = field(default_factory=lambda: np.empty(0))
    roles: Mapping[str, FloatArray] = field(default_factory=dict, repr=False, kw_only=True)
    predictions: Callable[[str], Prediction] | None = field(default=None, repr=False, kw_only=True)

    @property
    def cell(self) -> Cell:
        """The cell, of a search."""
        assert isinstance(self.process, Cell)  # who asks for it has made the arm
        return self.process

    @property
    def program(self) -> Any:
        """The program of calls of the cell, of an arm of programs."""
        assert isinstance(self.process, ProgramCell)
        return self.process.program

    @property
    def runs(self) -> int:
        """How many."""
        return len(self.hit)

    @property
    def censored(self) -> int:
        """How many of them ended at their budget."""
        return int(np.isnan(self.hit).sum())

    @property
    def reached(self) -> float:
        """Earliest censoring time over all runs, in offspring; infinite without censoring."""
        return float(self.offspring[np.isnan(self.hit)].min()) if self.censored else math.inf

    @property
    def offspring(self) -> FloatArray:
        """Offspring of each run; an offspring is one call unless answers take several (votes).

        Where their number varies from generation to generation and answers take several calls, the fewest.
        """
        return offspring_of(self.process, self.calls, self.generations)

    def mean(self, quantity: str = "hit") -> Value:
        """Mean of hit, calls, cost or a role's column, by the normal law.

        A lower bound where runs were censored or it is infinite.
        """
        values = {"hit": np.where(np.isnan(self.hit), self.offspring, self.hit), "calls": self.calls, "cost": self.cost}
        values |= self.roles
        found = mean_value(values[quantity])
        if self.process.ends_alone and quantity != "hit":
            return found  # a program ends by itself, whether its task is done or not
        if self.censored or self.tail is Tail.NO_MEAN:
            return Value(found.value, found.value, math.inf)
        return found if self.tail is Tail.LIGHT else Value(found.value, math.nan, math.nan)

    @property
    def tail(self) -> Tail:
        """Whether the calls have a mean, and a mean of runs a standard error."""
        try:
            return tail_of_prediction(self.predict())
        except NoPrediction:
            return tail_declared(self.process)

    def cut_mean(self, budget: float) -> Value:
        """Mean of min(hit, budget): what a run costs that gives up there."""
        return mean_value(np.fmin(self.hit, budget))

    @property
    def median(self) -> Value:
        """Median of hit, with the order statistics that hold it; a lower bound if most runs were censored."""
        ordered = np.sort(np.where(np.isnan(self.hit), np.inf, self.hit))
        middle = float(ordered[math.ceil(len(ordered) / 2) - 1])
        if math.isinf(middle):
            return Value(self.reached, self.reached, math.inf)
        return Value(middle, *median_interval(ordered, 1 - CONFIDENCE))

    def within(self, t: float) -> Value:
        """Share of the runs that hit by call t, with its exact binomial interval; t must not be beyond `reached`."""
        hits = int((self.hit <= t).sum())
        return Value(hits / self.runs, *binomial_interval(hits, self.runs, 1 - CONFIDENCE))

    @property
    def done(self) -> Value:
        """Share of the runs whose task was done right, or that hit, with its exact binomial interval."""
        return self.within(math.inf)

    @property
    def exact_done(self) -> float:
        """P(the task of a program is done right); NaN where it is not known, and of searches."""
        return known_done(self.process)

    @property
    def answer_calls(self) -> Value:
        """Calls an answer: a ratio of sums, its interval by the delta method."""
        ratio = float(self.calls.sum() / self.offspring.sum())
        rest = mean_value(self.calls - ratio * self.offspring)
        half = (rest.high - rest.low) / 2 / float(self.offspring.mean())
        return Value(ratio, ratio - half, ratio + half)

    def predict(self, quantity: str = "hit") -> Prediction:
        """The exact prediction.

        Raises: NoPrediction.
        """
        return predict(self.process, quantity) if self.predictions is None else self.predictions(quantity)

    def exact(self, quantity: str = "hit") -> float:
        """The predicted mean; may be infinite; NaN where it is not known."""
        try:
            return float(self.predict(quantity).mean)
        except NoPrediction:
            return math.nan

    def exact_cdf(self, times: FloatArray) -> FloatArray:
        """P(hit <= t) in the shape of t; NaN where it is not known."""
        try:
            return self.predict().cdf(times)
        except NoPrediction:
            return np.full(np.shape(times), np.nan)

    @property
    def exact_median(self) -> float:
        """The predicted median of hit; NaN where it is not known."""
        try:
            return float(self.predict().quantile(0.5))
        except NoPrediction:
            return math.nan


@singledispatch
def offspring_of(cell: AnyCell, calls: FloatArray, generations: FloatArray) -> FloatArray:
    """Offspring of runs, float [runs]; calls, where there are none."""
    return calls


@offspring_of.register(Cell)
def _(cell: Cell, calls: FloatArray, generations: FloatArray) -> FloatArray:
    if isinstance(cell.runner, Adjusting):
        return generations if hasattr(cell.mutator, "mean_calls") else calls
    return cell.runner.lam * generations


Arms = Mapping[str, Sequence[Measured]]
"""The cells that have runs, by their arm, in the order of the grid."""


def measured(results: Results, checked: Check) -> dict[str, list[Measured]]:
    """What was measured, by arm; cells without runs, or with a part that is not loaded, are left out."""
    verdicts = {cell.cell: cell.verdict for cell in checked.cells}
    arms: dict[str, list[Measured]] = {str(arm): [] for arm in results.cells["arm"].unique()}
    for cell_id, arm in results.cells["arm"].items():
        runs = results.numbers(str(cell_id))
        if not len(runs):
            continue
        try:
            cell = results.cell(str(cell_id))
        except InputError:
            continue
        columns = map(runs.floats, ("hit", "calls", "generations", "cost", "seconds"))
        roles = {name: runs.floats(name) for name in runs.names if is_of_a_role(name)}
        arms[str(arm)].append(
            Measured(
                cell, verdicts[str(cell_id)], *columns, predictions=partial(results.predict, str(cell_id)), roles=roles
            )
        )
    return arms


def exact_mean(cell: AnyCell, quantity: str = "hit") -> float:
    """The predicted mean of a cell; may be infinite; NaN where it is not known.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> exact_mean(Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda()))
    16.0
    """
    try:
        return float(predict(cell, quantity).mean)
    except NoPrediction:
        return math.nan


def number(value: float | None) -> str:
    """A number to four digits.

    >>> number(1048576), number(21.6612), number(float("nan"))
    ('1,048,576', '21.66', '-')
    """
    if value is None or math.isnan(value):
        return "-"
    value += 0.0  # -0.0 is told as 0
    if math.isinf(value):
        return "inf"
    if value == 0 or 0.001 <= abs(value) < 1e7:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:.3e}"


def beside(found: Value, predicted: float, verdict: Verdict | None = None) -> str:
    """Measured with its mark, and exact in brackets: `21.7 ✓ (21.66)`."""
    mark = "" if verdict is None else f" {MARKS[verdict]}"
    return f"{found}{mark}" + ("" if math.isnan(predicted) else f" ({number(predicted)})")


def ratio_of(over: Value, under: Value) -> Value:
    """A ratio of two means, with the interval of its log."""
    found, noise = over.value / under.value, ratio_noise(over, under)
    return Value(found, found * math.exp(-noise), found * math.exp(noise))


def ratio_noise(over: Value, under: Value) -> float:
    """Half-width of the 95 % interval of the log of a ratio of two means, by the delta method."""
    return math.hypot(*((each.high - each.low) / 2 / each.value for each in (over, under)))


MARKS = {Verdict.AGREES: "✓", Verdict.DIFFERS: "✗", Verdict.CANNOT_TELL: "?"}


def mean_value(values: FloatArray) -> Value:
    """The mean of a number a run, with its interval by the normal law."""
    mean = float(values.mean())
    if len(values) < 2:
        return Value(mean, mean, mean)
    half = normal_quantile(0.5 + CONFIDENCE / 2) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Value(mean, mean - half, mean + half)
