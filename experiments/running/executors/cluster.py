"""Workers of many machines, by a scheduler of dask.distributed: they may come, go and die meanwhile.

A dask worker runs its tasks in isolated processes, as this machine does (`experiments.running.executors.on_worker`): so
no job ends a dask worker. The scheduler gives the task of a worker that died to another one; after four deaths it gives
a task up, and then each of its jobs is sent once more, alone.
"""

from __future__ import annotations

import pickle
import re
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from evo.errors import InputError
from experiments.running.executors.connection import connection, expect_distributed, quiet_loggers
from experiments.running.executors.executor import WorkersLost
from experiments.running.executors.messages import (
    JobsAway,
    PackedJob,
    RemoteCall,
    TaskMessage,
    TaskReply,
    own_path,
    versions,
)
from experiments.running.executors.on_worker import work
from experiments.running.tasks import DIED, RAISED, UNLIKE, Job, JobOutcome, failed, one_line

if TYPE_CHECKING:
    from distributed import Client, Future

TASKS_A_THREAD = 2
"""In flight: one at work, and one that waits for it, so that no worker waits for the driver."""
SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_POLLS = 1.0, 0.005
SECONDS_UNTIL_ASKED_AGAIN = 30.0
"""A task that is done, but whose result has not come for so long, is asked for again."""
ON = "the same command goes on from what is finished, which is stored"


@dataclass
class _Sent:
    """A task that is on its way.

    Attributes:
        jobs: what it consists of, packed.
        future: of the reply.
        alone: whether it is one job, sent again since workers died around it.
        done: since when its reply is known to be there, but has not come.
    """

    jobs: tuple[PackedJob, ...]
    future: Future[Any] = field(repr=False)
    alone: bool
    done: float | None = None


class Cluster:
    """Runs tasks on the workers of a dask scheduler; an executor.

    Args:
        address: of the scheduler, tcp://HOST:PORT.
        patience: seconds without any worker after which the launch ends.

    Raises: InputError if the address is none, or distributed is not installed.
    """

    def __init__(self, address: str, patience: float = 60.0) -> None:
        if not re.fullmatch(r"(tcp|tls)://[^\s/]+:\d{1,5}", address):
            raise InputError(f"scheduler: expected an address such as tcp://HOST:8786, got {address!r}")
        expect_distributed()
        self._address, self._patience = address, patience
        self._name = f"llm-evo-{uuid.uuid4().hex}"  # of this launch
        self._tasks, self._threads = 0, 0
        self._sent: dict[Any, _Sent] = {}  # by key: name of the launch, and a number
        self._away = JobsAway(elsewhere=True)
        self._path, self._versions = own_path(), versions()
        self._looked = self._manned = time.monotonic()
        self._leaving = ExitStack()

    @property
    def workers(self) -> int:
        """Threads of all workers."""
        return self._threads

    @property
    def free(self) -> int:
        """Tasks that would not wait long; one without any worker, as some may still come."""
        return max(1, TASKS_A_THREAD * self._threads) - self.busy

    @property
    def busy(self) -> int:
        """Tasks that are not finished."""
        return len(self._sent) + bool(self._away.unsent)

    def submit(self, task: Sequence[Job]) -> None:
        """Take a task.

        Raises: WorkersLost.
        """
        if jobs := self._away.pack(task):
            self._send(jobs)

    def _send(self, jobs: tuple[PackedJob, ...], alone: bool = False) -> None:
        self._expect_scheduler()
        message = TaskMessage(jobs, self._path, self._versions, self._name)
        self._tasks += 1
        key = (self._name, self._tasks)
        future = self._client.submit(pickle.loads, pickle.dumps(RemoteCall(work, message)), key=key, pure=False)
        self._sent[key] = _Sent(jobs, future, alone)
        self._completed.add(future)

    def finished(self, patience: float) -> list[JobOutcome]:
        """Outcomes since the last call; waits for some, but not longer than `patience` seconds.

        Raises: WorkersLost; InputError if a worker cannot run the tasks as this process would.
        """
        deadline = time.monotonic() + patience
        while True:
            outcomes, self._away.unsent = self._away.unsent, []
            for future, result in self._completed.next_batch(block=False):
                outcomes += self._received(future, result)
            now = time.monotonic()
            if now - self._looked > SECONDS_BETWEEN_LOOKS:
                self._look()
            if outcomes or not self._sent or now > deadline:
                return outcomes
            time.sleep(SECONDS_BETWEEN_POLLS)

    def _received(self, future: Future[Any], result: Any) -> list[JobOutcome]:
        """What has come of a task: bytes of a reply, a tuple with an error, or the error that it was cancelled."""
        sent = self._sent.pop(future.key, None)
        future.release()
        if sent is None:
            return []  # asked for twice
        if isinstance(result, BaseException):
            raise self._lost(f"it has dropped a task ({getattr(result, 'reason', result)})")
        if isinstance(result, tuple):
            return self._after_error(sent, result[1])
        if not result:  # the worker was told to leave
            self._send(sent.jobs, sent.alone)
            return []
        reply: TaskReply = pickle.loads(result)
        for answer in reply.answers.values():
            if answer.kind == UNLIKE:
                raise InputError(f"the worker {reply.worker} {answer.error}; {ON}")
        return [self._away.back(key, answer) for key, answer in reply.answers.items()]

    def _after_error(self, sent: _Sent, error: BaseException) -> list[JobOutcome]:
        from distributed import KilledWorker

        if isinstance(error, ModuleNotFoundError):
            raise InputError(f"a worker cannot run tasks ({error}): install llm-evo-testbed there; {ON}")
        if isinstance(error, WorkersLost):
            raise error
        if not sent.alone:
            for job in sent.jobs:
                self._send((job,), alone=True)
            return []
        died = isinstance(error, KilledWorker)  # else the reply could not be sent, or distributed itself is at fault
        why = "all workers that were given it died, again and again" if died else one_line(error)
        return [self._away.back(sent.jobs[0].key, failed(DIED if died else RAISED, why))]

    def _look(self) -> None:
        """Ask the scheduler how many workers there are, and whether results were lost on their way."""
        self._expect_scheduler()
        try:
            threads = self._client.nthreads(callback_timeout=self._patience)
        except (OSError, TimeoutError) as error:
            raise self._lost(f"it does not answer ({error})") from error
        self._threads = sum(threads.values())
        now = self._looked = time.monotonic()
        if self._threads:
            self._manned = now
        elif now - self._manned > self._patience:
            raise WorkersLost(
                f"the scheduler {self._address} has had no worker for {self._patience:g} s: start some "
                f"(dask worker {self._address}); {ON}"
            )
        for sent in self._sent.values():
            if not sent.future.done():
                sent.done = None
            elif sent.done is None:
                sent.done = now
            elif now - sent.done > SECONDS_UNTIL_ASKED_AGAIN:  # `as_completed` loses those that err while it gathers
                sent.done = None
                self._completed.add(sent.future)

    def _expect_scheduler(self) -> None:
        if self._client.status != "running":
            raise self._lost("the connection is closed")

    def _lost(self, why: str) -> WorkersLost:
        return WorkersLost(f"the scheduler {self._address} is lost: {why}; start it again, with workers: {ON}")

    def __enter__(self) -> Self:
        from distributed import as_completed

        with ExitStack() as stack:
            stack.enter_context(quiet_loggers())
            self._client: Client = stack.enter_context(connection(self._address))
            self._completed = as_completed(loop=self._client.loop, with_results=True, raise_errors=False)
            self._manned = time.monotonic()
            self._leaving = stack.pop_all()
        try:
            self._look()
        except BaseException:
            self._leaving.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sent.clear()  # a scheduler forgets the tasks of a client that leaves, and tells the workers
        self._completed.clear()
        self._leaving.close()
