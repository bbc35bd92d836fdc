"""Progress on the terminal: a live bar, or a line now and then where nobody watches."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from experiments.progress import Progress

SECONDS_BETWEEN_LINES, SECONDS_BETWEEN_UPDATES = 10.0, 0.1
DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0


class ProgressDisplay:
    """A live bar on a terminal, a line now and then elsewhere; nothing if quiet. Use as a context manager."""

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self.console = console
        self.quiet = quiet
        self.begun = self.last_line = time.monotonic()
        self._runs_before: int | None = None
        self._shown = -SECONDS_BETWEEN_UPDATES
        columns = (
            TextColumn("{task.fields[cell]}", justify="left"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        self.bar = Bar(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)
        self.task = self.bar.add_task("", total=1, cell="starting", counts="", left="")

    def __enter__(self) -> ProgressDisplay:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far the grid is."""
        now = time.monotonic()
        if self._runs_before is None:
            self._runs_before = progress.runs
        if now - self._shown < SECONDS_BETWEEN_UPDATES and progress.batches < progress.of_batches:
            return
        self._shown = now
        left = "" if progress.left is None else f"about {duration(progress.left)} left"
        cell, counts = _short_cell(progress), self._counts(progress, now)
        self.bar.update(
            self.task, completed=progress.batches, total=progress.of_batches, cell=cell, counts=counts, left=left
        )
        due = now - self.last_line > SECONDS_BETWEEN_LINES
        if due and not self.quiet and not self.console.is_terminal:
            self.last_line = now
            self.console.print(", ".join(filter(None, (counts, left, f"last: {cell}"))), soft_wrap=True)

    def _counts(self, progress: Progress, now: float) -> str:
        """Cells, runs, rate and failures so far."""
        if not progress.of_runs:
            return f"{progress.batches:,} of {progress.of_batches:,} batches"
        said = [
            f"{progress.cells:,} of {progress.of_cells:,} cells",
            f"{short_number(progress.runs)} of {short_number(progress.of_runs)} runs",
        ]
        made = progress.runs - (self._runs_before or 0)
        if made > 0 and now > self.begun:
            said.append(f"{short_number(made / (now - self.begun))} runs/s")
        if progress.failures:
            said.append(f"{progress.failures:,} FAILED")
        return ", ".join(said)


def short_number(number: float) -> str:
    """A count in a few characters.

    >>> short_number(950), short_number(12_345), short_number(7_654_321)
    ('950', '12.3k', '7.65M')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return f"{number / min(size, 1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """A time in the unit one would say it in.

    >>> duration(45), duration(600), duration(9000), duration(400_000)
    ('45 s', '10 min', '2.5 h', '4.6 days')
    """
    if seconds < 1.5 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"


def _short_cell(progress: Progress) -> str:
    if progress.cell is None:
        return "starting"
    cell = progress.cell
    return f"{type(cell.schedule).__name__} k={cell.problem.k} lam={cell.runner.lam}"
