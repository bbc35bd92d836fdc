"""Threads, where the system may refuse to start one: that is an error of the system, and no fault of the testbed."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable


def begin_thread(work: Callable[[], object], name: str) -> threading.Thread:
    """A thread at work, which ends with this process at the latest.

    Raises: OSError if the system can start none, for want of memory or because of a limit.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, str(error)) from None
    return thread
