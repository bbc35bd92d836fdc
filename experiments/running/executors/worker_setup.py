"""How a worker process is set up: Ctrl-C is left to its parent, its memory is limited, it ends with its parent."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SHARE = 0.9
"""Of the machine's memory that all workers together may take."""
SECONDS_BETWEEN_LOOKS = 2.0
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker process must know.

    Attributes:
        parent: pid of the process that started it.
        memory: bytes of data that it may have; None: as the system allows.
    """

    parent: int
    memory: int | None


def set_up(setup: WorkerSetup) -> None:
    """Prepare this process to be a worker: Ctrl-C is left to the parent, memory is limited, it ends with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if setup.memory is not None:
        limit_memory(setup.memory)
    _end_with_parent()
    threading.Thread(target=_end_without, args=(setup.parent,), daemon=True).start()


def _end_with_parent() -> None:
    """Let the system end this process with the thread that started it, even in code that never lets go (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_memory(most: int) -> None:
    """Let larger allocations fail with MemoryError, where the system can (Linux); at most `most` bytes of data."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def memory_share(workers: int) -> int | None:
    """Bytes of this machine's memory for each of some workers, all together 90 % of it; None if it is not known."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            memory = min(memory, int(limit.read_text()))
        except (OSError, ValueError):  # another system, or "max"
            continue
    return int(SHARE * memory / workers)


def _end_without(parent: int) -> None:
    """End this process when its parent is gone: nobody would read what it does."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)
