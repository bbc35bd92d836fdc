"""The connection to a scheduler of dask.distributed, which leaves no thread and no message behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Queue
from typing import TYPE_CHECKING, Any

from evo.errors import InputError
from experiments.running.executors.threads import begin_thread

if TYPE_CHECKING:
    from distributed import Client

SECONDS_TO_CONNECT, SECONDS_TO_CLOSE = 10.0, 5.0


def expect_distributed() -> None:
    """Raises: InputError if distributed is not installed."""
    try:
        import distributed  # noqa: F401  # whether it is there
    except ImportError as error:
        raise InputError(f"scheduler: needs dask.distributed ({error}); pip install 'llm-evo-testbed[dask]'") from error


@contextmanager
def connection(address: str) -> Iterator[Client]:
    """A client of a scheduler, with a thread of its own.

    Raises: InputError if nobody answers.
    """
    from distributed import Client

    with _loop() as loop:
        try:
            _expect_answer(address, loop)
            client = Client(address, timeout=SECONDS_TO_CONNECT, loop=loop, set_as_default=False, name="llm-evo")
        except Exception as error:  # who answers there may be a server of another kind, and send anything
            why = str(error) or "no answer comes"
            raise InputError(
                f"scheduler: nobody answers at {address} ({why}); start one (dask scheduler) and give its address"
            ) from error
        try:
            yield client
        finally:
            with suppress(TimeoutError, OSError):
                client.close(timeout=SECONDS_TO_CLOSE)


def _expect_answer(address: str, loop: Any) -> None:
    """A client waits for ever for who takes its connection, but answers nothing: a scheduler that is stopped.

    Raises: TimeoutError; whatever distributed does.
    """
    from distributed.comm.core import connect
    from distributed.security import Security

    async def ask() -> None:
        arguments = Security().get_connection_args("client")
        async with asyncio.timeout(SECONDS_TO_CONNECT):
            asked = await connect(address, timeout=SECONDS_TO_CONNECT, **arguments)
            try:
                await asked.write({"op": "identity", "reply": True})
                await asked.read()
            finally:
                asked.abort()

    asyncio.run_coroutine_threadsafe(ask(), loop.asyncio_loop).result(SECONDS_TO_CONNECT + SECONDS_TO_CLOSE)


@contextmanager
def _loop() -> Iterator[Any]:
    """An event loop in a thread of its own; the one that a client makes for itself outlives it if it cannot connect."""
    from tornado.ioloop import IOLoop

    running: Queue[tuple[Any, asyncio.Event]] = Queue()

    async def main() -> None:
        leave = asyncio.Event()
        running.put((IOLoop.current(), leave))
        await leave.wait()

    thread = begin_thread(lambda: asyncio.run(main()), "llm-evo client")
    loop, leave = running.get()
    try:
        yield loop
    finally:
        loop.add_callback(leave.set)
        thread.join(SECONDS_TO_CLOSE)


_LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")


@contextmanager
def quiet_loggers() -> Iterator[None]:
    """What distributed would say of connections that end is told by our own errors."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
