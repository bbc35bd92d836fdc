"""The machine of a benchmark: its name and versions, and one core of it."""

import os
import platform
from pathlib import Path

import numpy as np


def named():
    """CPU, system, Python and numpy, in words."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cpu = names[0] if names else platform.processor() or platform.machine()
    return f"{cpu}, {platform.system()}, Python {platform.python_version()}, numpy {np.__version__}"


def on_one_core():
    """Keep this process and its children on one core, where the system lets us; numpy here starts no threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
