"""Operators that raise, hang, end their process or take all memory cost their own batch only, and are remembered."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from patience import SECONDS
from typer.testing import CliRunner

from evo.costs.budget import Budget
from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.checks.check import check
from experiments.cli.app import app
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.grids.stopping import UntilSuccesses
from experiments.running.executors.executor import Here, WorkersLost
from experiments.running.executors.processes import Processes
from experiments.running.executors.worker_setup import memory_share
from experiments.running.launch import GridFailure, run_grid
from experiments.running.tasks import DIED, RAISED, TIMED_OUT, Job
from experiments.store.failures import FailedBatch, explain, read_failures, write_failure
from experiments.store.files import StoreError, write_json
from experiments.store.launches.status import status
from experiments.store.results import load
from operators import Resample
from problems import BlockOneMax

OPERATORS = """
    import os
    import time
    from dataclasses import dataclass
    from pathlib import Path

    import numpy as np


    @dataclass(frozen=True)
    class Moody:
        mood: str
        folder: str

        def rewrite(self, correct, rng):
            calm = (Path(self.folder) / "calm").exists()
            with open(Path(self.folder) / "asked", "a") as file:
                file.write(f"{self.mood} {os.getpid()}\\n")
            if self.mood == "hangs" and not calm:
                time.sleep(1e6)
            if self.mood == "dies" and not calm:
                os._exit(1)
            if self.mood == "dies once" and not (Path(self.folder) / "died").exists():
                (Path(self.folder) / "died").touch()
                os._exit(1)
            if self.mood == "is greedy" and not calm:
                np.ones(2**31)
            if self.mood == "raises later" and rng.bit_generator.seed_seq.spawn_key[0] > 0:
                raise ValueError("this is the second batch")
            if self.mood == "raises" and not calm:
                raise ValueError("the model is out to lunch")
            return rng.random(correct.shape) < 0.5
"""
pytestmark = pytest.mark.filterwarnings("ignore:.*reads what cannot be seen")  # its moods are files

MOODS = ("hangs", "dies", "is greedy", "raises")
LIMITS = {"workers": 2, "time_limit": 2.0, "memory": 4.0}


TOML = """
    name = "tiny"
    runs = 10
    batch = 10

    [[arm]]
    label = "good"
    problem = {type = "BlockOneMax", k = [1, 2], l = 4}
    mutator = {type = "Resample", p = 0.5}
    schedule = {type = "AllBlocks"}

    [[arm]]
    label = "bad"
    problem = {type = "BlockOneMax", k = 2, l = 4}
    mutator = {type = "moody_ones:Moody", mood = "dies", folder = "FOLDER"}
    schedule = {type = "AllBlocks"}
    budget = {type = "Budget", calls = 50}
"""


@pytest.fixture(autouse=True)
def short_tasks(monkeypatch):
    monkeypatch.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)


@pytest.fixture
def moody(tmp_path, monkeypatch) -> Iterator[ModuleType]:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "moody_operators.py").write_text(textwrap.dedent(OPERATORS))
    monkeypatch.syspath_prepend(folder)
    yield importlib.import_module("moody_operators")
    sys.modules.pop("moody_operators")


def cells(moody: ModuleType, folder: Path, *moods: str) -> list[Cell]:
    parts = {"schedule": AllBlocks(), "runner": OnePlusLambda(), "budget": Budget(calls=50)}
    good = [Cell(BlockOneMax(k, l=4), Resample(0.5), **parts) for k in (1, 2)]
    bad = [Cell(BlockOneMax(3, l=4), moody.Moody(mood, str(folder)), **parts) for mood in moods]
    return [good[0], *bad, good[1]]


def grid(moody: ModuleType, folder: Path, *moods: str, runs: int = 20) -> Grid:
    return Grid("tiny", cells(moody, folder, *moods), runs=runs, batch=10)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_each_mood_costs_its_own_batches_and_is_remembered_until_it_is_retried(tmp_path, moody):
    made, out = grid(moody, tmp_path, *MOODS, runs=10), tmp_path / "out"
    with pytest.raises(GridFailure, match="4 batches of 4 cells failed; all others are done") as caught:
        run_grid(made, out, **LIMITS)
    kinds = {failed.text.split("mood='")[1].split("'")[0]: failed.kind for failed in caught.value.failures}
    assert kinds == {"hangs": TIMED_OUT, "dies": DIED, "is greedy": RAISED, "raises": RAISED}
    messages = "\n".join(failed.message for failed in caught.value.failures)
    for expected in (
        "ended after its limit of 2 s",
        "its worker process died, and a fresh one that ran it alone, too",
        "not enough memory for this batch; allow more",
        'moody_operators.py", line',
        "ValueError: the model is out to lunch",
    ):
        assert expected in messages
    stored = load(out).runs
    assert set(stored["cell"]) == {made.cells[0].id, made.cells[-1].id}
    assert len(stored) == 20
    same(caught.value.results.runs, stored)
    assert set(read_failures(out)) == {(cell.sample, 0) for cell in made.cells[1:-1]}

    asked = (tmp_path / "asked").read_text()
    with pytest.raises(GridFailure, match="4 batches of 4 cells failed"):  # not tried again unless asked for
        run_grid(made, out, **LIMITS)
    assert (tmp_path / "asked").read_text() == asked

    (tmp_path / "calm").touch()
    results = run_grid(made, out, **LIMITS, retry_failed=True)
    same(results.runs, run_grid(made, workers=1).runs)
    assert read_failures(out) == {}


def test_only_what_failed_is_retried(tmp_path, moody):
    out = tmp_path / "out"
    with pytest.raises(GridFailure):
        run_grid(grid(moody, tmp_path, "raises"), out, workers=1)
    (tmp_path / "calm").touch()
    more = grid(moody, tmp_path, "raises", runs=30)
    partial = run_grid(more, out, workers=1, retry_failed=True).runs
    assert partial.groupby("cell").size().to_dict() == dict.fromkeys((cell.id for cell in more.cells), 20)
    same(run_grid(more, out, workers=1).runs, run_grid(more, workers=1).runs)


def test_there_is_nothing_to_retry_without_a_folder(moody, tmp_path):
    with pytest.raises(InputError, match=r"retry_failed needs a results folder \(out\), got None"):
        run_grid(grid(moody, tmp_path, "raises"), retry_failed=True)


@pytest.mark.slow  # quick, in a task of several batches: test_killed_workers.py
def test_a_worker_that_dies_once_costs_nothing(tmp_path, moody):
    """As a worker that somebody kills, or the system for want of memory."""
    made = grid(moody, tmp_path, "dies once")
    results = run_grid(made, tmp_path / "out", workers=2)
    assert (tmp_path / "died").exists()
    same(results.runs, run_grid(made, workers=1).runs)
    assert read_failures(tmp_path / "out") == {}


@pytest.mark.slow
def test_workers_killed_at_random_moments_cost_nothing(tmp_path, moody, monkeypatch):
    """Each batch kills a worker from outside when it is first told of, so that many die in the middle of a task."""
    monkeypatch.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
    made = grid(moody, tmp_path, "is calm", runs=60)
    killed: list[int] = []

    def kill_one(progress: object) -> None:
        pids = [int(line.split()[-1]) for line in asked.read_text().splitlines()] if asked.exists() else []
        fresh = [pid for pid in pids if pid not in killed]
        if fresh and len(killed) < 3 and kill(fresh[-1]):
            killed.append(fresh[-1])

    asked = tmp_path / "asked"
    results = run_grid(made, tmp_path / "out", workers=2, watch=kill_one)
    assert len(killed) == 3
    same(results.runs, run_grid(made, workers=1).runs)


def test_a_process_alone_is_isolated_if_asked_for(tmp_path, moody):
    made = grid(moody, tmp_path, "dies", runs=10)
    with pytest.raises(GridFailure, match="died: its worker process died"):
        run_grid(made, workers=1, isolated=True)


def test_workers_that_cannot_even_begin_are_told_and_not_started_for_ever(tmp_path, moody, monkeypatch):
    monkeypatch.setattr("experiments.running.executors.isolated.MOST_FALSE_STARTS", 3)
    with pytest.raises(WorkersLost, match="died 3 times before it began with anything, perhaps for want of memory"):
        run_grid(grid(moody, tmp_path, "is calm"), workers=1, memory=0.001)


def test_a_part_that_cannot_be_sent_is_a_failure_of_its_own():
    class Local:
        def __reduce__(self):
            raise TypeError("not this one")

    cells = [Cell(BlockOneMax(k, l=1), Resample(0.5), AllBlocks(), OnePlusLambda()) for k in (1, 2)]
    object.__setattr__(cells[0], "extra", Local())
    with Processes(1) as executor:
        executor.submit([Job(cell, 0, 1, 1, "blocks", 1.0, 60.0) for cell in cells])
        outcomes = []
        while executor.busy:
            outcomes += executor.finished(5.0)
    failed, done = sorted(outcomes, key=lambda outcome: outcome.job.cell.problem.k)
    assert failed.message == "it cannot be sent to a worker process: TypeError: not this one"
    assert len(done.columns["hit"]) == 1


SPITEFUL = """
    import ctypes, os, resource, signal, socket, time
    from dataclasses import dataclass


    class Evil(Exception):
        def __str__(self):
            raise RuntimeError("no words")


    class Own(BaseException):
        pass


    @dataclass(frozen=True)
    class Spiteful:
        how: str

        def __setstate__(self, state):
            self.__dict__.update(state)
            if self.how == "cannot be read":
                raise KeyboardInterrupt
            if self.how == "exits when read":
                os._exit(1)
            if self.how == "hangs when read":
                time.sleep(1e6)

        def rewrite(self, correct, rng):
            if self.how == "interrupts":
                raise KeyboardInterrupt
            if self.how == "raises its own":
                raise Own
            if self.how == "raises what has no words":
                raise Evil
            if self.how == "spoils files":
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
                return "nonsense"
            if self.how == "spoils clocks":
                time.monotonic = time.perf_counter = socket.gethostname = None
                return "nonsense"
            return rng.random(correct.shape) < 0.5
"""
HOWS = [
    (("interrupts", "raises its own", "raises what has no words", "cannot be read"), 1),
    pytest.param(("exits when read",), 2, marks=pytest.mark.slow),
    (("hangs when read",), 2),
    pytest.param(("spoils files",), 1, marks=pytest.mark.slow),
    pytest.param(("spoils clocks",), 1, marks=pytest.mark.slow),
]
"""What goes wrong, and in how many batches a cell: if one has failed alone, the next is believed at once."""


@pytest.fixture
def spiteful(tmp_path, monkeypatch) -> Iterator[ModuleType]:
    (tmp_path / "spiteful_operators.py").write_text(textwrap.dedent(SPITEFUL))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("spiteful_operators")
    sys.modules.pop("spiteful_operators")


@pytest.mark.skipif(sys.platform == "win32", reason="limits on files are POSIX")
@pytest.mark.parametrize(
    ("hows", "batches"), HOWS, ids=lambda value: " and ".join(value) if isinstance(value, tuple) else ""
)
def test_batches_near_one_that_fails_are_not_blamed(spiteful, hows, batches):
    """Healthy ones in the same task, before and behind it, and later ones in the same process."""
    parts = {"schedule": AllBlocks(), "runner": OnePlusLambda(), "budget": Budget(calls=50)}
    bad = [Cell(BlockOneMax(3, l=4), spiteful.Spiteful(how), **parts) for how in hows]
    good = [Cell(BlockOneMax(k, l=4), spiteful.Spiteful("is calm"), **parts) for k in (1, 2, 4, 5, 6)]
    made = Grid("tiny", [*good[:2], *bad, *good[2:]], runs=10 * batches, batch=10)
    with pytest.raises(GridFailure, match=f"{batches * len(bad)} batch(es)? of {len(bad)} cells? failed") as caught:
        run_grid(made, workers=1, isolated=True, time_limit=1.5)
    same(caught.value.results.runs, run_grid(Grid("tiny", good, runs=10 * batches, batch=10), workers=1).runs)


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_is_replaced():
    cell = Cell(BlockOneMax(2, l=1), Resample(0.5), AllBlocks(), OnePlusLambda())
    with Processes(1) as executor:
        for batch in range(3):
            executor.submit([Job(cell, batch, 5, 1, "blocks", 0.1, 60.0)])
            outcomes = []
            while executor.busy:
                outcomes += executor.finished(5.0)
            assert [outcome.job.batch for outcome in outcomes] == [batch]
            pid = executor._isolated[0]._process.pid
            assert kill(pid)
            while is_alive(pid):
                time.sleep(0.01)


def test_what_a_rule_does_not_need_is_no_failure(tmp_path, moody):
    """The second batch is sent ahead, and fails; the rule has enough with the first."""
    mutator = moody.Moody("raises later", str(tmp_path))
    of = Cell(BlockOneMax(1, l=4), mutator, AllBlocks(), OnePlusLambda())
    made = Grid("tiny", [of], runs=UntilSuccesses(5, most=40), batch=10)
    for workers in (2, 1):
        assert len(run_grid(made, tmp_path / "out", workers=workers).runs) == 10
    for part in (tmp_path / "out" / "runs").iterdir():
        part.unlink()  # as if the launch had been killed before it wrote the first batch
    assert len(run_grid(made, tmp_path / "out", workers=1).runs) == 10


def test_failures_of_cells_that_left_the_grid_are_forgotten(tmp_path, moody):
    with pytest.raises(GridFailure):
        run_grid(grid(moody, tmp_path, "raises"), tmp_path / "out", workers=1)
    assert len(run_grid(grid(moody, tmp_path), tmp_path / "out", workers=1).runs) == 40
    with pytest.raises(GridFailure, match="2 batches of 1 cell failed"):
        run_grid(grid(moody, tmp_path, "raises"), tmp_path / "out", workers=1)


@pytest.mark.some("key")
@pytest.mark.parametrize(
    ("key", "value"),
    [("sample", [1]), ("sample", "../../mine"), ("message", None), ("text", [1]), ("batch", 1.0), ("batch", 7)],
)
def test_an_altered_failure_is_tried_again(tmp_path, moody, key, value):
    out = tmp_path / "out"
    with pytest.raises(GridFailure):
        run_grid(grid(moody, tmp_path, "raises"), out, workers=1)
    (tmp_path / "calm").touch()
    for file in (out / "failures").glob("*.json"):
        write_json(file, json.loads(file.read_text()) | {key: value})
    with pytest.raises(StoreError, match=r"failures/s.*\.json: .*; run the grid again: it sets aside what is damaged"):
        _ = load(out).failures
    told: list[str] = []
    assert len(run_grid(grid(moody, tmp_path, "raises"), out, workers=1, tell=told.append).runs) == 60
    _, *told = told  # that the part reads what cannot be seen
    assert [message.rpartition(", ")[2] for message in told] == ["its batch is tried again"] * 2


@pytest.mark.parametrize("make", [Here, lambda: Processes(1)], ids=["here", "processes"])
def test_an_executor_gives_one_outcome_for_each_job(make):
    cell = Cell(BlockOneMax(2, l=1), Resample(0.5), AllBlocks(), OnePlusLambda())
    jobs = [Job(cell, batch, 5, 1, "blocks", 0.1, 60.0) for batch in range(4)]
    with make() as executor:
        assert executor.free >= 1
        assert executor.busy == 0
        executor.submit(jobs[:3])
        executor.submit(jobs[3:])
        assert executor.busy == 2
        outcomes = []
        while executor.busy:
            outcomes += executor.finished(5.0)
        assert executor.finished(5.0) == []
    assert sorted(outcome.job.batch for outcome in outcomes) == [0, 1, 2, 3]
    assert all(len(outcome.columns["hit"]) == 5 for outcome in outcomes)


def test_a_share_of_the_memory_is_that_of_the_machine():
    one, two = memory_share(1), memory_share(2)
    assert one is not None
    assert two == pytest.approx(one / 2, abs=1)
    assert one < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_workers_end_when_their_driver_is_killed(tmp_path):
    program = """
        import sys, time
        from experiments.running.executors.processes import Processes
        from experiments.running.tasks import Job
        from evo import AllBlocks, OnePlusLambda
        from experiments import Cell
        from operators import Resample
        from problems import BlockOneMax
        with Processes(1) as executor:
            cell = Cell(BlockOneMax(1, l=1), Resample(0.5), AllBlocks(), OnePlusLambda())
            executor.submit([Job(cell, 0, 1, 1, "blocks", 1.0, 60.0)])
            while not executor.finished(1.0):
                pass
            print(executor._isolated[0]._process.pid, flush=True)
            time.sleep(60)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + SECONDS
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_alive(worker)


def kill(pid: int) -> bool:
    """Kill a process; whether it was still there: a worker may have ended since it was heard of."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead but not collected does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.usefixtures("no_figures")
def test_the_command_says_what_failed_by_its_exit_code_and_retries_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "moody_ones.py").write_text(textwrap.dedent(OPERATORS))
    (tmp_path / "grid.toml").write_text(textwrap.dedent(TOML.replace("FOLDER", str(tmp_path))))
    run = ["run", "grid.toml", "--workers", "1", "--quiet"]
    done = CliRunner().invoke(app, run)
    assert done.exit_code == 3, done.output
    assert "1 batch of 1 cell failed; all others are done." in done.stderr
    assert "not tried again until you say so: --retry-failed" in done.stderr
    assert "0 AGREES, 0 DIFFERS, 3 CANNOT TELL" in done.stdout
    assert "no runs: 1 batch failed (died); --retry-failed runs it again" in " ".join(done.stdout.split())
    assert done.stderr.count("died: its worker process died") == 1
    assert f"all messages in full: {Path('results/tiny/failures')}" in done.stderr
    (tmp_path / "calm").touch()
    assert CliRunner().invoke(app, [*run, "--retry-failed"]).exit_code == 0
    assert len(load(tmp_path / "results" / "tiny").runs) == 30
    sys.modules.pop("moody_ones", None)


def test_a_check_says_which_batches_failed_and_a_status_how_many(tmp_path, moody):
    out = tmp_path / "out"
    with pytest.raises(GridFailure):
        run_grid(grid(moody, tmp_path, "raises"), out, workers=1)
    results, made = load(out), grid(moody, tmp_path, "raises")
    bad = made.cells[1]
    assert {cell: [each.batch for each in failed] for cell, failed in results.failures.items()} == {bad.id: [0, 1]}
    reasons = {each.cell: each.reason for each in check(results).cells}
    assert reasons[bad.id] == "no runs: 2 batches failed (raised); --retry-failed runs them again"
    assert "2 batches; --retry-failed runs only what failed" in dict(status(out).lines()).values()

    (tmp_path / "calm").touch()
    run_grid(made, out, workers=1, retry_failed=True)
    assert load(out).failures == {}
    write_failure(out, replace(results.failures[bad.id][0]))  # of a batch that is there
    write_failure(out, replace(results.failures[bad.id][0], batch=2))
    write_failure(out, replace(results.failures[bad.id][0], batch=3, kind=DIED))
    write_failure(out, replace(results.failures[bad.id][0], sample=f"s{'0' * 12}-{'0' * 8}"))
    write_json(out / "grid.json", json.loads((out / "grid.json").read_text()) | {"runs": 40})
    later = load(out)
    assert {cell: [each.batch for each in failed] for cell, failed in later.failures.items()} == {bad.id: [2, 3]}
    reasons = {each.cell: each.reason for each in check(later).cells}
    assert reasons[bad.id] == (
        "20 of 40 runs are missing: 2 batches failed (raised, died); --retry-failed runs them again"
    )
    assert reasons[made.cells[0].id] == "20 of 40 runs are missing; run the grid again to go on"
    assert later.with_runs(later.runs.iloc[:0]).failures[bad.id][0].batch == 0  # it is not there now
    assert run_grid(grid(moody, tmp_path), workers=1).failures == {}  # nothing was written


def test_failures_are_told_in_a_line_a_cell_and_the_first_in_full():
    def failed(cell: int, batch: int = 0) -> FailedBatch:
        message = f"cell {cell} was out to lunch{' again' * batch}\nTraceback (most recent call last):\n  of {cell}"
        return FailedBatch(f"c{cell}", batch, f"Cell({cell}{'x' * 300}{cell})", RAISED, message, "here", "now")

    title, *lines = explain([failed(0), failed(0, 1), *map(failed, range(1, 25))], Path("out")).splitlines()
    assert title == "26 batches of 25 cells failed; all others are done."
    assert lines[:20] == [
        f"Cell({n}{'x' * (95 - len(str(n)))} ... {'x' * (99 - len(str(n)))}{n}): raised: cell {n} was out to lunch"
        for n in range(20)
    ]
    assert lines[20:] == [
        "and 5 more cells",
        "the first in full:",
        "cell 0 was out to lunch",
        "Traceback (most recent call last):",
        "  of 0",
        f"all messages in full: {Path('out/failures')}",
    ]
    alone = FailedBatch("c", 0, "Cell(1)", DIED, "", "", "now")
    assert explain([alone]) == "1 batch of 1 cell failed; all others are done.\nCell(1): died: no message"


def test_a_failure_that_cannot_be_read_is_tried_again(tmp_path, moody):
    out = tmp_path / "out"
    with pytest.raises(GridFailure):
        run_grid(grid(moody, tmp_path, "raises"), out, workers=1)
    (tmp_path / "calm").touch()
    for number, file in enumerate(sorted((out / "failures").glob("*.json"))):
        assert json.loads(file.read_text())["kind"] == RAISED
        file.write_text("" if number else "{}")
    assert len(run_grid(grid(moody, tmp_path, "raises"), out, workers=1, tell=lambda message: None).runs) == 60


def test_limits_that_are_none_are_refused(moody, tmp_path):
    for options in ({"time_limit": 0}, {"time_limit": float("nan")}, {"memory": -1.0}):
        (name,) = options
        with pytest.raises(InputError, match=re.escape(f"run_grid: {name} must be a number > 0 or None, got")):
            run_grid(grid(moody, tmp_path, "is calm"), workers=1, **options)
