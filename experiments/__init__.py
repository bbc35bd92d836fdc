"""Experiments: cells, grids, running, the table of runs, predictions, checks, fits and reports.

Names are loaded when they are first used, so that `llm-evo --help` answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.calibration.calibrate import calibrate as calibrate
    from experiments.checks.check import Check as Check
    from experiments.checks.check import check as check
    from experiments.fits.claims import check_claims as check_claims
    from experiments.fits.fit import fit as fit
    from experiments.fits.laws import Fits as Fits
    from experiments.fits.laws import ScalingLaw as ScalingLaw
    from experiments.fits.speedups import speedup as speedup
    from experiments.grids.axes import grid_cells as grid_cells
    from experiments.grids.axes import span as span
    from experiments.grids.cell import Cell as Cell
    from experiments.grids.grid import Grid as Grid
    from experiments.grids.grid import sweep as sweep
    from experiments.grids.measured.file import read_calibration as read_calibration
    from experiments.grids.programs.cell import ProgramCell as ProgramCell
    from experiments.grids.stopping import UntilPrecise as UntilPrecise
    from experiments.grids.stopping import UntilSuccesses as UntilSuccesses
    from experiments.grids.toml import load_grid as load_grid
    from experiments.logs.formats import read_calls as read_calls
    from experiments.planning.plan import Plan as Plan
    from experiments.planning.plan import plan as plan
    from experiments.predictions.forecast import forecast as forecast
    from experiments.predictions.predict import Prediction as Prediction
    from experiments.predictions.predict import predict as predict
    from experiments.predictions.quality.fitness import Quality as Quality
    from experiments.predictions.quality.samples import best_samples as best_samples
    from experiments.predictions.quality.table import fitness_curve as fitness_curve
    from experiments.predictions.quality.table import fitness_table as fitness_table
    from experiments.predictions.quality.thresholds import best_threshold as best_threshold
    from experiments.predictions.verdict import Verdict as Verdict
    from experiments.reports.export import export_results as export_results
    from experiments.reports.figures import growth_figure as growth_figure
    from experiments.reports.figures import plot_growth as plot_growth
    from experiments.reports.papers import to_latex as to_latex
    from experiments.reports.quality.figure import fitness_figure as fitness_figure
    from experiments.reports.quality.figure import plot_fitness as plot_fitness
    from experiments.reports.quality.measured import MeasuredFitness as MeasuredFitness
    from experiments.reports.quality.measured import check_fitness as check_fitness
    from experiments.reports.quality.measured import measured_fitness as measured_fitness
    from experiments.reports.quality.simulated import fitness_or_simulated as fitness_or_simulated
    from experiments.reports.summary import summarise as summarise
    from experiments.reports.waiting import timed as timed
    from experiments.reports.waiting import waiting as waiting
    from experiments.running.executors.executor import WorkersLost as WorkersLost
    from experiments.running.launch import (
        GridFailure as GridFailure,
    )
    from experiments.running.launch import (
        LimitReached as LimitReached,
    )
    from experiments.running.launch import (
        run_grid as run_grid,
    )
    from experiments.running.limits import GridLimits as GridLimits
    from experiments.running.simulation import trace as trace
    from experiments.serving.ask_tell import AskTell as AskTell
    from experiments.serving.real.calls import RealCalls as RealCalls
    from experiments.store.results import Results as Results
    from experiments.store.results import load as load

_HOMES = {
    "AskTell": "serving.ask_tell",
    "Cell": "grids.cell",
    "Check": "checks.check",
    "Fits": "fits.laws",
    "Grid": "grids.grid",
    "GridFailure": "running.launch",
    "GridLimits": "running.limits",
    "LimitReached": "running.launch",
    "MeasuredFitness": "reports.quality.measured",
    "Plan": "planning.plan",
    "ProgramCell": "grids.programs.cell",
    "Prediction": "predictions.predict",
    "Quality": "predictions.quality.fitness",
    "RealCalls": "serving.real.calls",
    "Results": "store.results",
    "ScalingLaw": "fits.laws",
    "UntilPrecise": "grids.stopping",
    "UntilSuccesses": "grids.stopping",
    "Verdict": "predictions.verdict",
    "WorkersLost": "running.executors.executor",
    "best_samples": "predictions.quality.samples",
    "best_threshold": "predictions.quality.thresholds",
    "calibrate": "calibration.calibrate",
    "check": "checks.check",
    "check_claims": "fits.claims",
    "check_fitness": "reports.quality.measured",
    "export_results": "reports.export",
    "fit": "fits.fit",
    "fitness_curve": "predictions.quality.table",
    "fitness_figure": "reports.quality.figure",
    "fitness_table": "predictions.quality.table",
    "forecast": "predictions.forecast",
    "grid_cells": "grids.axes",
    "growth_figure": "reports.figures",
    "load": "store.results",
    "load_grid": "grids.toml",
    "measured_fitness": "reports.quality.measured",
    "fitness_or_simulated": "reports.quality.simulated",
    "plan": "planning.plan",
    "plot_fitness": "reports.quality.figure",
    "plot_growth": "reports.figures",
    "predict": "predictions.predict",
    "read_calibration": "grids.measured.file",
    "read_calls": "logs.formats",
    "run_grid": "running.launch",
    "span": "grids.axes",
    "speedup": "fits.speedups",
    "summarise": "reports.summary",
    "sweep": "grids.grid",
    "timed": "reports.waiting",
    "to_latex": "reports.papers",
    "trace": "running.simulation",
    "waiting": "reports.waiting",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"experiments.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'experiments' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
