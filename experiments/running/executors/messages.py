"""What a driver sends to worker processes and machines, and what comes back: jobs as bytes, and their answers."""

from __future__ import annotations

import os
import pickle
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

from evo.errors import EvoError, InputError
from evo.foreign import foreign
from evo.identity import identity_of
from evo.text import type_name
from experiments.running.tasks import RAISED, Job, JobAnswer, JobOutcome, failed, one_line, outcome_of


class UnlikeDriver(EvoError):
    """This machine would not run a job as the driver would."""


@dataclass(frozen=True)
class PackedJob:
    """A job as bytes, so that third-party parts are imported only in the process that runs the job.

    Attributes:
        key: number that names the job in its answer.
        content: the job, pickled, classes of a script or notebook by value.
        cell: id of its cell.
        limit: seconds after which it is ended.
        parts: by the name of a third-party part, the digest of its identity at the driver.
        elsewhere: whether it leaves this machine, where a part that cannot be found is a failure of the job, and no
            difference between machines.
    """

    key: int
    content: bytes = field(repr=False)
    cell: str
    limit: float
    parts: Mapping[str, str] = field(default_factory=dict)
    elsewhere: bool = False


@dataclass(frozen=True)
class TaskMessage:
    """A task on its way to another machine.

    Attributes:
        jobs: its jobs.
        path: folders where the driver finds third-party parts.
        versions: of what the results depend on, at the driver.
        launch: name of the launch.
    """

    jobs: tuple[PackedJob, ...]
    path: tuple[str, ...]
    versions: Mapping[str, str]
    launch: str


@dataclass(frozen=True)
class TaskReply:
    """What comes back of a task.

    Attributes:
        answers: of its jobs, by their keys.
        worker: address and host of the worker.
    """

    answers: Mapping[int, JobAnswer]
    worker: str


class RemoteCall:
    """A call that is made where it is unpickled, so that only workers need our packages, and not the scheduler.

    >>> pickle.loads(pickle.dumps(RemoteCall(abs, -3)))
    3
    """

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def _dumps(leaves: bool) -> Callable[[Job], bytes]:
    """The function that pickles classes of a script by value; loky's own cloudpickle may be missing elsewhere."""
    module = import_module("cloudpickle" if leaves else "joblib.externals.loky.backend.reduction")
    dumps: Callable[[Job], bytes] = module.dumps
    return dumps


class JobsAway:
    """The jobs that an executor has packed and sent away.

    Attributes:
        unsent: failures of jobs that cannot be pickled.

    Args:
        elsewhere: whether they leave this machine.
    """

    def __init__(self, elsewhere: bool) -> None:
        self._elsewhere, self._dumps = elsewhere, _dumps(elsewhere)
        self._digests: dict[type, str] = {}
        self._jobs: dict[int, Job] = {}
        self._count = 0
        self.unsent: list[JobOutcome] = []

    def pack(self, task: Iterable[Job]) -> tuple[PackedJob, ...]:
        """The jobs of a task that can be pickled."""
        packed = []
        for job in task:
            try:
                content = bytes(self._dumps(job))
            except Exception as error:
                why = f"it cannot be sent to a worker process: {one_line(error)}"
                self.unsent.append(outcome_of(job, failed(RAISED, why)))
                continue
            self._count += 1
            self._jobs[self._count] = job
            packed.append(PackedJob(self._count, content, job.cell.id, job.limit, self._parts(job), self._elsewhere))
        return tuple(packed)

    def _parts(self, job: Job) -> dict[str, str]:
        """The digests of the third-party parts of a job; their bytes stay with a worker for a launch."""
        for kind in foreign(job.cell):
            if kind not in self._digests:
                self._digests[kind] = identity_of(kind).digest
        return {type_name(kind): self._digests[kind] for kind in foreign(job.cell)}

    def back(self, key: int, answer: JobAnswer) -> JobOutcome:
        """The outcome of a job that has come back."""
        return outcome_of(self._jobs.pop(key), answer)


def unpacked(packed_job: PackedJob) -> Job:
    """The job, if this process would run it as the driver would.

    Raises: UnlikeDriver if a module is not found elsewhere, or a part is another; InputError if it is another on this
    machine; whatever a part raises while it is read.
    """
    try:
        job: Job = pickle.loads(packed_job.content)
    except (ImportError, AttributeError) as error:
        if not packed_job.elsewhere:
            raise
        raise UnlikeDriver(
            f"cannot read a task ({one_line(error)}): the modules of your parts must be in the same folders there, or "
            "installed"
        ) from error
    for kind in foreign(job.cell):
        its = packed_job.parts[type_name(kind)]
        if (kind, its) in _agreed or identity_of(kind).digest == its:
            _agreed.add((kind, its))
        elif packed_job.elsewhere:
            raise UnlikeDriver(f"has another {type_name(kind)}: copy the driver's modules")
        else:
            raise InputError(
                f"a worker process reads another {type_name(kind)} from its modules than the launch has: what was "
                "changed after their import is not there; change the file instead, or run with workers=1"
            )
    return job


_agreed: set[tuple[type, str]] = set()  # of this process: classes that were found to be what the driver has


def different_versions(theirs: Mapping[str, str]) -> str:
    """In words, which versions differ from the driver's; empty if none."""
    mine = versions()
    different = [f"{name} {mine.get(name)}, not {its}" for name, its in theirs.items() if mine.get(name) != its]
    if not different:
        return ""
    return f"has {'; '.join(different)} as the driver: install the same, results must not differ"


@cache
def versions() -> dict[str, str]:
    """Versions of what the results depend on, here."""
    found = {name: version(name) for name in ("llm-evo-testbed", "numpy", "scipy")}
    return {**found, "python": ".".join(platform.python_version_tuple()[:2])}


def own_path() -> tuple[str, ...]:
    """The folders where this process finds modules, without the folders of Python and of installed packages."""
    folders = (folder or os.getcwd() for folder in sys.path)
    return tuple(folder for folder in folders if not folder.startswith((sys.prefix, sys.base_prefix)))
