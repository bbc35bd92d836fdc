"""Runs of a real model beside what its own calibration predicts.

A calibration is known to its intervals only. So a cell DIFFERS if its runs contradict the exact law of every mutator
that was tried within them, from the worst ends of all rates to the best: the values themselves, and the one whose mean
is that of the runs. That errs as often as `check` does, beside the cases in which a rate lies outside of its interval
(Berger and Boos 1994). AGREES asks for intervals that leave little, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from evo.errors import InputError, NoPrediction
from evo.forms.texts import asks_a_model
from experiments.checks.check import check
from experiments.grids.cell import Cell
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid
from experiments.grids.measured.file import OperatorValues
from experiments.grids.measured.parts import call_of
from experiments.predictions.predict import predict
from experiments.predictions.verdict import ALPHA, Verdict
from experiments.store.grid_json import grid_record
from experiments.store.results import Results

LEFT = 1.5
"""Largest mean over smallest, within the intervals, at which AGREES says something."""
STEPS = 30
BEST = {Verdict.AGREES: 2, Verdict.CANNOT_TELL: 1, Verdict.DIFFERS: 0}


@dataclass(frozen=True)
class OwnLaw:
    """A cell of real calls beside its calibration.

    Attributes:
        cell: its id.
        label: what it is called.
        runs, censored: how many.
        measured: mean calls to the optimum; None if a run is censored, or there is none.
        predicted: mean by the calibration; None if that is not known.
        least, most: the same by the best and the worst ends of the intervals.
        verdict: AGREES, DIFFERS or CANNOT TELL.
        reason: of the verdict.
    """

    cell: str
    label: str
    runs: int
    censored: int
    measured: float | None
    predicted: float | None
    least: float | None
    most: float | None
    verdict: Verdict
    reason: str


def own_laws(results: Results, operator: OperatorValues, alpha: float = ALPHA) -> tuple[OwnLaw, ...]:
    """Each cell of real calls beside the law of a calibration.

    Args:
        results: of a grid with real calls.
        operator: of the calibration, as `read_calibration(path).operator`.
        alpha: false-alarm rate over all cells.

    Raises: InputError if there are no real calls in the results.
    """
    cells = {str(name): results.cell(str(name)) for name in results.cells.index}
    real = {name: cell for name, cell in cells.items() if isinstance(cell, Cell) and asks_a_model(cell.mutator)}
    if not real:
        raise InputError(
            "a calibration is compared with cells of real calls, whose mutator is an LLM(..), got none; others are "
            "checked against the law of their own mutator"
        )
    return tuple(_own_law(results, name, cell, operator, alpha / len(real)) for name, cell in real.items())


def between(operator: OperatorValues, t: float) -> OperatorValues:
    """The operator between the worst ends of its intervals, t = -1, its values, t = 0, and the best ends, t = 1.

    >>> from experiments.grids.measured.file import Intervals
    >>> some = OperatorValues(fix=((1, 0.5),), keep=((1, 0.9),), interval=Intervals(fix=((1, (0.3, 0.6)),)))
    >>> between(some, -0.5).fix, between(some, 1.0).fix
    (((1, 0.4),), ((1, 0.6),))
    """

    def moved(value: float, ends: tuple[float, float] | None, better: float) -> float:
        if ends is None or t == 0.0:
            return value
        end = ends[1] if t * better > 0 else ends[0]
        return value + abs(t) * (end - value)

    def of_sizes(name: str) -> tuple[tuple[int, float], ...]:
        ends: Mapping[int, tuple[float, float]] = dict(getattr(operator.interval, name))
        return tuple((g, moved(value, ends.get(g), 1.0)) for g, value in getattr(operator, name))

    def share(name: str) -> float | None:
        value = getattr(operator, name)
        return None if value is None else moved(value, getattr(operator.interval, name), -1.0)

    return replace(
        operator, fix=of_sizes("fix"), keep=of_sizes("keep"), refusals=share("refusals"), malformed=share("malformed")
    )


def _own_law(results: Results, name: str, cell: Cell, operator: OperatorValues, alpha: float) -> OwnLaw:
    frame = results.by_cell.get(name)
    runs, censored = (0, 0) if frame is None else (len(frame), int(frame["hit"].isna().sum()))
    measured = float(frame["hit"].mean()) if frame is not None and not censored else None
    told = OwnLaw(
        name, results.labels[name], runs, censored, measured, None, None, None, Verdict.CANNOT_TELL, "no runs yet"
    )
    if frame is None:
        return told

    def cell_at(t: float) -> Cell:
        return replace(cell, mutator=call_of(between(operator, t)))

    def mean_at(t: float) -> float:
        return float(predict(cell_at(t), "hit").mean)

    try:
        most, predicted, least = mean_at(-1.0), mean_at(0.0), mean_at(1.0)
    except (NoPrediction, InputError) as error:
        return replace(told, reason=str(error))
    tried = [0.0, -1.0, 1.0] if measured is None else [0.0, _where(mean_at, measured)]
    verdict, reason = max((_checked(results, name, cell_at(t), alpha) for t in tried), key=lambda one: BEST[one[0]])
    if verdict is Verdict.AGREES and not most <= LEFT * least:
        verdict, reason = (
            Verdict.CANNOT_TELL,
            f"the intervals of the calibration leave {least:.4g} to {most:.4g} calls; log more calls",
        )
    return replace(told, predicted=predicted, least=least, most=most, verdict=verdict, reason=reason)


def _where(mean_at: Callable[[float], float], measured: float) -> float:
    """Where the mean is that of the runs, within [-1, 1]; it falls as the rates get better."""
    low, high = -1.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_at(middle) > measured else (low, middle)
    return (low + high) / 2


def _checked(results: Results, name: str, cell: Cell, alpha: float) -> tuple[Verdict, str]:
    """What `check` says of the runs of a cell, taken for those of another one."""
    grid = Grid("own", [cell], runs=results.asked, batch=1)
    rows = results.by_cell[name].assign(sample=cell.sample)
    (found,) = check(Results.of(grid_record(grid), cells_table(grid), rows), alpha).cells
    return found.verdict, found.reason
