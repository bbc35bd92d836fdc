"""SIGTERM and SIGHUP end the command as Ctrl-C does: workers are ended, and what is finished is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGTERM", "SIGHUP")


class EndedBySignal(KeyboardInterrupt):
    """Somebody has sent a signal that asks to end; its name is the text."""


@contextmanager
def signals_heard() -> Iterator[None]:
    """Within the block the first of these signals raises EndedBySignal; later ones do not disturb what is tidied up.

    A signal that is ignored stays so (as `nohup` wants of SIGHUP); outside the main thread nothing is changed.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.getsignal(number)

    def end(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise EndedBySignal(signal.Signals(number).name)

    try:
        for number in before:
            signal.signal(number, end)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
