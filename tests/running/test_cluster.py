"""Many machines: a real dask scheduler and worker processes, over TCP on 127.0.0.1, that are killed in mid-grid."""

from __future__ import annotations

import importlib
import json
import math
import os
import pickle
import socket
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from patience import SECONDS, wait_for

from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, RoundRobin, UntilResolved
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid, sweep
from experiments.running.executors import cluster, connection, messages
from experiments.running.executors.cluster import Cluster
from experiments.running.executors.executor import WorkersLost
from experiments.running.executors.messages import JobsAway, UnlikeDriver, different_versions, unpacked, versions
from experiments.running.launch import GridFailure, run_grid
from experiments.running.tasks import Job
from experiments.store.results import load
from operators import FixKeep, Resample
from problems import BlockOneMax

distributed = pytest.importorskip("distributed")

ALLOWED_FAILURES = 1  # deaths after which the scheduler gives up a task are one more; three is dask's default


class Machines:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen] = []
        self._file = folder / "scheduler.json"
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(self._file)
        )
        try:
            wait_for(self._told)
        except BaseException:
            self.stop()
            raise
        self.address = self._told()

    def _start(self, command: str, *arguments: str) -> subprocess.Popen:
        environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(ALLOWED_FAILURES)}
        with (self._folder / f"{command}-{len(self._started)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{command}", *arguments, "--no-dashboard"],
                stdout=log, stderr=log, env=environment, cwd=self._folder, start_new_session=True,
            )  # fmt: skip
        self._started.append(process)
        return process

    def _told(self) -> str:
        """The address in the scheduler's file; empty until all of the file is there."""
        try:
            return json.loads(self._file.read_text())["address"]
        except (OSError, ValueError):
            return ""

    def worker(self, *options: str) -> subprocess.Popen:
        arguments = ("--nthreads", "1", "--nworkers", "1", "--local-directory", str(self._folder), *options)
        return self._start("dask_worker", self.address, *arguments)

    def stop(self) -> None:
        for process in self._started:
            kill_all(process)

    def ask(self, function):
        """What a function of the scheduler gives."""
        with distributed.Client(self.address, set_as_default=False) as client:
            return client.run_on_scheduler(function)


def kill_all(process: subprocess.Popen) -> None:
    """End a process and those it started, such as a nanny's worker."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait(SECONDS)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """One worker with a nanny, which starts it again, and one without."""
    machines = Machines(tmp_path_factory.mktemp("machines"))
    try:
        machines.worker()
        machines.worker("--no-nanny")
        yield machines
    finally:
        machines.stop()


@pytest.fixture
def alone(tmp_path):
    """A scheduler of the test's own, without workers."""
    machines = Machines(tmp_path)
    try:
        yield machines
    finally:
        machines.stop()


PARTS = """
import os, time
import copyreg
from dataclasses import dataclass
from pathlib import Path

@dataclass(frozen=True)
class Slow:
    seconds: float
    folder: str = ""

    def rewrite(self, correct, rng):
        if self.folder:
            (Path(self.folder) / f"{os.getppid()}-{os.getpid()}").touch()
        time.sleep(self.seconds)
        return rng.random(correct.shape) < 0.5

@dataclass(frozen=True)
class Raises:
    def rewrite(self, correct, rng):
        raise ValueError("no such block")

@dataclass(frozen=True)
class Loops:
    def rewrite(self, correct, rng):
        while True:
            pass

@dataclass(frozen=True)
class Sleeps:
    def rewrite(self, correct, rng):
        time.sleep(600)

@dataclass(frozen=True)
class Unreadable:
    def __setstate__(self, state):
        raise KeyboardInterrupt("not for you")
    def __reduce__(self):
        return copyreg.__newobj__, (Unreadable,), {"some": "state"}
    def rewrite(self, correct, rng):
        return correct


@dataclass(frozen=True)
class Ends:
    def rewrite(self, correct, rng):
        os._exit(3)
"""


@pytest.fixture
def parts(tmp_path, monkeypatch, request):
    """A user's module, in a folder of his own; a name for each test, since workers keep what they imported."""
    name = f"parts_of_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(PARTS))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module(name)
    del sys.modules[name]


def cell(mutator=None, k=2, schedule=None):
    return Cell(BlockOneMax(k, l=4), mutator or Resample(0.5), schedule or AllBlocks(), OnePlusLambda())


def tiny(runs=40):
    problems = [BlockOneMax(k, l=4) for k in (1, 3)]
    schedules = [AllBlocks(), RoundRobin(), UntilResolved()]
    mutators = [Resample(0.5), FixKeep(0.5, 0.9)]
    return Grid(
        "tiny",
        list(sweep(problem=problems, mutator=mutators, schedule=schedules, runner=OnePlusLambda())),
        runs=runs,
        batch=10,
    )


def same(one, other):
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def client_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("llm-evo")]


def test_the_same_table_as_here_and_nothing_is_left(machines, capfd):
    table = run_grid(tiny(), workers=1).runs
    seen = []
    same(run_grid(tiny(), scheduler=machines.address, watch=seen.append).runs, table)
    assert seen[-1].runs == len(table)
    assert seen[-1].left == pytest.approx(0, abs=1e-9)
    assert client_threads() == []
    left = machines.ask(lambda dask_scheduler: [len(dask_scheduler.tasks), len(dask_scheduler.clients) - 1])
    assert left == [0, 1]  # the one that asks, besides the scheduler's own
    assert capfd.readouterr() == ("", "")


def test_a_worker_that_is_killed_costs_nothing(machines, parts, tmp_path):
    """A dask worker, and the isolated process of another one."""
    machines.worker("--no-nanny")
    slow = Grid("slow", [cell(parts.Slow(0.1, str(tmp_path)), k=1)], runs=24, batch=1)
    killed = []

    def kill(progress):
        seen = [file.name.split("-") for file in tmp_path.iterdir() if "-" in file.name]
        of_others = [(dask, isolated) for dask, isolated in seen if dask not in killed]
        if of_others and len(killed) < 2:
            dask, isolated = of_others[0]
            with suppress(ProcessLookupError):  # it has ended since
                os.kill(int(isolated if killed else dask), 9)
                killed.append(dask)

    results = run_grid(slow, scheduler=machines.address, watch=kill)
    assert len(killed) == 2
    same(results.runs, run_grid(slow, workers=1).runs)


@pytest.mark.slow
def test_parts_that_break_are_failures_and_the_rest_goes_on(machines, parts, tmp_path):
    broken = [parts.Raises(), parts.Loops(), parts.Sleeps(), parts.Ends(), parts.Unreadable()]
    cells = [cell(mutator) for mutator in broken] + [cell(k=k) for k in (1, 2, 3)]
    with pytest.raises(GridFailure) as told:
        run_grid(Grid("broken", cells, runs=10), tmp_path / "out", scheduler=machines.address, time_limit=3.0)
    found = {
        failed.text.partition("mutator=")[2].partition("(")[0].rpartition(".")[2]: failed
        for failed in told.value.failures
    }
    assert {name: failed.kind for name, failed in found.items()} == {
        "Raises": "raised", "Loops": "timed out", "Sleeps": "timed out", "Ends": "died",
        "Unreadable": "raised",
    }  # fmt: skip
    assert "ValueError: no such block" in found["Raises"].message
    assert "KeyboardInterrupt: not for you" in found["Unreadable"].message
    assert all(failed.host for name, failed in found.items() if name != "Unreadable")
    good = run_grid(Grid("broken", cells[5:], runs=10), workers=1).runs
    same(told.value.results.runs, good)
    same(load(tmp_path / "out").runs, good)


def test_what_is_at_work_ends_when_the_driver_leaves(machines, parts):
    def at_work():
        with distributed.Client(machines.address, set_as_default=False) as client:
            return sum(client.run(lambda dask_worker: len(dask_worker.active_threads)).values())

    def leave(progress):
        if progress.batches:
            wait_for(lambda: at_work() == 1)
            raise KeyboardInterrupt

    hours = parts.Slow(0.05)  # 2^30 calls
    slow = Grid("slow", [cell(hours, k=1), cell(hours, k=30)], runs=1, batch=1)
    with pytest.raises(KeyboardInterrupt):
        run_grid(slow, scheduler=machines.address, watch=leave)
    wait_for(lambda: at_work() == 0)
    assert client_threads() == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*reads what cannot be seen")  # the process that it is in
def test_without_workers_the_launch_ends_and_goes_on_later(alone, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "Cluster", partial(Cluster, patience=1.0))
    slow = Grid("slow", [cell(parts.Slow(0.05), k=1)], runs=30, batch=1)
    only = alone.worker("--no-nanny")
    wait_for(lambda: alone.ask(lambda dask_scheduler: len(dask_scheduler.workers)))
    with pytest.raises(WorkersLost, match=r"has had no worker for 1 s: start some \(dask worker tcp://127"):
        run_grid(
            slow, tmp_path / "out", scheduler=alone.address, watch=lambda progress: progress.batches and kill_all(only)
        )
    there = len(load(tmp_path / "out").runs)
    assert 0 < there < 30
    monkeypatch.setattr(cluster, "Cluster", Cluster)
    threading.Timer(0.5, alone.worker, ["--no-nanny"]).start()  # joins after the launch has begun
    same(run_grid(slow, tmp_path / "out", scheduler=alone.address).runs, run_grid(slow, workers=1).runs)

    more = Grid("slow", slow.cells, runs=60, batch=1)
    with pytest.raises(WorkersLost, match=r"the scheduler tcp://127\S+ is lost: .*goes on from what is finished"):
        run_grid(
            more,
            tmp_path / "out",
            scheduler=alone.address,
            watch=lambda progress: progress.batches > 31 and kill_all(alone.scheduler),
        )
    assert 30 < len(load(tmp_path / "out").runs) < 60
    assert client_threads() == []


def test_the_command(machines, parts, tmp_path, command):
    (tmp_path / "grid.toml").write_text(
        f"""name = "mine"\nruns = 30\n[[arm]]\nlabel = "a"\nproblem = {{type = "BlockOneMax", k = [1, 2], l = 4}}
mutator = {{type = "{parts.__name__}:Slow", seconds = 0.0}}\nschedule = {{type = "AllBlocks"}}\n"""
    )
    words = ("run", "grid.toml", "--out", "out", "--scheduler", machines.address)
    done = command(*words, cwd=tmp_path, figures=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "distributed" not in done.stdout + done.stderr
    assert len(load(tmp_path / "out").runs) == 60


def test_workers_of_other_versions_or_sources_are_refused_by_name(machines, parts, monkeypatch):
    monkeypatch.setattr(cluster, "versions", lambda: {**versions(), "numpy": "1.0"})
    with pytest.raises(
        InputError, match=r"the worker tcp://127\S+ \(.+\) has numpy \S+, not 1.0 as the driver: install"
    ):
        run_grid(tiny(), scheduler=machines.address)
    monkeypatch.setattr(cluster, "versions", versions)
    monkeypatch.setattr(messages, "identity_of", lambda kind: SimpleNamespace(digest="0"))
    with pytest.raises(InputError, match=r"worker .* has another parts_of_\d+\.Slow: copy"):
        run_grid(Grid("g", [cell(parts.Slow(0.0))], runs=5), scheduler=machines.address)


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "tcp://127.0.0.1", "http://127.0.0.1:80", "tcp://:1", ""])
def test_malformed_addresses_are_refused(address):
    with pytest.raises(InputError, match=r"scheduler: expected an address such as tcp://HOST:8786, got"):
        run_grid(tiny(), scheduler=address)


class Clock:
    """Time passes only where somebody sleeps."""

    now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize(
    ("sent", "patience", "comes", "waited", "looks"),
    [
        (1, 0.5, math.inf, 0.5, 0),
        (1, 0.0, math.inf, 0.0, 0),
        (1, 2.5, math.inf, 2.5, 2),  # the scheduler is asked each second
        (1, 0.5, 0.25, 0.25, 0),
        (1, 0.5, 0.0, 0.0, 0),
        (0, 0.5, math.inf, 0.0, 0),  # nothing is to come
    ],
)
def test_outcomes_are_waited_for_as_long_as_asked(monkeypatch, sent, patience, comes, waited, looks):
    """A poll takes 5 ms: no sooner, and at most two polls later."""
    clock, looked = Clock(), []
    monkeypatch.setattr(cluster, "time", clock)
    at = Cluster("tcp://127.0.0.1:1")
    at._sent = dict.fromkeys(range(sent))
    at._completed = SimpleNamespace(next_batch=lambda block: [("future", "result")] if clock.now >= comes else [])

    def look():
        looked.append(clock.now)
        at._looked = clock.now

    monkeypatch.setattr(at, "_look", look)
    monkeypatch.setattr(at, "_received", lambda future, result: [result])
    assert at.finished(patience) == (["result"] if comes < math.inf else [])
    assert waited <= clock.now + 1e-9
    assert clock.now < waited + 0.0101
    assert len(looked) == looks


def test_nobody_answers(monkeypatch):
    monkeypatch.setattr(connection, "SECONDS_TO_CONNECT", 0.3)
    with pytest.raises(InputError, match=r"scheduler: nobody answers at tcp://127.0.0.1:1 .*; start one"):
        run_grid(tiny(), scheduler="tcp://127.0.0.1:1")
    assert client_threads() == []


def test_who_takes_the_connection_and_never_answers_is_not_waited_for(monkeypatch):
    """A scheduler that is stopped."""
    monkeypatch.setattr(connection, "SECONDS_TO_CONNECT", 0.2)
    monkeypatch.setattr(connection, "SECONDS_TO_CLOSE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(InputError, match=r"nobody answers at tcp\S+ \(no answer comes\); start one"):
            run_grid(tiny(), scheduler=address)
    assert client_threads() == []


def test_a_server_of_another_kind_is_no_want_of_memory(monkeypatch):
    """Its first bytes are read as lengths: of exbibytes, from an SSH server."""
    monkeypatch.setattr(connection, "SECONDS_TO_CONNECT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet():
            taken = other.accept()[0]
            with taken:
                taken.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
                taken.recv(2**16)

        greeting = threading.Thread(target=greet)
        greeting.start()
        with pytest.raises(InputError, match=r"nobody answers at tcp\S+ \(.+\); start one"):
            run_grid(tiny(), scheduler=f"tcp://127.0.0.1:{other.getsockname()[1]}")
        greeting.join(SECONDS)


def test_without_distributed_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"needs dask\.distributed .*pip install 'llm-evo-testbed\[dask\]'"):
        run_grid(tiny(), scheduler="tcp://127.0.0.1:1")


@pytest.mark.parametrize(("name", "option"), [("workers", "--nworkers"), ("memory", "--memory-limit")])
def test_what_is_not_for_the_workers_of_a_scheduler_is_refused(name, option):
    with pytest.raises(InputError, match=f"{name} is not for a scheduler's workers, got 2; use dask's {option}"):
        run_grid(tiny(), scheduler="tcp://127.0.0.1:1", **{name: 2})


# ------------------------------------------------------------------------------------------- what a worker does


def job(mutator=None, limit=60.0):
    return Job(cell(mutator), 0, 5, 1, "blocks", 0.1, limit)


@pytest.mark.slow
def test_a_job_is_read_where_all_is_as_at_the_driver(parts):
    away = JobsAway(elsewhere=True)
    mine, theirs = away.pack([job(), job(parts.Ends())])
    assert [unpacked(pickle.loads(pickle.dumps(packed))) for packed in (mine, theirs)] == [job(), job(parts.Ends())]
    assert list(theirs.parts) == [f"{parts.__name__}.Ends"]
    with pytest.raises(UnlikeDriver, match=r"has another parts_of_\d+\.Ends: copy the driver's modules"):
        unpacked(replace(theirs, parts={f"{parts.__name__}.Ends": "0"}))
    with pytest.raises(InputError, match=r"a worker process reads another parts_of_\d+\.Ends from its modules than"):
        unpacked(replace(theirs, parts={f"{parts.__name__}.Ends": "0"}, elsewhere=False))
    strange = replace(theirs, content=theirs.content.replace(parts.__name__.encode(), b"x" * len(parts.__name__)))
    with pytest.raises(UnlikeDriver, match=r"cannot read a task \(ModuleNotFoundError: No module named 'xxx.*folders"):
        unpacked(strange)
    with pytest.raises(ModuleNotFoundError):  # on the driver's own machine it is the job's failure
        unpacked(replace(strange, elsewhere=False))
    assert different_versions(versions()) == ""
