"""What those who wait are told: a line every ten seconds where nobody watches, though nothing comes back."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from patience import SECONDS
from rich.console import Console

from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.cli.progress import ProgressDisplay, stages
from experiments.grids.cell import Cell
from experiments.running.progress import Progress
from operators import Resample
from problems import BlockOneMax

CELL = Cell(BlockOneMax(8, l=4), Resample(0.5), AllBlocks(), OnePlusLambda())
START = Progress(None, 0, 28, of_cells=14, of_runs=280)


class Clock:
    """Seconds that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def display(quiet: bool = False, terminal: bool = False) -> tuple[ProgressDisplay, Clock, io.StringIO]:
    clock, out = Clock(), io.StringIO()
    return ProgressDisplay(Console(file=out, force_terminal=terminal, width=200), quiet, clock), clock, out


def told_at(shown: ProgressDisplay, clock: Clock, out: io.StringIO, seconds: float) -> str:
    """What is told when so many seconds have gone by since the start."""
    clock.now, before = 1000.0 + seconds, len(out.getvalue())
    shown.tell_if_due()
    return out.getvalue()[before:]


def test_a_line_is_told_every_ten_seconds_though_nothing_comes_back():
    shown, clock, out = display()
    assert told_at(shown, clock, out, 9.9) == ""
    assert told_at(shown, clock, out, 10.0) == "at work for 10 s\n"  # before anything is planned
    shown(START)
    assert told_at(shown, clock, out, 19.9) == ""
    assert told_at(shown, clock, out, 20.0) == "0 of 14 cells, 0 of 280 runs, at work for 20 s\n"
    clock.now = 1021.0
    shown(Progress(CELL, 2, 28, cells=1, of_cells=14, runs=20, of_runs=280, left=0.2))
    line = "1 of 14 cells, 20 of 280 runs, {} runs/s, about 1 s left, {}\n"
    assert told_at(shown, clock, out, 30.0) == line.format(1, "last: AllBlocks k=8 lam=1")
    assert told_at(shown, clock, out, 40.0) == line.format(0, "at work for 40 s")  # no news


def test_the_time_left_is_not_told_once_nothing_is():
    shown, clock, out = display()
    shown(Progress(CELL, 28, 28, cells=10, of_cells=14, runs=200, of_runs=280, failures=8, left=0.0))
    said = "10 of 14 cells, 200 of 280 runs, 8 FAILED, last: AllBlocks k=8 lam=1\n"
    assert told_at(shown, clock, out, 10.0) == said


def test_the_rate_is_of_runs_that_this_launch_made():
    """100 of 280 were there before; 60 in 20 seconds are 3 a second. Where runs are not counted, batches are told."""
    shown, clock, out = display()
    shown(Progress(None, 10, 28, cells=5, of_cells=14, runs=100, of_runs=280))
    clock.now = 1009.0
    shown(Progress(CELL, 16, 28, cells=8, of_cells=14, runs=160, of_runs=280, left=100.0))
    said = "8 of 14 cells, 160 of 280 runs, 3 runs/s, about 1.7 min left, last: AllBlocks k=8 lam=1\n"
    assert told_at(shown, clock, out, 20.0) == said
    shown, clock, out = display()
    clock.now = 1009.0
    shown(Progress(CELL, 1_016, 2_028, left=0.2))
    assert told_at(shown, clock, out, 10.0) == ("1,016 of 2,028 batches, about 1 s left, last: AllBlocks k=8 lam=1\n")


@pytest.mark.parametrize("how", [{"quiet": True}, {"terminal": True}], ids=["quiet", "terminal"])
def test_no_lines_where_nobody_wants_them_or_a_bar_is_shown(how: dict[str, Any]):
    shown, clock, out = display(**how)
    shown(START)
    assert told_at(shown, clock, out, 100.0) == ""
    assert shown.bar.tasks[0].fields["cell"] == "at work"
    with shown:
        assert "progress" not in {thread.name for thread in threading.enumerate()}


def test_a_thread_tells_it_while_the_launch_waits(monkeypatch):
    """The launch does nothing at all: only the thread can have told, and it ends with the display."""
    monkeypatch.setattr("experiments.cli.progress.SECONDS_BETWEEN_LOOKS", 0.001)
    told = threading.Event()

    class Out(io.StringIO):
        def write(self, text: str) -> int:
            told.set()
            return super().write(text)

    clock, out = Clock(), Out()
    shown = ProgressDisplay(Console(file=out, width=200), clock=clock)
    with shown:
        shown(START)
        clock.now += 10
        assert told.wait(SECONDS)
    assert "progress" not in {thread.name for thread in threading.enumerate()}
    assert out.getvalue() == "0 of 14 cells, 0 of 280 runs, at work for 10 s\n"


def test_the_bar_moves_ten_times_a_second_and_shows_the_last_batch_at_once():
    """Of 4 batches within 0.15 s the first is shown, those of the next tenth are not, and the last one is."""
    shown, clock, _ = display(terminal=True)
    seen = []
    for batches, seconds in ((1, 0.0), (2, 0.05), (3, 0.11), (4, 0.15)):
        clock.now = 1000.0 + seconds
        shown(Progress(CELL, batches, 4, cells=batches, of_cells=4, runs=10 * batches, of_runs=40))
        (task,) = shown.bar.tasks
        seen.append((task.completed, task.total, task.fields["counts"].split(" runs")[0]))
    assert seen == [(done, 4, f"{done} of 4 cells, {10 * done} of 40") for done in (1, 1, 3, 4)]


@pytest.mark.parametrize(("terminal", "quiet"), [(True, False), (True, True), (False, False), (False, True)])
def test_the_stage_at_work_is_told_as_it_is_called_on_a_terminal_alone(terminal, quiet):
    """The name of a file or an arm may look like a colour to who prints it."""
    out = io.StringIO()
    with stages(Console(file=out, force_terminal=terminal, width=80, color_system=None), quiet) as tell:
        tell("checking arm [red] of a[b].toml")
    assert ("checking arm [red] of a[b].toml" in out.getvalue()) is (terminal and not quiet)
    assert bool(out.getvalue()) is (terminal and not quiet)


@pytest.mark.parametrize("terminal", [False, True])
def test_predicting_is_told_from_two_seconds_on(terminal):
    shown, clock, out = display(terminal=terminal)
    told = {}
    for seconds in (1.9, 2.1, 3.0, 12.2):
        clock.now, before = 1000.0 + seconds, len(out.getvalue())
        shown.predicting(CELL, int(seconds), 3000)
        shown.bar.refresh()
        told[seconds] = out.getvalue()[before:]
    task = shown.bar.tasks[0].fields
    assert (task["cell"], task["counts"]) == ("predicting AllBlocks k=8 lam=1", "12 of 3,000 cells")
    if not terminal:
        line = "predicting AllBlocks k=8 lam=1, {} of 3,000 cells\n"
        assert told == {1.9: "", 2.1: line.format(2), 3.0: "", 12.2: line.format(12)}
