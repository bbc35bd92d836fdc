"""Checks: every measured figure beside its exact prediction, and a verdict.

For each cell four tests, each at the same share of alpha, the false-alarm rate of the whole grid:

* mean: the mean of `hit`, by the law of the total, or by Chebyshev's bound where only moments are known; none where the
  law is known and that of the total is not (a tail too heavy for its convolution);
* law: the whole law of `hit`, by the largest difference of the cdfs (DKW); censored runs count as later hits;
* calls: the mean of `calls`, in the same way; where the last chunk is shorter, and calls so differ in price, also the
  mean number of calls on it, at half the share each. Of that number only its mean is known, and that it is at most that
  of all calls, which gives a bound for any law (`evo.statistics.bounded_mean_p_value`);
* ledger: every entry of every run against a literal enumeration of forward passes, calls = lam x generations, hit
  within the last one.

A cell AGREES only if the tests would have found a discrepancy worth the name; otherwise CANNOT TELL says what is
missing (`experiments.checks.power`). Where no mean is tested it is one that the law shows. Chebyshev's bound holds for
any law, where the normal law has no stated error, and takes many runs: some 75,000 to tell a mean off by 25 % of a time
as spread as a geometric one, alone in its grid. Where the predicted mean is infinite (heavy tails, or runs that never
reach the optimum) no number of runs tells it: AGREES then speaks of the law within the calls that all runs made, where
a cdf off by 0.1 anywhere would have been found, and says nothing of the tail beyond them. Cells that share their
trajectories (they differ only in price) count once. Rows of the engine `law` are refused: they were drawn from the
prediction.

Where a stopping rule looked at the runs (`experiments.grids.stopping`) their number is no longer independent of what
they show, and a p-value for a fixed number would err too often: one that is looked at until it is small errs as often
as one likes. So after b batches each p-value is multiplied by b (b + 1), which holds wherever a rule stops, whatever it
looked at: the sum over b of 1/(b (b + 1)) is 1 (union bound). The runs needed to tell a discrepancy are counted with
it.

Cells that run a program of calls have four tests of their own (`experiments.checks.programs`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial, singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.errors import InputError, NoPrediction
from experiments.checks.cell_tests import Outcome, made_tests
from experiments.checks.completeness import missing_runs, table_fault
from experiments.checks.ledger import ledger_fault, stored_ledger_fault
from experiments.checks.power import Level
from experiments.checks.programs import OfProgram, Tested, books_of_program, known_alone, program_tests
from experiments.checks.short_calls import short_calls
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import a_number, expect_a
from experiments.grids.cell import Cell
from experiments.grids.cell_text import identity_in
from experiments.grids.labels import lams_of, place_of, sizes_of
from experiments.grids.outside.sheet import Sheet
from experiments.grids.programs.cell import ProgramCell
from experiments.grids.stopping import every_stop, kept_of
from experiments.predictions.predict import takes_several_calls
from experiments.predictions.setting import doubts_of
from experiments.predictions.verdict import ALPHA, RESOLUTION, Verdict
from experiments.store.by_cell import RunArrays
from experiments.store.predictions import StoredPrediction
from experiments.store.results import Results
from experiments.store.rows import not_counted

if TYPE_CHECKING:
    import pandas as pd

EVIDENCE = ("blocks", "deap")
TESTS_A_CELL = 4


@dataclass(frozen=True)
class CellCheck:
    """The verdict on one cell.

    Attributes:
        cell: id of the cell.
        label: its arm with all that varies within it, k and lam.
        verdict: AGREES, DIFFERS or CANNOT TELL.
        reason: for DIFFERS what differs, for CANNOT TELL what is missing, for AGREES what would have been found.
        outcomes: the tests.
        runs: number of runs.
        censored: those that ended at their budget.
        stored: why the prediction that was stored when the runs were made was used; empty if it was computed anew.
        looks: batches after each of which a stopping rule looked at the runs; 0 where their number was given.
    """

    cell: str
    label: str
    verdict: Verdict
    reason: str
    outcomes: tuple[Outcome, ...]
    runs: int
    censored: int
    stored: str = ""
    looks: int = 0


@dataclass(frozen=True, repr=False)
class Check:
    """The verdicts on a grid.

    Attributes:
        cells: one a cell, in the order of the grid.
        alpha: false-alarm rate over all tests of the grid together.
        alpha_each: false-alarm rate of one test.
        strays: rows in the folder that are of no cell of the grid, and not counted.
        doubts: what mutators say against predicted numbers: rates that they extrapolate.
    """

    cells: tuple[CellCheck, ...] = field(repr=False)
    alpha: float
    alpha_each: float
    strays: int = 0
    doubts: tuple[str, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """How many cells have a verdict."""
        return sum(cell.verdict is verdict for cell in self.cells)

    @property
    def counts(self) -> str:
        """How many cells have each verdict, in words."""
        return ", ".join(f"{self.count(verdict)} {verdict.words}" for verdict in Verdict)

    @property
    def wrong(self) -> dict[str, frozenset[str]]:
        """The names of the tests that found a discrepancy, by the id of the cell; cells without one are left out."""
        found = {
            each.cell: frozenset(test.test for test in each.outcomes if test.p_value < self.alpha_each)
            for each in self.cells
        }
        return {cell: tests for cell, tests in found.items() if tests}

    def __repr__(self) -> str:
        return f"<Check of {len(self.cells):,} cell{'' if len(self.cells) == 1 else 's'}: {self.counts}>"

    def _repr_html_(self) -> str:
        title, *notes = self.__str__().splitlines()[: 1 + len(self.note.splitlines())]
        rows = tuple((cell.verdict.words, cell.label, cell.reason) for cell in self.cells if cell.verdict != "AGREES")
        return Sheet(title, ("verdict", "cell", "reason"), rows, tuple(notes)).html()

    def __str__(self) -> str:
        others = [
            f"{cell.verdict.words} {cell.label}: {cell.reason}" for cell in self.cells if cell.verdict != "AGREES"
        ]
        note = [self.note] if self.note else []
        return "\n".join([f"{self.counts} (false-alarm rate {self.alpha:g} over the grid)", *note, *others])

    @property
    def note(self) -> str:
        """Which cells a rule stopped, what stands against predicted numbers, and rows that are of no cell; or empty."""
        stopped = sum(cell.looks > 0 for cell in self.cells)
        cells = f"{stopped:,} cell{'' if stopped == 1 else 's'}"
        notes = [f"{cells} stopped by a rule: p-values hold at every stop"] if stopped else []
        notes += [f"predicted with {doubt}" for doubt in self.doubts]
        return "\n".join(notes + ([not_counted(self.strays)] if self.strays else []))

    @property
    def verdict(self) -> Verdict:
        """DIFFERS if any cell differs, else CANNOT TELL if any is open, else AGREES."""
        for verdict in (Verdict.DIFFERS, Verdict.CANNOT_TELL):
            if self.count(verdict):
                return verdict
        return Verdict.AGREES


def check(results: Results, alpha: float = ALPHA, resolution: float = RESOLUTION) -> Check:
    """Compare results with the exact predictions.

    Args:
        results: of `run_grid` or `load`.
        alpha: false-alarm rate over all checks of the grid; each test has alpha / (4 cells).
        resolution: relative discrepancy of the mean that must be found with probability 0.95 for AGREES; where the
            mean is not tested (runs are censored, or the tail is heavy) of all times, by the law within the budget.
            Where the predicted mean is infinite, a difference of 0.1 of the cdf must be found instead.

    Raises: InputError for rows that are no evidence (engine `law`), or alpha or resolution out of range.
    """
    expect_a(Results, "check", results, "results of run_grid or load")
    alpha, resolution = a_number("check: alpha", alpha), a_number("check: resolution", resolution)
    if not 0 < alpha < 1 or not 0 < resolution < math.inf:
        raise InputError(f"check: expected 0 < alpha < 1 and resolution > 0, got {alpha!r} and {resolution!r}")
    engines = set(results.runs["engine"].unique()) - set(EVIDENCE)
    if engines:
        raise InputError(
            f"check: expected runs that executed the operator (engine {' or '.join(EVIDENCE)}), got rows of the engine "
            f"{', '.join(sorted(engines))}, which are drawn from the law that they would be checked against; run the "
            "grid into another folder with one of those engines, or read these rows with `llm-evo fit`, "
            "`time` or `export`"
        )
    cells = {str(cell_id): _parse(results, str(cell_id)) for cell_id in results.cells.index}
    trajectories = {_identity(results, cell_id, cell) for cell_id, cell in cells.items()}
    alpha_each = alpha / (TESTS_A_CELL * len(trajectories))
    called, k, lam = results.labels, sizes_of(results.cells), lams_of(results.cells)
    called = {cell_id: ", ".join([called[cell_id], *place_of(k[cell_id], lam[cell_id])]) for cell_id in cells}
    verdicts = tuple(
        _check_cell(results, cell_id, called[cell_id], cell, alpha_each, resolution) for cell_id, cell in cells.items()
    )
    told = dict.fromkeys(doubt for cell_id, cell in cells.items() for doubt in _doubts(results, cell_id, cell))
    return Check(verdicts, alpha, alpha_each, results.rows.strays, tuple(told))


def _doubts(results: Results, cell_id: str, cell: AnyCell | str) -> tuple[str, ...]:
    """What the mutator says against the numbers, or said when the cell was run, if it cannot be had."""
    if not isinstance(cell, str):
        return doubts_of(cell)
    stored = results.prediction(cell_id)
    return () if stored is None else stored.doubts


def _parse(results: Results, cell_id: str) -> AnyCell | str:
    """The cell, or why it cannot be had."""
    try:
        return results.cell(cell_id)
    except InputError as error:
        return str(error)


def _identity(results: Results, cell_id: str, cell: AnyCell | str) -> str:
    """What names the cell's trajectories; its id if that cannot be told."""
    try:
        return cell.identity if not isinstance(cell, str) else identity_in(str(results.cells.loc[cell_id, "text"]))
    except InputError:
        return cell_id


def _check_cell(
    results: Results, cell_id: str, label: str, cell: AnyCell | str, alpha: float, resolution: float
) -> CellCheck:
    runs = results.numbers(cell_id)
    censored, looks = len(runs) - runs.hits, _looks(results, runs)
    outcomes: tuple[Outcome, ...] = ()
    stored = results.prediction(cell_id) if isinstance(cell, str) else None
    if isinstance(cell, str) and stored is None:
        verdict, reason = Verdict.CANNOT_TELL, cell
    elif not len(runs):
        verdict, reason = Verdict.CANNOT_TELL, missing_runs(results, cell_id)
    else:
        level = _level(alpha, runs, looks)
        outcomes, open_, told = _tested(cell, _Asked(results, cell_id, stored, runs, level, resolution))
        outcomes = tuple(_at_every_stop(outcome, looks) for outcome in outcomes)
        known = None if isinstance(cell, str) else cell
        books = Outcome("table", 0.0, fault) if (fault := table_fault(results, cell_id, known)) else None
        outcomes = outcomes if books is None else (*outcomes, books)
        open_ = missing_runs(results, cell_id) or open_
        differing = [outcome.found for outcome in outcomes if outcome.p_value < alpha]
        if differing:
            verdict, reason = Verdict.DIFFERS, "; ".join(differing)
        elif open_:
            verdict, reason = Verdict.CANNOT_TELL, open_
        else:
            verdict, reason = Verdict.AGREES, f"{told} would have been found"
    why = cell if stored is not None and outcomes and isinstance(cell, str) else ""
    if why:
        reason = f"{reason} (checked against the prediction stored when it was run: {why})"
    return CellCheck(cell_id, label, verdict, reason, outcomes, len(runs), censored, why, looks)


@dataclass(frozen=True)
class _Asked:
    """What a cell is tested by.

    Attributes:
        results: the results.
        cell_id: of the cell.
        stored: the prediction that was stored when it was run, where the cell cannot be had; else None.
        columns: of its runs, at least one.
        level: significance level of a test, by the number of runs.
        resolution: relative discrepancy that must be found.
    """

    results: Results
    cell_id: str
    stored: StoredPrediction | None
    columns: RunArrays
    level: Level
    resolution: float


@singledispatch
def _tested(cell: AnyCell | str, asked: _Asked) -> Tested:
    """The tests of a cell with runs, what is missing for AGREES, and what they would have found."""
    raise NotImplementedError(type(cell).__name__)


@_tested.register(Cell)
def _(cell: Cell, asked: _Asked) -> Tested:
    unit = "answers" if takes_several_calls(cell) else "calls"
    fault, short = ledger_fault(cell, asked.columns), short_calls(cell, asked.columns)
    predict = partial(asked.results.predict, asked.cell_id)
    return made_tests(predict, fault, cell.runner.lam, unit, short, asked.columns, asked.level, asked.resolution)


@_tested.register(ProgramCell)
def _(cell: ProgramCell, asked: _Asked) -> Tested:
    return _tested_program(asked, lambda: OfProgram.of(cell), partial(known_alone, cell.program))


@_tested.register(str)
def _(cell: str, asked: _Asked) -> Tested:
    """By what was stored, where the cell itself cannot be had."""
    stored = asked.stored
    assert stored is not None  # else there is nothing to test
    if stored.of_program:
        return _tested_program(asked, lambda: _of_stored(stored), lambda runs, level: ((), ""))
    place: pd.Series[Any] = asked.results.cells.loc[asked.cell_id]  # type: ignore[assignment]  # ids are unique
    fault = stored_ledger_fault(stored, place, asked.columns)
    return made_tests(
        stored.predict, fault, stored.lam, "offspring", None, asked.columns, asked.level, asked.resolution
    )


def _tested_program(
    asked: _Asked,
    expect: Callable[[], OfProgram],
    alone: Callable[[pd.DataFrame, Level], tuple[tuple[Outcome, ...], str]],
) -> Tested:
    """The tests of a program: by what is expected of it, or where that is not known by what can be told alone."""
    runs = asked.results.by_cell[asked.cell_id]
    if fault := books_of_program(runs):
        return (Outcome("ledger", 0.0, fault),), "", ""
    try:
        return program_tests(expect(), runs, asked.level, asked.resolution)
    except NoPrediction as error:
        outcomes, open_ = alone(runs, asked.level)
        return (Outcome("ledger", 1.0, "the ledger adds up"), *outcomes), f"{open_}{error}", ""


def _of_stored(stored: StoredPrediction) -> OfProgram:
    """What was expected of a program when it was run.

    Raises: NoPrediction.
    """
    if stored.done is None:
        raise NoPrediction(stored.refused)
    return OfProgram(stored.expected, stored.exact, stored.done)


def _looks(results: Results, runs: RunArrays) -> int:
    """Batches after each of which a rule looked at the runs; 0 for a number of runs."""
    return 0 if isinstance(results.asked, int) else kept_of(results.asked, runs["batch"], runs["hit"]).batches


def _level(alpha: float, runs: RunArrays, looks: int) -> Level:
    if looks == 0:
        return lambda number: alpha
    size = int(np.unique(runs["batch"], return_counts=True)[1].max())
    return lambda number: alpha / every_stop(max(1, math.ceil(number / size)))


def _at_every_stop(outcome: Outcome, looks: int) -> Outcome:
    """The outcome as it holds wherever a rule stopped; identities hold in every run or not at all."""
    if looks == 0 or outcome.test == "ledger":
        return outcome
    factor = every_stop(looks)
    found = f"{outcome.found}, times {factor} since a rule stopped after {_counted(looks, 'batch', 'batches')}"
    return replace(outcome, p_value=min(1.0, factor * outcome.p_value), found=found)


def _counted(number: float, one: str, several: str) -> str:
    return f"{number:.0f} {one if number == 1 else several}"
