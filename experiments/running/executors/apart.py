"""Jobs at which workers died, in a process of their own on a worker's machine: it takes nobody with it.

The process notes which job it begins and when, and writes each answer to a file. One that dies, or is ended since its
job is past the limit, is followed by another one for the jobs after that.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.running.executors.messages import Parcel, unpacked
from experiments.running.tasks import DIED, TIMED_OUT, Answer, Job, run_jobs

PARCEL, AT = "parcel", "at"
SECONDS_BETWEEN_LOOKS = 0.1


def run_apart(parcel: Parcel, jobs: tuple[Job, ...], wanted: Callable[[], bool]) -> list[Answer | str] | None:
    """Run jobs in processes of their own; None if nobody waits for them any more.

    Args:
        parcel: they came in.
        jobs: the jobs.
        wanted: whether anybody still waits.
    """
    found: list[Answer | str] = []
    with TemporaryDirectory(prefix="llm-evo-") as name:
        folder = Path(name)
        (folder / PARCEL).write_bytes(pickle.dumps(parcel))
        while len(found) < len(jobs):
            ended = _one_process(folder, jobs, len(found), wanted)
            if ended is None:
                return None
            while (answer := folder / str(len(found))).exists():
                found.append(pickle.loads(answer.read_bytes()))
            if len(found) < len(jobs):
                found.append(ended)
    return found


def _one_process(folder: Path, jobs: tuple[Job, ...], first: int, wanted: Callable[[], bool]) -> str | None:
    """Run jobs from the first one on until the process ends; what it was at is known by how."""
    (folder / AT).unlink(missing_ok=True)
    command = [sys.executable, "-m", __name__, str(folder), str(first)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet)
    begun = time.monotonic()
    try:
        while process.poll() is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            at, since = _at(folder) or (first, begun)
            if not wanted():
                return None
            if time.monotonic() - since > jobs[at].limit + (_START if since == begun else 0.0):
                return TIMED_OUT
    finally:
        process.kill()
        process.wait()
    return DIED


_START = 60.0
"""Seconds that a process may take to start, besides."""


def _at(folder: Path) -> tuple[int, float] | None:
    try:
        number, since = (folder / AT).read_text().split()
    except (OSError, ValueError):
        return None
    return int(number), float(since)


def _main(folder: Path, first: int) -> None:
    """The process of its own."""
    jobs = unpacked(pickle.loads((folder / PARCEL).read_bytes()))
    for number in range(first, len(jobs)):
        _put(folder / AT, f"{number} {time.monotonic()}".encode())
        (answer,) = run_jobs((jobs[number],))
        _put(folder / str(number), pickle.dumps(answer))


def _put(file: Path, content: bytes) -> None:
    """Write a file so that others see all of it or nothing."""
    new = file.with_suffix(".new")
    new.write_bytes(content)
    new.replace(file)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
