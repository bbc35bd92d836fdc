"""What gives a method at run time what nobody can see before: files, clocks, entropy, the process, the network."""

from __future__ import annotations

ATTRIBUTES = frozenset({"read_text", "read_bytes", "urlopen", "open", "iterdir"})
"""Attributes that read from outside, whatever they stand at."""
_NAMES = {
    "builtins": "open eval exec globals __import__ input hash id",
    "io": "open",
    "sys": "modules _getframe argv stdin flags",
    "inspect": "currentframe stack",
    "importlib": "import_module",
    "os": "environ environb getenv getenvb urandom getpid getppid open read popen stat listdir scandir walk getcwd "
    "cpu_count getloadavg getlogin getuid uname times sched_getaffinity get_terminal_size",
    "os.path": "exists isfile isdir getsize getmtime",
    "posix": "urandom getpid getppid open read stat listdir scandir getcwd "
    "cpu_count getloadavg getlogin getuid uname times sched_getaffinity get_terminal_size",
    "genericpath": "exists isfile isdir getsize getmtime",
    "time": "time time_ns perf_counter perf_counter_ns monotonic monotonic_ns process_time process_time_ns "
    "thread_time thread_time_ns localtime gmtime strftime ctime",
    "datetime": "datetime.now datetime.utcnow datetime.today date.today",
    "datetime.datetime": "now utcnow today",
    "datetime.date": "today",
    "uuid": "uuid1 uuid4",
    "random": "Random SystemRandom",
    "threading": "get_ident get_native_id current_thread",
    "multiprocessing": "current_process cpu_count",
    "multiprocessing.process": "current_process",
    "ctypes": "CDLL",
    "numpy": "load loadtxt genfromtxt fromfile memmap",
    "numpy.random": "default_rng RandomState SeedSequence PCG64 PCG64DXSM MT19937 Philox SFC64",
}
_READERS = frozenset(f"{module}.{name}" for module, names in _NAMES.items() for name in names.split())
_MODULES = ("secrets.", "socket.", "subprocess.", "sqlite3.", "shelve.", "requests.", "httpx.", "tempfile.", "glob.",
            "gc.", "pandas.read_", "polars.read_", "platform.", "getpass.", "locale.", "fileinput.", "linecache.",
            "mmap.", "configparser.", "resource.", "psutil.", "scipy.io.")  # fmt: skip
"""How the names begin of what reads from outside with all that it has."""


def reads_outside(name: str) -> bool:
    """Whether a function, class or module of a library, by its full name, gives what no code says.

    >>> [reads_outside(name) for name in ("time.time", "time.sleep", "secrets.choice", "numpy.random._pcg64.PCG64")]
    [True, False, True, True]
    """
    for package in ("numpy.random", "numpy", "pandas"):  # whichever of its modules it comes from
        if name.startswith(f"{package}."):
            name = f"{package}.{name.rpartition('.')[2]}"
            break
    return name.startswith(_MODULES) or any(
        name == each or name.startswith(f"{each}.") for each in _READERS if each[0] == name[0]
    )
