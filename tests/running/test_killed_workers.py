"""A worker that is killed, whatever it is doing, hangs nobody: not its driver, not the launch, not their ends."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from joblib.externals.loky.backend.process import LokyProcess
from patience import SECONDS, wait_for

from evo.costs.budget import Budget
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.running.executors import notes, process
from experiments.running.executors.executor import Here, WorkersLost
from experiments.running.executors.process import CallFailed, WorkerGone, WorkerProcess
from experiments.running.executors.processes import Processes
from experiments.running.executors.worker_setup import WorkerSetup
from experiments.running.launch import GridFailure, run_grid
from experiments.running.tasks import DIED, Failure, Job, failed, outcome_of, run_job
from experiments.store.failures import read_failures
from operators import Resample
from problems import BlockOneMax

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX has them"),
    pytest.mark.filterwarnings("ignore:.*reads what cannot be seen"),  # its operators ask for their process
]
LARGE = 10**6
"""Bytes, more than a pipe holds."""


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    made = WorkerProcess(WorkerSetup(os.getpid(), None))
    yield made
    made.stop()


@pytest.mark.parametrize(("set_by_dask", "threshold"), [(None, None), ("65536", "33554432")])
def test_a_worker_asks_the_system_for_memory_as_any_process_where_dask_says_otherwise(
    set_by_dask: str | None, threshold: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    if set_by_dask:
        monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", set_by_dask)
    made = WorkerProcess(WorkerSetup(os.getpid(), None))
    try:
        asked = [made.submit(os.getenv, name) for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")]
        assert [each.result(SECONDS) for each in asked] == [threshold, threshold and str(2 * int(threshold))]
    finally:
        made.stop()


def kill(worker: WorkerProcess) -> None:
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)


def come(future: Future[Any], worker: WorkerProcess, seconds: float = SECONDS) -> Any:
    """The error or result of a future, while somebody looks after the worker as a launch does."""
    deadline = time.monotonic() + seconds
    while not future.done() and time.monotonic() < deadline:
        worker.look()
        wait([future], timeout=0.05)
    assert future.done(), "nobody has noticed that the worker is gone"
    return future.exception() or future.result()


def test_calls_are_answered_in_order_with_large_tasks_and_answers(worker):
    futures = [worker.submit(bytes, size) for size in (1, LARGE, 3)]
    futures += [worker.submit(len, bytes(LARGE)), worker.submit(int, "x"), worker.submit(abs, -2)]
    answers = [come(future, worker) for future in futures]
    assert [len(answer) for answer in answers[:3]] == [1, LARGE, 3]
    assert (answers[3], answers[5]) == (LARGE, 2)
    assert isinstance(answers[4], CallFailed)
    assert "ValueError: invalid literal" in str(answers[4])


def killed_before_it_begins(worker: WorkerProcess) -> list[Future[Any]]:
    found = [worker.submit(abs, -1)]
    kill(worker)
    return found


def killed_while_it_works(worker: WorkerProcess) -> list[Future[Any]]:
    come(worker.submit(abs, -1), worker)
    found = [worker.submit(time.sleep, 600), worker.submit(abs, -1)]
    time.sleep(0.05)
    kill(worker)
    return found


def killed_while_a_large_task_waits(worker: WorkerProcess) -> list[Future[Any]]:
    come(worker.submit(abs, -1), worker)
    found = [worker.submit(time.sleep, 600), worker.submit(len, bytes(LARGE)), worker.submit(abs, -1)]
    time.sleep(0.05)
    kill(worker)
    return found


def killed_while_it_is_stopped(worker: WorkerProcess) -> list[Future[Any]]:
    come(worker.submit(abs, -1), worker)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)
    found = [worker.submit(bytes, LARGE)]
    worker.kill()
    return found


def killed_while_a_child_of_its_holds_the_pipe(worker: WorkerProcess) -> list[Future[Any]]:
    come(worker.submit(exec, "import os, time\nif os.fork() == 0:\n time.sleep(15)\n os._exit(0)"), worker)
    found = [worker.submit(time.sleep, 600)]
    time.sleep(0.05)
    kill(worker)
    return found


def it_ends_itself(worker: WorkerProcess) -> list[Future[Any]]:
    return [worker.submit(os._exit, 0), worker.submit(abs, -1)]


STAGES = [
    killed_before_it_begins,
    killed_while_it_works,
    killed_while_a_large_task_waits,
    killed_while_it_is_stopped,
    killed_while_a_child_of_its_holds_the_pipe,
    it_ends_itself,
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_all_that_a_killed_worker_was_asked_ends(worker, monkeypatch, stage: Callable[[WorkerProcess], Any]):
    monkeypatch.setattr(process, "SECONDS_GONE", 0.1)
    for future in stage(worker):
        assert isinstance(come(future, worker), WorkerGone)
    with pytest.raises(WorkerGone):
        worker.submit(abs, -1)
    worker.stop()
    wait_for(lambda: worker._tasks.closed)  # a launch of many deaths keeps no pipes open
    if stage is not killed_while_a_child_of_its_holds_the_pipe:
        wait_for(lambda: worker._answers.closed)


def test_a_worker_killed_in_the_middle_of_an_answer(worker, monkeypatch):
    """The reader is held back until the pipe is full, so that half an answer is in it when the worker is killed."""
    came, read, settle = threading.Event(), threading.Event(), process._settle

    def slowly(future: Future[Any], content: bytes) -> None:
        came.set()
        read.wait(SECONDS)
        settle(future, content)

    monkeypatch.setattr(process, "_settle", slowly)
    first, second, third = worker.submit(abs, -1), worker.submit(bytes, LARGE), worker.submit(abs, -1)
    assert came.wait(SECONDS)
    time.sleep(0.3)  # until the worker writes, and cannot go on
    kill(worker)
    read.set()
    assert come(first, worker) == 1
    assert isinstance(come(second, worker), WorkerGone)
    assert isinstance(come(third, worker), WorkerGone)


def test_a_driver_that_ends_without_stopping_its_worker_does_not_wait_for_it():
    program = "\n".join(
        [
            "import os, time",
            "from experiments.running.executors.process import WorkerProcess",
            "from experiments.running.executors.worker_setup import WorkerSetup",
            "worker = WorkerProcess(WorkerSetup(os.getpid(), None))",
            "worker.submit(abs, -1).result()",
            "worker.submit(time.sleep, 600)",
        ]
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=SECONDS, check=False).returncode == 0


def test_where_no_process_can_be_started_the_launch_says_so(monkeypatch):
    def refused(process: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("joblib.externals.loky.backend.process.LokyProcess.start", refused)
    with pytest.raises(WorkersLost, match=r"no worker process can be started here \(.*temporarily unavailable\)"):
        outcomes_of([Job(cell_of(Resample(0.5)), 0, 5, 1, "blocks", 0.1, 60.0)])


def test_where_no_thread_can_be_started_the_launch_says_so_and_its_processes_end(monkeypatch, worker):
    """For want of memory: the system starts a process, but no thread that would read its answers, or end it."""
    begun, start = [], LokyProcess.start

    def noted(process: LokyProcess) -> None:
        start(process)
        begun.append(process)

    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(LokyProcess, "start", noted)
    monkeypatch.setattr("threading.Thread.start", refused)
    with pytest.raises(WorkersLost, match=r"no worker process can be started here \(.*can't start new thread\)"):
        outcomes_of([Job(cell_of(Resample(0.5)), 0, 5, 1, "blocks", 0.1, 60.0)])
    assert [each.is_alive() for each in begun] == [False]
    monkeypatch.setattr("joblib.externals.loky.backend.utils.kill_process_tree", refused_too)
    worker.stop()  # nor a program that names the children
    worker._process.join(SECONDS)
    assert not worker._process.is_alive()


def refused_too(process: object) -> None:
    raise OSError(12, "Cannot allocate memory")


# ----------------------------------------------------------------------------------------------- a launch

OPERATORS = """
    import os, signal
    from dataclasses import dataclass
    from pathlib import Path


    @dataclass(frozen=True)
    class Killed:
        folder: str
        at: int
        times: int = 1

        def rewrite(self, correct, rng):
            died = Path(self.folder) / "died"
            so_far = died.stat().st_size if died.exists() else 0
            if rng.bit_generator.seed_seq.spawn_key[0] == self.at and so_far < self.times:
                died.write_text("x" * (so_far + 1))
                os.kill(os.getpid(), signal.SIGKILL)
            return rng.random(correct.shape) < 0.5
"""


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Iterator[ModuleType]:
    (tmp_path / "killed_operators.py").write_text(textwrap.dedent(OPERATORS))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("killed_operators")
    sys.modules.pop("killed_operators")


def cell_of(mutator: Any, k: int = 2) -> Cell:
    return Cell(BlockOneMax(k, l=4), mutator, AllBlocks(), OnePlusLambda(), budget=Budget(calls=50))


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def outcomes_of(jobs: list[Job]) -> list[Any]:
    with Processes(1) as executor:
        executor.submit(jobs)
        found: list[Any] = []
        deadline = time.monotonic() + SECONDS
        while executor.busy and time.monotonic() < deadline:
            found += executor.finished(1.0)
        assert not executor.busy
    return found


@pytest.mark.some("times")
@pytest.mark.parametrize("at", [0, 2, 4])
@pytest.mark.parametrize("times", [1, 9])
def test_of_a_task_of_several_batches_only_the_one_that_died_may_fail(mine, tmp_path, at, times):
    """Each batch comes back once, whichever it was at; the others are not lost with it, nor run for ever."""
    cell = cell_of(mine.Killed(str(tmp_path), at, times))
    found = outcomes_of([Job(cell, batch, 5, 1, "blocks", 0.1, 60.0) for batch in range(5)])
    assert sorted(outcome.job.batch for outcome in found) == list(range(5))
    kinds = {outcome.job.batch: outcome.kind for outcome in found if isinstance(outcome, Failure)}
    assert kinds == ({} if times == 1 else {at: DIED})
    assert len((tmp_path / "died").read_text()) == min(times, 2)  # once in the task, once alone


def test_a_batch_that_died_twice_is_tried_once_more_where_others_of_its_cell_succeeded(mine, tmp_path):
    def grid(times: int, batches: int = 4) -> Grid:
        cells = [cell_of(mine.Killed(str(tmp_path), 1, times)), cell_of(Resample(0.5), k=3)]
        return Grid("tiny", cells, runs=10 * batches, batch=10)

    results = run_grid(grid(2), tmp_path / "out", workers=1, isolated=True)
    assert len(results.runs) == 80
    assert len((tmp_path / "died").read_text()) == 2
    assert read_failures(tmp_path / "out") == {}
    (tmp_path / "died").unlink()
    with pytest.raises(GridFailure, match="1 batch of 1 cell failed") as caught:
        run_grid(grid(9), workers=1, isolated=True)  # a part that kills, always at this batch
    assert [(each.batch, each.kind) for each in caught.value.failures] == [(1, DIED)]
    assert len((tmp_path / "died").read_text()) == 4


class Deadly(Here):
    """Says of some batches that their worker died, as often as told; counts how often each was tried."""

    def __init__(self, deaths: dict[tuple[int, int], int]) -> None:
        super().__init__()
        self.deaths, self.tried = deaths, dict.fromkeys(deaths, 0)

    def finished(self, patience: float) -> list[Any]:
        found = []
        for job in self._tasks.popleft() if self._tasks else ():
            key = job.cell.problem.k, job.batch
            self.tried[key] = self.tried.get(key, 0) + 1
            died = self.tried[key] <= self.deaths.get(key, 0)
            found.append(outcome_of(job, failed(DIED, "gone") if died else run_job(job)))
        return found


@pytest.mark.parametrize("stored", [True, False])
def test_a_cell_of_which_nothing_succeeds_is_not_tried_again(tmp_path, monkeypatch, stored):
    cells = [cell_of(Resample(0.5), k) for k in (2, 3)]
    deaths = {(2, 0): 9, (2, 1): 9, (3, 0): 1, (3, 2): 2}
    executor = Deadly({**deaths, (2, 2): 9})
    monkeypatch.setattr("experiments.running.launch._executor", lambda *options: executor)
    grid, out = Grid("tiny", cells, runs=30, batch=10), tmp_path / "out" if stored else None
    with pytest.raises(GridFailure) as caught:
        run_grid(grid, out)
    lost = sorted((int(each.text.split("k=")[1].split(",")[0]), each.batch) for each in caught.value.failures)
    assert lost == [(2, 0), (2, 1), (2, 2), (3, 2)]
    assert {key: executor.tried[key] for key in executor.deaths} == {
        (2, 0): 1,
        (2, 1): 1,
        (3, 0): 2,
        (3, 2): 2,
        (2, 2): 1,
    }


def test_a_worker_that_never_begins_is_ended(monkeypatch):
    """As one that is stopped while it starts: no note says what it is at, and no limit of a batch would end it."""
    monkeypatch.setattr("experiments.running.executors.isolated.SECONDS_TO_BEGIN", 0.2)
    monkeypatch.setattr("experiments.running.executors.isolated.MOST_FALSE_STARTS", 2)
    submit = WorkerProcess.submit
    monkeypatch.setattr(WorkerProcess, "submit", lambda self, *words: submit(self, time.sleep, 600))
    with pytest.raises(WorkersLost, match="died 2 times before it began"):
        outcomes_of([Job(cell_of(Resample(0.5)), 0, 5, 1, "blocks", 0.1, 0.2)])


# ------------------------------------------------------------------------------------------ temporary folders


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(notes.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_killed_drivers_left_is_removed_and_nothing_else(temporary):
    left = temporary / "llm-evo-notes-abcd_123"
    left.mkdir()
    (left / "0-1").write_text("1 2 3")
    kept = [temporary / name for name in ("llm-evo-notes-a", "llm-evo-notes-abcd_1234", "llm-evo-abcd_123", "other")]
    for folder in kept:
        folder.mkdir()
    with_more = temporary / "llm-evo-notes-abcd_456"
    with_more.mkdir()
    (with_more / "0-1").touch()
    (with_more / "mine.txt").touch()
    linked = temporary / "llm-evo-notes-abcd_789"
    linked.symlink_to(temporary / "other")
    (temporary / "llm-evo-notes-abcd_000").write_text("a file")
    with notes.notes_folder() as folder:
        assert not left.exists()
        assert all(each.exists() for each in (*kept, with_more / "0-1", with_more / "mine.txt", linked))
        with notes.notes_folder() as second:  # another launch: the first is at work
            assert folder.exists()
            assert second != folder
    assert not folder.exists()
    assert not second.exists()
    assert (temporary / "llm-evo-notes-abcd_000").exists()


def test_the_folder_of_a_driver_that_was_killed_is_removed_by_the_next(temporary):
    program = "\n".join(
        [
            "import tempfile, time",
            f"tempfile.tempdir = {str(temporary)!r}",
            "from experiments.running.executors.notes import notes_folder",
            "with notes_folder() as folder:",
            "    (folder / '0-1').touch()",
            "    print(folder, flush=True)",
            "    time.sleep(60)",
        ]
    )
    driver = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    with driver.stdout:
        folder = Path(driver.stdout.readline().strip())
    with notes.notes_folder():
        assert folder.exists()
    driver.kill()
    driver.wait()
    with notes.notes_folder():
        assert not folder.exists()
