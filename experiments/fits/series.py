"""Series: the cells of a grid that differ in one parameter only, with what was measured along it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from evo.theory import Geometric
from experiments.fits.along import other_parameters, parameter_column, values_along
from experiments.fits.evidence.censoring import Scaled
from experiments.fits.quantities import ERT, MEAN, Quantity, parsed, values_of
from experiments.fits.tails import Tail, tail_of
from experiments.grids.cell_text import runs_program
from experiments.grids.labels import lams_of, tied_to, untied, varies, words
from experiments.grids.labels import values_of as values_of_columns
from experiments.predictions.programs import runs_alike
from experiments.store.by_cell import RunArrays
from experiments.store.results import Results
from experiments.store.table import MEASURED, is_of_a_role

if TYPE_CHECKING:
    import pandas as pd


SAME = 1e-12
"""Relative spread up to which floats are the same number."""


@dataclass(frozen=True)
class Series:
    """What was measured along one parameter; arrays have one entry a cell, in rising order of the parameter.

    Attributes:
        label: the arm, with the other parameters and types of parts that vary within an arm.
        arm: the arm.
        fixed: values of those other parameters and types, by their column.
        lam: offspring a generation; None where it is the parameter.
        x: the parameter.
        cells: ids of the cells.
        runs: runs.
        censored: runs that were censored.
        mean: mean of the quantity over all runs.
        variance: sample variance of the quantity.
        trials: Bernoulli trials behind the binomial GLM, summed over runs: calls for `hit`; generations for `calls`
            and `cost`.
        unit: mean quantity of a trial (1 for hit, lam for calls, the price of a generation for cost).
        memoryless: whether every trial hits with the same probability, by the predicted law of `hit`.
        median: median of the quantity; infinite where most runs were censored.
        tails: of each cell, whether it has a mean, and a mean of runs a standard error.
        unrun: the parameter of the cells that have no runs yet, which are in no other array.
        sure: whether all runs of a cell must come out the same, by what its program of calls expects.
        samples: of each cell the values of its runs, infinite where censored; empty for a quotient of two series.
        reach: of each cell the value up to which every run was seen; infinite where none was censored.
        shapes: of each cell with censored runs the predicted law scaled by its mean, None where it is not known.
        others: what else varies within the arm, and makes series of their own.
        statistic: what is fitted of the quantity: mean, median or ERT.
        tied: how other parameters follow this one, by their column: a law is along all of them together.
    """

    label: str
    arm: str
    fixed: dict[str, object]
    lam: int | None
    x: FloatArray
    cells: tuple[str, ...]
    runs: FloatArray
    censored: FloatArray
    mean: FloatArray
    variance: FloatArray
    trials: FloatArray
    unit: FloatArray
    memoryless: bool
    median: FloatArray
    tails: tuple[Tail, ...]
    unrun: FloatArray = field(default_factory=lambda: np.empty(0))
    sure: bool = False
    samples: tuple[FloatArray, ...] = field(default=(), repr=False)
    reach: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)
    shapes: tuple[Scaled | None, ...] = field(default=(), repr=False)
    others: tuple[str, ...] = ()
    statistic: str = MEAN
    tied: dict[str, object] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether all runs of every cell came out the same, up to rounding."""
        return bool((self.censored == 0).all() and (self.variance <= (SAME * self.mean) ** 2).all())


def series(results: Results, along: str = "k", quantity: str = "hit") -> tuple[Series, ...]:
    """The series of a grid along a parameter; those of a results object are made once.

    Args:
        results: of `run_grid` or `load`.
        along: the parameter, for example "k", or with its part "problem.k".
        quantity: "hit", "calls", "cost" or another of `experiments.fits.quantities.KNOWN`, its "median cost" or "ERT
            cost"; of programs the ledger of a role, too, such as "qa.pass_tokens".

    Raises: InputError for a parameter or quantity that the grid does not have.
    """
    asked = parsed(quantity, results)
    column = parameter_column(results.cells, along)
    return results.once(("series", column, quantity), lambda: _series(results, column, asked))


def predicted(results: Results, cell_id: str, quantity: str) -> float | None:
    """The predicted mean of a cell; None without a prediction, or where a part of the cell is not loaded."""
    try:
        return results.predict(cell_id, quantity).mean
    except (InputError, NoPrediction):
        return None


def _series(results: Results, column: str, quantity: Quantity) -> tuple[Series, ...]:
    role = quantity.column.split(".")[0] if is_of_a_role(quantity.column) else ""
    role = "" if role == MEASURED else role
    return tuple(_measured(results, group, column, quantity) for group in groups(results, column, role))


def measured_along(results: Results, column: str, second: str, quantity: Quantity) -> tuple[Series, ...]:
    """The cells of an arm that differ in two parameters only, in rising order of the first."""
    return tuple(_measured(results, group, column, quantity) for group in groups(results, column, second=second))


@dataclass(frozen=True, eq=False)
class Group:
    """The cells of a series, in rising order of its parameter.

    Attributes:
        cells: rows of the table of cells.
        fixed: values of what else varies within the arm, by column.
        tied: how other parameters follow that of the series, by column.
        others: what varies within an arm, and makes series of their own.
    """

    cells: pd.DataFrame
    fixed: dict[str, object]
    tied: dict[str, object]
    others: tuple[str, ...]

    @property
    def arm(self) -> str:
        """The arm."""
        return str(self.cells["arm"].iloc[0])

    @property
    def label(self) -> str:
        """The arm with what else varies within it, and with what follows the parameter."""
        return ", ".join([self.arm, *words(self.fixed | self.tied)])


def groups(results: Results, column: str, role: str = "", second: str = "") -> list[Group]:
    """The cells of each series along a column.

    Args:
        results: of `run_grid` or `load`.
        column: as `parameter_column` gives it.
        role: only cells of programs that have it; all unless given.
        second: another column that may vary within a series.
    """
    cells = results.cells.assign(**{column: values_along(results.cells, column)})
    cells = cells[cells[column].notna()]
    if role:
        cells = cells[cells[f"role.{role}.size"].notna()]
    others = [name for name in other_parameters(cells, column) if name != second]
    free = untied(cells, others, column)
    varying = [name for name in others if varies(free, name)]
    nulled = free[others].isna() & cells[others].notna()
    nulled = nulled.loc[:, nulled.any()]
    found = free.groupby(["arm", *others], sort=False, dropna=False)
    rows = [part.index for _, part in found]
    return [_group(cells.loc[each].sort_values(column), nulled.loc[each], column, varying) for each in rows]


def _group(cells: pd.DataFrame, nulled: pd.DataFrame, column: str, varying: list[str]) -> Group:
    """The cells of a series, and which parameters follow the column in which of them."""
    masked = [str(name) for name in nulled if nulled[name].any()]
    part = column.partition(".")[0]
    told = [name for name in masked if cells[name].dtype.kind in "iuf" or name.partition(".")[0] != part]
    tied: dict[str, object] = {name: tied_to(cells, name, column) for name in told}  # weights of k blocks are no news
    fixed = values_of_columns(cells.iloc[0], [name for name in varying if name not in masked])
    return Group(cells, fixed, tied, tuple(varying))


def _measured(results: Results, group: Group, column: str, quantity: Quantity) -> Series:
    cells = group.cells
    there = cells[[str(cell_id) in results.by_cell for cell_id in cells.index]]
    ids, lams = tuple(map(str, there.index)), lams_of(there).tolist()
    each = [_of_runs(results.numbers(cell_id), lam, quantity) for cell_id, lam in zip(ids, lams, strict=True)]
    lam, program = lams_of(cells).iloc[0], runs_program(str(cells["text"].iloc[0]))
    numbers = np.array([numbers for numbers, _ in each], dtype=float).reshape(len(each), 8)
    runs, censored, mean, variance, trials, unit, median, reach = numbers.T
    alike = quantity.statistic == MEAN and quantity.column != "seconds"
    known = [quantity.statistic == MEAN and cut > 0 for cut in censored]
    return Series(
        group.label,
        group.arm,
        group.fixed,
        None if "runner.lam" in (column, *group.tied) or program else int(lam),
        there[column].to_numpy(dtype=float),
        ids,
        runs,
        censored,
        mean,
        variance,
        trials,
        unit,
        memoryless=alike and bool(ids) and not program and all(_memoryless(results, cell_id) for cell_id in ids),
        median=median,
        tails=tuple(tail_of(results, cell_id) for cell_id in ids),
        unrun=cells.loc[~cells.index.isin(ids), column].to_numpy(dtype=float),
        sure=bool(ids) and program and all(_is_sure(results, cell_id) for cell_id in ids),
        samples=tuple(values for _, values in each),
        reach=reach,
        shapes=tuple(
            _scaled(results, cell_id, quantity.column) if asked else None
            for cell_id, asked in zip(ids, known, strict=True)
        ),
        others=group.others,
        statistic=quantity.statistic,
        tied=group.tied,
    )


def _of_runs(runs: RunArrays, lam: float, quantity: Quantity) -> tuple[tuple[float, ...], FloatArray]:
    """The numbers of the runs of a cell, and their values, infinite where censored.

    The numbers: how many, how many censored, mean and sample variance of the quantity, trials, unit, median, and the
    value up to which every run was seen.
    """
    values, hit, trials = values_of(runs, lam, quantity.column)
    n, cut = len(values), np.isnan(hit)
    ended = np.where(cut, np.inf, values)
    reach = float(values[cut].min()) if cut.any() else math.inf
    with np.errstate(over="ignore"):  # squares may leave floats: no law is fitted to such means
        variance = float(values.var(ddof=1)) if n > 1 else math.nan
    unit = 1.0 if quantity.column == "hit" else float(values.sum()) / (float(trials.sum()) or math.nan)
    mean, censored = float(values.mean()), float(cut.sum())
    if quantity.statistic == ERT:
        hits = n - censored
        mean = mean * n / hits if hits else math.inf
        variance = float((values - mean * ~cut).var(ddof=1)) * (n / hits) ** 2 if hits and n > 1 else math.nan
        censored = 0.0
    return (n, censored, mean, variance, float(trials.sum()), unit, float(np.median(ended)), reach), ended


def _scaled(results: Results, cell_id: str, quantity: str) -> Scaled | None:
    """P(T <= z E[T]) of the predicted law, linear between its steps; None without one."""
    try:
        found = results.predict(cell_id, quantity)
        if not (0 < found.mean < math.inf and math.isfinite(found.variance)):
            return None
        ends = found.quantile(1e-6), found.quantile(1 - 1e-9)
    except (InputError, NoPrediction):
        return None
    unit = found.unit or 1.0
    times = np.unique(np.round(np.geomspace(max(ends[0] / unit, 1), max(ends[1] / unit, 2), 600))) * unit
    times = np.r_[max(0.0, times[0] - unit), times]
    below, z = found.cdf(times), (times + unit / 2) / found.mean
    return lambda asked: np.asarray(np.interp(asked, z, below, left=0.0, right=1.0))


def _is_sure(results: Results, cell_id: str) -> bool:
    """Whether every run of a program has the same ledger."""
    stored = results.prediction(cell_id)
    if stored is not None and stored.of_program:
        return stored.exact
    try:
        return runs_alike(results.cell(cell_id))
    except InputError:
        return False


def _memoryless(results: Results, cell_id: str) -> bool:
    """Whether the law of hit is geometric from the first call on."""
    try:
        law = results.predict(cell_id, "hit").law
    except (InputError, NoPrediction):
        return False
    return isinstance(law, Geometric) and law.zero == 0.0
