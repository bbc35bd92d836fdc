"""Experiments: cells, grids, running, the table of runs, predictions, checks, fits and reports.

Names are loaded when they are first used, so that `llm-evo --help` answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.axes import grid_cells, span
    from experiments.cell import Cell
    from experiments.checks import Check, Verdict, check
    from experiments.executors.executor import WorkersLost
    from experiments.export import export_results
    from experiments.figures import growth_figure
    from experiments.fits import Fits, ScalingLaw, fit
    from experiments.forecasts import forecast
    from experiments.grid import Grid, sweep
    from experiments.limits import GridLimits
    from experiments.predictions import Prediction, predict
    from experiments.results import Results, load
    from experiments.running import GridFailure, LimitReached, run_grid
    from experiments.simulation import trace
    from experiments.speedups import speedup
    from experiments.stopping import UntilPrecise, UntilSuccesses
    from experiments.summary import summarise
    from experiments.timing import timed, waiting
    from experiments.toml_grid import load_grid

_HOMES = {
    "Cell": "cell",
    "Check": "checks",
    "Fits": "fits",
    "Grid": "grid",
    "GridFailure": "running",
    "GridLimits": "limits",
    "LimitReached": "running",
    "Prediction": "predictions",
    "Results": "results",
    "ScalingLaw": "fits",
    "UntilPrecise": "stopping",
    "UntilSuccesses": "stopping",
    "Verdict": "checks",
    "WorkersLost": "executors.executor",
    "check": "checks",
    "export_results": "export",
    "fit": "fits",
    "forecast": "forecasts",
    "grid_cells": "axes",
    "growth_figure": "figures",
    "load": "results",
    "load_grid": "toml_grid",
    "predict": "predictions",
    "run_grid": "running",
    "span": "axes",
    "speedup": "speedups",
    "summarise": "summary",
    "sweep": "grid",
    "timed": "timing",
    "trace": "simulation",
    "waiting": "timing",
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
