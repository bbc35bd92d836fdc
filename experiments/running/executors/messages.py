"""What a driver and the workers of other machines send each other: tasks with what they need, and replies."""

from __future__ import annotations

import os
import pickle
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

from evo.errors import InputError
from evo.foreign import foreign
from evo.text import type_name
from experiments.grids.extensions import look_up_in
from experiments.running.executors.executor import in_short
from experiments.running.tasks import Answer, Job
from experiments.store.origins import source_hash


@dataclass(frozen=True)
class Parcel:
    """A task on its way to a worker.

    Attributes:
        jobs: the jobs, pickled, classes of a script or notebook by value.
        path: folders where the driver finds parts of others.
        versions: of what the results depend on, at the driver.
        sources: by the name of a part of others, the hash of its source at the driver.
        topic: where the worker tells of jobs that it can end only by ending itself; one for each launch.
        apart: whether to run the jobs in a process of their own, since workers died at them.
    """

    jobs: bytes = field(repr=False)
    path: tuple[str, ...]
    versions: Mapping[str, str]
    sources: Mapping[str, str]
    topic: str
    apart: bool


@dataclass(frozen=True)
class Reply:
    """What comes back of a task.

    Attributes:
        answers: one for each job, or in words what ended it ("timed out", "died").
        host: where the worker is.
        unfit: why this worker cannot run the task as the driver would; nothing was run then.
    """

    answers: tuple[Answer | str, ...]
    host: str
    unfit: str = ""


class Errand:
    """A call that is made where it is unpickled, so that only workers need our packages, and not the scheduler.

    >>> pickle.loads(pickle.dumps(Errand(abs, -3)))
    3
    """

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def packed(jobs: Sequence[Job]) -> bytes:
    """Jobs as bytes.

    Raises: InputError if they cannot be pickled.
    """
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(tuple(jobs)))
    except Exception as error:
        raise InputError(f"{jobs[0].cell.text}: cannot be sent to another machine: {error}") from error


def unpacked(parcel: Parcel) -> tuple[Job, ...]:
    """The jobs of a parcel, if this process would run them as the driver would.

    Raises: InputError if versions or sources differ, or a module is not found; RuntimeError if a part of a job raises
    while it is read.
    """
    mine = versions()
    different = [
        f"{name} {mine.get(name)}, not {its}" for name, its in parcel.versions.items() if mine.get(name) != its
    ]
    if different:
        raise InputError(f"has {'; '.join(different)} as the driver: install the same, results must not differ")
    look_up_in(parcel.path)  # before the jobs are unpickled, which imports their modules
    try:
        jobs: tuple[Job, ...] = pickle.loads(parcel.jobs)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"cannot read a task ({type(error).__name__}: {error}): the modules of your parts must be in the same "
            "folders there, or installed"
        ) from error
    except BaseException as error:  # of one of the jobs, which fails alone once it is sent alone
        raise RuntimeError(in_short(error)) from None
    for kind, its in sources(jobs).items():
        if parcel.sources.get(kind, its) != its:
            raise InputError(f"has imported another source of {kind}: copy the driver's and restart the worker")
    return jobs


@cache
def versions() -> dict[str, str]:
    """Versions of what the results depend on, here."""
    found = {name: version(name) for name in ("llm-evo-testbed", "numpy", "scipy")}
    return {**found, "python": ".".join(platform.python_version_tuple()[:2])}


def sources(jobs: Sequence[Job]) -> dict[str, str]:
    """By the name of each part of others in some jobs, the hash of its source when it was first seen here."""
    kinds = {kind for cell in {job.cell.id: job.cell for job in jobs}.values() for kind in foreign(cell)}
    hashes = {type_name(kind): _source(kind) for kind in kinds if kind.__module__ != "__main__"}
    return {name: sha256 for name, sha256 in hashes.items() if sha256 is not None}


@cache
def _source(kind: type) -> str | None:
    return source_hash(kind)


def own_path() -> tuple[str, ...]:
    """The folders where this process finds modules, but for those of Python and of installed packages."""
    folders = (folder or os.getcwd() for folder in sys.path)
    return tuple(folder for folder in folders if not folder.startswith((sys.prefix, sys.base_prefix)))
