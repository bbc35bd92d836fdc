"""The tests of a cell that runs a program of calls: the ledger of each role against what the program expects.

* ledger: the total of every entry is the sum over the roles, parts are no larger than their wholes, `hit` is the number
  of calls. Where the program expects one ledger in every run, each entry of each role in each run is that, to the last
  unit; where its task is always (or never) done right, it is in every run.
* calls: mean and law of the number of calls, where the program knows their law; as for the hits of a search.
* means: each entry of each role, and the number of steps, against its expected mean, by Student's t from the sample
  variance, times their number (Bonferroni), from 100 runs on. Measured false-alarm rates at a nominal 1e-3 are in the
  test of this file.
* done: the number of runs whose task was done right is binomial. Where a program expects no ledger, but has a property
  `done`, the probability, this alone is tested; it can tell that a cell DIFFERS, not that it AGREES.
* bounds: where it has a property `calls_between`, bounds of its mean number of calls, the measured mean must not be
  outside of them, by a t test of each. A mean within its bounds is no evidence for any value: the cell stays CANNOT
  TELL, and says so.

AGREES takes so many runs that a mean off by the resolution, of every entry that is at least a twentieth of its total,
would have been found with probability 0.95, and a chance of success off by 0.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from evo import statistics
from evo.costs.ledger import LEDGER, PART_OF
from evo.protocols import FloatArray
from evo.statistics import normal_quantile
from evo.theory import TimeLaw
from experiments.checks.cell_tests import Outcome, law_test, mean_test
from experiments.checks.power import RESOLUTION_OF_CDF, Level, more, needed, runs_for_distance, worth
from experiments.grids.programs.cell import ProgramCell
from experiments.predictions.predict import Prediction
from experiments.predictions.programs import columns_of_roles, expected_in
from experiments.predictions.verdict import CONFIDENCE, POWER
from experiments.store.table import is_of_a_role

if TYPE_CHECKING:
    import pandas as pd

FEWEST_RUNS = 100
"""From which a sample variance is relied on."""
LEAST_SHARE = 0.05
"""Of an entry's total, from which a role's mean must be told for AGREES."""
MOST_TIMES = 100.0
"""Times the value that all runs have in common that an unseen one is taken to be at the most."""
Tested = tuple[tuple[Outcome, ...], str, str]
"""The tests, what is missing for AGREES, and what they would have found."""


@dataclass(frozen=True, eq=False)
class OfProgram:
    """What is expected of a program.

    Attributes:
        columns: of the table of runs, by name; whole numbers where every run has them.
        exact: whether every run has them.
        done: probability that the task is done right.
        calls: law of the number of calls; None if it is not known.
    """

    columns: Mapping[str, float]
    exact: bool
    done: float
    calls: TimeLaw | None = None

    @classmethod
    def of(cls, cell: ProgramCell) -> OfProgram:
        """What the program of a cell expects.

        Raises: NoPrediction.
        """
        expected = expected_in(cell)
        columns = dict(zip(columns_of_roles(cell), expected.ledger.ravel().tolist(), strict=True))
        if expected.mean_steps is not None:
            columns["generations"] = expected.mean_steps
        return cls(columns, expected.exact_every_run, expected.done, expected.calls)


def books_of_program(runs: pd.DataFrame) -> str | None:
    """What does not add up in the ledgers of runs, whatever was expected of them; None if all does."""
    roles = list(dict.fromkeys(name.split(".")[0] for name in runs.columns if is_of_a_role(name)))
    roles = [role for role in roles if not runs[f"{role}.calls"].isna().any()]  # others are of other cells
    of = {role: {entry: _whole(runs, f"{role}.{entry}") for entry in LEDGER} for role in roles}
    if not of:
        return "the table has no ledger of any role"
    for entry in LEDGER:
        total = sum(entries[entry] for entries in of.values())
        if np.any(np.abs(runs[entry].to_numpy(dtype=float) - total) > 1e-12 * total):
            return f"{entry} are not the sum over the roles {', '.join(of)}"
    for part, whole in PART_OF.items():
        for role, entries in of.items():
            if np.any(entries[part] > entries[whole]):
                return f"{role}.{part} are more than {role}.{whole}, of which they are a part"
    hit = runs["hit"].to_numpy(dtype=float, na_value=np.nan)
    if np.any(hit[~np.isnan(hit)] != runs["calls"].to_numpy(dtype=float)[~np.isnan(hit)]):
        return "hit is not the number of calls, of runs whose task was done right"
    return None


def program_tests(expected: OfProgram, runs: pd.DataFrame, level: Level, resolution: float) -> Tested:
    """The tests of runs whose books are in order, at least one run.

    Args:
        expected: of the program.
        runs: of the cell.
        level: significance level of a test, by the number of runs.
        resolution: relative discrepancy of a mean that must be found.
    """
    fault = _exact_fault(expected, runs) if expected.exact else None
    books = Outcome("ledger", 0.0 if fault else 1.0, fault or "the ledger adds up")
    done, open_done = _done_test(expected, runs, level)
    if wrong := _done_fault(expected, runs):
        done = (Outcome("done", 0.0, wrong),)
    if expected.exact:
        told = "one unit more or less of any entry of any role in any run"
        return (books, *done), open_done, told
    means, open_means, least = _means_test(expected, runs, level, resolution)
    told = f"a mean off by {least:.2g} % of any role with a twentieth of an entry or more"
    return (books, *_calls_tests(expected, runs), *means, *done), open_means or open_done, told


def known_alone(program: object, runs: pd.DataFrame, level: Level) -> tuple[tuple[Outcome, ...], str]:
    """The tests of a program that does not know its ledger: of `done` and `calls_between`; and what they leave open."""
    bounds = bounds_test(getattr(program, "calls_between", None), runs["calls"].to_numpy(dtype=float))
    open_ = f"{bounds.found}, which no number of runs makes narrower; " if bounds else ""
    return (*_done_alone(program, runs, level), *([bounds] if bounds else ())), open_


def bounds_test(bounds: object, calls: FloatArray) -> Outcome | None:
    """That a mean is not outside of its bounds, from 100 runs on: by Student's t at the nearer bound; None without.

    >>> calls = np.array([9.0, 11.0] * 50)
    >>> bounds_test((8.0, 12.0), calls).found
    'mean calls 10 +- 0.2 within its bounds 8 to 12'
    >>> bounds_test((11.0, 12.0), calls).p_value < 1e-6, bounds_test(None, calls)
    (True, None)
    """
    if not isinstance(bounds, tuple) or len(bounds) != 2 or len(calls) < FEWEST_RUNS:
        return None
    low, high = map(float, bounds)
    mean = float(calls.mean())
    half = normal_quantile(0.5 + CONFIDENCE / 2) * float(calls.std(ddof=1)) / math.sqrt(len(calls))
    nearest = min(max(mean, low), high)
    p_value = 1.0 if nearest == mean else mean_p_value(calls, nearest)
    where = "within" if nearest == mean else f"outside of ({statistics.p_value_text(p_value)}, t)"
    return Outcome("bounds", p_value, f"mean calls {mean:.6g} +- {half:.2g} {where} its bounds {low:.6g} to {high:.6g}")


def _done_alone(program: object, runs: pd.DataFrame, level: Level) -> tuple[Outcome, ...]:
    """The test of the chance that a task is done right, of a program that knows it (`done`), but not its ledger."""
    done = getattr(program, "done", None)
    if not isinstance(done, float) or not 0.0 <= done <= 1.0:
        return ()
    expected = OfProgram({}, exact=False, done=done)
    if fault := _done_fault(expected, runs):
        return (Outcome("done", 0.0, fault),)
    return _done_test(expected, runs, level)[0]


def _whole(runs: pd.DataFrame, name: str) -> FloatArray:
    return np.asarray(runs[name].to_numpy(dtype=float, na_value=np.nan))


def _exact_fault(expected: OfProgram, runs: pd.DataFrame) -> str | None:
    """The first entry of a role that is not what every run should have, in words."""
    for name, value in expected.columns.items():
        if name not in runs:
            return f"the table has no column {name}"
        off = runs[name].isna().to_numpy() | (runs[name] != value).fillna(True).to_numpy(dtype=bool)
        if off.any():
            worst = int(np.argmax(off))
            found = runs[name].iloc[worst]
            by = "nothing is there" if found is None or found != found else f"off by {int(found) - int(value):+,}"
            return (
                f"{name} of batch {runs['batch'].iloc[worst]}, run {runs['run'].iloc[worst]} is {found}, expected "
                f"{int(value)} in every run ({by})"
            )
    return None


def _done_fault(expected: OfProgram, runs: pd.DataFrame) -> str | None:
    """That a task that is always done right was not, or one that never is, was; in words."""
    done = int(runs["hit"].notna().sum())
    if expected.done == 1.0 and done < len(runs):
        return f"the task of {len(runs) - done} of {len(runs)} runs was not done right, expected none"
    if expected.done == 0.0 and done:
        return f"the task of {done} of {len(runs)} runs was done right, expected none"
    return None


def _done_test(expected: OfProgram, runs: pd.DataFrame, level: Level) -> tuple[tuple[Outcome, ...], str]:
    """Whether as many tasks were done right as the probability says; and what is missing to tell."""
    if expected.done in (0.0, 1.0):
        return (), ""
    from scipy.stats import binomtest

    done, n = int(runs["hit"].notna().sum()), len(runs)
    p_value = float(binomtest(done, n, expected.done).pvalue)
    found = f"done right {done / n:.4g}, expected {expected.done:.4g} ({statistics.p_value_text(p_value)}, binomial)"
    most = needed(lambda alpha: runs_for_distance(RESOLUTION_OF_CDF, alpha), level, n)
    open_ = "" if most <= n else f"{more(most - n)} would tell a chance of success off by {RESOLUTION_OF_CDF:g}"
    return (Outcome("done", p_value, found),), open_


def _calls_tests(expected: OfProgram, runs: pd.DataFrame) -> tuple[Outcome, ...]:
    """Mean and law of the number of calls."""
    if expected.calls is None:
        return ()
    calls = runs["calls"].to_numpy(dtype=float)
    known = Prediction("calls", expected.calls.mean, "", (), (), expected.calls)
    made = (mean_test("calls", known, calls, cache(statistics.mean_p_value)), law_test(known, calls, math.inf))
    return tuple(outcome for outcome in made if outcome is not None)


def _means_test(
    expected: OfProgram, runs: pd.DataFrame, level: Level, resolution: float
) -> tuple[tuple[Outcome, ...], str, float]:
    """The means of the entries of all roles, the worst of which is told; what is missing; and what is found, in %."""
    n = len(runs)
    if n < FEWEST_RUNS:
        return (), f"{more(FEWEST_RUNS - n)} would let means be told ({FEWEST_RUNS} in all)", math.inf
    missing = [name for name in expected.columns if name not in runs]
    if missing:
        return (Outcome("ledger", 0.0, f"the table has no column {missing[0]}"),), "", math.inf
    values = {name: _whole(runs, name) for name in expected.columns}
    each = {name: mean_p_value(values[name], float(mean)) for name, mean in expected.columns.items()}
    worst = min(each, key=lambda name: each[name])
    p_value = min(1.0, each[worst] * len(each))
    found = (
        f"mean {worst} {values[worst].mean():.6g}, expected {float(expected.columns[worst]):.6g} "
        f"({statistics.p_value_text(p_value)}, t, worst of {len(each)} entries)"
    )
    open_ = _means_open(expected, values, level, resolution)
    alpha = level(n) / len(values)
    errors = [error for error, _ in _errors(expected, values)]
    least = max((statistics.resolved_by(n, error, alpha, POWER) for error in errors), default=0.0)
    return (Outcome("means", p_value, found),), open_, 100 * least


def mean_p_value(values: FloatArray, mean: float) -> float:
    """The two-sided p-value of a mean by Student's t.

    Where all values are the same, x, and another mean was expected: runs would differ w.p. q >= |mean - x| /
    (100 max(x, 1)) if none of them is above a hundred times that, and none of n did w.p. (1 - q)^n at most.

    >>> mean_p_value(np.full(100, 3.0), 3.0), mean_p_value(np.full(100, 3.0), 6.0) < 0.5
    (1.0, True)
    """
    from scipy.stats import t

    n, off = len(values), float(values.mean()) - mean
    if abs(off) <= 1e-9 * abs(mean):
        return 1.0
    spread = float(values.std(ddof=1))
    if spread <= 1e-12 * float(np.abs(values).max()):
        q = min(1.0, abs(off) / (MOST_TIMES * max(float(values.max()), 1.0)))
        return float((1.0 - q) ** n)
    return float(2 * t.sf(abs(off) / (spread / math.sqrt(n)), n - 1))


def _means_open(expected: OfProgram, values: Mapping[str, FloatArray], level: Level, resolution: float) -> str:
    """How many more runs would tell the means of the entries that matter; empty if there are enough."""
    n, worst, most = len(next(iter(values.values()))), "", 0.0
    for error, name in _errors(expected, values):
        by_level = partial(_runs_needed, error, resolution, len(values))
        runs = needed(by_level, level, n)
        worst, most = (name, runs) if runs > most else (worst, most)
    if most <= n:
        return ""
    return f"{more(most - n)} would tell {worth(resolution, of_law=False)} of {worst} ({most:.0f} in all)"


def _errors(expected: OfProgram, values: Mapping[str, FloatArray]) -> list[tuple[float, str]]:
    """Standard deviation over mean of one run, and name, of each entry that is large enough to matter."""
    totals = dict.fromkeys((*LEDGER, "generations"), 0.0)
    for name, value in expected.columns.items():
        totals[_entry(name)] += float(value)
    means = {name: float(expected.columns[name]) for name in values}
    large = [name for name, mean in means.items() if mean > 0 and mean >= LEAST_SHARE * totals[_entry(name)]]
    return [(float(values[name].std(ddof=1)) / means[name], name) for name in large]


def _runs_needed(error: float, resolution: float, tests: int, alpha: float) -> float:
    return statistics.runs_to_resolve(error, resolution, alpha / tests, POWER)


def _entry(name: str) -> str:
    return name.rpartition(".")[2]
