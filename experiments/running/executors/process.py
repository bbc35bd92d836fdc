"""A worker process at the other end of two pipes; however it ends, its driver hears of it and waits for nobody.

Only the worker holds the ends at which it reads and writes. So when it is gone, in the middle of an answer or not, the
driver's reader finds the end of the pipe; and where a process that the worker has left behind still holds that end, the
driver sees for itself that the worker is gone.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from queue import SimpleQueue
from typing import Any

from experiments.running.executors.threads import begin_thread
from experiments.running.executors.worker_setup import WorkerSetup, set_up
from experiments.running.interrupts import interrupts_held
from experiments.running.tasks import one_line

SECONDS_IDLE = 300.0
"""A process that has had nothing to do for so long ends; the next task starts another one."""
SECONDS_GONE = 3.0
"""After which nothing more is expected of a process that is gone, though somebody holds its pipe."""
SECONDS_TO_END = 10.0
"""That a process is given to be gone when it has been killed."""
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}

AS_GLIBC_ADAPTS = {"MALLOC_MMAP_THRESHOLD_": f"{32 * 2**20}", "MALLOC_TRIM_THRESHOLD_": f"{64 * 2**20}"}
"""Where glibc's malloc ends by itself in a process of large arrays. A dask worker sets one of them, and no other adapts
then: each array was asked of the system anew, which took longer than to fill it."""


class WorkerGone(Exception):
    """The process has ended before it answered."""


class CallFailed(Exception):
    """The process could not answer, in words: a part has spoilt its clocks or its files."""


class WorkerProcess:
    """A process of this machine that answers calls one after the other; it ends with the driver at the latest.

    Args:
        setup: what the process must know.

    Raises: OSError if the system can start no process, or no thread for it.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        from joblib.externals.loky.backend.context import get_context

        context = get_context("loky")
        tasks, self._tasks = context.Pipe(duplex=False)
        self._answers, answers = context.Pipe(duplex=False)
        env = {name: os.environ.get(name, value) for name, value in ONE_THREAD.items()}
        if "MALLOC_TRIM_THRESHOLD_" in os.environ:
            env |= AS_GLIBC_ADAPTS
        self._process = context.Process(target=_serve, args=(setup, tasks, answers), env=env)
        try:
            with interrupts_held():
                self._process.start()
        finally:
            tasks.close()
            answers.close()
        self._at_exit = Finalize(None, _kill, args=(self._process,), exitpriority=20)  # else it would be waited for
        self._open: deque[Future[Any]] = deque()
        self._lock = threading.Lock()
        self._gone = False
        self._dead_since: float | None = None
        self._to_send: SimpleQueue[bytes | None] = SimpleQueue()
        try:
            for work in (self._send, self._read):  # apart: a large task and a large answer may wait for each other
                begin_thread(work, "llm-evo worker")
        except OSError:
            self.stop()
            raise

    @property
    def pid(self) -> int | None:
        """Of the process."""
        pid: int | None = self._process.pid
        return pid

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """The answer of a call, which is made after those before; its error is WorkerGone or CallFailed.

        Raises: WorkerGone if the process has ended; what pickling the arguments raises.
        """
        content, future = pickle.dumps((function, arguments)), Future[Any]()
        with self._lock:
            if self._gone:
                raise WorkerGone
            self._open.append(future)
            self._to_send.put(content)
        return future

    def look(self) -> None:
        """See whether the process is gone, though its pipe is open; to be called now and then."""
        if self._process.is_alive():
            return
        now = time.monotonic()
        self._dead_since = self._dead_since or now
        if now - self._dead_since > SECONDS_GONE:
            self._is_gone()

    def kill(self) -> None:
        """End the process."""
        _kill(self._process)

    def stop(self) -> None:
        """End the process, and those that it has started; returns soon even if the system cannot end it."""
        try:
            begin_thread(self._end_tree, "llm-evo end").join(SECONDS_TO_END)
        except OSError:
            self._end_tree()
        self._at_exit.cancel()
        self._is_gone()

    def _end_tree(self) -> None:
        from joblib.externals.loky.backend.utils import kill_process_tree

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # where the system cannot name a process's children
            try:
                kill_process_tree(self._process)
            except OSError:  # nor start the program that names them
                self.kill()

    def _send(self) -> None:
        with suppress(OSError):
            while (content := self._to_send.get()) is not None:
                self._tasks.send_bytes(content)
        self._tasks.close()

    def _read(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                content = self._answers.recv_bytes()
                with self._lock:
                    future = self._open.popleft() if self._open else None
                if future is not None:
                    _settle(future, content)
        self._answers.close()
        self._is_gone()

    def _is_gone(self) -> None:
        with self._lock:
            self._gone = True
            left, self._open = self._open, deque()
            self._to_send.put(None)
        for future in left:
            with suppress(InvalidStateError):
                future.set_exception(WorkerGone())


def _kill(process: Any) -> None:
    """End a process of this driver. Only the driver collects it, so that its number names no other process."""
    if process.is_alive():
        with suppress(OSError):
            os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _settle(future: Future[Any], content: bytes) -> None:
    """Take what has come back of a call."""
    try:
        answer, error = pickle.loads(content)
        broken = None if error is None else CallFailed(error)
    except Exception as unread:
        answer, broken = None, CallFailed(one_line(unread))
    with suppress(InvalidStateError):
        if broken is None:
            future.set_result(answer)
        else:
            future.set_exception(broken)


def _serve(setup: WorkerSetup, tasks: Connection, answers: Connection) -> None:
    """Answer calls, one after the other, until no more are sent."""
    try:
        set_up(setup)
        faulthandler.enable()
    except BaseException:  # for want of memory: the driver tells of a process that did not begin
        os._exit(1)
    try:
        while tasks.poll(SECONDS_IDLE):
            function, arguments = pickle.loads(tasks.recv_bytes())
            answers.send_bytes(_answer(function, arguments))
    except (EOFError, OSError):  # the driver is gone
        os._exit(1)


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    try:
        return pickle.dumps((function(*arguments), None))
    except BaseException as error:  # a part has spoilt the process
        return pickle.dumps((None, one_line(error)))
