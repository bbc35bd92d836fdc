"""What fails is tried alone in a fresh process before it is believed: who is given what, with processes made up."""

import os
import time
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from experiments.running.executors import isolated
from experiments.running.executors.executor import WorkersLost
from experiments.running.executors.isolated import IsolatedWorker
from experiments.running.executors.messages import PackedJob
from experiments.running.executors.process import CallFailed, WorkerGone
from experiments.running.tasks import DIED, RAISED, TIMED_OUT, UNLIKE, JobAnswer, failed

LIMIT = 60.0
DONE = JobAnswer(None, "", 1.0, "here")


class Processes:
    """Of the processes made: what each was given, and what comes of it; `moods` says it of each job, try by try."""

    def __init__(self, moods):
        self.moods, self.made, self.given = {key: list(each) for key, each in moods.items()}, 0, []

    def __call__(self, setup):
        self.made += 1
        return MadeUp(self, self.made)


class MadeUp:
    def __init__(self, all_of_them, number):
        self.all, self.number, self.waiting = all_of_them, number, []

    def submit(self, work, jobs, path, note):
        keys = tuple(job.key for job in jobs)
        self.all.given.append((self.number, keys))
        self.waiting.append((keys, note, future := Future()))
        return future

    def look(self):
        pass

    def kill(self):
        for _, _, future in self.waiting:
            future.set_exception(WorkerGone())
        self.waiting.clear()

    stop = kill

    def step(self, worker):
        """Do the first task that waits, or die at it."""
        keys, note, future = self.waiting[0]
        answers = []
        for place, key in enumerate(keys):
            mood = left.pop(0) if (left := self.all.moods.get(key)) else ""
            since = time.monotonic() - (2 * LIMIT if mood == TIMED_OUT else 0)
            if mood != "in vain":
                with open(note, "w") as file:
                    file.write(f"{os.getpid()} {place} {since}")
            if mood == TIMED_OUT:
                return worker.end_overdue()
            if mood in (DIED, "in vain"):
                return self.kill()
            if mood == "spoils":
                self.waiting.pop(0)
                return future.set_exception(CallFailed("its clock is gone"))
            answers.append(failed(mood, "so") if mood else DONE)
        self.waiting.pop(0)
        return future.set_result(answers)


def done(tmp_path, monkeypatch, tasks, moods, cells=str):
    """What processes were given, in order; the kind of the answer of each job; cells that are known to be bad."""
    made, bad, answers = Processes(moods), set(), []
    monkeypatch.setattr(isolated, "WorkerProcess", made)
    worker = IsolatedWorker(None, (), tmp_path / "note", bad)
    for keys in tasks:
        worker.take([PackedJob(key, b"", cells(key), LIMIT) for key in keys])
    for _ in range(50):
        if not worker.held:
            break
        worker._process.step(worker)
        answers += worker.finished()
    assert not worker.held
    assert sorted(key for key, _ in answers) == sorted(key for keys in tasks for key in keys)  # each comes once
    return made.given, {key: answer.kind for key, answer in answers if answer.kind}, bad


TASKS = [(0, 1, 2), (3,), (4,)]
AHEAD = [(1, (0, 1, 2)), (1, (3,))]
"""The first process is given two tasks at once."""


@pytest.mark.parametrize(("moods", "given", "kinds"), [
    ({}, [*AHEAD, (1, (4,))], {}),
    ({1: [RAISED]}, [*AHEAD, (2, (1,)), (3, (3,)), (3, (4,))], {}),  # alone it came well, in a process of its own
    ({1: [RAISED] * 2}, [*AHEAD, (2, (1,)), (3, (3,)), (3, (4,))], {1: RAISED}),
    ({0: [RAISED] * 2, 2: [RAISED]}, [*AHEAD, (2, (0,)), (3, (2,)), (4, (3,)), (4, (4,))], {0: RAISED}),
    ({1: [UNLIKE]}, [*AHEAD, (1, (4,))], {1: UNLIKE}),  # the worker's own fault: nothing to try again
    ({1: [DIED] * 2}, [*AHEAD, (2, (1,)), (3, (0, 2)), (3, (3,)), (3, (4,))], {1: DIED}),
    ({1: [DIED]}, [*AHEAD, (2, (1,)), (3, (0, 2)), (3, (3,)), (3, (4,))], {}),
    ({3: [RAISED, DIED]}, [*AHEAD, (1, (4,)), (2, (3,)), (3, (4,))], {3: DIED}),
    ({1: [TIMED_OUT]}, [*AHEAD, (2, (0, 2)), (2, (3,)), (2, (4,))], {1: TIMED_OUT}),  # believed at once
    ({3: ["spoils"] * 2}, [*AHEAD, (1, (4,)), (2, (3,)), (3, (4,))], {3: RAISED}),
    ({0: ["in vain"] * 9}, [*AHEAD, *[(n, task) for n in range(2, 11) for _, task in AHEAD], (10, (4,))], {}),
], ids=str)  # fmt: skip
def test_what_failed_is_tried_alone_in_a_fresh_process(tmp_path, monkeypatch, moods, given, kinds):
    found, told, bad = done(tmp_path, monkeypatch, TASKS, moods)
    assert (found, told) == (given, kinds)
    assert bad == {str(key) for key in kinds}


def test_the_next_failure_of_a_bad_cell_is_believed_at_once(tmp_path, monkeypatch):
    moods = {0: [RAISED] * 2, 3: [RAISED], 4: [RAISED] * 2}
    given, kinds, bad = done(tmp_path, monkeypatch, TASKS, moods, cells=lambda key: "good" if key == 4 else "bad")
    assert given == [*AHEAD, (2, (0,)), (3, (3,)), (3, (4,)), (4, (4,))]
    assert kinds == dict.fromkeys((0, 3, 4), RAISED)
    assert bad == {"bad", "good"}


def test_processes_that_begin_with_nothing_ten_times_end_the_launch(tmp_path, monkeypatch):
    with pytest.raises(WorkersLost, match="died 10 times before it began with anything"):
        done(tmp_path, monkeypatch, TASKS, {0: ["in vain"] * 10})


def test_only_processes_that_begin_with_nothing_one_after_the_other_are_counted(tmp_path, monkeypatch):
    """Nine, then one that answers, then nine again: the launch goes on."""
    moods = {0: ["in vain"] * 9, 3: [""], 4: ["in vain"] * 9}
    given, kinds, _ = done(tmp_path, monkeypatch, TASKS, moods)
    assert (given[-1], kinds) == ((19, (4,)), {})


@pytest.mark.parametrize(
    ("limit", "begun", "seconds", "ended"),
    [
        (60.0, False, 119.9, False),
        (60.0, False, 120.1, True),
        (500.0, False, 499.9, False),  # a job may take longer than processes do to begin
        (500.0, False, 500.1, True),
        (60.0, True, 59.9, False),
        (60.0, True, 60.1, True),
        (500.0, True, 121.0, False),
    ],
)
def test_a_process_is_ended_that_does_not_begin_or_whose_job_is_past_its_limit(
    tmp_path, monkeypatch, limit, begun, seconds, ended
):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(isolated, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(isolated, "WorkerProcess", Processes({}))
    worker = IsolatedWorker(None, (), tmp_path / "note", set())
    worker.take([PackedJob(0, b"", "cell", 9.0 if begun else limit), PackedJob(1, b"", "cell", limit)])
    if begun:
        (tmp_path / "note-1").write_text(f"{os.getpid()} 1 {clock.now}")
    clock.now += seconds
    killed, worker._process.kill = [], lambda: killed.append(1)
    worker.end_overdue()
    assert bool(killed) is ended
    worker.end_overdue()
    assert len(killed) == (ended if begun else 2 * ended)  # past its limit once is enough
