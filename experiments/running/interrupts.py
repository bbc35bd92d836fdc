"""Ctrl-C: once asks a launch to finish what is at work, twice stops it; worker processes never get any."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether the user has asked to stop.

    Attributes:
        asked: whether Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def first_is_a_wish(tell: Callable[[], None]) -> Iterator[Interrupt]:
    """Within the block the first Ctrl-C is only noted, and `tell` called; the second raises KeyboardInterrupt.

    Where Ctrl-C is handled by somebody else (another thread, a handler of the caller's own) it is left alone.
    """
    interrupt = Interrupt()
    if not _is_ours():
        yield interrupt
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        if interrupt.asked:
            raise KeyboardInterrupt
        interrupt.asked = True
        tell()

    signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


def _is_ours() -> bool:
    return (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the block is left; processes started in it never get any: it is the driver's.

    Otherwise workers that are still importing, or not told yet what to do, would fill the terminal with tracebacks.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    ensure_running()  # a helper process of the pool, whose start would let Ctrl-C through again
    with interrupts_wait():  # for other threads get it, too
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what new processes inherit
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Ctrl-C waits until the block, which must be a short one, is left: what is finished is written whatever comes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if held:
        signal.raise_signal(signal.SIGINT)
