"""What a dask worker does with a task and its isolated processes, and what a driver asks of a scheduler: made up."""

import os
import pickle
import sys
import time
from collections import defaultdict
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from evo.errors import InputError
from experiments.running.executors import cluster, on_worker, worker_setup
from experiments.running.executors.cluster import SECONDS_UNTIL_ASKED_AGAIN, Cluster
from experiments.running.executors.executor import WorkersLost
from experiments.running.executors.messages import PackedJob, TaskMessage, TaskReply, own_path, versions
from experiments.running.executors.process import SECONDS_IDLE
from experiments.running.executors.worker_setup import limit_memory, memory_share
from experiments.running.tasks import DIED, HOST, RAISED, UNLIKE, JobAnswer, failed

distributed = pytest.importorskip("distributed")

ADDRESS, KEY = "tcp://127.0.0.1:5", ("launch", 1)
DONE = JobAnswer(None, "", 1.0, "here")
JOBS = tuple(PackedJob(key, b"", "cell", 60.0) for key in (3, 7))


# ------------------------------------------------------------------------------------------- what a worker does


class Isolated:
    """An isolated process that answers a job each time that it is asked; `held` after it would be another task."""

    def __init__(self, lost, *given):
        self.lost, self.given, self.taken, self.left, self.stopped, self.looked = lost, given, [], [], 0, 0
        self.futures = [Future()]
        self.futures[0].set_result(None)

    @property
    def held(self):
        return len(self.left)

    def take(self, jobs):
        self.taken.append(jobs)
        self.left = list(jobs)

    def end_overdue(self):
        self.looked += 1

    def finished(self):
        if self.lost is not None:
            raise self.lost
        return [(self.left.pop(0).key, DONE)]

    def stop(self):
        self.stopped += 1


@pytest.fixture
def worker(monkeypatch, tmp_path):
    """A dask worker of four threads at work at a task; its processes are made up, in the order that they begin."""
    made = SimpleNamespace(
        address=ADDRESS,
        get_current_task=lambda: KEY,
        state=SimpleNamespace(tasks={KEY: SimpleNamespace(state="executing")}, nthreads=4),
        status=SimpleNamespace(name="running"),
        memory_manager=SimpleNamespace(memory_limit=4003),
        local_directory=str(tmp_path),
        begun=[],
        config={"daemon": True},
        lost=None,
    )

    def begin(*given):
        made.begun.append(Isolated(made.lost, *given))
        return made.begun[-1]

    monkeypatch.setattr(distributed, "get_worker", lambda: made)
    monkeypatch.setattr(on_worker, "IsolatedWorker", begin)
    monkeypatch.setattr(on_worker, "_launches", {})
    process = SimpleNamespace(_config=made.config)
    monkeypatch.setattr(on_worker, "multiprocessing", SimpleNamespace(current_process=lambda: process))
    return made


def asked(launch="launch", jobs=JOBS, **changed):
    return TaskMessage(jobs, ("/parts",), {**versions(), **changed}, launch)


def test_every_job_of_a_task_is_answered_under_the_name_of_the_worker(worker):
    reply = pickle.loads(on_worker.work(asked()))
    assert reply == TaskReply({3: DONE, 7: DONE}, f"{ADDRESS} ({HOST})")
    (isolated,) = worker.begun
    assert (isolated.taken, isolated.looked, isolated.stopped) == ([JOBS], 2, 0)


def test_other_versions_answer_every_job_and_begin_no_process(worker):
    reply = pickle.loads(on_worker.work(asked(numpy="1.0")))
    assert reply.worker == f"{ADDRESS} ({HOST})"
    assert list(reply.answers) == [3, 7]
    assert {answer.kind for answer in reply.answers.values()} == {UNLIKE}
    assert all(", not 1.0 as the driver" in answer.error for answer in reply.answers.values())
    assert worker.begun == []


@pytest.mark.parametrize(("limit", "share"), [(4003, 1000), (None, None)], ids=["of four threads", "no limit"])
def test_a_process_has_a_thread_s_share_of_the_memory_and_notes_of_its_own(worker, tmp_path, limit, share):
    worker.memory_manager.memory_limit = limit
    on_worker.work(asked("one"))
    on_worker.work(asked("another"))
    one, another = (isolated.given for isolated in worker.begun)
    assert [(given[0].parent, given[0].memory, given[1]) for given in (one, another)] == [
        (os.getpid(), share, ("/parts",))
    ] * 2
    assert {given[2].parent for given in (one, another)} == {tmp_path}
    assert one[2] != another[2]
    assert worker.config == {"daemon": False}  # else it could have no process of its own


def test_the_processes_of_a_launch_are_kept_for_it_and_know_its_bad_cells_together(worker):
    for launch in ("one", "one", "another"):
        on_worker.work(asked(launch))
    assert [len(isolated.taken) for isolated in worker.begun] == [2, 1]
    with on_worker._isolated(worker, asked("one")), on_worker._isolated(worker, asked("one")):
        assert [launch.at_work for launch in on_worker._launches.values()] == [2, 0]
    assert len(worker.begun) == 3  # one was at work
    assert worker.begun[0].given[3] is worker.begun[2].given[3] is not worker.begun[1].given[3]
    assert [launch.at_work for launch in on_worker._launches.values()] == [0, 0]


@pytest.mark.parametrize(
    ("status", "state", "done"),
    [
        ("running", "executing", True),
        ("paused", "executing", True),
        ("closing_gracefully", "executing", True),
        ("closing", "executing", False),
        ("running", "cancelled", False),
        ("running", None, False),
    ],
)
def test_a_task_that_is_not_wanted_any_more_ends_its_process_and_has_no_reply(worker, status, state, done):
    worker.status.name = status
    worker.state.tasks = {} if state is None else {KEY: SimpleNamespace(state=state)}
    assert bool(on_worker.work(asked())) is done
    assert worker.begun[0].stopped == (not done)


def test_a_process_that_is_lost_or_holds_more_is_not_kept(worker):
    """Of two tasks the first loses its process, and the second leaves it with jobs."""
    worker.lost = WorkersLost("none can be started")
    with pytest.raises(WorkersLost, match="none can be started"):
        on_worker.work(asked())
    assert worker.begun[0].stopped == 1
    with on_worker._isolated(worker, asked()) as isolated:
        isolated.take(JOBS)
    (launch,) = on_worker._launches.values()
    assert (launch.idle, launch.at_work) == ([], 0)


@pytest.mark.parametrize(
    ("idle", "at_work", "other", "ended"),
    [(1.1, False, True, True), (0.9, False, True, False), (1.1, True, True, False), (1.1, False, False, False)],
)
def test_what_earlier_launches_left_ends_when_it_was_idle_for_long(worker, monkeypatch, idle, at_work, other, ended):
    on_worker.work(asked("one"))
    on_worker._launches["one"].at_work += at_work
    later = time.monotonic() + idle * SECONDS_IDLE
    monkeypatch.setattr(on_worker.time, "monotonic", lambda: later)
    on_worker.work(asked("another" if other else "one"))
    assert worker.begun[0].stopped == ended
    assert ("one" in on_worker._launches) is not ended


def test_modules_are_looked_for_where_the_driver_finds_its_own(monkeypatch):
    """Also in the folder that it is in; not where Python and what is installed lie, which a worker has itself."""
    monkeypatch.setattr(sys, "path", ["", "/mine", f"{sys.prefix}/lib", f"{sys.base_prefix}/lib", "/other"])
    assert own_path() == (os.getcwd(), "/mine", "/other")


@pytest.mark.parametrize(
    ("pages", "limits", "memory"),
    [
        (1000, {}, 900),
        (1000, {"memory.max": "max\n"}, 900),
        (1000, {"memory.max": "800\n"}, 720),
        (1000, {"memory.limit_in_bytes": "600\n", "memory.max": "800\n"}, 540),
        (500, {"memory.max": "800\n"}, 450),
        (None, {"memory.max": "800\n"}, None),  # this system does not say it
    ],
)
def test_workers_share_nine_tenths_of_what_the_machine_or_its_group_has(monkeypatch, pages, limits, memory):
    def read(path):
        if path.name not in limits:
            raise OSError
        return limits[path.name]

    def asked(name):
        if pages is None:
            raise ValueError(name)
        return {"SC_PAGE_SIZE": 4, "SC_PHYS_PAGES": pages // 4}[name]

    monkeypatch.setattr(worker_setup.Path, "read_text", read)
    monkeypatch.setattr(worker_setup.os, "sysconf", asked)
    assert memory_share(1) == memory
    assert memory_share(3) == (None if memory is None else memory // 3)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems set no limit")
@pytest.mark.parametrize(("hard", "limit"), [(-1, 1000), (2000, 1000), (700, 700)])
def test_a_worker_has_no_more_memory_than_it_may_set(monkeypatch, hard, limit):
    """A limit above the hard one is refused by the system."""
    import resource

    known = []
    assert resource.RLIM_INFINITY == -1
    monkeypatch.setattr(resource, "getrlimit", lambda which: (500, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: known.append((which, limits)))
    limit_memory(1000)
    assert known == [(resource.RLIMIT_DATA, (limit, hard))]


# ------------------------------------------------------------------------------------------- what a driver does


class MadeUp:
    """A task at a scheduler."""

    def __init__(self, key=0):
        self.key, self.ready, self.released = key, False, 0

    def done(self):
        return self.ready

    def release(self):
        self.released += 1


class Scheduler:
    """Keeps what it is given; has so many threads."""

    def __init__(self, threads=1):
        self.threads, self.status, self.tasks = threads, "running", {}

    def submit(self, _, packed, key, pure):
        self.tasks[key] = (packed, pure)
        return MadeUp(key)

    def nthreads(self, callback_timeout):
        if isinstance(self.threads, Exception):
            raise self.threads
        return defaultdict(int, {number: 1 for number in range(self.threads)})


@pytest.fixture
def driver(monkeypatch):
    """An executor whose scheduler, clock and jobs are made up; `back` is what it has told of its jobs."""
    made = Cluster("tcp://127.0.0.1:1", patience=60.0)
    made._client, made._completed = Scheduler(), SimpleNamespace(added=[])
    made._completed.add = made._completed.added.append
    made._away = SimpleNamespace(unsent=[], pack=tuple, back=lambda key, answer: (key, answer.kind, answer.error))
    made.now = made._manned = made._looked = 0.0
    monkeypatch.setattr(cluster, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def sent_of(driver, jobs=JOBS, alone=False):
    driver._send(jobs, alone)
    return list(driver._sent.values())[-1]


def test_a_reply_that_is_there_and_does_not_come_is_asked_for_again_after_its_seconds(driver):
    """And again after as many more; one that was begun anew meanwhile is waited for from its end."""
    sent, asked = sent_of(driver), driver._completed.added
    asked.clear()

    def at(seconds, ready=True):
        driver.now, sent.future.ready = seconds, ready
        driver._look()
        return len(asked)

    most = SECONDS_UNTIL_ASKED_AGAIN
    assert [at(1, ready=False), at(2), at(2 + most), at(2.1 + most)] == [0, 0, 0, 1]
    assert [at(3 + most), at(2.9 + 2 * most), at(3.1 + 2 * most)] == [1, 1, 2]
    assert [at(200), at(201, ready=False), at(202), at(201.9 + most), at(202.1 + most)] == [2, 2, 2, 2, 3]
    assert asked == [sent.future] * 3


def test_a_scheduler_without_workers_is_waited_for_as_long_as_patience_says(driver):
    driver._client.threads = 0
    driver.now = 60.0
    driver._look()
    assert (driver._threads, driver._looked, driver._manned) == (0, 60.0, 0.0)
    driver.now, driver._client.threads = 61.0, 3
    driver._look()
    assert (driver._threads, driver._looked, driver._manned) == (3, 61.0, 61.0)
    driver.now, driver._client.threads = 121.5, 0
    with pytest.raises(
        WorkersLost, match=r"tcp://127.0.0.1:1 has had no worker for 60 s: start some \(dask worker tcp"
    ):
        driver._look()


@pytest.mark.parametrize("error", [OSError("gone"), TimeoutError("slow")])
def test_a_scheduler_that_does_not_answer_is_lost(driver, error):
    driver._client.threads = error
    with pytest.raises(WorkersLost, match=rf"127.0.0.1:1 is lost: it does not answer \({error}\); start it again"):
        driver._look()
    driver._client.status = "closed"
    for ask in (driver._look, lambda: driver._send(JOBS)):
        with pytest.raises(WorkersLost, match="is lost: the connection is closed; start it again, with workers: the"):
            ask()


def test_each_task_has_a_key_of_the_launch_and_a_number_and_is_never_taken_for_one_that_ran(driver):
    """`pure` would give it the result of another; jobs that cannot be packed are no task."""
    driver.submit(JOBS)
    driver.submit(JOBS[:1])
    driver.submit(())
    name = driver._name
    assert list(driver._client.tasks) == [(name, 1), (name, 2)]
    assert {pure for _, pure in driver._client.tasks.values()} == {False}
    assert [sent.future for sent in driver._sent.values()] == driver._completed.added
    assert Cluster("tcp://127.0.0.1:1")._name != name


def test_what_comes_of_a_task_is_told_once(driver):
    reply = pickle.dumps(TaskReply({3: DONE, 7: failed(RAISED, "so")}, "w"))
    sent = sent_of(driver)
    assert driver._received(sent.future, reply) == [(3, "", ""), (7, RAISED, "so")]
    assert driver._received(sent.future, reply) == []  # asked for twice
    assert (driver._sent, sent.future.released) == ({}, 2)


@pytest.mark.parametrize("alone", [False, True])
def test_a_task_whose_worker_was_told_to_leave_is_sent_again_as_it_was(driver, alone):
    sent = sent_of(driver, JOBS[:1], alone)
    assert driver._received(sent.future, b"") == []
    ((_, again),) = driver._sent.items()
    assert (again.jobs, again.alone) == (JOBS[:1], alone)


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        (pickle.dumps(TaskReply({3: failed(UNLIKE, "has numpy 2")}, "w")), InputError, "the worker w has numpy 2; the"),
        (
            ("", ModuleNotFoundError("no evo")),
            InputError,
            r"cannot run tasks \(no evo\): install llm-evo-testbed there",
        ),
        (("", WorkersLost("no process")), WorkersLost, "^no process$"),
        (RuntimeError("cancelled"), WorkersLost, r"lost: it has dropped a task \(cancelled\)"),
        (type("Cancelled", (Exception,), {"reason": "left"})(), WorkersLost, r"has dropped a task \(left\)"),
    ],
)
def test_what_ends_a_launch(driver, result, error, words):
    sent = sent_of(driver)
    with pytest.raises(error, match=words):
        driver._received(sent.future, result)


def test_jobs_of_a_task_that_died_are_sent_alone_and_then_are_failures(driver):
    sent = sent_of(driver)
    assert driver._received(sent.future, ("", distributed.KilledWorker("task", None, 3))) == []
    first, second = driver._sent.values()
    assert [(each.jobs, each.alone) for each in (first, second)] == [((job,), True) for job in JOBS]
    killed = driver._received(first.future, ("", distributed.KilledWorker("task", None, 3)))
    assert killed == [(3, DIED, "all workers that were given it died, again and again")]
    assert driver._received(second.future, ("", ValueError("too large"))) == [(7, RAISED, "ValueError: too large")]
    assert driver.free == 1
