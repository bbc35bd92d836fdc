"""What `llm-evo run` does: run a grid and show its progress, then check, fit and report the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from evo.errors import InputError
from evo.foreign import foreign
from evo.forms.texts import asks_a_model
from experiments.cli.exits import DIFFERS, FAILED, LIMITED, told_interrupt
from experiments.cli.output import say
from experiments.cli.progress import ProgressDisplay
from experiments.cli.reporting import write_and_show
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.grids.stopping import in_words
from experiments.predictions.verdict import Verdict
from experiments.reports.printing import PlainConsole
from experiments.reports.study import Study
from experiments.reports.wording import counted
from experiments.running.launch import GridFailure, LimitReached, run_grid
from experiments.running.progress import Progress
from experiments.running.real import RealExecution
from experiments.store.results import Results


def real_calls(grid: Grid, target: Path, prices: str | None, per: float, **options: Any) -> RealExecution | None:
    """How the calls of a grid of real models are made; None for one that has none.

    Args:
        grid: the grid.
        target: its file, whose folder the modules of checkers are looked up in, too.
        prices: of a token and of a call, as on the command line.
        per: tokens that these are for.
        options: of `RealCalls`.

    Raises: InputError.
    """
    if not any(isinstance(cell, Cell) and asks_a_model(cell.mutator) for cell in grid.cells):
        given = [f"--{name.replace('_', '-')}" for name in ("base_url", "replay") if options[name] is not None]
        given += [] if prices is None else ["--prices"]
        if given:
            raise InputError(
                f"{', '.join(given)}: expected a grid with a mutator LLM(..), got {grid.name}, which has none"
            )
        return None
    from experiments.cli.planning import pairs
    from experiments.cli.serving import a_token, expect_tokens
    from experiments.grids.extensions import look_up_in
    from experiments.serving.real.calls import RealCalls

    expect_tokens(per)
    look_up_in((str(target.parent.resolve()),))
    return RealCalls(prices=None if prices is None else a_token(pairs("prices", prices), per), **options)


def run_and_report(grid: Grid, folder: Path, quiet: bool, study: Study | None = None, **options: Any) -> int:
    """Run a grid into a folder and report it; the exit code.

    Args:
        grid: the grid.
        folder: the results folder.
        quiet: no progress, and only the verdicts.
        study: of the user's own, whose grid it is.
        options: of `run_grid`.

    Raises: what `run_grid` raises, except for failed batches and reached limits, which have exit codes.
    """
    console = PlainConsole(highlight=False)
    if not quiet:
        each = in_words(grid.runs).replace(" runs", " runs each", 1)
        console.print(f"{grid.name}: {counted(len(grid.cells), 'cell')}, {each}, into {folder}", markup=False)
        if more := grid.surplus:
            console.print(f"batches are run whole: {more:,} more are made than the table keeps", markup=False)
    problem: GridFailure | LimitReached | None = None
    results: Results | None
    with told_interrupt(folder), ProgressDisplay(PlainConsole(stderr=True, highlight=False), quiet) as display:

        def watch(progress: Progress) -> None:
            if progress.there and not quiet:
                console.print(f"{progress.there} of {len(grid.cells)} cells already there", markup=False)
            display(progress)

        def tell(message: str) -> None:
            display.console.print(f"note: {message}", markup=False, soft_wrap=True)

        isolated = any(True for cell in grid.cells for _ in foreign(cell))  # third-party parts may end their process
        try:
            results = run_grid(
                grid, folder, watch=watch, tell=tell, predicting=display.predicting, isolated=isolated, **options
            )
        except (GridFailure, LimitReached) as error:
            problem, results = error, error.results
    verdict = None if results is None else _show(grid, results, folder, quiet, console, problem is None, study)
    if problem is not None:
        say(f"error: {problem}")
        return FAILED if isinstance(problem, GridFailure) else LIMITED
    return DIFFERS if verdict is Verdict.DIFFERS else 0


def _show(
    grid: Grid, results: Results, folder: Path, quiet: bool, console: Console, whole: bool, study: Study | None
) -> Verdict | None:
    """Write and show the report; of runs that were drawn from the prediction only how they grow."""
    if grid.engine == "law":
        from experiments.reports.terminal import show_drawn

        show_drawn(results, console, briefly=quiet)
        return None
    verdict, files = write_and_show(results, folder, console, briefly=quiet, whole=whole, study=study)
    if not quiet:
        console.print(f"\nWritten to {folder}: runs/*.parquet, {', '.join(files)}", markup=False)
    return verdict
