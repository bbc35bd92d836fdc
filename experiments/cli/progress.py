"""Progress on the terminal: a live bar, or a line now and then where nobody watches."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from experiments.grids.any_cell import AnyCell
from experiments.running.executors.threads import begin_thread
from experiments.running.progress import Progress

SECONDS_BETWEEN_LINES, SECONDS_BETWEEN_UPDATES, SECONDS_BETWEEN_LOOKS = 10.0, 0.1, 0.5
SECONDS_UNTOLD = 2.0
"""Of predicting, before it is told."""
WIDE, LEAST_OF_A_CELL = 120, 12
"""Columns from which a bar has room, and characters that a cell gets at the least."""
DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0


class ProgressDisplay:
    """A live bar on a terminal, a line every ten seconds elsewhere; nothing if quiet. Use as a context manager.

    Args:
        console: where to.
        quiet: whether to show nothing.
        clock: gives the seconds since some moment.
    """

    def __init__(self, console: Console, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self._clock = clock
        self._lines = not quiet and not console.is_terminal
        self._begun = self._last_line = clock()
        self._progress: Progress | None = None
        self._news = False
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._runs_before: int | None = None
        self._shown = -math.inf
        self._quiet, self._narrow = quiet, console.width < WIDE
        columns = (
            TextColumn("{task.fields[cell]}", justify="left"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        shown, hidden = columns[:1] if self._narrow else columns, quiet or not console.is_terminal
        self.bar = Bar(*shown, console=console, transient=True, disable=hidden)
        self.task = self.bar.add_task("", total=1, cell="starting", counts="", left="")

    def __enter__(self) -> ProgressDisplay:
        if not self.bar.disable:
            self.bar.start()
        if self._lines:
            with suppress(OSError):  # without it lines come with each outcome alone
                self._thread = begin_thread(self._keep_telling, "progress")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if not self.bar.disable:  # rich before 14.3 ends even a hidden bar with an empty line
            self.bar.stop()
        if isinstance(error, KeyboardInterrupt) and self._progress is not None and not self._quiet:
            with suppress(OSError):  # the terminal may be gone
                said = self._counts(self._progress, self._clock())
                self.console.print(f"stopped at {said}", soft_wrap=True, markup=False)

    def __call__(self, progress: Progress) -> None:
        """Show how far the grid is."""
        now = self._clock()
        if self._runs_before is None:
            self._runs_before = progress.runs
        self._progress, self._news = progress, progress.cell is not None
        if now - self._shown < SECONDS_BETWEEN_UPDATES and progress.batches < progress.of_batches:
            return
        self._shown = now
        cell = self._line(progress) if self._narrow else _short_cell(progress.cell)
        self.bar.update(
            self.task, completed=progress.batches, total=progress.of_batches, cell=cell,
            counts=self._counts(progress, now), left=_left(progress),
        )  # fmt: skip
        self.tell_if_due()

    def predicting(self, cell: AnyCell, done: int, of: int) -> None:
        """Show which cell is being predicted, of how many, where that takes more than two seconds."""
        now = self._clock()
        if now - self._begun < SECONDS_UNTOLD or now - self._shown < SECONDS_BETWEEN_UPDATES:
            return
        told_before, self._shown = self._shown >= 0, now
        said = f"predicting {_short_cell(cell)}", f"{done:,} of {of:,} cells"
        self.bar.update(self.task, completed=done, total=of, cell=said[0], counts=said[1])
        with self._lock:
            if self._lines and (not told_before or now - self._last_line >= SECONDS_BETWEEN_LINES):
                self._last_line = now
                self.console.print(", ".join(said), soft_wrap=True, markup=False)

    def _keep_telling(self) -> None:
        """Tell, though no batch comes back for long, that somebody is at work."""
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            self.tell_if_due()

    def tell_if_due(self) -> None:
        """Print a line where nobody watches, if none was printed for ten seconds."""
        with self._lock:
            now, progress = self._clock(), self._progress
            if not self._lines or now - self._last_line < SECONDS_BETWEEN_LINES:
                return
            self._last_line = now
            said = [] if progress is None else [self._counts(progress, now), _left(progress)]
            said.append(f"last: {_short_cell(progress.cell)}" if progress is not None and self._news
                        else f"at work for {duration(now - self._begun)}")  # fmt: skip
            self._news = False
            self.console.print(", ".join(filter(None, said)), soft_wrap=True, markup=False)

    def _line(self, progress: Progress) -> str:
        """All that a narrow terminal has room for: the cell from its k on, cells and runs, the time left."""
        counts = f"{progress.batches:,}/{progress.of_batches:,} batches"
        if progress.of_runs:
            runs = f"{short_number(progress.runs)}/{short_number(progress.of_runs)} runs"
            counts = f"{progress.cells:,}/{progress.of_cells:,} cells, {runs}"
        failed = f"{progress.failures:,} FAILED" if progress.failures else ""
        others = [each for each in (counts, failed, _left(progress).removeprefix("about ")) if each]
        room = self.console.width - 1 - len(", ".join(others)) - 2
        return ", ".join([_short_cell(progress.cell, k_first=True)[: max(room, LEAST_OF_A_CELL)].rstrip(), *others])

    def _counts(self, progress: Progress, now: float) -> str:
        """Cells, runs, rate and failures so far."""
        if not progress.of_runs:
            return f"{progress.batches:,} of {progress.of_batches:,} batches"
        said = [
            f"{progress.cells:,} of {progress.of_cells:,} cells",
            f"{short_number(progress.runs)} of {short_number(progress.of_runs)} runs",
        ]
        made = progress.runs - (self._runs_before or 0)
        if made > 0 and now > self._begun:
            said.append(f"{short_number(made / (now - self._begun))} runs/s")
        if progress.failures:
            said.append(f"{progress.failures:,} FAILED")
        return ", ".join(said)


@contextmanager
def stages(console: Console, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A line that says which stage is at work, on a terminal; it goes when all are done.

    Args:
        console: where to: standard error.
        quiet: whether to show nothing.
    """
    if quiet or not console.is_terminal:
        yield _untold
        return
    with console.status("reading") as status:
        yield lambda stage: status.update(escape(stage))


def _untold(stage: str) -> None:
    """Nobody watches."""


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

    >>> duration(45), duration(150), duration(600), duration(9000), duration(170_000), duration(400_000)
    ('45 s', '2.5 min', '10 min', '2.5 h', '47.2 h', '4.6 days')
    """
    if seconds < 1.5 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 10 * MINUTE:
        return f"{seconds / MINUTE:.1f}".removesuffix(".0") + " min"
    if seconds < 1.5 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"


def _left(progress: Progress) -> str:
    """The time left in words; nothing where it is not known, or nothing is left."""
    if progress.left is None or progress.batches >= progress.of_batches:
        return ""
    return f"about {duration(max(1.0, progress.left))} left"


def _short_cell(cell: AnyCell | None, k_first: bool = False) -> str:
    if cell is None:
        return "at work"
    return cell.short_name(k_first)
