"""What a dask worker does with a task: it runs the task in an isolated process, as the driver's own machine does."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from experiments.running.executors.isolated import IsolatedWorker
from experiments.running.executors.messages import TaskMessage, TaskReply, different_versions
from experiments.running.executors.process import SECONDS_IDLE
from experiments.running.executors.processes import SECONDS_BETWEEN_LOOKS
from experiments.running.executors.worker_setup import WorkerSetup
from experiments.running.tasks import HOST, UNLIKE, JobAnswer, failed


@dataclass
class _Launch:
    """The isolated processes that this dask worker has for a launch; fresh ones, so that they import parts anew."""

    bad: set[str] = field(default_factory=set)
    idle: list[IsolatedWorker] = field(default_factory=list)
    at_work: int = 0
    used: float = 0.0


_launches: dict[str, _Launch] = {}
_lock, _numbers = threading.Lock(), count()


def work(message: TaskMessage) -> bytes:
    """Run the jobs of a task; a pickled `TaskReply`, or nothing if the task was taken back meanwhile.

    Raises: WorkersLost if no process can be started here.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    name = f"{worker.address} ({HOST})"
    if different := different_versions(message.versions):
        return pickle.dumps(TaskReply({job.key: failed(UNLIKE, different) for job in message.jobs}, name))
    answers: dict[int, JobAnswer] = {}
    with _isolated(worker, message) as isolated:
        isolated.take(message.jobs)
        while isolated.held:
            wait(isolated.futures, timeout=SECONDS_BETWEEN_LOOKS, return_when=FIRST_COMPLETED)
            if not _is_wanted(worker, key):
                isolated.stop()
                return b""
            isolated.end_overdue()
            answers |= isolated.finished()
    return pickle.dumps(TaskReply(answers, name))


@contextmanager
def _isolated(worker: Any, message: TaskMessage) -> Iterator[IsolatedWorker]:
    """Lend an isolated process of this dask worker to a task; kept for the next one if it has done all of this one."""
    with _lock:
        _end_idle(message.launch)
        launch = _launches.setdefault(message.launch, _Launch())
        launch.at_work += 1
        isolated = launch.idle.pop() if launch.idle else _started(worker, message, launch.bad)
    try:
        yield isolated
        if not isolated.held:
            launch.idle.append(isolated)
    except BaseException:
        isolated.stop()
        raise
    finally:
        with _lock:
            launch.at_work, launch.used = launch.at_work - 1, time.monotonic()


def _started(worker: Any, message: TaskMessage, bad: set[str]) -> IsolatedWorker:
    """Start a process with one thread's share of the memory of the dask worker.

    A nanny starts its worker as a daemon, and multiprocessing lets a daemon have no children, as they might outlive it;
    those set up by `WorkerSetup` do not.
    """
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]  # no public name sets it
    memory = worker.memory_manager.memory_limit
    setup = WorkerSetup(os.getpid(), memory and memory // worker.state.nthreads)
    notes = Path(worker.local_directory, f"llm-evo-{os.getpid()}-{next(_numbers)}")
    return IsolatedWorker(setup, message.path, notes, bad)


def _end_idle(current: str) -> None:
    """End the idle processes that earlier launches have left."""
    for name, launch in list(_launches.items()):
        if name != current and not launch.at_work and time.monotonic() - launch.used > SECONDS_IDLE:
            for isolated in _launches.pop(name).idle:
                isolated.stop()


def _is_wanted(worker: Any, key: Any) -> bool:
    """Whether the worker is still to run a task: the scheduler tells it when driver or scheduler itself are gone."""
    task = worker.state.tasks.get(key)
    at_work = worker.status.name in ("running", "paused", "closing_gracefully")
    return at_work and task is not None and task.state == "executing"
