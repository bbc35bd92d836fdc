"""What a worker of another machine does with a task."""

from __future__ import annotations

import os
import pickle
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from evo.errors import InputError
from experiments.running.executors.apart import run_apart
from experiments.running.executors.messages import Parcel, Reply, unpacked
from experiments.running.executors.watchdog import Watchdog
from experiments.running.tasks import TIMED_OUT, Answer

SECONDS_FOR_THE_DRIVER = 5.0
"""What the driver has to take a task back, before the worker that hangs in it ends itself."""


def work(parcel: Parcel) -> bytes:
    """Run the jobs of a task; a pickled `Reply`, or nothing if the task was taken back meanwhile."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        return _is_wanted(worker, key)

    def last_resort(number: int) -> None:
        _end_worker(worker, parcel.topic, key, number, wanted)

    host = socket.gethostname()
    try:
        jobs = unpacked(parcel)
    except InputError as error:
        return pickle.dumps(Reply((), host, f"{worker.address} ({host}) {error}"))
    answers: list[Answer | str] = []
    if parcel.apart:
        found = run_apart(parcel, jobs, wanted)
        if found is None:
            return b""
        answers = found
    else:
        with Watchdog(wanted, last_resort) as watchdog:
            for number, job in enumerate(jobs):
                answers.append(watchdog.run(number, job) or TIMED_OUT)
                if not wanted():
                    return b""
    return pickle.dumps(Reply(tuple(answers), host))


def _is_wanted(worker: Any, key: Any) -> bool:
    """Whether the worker is still to run a task: the scheduler tells it when driver or scheduler itself are gone."""
    task = worker.state.tasks.get(key)
    at_work = worker.status.name in ("running", "paused", "closing_gracefully")
    return at_work and task is not None and task.state == "executing"


def _end_worker(worker: Any, topic: str, key: Any, number: int, wanted: Callable[[], bool]) -> None:
    """End this process, after the driver was told which job hangs; else another worker would be given the task."""
    from distributed.utils import sync

    told = [*key, number, socket.gethostname()]
    with suppress(Exception):  # nobody to tell
        sync(worker.loop, worker.scheduler.log_event, callback_timeout=SECONDS_FOR_THE_DRIVER, topic=topic, msg=told)
    deadline = time.monotonic() + SECONDS_FOR_THE_DRIVER
    while wanted() and time.monotonic() < deadline:
        time.sleep(0.05)
    os._exit(1)
