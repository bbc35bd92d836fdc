"""Progress on a terminal of 80 columns: what matters is there, whole; and the last line of a launch that is stopped."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, UniformChunk, UntilResolved
from experiments.cli.progress import ProgressDisplay
from experiments.grids.cell import Cell
from experiments.running.progress import Progress
from operators import Resample
from problems import BlockOneMax


def cell(k: int, lam: int, schedule: object) -> Cell:
    return Cell(BlockOneMax(k, l=4), Resample(0.5), schedule, OnePlusLambda(lam))  # type: ignore[arg-type]


CELLS = [cell(2, 1, AllBlocks()), cell(64, 8, UntilResolved()), cell(1024, 16, UniformChunk())]
PROGRESS = [
    {"batches": 0, "of_batches": 40, "of_cells": 20, "of_runs": 20_000},
    {"batches": 7, "of_batches": 40, "cells": 3, "of_cells": 20, "runs": 3456, "of_runs": 20_000, "left": 40.0},
    {
        "batches": 99_999,
        "of_batches": 100_000,
        "cells": 1234,
        "of_cells": 12_345,
        "runs": 12_345_678,
        "of_runs": 55_555_555,
        "left": 400_000.0,
        "failures": 88,
    },
]


def shown_at(width: int, progress: Progress) -> str:
    out = io.StringIO()
    display = ProgressDisplay(Console(file=out, force_terminal=True, width=width, color_system=None), clock=lambda: 1.0)
    display(progress)
    (line, *_) = Console(width=width).render_lines(display.bar.get_renderable())
    return "".join(segment.text for segment in line)


@pytest.mark.parametrize("width", [80, 100, 119, 120, 140, 160])
@pytest.mark.parametrize("of", CELLS, ids=lambda of: f"k={of.problem.k}")
@pytest.mark.parametrize("numbers", PROGRESS, ids=["begun", "under way", "large"])
def test_the_k_of_the_cell_and_the_counts_are_never_cut(width, of, numbers):
    progress = Progress(of, **numbers)
    line = shown_at(width, progress)
    assert len(line.rstrip()) <= width
    assert f"k={of.problem.k} " in line + " "
    if width < 120:
        assert f"{progress.cells:,}/{progress.of_cells:,} cells, " in line
        assert " runs" in line
        assert ("FAILED" in line) == (progress.failures > 0)
        assert ("left" in line) == (progress.left is not None)
    else:  # from 120 columns on there is room for a bar, and for counts in words
        assert f"{progress.cells:,} of {progress.of_cells:,} cells, " in line


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("stopped", [True, False])
def test_a_launch_that_is_stopped_says_at_what(terminal, quiet, stopped):
    """With the last numbers, though they came too soon after those before to be shown."""
    out = io.StringIO()

    def launch() -> None:
        console = Console(file=out, force_terminal=terminal, width=80, highlight=False)
        with ProgressDisplay(console, quiet, clock=lambda: 1.0) as display:
            for batches in (1, 2, 3):
                display(Progress(CELLS[0], batches, 40, of_cells=20, runs=500 * batches, of_runs=20_000))
            if stopped:
                raise KeyboardInterrupt

    if stopped:
        with pytest.raises(KeyboardInterrupt):
            launch()
    else:
        launch()
    assert ("stopped at 0 of 20 cells, 1500 of 20k runs" in out.getvalue()) == (stopped and not quiet)
