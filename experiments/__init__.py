"""Experiments: cells, grids, running, the table of runs, predictions, checks, fits and reports.

Names are loaded when they are first used, so that `llm-evo --help` answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.checks.check import Check, check
    from experiments.fits.fit import fit
    from experiments.fits.laws import Fits, ScalingLaw
    from experiments.fits.speedups import speedup
    from experiments.grids.axes import grid_cells, span
    from experiments.grids.cell import Cell
    from experiments.grids.grid import Grid, sweep
    from experiments.grids.stopping import UntilPrecise, UntilSuccesses
    from experiments.grids.toml import load_grid
    from experiments.predictions.forecast import forecast
    from experiments.predictions.predict import Prediction, predict
    from experiments.predictions.verdict import Verdict
    from experiments.reports.export import export_results
    from experiments.reports.figures import growth_figure
    from experiments.reports.summary import summarise
    from experiments.reports.waiting import timed, waiting
    from experiments.running.executors.executor import WorkersLost
    from experiments.running.launch import GridFailure, LimitReached, run_grid
    from experiments.running.limits import GridLimits
    from experiments.running.simulation import trace
    from experiments.store.results import Results, load

_HOMES = {
    "Cell": "grids.cell",
    "Check": "checks.check",
    "Fits": "fits.laws",
    "Grid": "grids.grid",
    "GridFailure": "running.launch",
    "GridLimits": "running.limits",
    "LimitReached": "running.launch",
    "Prediction": "predictions.predict",
    "Results": "store.results",
    "ScalingLaw": "fits.laws",
    "UntilPrecise": "grids.stopping",
    "UntilSuccesses": "grids.stopping",
    "Verdict": "predictions.verdict",
    "WorkersLost": "running.executors.executor",
    "check": "checks.check",
    "export_results": "reports.export",
    "fit": "fits.fit",
    "forecast": "predictions.forecast",
    "grid_cells": "grids.axes",
    "growth_figure": "reports.figures",
    "load": "store.results",
    "load_grid": "grids.toml",
    "predict": "predictions.predict",
    "run_grid": "running.launch",
    "span": "grids.axes",
    "speedup": "fits.speedups",
    "summarise": "reports.summary",
    "sweep": "grids.grid",
    "timed": "reports.waiting",
    "trace": "running.simulation",
    "waiting": "reports.waiting",
}

__all__ = [
    "Cell",
    "Check",
    "Fits",
    "Grid",
    "GridFailure",
    "GridLimits",
    "LimitReached",
    "Prediction",
    "Results",
    "ScalingLaw",
    "UntilPrecise",
    "UntilSuccesses",
    "Verdict",
    "WorkersLost",
    "check",
    "export_results",
    "fit",
    "forecast",
    "grid_cells",
    "growth_figure",
    "load",
    "load_grid",
    "predict",
    "run_grid",
    "span",
    "speedup",
    "summarise",
    "sweep",
    "timed",
    "trace",
    "waiting",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"experiments.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'experiments' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
