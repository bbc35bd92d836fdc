"""Workers of many machines, by a scheduler of dask.distributed: they may come, go and die meanwhile.

The scheduler gives the task of a worker that died to another one. After four deaths it gives a task up: then its jobs
run in a process of their own on some worker, which tells the job that kills from those that were only near it.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from evo.errors import InputError
from experiments.running.executors.executor import WorkersLost, in_short
from experiments.running.executors.messages import Errand, Parcel, Reply, own_path, packed, sources, versions
from experiments.running.executors.on_worker import work
from experiments.running.tasks import DIED, RAISED, TIMED_OUT, Answer, Failure, Job, Outcome, outcome_of

if TYPE_CHECKING:
    from distributed import Client, Future

TASKS_A_THREAD = 2
"""In flight: one at work, and one that waits for it, so that no worker waits for the driver."""
SECONDS_TO_CONNECT, SECONDS_TO_CLOSE = 10.0, 5.0
SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_POLLS = 1.0, 0.005
SECONDS_UNTIL_ASKED_AGAIN = 30.0
"""A task that is done, but whose result has not come for so long, is asked for again."""
ON = "the same command goes on from what is finished, which is stored"


@dataclass
class _Sent:
    """A task that is on its way.

    Attributes:
        jobs: what it consists of.
        future: of the reply.
        apart: whether it runs in a process of its own.
        done: since when its reply is known to be there, but has not come.
    """

    jobs: tuple[Job, ...]
    future: Future[Any] = field(repr=False)
    apart: bool
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
        _expect_distributed()
        self._address, self._patience = address, patience
        self._name = f"llm-evo-{uuid.uuid4().hex}"  # of this launch: of its tasks and of its topic
        self._number, self._threads = 0, 0
        self._sent: dict[Any, _Sent] = {}  # by key: name of the launch, and a number
        self._hanging: deque[tuple[float, Any]] = deque()
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
        return len(self._sent)

    def submit(self, task: Sequence[Job]) -> None:
        """Take a task.

        Raises: InputError if it cannot be sent; WorkersLost.
        """
        self._send(tuple(task))

    def _send(self, jobs: tuple[Job, ...], apart: bool = False) -> None:
        self._expect_scheduler()
        parcel = Parcel(packed(jobs), self._path, self._versions, sources(jobs), self._name, apart)
        self._number += 1
        key = (self._name, self._number)
        future = self._client.submit(pickle.loads, pickle.dumps(Errand(work, parcel)), key=key, pure=False)
        self._sent[key] = _Sent(jobs, future, apart)
        self._completed.add(future)

    def finished(self, patience: float) -> list[Outcome]:
        """Outcomes since the last call; waits for some, but not longer than `patience` seconds.

        Raises: WorkersLost; InputError if a worker cannot run the tasks as this process would.
        """
        deadline = time.monotonic() + patience
        while True:
            outcomes = [outcome for hanging in self._drained() for outcome in self._after_hanging(*hanging)]
            for future, result in self._completed.next_batch(block=False):
                outcomes += self._received(future, result)
            now = time.monotonic()
            if now - self._looked > SECONDS_BETWEEN_LOOKS:
                self._look()
            if outcomes or not self._sent or now > deadline:
                return outcomes
            time.sleep(SECONDS_BETWEEN_POLLS)

    def _received(self, future: Future[Any], result: Any) -> list[Outcome]:
        """What has come of a task: bytes of a reply, a tuple with an error, or the error that it was cancelled."""
        sent = self._sent.pop(future.key, None)
        future.release()
        if sent is None:
            return []  # taken back before
        if isinstance(result, BaseException):
            raise self._lost(f"it has dropped a task ({getattr(result, 'reason', result)})")
        if isinstance(result, tuple):
            return self._after_error(sent, result[1])
        if not result:
            self._send(sent.jobs, sent.apart)
            return []
        reply: Reply = pickle.loads(result)
        if reply.unfit:
            raise InputError(f"the worker {reply.unfit}; {ON}")
        return [
            _outcome(job, answer, reply.host, sent.apart) for job, answer in zip(sent.jobs, reply.answers, strict=True)
        ]

    def _after_error(self, sent: _Sent, error: BaseException) -> list[Outcome]:
        from distributed import KilledWorker

        if isinstance(error, ModuleNotFoundError):
            raise InputError(f"a worker cannot run tasks ({error}): install llm-evo-testbed there; {ON}")
        if not isinstance(error, KilledWorker):  # the reply could not be sent, or distributed itself is at fault
            if len(sent.jobs) == 1:
                return [Failure(sent.jobs[0], RAISED, in_short(error))]
            for job in sent.jobs:  # one of them is at fault, not all
                self._send((job,), sent.apart)
            return []
        if not sent.apart:
            self._send(sent.jobs, apart=True)
        elif len(sent.jobs) > 1:
            for job in sent.jobs:
                self._send((job,), apart=True)
        else:
            return [Failure(sent.jobs[0], DIED, "all workers that watched over it died, though it ran apart from them")]
        return []

    def _drained(self) -> Iterator[tuple[tuple[str, int], int, str]]:
        """What workers told of jobs that hang, before they ended themselves."""
        while self._hanging:
            _, (name, number, at, host) = self._hanging.popleft()
            yield (name, number), at, host

    def _after_hanging(self, key: tuple[str, int], at: int, host: str) -> list[Outcome]:
        """Take a task back, before another worker hangs in it, and send its other jobs again."""
        sent = self._sent.pop(key, None)
        if sent is None:
            return []
        sent.future.release()
        others = sent.jobs[:at] + sent.jobs[at + 1 :]
        if others:
            self._send(others)
        return [_outcome(sent.jobs[at], TIMED_OUT, host)]

    def _look(self) -> None:
        """How many workers there are, and whether results have gone astray."""
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
            stack.enter_context(_quiet_loggers())
            self._client: Client = stack.enter_context(_connection(self._address))
            self._completed = as_completed(loop=self._client.loop, with_results=True, raise_errors=False)
            self._client.subscribe_topic(self._name, self._hanging.append)
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


def _outcome(job: Job, answer: Answer | str, host: str, apart: bool = False) -> Outcome:
    if isinstance(answer, Answer):
        return outcome_of(job, answer)
    if answer == TIMED_OUT:
        return Failure(job, TIMED_OUT, f"ended after its limit of {job.limit:g} s", host)
    return Failure(job, DIED, "its workers died, and a process that ran it apart, too", host)


def _expect_distributed() -> None:
    try:
        import distributed  # noqa: F401  # whether it is there
    except ImportError as error:
        raise InputError(f"scheduler: needs dask.distributed ({error}); pip install 'llm-evo-testbed[dask]'") from error


@contextmanager
def _connection(address: str) -> Iterator[Client]:
    """A client of a scheduler, with a thread of its own.

    Raises: InputError if nobody answers.
    """
    from distributed import Client

    with _loop() as loop:
        try:
            client = Client(address, timeout=SECONDS_TO_CONNECT, loop=loop, set_as_default=False, name="llm-evo")
        except (OSError, TimeoutError, ValueError, AssertionError) as error:
            raise InputError(
                f"scheduler: nobody answers at {address} ({error}); start one (dask scheduler) and give its address"
            ) from error
        try:
            yield client
        finally:
            with suppress(TimeoutError, OSError):
                client.close(timeout=SECONDS_TO_CLOSE)


@contextmanager
def _loop() -> Iterator[Any]:
    """An event loop in a thread of its own; the one that a client makes for itself outlives it if it cannot connect."""
    from tornado.ioloop import IOLoop

    running: Queue[tuple[Any, asyncio.Event]] = Queue()

    async def main() -> None:
        leave = asyncio.Event()
        running.put((IOLoop.current(), leave))
        await leave.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True, name="llm-evo client")
    thread.start()
    loop, leave = running.get()
    try:
        yield loop
    finally:
        loop.add_callback(leave.set)
        thread.join(SECONDS_TO_CLOSE)


_LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")


@contextmanager
def _quiet_loggers() -> Iterator[None]:
    """What distributed would say of connections that end is told by our own errors."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
